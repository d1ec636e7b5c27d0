//! Whether a sender is new: the newest counted inquiry of the same person decides.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row};

use super::engine;
use crate::{
    clock::Millis,
    lead::{Basis, Lead, Repeat},
    store::{Counting, StoreError},
    token::VisitId,
};

/// Whose inquiries are one series.
#[derive(Clone, Copy)]
pub struct Person<'a> {
    sender: Option<&'a str>,
    channel: Option<&'a str>,
    visitor: Option<VisitId>,
}

impl<'a> Person<'a> {
    /// The writer of a lead, under the key that all spellings of the address share.
    pub fn of(sender_key: Option<&'a str>, visitor: Option<VisitId>, lead: &'a Lead) -> Self {
        let channel = lead.channel.as_ref().map(|channel| channel.id.as_str());
        Self { sender: sender_key, channel, visitor }
    }
}

/// The place of an inquiry in its sender's series; within the window, it continues that series.
pub fn repeat(
    conn: &Connection,
    counting: &Counting,
    person: Person<'_>,
    received_at: Millis,
) -> Result<Repeat, StoreError> {
    let mut repeat = uncounted(counting);
    repeat.unique = true;
    let within = |last: &Series| counting.window.is_none_or(|window| last.received_at.until(received_at) <= window);
    if let Some(last) = last(conn, counting.basis, person)?.filter(within) {
        repeat.unique = false;
        repeat.count = last.count.saturating_add(1);
        repeat.first_received_at = Some(last.first_at.unwrap_or(last.received_at));
        repeat.first_lead_id = Some(last.first_id.unwrap_or(last.id));
    }
    Ok(repeat)
}

/// What stands in a letter that belongs to no series.
pub fn uncounted(counting: &Counting) -> Repeat {
    let days = |window: Duration| u32::try_from(window.as_secs().div_ceil(86_400)).unwrap_or(u32::MAX);
    Repeat {
        unique: false,
        count: 1,
        basis: counting.basis,
        window_days: counting.window.map(days),
        first_lead_id: None,
        first_received_at: None,
    }
}

/// The newest counted inquiry of a person.
pub struct Series {
    /// Its id.
    pub id: String,
    received_at: Millis,
    count: u32,
    first_id: Option<String>,
    first_at: Option<Millis>,
}

/// The newest counted inquiry of a person.
pub fn last(conn: &Connection, basis: Basis, person: Person<'_>) -> Result<Option<Series>, StoreError> {
    let columns = "SELECT id, received_at, series_count, series_first_id, series_first_at FROM lead";
    let newest = "AND in_series = 1 ORDER BY sequence DESC LIMIT 1";
    match (basis, person) {
        (Basis::Visitor, Person { visitor: Some(visitor), .. }) => conn
            .prepare_cached(&format!("{columns} WHERE visitor = $1 {newest}"))
            .and_then(|mut found| found.query_row([visitor.0], Series::read).optional()),
        (Basis::SenderChannel, Person { sender: Some(sender), channel: Some(channel), .. }) => conn
            .prepare_cached(&format!("{columns} WHERE sender_key = $1 AND channel = $2 {newest}"))
            .and_then(|mut found| found.query_row((sender, channel), Series::read).optional()),
        (_, Person { sender: Some(sender), .. }) => conn
            .prepare_cached(&format!("{columns} WHERE sender_key = $1 {newest}"))
            .and_then(|mut found| found.query_row([sender], Series::read).optional()),
        _ => return Ok(None),
    }
    .map_err(engine("looking for the sender's last inquiry"))
}

impl Series {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            received_at: Millis(row.get(1)?),
            count: row.get(2)?,
            first_id: row.get(3)?,
            first_at: row.get::<_, Option<i64>>(4)?.map(Millis),
        })
    }
}
