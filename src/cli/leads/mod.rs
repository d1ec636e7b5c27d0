//! `leadmilter leads`: what was recorded.

mod export;

use clap::Subcommand;

use super::{
    audit,
    exit::{self, Wrong},
    open_read,
    output::{json_lines, local, or_dash, printable, table, text},
};
use crate::{
    address::Address,
    clock::Millis,
    config::Config,
    intake::Intake,
    lead::{Kind, Lead, bounded, limit},
    outcome::Outcome,
    store::{DeliveryFilter, LeadFilter, Mark, Store, StoreError},
};

/// List recorded leads, or show one
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  leadmilter leads
  leadmilter leads list --channel billboard-m11 --since 2026-11-01 --json
  leadmilter leads --kind all --json
  leadmilter leads mark 01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b33 spam --reason \"same text to everyone\"
  leadmilter leads show 01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b33
  leadmilter leads export --since 2026-11-01 --out november.csv
  leadmilter leads export --kind all --json | gzip > leads.ndjson.gz"
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List leads, the last recorded first
    List(List),
    /// Show one lead with its deliveries
    Show {
        /// The lead's id, as in X-Lead-Id
        id: String,
        /// Print the lead as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Write all leads as CSV, or as JSON, for a spreadsheet or another program
    ///
    /// The last recorded first, all of them unless a filter says otherwise. CSV has a byte order mark, times in the
    /// config's zone, and no cell that a spreadsheet takes for a formula: an apostrophe stands before what would be one.
    Export(export::Args),
    /// Correct what a message was taken for; the correction is an event of its own
    Mark {
        /// The lead's id
        id: String,
        /// What it is: lead, auto_reply, bounce, complaint, receipt, list, spam, internal, test
        kind: String,
        /// Why, for whoever reads it later
        #[arg(long, default_value = "marked by hand")]
        reason: String,
    },
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    which: Which,

    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,

    /// Print one JSON object a line, in the form of the event's `data`
    #[arg(long)]
    json: bool,
}

/// Which leads.
#[derive(Debug, clap::Args)]
struct Which {
    /// Only leads of this channel
    #[arg(long, value_name = "ID")]
    channel: Option<String>,

    /// Only leads of this sender
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<String>,

    /// This kind of message instead of leads: auto_reply, bounce, complaint, receipt, list, spam, internal, test, or all
    #[arg(long, value_name = "KIND", default_value = "lead")]
    kind: String,

    /// Also letters in the thread of a lead
    #[arg(long)]
    replies: bool,

    /// Only leads received at or after this time: 2026-11-22 or 2026-11-22T04:26:10Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,

    /// Only leads received before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

pub fn run(config: &Config, args: &Args) -> anyhow::Result<u8> {
    match &args.command {
        Some(Command::Show { id, json }) => show(config, id, *json),
        Some(Command::Mark { id, kind, reason }) => mark(config, id, kind, reason),
        Some(Command::List(list)) => listing(config, list),
        Some(Command::Export(export)) => export::run(config, export),
        None => listing(config, &args.list),
    }
}

impl Which {
    /// What was said, for people.
    fn told(&self) -> String {
        let said =
            [("channel", &self.channel), ("sender", &self.sender), ("since", &self.since), ("until", &self.until)];
        let said = said.into_iter().filter_map(|(name, value)| Some(format!(", {name} {}", value.as_deref()?)));
        let replies = if self.replies { ", replies" } else { "" };
        format!("kind {}{replies}{}", self.kind, said.collect::<String>())
    }

    fn filter(&self, config: &Config, limit: u32) -> anyhow::Result<LeadFilter> {
        let sender = self.sender.as_deref().map(|text| {
            Address::parse(text).ok_or_else(|| Wrong::Usage(format!("--sender: {text:?} is no mail address")))
        });
        Ok(LeadFilter {
            channel: self.channel.clone(),
            sender: sender.transpose()?.map(|address| address.to_string()),
            kind: match self.kind.as_str() {
                "all" => None,
                name => Some(kind("--kind", name)?),
            },
            own_only: self.kind == "lead" && !self.replies,
            since: time("--since", self.since.as_deref(), config)?,
            until: time("--until", self.until.as_deref(), config)?,
            limit,
        })
    }
}

fn listing(config: &Config, list: &List) -> anyhow::Result<u8> {
    let filter = list.which.filter(config, list.limit)?;
    let leads = open_read(config)?.leads(&filter)?;
    if list.json {
        json_lines(&leads)?;
    } else {
        let rows = leads.iter().map(|lead| row(lead, config)).collect();
        table(&["RECEIVED", "LEAD", "CHANNEL", "UNIQUE", "SENDER", "SUBJECT"], rows, "no leads")?;
    }
    Ok(exit::OK)
}

fn row(lead: &Lead, config: &Config) -> Vec<String> {
    vec![
        local(lead.received_at, config),
        lead.lead_id.clone(),
        or_dash(lead.channel.as_ref().map(|channel| &channel.id)),
        match (lead.kind, &lead.in_thread_of) {
            (Kind::Lead, Some(_)) => "reply".into(),
            (Kind::Lead, None) if lead.repeat.unique => "new".into(),
            (Kind::Lead, None) if !lead.repeat.counts() => "not counted".into(),
            (Kind::Lead, None) => format!("repeat {}", lead.repeat.count),
            (other, _) => other.as_str().into(),
        },
        or_dash(lead.sender.address.as_ref()),
        or_dash(lead.message.subject.as_ref()),
    ]
}

fn show(config: &Config, id: &str, json: bool) -> anyhow::Result<u8> {
    let store = open_read(config)?;
    let Some(lead) = store.lead(id)? else {
        return Err(Wrong::Data(format!("no lead {id:?}: `leadmilter leads` lists them")).into());
    };
    if json {
        json_lines(&[lead])?;
        return Ok(exit::OK);
    }
    for (name, value) in lines(&lead, config) {
        if let Some(value) = value {
            text(&format!("{name:<14}{}", printable(&value)))?;
        }
    }
    for outcome in store.outcomes_of(id)? {
        text(&format!("{:<14}{}", "outcome", printable(&told(&outcome, config))))?;
    }
    let filter = DeliveryFilter { lead_id: Some(id.to_owned()), limit: 100, ..DeliveryFilter::default() };
    for delivery in store.deliveries(&filter)?.into_iter().rev() {
        let state = super::deliveries::state(&delivery, config);
        text(&format!("{:<14}{} to sink {}: {state}", "delivery", delivery.id, delivery.sink))?;
    }
    Ok(exit::OK)
}

/// `won 1234.50 RUB, "Paid", 2026-11-22 04:26:10, amocrm deal 17`
fn told(outcome: &Outcome, config: &Config) -> String {
    let amount = outcome.amount.zip(outcome.currency);
    let amount = amount.map(|(amount, currency)| format!(" {amount} {currency}")).unwrap_or_default();
    let stage = outcome.stage.as_ref().map(|stage| format!(", {stage:?}")).unwrap_or_default();
    let (system, deal) = (&outcome.system, &outcome.deal_id);
    let system = if system.is_empty() { String::new() } else { format!(", {system}") };
    let deal = if deal.is_empty() { String::new() } else { format!(", deal {deal}") };
    format!("{}{amount}{stage}, {}{system}{deal}", outcome.status, local(outcome.occurred_at, config))
}

fn mark(config: &Config, id: &str, kind_name: &str, reason: &str) -> anyhow::Result<u8> {
    let intake = Intake::new(config.clone());
    let mark = Mark {
        lead_id: id.to_owned(),
        kind: kind("KIND", kind_name)?,
        reason: bounded(reason, limit::TEXT).unwrap_or_default(),
        host: config.hostname.clone(),
        counting: intake.counting(),
        subscribers: intake.subscribers,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let store = Store::open(&config.store.folder)?;
    let noted = audit::entry("lead.marked", id, Some(mark.kind.as_str().to_owned()));
    let marked = runtime.block_on(async {
        let marked = store.mark(mark).await?;
        if marked.is_some() {
            store.note_audit(noted).await?;
        }
        Ok::<_, StoreError>(marked)
    })?;
    runtime.block_on(store.close(std::time::Duration::from_secs(10)));
    let Some(lead) = marked else {
        return Err(Wrong::Data(format!("no lead {id:?}: `leadmilter leads` lists them")).into());
    };
    text(&format!("{id}: {}", printable(&kind_of(&lead))))?;
    Ok(exit::OK)
}

fn kind_of(lead: &Lead) -> String {
    let reason = lead.kind_reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("{}{reason}", lead.kind.as_str())
}

fn lines(lead: &Lead, config: &Config) -> Vec<(&'static str, Option<String>)> {
    let of = &lead.attribution;
    let repeat = &lead.repeat;
    let unique = match &repeat.first_lead_id {
        None if repeat.unique => "new".to_owned(),
        None => "not counted".to_owned(),
        Some(first) => format!("repeat, number {} since lead {first}", repeat.count),
    };
    let mut lines = vec![
        ("lead", Some(lead.lead_id.clone())),
        ("received", Some(local(lead.received_at, config))),
        ("kind", Some(kind_of(lead))),
        ("thread", lead.in_thread_of.clone()),
        ("unique", Some(unique)),
        ("sender", lead.sender.address.clone()),
        ("name", lead.sender.name.clone()),
        ("envelope from", lead.sender.envelope_from.clone()),
        ("subject", lead.message.subject.clone()),
        ("message-id", lead.message.message_id.clone()),
        ("substitute", Some(lead.recipient.substitute.clone())),
        ("mailbox", lead.recipient.real.clone()),
        ("channel", lead.channel.as_ref().map(|channel| format!("{} ({})", channel.id, channel.name))),
        ("status", Some(of.status.as_str().to_owned())),
        ("utm source", of.source.clone()),
        ("utm medium", of.medium.clone()),
        ("utm campaign", of.campaign.clone()),
        ("utm term", of.term.clone()),
        ("utm content", of.content.clone()),
        ("tags", (!lead.tags.is_empty()).then(|| lead.tags.join(", "))),
    ];
    lines.extend(of.touches.iter().map(|touch| {
        let channel = or_dash(touch.channel.as_ref());
        ("touch", Some(format!("{} by {} ({channel})", local(touch.at, config), or_dash(touch.substitute.as_ref()))))
    }));
    lines.push(("queue id", lead.mta.as_ref().and_then(|mta| mta.queue_id.clone())));
    lines
}

fn kind(option: &str, name: &str) -> Result<Kind, Wrong> {
    let known = Kind::ALL.map(Kind::as_str).join(", ");
    Kind::parse(name)
        .ok_or_else(|| Wrong::Usage(format!("{option}: {name:?} is no kind of message: known are {known}")))
}

/// A day in the config's zone, or a moment.
pub fn time(option: &str, text: Option<&str>, config: &Config) -> anyhow::Result<Option<Millis>> {
    let Some(text) = text else { return Ok(None) };
    let zone = jiff::tz::TimeZone::get(&config.timezone).unwrap_or(jiff::tz::TimeZone::UTC);
    let moment = text.parse::<jiff::Timestamp>().ok();
    let day = || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(zone).ok().map(|zoned| zoned.timestamp());
    let found = moment.or_else(day).ok_or_else(|| {
        Wrong::Usage(format!("{option}: {text:?} is no time: write 2026-11-22 or 2026-11-22T04:26:10Z"))
    })?;
    Ok(Some(Millis(found.as_millisecond())))
}
