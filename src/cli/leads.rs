//! `leadmilter leads`: what was recorded.

use clap::Subcommand;

use super::{
    exit::{self, Wrong},
    open_read,
    output::{json_lines, local, or_dash, printable, table, text},
};
use crate::{
    address::Address,
    clock::Millis,
    config::Config,
    lead::Lead,
    store::{DeliveryFilter, LeadFilter},
};

/// List recorded leads, or show one
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  leadmilter leads
  leadmilter leads list --channel billboard-m11 --since 2026-11-01 --json
  leadmilter leads show 01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b33"
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List leads, newest first
    List(List),
    /// Show one lead with its deliveries
    Show {
        /// The lead's id, as in X-Lead-Id
        id: String,
        /// Print the lead as one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only leads of this channel
    #[arg(long, value_name = "ID")]
    channel: Option<String>,

    /// Only leads of this sender
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<String>,

    /// Only leads received at or after this time: 2026-11-22 or 2026-11-22T04:26:10Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,

    /// Only leads received before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,

    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,

    /// Print one JSON object a line, in the form of the event's `data`
    #[arg(long)]
    json: bool,
}

pub fn run(config: &Config, args: &Args) -> anyhow::Result<u8> {
    match &args.command {
        Some(Command::Show { id, json }) => show(config, id, *json),
        Some(Command::List(list)) => listing(config, list),
        None => listing(config, &args.list),
    }
}

fn listing(config: &Config, list: &List) -> anyhow::Result<u8> {
    let sender = list
        .sender
        .as_deref()
        .map(|text| Address::parse(text).ok_or_else(|| Wrong::Usage(format!("--sender: {text:?} is no mail address"))));
    let filter = LeadFilter {
        channel: list.channel.clone(),
        sender: sender.transpose()?.map(|address| address.to_string()),
        since: time("--since", list.since.as_deref(), config)?,
        until: time("--until", list.until.as_deref(), config)?,
        limit: list.limit,
    };
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
        if lead.repeat.unique { "new".into() } else { format!("repeat {}", lead.repeat.count) },
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
    let filter = DeliveryFilter { lead_id: Some(id.to_owned()), limit: 100, ..DeliveryFilter::default() };
    for delivery in store.deliveries(&filter)?.into_iter().rev() {
        let state = super::deliveries::state(&delivery, config);
        text(&format!("{:<14}{} to sink {}: {state}", "delivery", delivery.id, delivery.sink))?;
    }
    Ok(exit::OK)
}

fn lines(lead: &Lead, config: &Config) -> Vec<(&'static str, Option<String>)> {
    let of = &lead.attribution;
    let repeat = &lead.repeat;
    let unique = match &repeat.first_lead_id {
        None => "new".to_owned(),
        Some(first) => format!("repeat, number {} since lead {first}", repeat.count),
    };
    let mut lines = vec![
        ("lead", Some(lead.lead_id.clone())),
        ("received", Some(local(lead.received_at, config))),
        ("kind", Some(lead.kind.as_str().to_owned())),
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

/// A day in the config's zone, or a moment.
fn time(option: &str, text: Option<&str>, config: &Config) -> anyhow::Result<Option<Millis>> {
    let Some(text) = text else { return Ok(None) };
    let zone = jiff::tz::TimeZone::get(&config.timezone).unwrap_or(jiff::tz::TimeZone::UTC);
    let moment = text.parse::<jiff::Timestamp>().ok();
    let day = || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(zone).ok().map(|zoned| zoned.timestamp());
    let found = moment.or_else(day).ok_or_else(|| {
        Wrong::Usage(format!("{option}: {text:?} is no time: write 2026-11-22 or 2026-11-22T04:26:10Z"))
    })?;
    Ok(Some(Millis(found.as_millisecond())))
}
