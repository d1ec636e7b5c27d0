//! Listings of deliveries, and how many there are of each sink. Reads only.

use rusqlite::{
    Row,
    types::{FromSql, FromSqlError, FromSqlResult, ValueRef},
};

use super::{Store, read::Where};
use crate::{
    clock::Millis,
    event::EventType,
    store::{Attempt, CountsBySink, Delivery, DeliveryFilter, DeliveryState, SinkCounts, StoreError},
};

const DELIVERY: &str = "SELECT delivery.id, delivery.sink, event.id, event.type, event.lead_id, delivery.state,
    delivery.attempts, delivery.created_at, delivery.next_at, delivery.last_status, delivery.last_error
    FROM delivery JOIN event ON event.sequence = delivery.event";

impl Store {
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

    /// Id, type and bytes of the first event of a lead; of the latest lead if none is named.
    pub fn event(&self, lead_id: Option<&str>) -> Result<Option<(String, EventType, String)>, StoreError> {
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let select = "SELECT event.id, event.type, event.body FROM event JOIN lead ON lead.sequence = event.sequence";
        let found = match lead_id {
            Some(id) => self.list(&format!("{select} WHERE lead.id = $1"), &[&id], read)?,
            None => {
                self.list(&format!("{select} WHERE lead.kind = 0 ORDER BY lead.sequence DESC LIMIT 1"), &[], read)?
            }
        };
        Ok(found.into_iter().next())
    }

    /// Pending deliveries by sink, and no more than that: it is asked for all the time.
    pub fn pending_counts(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let sql = "SELECT sink, count(*) FROM delivery WHERE state = 0 GROUP BY sink ORDER BY sink";
        self.list(sql, &[], |row| Ok((row.get(0)?, row.get(1)?)))
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
                DeliveryState::Skipped => of.skipped = count,
            }
        }
        Ok(counts)
    }
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let state = row.get(5)?;
    Ok(Delivery {
        id: row.get(0)?,
        sink: row.get(1)?,
        event_id: row.get(2)?,
        event_type: row.get(3)?,
        lead_id: Some(row.get(4)?).filter(|id: &String| !id.is_empty()),
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
            Self::Skipped => 3,
        }
    }
}

impl FromSql for DeliveryState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            0 => Ok(Self::Pending),
            1 => Ok(Self::Delivered),
            2 => Ok(Self::Dead),
            3 => Ok(Self::Skipped),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}
