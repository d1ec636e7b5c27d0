//! `leadmilter report`: what leads cost and earn, as a table, JSON, CSV or a workbook.

mod help;
mod mail;
mod write;

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::{
    exit::{self, Wrong},
    output::{json_lines, table, text},
};
use crate::{
    clock::Millis,
    config::Config,
    language::Language,
    report::{Entry, Metric, Query, Reporter, Wording, export},
};

/// Show what channels, campaigns and days brought and cost
///
/// A report has numbers (--metrics) by something (--by) over days (--period) of the config's time zone, of what fits its
/// filters. A lead counts on the day on which it was received, and what it earned counts there, too; its touches share it
/// by the attribution model. What cannot be known is shown as a dash, never as 0 or 100 %.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, after_help = help::text())]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    show: Show,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send a report of the config by mail now, of the days that it would tell of last
    Mail(Mail),
    /// List every metric with its unit, its formula and what it tells
    Metrics {
        /// In which language: en or ru; as the config says if not said
        #[arg(long, value_name = "LANGUAGE")]
        lang: Option<Language>,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
struct Mail {
    /// The report's id, as in [[report]]
    id: String,

    /// Print the letter, and send nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// A report ready-made, of which the options change parts: channels if not said
    #[arg(value_name = "PRESET")]
    preset: Option<String>,

    /// What the numbers are broken down by, at most three: channel,campaign; none for one row
    #[arg(long, value_name = "DIMENSION[,DIMENSION]")]
    by: Option<String>,

    /// The numbers, in order; METRIC:MODEL for one by a model of its own, such as leads:linear
    #[arg(long, value_name = "METRIC[,METRIC]")]
    metrics: Option<String>,

    /// Only what has this value, such as channel=billboard-m11; tag= for where there is none. May be repeated: of one
    /// dimension one must fit, of several all
    #[arg(long, value_name = "DIMENSION=VALUE")]
    filter: Vec<String>,

    /// The days: today, yesterday, week, month, year, last-week, last-month, last-year, 30d, all, 2026-11, 2026-11-26 or
    /// 2026-11-01..2026-11-26; 30d if not said
    #[arg(long, value_name = "DAYS")]
    period: Option<String>,

    /// What to compare with: previous (as many days just before), year (the same days a year before)
    #[arg(long, value_name = "WHAT")]
    compare: Option<String>,

    /// How touches share a lead: first, last, last_non_direct, linear, position, decay; as the config says if not said
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,

    /// The order: a metric or dimension of the report, -METRIC for the largest first
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    sort: Option<String>,

    /// Rows at most, those that come first; 1000 if not said
    #[arg(long, value_name = "N")]
    limit: Option<String>,

    /// The language of headings and numbers: en or ru; as the config says if not said
    #[arg(long, value_name = "LANGUAGE")]
    lang: Option<Language>,

    /// Print one JSON object a row; --json=report prints one object with the total, the columns and all notes
    #[arg(long, value_name = "FORM", num_args = 0..=1, require_equals = true, default_missing_value = "rows", group = "form")]
    json: Option<Json>,

    /// Print CSV for spreadsheets; in Russian with semicolons and decimal commas
    #[arg(long, group = "form")]
    csv: bool,

    /// Write a workbook (XLSX) to this file
    #[arg(long, value_name = "FILE", group = "form")]
    xlsx: Option<PathBuf>,

    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE", conflicts_with = "xlsx")]
    out: Option<PathBuf>,
}

/// What a report looks like as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Json {
    /// One object a row.
    Rows,
    /// One object.
    Report,
}

pub fn run(config: &Config, args: &Args) -> anyhow::Result<u8> {
    match &args.command {
        Some(Command::Metrics { lang, json }) => metrics(lang.unwrap_or(config.reports.language), *json),
        Some(Command::Mail(args)) => mail::run(config, args),
        None => show(config, &args.show),
    }
}

fn show(config: &Config, show: &Show) -> anyhow::Result<u8> {
    let reporter = Reporter::new(config);
    let now = Millis::now();
    let query = Query::read(show.pairs(), reporter.today(now), config.reports.model).map_err(Wrong::Usage)?;
    let report = write::with_progress(|progress| reporter.run_with(&query, now, progress))?;
    let wording = Wording::new(config, show.lang.unwrap_or(config.reports.language));
    write::write(&report, &wording, show)?;
    Ok(exit::OK)
}

impl Show {
    /// What was said, in the names that [`Query::read`] knows.
    fn pairs(&self) -> Vec<(&'static str, &str)> {
        let said = [
            ("preset", &self.preset),
            ("by", &self.by),
            ("metrics", &self.metrics),
            ("period", &self.period),
            ("compare", &self.compare),
            ("model", &self.model),
            ("sort", &self.sort),
            ("limit", &self.limit),
        ];
        let one = said.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        one.chain(self.filter.iter().map(|filter| ("filter", filter.as_str()))).collect()
    }
}

fn metrics(language: Language, json: bool) -> anyhow::Result<u8> {
    if json {
        json_lines(&Metric::ALL.iter().map(|metric| export::metric(*metric, language)).collect::<Vec<_>>())?;
        return Ok(exit::OK);
    }
    let entries = Metric::ALL.iter().map(|metric| metric.entry());
    let row = |entry: &Entry| {
        let unit = help::unit(entry.unit, language);
        vec![entry.id.to_owned(), entry.label.of(language).to_owned(), unit.to_owned(), entry.formula.to_owned()]
    };
    table(&["METRIC", "LABEL", "UNIT", "FORMULA"], entries.clone().map(row).collect(), "no metrics")?;
    for entry in entries {
        text(&format!("\n{}: {}", entry.id, entry.help.of(language)))?;
    }
    Ok(exit::OK)
}
