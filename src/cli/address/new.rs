//! `leadmilter address new`: order a dynamic address, for a page without scripts, a signature, or print.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use serde::Serialize;

use super::{
    super::{
        exit::{self, Wrong},
        output::{json_lines, text},
    },
    qr,
};
use crate::{
    channel::Utm,
    clock::Millis,
    config::Config,
    intake::Intake,
    issuing::{Issued, Issuer, Order, OrderError},
    store::Visits,
};

/// Make a dynamic address, for a page without scripts, a signature, or print
///
/// Its letters count for the channel and the UTM values that are given here. A running daemon knows it at once.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leadmilter address new --channel newsletter
  leadmilter address new --utm source=fair --utm medium=offline --qr stand.svg
  leadmilter address new --landing 'https://company.ru/pumps?utm_source=yandex' --mailbox sales@company.ru --json")]
pub struct Args {
    /// The channel that it belongs to; its UTM values are taken if none are given
    #[arg(long, value_name = "ID")]
    channel: Option<String>,
    /// A UTM value: source, medium, campaign, term or content; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    utm: Vec<String>,
    /// The page that the visitor began on, from which UTM values and channel are taken
    #[arg(long, value_name = "URL")]
    landing: Option<String>,
    /// The page that the visitor came from
    #[arg(long, value_name = "URL")]
    referrer: Option<String>,
    /// A value of your own that its leads carry; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    custom: Vec<String>,
    /// A mailbox to have the address of; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    mailbox: Vec<String>,
    /// Write a QR code of the address to this SVG file; - for stdout
    #[arg(long, value_name = "FILE")]
    qr: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    token: String,
    addresses: BTreeMap<String, String>,
    channel: Option<String>,
    issued_at: Millis,
}

pub fn run(config: Config, args: &Args) -> anyhow::Result<u8> {
    let order = Order {
        channel: args.channel.clone(),
        utm: utm(&args.utm)?,
        landing: args.landing.clone(),
        referrer: args.referrer.clone(),
        client: BTreeMap::new(),
        custom: args.custom.iter().map(|pair| split(pair)).collect::<Result<_, _>>()?,
        mailboxes: args.mailbox.clone(),
    };
    if args.qr.is_some() && args.mailbox.len() > 1 {
        return Err(Wrong::Usage("--qr is for one address: name one --mailbox".to_owned()).into());
    }
    let visits = Visits::open(&config.store.folder)?;
    let issuer = Issuer::new(Arc::new(Intake::new(config)), visits);
    let issuer = issuer.ok_or_else(|| Wrong::Data("the config has no [dynamic], which addresses need".to_owned()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let Issued { token, addresses, issued_at, channel } =
        runtime.block_on(issuer.order(order, Millis::now())).map_err(|e| match e {
            OrderError::Store(e) => e.into(),
            other => anyhow::Error::from(Wrong::Data(other.to_string())),
        })?;
    if let (Some(file), Some(address)) = (&args.qr, addresses.values().next()) {
        qr::write(file, address)?;
    }
    if args.json {
        json_lines(&[Report { token: token.to_string(), addresses, channel, issued_at }])?;
    } else if args.qr.as_deref() != Some("-".as_ref()) {
        addresses.values().try_for_each(|address| text(address))?;
    }
    Ok(exit::OK)
}

fn split(pair: &str) -> Result<(String, String), Wrong> {
    let parts = pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    parts.filter(|(name, _)| !name.is_empty()).ok_or_else(|| Wrong::Usage(format!("{pair:?} is not NAME=VALUE")))
}

fn utm(pairs: &[String]) -> Result<Utm, Wrong> {
    let mut utm = Utm::default();
    for pair in pairs {
        let (name, value) = split(pair)?;
        let place = match name.trim_start_matches("utm_") {
            "source" => &mut utm.source,
            "medium" => &mut utm.medium,
            "campaign" => &mut utm.campaign,
            "term" => &mut utm.term,
            "content" => &mut utm.content,
            _ => {
                let said = format!("{name:?} is no UTM value: write source, medium, campaign, term or content");
                return Err(Wrong::Usage(said));
            }
        };
        *place = value;
    }
    Ok(utm)
}
