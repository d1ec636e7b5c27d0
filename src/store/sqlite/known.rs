//! Whether a message is a recorded lead already.

use rusqlite::{Connection, OptionalExtension};

use super::{engine, unreadable};
use crate::{
    event::Event,
    lead::Lead,
    store::{NewLead, Recorded, StoreError},
};

const DOING: &str = "looking for a known message";

/// The lead that one of the message's keys belongs to, or that has its id.
pub fn known_lead(conn: &Connection, new: &NewLead) -> Result<Option<Recorded>, StoreError> {
    if new.is_recovered {
        let found: Option<(String, String)> = conn
            .prepare_cached(
                "SELECT lead.id, event.body FROM lead JOIN event ON event.sequence = lead.sequence WHERE lead.id = $1",
            )
            .and_then(|mut found| found.query_row([&new.lead.lead_id], |row| Ok((row.get(0)?, row.get(1)?))).optional())
            .map_err(engine(DOING))?;
        if let Some(found) = found {
            return told(found).map(Some);
        }
    }
    for key in &new.keys {
        let found: Option<(String, String)> = conn
            .prepare_cached(
                "SELECT dedupe.lead_id, event.body FROM dedupe
                 JOIN lead ON lead.id = dedupe.lead_id JOIN event ON event.sequence = lead.sequence
                 WHERE dedupe.digest = $1 AND (dedupe.expires_at IS NULL OR dedupe.expires_at > $2)",
            )
            .and_then(|mut found| {
                let now = new.lead.received_at.0;
                found.query_row((key.digest, now), |row| Ok((row.get(0)?, row.get(1)?))).optional()
            })
            .map_err(engine(DOING))?;
        if let Some(found) = found {
            return told(found).map(Some);
        }
    }
    Ok(None)
}

/// Makes the message known under `lead_id`; keys that belong to a lead already stay with it.
pub fn remember_keys(conn: &Connection, new: &NewLead, lead_id: &str) -> Result<(), StoreError> {
    for key in new.keys.iter().chain(&new.copies) {
        conn.prepare_cached(
            "INSERT INTO dedupe (digest, lead_id, expires_at) VALUES ($1, $2, $3)
             ON CONFLICT (digest) DO UPDATE SET lead_id = excluded.lead_id, expires_at = excluded.expires_at
             WHERE dedupe.expires_at <= $4",
        )
        .and_then(|mut statement| {
            let expires_at = key.expires_at.map(|at| at.0);
            statement.execute((key.digest, lead_id, expires_at, new.lead.received_at.0))
        })
        .map_err(engine(DOING))?;
    }
    Ok(())
}

fn told((lead_id, event): (String, String)) -> Result<Recorded, StoreError> {
    let told: Event<Lead> = serde_json::from_str(&event).map_err(unreadable(&lead_id))?;
    Ok(Recorded { lead: told.data, duplicate: true, event })
}
