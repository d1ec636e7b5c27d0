//! `leadmilter sink`: list and test sinks, make and rotate secrets.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Subcommand;
use serde::Serialize;
use uuid::Uuid;

use super::{
    exit::{self, Wrong},
    output::{json_lines, local, or_dash, table, text},
};
use crate::{
    clock::Millis,
    config::{self, Config},
    event::{Event, EventType},
    sinks::{Message, Sink, Verdict, signature},
    store::{CountsBySink, SinkCounts, Store, StoreError},
};

/// Secrets that a file may hold: the new one and the one before.
const SECRETS: usize = 2;

/// List and test sinks, make secrets
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List sinks with the state of their deliveries
    List {
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Send a webhook.ping event to a sink now and say what it answered
    Test {
        /// The sink's id
        id: String,
    },
    /// Make a signing secret
    ///
    /// Without options it is printed. A receiver must know a new secret before the old one goes: with --rotate both
    /// sign, until --retire takes the old one away. SIGHUP makes a running daemon read the file again.
    #[command(after_help = "\
Examples:
  leadmilter sink secret --file /etc/leadmilter/crm.secret
  leadmilter sink secret --file /etc/leadmilter/crm.secret --rotate
  leadmilter sink secret --file /etc/leadmilter/crm.secret --retire")]
    Secret {
        /// Write it to this new file, readable by its owner and the group of its folder
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Put a new secret before the one in the file
        #[arg(long, requires = "file", conflicts_with = "retire")]
        rotate: bool,
        /// Take the older secret out of the file
        #[arg(long, requires = "file")]
        retire: bool,
    },
}

pub fn run(path: &Path, args: &Args) -> anyhow::Result<u8> {
    match &args.command {
        Command::List { json } => list(&config::load(path)?.config, *json),
        Command::Test { id } => test(&config::load(path)?.config, id),
        Command::Secret { file, rotate, retire } => secret(file.as_deref(), *rotate, *retire),
    }
}

/// A sink as `list --json` prints it.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    id: &'a str,
    preset: &'static str,
    host: String,
    events: &'a [EventType],
    #[serde(flatten)]
    counts: SinkCounts,
}

fn list(config: &Config, json: bool) -> anyhow::Result<u8> {
    let mut counts = match Store::open_read(&config.store.folder) {
        Ok(store) => store.sink_counts()?,
        Err(StoreError::Missing(_)) => CountsBySink::new(),
        Err(e) => return Err(e.into()),
    };
    let listed: Vec<Listed<'_>> = config
        .sinks
        .iter()
        .map(|sink| Listed {
            id: &sink.id,
            preset: sink.preset.as_str(),
            host: sink.url.host_str().unwrap_or_default().to_owned(),
            events: &sink.events,
            counts: counts.remove(&sink.id).unwrap_or_default(),
        })
        .collect();
    if json {
        json_lines(&listed)?;
        return Ok(exit::OK);
    }
    let row = |of: &Listed<'_>| {
        vec![
            of.id.to_owned(),
            of.preset.to_owned(),
            of.host.clone(),
            of.counts.pending.to_string(),
            of.counts.delivered.to_string(),
            of.counts.dead.to_string(),
            or_dash(of.counts.oldest_pending_at.map(|at| local(at, config))),
        ]
    };
    let headings = ["SINK", "PRESET", "HOST", "PENDING", "DELIVERED", "DEAD", "OLDEST PENDING"];
    table(&headings, listed.iter().map(row).collect(), "no sinks")?;
    for (id, left) in counts.iter().filter(|(_, left)| left.pending > 0) {
        text(&format!("{} deliveries wait for sink {id:?}, which the config does not list", left.pending))?;
    }
    Ok(exit::OK)
}

fn test(config: &Config, id: &str) -> anyhow::Result<u8> {
    let Some(sink) = config.sinks.iter().find(|sink| sink.id == id) else {
        let known: Vec<&str> = config.sinks.iter().map(|sink| sink.id.as_str()).collect();
        return Err(Wrong::Usage(format!("no sink {id:?} in the config, which lists: {}", known.join(", "))).into());
    };
    let opened = Sink::open(sink)?;
    let now = Millis::now();
    let data = serde_json::json!({ "test": true });
    let event = Event::new(EventType::WebhookPing, Uuid::now_v7().to_string(), &config.hostname, 0, now, now, data);
    let body = event.to_json()?;
    let message = Message { event_id: &event.id, event_type: EventType::WebhookPing, body: &body };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(opened.deliver(message));
    let status = answer.status.map(|status| format!(", status {status}")).unwrap_or_default();
    let took = answer.duration.as_millis();
    if answer.verdict == Verdict::Delivered {
        text(&format!("{id}: event {} delivered in {took} ms{status}", event.id))?;
        return Ok(exit::OK);
    }
    let why = answer.error.unwrap_or_else(|| "refused".to_owned());
    let said = answer.answer.filter(|said| !said.is_empty()).map(|said| format!(", answer {said:?}"));
    anyhow::bail!("sink {id}: not delivered after {took} ms{status}: {why}{}", said.unwrap_or_default())
}

fn secret(file: Option<&Path>, rotate: bool, retire: bool) -> anyhow::Result<u8> {
    let Some(file) = file else {
        text(&signature::new_secret()?)?;
        return Ok(exit::OK);
    };
    if !rotate && !retire {
        // The daemon reads it by the folder's group, as it reads the config beside it.
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let group = fs::metadata(folder).with_context(|| format!("cannot look into {}", folder.display()))?.gid();
        create(file, &(signature::new_secret()? + "\n"), group, 0o640)?;
        text(&format!("{}: new secret, give it to the receiver", file.display()))?;
        return Ok(exit::OK);
    }
    let held = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut secrets: Vec<String> =
        held.lines().map(str::trim).filter(|line| line.starts_with("whsec_")).map(str::to_owned).collect();
    if secrets.is_empty() || secrets.len() > SECRETS {
        return Err(Wrong::Data(format!("{}: holds {} secrets, not 1 or 2", file.display(), secrets.len())).into());
    }
    if retire {
        secrets.truncate(1);
    } else {
        if secrets.len() == SECRETS {
            let text = format!("{}: a rotation is under way: finish it with --retire", file.display());
            return Err(Wrong::Data(text).into());
        }
        secrets.insert(0, signature::new_secret()?);
    }
    replace(file, &secrets)?;
    let done = if retire { "only the newer secret signs now" } else { "both secrets sign now, the first one is new" };
    text(&format!("{}: {done}: reload the daemon", file.display()))?;
    Ok(exit::OK)
}

/// Whole or not at all, under the same owner, group and mode.
fn replace(file: &Path, lines: &[String]) -> anyhow::Result<()> {
    let as_before = fs::metadata(file)?;
    let mut early = file.as_os_str().to_owned();
    early.push(format!(".{}", std::process::id()));
    let early = PathBuf::from(early);
    create(&early, &(lines.join("\n") + "\n"), as_before.gid(), as_before.mode())?;
    let replaced = chown(&early, Some(as_before.uid()), None).and_then(|()| fs::rename(&early, file));
    if replaced.is_err() {
        drop(fs::remove_file(&early));
    }
    replaced.with_context(|| format!("cannot replace {}", file.display()))
}

/// A new file with a group and a mode; nobody else can read it at any moment.
fn create(file: &Path, text: &str, group: u32, mode: u32) -> anyhow::Result<()> {
    let make = || {
        let mut made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
        chown(file, None, Some(group))?;
        made.set_permissions(fs::Permissions::from_mode(mode & 0o7777))?;
        made.write_all(text.as_bytes())?;
        made.sync_all()
    };
    make().with_context(|| format!("cannot make {}", file.display()))
}
