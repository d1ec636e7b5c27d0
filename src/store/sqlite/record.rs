//! Writes a letter: is it known, what does the store know of its thread, sender and address, does it count; then lead,
//! event, deliveries and keys in one transaction.
//!
//! Runs on the writer thread only, so two letters of one sender that end in the same moment still get an order.

use rusqlite::Connection;
use serde::Serialize;

use super::{
    engine,
    known::{Known, known_lead, remember_keys},
    leak::{self, Leak},
    series::{self, Person},
    standing, thread, unreadable,
    withheld::{Withheld, withhold},
};
use crate::{
    clock::Millis,
    config::Direct,
    event::{Event, EventType},
    lead::{Confidence, Kind, Status},
    store::{AddressState, Commit, NewLead, Recorded, StoreError, Subscriber, Way},
};

const DOING: &str = "recording a lead";

/// Records a letter, or finds the lead that it is a copy of. `None` for a letter to a mailbox that is not recorded, for one
/// that is older than what is kept, and for a copy of one that was erased.
/// A dry run does the same work and takes it back.
pub fn record(conn: &Connection, new: Box<NewLead>, commit: Commit) -> Result<Option<Box<Recorded>>, StoreError> {
    if commit == Commit::Durable {
        return recorded(conn, new);
    }
    conn.execute_batch("SAVEPOINT dry").map_err(engine(DOING))?;
    let would_be = recorded(conn, new);
    conn.execute_batch("ROLLBACK TO dry; RELEASE dry").map_err(engine(DOING))?;
    would_be
}

fn recorded(conn: &Connection, mut new: Box<NewLead>) -> Result<Option<Box<Recorded>>, StoreError> {
    match known_lead(conn, &new)? {
        Known::Lead { sequence, recorded } => {
            remember_keys(conn, &new, sequence)?;
            return Ok(Some(recorded));
        }
        Known::Erased => return Ok(None),
        Known::No => {}
    }
    let Some(judgement) = judge(conn, &mut new)? else { return Ok(None) };
    write(conn, new, judgement).map(Some)
}

/// What the store knows of a letter, beside what it has written into the lead.
pub struct Judgement {
    /// Whether the lead counts.
    in_series: bool,
    /// Whether the sender is to be remembered as one that writes to canaries.
    harvests: bool,
    /// Why the address counts as leaked from this letter on.
    leak: Option<String>,
    /// The lead whose thread the letter continues.
    thread: Option<i64>,
}

/// Completes the lead by what the store knows, and writes nothing. `None` if it is not to be recorded.
pub fn judge(conn: &Connection, new: &mut NewLead) -> Result<Option<Judgement>, StoreError> {
    let is_authentic = is_authentic(new);
    let harvests = leak::judge_harvester(conn, new)? && is_authentic;
    let root = if new.lead.kind == Kind::Lead { thread::root(conn, new)? } else { None };
    if let Some(root) = &root {
        new.lead.in_thread_of = Some(root.lead.lead_id.clone());
        thread::inherit(&mut new.lead, &root.lead, Confidence::Thread);
    } else if let Way::Direct(direct) = new.way
        && !judge_direct(conn, new, direct)?
    {
        return Ok(None);
    }
    // An answer says nothing of who else knows the address.
    let leak = if root.is_none() { leak::judge(conn, new)? } else { Leak::None };
    if leak != Leak::None {
        new.lead.attribution.status = Status::Leaked;
    }
    let in_series = new.lead.kind == Kind::Lead && root.is_none() && leak == Leak::None && is_authentic;
    new.lead.repeat = if in_series {
        series::repeat(conn, &new.counting, person(new), new.lead.received_at)?
    } else {
        series::uncounted(&new.counting)
    };
    let leak = if let Leak::Found(reason) = leak { Some(reason) } else { None };
    Ok(Some(Judgement { in_series, harvests, leak, thread: root.map(|root| root.sequence) }))
}

/// A letter to a mailbox itself, in no known thread: the sender may be known, or every letter be wanted.
fn judge_direct(conn: &Connection, new: &mut NewLead, direct: Direct) -> Result<bool, StoreError> {
    if direct >= Direct::Senders
        && new.lead.kind == Kind::Lead
        && let Some(last) = series::last(conn, new.counting.basis, person(new))?
        && let Some(last) = standing::find(conn, &last.id)?
    {
        thread::inherit(&mut new.lead, &last.lead, Confidence::Sender);
        return Ok(true);
    }
    Ok(direct == Direct::All)
}

fn person(new: &NewLead) -> Person<'_> {
    Person::of(new.sender_key.as_deref(), new.visitor, &new.lead)
}

/// Where the config asks for it, only a sender that passed DMARC counts: a forged From: must not burn a first contact.
fn is_authentic(new: &NewLead) -> bool {
    let passed = || new.lead.sender.auth.as_ref().is_some_and(|auth| auth.get("dmarc").is_some_and(|is| is == "pass"));
    !new.counting.requires_dmarc || passed()
}

fn write(conn: &Connection, mut new: Box<NewLead>, judgement: Judgement) -> Result<Box<Recorded>, StoreError> {
    let Judgement { in_series, harvests, leak, thread } = judgement;
    if harvests {
        leak::remember_harvester(conn, &new)?;
    }
    if let Some(reason) = &leak {
        leak::set(conn, leak::key(&new.lead), Some(AddressState::Leaked), new.lead.received_at, Some(reason))?;
    }
    let sequence = next_sequence(conn)?;
    let sender = new.lead.sender.address.clone();
    let sender_domain = new.lead.sender.domain.clone();
    let withheld = withhold(&mut new.lead, new.privacy);
    let row = Row { sender, sender_domain, withheld, in_series, sequence };
    insert_lead(conn, &new, &row)?;
    remember_keys(conn, &new, sequence)?;
    thread::remember(conn, new.message_id, thread.unwrap_or(sequence))?;
    let r#type = if new.lead.in_thread_of.is_some() { EventType::LeadReplied } else { EventType::LeadReceived };
    let (id, kind) = (new.lead.lead_id.clone(), new.lead.kind);
    let event = Event::of_lead(r#type, id.clone(), new.lead, &new.host, sequence, Millis::now());
    let body = insert_event(conn, &event, sequence, &id)?;
    let wanting = new.subscribers.iter().filter(|subscriber| subscriber.wants(r#type, kind));
    insert_deliveries(conn, sequence, event.recordedtime, wanting)?;
    Ok(Box::new(Recorded { lead: event.data, duplicate: false, event: body }))
}

/// The next number of the events' order. The counter is what it was when events were last deleted, so that no number
/// comes twice; to write it with every event would cost another page.
pub fn next_sequence(conn: &Connection) -> Result<i64, StoreError> {
    conn.prepare_cached(
        "SELECT 1 + max(coalesce((SELECT max(sequence) FROM event), 0), coalesce((SELECT max(sequence) FROM lead), 0),
                        (SELECT value FROM counter WHERE name = 'event'))",
    )
    .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
    .map_err(engine(DOING))
}

/// Writes an event; gives back its bytes.
pub fn insert_event<D: Serialize>(
    conn: &Connection,
    event: &Event<D>,
    sequence: i64,
    lead_id: &str,
) -> Result<String, StoreError> {
    let body = event.to_json().map_err(unreadable(&event.id))?;
    conn.prepare_cached(
        "INSERT INTO event (sequence, id, type, lead_id, created_at, body) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .and_then(|mut statement| {
        statement.execute((sequence, &event.id, event.r#type.as_str(), lead_id, event.recordedtime.0, &body))
    })
    .map_err(engine(DOING))?;
    Ok(body)
}

/// Puts an event into the outbox of every sink that wants it, under an id that no delivery had before: the call for one
/// that was deleted may be under way.
pub fn insert_deliveries<'a>(
    conn: &Connection,
    sequence: i64,
    at: Millis,
    wanting: impl Iterator<Item = &'a Subscriber>,
) -> Result<(), StoreError> {
    for subscriber in wanting {
        conn.prepare_cached(
            "INSERT INTO delivery (id, event, sink, state, attempts, created_at, next_at)
             VALUES (1 + max(coalesce((SELECT max(id) FROM delivery), 0),
                             coalesce((SELECT value FROM counter WHERE name = 'delivery'), 0)), $1, $2, 0, 0, $3, $3)",
        )
        .and_then(|mut statement| statement.execute((sequence, &subscriber.sink, at.0)))
        .map_err(engine(DOING))?;
    }
    Ok(())
}

/// What a lead's row holds beside the lead.
struct Row {
    sender: Option<String>,
    sender_domain: Option<String>,
    withheld: Option<Withheld>,
    in_series: bool,
    sequence: i64,
}

fn insert_lead(conn: &Connection, new: &NewLead, row: &Row) -> Result<(), StoreError> {
    let lead = &new.lead;
    let withheld = row.withheld.as_ref().map(serde_json::to_string).transpose().map_err(unreadable(&lead.lead_id))?;
    conn.prepare_cached(
        "INSERT INTO lead (sequence, id, received_at, kind, kind_reason, sender, sender_key, sender_domain, channel,
                           substitute, mailbox, thread, in_series, series_count, series_first_id, series_first_at,
                           withheld, visitor)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
    )
    .and_then(|mut statement| {
        statement.execute(rusqlite::params![
            row.sequence,
            lead.lead_id,
            lead.received_at.0,
            lead.kind.code(),
            lead.kind_reason,
            row.sender,
            new.sender_key,
            row.sender_domain,
            lead.channel.as_ref().map(|channel| &channel.id),
            lead.recipient.substitute,
            lead.recipient.real,
            lead.in_thread_of,
            row.in_series,
            lead.repeat.count,
            lead.repeat.first_lead_id,
            lead.repeat.first_received_at.map(|at| at.0),
            withheld,
            new.visitor.map(|visitor| visitor.0),
        ])
    })
    .map(drop)
    .map_err(engine(DOING))
}
