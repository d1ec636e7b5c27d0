//! `leadmilter erase`: what is kept of a person goes, and what has left is named.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Serialize;

use super::{
    audit,
    exit::{self, Wrong},
    open_read,
    output::{count, json_lines, local, printable, text},
};
use crate::{
    address::Address,
    config::{Config, Sink},
    intake::{sender_digest, sender_key},
    store::{Erasure, Forgotten, Receiver, Store, StoreError, Trace, Traces},
};

/// Letters of others that are named.
const NAMED: u32 = 100;

/// Erase what is kept of a sender, and say who was told of them
///
/// Leads, events, deliveries with their answers, outcomes and ids of other systems, the visits of web sites that the letters
/// name, and the sender's mark as a harvester: out of the tables, out of the free space of the store's files, and out of
/// their logs. Deliveries that had not arrived are given up. Works beside the running daemon; what the sender writes
/// afterwards is recorded anew, and a copy of an erased letter is not.
///
/// Spellings are one sender as leads.normalize says. What has left this host is not ours to erase: the answer names the
/// sinks that were told and when, journal files, and the letters themselves. The audit log keeps the SHA-256 of the
/// address.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leadmilter erase --dry-run ivan@client.ru
  leadmilter erase ivan@client.ru
  leadmilter erase --json ivan@client.ru > erased.json")]
pub struct Args {
    /// The sender's address
    sender: String,

    /// Say what would be erased, and erase nothing
    #[arg(long)]
    dry_run: bool,

    /// Print the answer as one JSON object
    #[arg(long)]
    json: bool,
}

/// The answer.
#[derive(Serialize)]
struct Answer<'a> {
    sender: &'a str,
    sender_sha256: &'a str,
    dry_run: bool,
    erased: Forgotten,
    /// The letters, which are still where they were delivered.
    letters: &'a [Trace],
    told: Vec<Told<'a>>,
    /// Leads of others whose events tell the address.
    named_in: Vec<String>,
}

/// A sink that was told.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    receiver: &'a Receiver,
    /// Where it sends to; null if the config does not have it any more.
    host: Option<String>,
    /// Files of a journal.
    files: Vec<PathBuf>,
}

pub fn run(config: Config, args: &Args) -> anyhow::Result<u8> {
    let Some(address) = Address::parse(&args.sender) else {
        return Err(Wrong::Usage(format!("{:?} is no mail address", args.sender)).into());
    };
    let key_of = |address: &Address| sender_key(address, config.leads.normalize);
    let key = key_of(&address);
    let is_sender = |text: &str| Address::parse(text).is_some_and(|found| key_of(&found) == key);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let folder = &config.store.folder;
    // Where nothing is kept yet, nothing has to be made.
    let reader = open_read(&config)?;
    let store = if args.dry_run { reader } else { Store::open(folder)? };
    store.open_visits_if_any()?;
    let digest = sender_digest(address.as_str());
    let erasure = Erasure {
        addresses: vec![address.to_string(), key.clone()],
        noted: audit::entry("sender.erased", &digest, None),
        remember: config.privacy.retention,
    };
    let done = runtime.block_on(async {
        let traces = store.traces(is_sender).await?;
        if args.dry_run {
            let erased = traces.counts;
            return Ok((erased, traces, true));
        }
        let (erased, left) = store.erase(&traces, is_sender, erasure).await?;
        Ok::<_, StoreError>((erased, traces, left > 0))
    });
    let (erased, traces, is_named) = done?;
    let mut named_in = if is_named { store.leads_that_tell(address.as_str(), NAMED)? } else { Vec::new() };
    named_in.retain(|id| !traces.letters.iter().any(|letter| letter.lead_id == *id));
    runtime.block_on(store.close(Duration::from_secs(10)));
    let told = traces.receivers.iter().map(|receiver| told(receiver, &config)).collect();
    let answer = Answer {
        sender: address.as_str(),
        sender_sha256: &digest,
        dry_run: args.dry_run,
        erased,
        letters: &traces.letters,
        told,
        named_in,
    };
    if args.json {
        json_lines(&[answer])?
    } else {
        print(&answer, &traces, &config)?
    }
    Ok(exit::OK)
}

fn told<'a>(receiver: &'a Receiver, config: &Config) -> Told<'a> {
    let sink = config.sinks.iter().find(|sink| sink.id == receiver.sink);
    let journal = sink.and_then(|sink| sink.journal.as_ref()).and_then(|journal| journal.path.as_deref());
    let host = sink.and_then(|sink: &Sink| sink.url.as_ref()?.host_str().map(str::to_owned));
    Told { receiver, host, files: journal.map(files).unwrap_or_default() }
}

/// A journal's file, and those that were put aside, by it or by another program.
fn files(journal: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (journal.parent(), journal.file_name()) else { return Vec::new() };
    let is_of_journal = |path: &PathBuf| {
        path.file_name().is_some_and(|found| found.as_encoded_bytes().starts_with(name.as_encoded_bytes()))
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries.map(|entry| entry.path()).filter(is_of_journal).collect();
    found.sort();
    found
}

fn print(answer: &Answer<'_>, traces: &Traces, config: &Config) -> anyhow::Result<()> {
    let Answer { sender, dry_run, erased, .. } = answer;
    let said = match (summary(*erased), dry_run) {
        (None, _) => "nothing is kept".to_owned(),
        (Some(what), true) => format!("would erase {what}"),
        (Some(what), false) => format!("erased {what}"),
    };
    text(&format!("{sender}: {said}"))?;
    if !answer.named_in.is_empty() {
        text(&format!("Leads of others that tell the address: {}", answer.named_in.join(", ")))?;
    }
    if traces.letters.is_empty() {
        return Ok(());
    }
    text("Not ours to erase:")?;
    for Told { receiver, host, files } in &answer.told {
        let place = host.as_ref().map(|host| format!(" ({host})")).unwrap_or_default();
        text(&format!("  sink {}{place}: {}", receiver.sink, arrived(receiver, config)))?;
        for file in files {
            text(&format!("    look into {}", file.display()))?;
        }
    }
    for letter in &traces.letters {
        let id = letter.message_id.as_deref().unwrap_or("without Message-ID");
        let mailbox = letter.mailbox.as_ref().unwrap_or(&letter.substitute);
        let queue = letter.queue_id.as_ref().map(|id| format!(", queue id {id}")).unwrap_or_default();
        let at = local(letter.received_at, config);
        text(&format!("  letter of {at} to {mailbox}, its headers and replies: {}{queue}", printable(id)))?;
    }
    text("  logs of the mail server and of leadmilter; backups, exports and reports that were made before")
}

fn arrived(receiver: &Receiver, config: &Config) -> String {
    let Receiver { events, first_at, last_at, doubtful, .. } = receiver;
    let when = match (first_at, last_at) {
        (Some(first), Some(last)) if first != last => {
            format!(", from {} to {}", local(*first, config), local(*last, config))
        }
        (Some(at), _) => format!(", {}", local(*at, config)),
        _ => String::new(),
    };
    let doubt = if *doubtful > 0 { format!("; {doubtful} more may have arrived") } else { String::new() };
    format!("{}{when}{doubt}", count(usize::try_from(*events).unwrap_or(usize::MAX), "event"))
}

/// `3 leads, 4 events`; `None` for nothing.
fn summary(erased: Forgotten) -> Option<String> {
    let Forgotten { leads, events, deliveries, pending, attempts, outcomes, external_ids, harvesters, visits, audit } =
        erased;
    let parts = [
        (leads, "lead"),
        (events, "event"),
        (deliveries, "delivery"),
        (attempts, "attempt"),
        (outcomes, "outcome"),
        (external_ids, "external id"),
        (harvesters, "harvester"),
        (visits, "visit"),
        (audit, "audit entry"),
    ];
    let is_there = parts.iter().filter(|(number, _)| *number > 0);
    let told: Vec<_> = is_there
        .map(|(number, thing)| {
            let counted = count(usize::try_from(*number).unwrap_or(usize::MAX), thing);
            if *thing == "delivery" && pending > 0 { format!("{counted} ({pending} had not arrived)") } else { counted }
        })
        .collect();
    (!told.is_empty()).then(|| told.join(", "))
}
