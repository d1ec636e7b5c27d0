//! Makes a store of a whole year for `contrib/bench/run reports`.
//!
//! `year FOLDER LETTERS SEED LAST-DAY`: writes config, key and store below FOLDER, which has none yet. Prints one JSON object.

#![allow(clippy::print_stdout, reason = "a program for contrib/bench: what it prints is its result")]

#[path = "../../tests/it/year/mod.rs"]
mod year;

use std::{path::Path, time::Instant};

use anyhow::{Context, anyhow, bail};
use leadmilter::{
    clock::Millis,
    config,
    store::{Retention, Visits},
};
use serde_json::json;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, letters, seed, last] = arguments.as_slice() else { bail!("usage: year FOLDER LETTERS SEED LAST-DAY") };
    let plan = year::Plan {
        seed: seed.parse().context("SEED is no number")?,
        letters: letters.parse().context("LETTERS is no number")?,
        last: last.parse().context("LAST-DAY is no day")?,
        days: 365,
    };
    let began = Instant::now();
    let top = "timezone = \"Europe/Moscow\"\n";
    let said = |done: u64| {
        if done.is_multiple_of(50_000) {
            eprintln!("{done} letters in {:.0} s", began.elapsed().as_secs_f64());
        }
    };
    let folder = Path::new(folder);
    let filled = year::fill::fill(folder, top, plan, said).map_err(|e| anyhow!("{e}"))?;
    // As a daemon has done by now that has run all year.
    let loaded = config::load(&folder.join("config.toml")).map_err(|faults| anyhow!("{faults}"))?;
    let dynamic = loaded.config.dynamic.context("the year's config has no [dynamic]")?;
    let retention = Retention { compact: dynamic.compact, purge: dynamic.retention };
    let visits = Visits::open(&folder.join("store"))?;
    tokio::runtime::Runtime::new()?.block_on(visits.retain(retention, Millis::now()))?;
    println!(
        "{}",
        json!({"letters": filled.letters, "visits": filled.visits, "outcomes": filled.outcomes, "costs": filled.costs,
            "seconds": began.elapsed().as_secs_f64()})
    );
    Ok(())
}
