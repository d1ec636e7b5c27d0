//! `leadmilter deliveries`: what became of events on their way to sinks, and sending them again.

mod replay;

use clap::{Subcommand, ValueEnum};

use super::{
    exit::{self, Wrong},
    open_read,
    output::{json_lines, local, or_dash, printable, table, text},
};
use crate::{
    config::Config,
    store::{Attempt, Delivery, DeliveryFilter, DeliveryState},
};

/// List deliveries of events to sinks, show one with its attempts, or send some again
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  leadmilter deliveries
  leadmilter deliveries list --sink crm --state dead --json
  leadmilter deliveries show 42
  leadmilter deliveries replay --sink crm --since 2026-11-20"
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List deliveries, newest first
    List(List),
    /// Show one delivery with its attempts and its event
    Show {
        /// The delivery's id
        id: i64,
        /// Print it as one JSON object
        #[arg(long)]
        json: bool,
    },
    Replay(replay::Args),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only deliveries to this sink
    #[arg(long, value_name = "ID")]
    sink: Option<String>,

    /// Only deliveries in this state
    #[arg(long)]
    state: Option<State>,

    /// Only deliveries of this lead's events
    #[arg(long, value_name = "ID")]
    lead: Option<String>,

    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,

    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    Pending,
    Delivered,
    Dead,
    Skipped,
}

impl From<State> for DeliveryState {
    fn from(state: State) -> Self {
        match state {
            State::Pending => Self::Pending,
            State::Delivered => Self::Delivered,
            State::Dead => Self::Dead,
            State::Skipped => Self::Skipped,
        }
    }
}

pub fn run(config: &Config, args: &Args) -> anyhow::Result<u8> {
    match &args.command {
        Some(Command::Show { id, json }) => show(config, *id, *json),
        Some(Command::Replay(args)) => replay::run(config, args),
        Some(Command::List(list)) => listing(config, list),
        None => listing(config, &args.list),
    }
}

fn listing(config: &Config, list: &List) -> anyhow::Result<u8> {
    let filter = DeliveryFilter {
        sink: list.sink.clone(),
        state: list.state.map(DeliveryState::from),
        lead_id: list.lead.clone(),
        limit: list.limit,
    };
    let deliveries = open_read(config)?.deliveries(&filter)?;
    if list.json {
        json_lines(&deliveries)?;
        return Ok(exit::OK);
    }
    let row = |of: &Delivery| {
        let event = format!("{} {}", of.event_type.as_str(), of.event_id);
        vec![of.id.to_string(), local(of.created_at, config), of.sink.clone(), event, state(of, config)]
    };
    table(&["ID", "CREATED", "SINK", "EVENT", "STATE"], deliveries.iter().map(row).collect(), "no deliveries")?;
    Ok(exit::OK)
}

/// Where a delivery stands, in words.
pub fn state(of: &Delivery, config: &Config) -> String {
    let attempts = format!("{} attempt{}", of.attempts, if of.attempts == 1 { "" } else { "s" });
    let why = match (&of.last_error, of.last_status) {
        (Some(error), _) => format!(": {error}"),
        (None, Some(status)) => format!(": {status}"),
        (None, None) => String::new(),
    };
    match (of.state, of.next_at) {
        (DeliveryState::Delivered, _) => format!("delivered after {attempts}{why}"),
        (DeliveryState::Skipped, _) => format!("skipped{why}"),
        (DeliveryState::Dead, _) => format!("dead after {attempts}{why}"),
        (DeliveryState::Pending, next) => {
            format!("pending after {attempts}{why}, due {}", or_dash(next.map(|at| local(at, config))))
        }
    }
}

fn show(config: &Config, id: i64, json: bool) -> anyhow::Result<u8> {
    let Some((delivery, attempts, event)) = open_read(config)?.delivery(id)? else {
        return Err(Wrong::Data(format!("no delivery {id}: `leadmilter deliveries` lists them")).into());
    };
    let event: serde_json::Value = serde_json::from_str(&event)?;
    if json {
        let mut object = serde_json::to_value(&delivery)?;
        if let Some(object) = object.as_object_mut() {
            object.insert("attempt_log".into(), serde_json::to_value(&attempts)?);
            object.insert("event".into(), event);
        }
        json_lines(&[object])?;
        return Ok(exit::OK);
    }
    text(&format!("{:<10}{} to sink {}: {}", "delivery", delivery.id, delivery.sink, state(&delivery, config)))?;
    for attempt in &attempts {
        text(&format!("{:<10}{}", "attempt", attempt_line(attempt, config)))?;
    }
    text(&serde_json::to_string_pretty(&event)?)?;
    Ok(exit::OK)
}

fn attempt_line(of: &Attempt, config: &Config) -> String {
    let status = or_dash(of.status);
    let error = of.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    let answer = of.answer.as_ref().filter(|answer| !answer.is_empty());
    let answer = answer.map(|answer| format!(", answer {answer:?}")).unwrap_or_default();
    printable(&format!(
        "{} at {}, {} ms, status {status}{error}{answer}",
        of.number,
        local(of.at, config),
        of.duration_ms
    ))
}
