//! The command line: one file per command, sysexits codes, one line per error.
//!
//! Commands print to stdout what was asked for and to stderr what went wrong. `run` prints nothing: it logs.

mod address;
mod audit;
mod check;
mod costs;
mod deliveries;
mod erase;
mod exit;
mod explain;
mod files;
#[doc(hidden)] // public for contrib/fuzz alone
pub mod ingest;
mod key_file;
mod leads;
mod logs;
mod outcomes;
mod output;
mod report;
mod run;
mod sink;
mod token;
mod user;

use std::{ffi::OsString, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};

use crate::{
    config::{self, Config},
    store::{Store, StoreError},
};

/// Tells which advertisement an e-mail came from: a milter for Postfix and Sendmail.
#[derive(Debug, Parser)]
#[command(name = "leadmilter", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    /// The config file
    #[arg(long, short, global = true, value_name = "FILE", default_value = "/etc/leadmilter/config.toml")]
    config: PathBuf,

    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Exit codes: 0 done, 64 wrong usage, 65 bad data, 69 something needed is not available, 75 try again later, 78 bad config.
`leadmilter COMMAND --help` explains each command with examples.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the milter (SIGHUP reloads, SIGTERM drains and stops, SIGUSR1 logs the counters)
    Run,
    /// Check the config and what it needs: one line per fault, with key, line and remedy
    Check,
    /// Say which rule resolves an address, and to what; or what becomes of a message, or how a visit came, and why
    Explain(explain::Args),
    /// Take in messages without an MTA: from stdin, files, Maildirs or mboxes
    Ingest(ingest::Args),
    /// List recorded leads, or show one
    Leads(leads::Args),
    /// Make keys of dynamic addresses; show what is known of addresses beside the config, and correct it
    Address(address::Args),
    /// List deliveries of events to sinks, show one with its attempts, or send some again
    Deliveries(deliveries::Args),
    /// List and test sinks, show presets, make secrets
    Sink(sink::Args),
    /// Make, list and revoke tokens of the HTTP API
    Token(token::Args),
    /// Let people into the dashboard, change what they may do, and let them out again
    User(user::Args),
    /// Show what channels, campaigns and days brought and cost: as a table, JSON, CSV or a workbook
    Report(report::Args),
    /// Show who saw and changed what
    Audit(audit::Args),
    /// Take in what advertising has cost, list it, and delete what was taken in by mistake
    Costs(costs::Args),
    /// Take in what became of leads, and list it
    Outcomes(outcomes::Args),
    /// Erase what is kept of a sender, and say who was told of them
    Erase(erase::Args),
}

/// Runs the command that `arguments` name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(e) => {
            // Help and version are answers, everything else is wrong usage.
            let code = if e.use_stderr() { exit::USAGE } else { exit::OK };
            return if e.print().is_ok() { ExitCode::from(code) } else { ExitCode::from(exit::UNAVAILABLE) };
        }
    };
    match dispatch(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(e) => {
            let (text, code) = exit::explain(&e);
            if !text.is_empty() {
                eprintln!("{text}");
            }
            ExitCode::from(code)
        }
    }
}

fn dispatch(cli: &Cli) -> anyhow::Result<u8> {
    match &cli.command {
        Command::Run => run::run(&cli.config),
        Command::Check => check::run(&cli.config),
        Command::Explain(args) => explain::run(&load(cli)?, args),
        Command::Ingest(args) => ingest::run(load(cli), args),
        Command::Leads(args) => leads::run(&load(cli)?, args),
        Command::Address(args) => address::run(load(cli), args),
        Command::Deliveries(args) => deliveries::run(&load(cli)?, args),
        Command::Sink(args) => sink::run(&cli.config, args),
        Command::Token(args) => token::run(&load(cli)?, args),
        Command::User(args) => user::run(&load(cli)?, args),
        Command::Report(args) => report::run(&load(cli)?, args),
        Command::Audit(args) => audit::run(&load(cli)?, args),
        Command::Costs(args) => costs::run(&load(cli)?, args),
        Command::Outcomes(args) => outcomes::run(&load(cli)?, args),
        Command::Erase(args) => erase::run(load(cli)?, args),
    }
}

fn load(cli: &Cli) -> anyhow::Result<Config> {
    Ok(config::load(&cli.config)?.config)
}

fn open_read(config: &Config) -> anyhow::Result<Store> {
    Ok(Store::open_read(&config.store.folder)?)
}

/// Writes to the store, beside a daemon or without one.
fn write<T>(config: &Config, work: impl AsyncFnOnce(&Store) -> Result<T, StoreError>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let store = Store::open(&config.store.folder)?;
    let done = runtime.block_on(work(&store));
    runtime.block_on(store.close(Duration::from_secs(10)));
    Ok(done?)
}
