//! `leadmilter ingest`: the same path without an MTA, for messages that are on disk or come through a pipe.
//!
//! `source` finds messages, `head` cuts them down to what is read of them, `message` reads one into a letter, `filter`
//! writes it back with its new headers. A message that is a recorded lead already adds nothing, so whatever was missed
//! can be ingested again and again.

#[doc(hidden)] // public for contrib/fuzz alone
pub mod filter;
pub mod head;
#[doc(hidden)] // public for contrib/fuzz alone
pub mod message;
pub mod source;

use std::{
    io::{IsTerminal, stderr, stdout},
    path::PathBuf,
};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::Value;

use self::{
    head::Head,
    message::{Given, Parsed},
};
use super::{
    exit::{self, Wrong},
    output::{count, json_lines, printable, text},
};
use crate::{
    config::Config,
    intake::{Finding, Intake, Outcome, SecondPass},
    lead::Kind,
    maillog::chain,
    store::{Commit, Recorded, Store, StoreError},
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
    /// Recorded, and no leads of their own: other kinds, letters in a thread.
    others: usize,
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
    let intake = Intake::new(config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let store = Store::open_for(&intake.config)?;
    let progress = progress(items.len() as u64);
    let mut tally = Tally::default();
    for item in items {
        progress.inc(1);
        for (name, head) in item.messages() {
            let report = match head {
                Ok(head) => runtime.block_on(one(&intake, &store, args, name, &head, &mut tally)),
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

async fn one(intake: &Intake, store: &Store, args: &Args, file: String, head: &Head, tally: &mut Tally) -> Report {
    let report = |kind, reason: Option<String>| Report { file, kind, reason, duplicate: false, event: None };
    let Parsed { letter, mut arrival, .. } = match message::parse(intake, &head.block, head.size, &args.given()) {
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
        Finding::Lead(found) => {
            let Recorded { lead, duplicate, event } = *found;
            let is_own = lead.kind == Kind::Lead && lead.in_thread_of.is_none();
            let count = match (duplicate, is_own) {
                (true, _) => &mut tally.known,
                (false, true) => &mut tally.recorded,
                (false, false) => &mut tally.others,
            };
            *count += 1;
            let event = serde_json::from_str(&event).ok();
            Report { duplicate, event, ..report(Some(lead.kind.as_str()), lead.kind_reason) }
        }
        Finding::Trusted | Finding::Untracked => {
            tally.untracked += 1;
            let reason = "no recipient is a substitute address, or the letter is erased or older than what is kept";
            report(None, Some(reason.into()))
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
        (Some(id), reason) => {
            let known = if report.duplicate { "known " } else { "" };
            let channel = at("/data/channel/id").unwrap_or("-");
            let thread = at("/data/in_thread_of").map(|lead| format!(", in the thread of {lead}")).unwrap_or_default();
            let reason = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            format!("{known}{} {id}, channel {channel}{thread}{reason}", report.kind.unwrap_or("lead"))
        }
        (None, Some(reason)) => format!("no lead: {reason}"),
        (None, None) => "no lead".to_owned(),
    };
    text(&format!("{}: {}", printable(&report.file), printable(&said)))
}

fn conclude(tally: Tally, args: &Args) -> anyhow::Result<u8> {
    let Tally { recorded, known, others, untracked, unreadable, failed } = tally;
    if !args.json {
        let would = if args.dry_run { "would be " } else { "" };
        let (recorded, untracked) = (count(recorded, "lead"), count(untracked, "message"));
        let others =
            if others > 0 { format!(", {others} recorded that are no leads of their own") } else { String::new() };
        text(&format!("{recorded} {would}recorded, {known} known already{others}, {untracked} without a lead"))?;
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
