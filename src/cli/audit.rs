//! `leadmilter audit`: who saw and changed what.

use nix::unistd::{Uid, User};

use super::{
    exit, leads, open_read,
    output::{json_lines, local, or_dash, table},
};
use crate::{
    clock::Millis,
    config::Config,
    store::{AuditEntry, AuditFilter, Audited},
};

/// Show who saw and changed what, newest first
///
/// The dashboard notes every log-in, every view of a lead and every change; programs and commands that change something note it, too.
/// WHO is person:NAME, token:ID, cli:USER, webhook or daemon.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leadmilter audit
  leadmilter audit --who person:anna --since 2026-11-01
  leadmilter audit --did lead.viewed --json")]
pub struct Args {
    /// Only what they did: person:anna, token:d5b9ccf8bb2e0e50, cli:root
    #[arg(long, value_name = "WHO")]
    who: Option<String>,

    /// Only this: lead.viewed, person.logged_in, delivery.replayed
    #[arg(long, value_name = "WHAT")]
    did: Option<String>,

    /// Only at or after this time: 2026-11-22 or 2026-11-22T04:26:10Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,

    /// Only before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,

    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,

    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub fn run(config: &Config, args: &Args) -> anyhow::Result<u8> {
    let filter = AuditFilter {
        who: args.who.clone(),
        did: args.did.clone(),
        since: leads::time("--since", args.since.as_deref(), config)?,
        until: leads::time("--until", args.until.as_deref(), config)?,
        before: None,
        limit: args.limit,
    };
    let entries = open_read(config)?.audit(&filter)?;
    if args.json {
        json_lines(&entries)?;
        return Ok(exit::OK);
    }
    let row = |Audited { entry, .. }: &Audited| {
        vec![
            local(entry.at, config),
            entry.who.clone(),
            entry.did.clone(),
            entry.what.clone(),
            or_dash(entry.details.as_ref()),
        ]
    };
    table(&["AT", "WHO", "DID", "WHAT", "DETAILS"], entries.iter().map(row).collect(), "nothing was noted yet")?;
    Ok(exit::OK)
}

/// What the user of this command did now.
pub fn entry(did: &str, what: &str, details: Option<String>) -> AuditEntry {
    AuditEntry { at: Millis::now(), who: who(), did: did.to_owned(), what: what.to_owned(), details }
}

/// `cli:root`; the number of a user without a name.
pub fn who() -> String {
    let user = Uid::current();
    let name = User::from_uid(user).ok().flatten().map_or_else(|| user.to_string(), |user| user.name);
    format!("cli:{name}")
}
