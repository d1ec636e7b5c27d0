//! A lead as it stands: its event tells it as it was received, its row what has changed since.
//!
//! Corrections by hand change the kind, and with it whether and how the lead counts; the first event stays as it was
//! sent.

use rusqlite::{Connection, OptionalExtension, Row};

use super::{engine, unreadable};
use crate::{
    clock::Millis,
    event::Event,
    lead::{Kind, Lead},
    store::StoreError,
    token::VisitId,
};

const DOING: &str = "looking for a lead";

/// Reads the columns of [`Stored`].
pub const SELECT: &str = "SELECT event.body, lead.withheld, lead.id, lead.kind, lead.kind_reason, lead.in_series,
    lead.series_count, lead.series_first_id, lead.series_first_at, lead.sender_key, lead.visitor, lead.sequence
    FROM lead JOIN event ON event.sequence = lead.sequence";

/// A lead's row and its first event.
pub struct Stored {
    body: String,
    withheld: Option<String>,
    id: String,
    kind: Kind,
    kind_reason: Option<String>,
    in_series: bool,
    series_count: u32,
    series_first_id: Option<String>,
    series_first_at: Option<Millis>,
    sender_key: Option<String>,
    visitor: Option<u64>,
    /// The place of the lead among the events.
    pub sequence: i64,
}

/// A lead as it stands, in the words of its event: what privacy keeps out is not in it.
pub struct Standing {
    /// The lead.
    pub lead: Lead,
    /// Whether it counts.
    pub in_series: bool,
    /// Under which sender it counts.
    pub sender_key: Option<String>,
    /// The visitor that its address names.
    pub visitor: Option<VisitId>,
    /// What privacy keeps out of its event.
    pub withheld: Option<String>,
}

/// Reads one row of [`SELECT`].
pub fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        body: row.get(0)?,
        withheld: row.get(1)?,
        id: row.get(2)?,
        kind: row.get(3)?,
        kind_reason: row.get(4)?,
        in_series: row.get(5)?,
        series_count: row.get(6)?,
        series_first_id: row.get(7)?,
        series_first_at: row.get::<_, Option<i64>>(8)?.map(Millis),
        sender_key: row.get(9)?,
        visitor: row.get(10)?,
        sequence: row.get(11)?,
    })
}

/// Puts row and event together.
pub fn standing(stored: Stored) -> Result<Standing, StoreError> {
    let event: Event<Lead> = serde_json::from_str(&stored.body).map_err(unreadable(&stored.id))?;
    let mut lead = event.data;
    if lead.kind != stored.kind {
        lead.kind = stored.kind;
        lead.test = stored.kind == Kind::Test;
    }
    lead.kind_reason = stored.kind_reason;
    lead.repeat.unique = stored.in_series && stored.series_first_id.is_none();
    lead.repeat.count = stored.series_count;
    lead.repeat.first_lead_id = stored.series_first_id;
    lead.repeat.first_received_at = stored.series_first_at;
    let Stored { in_series, sender_key, visitor, withheld, .. } = stored;
    Ok(Standing { lead, in_series, sender_key, visitor: visitor.map(VisitId), withheld })
}

/// The lead of that id.
pub fn find(conn: &Connection, id: &str) -> Result<Option<Standing>, StoreError> {
    let sequence = sequence(conn, id)?;
    sequence.map_or(Ok(None), |sequence| find_at(conn, sequence))
}

/// The lead of that sequence.
pub fn find_at(conn: &Connection, sequence: i64) -> Result<Option<Standing>, StoreError> {
    let found = conn
        .prepare_cached(&format!("{SELECT} WHERE lead.sequence = $1"))
        .and_then(|mut found| found.query_row([sequence], stored).optional())
        .map_err(engine(DOING))?;
    found.map(standing).transpose()
}

/// The sequence of the lead of that id.
pub fn sequence(conn: &Connection, id: &str) -> Result<Option<i64>, StoreError> {
    conn.prepare_cached("SELECT sequence FROM lead WHERE id = $1")
        .and_then(|mut found| found.query_row([id], |row| row.get(0)).optional())
        .map_err(engine(DOING))
}
