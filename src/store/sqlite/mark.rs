//! Corrections by hand: a message was taken for something that it is not.
//!
//! The first event stays as it was sent; the correction is an event of its own, for the sinks that take messages of the
//! old or the new kind. A sink that takes messages of the new kind and was not told of this one gets it now, as it
//! would have then. What a person calls a lead counts, even where its address has leaked; what a person calls something
//! else stops counting, and the next inquiry of its sender becomes the first.

use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use super::{
    engine,
    record::{insert_deliveries, insert_event, next_sequence},
    series::{self, Person},
    standing::{self, Standing},
};
use crate::{
    clock::Millis,
    event::{Event, EventType},
    lead::{Kind, Lead},
    store::{Mark, StoreError, Subscriber},
    token::VisitId,
};

const DOING: &str = "correcting a kind";

/// Carries a correction out.
pub fn mark(conn: &Connection, mark: &Mark) -> Result<Option<Lead>, StoreError> {
    let Some(Standing { mut lead, in_series, sender_key, visitor, .. }) = standing::find(conn, &mark.lead_id)? else {
        return Ok(None);
    };
    let (before, is_reply) = (lead.kind, lead.in_thread_of.is_some());
    let began_series = in_series && lead.repeat.first_lead_id.is_none();
    let counts = mark.kind == Kind::Lead && !is_reply;
    lead.kind_reason = Some(mark.reason.clone());
    if before != mark.kind {
        lead.kind = mark.kind;
        lead.test = mark.kind == Kind::Test;
    }
    if counts != in_series {
        let person = Person::of(sender_key.as_deref(), visitor, &lead);
        lead.repeat = if counts {
            series::repeat(conn, &mark.counting, person, lead.received_at)?
        } else {
            series::uncounted(&mark.counting)
        };
    }
    update(conn, &lead, counts)?;
    if before == mark.kind && in_series == counts {
        return Ok(Some(lead));
    }
    let is_first = |subscriber: &Subscriber, first| {
        Ok(subscriber.wants(first, mark.kind) && was_never_told(conn, &mark.lead_id, &subscriber.sink)?)
    };
    let first = if is_reply { EventType::LeadReplied } else { EventType::LeadReceived };
    write(conn, first, &lead, mark, |subscriber| is_first(subscriber, first))?;
    tell(conn, &lead, mark, &[before, mark.kind])?;
    if began_series
        && !counts
        && let Some(heir) = inherit(conn, &lead, (sender_key.as_deref(), visitor), mark)?
    {
        tell(conn, &heir, mark, &[heir.kind])?;
    }
    Ok(Some(lead))
}

/// Writes the lead's row anew.
fn update(conn: &Connection, lead: &Lead, counts: bool) -> Result<(), StoreError> {
    let repeat = &lead.repeat;
    conn.execute(
        "UPDATE lead SET kind = $1, kind_reason = $2, in_series = $3, series_count = $4, series_first_id = $5,
                         series_first_at = $6 WHERE id = $7",
        rusqlite::params![
            lead.kind.code(),
            lead.kind_reason,
            counts,
            repeat.count,
            repeat.first_lead_id,
            repeat.first_received_at.map(|at| at.0),
            lead.lead_id,
        ],
    )
    .map(drop)
    .map_err(engine(DOING))
}

/// If `gone` began a series, makes its next inquiry the first; else a sender would be left that never was new.
fn inherit(
    conn: &Connection,
    gone: &Lead,
    (sender, visitor): (Option<&str>, Option<VisitId>),
    mark: &Mark,
) -> Result<Option<Lead>, StoreError> {
    let visitor = visitor.map(|visitor| visitor.0);
    let heir: Option<String> = conn
        .query_row(
            "SELECT id FROM lead WHERE (sender_key = $1 OR visitor = $2) AND in_series = 1 AND series_first_id = $3
             ORDER BY sequence LIMIT 1",
            (sender, visitor, &gone.lead_id),
            |row| row.get(0),
        )
        .optional()
        .map_err(engine(DOING))?;
    let Some(id) = heir else { return Ok(None) };
    let Some(Standing { lead: mut heir, .. }) = standing::find(conn, &id)? else { return Ok(None) };
    let gone_as = format!("first inquiry since {} is {}", gone.lead_id, mark.kind.as_str());
    heir.kind_reason = Some(gone_as);
    heir.repeat.unique = true;
    heir.repeat.count = 1;
    heir.repeat.first_lead_id = None;
    heir.repeat.first_received_at = None;
    update(conn, &heir, true)?;
    // The others follow the new first one, numbered from 2 in the order in which they came.
    conn.execute(
        "UPDATE lead SET series_first_id = $1, series_first_at = $2, series_count = later.place + 1
         FROM (SELECT sequence, row_number() OVER (ORDER BY sequence) AS place FROM lead
               WHERE (sender_key = $3 OR visitor = $4) AND in_series = 1 AND series_first_id = $5) AS later
         WHERE lead.sequence = later.sequence",
        (&heir.lead_id, heir.received_at.0, sender, visitor, &gone.lead_id),
    )
    .map_err(engine(DOING))?;
    Ok(Some(heir))
}

/// Tells of a correction; it is kept even if nobody wants to hear of it.
fn tell(conn: &Connection, lead: &Lead, mark: &Mark, kinds: &[Kind]) -> Result<(), StoreError> {
    let wants = |subscriber: &Subscriber| Ok(kinds.iter().any(|kind| subscriber.wants(EventType::LeadMarked, *kind)));
    write(conn, EventType::LeadMarked, lead, mark, wants)
}

/// Writes one event for those of the subscribers that `is_due` names.
fn write(
    conn: &Connection,
    r#type: EventType,
    lead: &Lead,
    mark: &Mark,
    is_due: impl Fn(&Subscriber) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    let mut wanting = Vec::new();
    for subscriber in mark.subscribers.iter() {
        if is_due(subscriber)? {
            wanting.push(subscriber);
        }
    }
    if wanting.is_empty() && r#type != EventType::LeadMarked {
        return Ok(());
    }
    let sequence = next_sequence(conn)?;
    let id = Uuid::now_v7().to_string();
    let event = Event::of_lead(r#type, id, lead.clone(), &mark.host, sequence, Millis::now());
    insert_event(conn, &event, sequence, &lead.lead_id)?;
    insert_deliveries(conn, sequence, event.recordedtime, wanting.into_iter())
}

fn was_never_told(conn: &Connection, lead_id: &str, sink: &str) -> Result<bool, StoreError> {
    conn.query_row(
        "SELECT NOT EXISTS (SELECT 1 FROM delivery JOIN event ON event.sequence = delivery.event
             WHERE delivery.sink = $1 AND event.type NOT IN ('lead.marked', 'lead.outcome') AND delivery.event IN (
                 SELECT sequence FROM lead WHERE id = $2
                 UNION ALL SELECT sequence FROM event WHERE lead_id = $2 AND id <> lead_id))",
        (sink, lead_id),
        |row| row.get(0),
    )
    .map_err(engine(DOING))
}
