//! `leadmilter sink`: list, try, pause and resume sinks, show presets, make secrets.

mod circuit;
mod list;
mod preset;
mod secret;
mod test;

use std::path::Path;

use clap::Subcommand;

use super::exit::Wrong;
use crate::config::{self, Config};

/// List and test sinks, show presets, make secrets
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List sinks with the state of their deliveries; exit code 69 if one of them is suspended or switched off
    List {
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    Test(test::Args),
    Preview(test::Preview),
    /// List the presets, each with what it does
    Presets {
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Print the file of a preset, to read it or to write your own
    Show {
        /// The preset's name
        preset: String,
    },
    /// Call a sink again that was suspended, paused, or switched off by its receiver
    Resume {
        /// The sink's id
        id: String,
    },
    /// Stop calling a sink; its events wait
    Pause {
        /// The sink's id
        id: String,
        /// Why, for whoever reads it later
        #[arg(long, default_value = "paused by hand")]
        reason: String,
    },
    Secret(secret::Args),
}

pub fn run(path: &Path, args: &Args) -> anyhow::Result<u8> {
    let load = || config::load(path).map(|loaded| loaded.config);
    match &args.command {
        Command::List { json } => list::run(&load()?, *json),
        Command::Test(args) => test::run(&load()?, args),
        Command::Preview(args) => test::preview(&load()?, args),
        Command::Presets { json } => preset::list(*json),
        Command::Show { preset } => preset::show(preset),
        Command::Resume { id } => circuit::resume(&load()?, id),
        Command::Pause { id, reason } => circuit::pause(&load()?, id, reason),
        Command::Secret(args) => secret::run(args),
    }
}

/// The sink of that id, or a fault that names those there are.
pub fn named<'c>(config: &'c Config, id: &str) -> anyhow::Result<&'c config::Sink> {
    config.sinks.iter().find(|sink| sink.id == id).ok_or_else(|| {
        let known: Vec<&str> = config.sinks.iter().map(|sink| sink.id.as_str()).collect();
        Wrong::Usage(format!("no sink {id:?} in the config, which lists: {}", known.join(", "))).into()
    })
}
