//! `leadmilter address`: keys of dynamic addresses, and what is known of substitute addresses beside the config.

mod key;

use std::time::Duration;

use clap::Subcommand;

use super::{
    exit::{self, Wrong},
    open_read,
    output::{json_lines, local, or_dash, printable, table, text},
};
use crate::{
    address::Address,
    config::Config,
    intake,
    store::{AddressNote, AddressState, Store},
};

/// Make keys of dynamic addresses; show what is known of addresses beside the config, and correct it
///
/// An address that many unrelated senders write to at once, or that draws spam, is marked leaked: mail to it goes on, and
/// its leads do not count until it is trusted again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leadmilter address list
  leadmilter address show info+m11@company.ru
  leadmilter address trust info+m11@company.ru --reason \"a fair, not a harvest\"")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List leaked and trusted addresses
    List {
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Show one address: its channel, and whether it counts
    Show {
        /// The address
        address: String,
    },
    /// Count the leads of an address from now on, whatever comes
    Trust(Change),
    /// Stop counting the leads of an address from now on
    Leak(Change),
    /// Forget both: the address is judged again
    Reset(Change),
    /// Make the key that tokens of dynamic addresses are made under
    Key(key::Args),
}

#[derive(Debug, clap::Args)]
struct Change {
    /// The address
    address: String,
    /// Why, for whoever reads it later
    #[arg(long)]
    reason: Option<String>,
}

pub fn run(config: anyhow::Result<Config>, args: &Args) -> anyhow::Result<u8> {
    match &args.command {
        Command::List { json } => list(&config?, *json),
        Command::Show { address } => show(&config?, address),
        Command::Trust(change) => set(&config?, change, Some(AddressState::Trusted)),
        Command::Leak(change) => set(&config?, change, Some(AddressState::Leaked)),
        Command::Reset(change) => set(&config?, change, None),
        // The config may name the very key that is to be made.
        Command::Key(args) => key::run(args),
    }
}

fn list(config: &Config, json: bool) -> anyhow::Result<u8> {
    let notes = open_read(config)?.address_notes()?;
    if json {
        json_lines(&notes)?;
        return Ok(exit::OK);
    }
    let row = |note: &AddressNote| {
        let reason = or_dash(note.reason.as_ref());
        vec![note.address.clone(), state(note.state).to_owned(), local(note.since, config), reason]
    };
    table(
        &["ADDRESS", "STATE", "SINCE", "REASON"],
        notes.iter().map(row).collect(),
        "no address is leaked or trusted",
    )?;
    Ok(exit::OK)
}

fn show(config: &Config, given: &str) -> anyhow::Result<u8> {
    let address = parse(given)?;
    let found = intake::table(config).explain(given);
    text(&format!("{}: {} ({})", printable(given), found.resolution, printable(&found.rule)))?;
    if let Some(note) = open_read(config)?.address_note(address.as_str())? {
        let reason = note.reason.map(|reason| format!(": {}", printable(&reason))).unwrap_or_default();
        text(&format!("{} since {}{reason}", state(note.state), local(note.since, config)))?;
    }
    Ok(exit::OK)
}

fn set(config: &Config, change: &Change, to: Option<AddressState>) -> anyhow::Result<u8> {
    let address = parse(&change.address)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let store = Store::open(&config.store.folder)?;
    runtime.block_on(store.set_address(address.as_str(), to, change.reason.as_deref()))?;
    runtime.block_on(store.close(Duration::from_secs(10)));
    text(&format!("{address}: {}", to.map_or("judged anew", state)))?;
    Ok(exit::OK)
}

fn parse(text: &str) -> Result<Address, Wrong> {
    Address::from_path(text.as_bytes()).ok_or_else(|| Wrong::Usage(format!("{text:?} is no mail address")))
}

fn state(state: AddressState) -> &'static str {
    match state {
        AddressState::Leaked => "leaked",
        AddressState::Trusted => "trusted",
    }
}
