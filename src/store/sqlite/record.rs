//! Writes a lead: is it known, is its sender new, then lead, event, deliveries and keys in one transaction.
//!
//! Runs on the writer thread only, so two letters of one sender that end in the same moment still get an order.

use rusqlite::{Connection, OptionalExtension, Row};

use super::{
    engine,
    withheld::{Withheld, withhold},
};
use crate::{
    clock::Millis,
    event::{Event, EventType},
    lead::{Basis, Kind, Lead, Repeat},
    store::{Commit, NewLead, Recorded, StoreError},
};

const DOING: &str = "recording a lead";

/// Records `new`, or finds the lead that it is a copy of.
pub fn record(conn: &Connection, new: NewLead, commit: Commit) -> Result<Recorded, StoreError> {
    if let Some(known) = known_lead(conn, &new)? {
        if commit == Commit::Durable {
            remember_keys(conn, &new, &known.lead_id)?;
        }
        return Ok(known);
    }
    let mut new = new;
    new.lead.repeat = repeat(conn, &new)?;
    let recorded_at = Millis::now();
    if commit == Commit::Dry {
        let repeat = new.lead.repeat.clone();
        let lead_id = new.lead.lead_id.clone();
        withhold(&mut new.lead, new.privacy);
        let event = body(&Event::lead_received(new.lead, &new.host, 0, recorded_at))?;
        return Ok(Recorded { lead_id, repeat, duplicate: false, event });
    }
    let sequence: i64 = conn
        .prepare_cached("UPDATE counter SET value = value + 1 WHERE name = 'event' RETURNING value")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .map_err(engine(DOING))?;
    write(conn, new, sequence, recorded_at)
}

fn write(conn: &Connection, mut new: NewLead, sequence: i64, recorded_at: Millis) -> Result<Recorded, StoreError> {
    let sender = new.lead.sender.address.clone();
    let withheld = withhold(&mut new.lead, new.privacy);
    insert_lead(conn, &new.lead, sender.as_deref(), withheld.as_ref(), sequence)?;
    remember_keys(conn, &new, &new.lead.lead_id)?;
    let (lead_id, repeat) = (new.lead.lead_id.clone(), new.lead.repeat.clone());
    let event = body(&Event::lead_received(new.lead, &new.host, sequence, recorded_at))?;
    conn.prepare_cached(
        "INSERT INTO event (sequence, id, type, lead_id, created_at, body) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .and_then(|mut statement| {
        let name = EventType::LeadReceived.as_str();
        statement.execute((sequence, &lead_id, name, &lead_id, recorded_at.0, &event))
    })
    .map_err(engine(DOING))?;
    for sink in &new.sinks {
        conn.prepare_cached(
            "INSERT INTO delivery (event, sink, state, attempts, created_at, next_at) VALUES ($1, $2, 0, 0, $3, $4)",
        )
        .and_then(|mut statement| statement.execute((sequence, sink, recorded_at.0, recorded_at.0)))
        .map_err(engine(DOING))?;
    }
    Ok(Recorded { lead_id, repeat, duplicate: false, event })
}

fn insert_lead(
    conn: &Connection,
    lead: &Lead,
    sender: Option<&str>,
    withheld: Option<&Withheld>,
    sequence: i64,
) -> Result<(), StoreError> {
    let withheld = withheld.map(serde_json::to_string).transpose().map_err(unreadable(&lead.lead_id))?;
    conn.prepare_cached(
        "INSERT INTO lead (sequence, id, received_at, kind, sender, channel, substitute, mailbox,
                           series_count, series_first_id, series_first_at, withheld)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .and_then(|mut statement| {
        statement.execute(rusqlite::params![
            sequence,
            lead.lead_id,
            lead.received_at.0,
            lead.kind.code(),
            sender,
            lead.channel.as_ref().map(|channel| &channel.id),
            lead.recipient.substitute,
            lead.recipient.real,
            lead.repeat.count,
            lead.repeat.first_lead_id,
            lead.repeat.first_received_at.map(|at| at.0),
            withheld,
        ])
    })
    .map(drop)
    .map_err(engine(DOING))
}

/// The lead that one of the message's keys belongs to, or that has its id.
fn known_lead(conn: &Connection, new: &NewLead) -> Result<Option<Recorded>, StoreError> {
    let now = new.lead.received_at.0;
    if new.is_recovered {
        let found: Option<String> = conn
            .prepare_cached(
                "SELECT event.body FROM lead JOIN event ON event.sequence = lead.sequence WHERE lead.id = $1",
            )
            .and_then(|mut statement| statement.query_row([&new.lead.lead_id], |row| row.get(0)).optional())
            .map_err(engine(DOING))?;
        if let Some(event) = found {
            return known(new.lead.lead_id.clone(), event).map(Some);
        }
    }
    for key in &new.keys {
        let found: Option<(String, String)> = conn
            .prepare_cached(
                "SELECT dedupe.lead_id, event.body FROM dedupe
                 JOIN lead ON lead.id = dedupe.lead_id JOIN event ON event.sequence = lead.sequence
                 WHERE dedupe.digest = $1 AND (dedupe.expires_at IS NULL OR dedupe.expires_at > $2)",
            )
            .and_then(|mut statement| {
                statement.query_row((key.digest, now), |row| Ok((row.get(0)?, row.get(1)?))).optional()
            })
            .map_err(engine(DOING))?;
        if let Some((lead_id, event)) = found {
            return known(lead_id, event).map(Some);
        }
    }
    Ok(None)
}

fn known(lead_id: String, event: String) -> Result<Recorded, StoreError> {
    let told: Event<Lead> = serde_json::from_str(&event).map_err(unreadable(&lead_id))?;
    Ok(Recorded { lead_id, repeat: told.data.repeat, duplicate: true, event })
}

fn remember_keys(conn: &Connection, new: &NewLead, lead_id: &str) -> Result<(), StoreError> {
    for key in &new.keys {
        conn.prepare_cached(
            "INSERT INTO dedupe (digest, lead_id, expires_at) VALUES ($1, $2, $3)
             ON CONFLICT (digest) DO UPDATE SET lead_id = excluded.lead_id, expires_at = excluded.expires_at
             WHERE dedupe.expires_at <= $4",
        )
        .and_then(|mut statement| {
            let expires_at = key.expires_at.map(|at| at.0);
            statement.execute((key.digest, lead_id, expires_at, new.lead.received_at.0))
        })
        .map_err(engine(DOING))?;
    }
    Ok(())
}

/// The newest inquiry of the same person decides: within the window, this one continues its series.
fn repeat(conn: &Connection, new: &NewLead) -> Result<Repeat, StoreError> {
    let mut repeat = Repeat {
        unique: true,
        count: 1,
        basis: new.basis,
        window_days: new.window.map(|window| u32::try_from(window.as_secs().div_ceil(86_400)).unwrap_or(u32::MAX)),
        first_lead_id: None,
        first_received_at: None,
    };
    let Some(sender) = &new.lead.sender.address else { return Ok(repeat) };
    let columns = "SELECT id, received_at, series_count, series_first_id, series_first_at FROM lead
                   WHERE sender = $1 AND kind = $2";
    let last = match new.basis {
        Basis::Sender => conn
            .prepare_cached(&format!("{columns} ORDER BY sequence DESC LIMIT 1"))
            .and_then(|mut found| found.query_row((sender, Kind::Lead.code()), Series::read).optional()),
        Basis::SenderChannel => {
            let channel = new.lead.channel.as_ref().map(|channel| &channel.id);
            conn.prepare_cached(&format!("{columns} AND channel = $3 ORDER BY sequence DESC LIMIT 1"))
                .and_then(|mut found| found.query_row((sender, Kind::Lead.code(), channel), Series::read).optional())
        }
    }
    .map_err(engine(DOING))?;
    let within = |last: &Series| new.window.is_none_or(|window| last.received_at.until(new.lead.received_at) <= window);
    if let Some(last) = last.filter(within) {
        repeat.unique = false;
        repeat.count = last.count.saturating_add(1);
        repeat.first_received_at = Some(last.first_at.unwrap_or(last.received_at));
        repeat.first_lead_id = Some(last.first_id.unwrap_or(last.id));
    }
    Ok(repeat)
}

/// The newest inquiry of a person.
struct Series {
    id: String,
    received_at: Millis,
    count: u32,
    first_id: Option<String>,
    first_at: Option<Millis>,
}

impl Series {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            received_at: Millis(row.get(1)?),
            count: row.get(2)?,
            first_id: row.get(3)?,
            first_at: row.get::<_, Option<i64>>(4)?.map(Millis),
        })
    }
}

fn body(event: &Event<Lead>) -> Result<String, StoreError> {
    serde_json::to_string(event).map_err(unreadable(&event.id))
}

fn unreadable(id: &str) -> impl Fn(serde_json::Error) -> StoreError {
    move |source| StoreError::Event { id: id.to_owned(), source }
}
