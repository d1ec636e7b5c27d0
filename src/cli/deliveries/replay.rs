//! `leadmilter deliveries replay`: sends events again that were given up, or that a sink was never given.
//!
//! Works in slices, with progress on a terminal, so that a running daemon's mail goes on in between. Stopped half-way, it may be run
//! again: what was made due already is pending, and no more in the state that is asked for.

use std::{
    io::{IsTerminal, stderr, stdout},
    time::Duration,
};

use indicatif::ProgressBar;

use super::{
    super::{
        exit::{self, Wrong},
        leads::time,
        output::{count, json_lines, text},
    },
    State,
};
use crate::{
    config::Config,
    store::{DeliveryState, Replay, Store},
};

/// Send events again, under the same ids and with fresh signatures
///
/// Name deliveries by id, or all of one sink in a state. With --missing, a sink gets the recorded events that it wants and never
/// was given, because it was added later or the config did not list it then.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leadmilter deliveries replay 42 43
  leadmilter deliveries replay --sink crm
  leadmilter deliveries replay --sink crm --state delivered --since 2026-11-20 --until 2026-11-21
  leadmilter deliveries replay --sink new-crm --missing --since 2026-10-01 --dry-run")]
pub struct Args {
    /// Ids of deliveries, whatever their state
    #[arg(required_unless_present = "sink")]
    ids: Vec<i64>,

    /// Deliveries of this sink
    #[arg(long, value_name = "ID", conflicts_with = "ids")]
    sink: Option<String>,

    /// Those in this state
    #[arg(long, default_value = "dead", requires = "sink", conflicts_with = "missing")]
    state: State,

    /// Events that the sink wants and was never given
    #[arg(long, requires = "sink")]
    missing: bool,

    /// Only what was put into the outbox, or recorded, at or after this time: 2026-11-22 or 2026-11-22T04:26:10Z
    #[arg(long, value_name = "TIME", requires = "sink")]
    since: Option<String>,

    /// Only what was put into the outbox, or recorded, before this time
    #[arg(long, value_name = "TIME", requires = "sink")]
    until: Option<String>,

    /// Say how many, and send nothing
    #[arg(long)]
    dry_run: bool,

    /// Print the outcome as one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(config: &Config, args: &Args) -> anyhow::Result<u8> {
    let replay = asked_for(config, args)?;
    let store = Store::open(&config.store.folder)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let bar = if stderr().is_terminal() && !stdout().is_terminal() {
        ProgressBar::new_spinner()
    } else {
        ProgressBar::hidden()
    };
    let (mut found, mut replayed, mut after) = (0, 0, 0);
    loop {
        let slice = store.replay_slice(&replay, after)?;
        if slice.is_empty() {
            break;
        }
        after = slice.last();
        found += slice.len();
        if !args.dry_run {
            replayed += runtime.block_on(store.replay(args.sink.as_deref(), slice))?;
        }
        bar.set_message(format!("{found} deliveries"));
        bar.tick();
    }
    bar.finish_and_clear();
    runtime.block_on(store.close(Duration::from_secs(10)));
    if !args.ids.is_empty() && !args.dry_run && replayed < args.ids.len() {
        let left = args.ids.len().saturating_sub(replayed);
        let said = format!("{} made due; {left} are not there or under way", count(replayed, "delivery"));
        return Err(Wrong::Data(said).into());
    }
    if args.json {
        json_lines(&[serde_json::json!({ "found": found, "replayed": replayed, "dry_run": args.dry_run })])?;
    } else if args.dry_run {
        text(&format!("{} would be sent", count(found, "delivery")))?;
    } else {
        text(&format!("{} made due, a running daemon sends them", count(replayed, "delivery")))?;
    }
    Ok(exit::OK)
}

fn asked_for(config: &Config, args: &Args) -> anyhow::Result<Replay> {
    let Some(sink) = &args.sink else { return Ok(Replay::These(args.ids.clone())) };
    let since = time("--since", args.since.as_deref(), config)?;
    let until = time("--until", args.until.as_deref(), config)?;
    if !args.missing {
        let state = DeliveryState::from(args.state);
        return Ok(Replay::OfSink { sink: sink.clone(), state, since, until });
    }
    let Some(listed) = config.sinks.iter().find(|listed| listed.id == *sink) else {
        let known: Vec<&str> = config.sinks.iter().map(|sink| sink.id.as_str()).collect();
        return Err(Wrong::Usage(format!("no sink {sink:?} in the config, which lists: {}", known.join(", "))).into());
    };
    let (events, kinds) = (listed.events.clone(), listed.kinds.clone());
    Ok(Replay::Missing { sink: sink.clone(), events, kinds, since, until })
}
