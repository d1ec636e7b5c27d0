//! `leadmilter explain`: which rule resolves an address, and to what.

use super::{exit, output};
use crate::{
    config::Config,
    resolve::{Explanation, Table},
};

/// Say which rule resolves an address, and to what
///
/// Every spelling that an envelope may carry is accepted: any case, `<…>`, quotes, a source route, either form of an
/// internationalised domain.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: leadmilter explain info+m11@company.ru '<INFO@company.ru>'")]
pub struct Args {
    /// Addresses to resolve
    #[arg(required = true, value_name = "ADDRESS")]
    addresses: Vec<String>,

    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub fn run(config: &Config, args: &Args) -> anyhow::Result<u8> {
    let table = Table::new(&config.mailboxes, &config.channels);
    let found: Vec<Explanation> = args.addresses.iter().map(|address| table.explain(address)).collect();
    if args.json {
        output::json_lines(&found)?;
    } else {
        for one in &found {
            output::text(&sentence(one))?;
        }
    }
    Ok(exit::OK)
}

fn sentence(found: &Explanation) -> String {
    let address = output::printable(&found.address);
    let to = match (&found.channel, &found.mailbox) {
        (Some(channel), Some(mailbox)) => format!(" {channel}, stands for {mailbox}"),
        _ => String::new(),
    };
    format!("{address}: {}{to} ({})", found.resolution, output::printable(&found.rule))
}
