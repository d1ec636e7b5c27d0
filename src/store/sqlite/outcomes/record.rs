//! Writes outcomes: what is news gets an event, and what a system calls spam is marked so.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use super::{
    super::{
        audit, engine, mark,
        record::{insert_deliveries, insert_event, next_sequence},
        standing,
    },
    COLUMNS, DOING, outcome,
};
use crate::{
    clock::Millis,
    event::{Event, EventType},
    lead::{Kind, Lead, Value},
    outcome::{Outcome, OutcomeStatus},
    store::{Mark, NewOutcome, NewOutcomes, OutcomesRecorded, StoreError},
};

/// Records outcomes of leads that were found, with the audit log's entry.
pub fn all(conn: &Connection, new: &NewOutcomes, leads: &[i64]) -> Result<OutcomesRecorded, StoreError> {
    let mut recorded = OutcomesRecorded::default();
    let mut spam = BTreeMap::new();
    for (outcome, lead) in new.outcomes.iter().zip(leads) {
        if let Some(id) = &outcome.lead.external_id {
            remember(conn, &outcome.outcome.system, id, *lead)?;
        }
        if is_known(conn, outcome, *lead)? {
            recorded.unchanged += 1;
        } else {
            write(conn, &outcome.outcome, *lead, new.noted.at)?;
            tell(conn, new, &outcome.outcome, *lead)?;
            if outcome.outcome.status == OutcomeStatus::Spam {
                spam.insert(*lead, outcome.outcome.system.as_str());
            }
            recorded.recorded += 1;
        }
    }
    // The newest first: else each would begin its sender's series for a moment, and the rest of it be numbered anew.
    for (lead, system) in spam.into_iter().rev() {
        mark_spam(conn, new, system, lead)?;
    }
    if recorded.recorded > 0 {
        audit::note(conn, &new.noted)?;
    }
    Ok(recorded)
}

/// Remembers under which id a system knows a lead; what it says last counts.
fn remember(conn: &Connection, system: &str, id: &str, lead: i64) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO external_id (system, id, lead) VALUES ($1, $2, $3)
         ON CONFLICT (system, id) DO UPDATE SET lead = excluded.lead WHERE external_id.lead <> excluded.lead",
    )
    .and_then(|mut statement| statement.execute((system, id, lead)))
    .map(drop)
    .map_err(engine(DOING))
}

/// Whether the same is on record: at the same time, or as the last that the deal came to if nobody says when.
fn is_known(conn: &Connection, new: &NewOutcome, lead: i64) -> Result<bool, StoreError> {
    let Outcome { system, deal_id, status, occurred_at, .. } = &new.outcome;
    let of_deal = format!("SELECT {COLUMNS} FROM outcome WHERE lead = $1 AND system = $2 AND deal_id = $3");
    let found = if new.is_undated {
        conn.prepare_cached(&format!("{of_deal} ORDER BY occurred_at DESC, id DESC LIMIT 1"))
            .and_then(|mut found| found.query_row((lead, system, deal_id), outcome).optional())
    } else {
        conn.prepare_cached(&format!("{of_deal} AND status = $4 AND occurred_at = $5")).and_then(|mut found| {
            found.query_row((lead, system, deal_id, status.as_str(), occurred_at.0), outcome).optional()
        })
    };
    let found = found.map_err(engine(DOING))?;
    Ok(found.is_some_and(|found| Outcome { occurred_at: *occurred_at, ..found } == new.outcome))
}

fn write(conn: &Connection, outcome: &Outcome, lead: i64, at: Millis) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO outcome (lead, system, deal_id, status, stage, amount, currency, occurred_at, recorded_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (lead, system, deal_id, status, occurred_at) DO UPDATE
         SET stage = excluded.stage, amount = excluded.amount, currency = excluded.currency,
             recorded_at = excluded.recorded_at",
    )
    .and_then(|mut statement| {
        statement.execute(rusqlite::params![
            lead,
            outcome.system,
            outcome.deal_id,
            outcome.status.as_str(),
            outcome.stage,
            outcome.amount.map(|amount| amount.0),
            outcome.currency.as_ref().map(|currency| currency.as_str()),
            outcome.occurred_at.0,
            at.0,
        ])
    })
    .map(drop)
    .map_err(engine(DOING))
}

/// Writes the event for whoever wants it.
fn tell(conn: &Connection, new: &NewOutcomes, outcome: &Outcome, lead: i64) -> Result<(), StoreError> {
    let Some(standing) = standing::find_at(conn, lead)? else { return Ok(()) };
    let lead = standing.lead;
    let (id, kind) = (lead.lead_id.clone(), lead.kind);
    let wanting = || new.subscribers.iter().filter(|subscriber| subscriber.wants(EventType::LeadOutcome, kind));
    if wanting().next().is_some() {
        let sequence = next_sequence(conn)?;
        let data = Lead { value: worth(outcome), outcome: Some(outcome.clone()), ..lead };
        let event_id = Uuid::now_v7().to_string();
        let event = Event::of_lead(EventType::LeadOutcome, event_id, data, &new.host, sequence, Millis::now());
        insert_event(conn, &event, sequence, &id)?;
        insert_deliveries(conn, sequence, event.recordedtime, wanting())?;
    }
    Ok(())
}

/// Corrects a lead that was none.
fn mark_spam(conn: &Connection, new: &NewOutcomes, system: &str, lead: i64) -> Result<(), StoreError> {
    let lead = standing::find_at(conn, lead)?.map(|standing| standing.lead);
    let Some(lead) = lead.filter(|lead| lead.kind != Kind::Spam) else { return Ok(()) };
    let by = if system.is_empty() { "an outcome" } else { system };
    let mark = Mark {
        lead_id: lead.lead_id,
        kind: Kind::Spam,
        reason: format!("{by} calls it spam"),
        counting: new.counting,
        host: new.host.clone(),
        subscribers: new.subscribers.clone(),
    };
    mark::mark(conn, &mark).map(drop)
}

/// What an outcome adds to the revenue: a refund takes away, whatever sign it is told with.
fn worth(outcome: &Outcome) -> Option<Value> {
    let (mut amount, currency) = (outcome.amount?, outcome.currency?);
    if outcome.status == OutcomeStatus::Refund {
        amount.0 = -amount.0.saturating_abs();
    }
    Some(Value { amount: amount.to_string(), currency: currency.to_string() })
}
