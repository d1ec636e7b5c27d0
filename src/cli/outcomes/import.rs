//! `leadmilter outcomes import`: files of what became of leads, all of them or nothing.

use std::path::PathBuf;

use serde::Serialize;

use super::super::{
    audit::who,
    exit::{self, Wrong},
    files::{self, Format, rows, unread},
    output::{count, json_lines, text},
    write,
};
use crate::{
    config::Config,
    feedback::{
        Refusal,
        outcomes::{self, Bringer, Options, Told},
    },
    intake::Intake,
    money::Currency,
    store::{Commit, NewOutcome, OutcomesRecorded, Store},
};

/// Take in files; nothing of any is recorded if one row of one cannot be used
///
/// Files are CSV with comma, semicolon or tab, in UTF-8 or windows-1251, or JSON. A row names a lead (by lead_id, message_id,
/// external_id with system, or sender: that one's newest lead before the time), a status (new, in_progress, qualified,
/// won, lost, spam, refund), and if you like stage, amount, currency, occurred_at, deal_id and system. A row that names a
/// lead and an external_id makes it known: later rows need no more than that. spam also marks the lead.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leadmilter outcomes import --dry-run deals.csv
  leadmilter outcomes import --system amocrm deals.csv
  mysql -e 'SELECT ...' crm | leadmilter outcomes import --system crm -")]
pub struct Args {
    /// Files; - for stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// What the files are
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    format: Format,

    /// System of rows that name none
    #[arg(long, value_name = "NAME")]
    system: Option<String>,

    /// Currency of amounts that have none
    #[arg(long, value_name = "CODE")]
    currency: Option<Currency>,

    /// Record nothing, only say what would be recorded
    #[arg(long)]
    dry_run: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What became of the files, for programs.
#[derive(Serialize)]
struct Report<'a> {
    dry_run: bool,
    files: Vec<Found<'a>>,
    #[serde(flatten)]
    recorded: Option<OutcomesRecorded>,
}

/// What was found in one file.
#[derive(Serialize)]
struct Found<'a> {
    file: &'a str,
    rows: u64,
    refused: u64,
    errors: &'a [Refusal],
    unread_columns: &'a [String],
}

impl<'a> Found<'a> {
    fn of((file, told): &'a (&str, Told)) -> Self {
        let Told { read, refused, unread, .. } = told;
        Self { file, rows: *read, refused: refused.count(), errors: refused.told(), unread_columns: unread }
    }
}

pub fn run(config: &Config, args: &Args) -> anyhow::Result<u8> {
    let mut options = Options { format: args.format.into(), currency: args.currency, ..Options::default() };
    if let Some(name) = &args.system {
        options = options.of_system(name).map_err(|why| Wrong::Usage(format!("--system: {why}")))?;
    }
    let files = files::read(&args.files)?;
    let mut looked = files::look(&files, |octets, progress| outcomes::read(octets, &options, config, progress))?;
    let is_good = looked.iter().all(|(_, told)| told.refused.is_empty());
    let recorded = if is_good { record(config, args, &mut looked)? } else { None };
    if args.json {
        let files = looked.iter().map(Found::of).collect();
        json_lines(&[Report { dry_run: args.dry_run, files, recorded }])?;
    } else if let Some(recorded) = recorded {
        print(&looked, recorded, args.dry_run)?;
    }
    if recorded.is_none() {
        return Err(files::refusal(looked.iter().map(|(file, told)| (*file, &told.refused)), args.json));
    }
    Ok(exit::OK)
}

/// Records the outcomes of all files at once; `None` if some lead is not known, which is then said of its file.
fn record(config: &Config, args: &Args, looked: &mut [(&str, Told)]) -> anyhow::Result<Option<OutcomesRecorded>> {
    let intake = Intake::new(config.clone());
    let names: Vec<&str> = looked.iter().map(|(name, _)| *name).collect();
    let what = names.join(", ");
    // Lines of all files are counted on, so that each still says of which file it is.
    let (mut all, mut begins, mut behind) = (Vec::new(), Vec::new(), 0);
    for (_, told) in looked.iter_mut() {
        begins.push(behind);
        let outcomes = std::mem::take(&mut told.outcomes).into_iter();
        all.extend(outcomes.map(|outcome| NewOutcome { line: outcome.line + behind, ..outcome }));
        behind = all.last().map_or(behind, |last| last.line);
    }
    if all.len() > outcomes::MOST {
        let most = outcomes::MOST;
        let why = format!("the files hold more than {most} outcomes together: import them one by one");
        return Err(Wrong::Data(why).into());
    }
    let commit = if args.dry_run { Commit::Dry } else { Commit::Durable };
    let bringer = Bringer { who: who(), what: &what };
    let record = async |store: &Store| outcomes::record(store, &intake, all, bringer, commit).await;
    let refused = match write(config, record)? {
        Ok(recorded) => return Ok(Some(recorded)),
        Err(refused) => refused,
    };
    for Refusal { line, detail } in refused.told() {
        let place = begins.partition_point(|begin| begin < line).saturating_sub(1);
        if let (Some((_, told)), Some(begin)) = (looked.get_mut(place), begins.get(place)) {
            told.refused.add(line - begin, detail.clone());
        }
    }
    Ok(None)
}

fn print(looked: &[(&str, Told)], recorded: OutcomesRecorded, dry_run: bool) -> anyhow::Result<()> {
    for (file, told) in looked {
        text(&format!("{file}: {}{}", rows(told.read), unread(&told.unread)))?;
    }
    let OutcomesRecorded { recorded, unchanged } = recorded;
    let would = if dry_run { "would be " } else { "" };
    let number = count(usize::try_from(recorded).unwrap_or(usize::MAX), "outcome");
    text(&format!("{number} {would}recorded, {unchanged} known already"))
}
