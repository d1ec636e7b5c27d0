//! Listings: leads, deliveries, counts. Reads only, on a connection of its own, and sees whatever is committed.

use std::sync::{MutexGuard, PoisonError};

use rusqlite::{
    Connection, Row, ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ValueRef},
};

use super::{
    Store, engine, leak,
    standing::{self, SELECT, Standing, stored},
    unreadable, withheld,
};
use crate::{
    clock::Millis,
    event::EventType,
    lead::{Kind, Lead},
    store::{
        AddressNote, Attempt, CountsBySink, Delivery, DeliveryFilter, DeliveryState, LeadFilter, SinkCounts, StoreError,
    },
};

const DELIVERY: &str = "SELECT delivery.id, delivery.sink, event.id, event.type, event.lead_id, delivery.state,
    delivery.attempts, delivery.created_at, delivery.next_at, delivery.last_status, delivery.last_error
    FROM delivery JOIN event ON event.sequence = delivery.event";

impl Store {
    /// Leads, newest first, as the event's `data`, with what privacy kept out of the event.
    pub fn leads(&self, filter: &LeadFilter) -> Result<Vec<Lead>, StoreError> {
        let (kind, own_only) = (filter.kind.map(Kind::code), filter.own_only.then_some(1));
        let (since, until) = (filter.since.map(|at| at.0), filter.until.map(|at| at.0));
        let where_ = Where::new()
            .and("lead.channel =", &filter.channel)
            .and("lead.sender =", &filter.sender)
            .and("lead.kind =", &kind)
            .and("lead.thread IS NULL AND 1 =", &own_only)
            .and("lead.received_at >=", &since)
            .and("lead.received_at <", &until);
        let sql = format!("{SELECT}{} ORDER BY lead.sequence DESC LIMIT {}", where_.sql, filter.limit);
        let rows = self.list(&sql, &where_.values, stored)?;
        rows.into_iter().map(listed).collect()
    }

    /// One lead.
    pub fn lead(&self, id: &str) -> Result<Option<Lead>, StoreError> {
        let rows = self.list(&format!("{SELECT} WHERE lead.id = $1"), &[&id], stored)?;
        rows.into_iter().next().map(listed).transpose()
    }

    /// What is known of an address beside the config.
    pub fn address_note(&self, address: &str) -> Result<Option<AddressNote>, StoreError> {
        leak::note(&self.reader(), address)
    }

    /// Addresses of which something is known beside the config, and why.
    pub fn address_notes(&self) -> Result<Vec<AddressNote>, StoreError> {
        self.list("SELECT address, state, since, reason FROM address ORDER BY address", &[], |row| {
            let (address, state, since, reason) = (row.get(0)?, row.get(1)?, Millis(row.get(2)?), row.get(3)?);
            Ok(AddressNote { address, state, since, reason })
        })
    }

    /// Deliveries, newest first.
    pub fn deliveries(&self, filter: &DeliveryFilter) -> Result<Vec<Delivery>, StoreError> {
        let state = filter.state.map(DeliveryState::code);
        let where_ = Where::new()
            .and("delivery.sink =", &filter.sink)
            .and("delivery.state =", &state)
            .and("event.lead_id =", &filter.lead_id);
        let sql = format!("{DELIVERY}{} ORDER BY delivery.id DESC LIMIT {}", where_.sql, filter.limit);
        self.list(&sql, &where_.values, delivery)
    }

    /// One delivery with its attempts and the event's bytes.
    pub fn delivery(&self, id: i64) -> Result<Option<(Delivery, Vec<Attempt>, String)>, StoreError> {
        let found = self.list(&format!("{DELIVERY} WHERE delivery.id = $1"), &[&id], delivery)?;
        let Some(delivery) = found.into_iter().next() else { return Ok(None) };
        let attempts = self.list(
            "SELECT number, at, duration_ms, status, error, answer FROM attempt WHERE delivery = $1 ORDER BY number",
            &[&id],
            |row| {
                Ok(Attempt {
                    number: row.get(0)?,
                    at: Millis(row.get(1)?),
                    duration_ms: u64::try_from(row.get::<_, i64>(2)?).unwrap_or_default(),
                    status: row.get(3)?,
                    error: row.get(4)?,
                    answer: row.get(5)?,
                })
            },
        )?;
        let body = self.list(
            "SELECT event.body FROM event JOIN delivery ON delivery.event = event.sequence WHERE delivery.id = $1",
            &[&id],
            |row| row.get(0),
        )?;
        Ok(body.into_iter().next().map(|body| (delivery, attempts, body)))
    }

    /// Deliveries by sink and state.
    pub fn sink_counts(&self) -> Result<CountsBySink, StoreError> {
        let sql = "SELECT sink, state, count(*), min(created_at) FROM delivery GROUP BY sink, state";
        let rows = self.list(sql, &[], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, DeliveryState>(1)?, row.get::<_, u64>(2)?, row.get(3)?))
        })?;
        let mut counts = CountsBySink::new();
        for (sink, state, count, oldest) in rows {
            let of: &mut SinkCounts = counts.entry(sink).or_default();
            match state {
                DeliveryState::Pending => (of.pending, of.oldest_pending_at) = (count, Some(Millis(oldest))),
                DeliveryState::Delivered => of.delivered = count,
                DeliveryState::Dead => of.dead = count,
            }
        }
        Ok(counts)
    }

    /// Whether the store can be read at all.
    pub fn ping(&self) -> Result<(), StoreError> {
        self.list("SELECT 1", &[], |row| row.get::<_, i64>(0)).map(drop)
    }

    fn list<T>(
        &self,
        sql: &str,
        values: &[&dyn ToSql],
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        rows(&self.reader(), sql, values, read).map_err(engine("reading the store"))
    }

    /// A reader that panicked left nothing half done: the connection only reads.
    pub(super) fn reader(&self) -> MutexGuard<'_, Connection> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn rows<T>(
    conn: &Connection,
    sql: &str,
    values: &[&dyn ToSql],
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    conn.prepare_cached(sql)?.query_map(values, read)?.collect()
}

/// Conditions that are there only if their value is.
struct Where<'a> {
    sql: String,
    values: Vec<&'a dyn ToSql>,
}

impl<'a> Where<'a> {
    fn new() -> Self {
        Self { sql: String::new(), values: Vec::new() }
    }

    fn and<T: ToSql>(mut self, condition: &str, value: &'a Option<T>) -> Self {
        if let Some(value) = value {
            self.values.push(value);
            let word = if self.values.len() == 1 { "WHERE" } else { "AND" };
            self.sql.push_str(&format!(" {word} {condition} ${}", self.values.len()));
        }
        self
    }
}

fn listed(stored: standing::Stored) -> Result<Lead, StoreError> {
    let Standing { mut lead, withheld, .. } = standing::standing(stored)?;
    if let Some(kept) = withheld {
        let kept = serde_json::from_str(&kept).map_err(unreadable(&lead.lead_id))?;
        withheld::restore(&mut lead, kept);
    }
    Ok(lead)
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let state = row.get(5)?;
    Ok(Delivery {
        id: row.get(0)?,
        sink: row.get(1)?,
        event_id: row.get(2)?,
        event_type: row.get(3)?,
        lead_id: row.get(4)?,
        state,
        attempts: row.get(6)?,
        created_at: Millis(row.get(7)?),
        next_at: (state == DeliveryState::Pending).then_some(Millis(row.get(8)?)),
        last_status: row.get(9)?,
        last_error: row.get(10)?,
    })
}

impl DeliveryState {
    /// The number in the store.
    pub(super) fn code(self) -> i64 {
        match self {
            Self::Pending => 0,
            Self::Delivered => 1,
            Self::Dead => 2,
        }
    }
}

impl FromSql for DeliveryState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            0 => Ok(Self::Pending),
            1 => Ok(Self::Delivered),
            2 => Ok(Self::Dead),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

impl FromSql for EventType {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::parse(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

impl Kind {
    /// The number in the store: fixed for ever.
    pub(super) fn code(self) -> i64 {
        match self {
            Self::Lead => 0,
            Self::AutoReply => 1,
            Self::Bounce => 2,
            Self::Complaint => 3,
            Self::Receipt => 4,
            Self::List => 5,
            Self::Spam => 6,
            Self::Internal => 7,
            Self::Test => 8,
        }
    }
}

impl FromSql for Kind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let code = value.as_i64()?;
        Self::ALL.into_iter().find(|kind| kind.code() == code).ok_or(FromSqlError::OutOfRange(code))
    }
}
