//! `leadmilter costs import`: files of what was spent, all of them or nothing.

use std::path::PathBuf;

use clap::ValueEnum;
use serde::Serialize;

use super::super::{
    audit::who,
    exit::{self, Wrong},
    files::{self, Format, rows, unread},
    output::{json_lines, printable, text},
    write,
};
use crate::{
    clock::Day,
    config::Config,
    feedback::{
        Refusal,
        costs::{self, Matching, Options, Preview, Summary},
    },
    money::Currency,
    store::{Imported, Store},
};

/// Take in files; nothing of any is kept if one row of one cannot be used
///
/// Files are CSV with comma, semicolon or tab, in UTF-8 or windows-1251, or JSON. The format is that in which Yandex Metrica
/// takes expenses (Date, UTMSource, Expenses, ...); reports of Google Ads and Yandex Direct and Google Analytics' format for
/// costs are read as they are, and so is your own: date (or from and to), channel, amount. The cost of a period is spread
/// over its days to the coin. Rows of one file that are the same day and place are summed; a later file replaces.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leadmilter costs import --dry-run direct.tsv
  leadmilter costs import --provider agency --currency USD agency.csv
  leadmilter costs import --channel billboard-m11 --from 2026-11-01 --to 2026-11-30 billboard.csv
  mysql -e 'SELECT ...' shop | leadmilter costs import -")]
pub struct Args {
    /// Files; - for stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// What the files are
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    format: Format,

    /// Who tells rows that name no provider; by the headings if not said
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,

    /// Currency of rows that name none
    #[arg(long, value_name = "CODE")]
    currency: Option<Currency>,

    /// Channel of rows that name none; by their UTM values if not said
    #[arg(long, value_name = "ID")]
    channel: Option<String>,

    /// First day of rows that name none
    #[arg(long, value_name = "DAY", requires = "to")]
    from: Option<Day>,

    /// Last day of rows that name none
    #[arg(long, value_name = "DAY", requires = "from")]
    to: Option<Day>,

    /// Whether amounts hold value added tax, where a file does not say so
    #[arg(long, value_enum, value_name = "HOW")]
    vat: Option<Vat>,

    /// Keep nothing, only say what would be kept
    #[arg(long)]
    dry_run: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Vat {
    /// They do
    Included,
    /// They do not
    Excluded,
}

/// What became of the files, for programs.
#[derive(Serialize)]
struct Report<'a> {
    dry_run: bool,
    files: Vec<Told<'a>>,
    #[serde(flatten)]
    summary: &'a Summary,
    #[serde(flatten)]
    imported: Option<Imported>,
}

/// What was found in one file.
#[derive(Serialize)]
struct Told<'a> {
    file: &'a str,
    rows: u64,
    refused: u64,
    errors: &'a [Refusal],
    unread_columns: &'a [String],
}

pub fn run(config: &Config, args: &Args) -> anyhow::Result<u8> {
    let options = options(config, args)?;
    let files = files::read(&args.files)?;
    let mut previews = files::look(&files, |octets, progress| costs::preview(octets, &options, config, progress))?;
    let refused: u64 = previews.iter().map(|(_, preview)| preview.refused.count()).sum();
    let costs = costs::together(previews.iter_mut().map(|(_, preview)| std::mem::take(&mut preview.costs)));
    let costs = costs.map_err(|why| Wrong::Data(why.to_string()))?;
    let summary = Matching::new(config).summary(&costs);
    let imported = match args.dry_run || refused > 0 {
        true => None,
        false => {
            let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
            let import = async |store: &Store| costs::import(store, costs, &summary, who(), &names.join(", ")).await;
            Some(write(config, import)?)
        }
    };
    if args.json {
        let files = previews.iter().map(|(file, preview)| told(file, preview)).collect();
        json_lines(&[Report { dry_run: args.dry_run, files, summary: &summary, imported }])?;
    } else if refused == 0 {
        print(&previews, &summary, imported)?;
    }
    if refused > 0 {
        let refusals = previews.iter().map(|(file, preview)| (*file, &preview.refused));
        return Err(files::refusal(refusals, args.json));
    }
    Ok(exit::OK)
}

fn options(config: &Config, args: &Args) -> anyhow::Result<Options> {
    let wrong = |option: &'static str| move |why: String| Wrong::Usage(format!("{option}: {why}"));
    let mut options = Options {
        format: args.format.into(),
        currency: args.currency,
        has_vat: args.vat.map(|vat| matches!(vat, Vat::Included)),
        ..Options::default()
    };
    if let Some(name) = &args.provider {
        options = options.of_provider(name).map_err(wrong("--provider"))?;
    }
    if let Some(id) = &args.channel {
        options = options.of_channel(id, config).map_err(wrong("--channel"))?;
    }
    if let (Some(from), Some(to)) = (args.from, args.to) {
        options = options.of_days(from, to).map_err(wrong("--from"))?;
    }
    Ok(options)
}

fn told<'a>(file: &'a str, preview: &'a Preview) -> Told<'a> {
    let Preview { read, refused, unread, .. } = preview;
    Told { file, rows: *read, refused: refused.count(), errors: refused.told(), unread_columns: unread }
}

fn print(previews: &[(&str, Preview)], summary: &Summary, imported: Option<Imported>) -> anyhow::Result<()> {
    for (file, preview) in previews {
        text(&format!("{file}: {}{}", rows(preview.read), unread(&preview.unread)))?;
    }
    let kept = match imported {
        Some(Imported { added, replaced, unchanged }) => {
            format!("imported, {added} of them new, {replaced} in place of earlier ones, {unchanged} known already")
        }
        None => "would be imported".to_owned(),
    };
    text(&format!("{summary}: {kept}"))?;
    text(&format!("{:<14}{}", "of a channel", rows(summary.matched)))?;
    text(&format!("{:<14}{}", "of no channel", rows(summary.unmatched)))?;
    for place in &summary.unmatched_places {
        let utm = &place.utm;
        let values = [
            ("channel", &place.channel),
            ("source", &utm.source),
            ("medium", &utm.medium),
            ("campaign", &utm.campaign),
            ("term", &utm.term),
            ("content", &utm.content),
        ];
        let values = values.iter().filter(|(_, value)| !value.is_empty());
        let values: Vec<_> = values.map(|(name, value)| format!("{name} {}", printable(value))).collect();
        let values = if values.is_empty() { "no values".to_owned() } else { values.join(", ") };
        text(&format!("{:<14}{values}: {}", "", rows(place.rows)))?;
    }
    Ok(())
}
