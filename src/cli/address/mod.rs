//! `leadmilter address`: keys of dynamic addresses, and what is known of substitute addresses beside the config.

mod key;
mod new;
mod qr;
mod show;

use std::time::Duration;

use clap::Subcommand;

use super::{
    exit::{self, Wrong},
    open_read,
    output::{json_lines, local, or_dash, table, text},
};
use crate::{
    address::Address,
    config::Config,
    intake::Intake,
    store::{AddressNote, AddressState, Store},
};

/// Make keys of dynamic addresses; show what is known of addresses beside the config, and correct it
///
/// A dynamic address is named by itself or by its token alone. An address that many unrelated senders write to at once, or that draws spam, is marked leaked: mail to it goes on, and
/// its leads do not count until it is trusted again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leadmilter address list
  leadmilter address show info+m11@company.ru
  leadmilter address show 9gdkczyba0
  leadmilter address new --channel newsletter --qr newsletter.svg
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
    /// Show one address: its channel, or the visits of whom it was shown to, and whether it counts
    Show(show::Args),
    /// Make a dynamic address, for a page without scripts, a signature, or print
    New(new::Args),
    /// Stop counting the leads of a dynamic address: it was harvested
    Revoke(Change),
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
        Command::Show(args) => show::run(config?, args),
        Command::New(args) => new::run(config?, args),
        Command::Revoke(change) => revoke(&config?, change),
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

fn revoke(config: &Config, change: &Change) -> anyhow::Result<u8> {
    if Intake::new(config.clone()).token_in(&change.address).is_none() {
        let said = format!("{:?} is no dynamic address of ours: `address leak` is for others", change.address);
        return Err(Wrong::Data(said).into());
    }
    set(config, change, Some(AddressState::Leaked))
}

fn set(config: &Config, change: &Change, to: Option<AddressState>) -> anyhow::Result<u8> {
    let address = noted_as(&Intake::new(config.clone()), &change.address)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let store = Store::open(&config.store.folder)?;
    runtime.block_on(store.set_address(&address, to, change.reason.as_deref()))?;
    runtime.block_on(store.close(Duration::from_secs(10)));
    text(&format!("{address}: {}", to.map_or("judged anew", state)))?;
    Ok(exit::OK)
}

/// The name that the store keeps an address under: a token is one address, whatever mailbox it stands behind.
fn noted_as(intake: &Intake, text: &str) -> Result<String, Wrong> {
    if let Some(verified) = intake.token_in(text) {
        return Ok(verified.token.to_string());
    }
    let address = Address::from_path(text.as_bytes());
    address.map(|address| address.to_string()).ok_or_else(|| Wrong::Usage(format!("{text:?} is no mail address")))
}

fn state(state: AddressState) -> &'static str {
    match state {
        AddressState::Leaked => "leaked",
        AddressState::Trusted => "trusted",
    }
}
