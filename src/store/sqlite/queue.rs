//! The outbox's questions: what is due, what came of it, when is the next.
//!
//! Leasing writes the time of the next attempt before the call is made: if this process dies meanwhile, the delivery
//! comes up again by itself when the lease has passed, or at once when the next daemon has proof of that death. A delivery under
//! way counts as one that may have arrived, until an answer says otherwise.

use std::{
    fs::{OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Arc,
};

use rusqlite::{Connection, OptionalExtension, Row};

use super::{OUTBOX_LOCK, Store, engine};
use crate::{
    clock::Millis,
    event::EventType,
    store::{DeliveryState, Ended, Leased, Next, StoreError},
};

/// Which deliveries of a sink are leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Those that are due, up to so many.
    Due(usize),
    /// The one whose turn is next, due or not.
    Next,
    /// This one, if it is pending.
    This(i64),
}

const LEASED: &str = "SELECT delivery.id, event.id, event.type, event.body, delivery.attempts + 1, delivery.spared,
    delivery.doubt, delivery.note FROM delivery JOIN event ON event.sequence = delivery.event
    WHERE delivery.sink = $1 AND delivery.state = 0";

/// True of what nobody is calling for: its last attempt has been written back.
pub(super) const AT_REST: &str = "(delivery.attempts = 0 OR EXISTS (SELECT 1 FROM attempt
    WHERE attempt.delivery = delivery.id AND attempt.number = delivery.attempts))";

impl Store {
    /// Makes due at once what a process that died had leased, and gives back how many deliveries that were.
    ///
    /// A lock that ends with its process is the proof of death: while another daemon lives, its leases stay. To be
    /// called before this process leases anything.
    pub async fn release_leases(&mut self, folder: &Path) -> Result<usize, StoreError> {
        let cannot = |source| StoreError::Folder { folder: folder.to_owned(), source };
        let lock = folder.join(OUTBOX_LOCK);
        let lock = OpenOptions::new().append(true).create(true).mode(0o640).open(lock).map_err(cannot)?;
        match lock.try_lock() {
            Ok(()) => self.outbox_lock = Some(Arc::new(lock)),
            Err(TryLockError::WouldBlock) => return Ok(0),
            Err(TryLockError::Error(e)) => return Err(cannot(e)),
        }
        self.writer()?.write(|conn| release(conn, Millis::now())).await
    }

    /// Leases deliveries of a sink until `until`, the earliest due first, counting the attempt.
    pub async fn lease(&self, sink: &str, pick: Pick, now: Millis, until: Millis) -> Result<Vec<Leased>, StoreError> {
        let sink = sink.to_owned();
        self.writer()?.write(move |conn| lease(conn, &sink, pick, now, until)).await
    }

    /// Writes attempts back and says what becomes of their deliveries.
    pub async fn finish(&self, ended: Vec<Ended>) -> Result<(), StoreError> {
        self.writer()?.write(move |conn| ended.iter().try_for_each(|ended| finish(conn, ended))).await
    }

    /// When the next delivery of a sink is due, if any is pending.
    pub async fn next_due(&self, sink: &str) -> Result<Option<Millis>, StoreError> {
        let sink = sink.to_owned();
        self.writer()?.write(move |conn| next_due(conn, &sink)).await
    }

    /// When a delivery is due; `None` if it is not pending.
    pub async fn due_of(&self, delivery: i64) -> Result<Option<Millis>, StoreError> {
        self.writer()?.write(move |conn| due_of(conn, delivery)).await
    }

    /// The oldest pending delivery of a sink that has been tried. Looks at everything that waits, on the reading connection.
    pub fn oldest_tried(&self, sink: &str) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT min(id) FROM delivery WHERE sink = $1 AND state = 0 AND attempts > 0";
        Ok(self.list(sql, &[&sink], |row| row.get(0))?.into_iter().next().flatten())
    }
}

fn lease(conn: &Connection, sink: &str, pick: Pick, now: Millis, until: Millis) -> Result<Vec<Leased>, StoreError> {
    let doing = "leasing deliveries";
    let limit = if let Pick::Due(limit) = pick { i64::try_from(limit).unwrap_or(i64::MAX) } else { 1 };
    let (rest, this) = match pick {
        Pick::Due(_) => ("AND delivery.next_at <= $2 AND $3 = 0".to_owned(), 0),
        Pick::Next => (format!("AND (delivery.next_at <= $2 OR {AT_REST}) AND $3 = 0"), 0),
        Pick::This(delivery) => (format!("AND (delivery.next_at <= $2 OR {AT_REST}) AND delivery.id = $3"), delivery),
    };
    let due = conn
        .prepare_cached(&format!("{LEASED} {rest} ORDER BY delivery.next_at, delivery.id LIMIT $4"))
        .and_then(|mut statement| {
            statement.query_map((sink, now.0, this, limit), leased)?.collect::<Result<Vec<_>, _>>()
        })
        .map_err(engine(doing))?;
    for leased in &due {
        conn.prepare_cached("UPDATE delivery SET attempts = $1, next_at = $2, doubt = 1 WHERE id = $3")
            .and_then(|mut statement| statement.execute((leased.attempt, until.0, leased.delivery)))
            .map_err(engine(doing))?;
    }
    Ok(due)
}

fn leased(row: &Row<'_>) -> rusqlite::Result<Leased> {
    Ok(Leased {
        delivery: row.get(0)?,
        event_id: row.get(1)?,
        event_type: row.get::<_, EventType>(2)?,
        body: row.get(3)?,
        attempt: row.get(4)?,
        spared: row.get(5)?,
        doubt: row.get(6)?,
        note: row.get(7)?,
    })
}

/// Makes due what was leased and never written back; what waits for its next attempt is left.
fn release(conn: &Connection, now: Millis) -> Result<usize, StoreError> {
    let sql = format!("UPDATE delivery SET next_at = $1 WHERE state = 0 AND next_at > $1 AND NOT {AT_REST}");
    conn.execute(&sql, [now.0]).map_err(engine("releasing leases"))
}

fn finish(conn: &Connection, ended: &Ended) -> Result<(), StoreError> {
    let doing = "writing an attempt back";
    let Ended { delivery, attempt, next, spared, doubt, note } = ended;
    let (state, next_at) = match *next {
        Next::Delivered => (DeliveryState::Delivered, attempt.at),
        Next::Again(at) => (DeliveryState::Pending, at),
        Next::Dead => (DeliveryState::Dead, attempt.at),
        Next::Skipped => (DeliveryState::Skipped, attempt.at),
    };
    // Its lead may have been deleted while the call was under way.
    conn.prepare_cached(
        "INSERT INTO attempt (delivery, number, at, duration_ms, status, error, answer)
         SELECT $1, $2, $3, $4, $5, $6, $7 WHERE EXISTS (SELECT 1 FROM delivery WHERE id = $1)
         ON CONFLICT (delivery, number) DO UPDATE SET at = excluded.at, duration_ms = excluded.duration_ms,
             status = excluded.status, error = excluded.error, answer = excluded.answer",
    )
    .and_then(|mut statement| {
        let milliseconds = i64::try_from(attempt.duration_ms).unwrap_or(i64::MAX);
        statement.execute((
            delivery,
            attempt.number,
            attempt.at.0,
            milliseconds,
            attempt.status,
            &attempt.error,
            &attempt.answer,
        ))
    })
    .map_err(engine(doing))?;
    // A failure that is told after its lease never takes back what a later attempt is doing or has done.
    conn.prepare_cached(
        "UPDATE delivery SET state = $1, next_at = $2, last_status = $3, last_error = $4, spared = spared + $5,
             doubt = $6, note = $7
         WHERE id = $8 AND state <> 1 AND ($1 = 1 OR (state = 0 AND attempts = $9))",
    )
    .and_then(|mut statement| {
        let (status, error) = (attempt.status, &attempt.error);
        statement.execute(rusqlite::params![
            state.code(),
            next_at.0,
            status,
            error,
            spared,
            doubt,
            note,
            delivery,
            attempt.number
        ])
    })
    .map(drop)
    .map_err(engine(doing))
}

fn next_due(conn: &Connection, sink: &str) -> Result<Option<Millis>, StoreError> {
    conn.prepare_cached("SELECT next_at FROM delivery WHERE sink = $1 AND state = 0 ORDER BY next_at LIMIT 1")
        .and_then(|mut statement| statement.query_row([sink], |row| row.get(0)).optional())
        .map(|found| found.map(Millis))
        .map_err(engine("looking for due deliveries"))
}

fn due_of(conn: &Connection, delivery: i64) -> Result<Option<Millis>, StoreError> {
    conn.prepare_cached("SELECT next_at FROM delivery WHERE id = $1 AND state = 0")
        .and_then(|mut statement| statement.query_row([delivery], |row| row.get(0)).optional())
        .map(|found| found.map(Millis))
        .map_err(engine("looking for a delivery"))
}
