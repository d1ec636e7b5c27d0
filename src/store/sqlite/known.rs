//! Whether a message is a recorded lead already.
//!
//! The keys of a message's copies lie under its Message-ID, and so does the thread that it belongs to (`thread`).

use rusqlite::{Connection, OptionalExtension};

use super::{engine, standing, unreadable};
use crate::{
    clock::Millis,
    event::Event,
    lead::Lead,
    store::{DedupeKey, MessageDigest, NewLead, Recorded, StoreError},
};

const DOING: &str = "looking for a known message";

/// Stands where there is no Message-ID, and where an older version did not note it.
const NO_MESSAGE_ID: &[u8] = b"";

/// What is known of a message.
pub enum Known {
    /// Nothing.
    No,
    /// It is a lead that is there already.
    Lead {
        /// Its place among the events.
        sequence: i64,
        /// As it was recorded.
        recorded: Box<Recorded>,
    },
    /// It was recorded, and is not to be again: its lead was erased, or is older than what is kept.
    Erased,
}

/// The lead that one of the message's keys belongs to, or that has its id.
pub fn known_lead(conn: &Connection, new: &NewLead) -> Result<Known, StoreError> {
    let is_old = |retention| new.lead.received_at.until(Millis::now()) > retention;
    if new.privacy.retention.is_some_and(is_old) {
        return Ok(Known::Erased);
    }
    if new.is_recovered
        && let Some(sequence) = standing::sequence(conn, &new.lead.lead_id)?
    {
        return told(conn, sequence);
    }
    for key in &new.keys {
        if let Some(sequence) = find(conn, new, message(new), key)? {
            return told(conn, sequence);
        }
        // An older version did not note the Message-ID.
        if new.message_id.is_some()
            && let Some(sequence) = find(conn, new, NO_MESSAGE_ID, key)?
        {
            return told(conn, sequence);
        }
    }
    Ok(Known::No)
}

fn find(conn: &Connection, new: &NewLead, message: &[u8], key: &DedupeKey) -> Result<Option<i64>, StoreError> {
    conn.prepare_cached(
        "SELECT lead FROM known
         WHERE message = $1 AND digest = $2 AND (expires_at IS NULL OR expires_at > $3)",
    )
    .and_then(|mut found| found.query_row((message, digest(key), new.lead.received_at.0), |row| row.get(0)).optional())
    .map_err(engine(DOING))
}

/// Makes the message known as this lead; keys that belong to a lead already stay with it.
pub fn remember_keys(conn: &Connection, new: &NewLead, lead: i64) -> Result<(), StoreError> {
    for key in new.keys.iter().chain(&new.copies) {
        conn.prepare_cached(
            "INSERT INTO known (message, digest, lead, expires_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (message, digest) DO UPDATE SET lead = excluded.lead, expires_at = excluded.expires_at
             WHERE known.expires_at <= $5",
        )
        .and_then(|mut statement| {
            let expires_at = key.expires_at.map(|at| at.0);
            statement.execute((message(new), digest(key), lead, expires_at, new.lead.received_at.0))
        })
        .map_err(engine(DOING))?;
    }
    Ok(())
}

fn message(new: &NewLead) -> &[u8] {
    new.message_id.as_ref().map_or(NO_MESSAGE_ID, MessageDigest::as_slice)
}

/// Half of the key tells as many messages apart as anybody will ever send.
fn digest(key: &DedupeKey) -> &[u8] {
    key.digest.first_chunk::<16>().map_or(&[], <[u8; 16]>::as_slice)
}

fn told(conn: &Connection, sequence: i64) -> Result<Known, StoreError> {
    let found: Option<(String, String)> = conn
        .prepare_cached("SELECT id, body FROM event WHERE sequence = $1")
        .and_then(|mut found| found.query_row([sequence], |row| Ok((row.get(0)?, row.get(1)?))).optional())
        .map_err(engine(DOING))?;
    let Some((id, event)) = found else { return Ok(Known::Erased) };
    let told: Event<Lead> = serde_json::from_str(&event).map_err(unreadable(&id))?;
    Ok(Known::Lead { sequence, recorded: Box::new(Recorded { lead: told.data, duplicate: true, event }) })
}
