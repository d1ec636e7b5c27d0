//! `leadmilter outcomes`: what became of leads.

mod import;
mod list;

use clap::Subcommand;

use crate::config::Config;

/// Take in what became of leads, and list it
///
/// Each outcome that is news is an event, `lead.outcome`, for the sinks that list it. The same outcome told again is no
/// news: it is known by lead, system, deal, status and time, and another stage or amount corrects it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leadmilter outcomes import --system amocrm deals.csv
  leadmilter outcomes list --status won --since 2026-11-01
  leadmilter outcomes list --lead 01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b33 --json")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take in files; nothing of any is recorded if one row of one cannot be used
    Import(import::Args),
    /// List outcomes, newest first
    List(list::Args),
}

pub fn run(config: &Config, args: &Args) -> anyhow::Result<u8> {
    match &args.command {
        Command::Import(args) => import::run(config, args),
        Command::List(args) => list::run(config, args),
    }
}
