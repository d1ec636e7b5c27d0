//! Listings of leads and addresses. Reads only, on a connection of its own, and sees whatever is committed.

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
    store::{AddressNote, LeadFilter, StoreError},
};

impl Store {
    /// Leads, newest first, as the event's `data`, with what privacy kept out of the event.
    pub fn leads(&self, filter: &LeadFilter) -> Result<Vec<Lead>, StoreError> {
        Ok(self.leads_after(filter, None)?.into_iter().map(|(_, lead)| lead).collect())
    }

    /// The same with the place of each among the events, and only what comes after the lead of that place: the next
    /// page.
    pub fn leads_after(&self, filter: &LeadFilter, after: Option<i64>) -> Result<Vec<(i64, Lead)>, StoreError> {
        let (kind, own_only) = (filter.kind.map(Kind::code), filter.own_only.then_some(1));
        let (since, until) = (filter.since.map(|at| at.0), filter.until.map(|at| at.0));
        let where_ = Where::new()
            .and("lead.channel =", &filter.channel)
            .and("lead.sender =", &filter.sender)
            .and("lead.kind =", &kind)
            .and("lead.thread IS NULL AND 1 =", &own_only)
            .and("lead.received_at >=", &since)
            .and("lead.received_at <", &until)
            .and("lead.sequence <", &after);
        let sql = format!("{SELECT}{} ORDER BY lead.sequence DESC LIMIT {}", where_.sql, filter.limit);
        let rows = self.list(&sql, &where_.values, stored)?;
        rows.into_iter().map(|row| Ok((row.sequence, listed(row)?))).collect()
    }

    /// Where the lead of this id stands among the events; if it is gone, the next newer one, since ids sort by time. `None` if
    /// there is none.
    pub fn place_of_lead(&self, id: &str) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT sequence FROM lead WHERE id >= $1 ORDER BY id LIMIT 1";
        Ok(self.list(sql, &[&id], |row| row.get(0))?.pop())
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

    /// Whether the store can be read at all.
    pub fn ping(&self) -> Result<(), StoreError> {
        self.list("SELECT 1", &[], |row| row.get::<_, i64>(0)).map(drop)
    }

    pub(super) fn list<T>(
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

/// Conditions that are there only if their value is: it follows them, or stands where they have `$$`.
pub(super) struct Where<'a> {
    pub(super) sql: String,
    pub(super) values: Vec<&'a dyn ToSql>,
}

impl<'a> Where<'a> {
    pub(super) fn new() -> Self {
        Self { sql: String::new(), values: Vec::new() }
    }

    pub(super) fn and<T: ToSql>(mut self, condition: &str, value: &'a Option<T>) -> Self {
        if let Some(value) = value {
            self.values.push(value);
            let word = if self.values.len() == 1 { "WHERE" } else { "AND" };
            let place = format!("${}", self.values.len());
            let condition = match condition.contains("$$") {
                true => condition.replace("$$", &place),
                false => format!("{condition} {place}"),
            };
            self.sql.push_str(&format!(" {word} {condition}"));
        }
        self
    }
}

pub(super) fn listed(stored: standing::Stored) -> Result<Lead, StoreError> {
    let Standing { mut lead, withheld, .. } = standing::standing(stored)?;
    if let Some(kept) = withheld {
        let kept = serde_json::from_str(&kept).map_err(unreadable(&lead.lead_id))?;
        withheld::restore(&mut lead, kept);
    }
    Ok(lead)
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
