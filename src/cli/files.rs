//! Files of costs and outcomes: read, looked at with progress, refused row by row.

use std::{
    fs::File,
    io::{IsTerminal, Read, stderr, stdin},
    path::PathBuf,
};

use anyhow::Context;
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    exit::Wrong,
    output::{count, printable},
};
use crate::feedback::{self, LARGEST, Refusals, Unreadable};

/// What files are.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// By the first character
    Auto,
    /// A table
    Csv,
    /// Objects
    Json,
}

impl From<Format> for feedback::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Auto => Self::Auto,
            Format::Csv => Self::Csv,
            Format::Json => Self::Json,
        }
    }
}

/// The names of files and what is in them; `-` is stdin. Of one that is too large, enough to see that it is.
pub fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let most = LARGEST as u64 + 1;
    let one = |path: &PathBuf| {
        let mut octets = Vec::new();
        let is_stdin = path.as_os_str() == "-";
        let name = if is_stdin { "stdin".to_owned() } else { printable(&path.display().to_string()) };
        let done = match is_stdin {
            true => stdin().lock().take(most).read_to_end(&mut octets),
            false => File::open(path).and_then(|file| file.take(most).read_to_end(&mut octets)),
        };
        done.with_context(|| format!("{name} cannot be read"))?;
        Ok((name, octets))
    };
    paths.iter().map(one).collect()
}

/// What each file says, with a bar on a terminal.
pub fn look<T>(
    files: &[(String, Vec<u8>)],
    mut one: impl FnMut(&[u8], &mut dyn FnMut(usize)) -> Result<T, Unreadable>,
) -> anyhow::Result<Vec<(&str, T)>> {
    let bar = progress(files.iter().map(|(_, octets)| octets.len() as u64).sum());
    let mut behind = 0;
    let mut looked = Vec::new();
    for (name, octets) in files {
        let found = one(octets, &mut |octets| bar.set_position(behind + octets as u64));
        looked.push((name.as_str(), found.map_err(|e| Wrong::Data(format!("{name}: {e}")))?));
        behind += octets.len() as u64;
    }
    bar.finish_and_clear();
    Ok(looked)
}

fn progress(total: u64) -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes}, {eta} left");
    let bar = ProgressBar::new(total);
    style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style))
}

/// Prints every refused row on a line of its own, unless that is told otherwise; gives back the error that says how many
/// there are.
pub fn refusal<'a>(files: impl Iterator<Item = (&'a str, &'a Refusals)>, is_told: bool) -> anyhow::Error {
    let (mut refused, mut printed) = (0, 0);
    for (file, refusals) in files {
        refused += refusals.count();
        for refusal in refusals.told().iter().filter(|_| !is_told) {
            printed += 1;
            eprintln!("{}", printable(&format!("{file}:{}: {}", refusal.line, refusal.detail)));
        }
    }
    let more = refused - printed;
    let more = if more > 0 && !is_told { format!(", {more} of them not shown") } else { String::new() };
    Wrong::Data(format!("nothing was imported: {} refused{more}", rows(refused))).into()
}

/// `; nobody reads TrafficSource`, for columns that mean nothing; empty if there are none.
pub fn unread(columns: &[String]) -> String {
    let columns: Vec<_> = columns.iter().map(|name| printable(name)).collect();
    if columns.is_empty() { String::new() } else { format!("; nobody reads {}", columns.join(", ")) }
}

/// `1 row`, `2 rows`.
pub fn rows(number: u64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "row")
}
