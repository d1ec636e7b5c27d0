//! `leadmilter costs`: what advertising has cost.

mod import;
mod list;

use clap::Subcommand;

use super::{
    audit, exit,
    output::{count, text},
    write,
};
use crate::{clock::Day, config::Config, store::CostFilter};

/// Take in what advertising has cost, list it, and delete what was taken in by mistake
///
/// A row is known by day, provider, channel, UTM values and campaign id: told again, it replaces what was told before. A row
/// that is not told again stays, so delete a period first if a report has fewer rows than last time.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leadmilter costs import --dry-run direct.tsv
  leadmilter costs import direct.tsv google-ads.csv
  leadmilter costs import --channel billboard-m11 --from 2026-11-01 --to 2026-11-30 billboard.csv
  leadmilter costs list --from 2026-11-01 --unmatched
  leadmilter costs delete --provider yandex_direct --from 2026-11-01 --to 2026-11-30")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take in files; nothing of any is kept if one row of one cannot be used
    Import(import::Args),
    /// List costs by day, and the channel that each belongs to
    List(list::Args),
    /// Delete what one provider told of some days
    Delete(Delete),
}

#[derive(Debug, clap::Args)]
struct Delete {
    /// Whose costs, as `costs list` shows it
    #[arg(long, value_name = "NAME")]
    provider: String,

    /// First day
    #[arg(long, value_name = "DAY")]
    from: Day,

    /// Last day, which is included
    #[arg(long, value_name = "DAY")]
    to: Day,
}

pub fn run(config: &Config, args: &Args) -> anyhow::Result<u8> {
    match &args.command {
        Command::Import(args) => import::run(config, args),
        Command::List(args) => list::run(config, args),
        Command::Delete(args) => delete(config, args),
    }
}

fn delete(config: &Config, args: &Delete) -> anyhow::Result<u8> {
    let filter = CostFilter { from: Some(args.from), to: Some(args.to), provider: Some(args.provider.clone()) };
    let noted = audit::entry("costs.deleted", &args.provider, Some(format!("from {} to {}", args.from, args.to)));
    let deleted = write(config, async |store| store.delete_costs(filter, noted).await)?;
    text(&format!("{} deleted", count(deleted, "row")))?;
    Ok(exit::OK)
}
