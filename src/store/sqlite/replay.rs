//! Sends again what was given up, and for the first time what a sink was never given.
//!
//! Works in slices: what is to be sent is looked for on the reading connection, and written in short commits between which the
//! mail of a running daemon goes on. What has changed in between is left as it is.

use rusqlite::{Connection, ToSql};

use super::{Store, engine, queue::AT_REST};
use crate::{
    clock::Millis,
    event::EventType,
    lead::Kind,
    store::{Replay, StoreError},
};

/// Rows of one commit: a daemon at work on the store waits for no longer than that.
const SLICE: usize = 500;

const DOING: &str = "replaying deliveries";

/// One slice of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Ids of deliveries, or sequences of events for those that are missing.
    ids: Vec<i64>,
    /// Whether rows have to be made.
    are_new: bool,
    /// Behind what the next slice begins.
    last: i64,
}

impl Slice {
    /// How many deliveries it is about.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether it is about none; there may be more behind it all the same.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Behind what the next slice begins; where this one began if nothing is left.
    pub fn last(&self) -> i64 {
        self.last
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
                let last = ids.last().copied().unwrap_or(after);
                let mut there = Vec::<i64>::with_capacity(ids.len());
                let sql = format!("SELECT id FROM delivery WHERE id = $1 AND (state <> 0 OR {AT_REST})");
                for id in ids {
                    there.extend(self.list(&sql, &[&id], |row| row.get::<_, i64>(0))?);
                }
                Ok(Slice { ids: there, are_new: false, last })
            }
            Replay::OfSink { sink, state, since, until } => {
                let (since, until) = bounds(*since, *until);
                let ids: Vec<i64> = self.list(
                    &format!(
                        "SELECT id FROM delivery WHERE id > $1 AND sink = $2 AND state = $3 AND created_at >= $4
                             AND created_at < $5 AND (state <> 0 OR {AT_REST}) ORDER BY id LIMIT $6"
                    ),
                    &[&after, sink, &state.code(), &since, &until, &limit],
                    |row| row.get(0),
                )?;
                let last = ids.last().copied().unwrap_or(after);
                Ok(Slice { ids, are_new: false, last })
            }
            Replay::Missing { sink, events, kinds, since, until } => {
                let (since, until) = bounds(*since, *until);
                let found: Vec<(i64, i64)> =
                    self.list(&missing(events, kinds), &[&after, &since, &until, sink, &limit], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })?;
                let last = found.last().map_or(after, |(lead, _)| *lead);
                Ok(Slice { ids: found.into_iter().map(|(_, event)| event).collect(), are_new: true, last })
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

/// Leads that a sink wants as they stand now and was never told of, each with the last event that told of it as one: a
/// correction by hand may have made a second.
fn missing(events: &[EventType], kinds: &[Kind]) -> String {
    format!(
        "SELECT lead.sequence, event.sequence FROM lead JOIN event ON event.sequence = coalesce(
             (SELECT max(later.sequence) FROM event AS later
              WHERE later.lead_id = lead.id AND later.id <> later.lead_id AND later.type NOT IN ('lead.marked', 'lead.outcome')),
             lead.sequence)
         WHERE lead.sequence > $1 AND lead.kind IN ({}) AND event.type IN ({})
             AND event.created_at >= $2 AND event.created_at < $3 AND NOT EXISTS (
                 SELECT 1 FROM delivery JOIN event AS told ON told.sequence = delivery.event
                 WHERE delivery.sink = $4 AND told.type NOT IN ('lead.marked', 'lead.outcome') AND delivery.event IN (
                     SELECT lead.sequence
                     UNION ALL SELECT sequence FROM event WHERE lead_id = lead.id AND id <> lead_id))
         ORDER BY lead.sequence LIMIT $5",
        codes(kinds),
        types(events),
    )
}

fn write(conn: &Connection, sink: Option<&str>, slice: &Slice, now: Millis) -> Result<usize, StoreError> {
    let again = format!(
        "UPDATE delivery SET state = 0, next_at = $1, spared = attempts WHERE id = $2 AND (state <> 0 OR {AT_REST})"
    );
    let mut count = 0;
    for id in &slice.ids {
        count += if slice.are_new {
            execute(
                conn,
                "INSERT INTO delivery (id, event, sink, state, attempts, created_at, next_at)
                 SELECT 1 + max(coalesce((SELECT max(id) FROM delivery), 0),
                                coalesce((SELECT value FROM counter WHERE name = 'delivery'), 0)), $1, $2, 0, 0, $3, $3
                 WHERE EXISTS (SELECT 1 FROM event WHERE sequence = $1)
                     AND NOT EXISTS (SELECT 1 FROM delivery WHERE event = $1 AND sink = $2)",
                &[id, &sink, &now.0],
            )?
        } else {
            execute(conn, &again, &[&now.0, id])?
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

/// Types that tell of a lead; names of types are our own words, without a quote.
fn types(events: &[EventType]) -> String {
    let of_lead = |event: &&EventType| matches!(event, EventType::LeadReceived | EventType::LeadReplied);
    events.iter().filter(of_lead).map(|event| format!("'{}'", event.as_str())).collect::<Vec<_>>().join(", ")
}

fn codes(kinds: &[Kind]) -> String {
    kinds.iter().map(|kind| kind.code().to_string()).collect::<Vec<_>>().join(", ")
}
