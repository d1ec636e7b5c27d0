//! Threads: a letter that refers to a lead belongs to that lead, whatever address it came to. An answer to spam, to an
//! auto-reply or to a colleague's letter is an inquiry of its own.

use rusqlite::{Connection, OptionalExtension};

use super::{engine, standing};
use crate::{
    lead::{Confidence, Lead},
    store::{MessageDigest, NewLead, StoreError},
};

const DOING: &str = "looking for the thread of a letter";

/// The first letter of a thread.
pub struct Root {
    /// Its place among the events.
    pub sequence: i64,
    /// The letter.
    pub lead: Lead,
}

/// The lead whose thread the letter continues.
pub fn root(conn: &Connection, new: &NewLead) -> Result<Option<Root>, StoreError> {
    for message_id in &new.refers_to {
        let found: Option<i64> = conn
            .prepare_cached(
                "SELECT lead.sequence FROM known JOIN lead ON lead.sequence = known.lead
                 WHERE known.message = $1 AND known.digest = x'' AND lead.kind = 0",
            )
            .and_then(|mut found| found.query_row([message_id], |row| row.get(0)).optional())
            .map_err(engine(DOING))?;
        if let Some(sequence) = found {
            return Ok(standing::find_at(conn, sequence)?.map(|standing| Root { sequence, lead: standing.lead }));
        }
    }
    Ok(None)
}

/// Makes letters that refer to this one belong to the thread of `lead`; a Message-ID that a lead has stays with it.
pub fn remember(conn: &Connection, message_id: Option<MessageDigest>, lead: i64) -> Result<(), StoreError> {
    let Some(message_id) = message_id else { return Ok(()) };
    conn.prepare_cached(
        "INSERT INTO known (message, digest, lead) VALUES ($1, x'', $2)
         ON CONFLICT (message, digest) DO UPDATE SET lead = excluded.lead
         WHERE NOT EXISTS (SELECT 1 FROM lead WHERE lead.sequence = known.lead AND lead.kind = 0)",
    )
    .and_then(|mut statement| statement.execute((message_id, lead)))
    .map(drop)
    .map_err(engine(DOING))
}

/// Gives `lead` the attribution of an earlier one: frozen as it was then, only its confidence is another.
pub fn inherit(lead: &mut Lead, from: &Lead, confidence: Confidence) {
    lead.channel.clone_from(&from.channel);
    lead.attribution.clone_from(&from.attribution);
    lead.attribution.confidence = confidence;
    lead.tags.clone_from(&from.tags);
}
