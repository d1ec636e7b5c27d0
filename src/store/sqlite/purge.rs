//! Deletes what is older than `privacy.retention`, a little at a time.
//!
//! Each step is a job of the writer's, as a letter is; between two of them the writer is left alone for as long as the
//! last one took. What makes a message known is looked for on a connection of its own, and deleted when its lead is gone.

use rusqlite::Connection;

use super::{
    Store,
    database::Database,
    engine,
    forget::{forget, forget_events},
};
use crate::{
    clock::Millis,
    store::{Forgotten, StoreError},
};

/// Leads of one step: some milliseconds.
const STEP: u32 = 32;

/// Rows of one step where one row is all that goes.
const ROWS: u32 = 500;

/// Rows looked at in one go.
const SLICE: u32 = 5_000;

const DOING: &str = "deleting what is old";

/// The two parts of a key of `known`.
pub(super) type Key = (Vec<u8>, Vec<u8>);

impl Store {
    /// Deletes what was received or written down before `until`. To be dropped at any await: what is done is done.
    pub async fn purge(&self, until: Millis) -> Result<Forgotten, StoreError> {
        let mut gone = Forgotten::default();
        for step in [old_leads, old_notices, old_rest] {
            loop {
                let done = self.writer()?.in_turn(move |conn| step(conn, until)).await?;
                gone.add(done);
                if done == Forgotten::default() {
                    break;
                }
            }
        }
        if gone.leads > 0 {
            self.writer()?.in_turn(forget_samples).await?;
        }
        Ok(gone)
    }

    /// Forgets which messages are known that no lead is kept of any more, and what was to be known for a time only.
    pub async fn forget_known(&self, now: Millis) -> Result<usize, StoreError> {
        let mut after = (Vec::new(), Vec::new());
        let mut gone = 0;
        loop {
            let database = Database::leads(&self.folder);
            let from = after.clone();
            let look = move || useless(&database.open_reader()?, &from, now);
            let slice = tokio::task::spawn_blocking(look).await.unwrap_or(Err(StoreError::Closed))?;
            for keys in slice.keys.chunks(ROWS as usize) {
                let keys = keys.to_vec();
                gone += self.writer()?.in_turn(move |conn| drop_known(conn, &keys, now)).await?;
            }
            match slice.last {
                Some(last) => after = last,
                None => return Ok(gone),
            }
        }
    }
}

fn old_leads(conn: &Connection, until: Millis) -> Result<Forgotten, StoreError> {
    let old = "SELECT sequence FROM lead WHERE received_at < $1 ORDER BY received_at LIMIT $2";
    forget(conn, &numbers(conn, old, until)?)
}

/// Events about no lead.
fn old_notices(conn: &Connection, until: Millis) -> Result<Forgotten, StoreError> {
    let old = "SELECT sequence FROM event WHERE lead_id = '' AND id <> lead_id AND created_at < $1 LIMIT $2";
    forget_events(conn, &numbers(conn, old, until)?)
}

fn old_rest(conn: &Connection, until: Millis) -> Result<Forgotten, StoreError> {
    let execute = |sql| conn.execute(sql, (until.0, ROWS)).map(|rows| rows as u64).map_err(engine(DOING));
    Ok(Forgotten {
        harvesters: execute(
            "DELETE FROM harvester WHERE sender IN (SELECT sender FROM harvester WHERE since < $1 LIMIT $2)",
        )?,
        audit: execute("DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < $1 LIMIT $2)")?,
        ..Forgotten::default()
    })
}

fn numbers(conn: &Connection, sql: &str, until: Millis) -> Result<Vec<i64>, StoreError> {
    conn.prepare_cached(sql)
        .and_then(|mut found| found.query_map((until.0, STEP), |row| row.get(0))?.collect())
        .map_err(engine(DOING))
}

/// The planner's samples of an index are copies of its rows; without them it plans by averages.
pub(super) fn forget_samples(conn: &Connection) -> Result<(), StoreError> {
    let there = "SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_stat4'";
    let is_there = conn.query_row(there, [], |row| row.get::<_, bool>(0)).map_err(engine(DOING))?;
    if is_there {
        conn.execute("DELETE FROM sqlite_stat4", []).map_err(engine(DOING))?;
    }
    Ok(())
}

/// A part of `known`.
struct Slice {
    /// What makes known that nobody needs to know.
    keys: Vec<Key>,
    /// Behind what the next part begins; `None` at the end.
    last: Option<Key>,
}

fn useless(conn: &Connection, after: &Key, now: Millis) -> Result<Slice, StoreError> {
    let sql = "SELECT message, digest, CASE WHEN expires_at IS NOT NULL THEN expires_at <= $1
                   ELSE NOT EXISTS (SELECT 1 FROM lead WHERE lead.sequence = known.lead) END
               FROM known WHERE (message, digest) > ($2, $3) ORDER BY message, digest LIMIT $4";
    let looked_at: Vec<(Key, bool)> = conn
        .prepare_cached(sql)
        .and_then(|mut found| {
            let rows = found
                .query_map((now.0, &after.0, &after.1, SLICE), |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
            rows.collect()
        })
        .map_err(engine(DOING))?;
    let last = looked_at.last().map(|(key, _)| key.clone());
    Ok(Slice { keys: looked_at.into_iter().filter_map(|(key, useless)| useless.then_some(key)).collect(), last })
}

/// A message that was recorded meanwhile stays known.
fn drop_known(conn: &Connection, keys: &[Key], now: Millis) -> Result<usize, StoreError> {
    let mut gone = 0;
    for (message, digest) in keys {
        gone += conn
            .prepare_cached(
                "DELETE FROM known WHERE message = $1 AND digest = $2 AND CASE WHEN expires_at IS NOT NULL
                     THEN expires_at <= $3
                     ELSE NOT EXISTS (SELECT 1 FROM lead WHERE lead.sequence = known.lead) END",
            )
            .and_then(|mut statement| statement.execute((message, digest, now.0)))
            .map_err(engine(DOING))?;
    }
    Ok(gone)
}
