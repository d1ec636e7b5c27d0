//! Deletes leads with all that hangs on them: events, deliveries, attempts, outcomes, ids of other systems.
//!
//! Numbers of what is deleted never come again: a receiver orders events by their sequence, and a call that is under way
//! writes its answer to the delivery of that id.

use rusqlite::Connection;

use super::engine;
use crate::store::{Forgotten, StoreError};

const DOING: &str = "deleting leads";

/// Events of a lead, by its sequence: the one that told of it, and those that corrected it.
pub const EVENTS: &str = "SELECT $1 UNION ALL SELECT sequence FROM event
    WHERE lead_id = (SELECT id FROM lead WHERE sequence = $1) AND id <> lead_id";

/// Deletes the leads of these sequences.
pub fn forget(conn: &Connection, leads: &[i64]) -> Result<Forgotten, StoreError> {
    let mut gone = Forgotten::default();
    let mut events = Vec::new();
    for lead in leads {
        let of_lead = conn
            .prepare_cached(EVENTS)
            .and_then(|mut found| found.query_map([lead], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>())
            .map_err(engine(DOING))?;
        events.extend(of_lead);
    }
    gone.add(forget_events(conn, &events)?);
    for lead in leads {
        gone.outcomes += execute(conn, "DELETE FROM outcome WHERE lead = $1", *lead)?;
        gone.external_ids += execute(conn, "DELETE FROM external_id WHERE lead = $1", *lead)?;
        gone.leads += execute(conn, "DELETE FROM lead WHERE sequence = $1", *lead)?;
    }
    Ok(gone)
}

/// Deletes events with their deliveries and attempts.
pub fn forget_events(conn: &Connection, events: &[i64]) -> Result<Forgotten, StoreError> {
    let mut gone = Forgotten::default();
    retire(conn, "event", events.iter().max())?;
    for event in events {
        let deliveries = conn
            .prepare_cached("SELECT id, state = 0 FROM delivery WHERE event = $1")
            .and_then(|mut found| {
                let of_event = found.query_map([event], |row| Ok((row.get(0)?, row.get(1)?)))?;
                of_event.collect::<rusqlite::Result<Vec<(i64, bool)>>>()
            })
            .map_err(engine(DOING))?;
        retire(conn, "delivery", deliveries.iter().map(|(id, _)| id).max())?;
        for (delivery, is_pending) in deliveries {
            gone.attempts += execute(conn, "DELETE FROM attempt WHERE delivery = $1", delivery)?;
            gone.deliveries += execute(conn, "DELETE FROM delivery WHERE id = $1", delivery)?;
            gone.pending += u64::from(is_pending);
        }
        gone.events += execute(conn, "DELETE FROM event WHERE sequence = $1", *event)?;
    }
    Ok(gone)
}

/// Remembers the greatest number that was given away and is deleted now.
fn retire(conn: &Connection, name: &str, greatest: Option<&i64>) -> Result<(), StoreError> {
    let Some(greatest) = greatest else { return Ok(()) };
    conn.prepare_cached(
        "INSERT INTO counter (name, value) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value < excluded.value",
    )
    .and_then(|mut statement| statement.execute((name, greatest)))
    .map(drop)
    .map_err(engine(DOING))
}

fn execute(conn: &Connection, sql: &str, of: i64) -> Result<u64, StoreError> {
    let rows = conn.prepare_cached(sql).and_then(|mut statement| statement.execute([of])).map_err(engine(DOING))?;
    Ok(rows as u64)
}
