//! Keeps visits, what becomes known of them later, and clicks.

use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

use super::{super::engine, Claims, tally::count};
use crate::{
    clock::Millis,
    store::StoreError,
    token::{Claim, VisitId},
    visit::{Details, NewVisit, Touchpoint},
};

const DOING: &str = "recording a visit";

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// The day of a time, counted from 1970.
pub fn day(at: Millis) -> i64 {
    at.0.div_euclid(DAY)
}

/// Keeps a visit.
pub fn record(conn: &Connection, visit: &NewVisit) -> Result<(), StoreError> {
    let touchpoint = touchpoint(conn, &visit.touchpoint, day(visit.at))?;
    conn.prepare_cached(
        "INSERT INTO visit (id, key, at, touchpoint, visitor, ordered, details) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .and_then(|mut statement| {
        let visitor = visit.visitor.map(|visitor| visitor.0);
        let details = to_json(&visit.details);
        let Claim { id, key } = visit.claim;
        statement.execute(params![id.0, key.0, visit.at.0, touchpoint, visitor, visit.is_ordered, details])
    })
    .map_err(engine(DOING))?;
    if visit.is_ordered { Ok(()) } else { count(conn, visit.at, touchpoint, (1, 0)) }
}

/// The row of a touchpoint, made if it is new.
fn touchpoint(conn: &Connection, touchpoint: &Touchpoint, day: i64) -> Result<i64, StoreError> {
    let utm = &touchpoint.utm;
    conn.prepare_cached(
        "INSERT INTO touchpoint (digest, last_day, channel, source, medium, campaign, term, content, landing_page, referrer)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (digest) DO UPDATE SET last_day = max(last_day, excluded.last_day) RETURNING id",
    )
    .and_then(|mut statement| {
        statement.query_row(
            params![
                digest(touchpoint),
                day,
                touchpoint.channel,
                utm.source,
                utm.medium,
                utm.campaign,
                utm.term,
                utm.content,
                touchpoint.landing_page,
                touchpoint.referrer,
            ],
            |row| row.get(0),
        )
    })
    .map_err(engine(DOING))
}

fn digest(touchpoint: &Touchpoint) -> [u8; 16] {
    let Touchpoint { channel, utm, landing_page, referrer } = touchpoint;
    let mut hash = Sha256::new();
    let parts = [&utm.source, &utm.medium, &utm.campaign, &utm.term, &utm.content].map(Some);
    for part in [channel.as_ref(), landing_page.as_ref(), referrer.as_ref()].into_iter().chain(parts) {
        // A length that no text has stands for none.
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        hash.update(length.to_be_bytes());
        hash.update(part.map_or("", String::as_str));
    }
    let mut out = [0; 16];
    out.iter_mut().zip(hash.finalize()).for_each(|(out, octet)| *out = octet);
    out
}

/// Adds what became known of a visit later; what is old stays without.
pub fn add_details(conn: &Connection, id: VisitId, later: Details) -> Result<(), StoreError> {
    let held: Option<String> = conn
        .prepare_cached("SELECT details FROM visit WHERE id = $1")
        .and_then(|mut found| found.query_row([id.0], |row| row.get(0)).optional())
        .map_err(engine(DOING))?
        .flatten();
    let Some(mut details) = held.as_deref().and_then(|held| serde_json::from_str::<Details>(held).ok()) else {
        return Ok(());
    };
    let before = details.clone();
    details.merge(later);
    if details == before {
        return Ok(());
    }
    conn.prepare_cached("UPDATE visit SET details = $1 WHERE id = $2")
        .and_then(|mut statement| statement.execute(params![to_json(&details), id.0]))
        .map(drop)
        .map_err(engine(DOING))
}

/// Counts a click; the time of the first one is kept.
pub fn click(conn: &Connection, claims: Claims, at: Millis) -> Result<(), StoreError> {
    let doing = "counting a click";
    for claim in claims.into_iter().flatten() {
        let clicked: Option<(i64, i64, i64, bool)> = conn
            .prepare_cached(
                "UPDATE visit SET clicks = clicks + 1, clicked_at = coalesce(clicked_at, $1) WHERE id = $2 AND key = $3
                 RETURNING clicks, at, touchpoint, ordered",
            )
            .and_then(|mut statement| {
                let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
                statement.query_row((at.0, claim.id.0, claim.key.0), read).optional()
            })
            .map_err(engine(doing))?;
        if let Some((1, visit_at, touchpoint, false)) = clicked {
            count(conn, Millis(visit_at), touchpoint, (0, 1))?;
        }
    }
    Ok(())
}

/// Maps of text always have a JSON form.
fn to_json(details: &Details) -> String {
    serde_json::to_string(details).unwrap_or_else(|_| "{}".to_owned())
}
