//! `leadmilter deliveries replay`: sends events again that were given up, or that a sink was never given.
//!
//! Works in slices, with progress on a terminal, so that a running daemon's mail goes on in between. Stopped half-way, it may be
//! run again: what was made due is pending, and no more in the state that is asked for, unless it has arrived by then.

use std::{
    collections::BTreeSet,
    io::{IsTerminal, stderr, stdout},
    time::{Duration, Instant},
};

use indicatif::ProgressBar;
use serde::Serialize;
use tokio::runtime::Runtime;

use super::{
    super::{
        exit::{self, Wrong},
        leads::time,
        output::{count, json_lines, text},
        sink::named,
    },
    State,
};
use crate::{
    config::Config,
    store::{DeliveryState, Replay, Store},
};

/// Between two slices, at least.
const BREATH: Duration = Duration::from_millis(150);

/// Send events again, under the same ids and with fresh signatures
///
/// Name deliveries by id, or all of one sink in a state. With --missing, a sink gets the recorded leads that it wants and was
/// never told of, because it was added later.
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
    #[arg(long, default_value = "dead", requires = "sink", conflicts_with_all = ["ids", "missing"])]
    state: State,

    /// Leads that the sink wants and was never told of
    #[arg(long, requires = "sink", conflicts_with = "ids")]
    missing: bool,

    /// Only what was put into the outbox, or recorded, at or after this time: 2026-11-22 or 2026-11-22T04:26:10Z
    #[arg(long, value_name = "TIME", requires = "sink", conflicts_with = "ids")]
    since: Option<String>,

    /// Only what was put into the outbox, or recorded, before this time
    #[arg(long, value_name = "TIME", requires = "sink", conflicts_with = "ids")]
    until: Option<String>,

    /// Say how many, and send nothing
    #[arg(long)]
    dry_run: bool,

    /// Print the outcome as one JSON object
    #[arg(long)]
    json: bool,
}

/// What was found and done.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    /// Deliveries that fit.
    found: usize,
    /// Those that were made due.
    replayed: usize,
    dry_run: bool,
}

pub fn run(config: &Config, args: &Args) -> anyhow::Result<u8> {
    let replay = asked_for(config, args)?;
    let store = Store::open(&config.store.folder)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let outcome = replay_all(&store, &runtime, &replay, args);
    runtime.block_on(store.close(Duration::from_secs(10)));
    let outcome = outcome?;
    if args.json {
        json_lines(&[&outcome])?;
    } else if args.dry_run {
        text(&format!("{} would be sent", count(outcome.found, "delivery")))?;
    } else {
        text(&format!("{} made due, a running daemon sends them", count(outcome.replayed, "delivery")))?;
    }
    let asked: BTreeSet<i64> = args.ids.iter().copied().collect();
    let left = asked.len().saturating_sub(if args.dry_run { outcome.found } else { outcome.replayed });
    if left > 0 {
        return Err(Wrong::Data(format!("{left} of the ids are not there, or under way")).into());
    }
    Ok(exit::OK)
}

fn replay_all(store: &Store, runtime: &Runtime, replay: &Replay, args: &Args) -> anyhow::Result<Outcome> {
    let is_watched = stderr().is_terminal() && !stdout().is_terminal();
    let bar = if is_watched { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    let mut outcome = Outcome { dry_run: args.dry_run, ..Outcome::default() };
    let mut after = 0;
    loop {
        let slice = store.replay_slice(replay, after)?;
        if slice.last() == after {
            break;
        }
        after = slice.last();
        outcome.found += slice.len();
        if !args.dry_run {
            let begun = Instant::now();
            outcome.replayed += runtime.block_on(store.replay(args.sink.as_deref(), slice))?;
            // SQLite's lock is not fair: a daemon that waits for it looks again after a tenth of a second.
            std::thread::sleep(BREATH.max(2 * begun.elapsed()));
        }
        bar.set_message(count(outcome.found, "delivery"));
        bar.tick();
    }
    bar.finish_and_clear();
    Ok(outcome)
}

fn asked_for(config: &Config, args: &Args) -> anyhow::Result<Replay> {
    let Some(sink) = &args.sink else { return Ok(Replay::These(args.ids.clone())) };
    let listed = named(config, sink)?;
    let since = time("--since", args.since.as_deref(), config)?;
    let until = time("--until", args.until.as_deref(), config)?;
    if !args.missing {
        let state = DeliveryState::from(args.state);
        return Ok(Replay::OfSink { sink: sink.clone(), state, since, until });
    }
    let (events, kinds) = (listed.events.clone(), listed.kinds.clone());
    Ok(Replay::Missing { sink: sink.clone(), events, kinds, since, until })
}
