//! `leadmilter explain`: which rule resolves an address, and to what; with `--message`, what becomes of a message; with
//! `--arrival`, how a visit came.

mod arrival;
mod message;

use std::path::{Path, PathBuf};

use super::{
    exit::{self, Wrong},
    ingest::{message::Given, source::Item},
    output,
};
use crate::{
    clock::Millis,
    config::Config,
    intake::Intake,
    resolve::Explanation,
    store::{StoreError, Visits},
};

/// Say which rule resolves an address, and to what; or what becomes of a message, or how a visit came, and why
///
/// Every spelling of an address that an envelope may carry is accepted: any case, `<…>`, quotes, a source route, either
/// form of an internationalised domain. With --message, nothing is recorded: recipients, kind, tag rules and headers are
/// told as `ingest` would decide on them, and a store is only read. With --arrival, UTM values and channel are told that a
/// visit of this page would get.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leadmilter explain info+m11@company.ru '<INFO@company.ru>'
  leadmilter explain --message letter.eml
  leadmilter explain --message - --recipient info+m11@company.ru --json < letter.eml
  leadmilter explain --arrival 'https://company.ru/pumps?utm_source=yandex&utm_medium=cpc'
  leadmilter explain --arrival https://company.ru/ --referrer https://www.google.com/ --json")]
pub struct Args {
    /// Addresses to resolve
    #[arg(required_unless_present_any = ["message", "arrival"], conflicts_with_all = ["message", "arrival"])]
    #[arg(value_name = "ADDRESS")]
    addresses: Vec<String>,

    /// Say what becomes of this message, or of each in this mbox, and record nothing; - for stdin
    #[arg(long, value_name = "FILE")]
    message: Option<PathBuf>,

    /// Envelope recipient of the message; may be repeated, the first one is primary
    #[arg(long, value_name = "ADDRESS", requires = "message", conflicts_with = "addresses")]
    recipient: Vec<String>,

    /// Envelope sender of the message; "" for the null sender
    #[arg(long, value_name = "ADDRESS", requires = "message", conflicts_with = "addresses")]
    sender: Option<String>,

    /// Say how a visit whose first page is this one came, and which channel it belongs to
    #[arg(long, value_name = "URL", conflicts_with_all = ["message", "recipient", "sender"])]
    arrival: Option<String>,

    /// The page that the visitor came from
    #[arg(long, value_name = "URL", requires = "arrival", conflicts_with = "addresses")]
    referrer: Option<String>,

    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub fn run(config: &Config, args: &Args) -> anyhow::Result<u8> {
    if let Some(path) = &args.message {
        return messages(config, args, path);
    }
    if let Some(landing) = &args.arrival {
        arrival::explain(config, landing, args.referrer.as_deref(), args.json)?;
        return Ok(exit::OK);
    }
    let found = addresses(config, &args.addresses)?;
    if args.json {
        output::json_lines(&found)?;
    } else {
        for one in &found {
            output::text(&sentence(one))?;
        }
    }
    Ok(exit::OK)
}

/// What each of these addresses is; a store of visits is asked if there is one.
fn addresses(config: &Config, addresses: &[String]) -> anyhow::Result<Vec<Explanation>> {
    let intake = Intake::new(config.clone());
    let visits = open_visits(config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let explain = |address: &String| runtime.block_on(intake.explain(address, visits.as_ref(), Millis::now()));
    Ok(addresses.iter().map(explain).collect::<Result<_, _>>()?)
}

/// The visits, if there is a store of them.
pub fn open_visits(config: &Config) -> anyhow::Result<Option<Visits>> {
    match Visits::open_read(&config.store.folder) {
        Ok(visits) => Ok(Some(visits)),
        Err(StoreError::Missing(_)) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

fn messages(config: &Config, args: &Args, path: &Path) -> anyhow::Result<u8> {
    let intake = Intake::new(config.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let given = Given { recipients: &args.recipient, sender: args.sender.as_deref() };
    let item = if path == Path::new("-") { Item::Stdin } else { Item::File(path.to_owned()) };
    for (number, (name, head)) in item.messages().enumerate() {
        let head = head.map_err(|e| Wrong::Data(format!("cannot read {name}: {e}")))?;
        let report = runtime.block_on(message::explain(&intake, name.clone(), &head, &given));
        let report = report.map_err(|reason| Wrong::Data(format!("{name}: {reason}")))?;
        if args.json {
            output::json_lines(&[report])?;
        } else {
            if number > 0 {
                output::text("")?;
            }
            message::print(&report, &config.headers.prefix)?;
        }
    }
    Ok(exit::OK)
}

/// The same for people.
pub fn sentence(found: &Explanation) -> String {
    let address = output::printable(&found.address);
    let to = match (&found.channel, &found.mailbox) {
        (Some(channel), Some(mailbox)) => format!(" {channel}, stands for {mailbox}"),
        _ => String::new(),
    };
    format!("{address}: {}{to} ({})", found.resolution, output::printable(&found.rule))
}
