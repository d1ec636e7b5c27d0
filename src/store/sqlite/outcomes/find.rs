//! Of which leads outcomes are. Reads only: what is refused here leaves the writer's group whole.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Params};

use super::{super::engine, DOING};
use crate::{
    clock::Millis,
    outcome::{Outcome, OutcomeStatus},
    store::{NewOutcome, RefusedOutcome, StoreError},
    text::bounded,
};

/// What makes two outcomes of one import the same.
type Same<'a> = (i64, &'a str, &'a str, OutcomeStatus, Millis);

/// The sequence of the lead of each outcome; or each that has none, and each that contradicts one before it.
pub fn leads(conn: &Connection, outcomes: &[NewOutcome]) -> Result<Result<Vec<i64>, Vec<RefusedOutcome>>, StoreError> {
    let (mut leads, mut refused) = (Vec::with_capacity(outcomes.len()), Vec::new());
    // What earlier rows of the same import tell is known to the later ones.
    let mut told: HashMap<(&str, &str), i64> = HashMap::new();
    let mut seen: HashMap<Same<'_>, (u64, &Outcome)> = HashMap::new();
    for new in outcomes {
        let found = match lead(conn, new, &told)? {
            Ok(lead) => lead,
            Err(detail) => {
                refused.push(RefusedOutcome { line: new.line, detail });
                continue;
            }
        };
        let outcome = &new.outcome;
        if let Some(id) = &new.lead.external_id {
            told.insert((&outcome.system, id), found);
        }
        let same = (found, outcome.system.as_str(), outcome.deal_id.as_str(), outcome.status, outcome.occurred_at);
        let (line, first) = *seen.entry(same).or_insert((new.line, outcome));
        if first != outcome {
            let detail = format!("is the same outcome as line {line}, with another stage or amount");
            refused.push(RefusedOutcome { line: new.line, detail });
        }
        leads.push(found);
    }
    Ok(if refused.is_empty() { Ok(leads) } else { Err(refused) })
}

fn lead(
    conn: &Connection,
    new: &NewOutcome,
    told: &HashMap<(&str, &str), i64>,
) -> Result<Result<i64, String>, StoreError> {
    let (wanted, system) = (&new.lead, new.outcome.system.as_str());
    let (found, missing) = if let Some(id) = &wanted.lead_id {
        (ask(conn, "SELECT sequence FROM lead WHERE id = $1", [id])?, format!("there is no lead {}", quoted(id)))
    } else if let Some(digest) = &wanted.message_id {
        let sql = "SELECT lead.sequence FROM known JOIN lead ON lead.sequence = known.lead
                   WHERE known.message = $1 AND known.digest = x''";
        (ask(conn, sql, [digest])?, "no letter of this message_id was recorded".to_owned())
    } else {
        let known = match &wanted.external_id {
            Some(id) => match told.get(&(system, id.as_str())) {
                Some(lead) => Some(*lead),
                None => ask(conn, "SELECT lead FROM external_id WHERE system = $1 AND id = $2", (system, id))?,
            },
            None => None,
        };
        match (known, &wanted.sender_key, &wanted.external_id) {
            (Some(lead), ..) => (Some(lead), String::new()),
            (None, Some(sender), _) => {
                let sql = "SELECT sequence FROM lead WHERE sender_key = $1 AND in_series = 1 AND received_at < $2
                           ORDER BY sequence DESC LIMIT 1";
                (ask(conn, sql, (sender, new.before.0))?, "no lead of this sender was received before".to_owned())
            }
            (None, None, Some(id)) => {
                let what = format!("no lead is known as {} in {system}: tell lead_id along with it once", quoted(id));
                (None, what)
            }
            (None, None, None) => (None, "names no lead".to_owned()),
        }
    };
    let Some(found) = found else { return Ok(Err(missing)) };
    // What becomes of a reply becomes of the inquiry that began its thread.
    let root = "SELECT root.sequence FROM lead JOIN lead AS root ON root.id = lead.thread WHERE lead.sequence = $1";
    Ok(Ok(ask(conn, root, [found])?.unwrap_or(found)))
}

fn ask(conn: &Connection, sql: &str, values: impl Params) -> Result<Option<i64>, StoreError> {
    conn.prepare_cached(sql)
        .and_then(|mut found| found.query_row(values, |row| row.get(0)).optional())
        .map_err(engine(DOING))
}

fn quoted(text: &str) -> String {
    format!("{:?}", bounded(text, 60).unwrap_or_default())
}
