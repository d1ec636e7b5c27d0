//! Drops what is old: first a visit's ids and pages, later the visit, then touchpoints that no visit has any more. Counts of
//! visits are packed; those of touchpoints that are gone are nobody's.
//!
//! Numbers are nearly in the order of time, so old visits are one range; it is worked off in small steps, each its own
//! commit, and a step ends before the first visit that is not old.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::{super::engine, tally, write::day};
use crate::{clock::Millis, store::StoreError};

const DOING: &str = "dropping old visits";

/// Visits of one step: some milliseconds.
const STEP: u32 = 1000;

/// How long visits are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Afterwards ids and pages are dropped.
    pub compact: Duration,
    /// Afterwards the visit is deleted.
    pub purge: Duration,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Visits that lost ids and pages.
    pub compacted: usize,
    /// Visits that were deleted.
    pub purged: usize,
    /// Touchpoints that were deleted.
    pub touchpoints: usize,
    /// Counts that were packed.
    pub packed: usize,
}

impl Retained {
    /// Adds what one more step did.
    pub fn add(&mut self, step: Self) {
        self.compacted += step.compacted;
        self.purged += step.purged;
        self.touchpoints += step.touchpoints;
        self.packed += step.packed;
    }
}

/// One step; it does nothing once nothing old is left.
pub fn step(conn: &Connection, retention: Retention, now: Millis) -> Result<Retained, StoreError> {
    let [compact, purge] = [retention.compact, retention.purge].map(|time| now.minus(time));
    let purged = conn
        .prepare_cached(
            "DELETE FROM visit WHERE id IN (SELECT id FROM (SELECT id, at FROM visit ORDER BY id LIMIT $1) WHERE at < $2)",
        )
        .and_then(|mut statement| statement.execute((STEP, purge.0)))
        .map_err(engine(DOING))?;
    let compacted = compacted(conn, compact)?;
    let packed = tally::pack(conn, now)?;
    let touchpoints = match purged + packed {
        // Only visits have days that old, and they are gone; of counts few are not packed.
        0 => {
            // The last number is kept, so that none comes twice: packed counts name them.
            let old = "SELECT id FROM touchpoint WHERE last_day < $1 AND id < (SELECT max(id) FROM touchpoint)
                       ORDER BY id LIMIT $2";
            let delete = |what: &str| {
                conn.prepare_cached(&format!("DELETE FROM {what} IN ({old})"))
                    .and_then(|mut statement| statement.execute((day(purge), STEP)))
                    .map_err(engine(DOING))
            };
            delete("tally WHERE touchpoint")?;
            delete("touchpoint WHERE id")?
        }
        _ => 0,
    };
    Ok(Retained { compacted, purged, touchpoints, packed })
}

/// Drops the details of the next few, and remembers how far it came.
fn compacted(conn: &Connection, until: Millis) -> Result<usize, StoreError> {
    let from: Option<u64> = conn
        .prepare_cached("SELECT id FROM progress WHERE name = 'compacted'")
        .and_then(|mut found| found.query_row([], |row| row.get(0)).optional())
        .map_err(engine(DOING))?;
    let last: Option<u64> = conn
        .prepare_cached(
            "WITH next AS (SELECT id, at FROM visit WHERE id >= $1 ORDER BY id LIMIT $2)
             SELECT max(id) FROM next WHERE id < coalesce((SELECT min(id) FROM next WHERE at >= $3), id + 1)",
        )
        .and_then(|mut found| found.query_row((from.unwrap_or(0), STEP, until.0), |row| row.get(0)))
        .map_err(engine(DOING))?;
    let Some(last) = last else { return Ok(0) };
    let done = conn
        .execute(
            "UPDATE visit SET details = NULL WHERE id BETWEEN $1 AND $2 AND at < $3",
            (from.unwrap_or(0), last, until.0),
        )
        .map_err(engine(DOING))?;
    conn.execute(
        "INSERT INTO progress (name, id) VALUES ('compacted', $1) ON CONFLICT (name) DO UPDATE SET id = excluded.id",
        params![last + 1],
    )
    .map_err(engine(DOING))?;
    Ok(done)
}
