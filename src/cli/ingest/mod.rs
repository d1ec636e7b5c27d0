//! `leadmilter ingest`: the same path without an MTA, for messages that are on disk or come through a pipe.
//!
//! `source` finds messages, `message` reads one into a letter, `filter` writes it back with its new headers. A message
//! that is a recorded lead already adds nothing, so whatever was missed can be ingested again and again.

mod filter;
mod message;
mod source;

use std::{
    io::{IsTerminal, Write, stderr, stdout},
    path::PathBuf,
};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::Value;

use self::message::{Given, Parsed};
use super::{
    exit::{self, Wrong},
    output::{count, json_lines, printable, text},
};
use crate::{
    config::Config,
    intake::{Finding, Intake, Outcome, SecondPass},
    maillog::chain,
    store::{Commit, Store, StoreError},
};

/// Take in messages without an MTA: from stdin, files, Maildirs or mboxes
///
/// Recipients are taken from --recipient, else from X-Original-To, Delivered-To and their kin that the delivering
/// server wrote; the sender from --sender, else from Return-Path. To: and Cc: are never looked at. A message that is
/// recorded already adds nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leadmilter ingest ~info/Maildir                  what was missed while the store was down
  leadmilter ingest --dry-run --json archive.mbox
  leadmilter ingest --filter --recipient \"$USER@company.ru\" < message    in Sieve or a pipe")]
pub struct Args {
    /// Files, mboxes or Maildirs; stdin if none
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Envelope recipient; may be repeated, the first one is primary
    #[arg(long, value_name = "ADDRESS")]
    recipient: Vec<String>,

    /// Envelope sender; "" for the null sender
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<String>,

    /// Write the message with its new headers to stdout; on any fault, as it came
    #[arg(long, conflicts_with = "json")]
    filter: bool,

    /// Record nothing, only say what would be recorded
    #[arg(long)]
    dry_run: bool,

    /// Print one JSON object a message: file, kind, reason, duplicate, event
    #[arg(long)]
    json: bool,
}

/// What became of one message.
#[derive(Debug, Serialize)]
struct Report {
    file: String,
    kind: Option<&'static str>,
    reason: Option<String>,
    duplicate: bool,
    event: Option<Value>,
}

/// Counts for the last line, and the worst fault for the exit code.
#[derive(Debug, Default)]
struct Tally {
    recorded: usize,
    known: usize,
    untracked: usize,
    unreadable: usize,
    failed: Option<StoreError>,
}

pub fn run(config: anyhow::Result<Config>, args: &Args) -> anyhow::Result<u8> {
    if args.filter {
        if config.is_err() {
            filter::pass_stdin()?;
        }
        return filter::run(config?, args);
    }
    let config = config?;
    let items = source::find(&args.paths)?;
    let folder = config.store.folder.clone();
    let intake = Intake::new(config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let store = Store::open(&folder)?;
    let progress = progress(items.len() as u64);
    let mut tally = Tally::default();
    for item in items {
        progress.inc(1);
        for (name, raw) in item.messages() {
            let report = match raw {
                Ok(raw) => runtime.block_on(one(&intake, &store, args, name, &raw, &mut tally)),
                Err(e) => {
                    tally.unreadable += 1;
                    Report { file: name, kind: None, reason: Some(e.to_string()), duplicate: false, event: None }
                }
            };
            progress.suspend(|| print(&report, args.json))?;
        }
    }
    progress.finish_and_clear();
    runtime.block_on(store.close(std::time::Duration::from_secs(10)));
    conclude(tally, args)
}

async fn one(intake: &Intake, store: &Store, args: &Args, file: String, raw: &[u8], tally: &mut Tally) -> Report {
    let report = |kind, reason: Option<String>| Report { file, kind, reason, duplicate: false, event: None };
    let Parsed { letter, mut arrival, .. } = match message::parse(intake, raw, &args.given()) {
        Ok(parsed) => parsed,
        Err(reason) => {
            tally.untracked += 1;
            return report(None, Some(reason));
        }
    };
    // Somebody asks for what is missing here, so the signature is no reason to believe that it is not.
    arrival.second_pass = SecondPass::Recover;
    let commit = if args.dry_run || intake.config.milter.dry_run { Commit::Dry } else { Commit::Durable };
    let Outcome { finding, .. } = intake.finish(letter, arrival, store, commit).await;
    match finding {
        Finding::Lead(lead) => {
            *if lead.duplicate { &mut tally.known } else { &mut tally.recorded } += 1;
            let event = serde_json::from_str(&lead.event).ok();
            Report { duplicate: lead.duplicate, event, ..report(Some("lead"), None) }
        }
        Finding::Trusted | Finding::Untracked => {
            tally.untracked += 1;
            report(None, Some("no recipient is a substitute address".into()))
        }
        Finding::Fault { cause, .. } => {
            let reason = Some(chain(&cause));
            tally.failed = Some(cause);
            report(None, reason)
        }
    }
}

impl Args {
    fn given(&self) -> Given<'_> {
        Given { recipients: &self.recipient, sender: self.sender.as_deref() }
    }
}

fn print(report: &Report, json: bool) -> anyhow::Result<()> {
    if json {
        return json_lines(&[report]);
    }
    let at = |pointer: &str| report.event.as_ref().and_then(|event| event.pointer(pointer)?.as_str());
    let said = match (at("/data/lead_id"), &report.reason) {
        (Some(id), _) => {
            let known = if report.duplicate { "known lead" } else { "lead" };
            format!("{known} {id}, channel {}", at("/data/channel/id").unwrap_or("-"))
        }
        (None, Some(reason)) => format!("no lead: {reason}"),
        (None, None) => "no lead".to_owned(),
    };
    text(&format!("{}: {}", printable(&report.file), printable(&said)))
}

fn conclude(tally: Tally, args: &Args) -> anyhow::Result<u8> {
    let Tally { recorded, known, untracked, unreadable, failed } = tally;
    if !args.json {
        let would = if args.dry_run { "would be " } else { "" };
        let (recorded, untracked) = (count(recorded, "lead"), count(untracked, "message"));
        text(&format!("{recorded} {would}recorded, {known} known already, {untracked} without a lead"))?;
    }
    if let Some(fault) = failed {
        return Err(fault.into());
    }
    if unreadable > 0 {
        return Err(Wrong::Data(format!("{} could not be read", count(unreadable, "message"))).into());
    }
    Ok(exit::OK)
}

/// A bar on a terminal that nothing else is printed to.
fn progress(total: u64) -> ProgressBar {
    if total < 2 || !stderr().is_terminal() || stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} messages, {eta} left");
    let bar = ProgressBar::new(total);
    style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style))
}

/// Whole bytes to stdout.
fn write_out(bytes: &[u8]) -> std::io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}
