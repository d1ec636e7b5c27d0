//! Sinks that are not called as usual: suspended after failures, or switched off.
//!
//! A row says so, and the event `sink.suspended` that tells others of it is committed with the row. Written by the daemon that
//! sees a sink fail and by a person at the command line, who may be two processes.

use rusqlite::{
    Connection, OptionalExtension, Row,
    types::{FromSql, FromSqlError, FromSqlResult, ValueRef},
};
use serde_json::json;
use uuid::Uuid;

use super::{
    Store, engine,
    record::{insert_deliveries, insert_event, next_sequence},
};
use crate::{
    clock::Millis,
    event::{Event, EventType},
    store::{Circuit, CircuitState, StoreError, Subscriber},
};

const DOING: &str = "noting how a sink is called";

impl Store {
    /// A person says how a sink is called from now on.
    pub async fn set_circuit(&self, sink: &str, circuit: Circuit) -> Result<(), StoreError> {
        let sink = sink.to_owned();
        self.writer()?.write(move |conn| set(conn, &sink, &circuit).map(drop)).await?;
        self.due().notify_waiters();
        Ok(())
    }

    /// Notes that a sink is not called as usual any more, and tells `others` of it as `sink.suspended`. Where a person has paused
    /// the sink, or its receiver has switched it off, nothing less is noted.
    pub async fn open_circuit(
        &self,
        sink: &str,
        circuit: Circuit,
        host: &str,
        others: Vec<Subscriber>,
    ) -> Result<(), StoreError> {
        let (sink, host) = (sink.to_owned(), host.to_owned());
        let work = move |conn: &Connection| {
            if set(conn, &sink, &circuit)? { tell(conn, &sink, &circuit, &host, &others) } else { Ok(()) }
        };
        self.writer()?.write(work).await?;
        self.due().notify_waiters();
        Ok(())
    }

    /// Notes when the next probe of a suspended sink is sent.
    pub async fn note_probe(&self, sink: &str, probe_at: Millis) -> Result<(), StoreError> {
        let sink = sink.to_owned();
        let sql = "UPDATE circuit SET probe_at = $1 WHERE sink = $2 AND state = 1";
        let work = move |conn: &Connection| conn.execute(sql, (probe_at.0, sink)).map(drop).map_err(engine(DOING));
        self.writer()?.write(work).await
    }

    /// Notes that a sink is called as usual again, unless a person has paused it meanwhile.
    pub async fn close_circuit(&self, sink: &str) -> Result<(), StoreError> {
        let sink = sink.to_owned();
        let sql = "DELETE FROM circuit WHERE sink = $1 AND state <> 2";
        let work = move |conn: &Connection| conn.execute(sql, [sink]).map(drop).map_err(engine(DOING));
        self.writer()?.write(work).await
    }

    /// How a sink is called; `None` for as usual.
    pub async fn circuit(&self, sink: &str) -> Result<Option<Circuit>, StoreError> {
        let sink = sink.to_owned();
        self.writer()?.write(move |conn| get(conn, &sink)).await
    }

    /// Every sink that is not called as usual, by its id.
    pub fn circuits(&self) -> Result<Vec<(String, Circuit)>, StoreError> {
        let sql = "SELECT state, since, probe_at, reason, sink FROM circuit WHERE state <> 0 ORDER BY sink";
        self.list(sql, &[], |row| Ok((row.get(4)?, circuit(row)?)))
    }
}

/// Whether it was written: what is switched off stays so until a person resumes it.
fn set(conn: &Connection, sink: &str, circuit: &Circuit) -> Result<bool, StoreError> {
    let Circuit { state, since, probe_at, reason } = circuit;
    conn.execute(
        "INSERT INTO circuit (sink, state, since, probe_at, reason) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (sink) DO UPDATE SET state = excluded.state, since = excluded.since, probe_at = excluded.probe_at,
             reason = excluded.reason
         WHERE circuit.state <> 2 OR excluded.state = 0",
        (sink, state.code(), since.0, probe_at.map(|at| at.0), reason),
    )
    .map(|rows| rows > 0)
    .map_err(engine(DOING))
}

fn get(conn: &Connection, sink: &str) -> Result<Option<Circuit>, StoreError> {
    conn.prepare_cached("SELECT state, since, probe_at, reason FROM circuit WHERE sink = $1")
        .and_then(|mut statement| statement.query_row([sink], circuit).optional())
        .map_err(engine(DOING))
}

fn circuit(row: &Row<'_>) -> rusqlite::Result<Circuit> {
    let probe_at: Option<i64> = row.get(2)?;
    Ok(Circuit { state: row.get(0)?, since: Millis(row.get(1)?), probe_at: probe_at.map(Millis), reason: row.get(3)? })
}

fn tell(conn: &Connection, sink: &str, circuit: &Circuit, host: &str, others: &[Subscriber]) -> Result<(), StoreError> {
    let wanting = others.iter().filter(|other| other.sink != sink && other.events.contains(&EventType::SinkSuspended));
    let waiting: i64 = conn
        .query_row("SELECT count(*) FROM delivery WHERE sink = $1 AND state = 0", [sink], |row| row.get(0))
        .map_err(engine(DOING))?;
    let data = json!({
        "sink": sink, "state": circuit.state, "since": circuit.since, "probe_at": circuit.probe_at,
        "reason": circuit.reason, "waiting": waiting,
    });
    let sequence = next_sequence(conn)?;
    let (r#type, id) = (EventType::SinkSuspended, Uuid::now_v7().to_string());
    let mut event = Event::new(r#type, id, host, sequence, circuit.since, circuit.since, data);
    event.subject = Some(sink.to_owned());
    // About no lead.
    insert_event(conn, &event, sequence, "")?;
    insert_deliveries(conn, sequence, event.recordedtime, wanting)
}

impl CircuitState {
    /// The number in the store.
    fn code(self) -> i64 {
        match self {
            Self::Resumed => 0,
            Self::Suspended => 1,
            Self::Disabled => 2,
        }
    }
}

impl FromSql for CircuitState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            0 => Ok(Self::Resumed),
            1 => Ok(Self::Suspended),
            2 => Ok(Self::Disabled),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}
