//! Threads: a letter that refers to a lead belongs to that lead, whatever address it came to. An answer to spam, to an
//! auto-reply or to a colleague's letter is an inquiry of its own.

use rusqlite::{Connection, OptionalExtension};

use super::{engine, standing};
use crate::{
    lead::{Confidence, Lead},
    store::{MessageDigest, NewLead, StoreError},
};

const DOING: &str = "looking for the thread of a letter";

/// The lead whose thread the letter continues.
pub fn root(conn: &Connection, new: &NewLead) -> Result<Option<Lead>, StoreError> {
    for digest in &new.refers_to {
        let found: Option<String> = conn
            .prepare_cached(
                "SELECT lead.id FROM message_id JOIN lead ON lead.id = message_id.lead_id
                 WHERE message_id.digest = $1 AND lead.kind = 0",
            )
            .and_then(|mut found| found.query_row([digest], |row| row.get(0)).optional())
            .map_err(engine(DOING))?;
        if let Some(id) = found {
            return Ok(standing::find(conn, &id)?.map(|standing| standing.lead));
        }
    }
    Ok(None)
}

/// Makes letters that refer to this one belong to `lead_id`; a Message-ID that a lead has stays with that lead.
pub fn remember(conn: &Connection, message_id: Option<MessageDigest>, lead_id: &str) -> Result<(), StoreError> {
    let Some(digest) = message_id else { return Ok(()) };
    conn.prepare_cached(
        "INSERT INTO message_id (digest, lead_id) VALUES ($1, $2)
         ON CONFLICT (digest) DO UPDATE SET lead_id = excluded.lead_id
         WHERE NOT EXISTS (SELECT 1 FROM lead WHERE lead.id = message_id.lead_id AND lead.kind = 0)",
    )
    .and_then(|mut statement| statement.execute((digest, lead_id)))
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
