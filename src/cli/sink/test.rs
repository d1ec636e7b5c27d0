//! `leadmilter sink test` and `preview`: does a sink work, and what would it be sent.

use uuid::Uuid;

use super::{
    super::{
        exit::{self, Wrong},
        open_read,
        output::{printable, text},
    },
    named,
};
use crate::{
    clock::Millis,
    config::{self, Config},
    event::{Event, EventType},
    preset::{Body, PresetKind, SecretKind},
    secret::Secret,
    sinks::{Answer, Message, Sink, Verdict, sample},
    store::{Store, StoreError},
};

/// Call a sink now and say what it answered
///
/// A webhook and a journal get a webhook.ping event. Other presets make a call that leaves nothing behind, if their system has
/// one. With --lead, a sample lead is sent that has a value in every field and is marked as a test: it stays in that system.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leadmilter sink test crm
  leadmilter sink test crm --lead")]
pub struct Args {
    /// The sink's id
    id: String,
    /// Send a sample lead, as a real one would be sent
    #[arg(long)]
    lead: bool,
}

/// Print the request that a lead would make, with secrets masked; sends nothing
///
/// What a preset asks its system for first is not known here, and left out.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leadmilter sink preview crm
  leadmilter sink preview crm --lead 01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b33")]
pub struct Preview {
    /// The sink's id
    id: String,
    /// The lead; the latest one if absent, or a sample if there is none
    #[arg(long, value_name = "ID")]
    lead: Option<String>,
}

pub fn run(config: &Config, args: &Args) -> anyhow::Result<u8> {
    let Args { id, lead } = args;
    let config_of = named(config, id)?;
    let sink = Sink::open(config_of)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let event_id = Uuid::now_v7().to_string();
    let (event_type, body) = if *lead || !takes_ping(config_of) {
        (EventType::LeadReceived, sample::lead(&event_id, &config.hostname, Millis::now())?)
    } else {
        (EventType::WebhookPing, ping(&event_id, &config.hostname)?)
    };
    let message = message(&event_id, event_type, &body);
    let answer = if *lead || takes_ping(config_of) {
        runtime.block_on(sink.deliver(&[message])).into_iter().next()
    } else {
        runtime.block_on(sink.test(message))
    };
    let Some(answer) = answer else {
        let name = &config_of.preset.name;
        let said = format!("preset {name} has no call that leaves nothing behind: --lead sends a sample lead");
        return Err(Wrong::Usage(format!("sink {id}: {said}")).into());
    };
    let sent = *lead || takes_ping(config_of);
    say(id, sent.then_some(event_id.as_str()), answer)
}

fn say(id: &str, event: Option<&str>, answer: Answer) -> anyhow::Result<u8> {
    let status = answer.status.map(|status| format!(", status {status}")).unwrap_or_default();
    let took = answer.duration.as_millis();
    let what = event.map_or_else(|| "it answered".to_owned(), |event| format!("event {event} delivered"));
    match answer.verdict {
        Verdict::Delivered => text(&format!("{id}: {what} in {took} ms{status}"))?,
        Verdict::Again { .. } => {
            text(&format!("{id}: event {} taken in {took} ms{status}, and not yet processed", event.unwrap_or("-")))?;
        }
        Verdict::Skipped { reason } => text(&format!("{id}: not sent: {reason}"))?,
        _ => {
            let why = answer.error.unwrap_or_else(|| "refused".to_owned());
            let said = answer.answer.filter(|said| !said.is_empty()).map(|said| format!(", answer {said:?}"));
            anyhow::bail!("sink {id}: not delivered after {took} ms{status}: {why}{}", said.unwrap_or_default())
        }
    }
    Ok(exit::OK)
}

pub fn preview(config: &Config, args: &Preview) -> anyhow::Result<u8> {
    let mut shown = named(config, &args.id)?.clone();
    // What is not there cannot be printed; and a credential that the service alone is given is not needed to see the rest.
    match &shown.preset.secret {
        Some(SecretKind::Token { optional, .. }) if shown.token.is_some() || !optional => {
            shown.token = Some(Secret::new(b"***".to_vec()));
        }
        Some(SecretKind::Signing) => shown.secrets = vec![Secret::new(b"***".to_vec())],
        Some(SecretKind::Token { .. }) | None => {}
    }
    let sink = Sink::open(&shown)?;
    let stored = match open_read(config).map(|store: Store| store.event(args.lead.as_deref())) {
        Ok(found) => found?,
        Err(e) if matches!(e.downcast_ref(), Some(StoreError::Missing(_))) => None,
        Err(e) => return Err(e),
    };
    let (id, event_type, body) = match (stored, &args.lead) {
        (Some(event), _) => event,
        (None, Some(lead)) => {
            return Err(Wrong::Data(format!("no lead {lead:?}: `leadmilter leads` lists them")).into());
        }
        (None, None) => {
            let id = Uuid::now_v7().to_string();
            let body = sample::lead(&id, &config.hostname, Millis::now())?;
            (id, EventType::LeadReceived, body)
        }
    };
    for line in sink.preview(message(&id, event_type, &body))?.lines() {
        text(&printable(line))?;
    }
    Ok(exit::OK)
}

/// Whether the sink takes any event as it is.
fn takes_ping(sink: &config::Sink) -> bool {
    let as_it_is = sink.preset.request.as_ref().is_some_and(|request| matches!(request.body, Body::Event));
    sink.preset.test.is_none() && (as_it_is || sink.preset.kind == PresetKind::Journal)
}

fn ping(id: &str, host: &str) -> anyhow::Result<String> {
    let now = Millis::now();
    let data = serde_json::json!({ "test": true });
    Ok(Event::new(EventType::WebhookPing, id.to_owned(), host, 0, now, now, data).to_json()?)
}

fn message<'m>(event_id: &'m str, event_type: EventType, body: &'m str) -> Message<'m> {
    Message { event_id, event_type, body, attempt: 1, doubt: false, note: None }
}
