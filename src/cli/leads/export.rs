//! `leadmilter leads export`: all leads, page by page, so that a store of millions needs no memory to speak of.

use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use indicatif::ProgressBar;

use super::{
    super::{audit, exit, open_read, output::count},
    Which,
};
use crate::{config::Config, language::Language, report::export::LeadLines, store::Store};

/// Leads that are read at once.
const PAGE: u32 = 500;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leadmilter leads export --out leads.csv
  leadmilter leads export --since 2026-11-01 --until 2026-12-01 --channel billboard-m11 --lang ru --out m11.csv
  leadmilter leads export --kind all --json | gzip > leads.ndjson.gz")]
pub struct Args {
    #[command(flatten)]
    which: Which,

    /// Write one JSON object a line, in the form of the event's `data`, instead of CSV
    #[arg(long)]
    json: bool,

    /// How CSV is written: en has commas between fields, ru semicolons and decimal commas, as spreadsheets expect it
    #[arg(long, value_name = "LANGUAGE", default_value = "en")]
    lang: Language,

    /// The file to write; standard output if not said
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub fn run(config: &Config, args: &Args) -> anyhow::Result<u8> {
    let filter = args.which.filter(config, PAGE)?;
    let store = open_read(config)?;
    note(config, &args.which)?;
    let zone = jiff::tz::TimeZone::get(&config.timezone).unwrap_or(jiff::tz::TimeZone::UTC);
    let lines = LeadLines::new(args.lang, zone);
    let mut out = open(args.out.as_deref())?;
    let cannot = || {
        args.out.as_ref().map_or_else(
            || "cannot write to standard output".to_owned(),
            |path| format!("cannot write {}", path.display()),
        )
    };
    if !args.json {
        out.write_all(&lines.headings()?).with_context(cannot)?;
    }
    let progress = match &args.out {
        Some(_) if io::stderr().is_terminal() => ProgressBar::new_spinner(),
        _ => ProgressBar::hidden(),
    };
    let mut after = None;
    loop {
        let page = store.leads_after(&filter, after)?;
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        let leads = page.iter().map(|(_, lead)| lead);
        if args.json {
            for lead in leads {
                serde_json::to_writer(&mut out, lead).map_err(io::Error::from).with_context(cannot)?;
                out.write_all(b"\n").with_context(cannot)?;
            }
        } else {
            out.write_all(&lines.lines(leads)?).with_context(cannot)?;
        }
        progress.inc(page.len() as u64);
        progress.set_message(count(usize::try_from(progress.position()).unwrap_or(usize::MAX), "lead"));
    }
    progress.finish_and_clear();
    out.flush().with_context(cannot)?;
    Ok(exit::OK)
}

/// Who takes leads out of the store stands in the audit log before they do.
fn note(config: &Config, which: &Which) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let store = Store::open(&config.store.folder)?;
    let noted = runtime.block_on(store.note_audit(audit::entry("leads.exported", &which.told(), None)));
    runtime.block_on(store.close(Duration::from_secs(10)));
    Ok(noted?)
}

fn open(path: Option<&Path>) -> anyhow::Result<Box<dyn Write>> {
    Ok(match path {
        Some(path) => {
            let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            Box::new(BufWriter::new(file))
        }
        None => Box::new(BufWriter::new(io::stdout().lock())),
    })
}
