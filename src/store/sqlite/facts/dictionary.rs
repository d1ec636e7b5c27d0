//! Numbers of texts and touchpoints, made while facts are written.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use super::super::engine;
use crate::{
    store::{Point, StoreError, TextId},
    visit::Touchpoint,
};

const DOING: &str = "writing what reports count";

/// Texts and touchpoints kept at hand; then it begins anew.
const AT_HAND: usize = 200_000;

/// Looks numbers up, and makes those that are not there yet.
pub struct Dictionary<'a> {
    conn: &'a Connection,
    texts: HashMap<Box<str>, TextId>,
    points: HashMap<[TextId; 8], u32>,
}

impl<'a> Dictionary<'a> {
    /// Of this file.
    pub fn new(conn: &'a Connection) -> Self {
        Self { conn, texts: HashMap::new(), points: HashMap::new() }
    }

    /// The number of a text; 0 for an empty one.
    pub fn text(&mut self, text: &str) -> Result<TextId, StoreError> {
        if text.is_empty() {
            return Ok(0);
        }
        if let Some(id) = self.texts.get(text) {
            return Ok(*id);
        }
        let id = match find(self.conn, text)? {
            Some(id) => id,
            None => self
                .conn
                .prepare_cached("INSERT INTO text (value) VALUES ($1) RETURNING id")
                .and_then(|mut insert| insert.query_row([text], |row| row.get(0)))
                .map_err(engine(DOING))?,
        };
        if self.texts.len() >= AT_HAND {
            self.texts.clear();
        }
        self.texts.insert(text.into(), id);
        Ok(id)
    }

    /// The number of a touchpoint with these texts.
    pub fn point(&mut self, texts: [&str; 8]) -> Result<u32, StoreError> {
        let mut parts = [0; 8];
        for (part, text) in parts.iter_mut().zip(texts) {
            *part = self.text(text)?;
        }
        if let Some(id) = self.points.get(&parts) {
            return Ok(*id);
        }
        let [channel, source, ..] = texts;
        let is_direct = source == Touchpoint::DIRECT || (channel.is_empty() && source.is_empty());
        let [channel, source, medium, campaign, term, content, landing, referrer] = parts;
        let id = self
            .conn
            .prepare_cached(
                "INSERT INTO touchpoint (channel, source, medium, campaign, term, content, landing_page, referrer, is_direct)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                 ON CONFLICT (channel, source, medium, campaign, term, content, landing_page, referrer)
                 DO UPDATE SET is_direct = excluded.is_direct RETURNING id",
            )
            .and_then(|mut insert| {
                let values = (channel, source, medium, campaign, term, content, landing, referrer, is_direct);
                insert.query_row(values, |row| row.get(0))
            })
            .map_err(engine(DOING))?;
        if self.points.len() >= AT_HAND {
            self.points.clear();
        }
        self.points.insert(parts, id);
        Ok(id)
    }
}

/// The number of a text that is there.
pub fn find(conn: &Connection, text: &str) -> Result<Option<TextId>, StoreError> {
    conn.prepare_cached("SELECT id FROM text WHERE value = $1")
        .and_then(|mut found| found.query_row([text], |row| row.get(0)).optional())
        .map_err(engine(DOING))
}

/// Every touchpoint, at the place of its number.
pub fn points(conn: &Connection) -> Result<Vec<Point>, StoreError> {
    let read = || {
        let mut points = vec![Point { is_direct: true, ..Point::default() }];
        let mut select = conn.prepare(
            "SELECT id, channel, source, medium, campaign, term, content, landing_page, referrer, is_direct
             FROM touchpoint ORDER BY id",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let mut parts = [0; 8];
            for (place, part) in (1..).zip(&mut parts) {
                *part = row.get(place)?;
            }
            points.resize(row.get(0)?, Point::default());
            points.push(Point { parts, is_direct: row.get(9)? });
        }
        Ok(points)
    };
    read().map_err(engine("reading what reports count"))
}
