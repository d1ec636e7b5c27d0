//! Sends again what was given up, and for the first time what a sink was never given.
//!
//! Works in slices: what is to be sent is looked for on the reading connection, and written in short commits between which the
//! mail of a running daemon goes on. What has changed in between is left as it is.

use rusqlite::{Connection, ToSql};

use super::{Store, engine};
use crate::{
    clock::Millis,
    event::EventType,
    lead::Kind,
    store::{Replay, StoreError},
};

/// Rows of one commit.
const SLICE: usize = 2_000;

const DOING: &str = "replaying deliveries";

/// One slice of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Ids of deliveries, or sequences of events for those that are missing.
    ids: Vec<i64>,
    /// Whether a row has to be made.
    are_new: bool,
}

impl Slice {
    /// How many deliveries it is about.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Behind what the next slice begins.
    pub fn last(&self) -> i64 {
        self.ids.last().copied().unwrap_or(i64::MAX)
    }
}

impl Store {
    /// The next slice of a replay behind `after`; 0 for the first.
    pub fn replay_slice(&self, replay: &Replay, after: i64) -> Result<Slice, StoreError> {
        let limit = i64::try_from(SLICE).unwrap_or(i64::MAX);
        match replay {
            Replay::These(ids) => {
                let mut ids: Vec<i64> = ids.iter().copied().filter(|id| *id > after).collect();
                ids.sort_unstable();
                ids.dedup();
                ids.truncate(SLICE);
                Ok(Slice { ids, are_new: false })
            }
            Replay::OfSink { sink, state, since, until } => {
                let (since, until) = bounds(*since, *until);
                let ids = self.list(
                    "SELECT id FROM delivery WHERE id > $1 AND sink = $2 AND state = $3 AND created_at >= $4
                         AND created_at < $5 ORDER BY id LIMIT $6",
                    &[&after, sink, &state.code(), &since, &until, &limit],
                    |row| row.get(0),
                )?;
                Ok(Slice { ids, are_new: false })
            }
            Replay::Missing { sink, events, kinds, since, until } => {
                let (since, until) = bounds(*since, *until);
                let (types, codes) = (types(events), codes(kinds));
                let ids = self.list(
                    &format!(
                        "SELECT event.sequence FROM event LEFT JOIN lead ON lead.id = event.lead_id
                         WHERE event.sequence > $1 AND event.type IN ({types})
                             AND (lead.kind IN ({codes}) OR event.lead_id = '')
                             AND event.created_at >= $2 AND event.created_at < $3 AND NOT EXISTS (
                                 SELECT 1 FROM delivery WHERE delivery.event = event.sequence AND delivery.sink = $4)
                         ORDER BY event.sequence LIMIT $5"
                    ),
                    &[&after, &since, &until, sink, &limit],
                    |row| row.get(0),
                )?;
                Ok(Slice { ids, are_new: true })
            }
        }
    }

    /// Makes the deliveries of a slice due now; gives back how many that were.
    pub async fn replay(&self, sink: Option<&str>, slice: Slice) -> Result<usize, StoreError> {
        let sink = sink.map(str::to_owned);
        let now = Millis::now();
        let replayed = self.writer()?.write(move |conn| write(conn, sink.as_deref(), &slice, now)).await?;
        self.due().notify_waiters();
        Ok(replayed)
    }
}

fn write(conn: &Connection, sink: Option<&str>, slice: &Slice, now: Millis) -> Result<usize, StoreError> {
    let mut count = 0;
    for id in &slice.ids {
        count += if slice.are_new {
            execute(
                conn,
                "INSERT INTO delivery (event, sink, state, attempts, created_at, next_at)
                 SELECT $1, $2, 0, 0, $3, $3 WHERE NOT EXISTS (
                     SELECT 1 FROM delivery WHERE event = $1 AND sink = $2)",
                &[id, &sink, &now.0],
            )?
        } else {
            // What is under way has no row for its attempt yet, and is left to it.
            execute(
                conn,
                "UPDATE delivery SET state = 0, next_at = $1, spared = attempts, note = NULL
                 WHERE id = $2 AND (state <> 0 OR attempts = 0 OR EXISTS (
                     SELECT 1 FROM attempt WHERE attempt.delivery = delivery.id AND attempt.number = delivery.attempts))",
                &[&now.0, id],
            )?
        };
    }
    Ok(count)
}

fn execute(conn: &Connection, sql: &str, values: &[&dyn ToSql]) -> Result<usize, StoreError> {
    conn.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(engine(DOING))
}

fn bounds(since: Option<Millis>, until: Option<Millis>) -> (i64, i64) {
    (since.map_or(i64::MIN, |at| at.0), until.map_or(i64::MAX, |at| at.0))
}

/// Names of types are our own words, without a quote.
fn types(events: &[EventType]) -> String {
    events.iter().map(|event| format!("'{}'", event.as_str())).collect::<Vec<_>>().join(", ")
}

fn codes(kinds: &[Kind]) -> String {
    kinds.iter().map(|kind| kind.code().to_string()).collect::<Vec<_>>().join(", ")
}
