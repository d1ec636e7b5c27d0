//! Listings of deliveries, and how many there are of each sink. Reads only.

use std::collections::BTreeMap;

use rusqlite::{
    Row,
    types::{FromSql, FromSqlError, FromSqlResult, ValueRef},
};

use super::{Store, read::Where};
use crate::{
    clock::Millis,
    event::EventType,
    store::{Attempt, Backlog, CountsBySink, Delivery, DeliveryFilter, DeliveryState, SinkCounts, StoreError},
};

const DELIVERY: &str = "SELECT delivery.id, delivery.sink, event.id, event.type, event.lead_id, delivery.state,
    delivery.attempts, delivery.created_at, delivery.next_at, delivery.last_status, delivery.last_error
    FROM delivery JOIN event ON event.sequence = delivery.event";

/// Of any event of a lead: the first has its sequence, corrections have an index.
const OF_LEAD: &str = "delivery.event IN (SELECT sequence FROM lead WHERE id = $$
    UNION ALL SELECT sequence FROM event WHERE lead_id = $$ AND id <> lead_id)";

impl Store {
    /// Deliveries, newest first.
    pub fn deliveries(&self, filter: &DeliveryFilter) -> Result<Vec<Delivery>, StoreError> {
        let state = filter.state.map(DeliveryState::code);
        let where_ = Where::new()
            .and("delivery.sink =", &filter.sink)
            .and("delivery.state =", &state)
            .and(OF_LEAD, &filter.lead_id);
        let sql = format!("{DELIVERY}{} ORDER BY delivery.id DESC LIMIT {}", where_.sql, filter.limit);
        self.list(&sql, &where_.values, delivery)
    }

    /// One delivery with its attempts and the event's bytes.
    pub fn delivery(&self, id: i64) -> Result<Option<(Delivery, Vec<Attempt>, String)>, StoreError> {
        let found = self.list(&format!("{DELIVERY} WHERE delivery.id = $1"), &[&id], delivery)?;
        let Some(delivery) = found.into_iter().next() else { return Ok(None) };
        let attempts = self.attempts(id)?;
        let body = self.list(
            "SELECT event.body FROM event JOIN delivery ON delivery.event = event.sequence WHERE delivery.id = $1",
            &[&id],
            |row| row.get(0),
        )?;
        Ok(body.into_iter().next().map(|body| (delivery, attempts, body)))
    }

    /// The attempts of a delivery.
    pub fn attempts(&self, id: i64) -> Result<Vec<Attempt>, StoreError> {
        self.list(
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
        )
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

    /// What waits and what was given up, by sink: without a look at what has arrived, of which there is much more.
    pub fn backlogs(&self) -> Result<BTreeMap<String, Backlog>, StoreError> {
        let mut backlogs = BTreeMap::<String, Backlog>::new();
        let sql = "SELECT sink, count(*), min(id) FROM delivery WHERE state = 0 GROUP BY sink";
        let waiting =
            self.list(sql, &[], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?, row.get::<_, i64>(2)?)))?;
        for (sink, pending, oldest) in waiting {
            let at = self.list("SELECT created_at FROM delivery WHERE id = $1", &[&oldest], |row| row.get(0))?;
            let oldest_at = at.into_iter().next().map(Millis);
            *backlogs.entry(sink).or_default() = Backlog { pending, oldest_at, dead: 0 };
        }
        let sql = "SELECT sink, count(*) FROM delivery WHERE state = 2 GROUP BY sink";
        for (sink, dead) in self.list(sql, &[], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))? {
            backlogs.entry(sink).or_default().dead = dead;
        }
        Ok(backlogs)
    }

    /// Deliveries that are not going well: those that wait for another attempt, the next one first, or those that were given
    /// up, the last one first.
    pub fn failing(&self, state: DeliveryState, limit: u32) -> Result<Vec<Delivery>, StoreError> {
        // As numbers: an index of some states is not found by a parameter.
        let which = match state {
            DeliveryState::Pending => "delivery.state = 0 AND delivery.attempts > 0 ORDER BY delivery.next_at",
            _ => "delivery.state = 2 ORDER BY delivery.id DESC",
        };
        self.list(&format!("{DELIVERY} WHERE {which} LIMIT {limit}"), &[], delivery)
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
