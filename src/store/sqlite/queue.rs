//! The outbox's questions: what is due, what came of it, when is the next.
//!
//! Leasing writes the time of the next attempt before the call is made: if this process dies meanwhile, the delivery
//! comes up again by itself when the lease has passed, or at once when the next daemon has proof of that death.

use rusqlite::{Connection, OptionalExtension};

use super::engine;
use crate::{
    clock::Millis,
    event::EventType,
    store::{Attempt, DeliveryState, Leased, Next, StoreError},
};

/// Leases due deliveries, oldest first.
pub fn lease(
    conn: &Connection,
    sink: &str,
    limit: usize,
    now: Millis,
    until: Millis,
) -> Result<Vec<Leased>, StoreError> {
    let doing = "leasing deliveries";
    let due = conn
        .prepare_cached(
            "SELECT delivery.id, event.id, event.type, event.body, delivery.attempts + 1
             FROM delivery JOIN event ON event.sequence = delivery.event
             WHERE delivery.sink = $1 AND delivery.state = 0 AND delivery.next_at <= $2
             ORDER BY delivery.next_at, delivery.id LIMIT $3",
        )
        .and_then(|mut statement| {
            statement
                .query_map((sink, now.0, i64::try_from(limit).unwrap_or(i64::MAX)), |row| {
                    Ok(Leased {
                        delivery: row.get(0)?,
                        event_id: row.get(1)?,
                        event_type: row.get::<_, EventType>(2)?,
                        body: row.get(3)?,
                        attempt: row.get(4)?,
                    })
                })?
                .collect::<Result<Vec<_>, _>>()
        })
        .map_err(engine(doing))?;
    for leased in &due {
        conn.prepare_cached("UPDATE delivery SET attempts = $1, next_at = $2 WHERE id = $3")
            .and_then(|mut statement| statement.execute((leased.attempt, until.0, leased.delivery)))
            .map_err(engine(doing))?;
    }
    Ok(due)
}

/// Makes due what was leased and never written back; what waits for its next attempt has that attempt's row and is left.
pub fn release(conn: &Connection, now: Millis) -> Result<usize, StoreError> {
    conn.execute(
        "UPDATE delivery SET next_at = $1
         WHERE state = 0 AND next_at > $1 AND attempts > 0 AND NOT EXISTS (
             SELECT 1 FROM attempt WHERE attempt.delivery = delivery.id AND attempt.number = delivery.attempts)",
        [now.0],
    )
    .map_err(engine("releasing leases"))
}

/// Writes an attempt and the state that follows from it.
pub fn finish(conn: &Connection, delivery: i64, attempt: &Attempt, next: Next) -> Result<(), StoreError> {
    let doing = "writing an attempt back";
    let (state, next_at) = match next {
        Next::Delivered => (DeliveryState::Delivered, attempt.at),
        Next::Again(at) => (DeliveryState::Pending, at),
        Next::Dead => (DeliveryState::Dead, attempt.at),
    };
    conn.prepare_cached(
        "INSERT INTO attempt (delivery, number, at, duration_ms, status, error, answer)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (delivery, number) DO UPDATE SET at = excluded.at, duration_ms = excluded.duration_ms,
             status = excluded.status, error = excluded.error, answer = excluded.answer",
    )
    .and_then(|mut statement| {
        let milliseconds = i64::try_from(attempt.duration_ms).unwrap_or(i64::MAX);
        let Attempt { number, at, status, error, answer, .. } = attempt;
        statement.execute((delivery, number, at.0, milliseconds, status, error, answer))
    })
    .map_err(engine(doing))?;
    // A failure that is told after its lease never takes back what a later attempt is doing or has done.
    conn.prepare_cached(
        "UPDATE delivery SET state = $1, next_at = $2, last_status = $3, last_error = $4
         WHERE id = $5 AND state <> 1 AND ($1 = 1 OR (state = 0 AND attempts = $6))",
    )
    .and_then(|mut statement| {
        statement.execute((state.code(), next_at.0, attempt.status, &attempt.error, delivery, attempt.number))
    })
    .map(drop)
    .map_err(engine(doing))
}

/// When the next delivery of a sink is due.
pub fn next_due(conn: &Connection, sink: &str) -> Result<Option<Millis>, StoreError> {
    conn.prepare_cached("SELECT next_at FROM delivery WHERE sink = $1 AND state = 0 ORDER BY next_at LIMIT 1")
        .and_then(|mut statement| statement.query_row([sink], |row| row.get(0)).optional())
        .map(|found| found.map(Millis))
        .map_err(engine("looking for due deliveries"))
}
