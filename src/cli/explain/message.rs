//! `leadmilter explain --message`: what would become of a message, and why, without recording it.
//!
//! The same path as `ingest` takes up to the store, which is only read, if there is one.

use serde::Serialize;

use crate::{
    attribution::Field,
    cli::{
        ingest::{
            head::Head,
            message::{self, Given, Parsed},
        },
        output::{printable, text},
    },
    intake::{Arrival, Drawn, Intake, Letter},
    lead::{Kind, Lead},
    maillog::chain,
    resolve::Explanation,
    store::{Foreseen, NewLead, Store, StoreError, Visits, Way},
    tagging::{Judged, Verdict},
};

/// Headers whose values are made when a lead is recorded, and what is said of them until then.
const LATER: [(&str, &str); 3] = [
    ("Id", "(made when it is recorded)"),
    ("Unique", "(new or repeat is decided by the store)"),
    ("Signature", "(made when it is recorded)"),
];

/// What would become of a message.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The file, and the message's number in an mbox.
    file: String,
    /// What each recipient resolves to.
    recipients: Vec<Explanation>,
    /// What would be done.
    outcome: Outcome,
    /// The same for people.
    outcome_reason: String,
    /// What the message is; null where nobody asks.
    kind: Option<Kind>,
    /// Why.
    reason: Option<String>,
    /// The recorded lead that it is a copy of.
    lead_id: Option<String>,
    /// The lead whose thread it continues.
    in_thread_of: Option<String>,
    /// Tags that it carries.
    tags: Vec<String>,
    /// Every tag rule.
    rules: Vec<Judged>,
    /// Headers that it gets.
    headers: Vec<Header>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// Passes unchanged but for forged headers.
    Untracked,
    /// Carries headers of this fleet.
    Trusted,
    /// Is recorded already.
    Copy,
    /// Is recorded.
    Recorded,
}

#[derive(Debug, Serialize)]
struct Header {
    name: String,
    /// Null where it is made when the lead is recorded.
    value: Option<String>,
}

/// What the store says.
enum Told {
    Foreseen(Foreseen),
    /// There is none, or it cannot be read.
    Silent(Box<Lead>, String),
}

/// Explains one message; an error says why it has no envelope.
pub async fn explain(intake: &Intake, file: String, head: &Head, given: &Given<'_>) -> Result<Report, String> {
    let Parsed { mut letter, arrival, recipients, .. } = message::parse(intake, &head.block, head.size, given)?;
    let visits = Visits::open_read(&intake.config.store.folder).ok();
    let learnt = intake.learn(&mut letter, arrival.at, visits.as_ref()).await;
    learnt.map_err(|e| format!("what its token stands for is not known: {}", chain(&e)))?;
    let mut explained = Vec::with_capacity(recipients.len());
    for address in &recipients {
        let explanation = intake.explain(address, visits.as_ref(), arrival.at).await;
        explained.push(explanation.map_err(|e| chain(&e))?);
    }
    let report = |outcome, outcome_reason: &str| Report {
        file,
        recipients: explained,
        outcome,
        outcome_reason: outcome_reason.to_owned(),
        kind: None,
        reason: None,
        lead_id: None,
        in_thread_of: None,
        tags: Vec::new(),
        rules: Vec::new(),
        headers: Vec::new(),
    };
    Ok(match intake.draw_up(&letter, &arrival) {
        Drawn::Untracked if letter.first_mailbox().is_some() => report(Outcome::Untracked, UNASKED),
        Drawn::Untracked => report(Outcome::Untracked, "no recipient is a substitute address"),
        Drawn::Trusted => report(Outcome::Trusted, "its headers are signed by this fleet: they stay as they are"),
        Drawn::Lead(new) => with_lead(intake, &letter, &arrival, *new, report),
    })
}

const UNASKED: &str = "it is to a mailbox itself, and leads.direct does not ask for it";

const FORGOTTEN: &str = "it is older than privacy.retention, or a copy of a letter that was erased";

fn with_lead(
    intake: &Intake,
    letter: &Letter,
    arrival: &Arrival,
    new: NewLead,
    report: impl FnOnce(Outcome, &str) -> Report,
) -> Report {
    let (outcome, reason, lead) = match told(intake, new) {
        Told::Foreseen(Foreseen::Nothing) => return report(Outcome::Untracked, UNASKED),
        Told::Foreseen(Foreseen::Erased) => return report(Outcome::Untracked, FORGOTTEN),
        Told::Foreseen(Foreseen::Copy(lead)) => {
            (Outcome::Copy, format!("it is recorded already, as lead {}", lead.lead_id), lead)
        }
        Told::Foreseen(Foreseen::Lead(lead)) => match &lead.in_thread_of {
            Some(first) => {
                let reason =
                    format!("it is in the thread of lead {first}, and takes its channel, attribution and tags");
                (Outcome::Recorded, reason, lead)
            }
            None => (Outcome::Recorded, "the store does not have it, and knows no thread of it".to_owned(), lead),
        },
        Told::Silent(lead, why) => {
            (Outcome::Recorded, format!("unless the store has it, or its thread, already; {why}"), lead)
        }
    };
    let fields = intake.fields(&lead, lead.message.message_id.as_deref());
    let is_known = outcome == Outcome::Copy;
    let prefix = &intake.config.headers.prefix;
    Report {
        kind: Some(lead.kind),
        reason: lead.kind_reason,
        lead_id: is_known.then_some(lead.lead_id),
        in_thread_of: lead.in_thread_of,
        tags: lead.tags,
        rules: intake.judge_tags(letter, arrival),
        headers: fields.into_iter().map(|field| header(field, prefix, is_known)).collect(),
        ..report(outcome, &reason)
    }
}

fn told(intake: &Intake, new: NewLead) -> Told {
    let mut lead = Box::new(new.lead.clone());
    if new.way == Way::Canary {
        lead.kind = Kind::Spam;
        lead.kind_reason = Some(format!("canary {}", lead.recipient.substitute));
    }
    let foreseen = Store::open_read(&intake.config.store.folder).and_then(|store| store.foresee(new));
    match foreseen {
        Ok(foreseen) => Told::Foreseen(foreseen),
        Err(StoreError::Missing(_)) => Told::Silent(lead, "there is no store yet".to_owned()),
        Err(e) => Told::Silent(lead, format!("it was not asked: {}", chain(&e))),
    }
}

fn header(field: Field, prefix: &str, is_known: bool) -> Header {
    let is_later = LATER.iter().any(|(name, _)| field.name.strip_prefix(prefix) == Some(name));
    let value = field.body.replace('\n', "");
    Header { value: (is_known || !is_later).then_some(value), name: field.name }
}

/// The report for people, a line for each thing it says.
pub fn print(report: &Report, prefix: &str) -> anyhow::Result<()> {
    text(&format!("{}:", printable(&report.file)))?;
    let line = |name: &str, value: &str| text(&format!("{name:<12}{}", printable(value)));
    for recipient in &report.recipients {
        line("recipient", &super::sentence(recipient))?;
    }
    let outcome = match report.outcome {
        Outcome::Untracked => "not recorded",
        Outcome::Trusted => "not recorded again",
        Outcome::Copy => "nothing new is recorded",
        Outcome::Recorded => "recorded",
    };
    line("outcome", &format!("{outcome}: {}", report.outcome_reason))?;
    if let Some(kind) = report.kind {
        let reason = report.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        line("kind", &format!("{}{reason}", kind.as_str()))?;
    }
    for rule in &report.rules {
        line("rule", &judged(rule))?;
    }
    if !report.tags.is_empty() {
        line("tags", &report.tags.join(", "))?;
    }
    for Header { name, value } in &report.headers {
        let later = || LATER.iter().find(|(later, _)| name.strip_prefix(prefix) == Some(later)).map(|(_, said)| *said);
        line("header", &format!("{name}: {}", value.as_deref().or_else(later).unwrap_or_default()))?;
    }
    Ok(())
}

/// For a rule that fired, what was met; else what was not.
fn judged(of: &Judged) -> String {
    let said = match of.verdict {
        Verdict::Fired => "fired",
        Verdict::Unmet => "not fired",
        Verdict::TooLate => "not fired, an earlier one was first",
    };
    let told = of.conditions.iter().filter(|condition| condition.met == (of.verdict != Verdict::Unmet));
    let told: Vec<String> = told.map(ToString::to_string).collect();
    format!("{} {}: {said}: {}", of.rule, of.tag, told.join(", "))
}
