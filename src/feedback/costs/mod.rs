//! Costs: what files say was spent, by day and place.
//!
//! [`preview`] reads a file and says what an import would keep, and which of it belongs to a channel; it touches no store.
//! A row that is for a period is spread over its days to the coin. Rows of one file that are the same day and place are
//! summed, since reports drop columns; a later file replaces what an earlier one said.

mod heading;
mod matching;
mod spend;

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

pub use heading::Origin;
pub use matching::{Matching, Place, Sum, Summary};

use self::{
    heading::{Field, Heading},
    spend::Spend,
};
use super::{
    Format, Refusals, Unreadable,
    sheet::{self, Reading, Row},
    value,
};
use crate::{
    clock::{Day, Millis},
    config::Config,
    lead::limit,
    money::{Amount, Currency},
    store::{AuditEntry, Cost, Imported, Store, StoreError},
    text::bounded,
};

/// Rows of one import at most, once they are spread over their days: letters wait while they are taken over.
const MOST: usize = 200_000;

/// Octets of their texts at most: a row of a line may be for ten years.
const TEXTS: usize = 64 * 1024 * 1024;

/// One file is read at a time, whoever sends them: the rows of one may take some hundred MiB.
static READING: Mutex<()> = Mutex::new(());

/// Headings that nobody reads are named up to so many.
const UNREAD: usize = 100;

/// What is said of a file beside what stands in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Its form.
    pub format: Format,
    /// The provider of rows that name none.
    pub provider: Option<String>,
    /// The currency of rows that name none; the one that reports count in if not said.
    pub currency: Option<Currency>,
    /// The channel of rows that name none.
    pub channel: Option<String>,
    /// The days of rows that name none, both included.
    pub period: Option<(Day, Day)>,
    /// Whether amounts hold value added tax, where the file does not say so.
    pub has_vat: Option<bool>,
}

impl Options {
    /// With the provider of rows that name none.
    pub fn of_provider(self, name: &str) -> Result<Self, String> {
        Ok(Self { provider: Some(value::name(name)?), ..self })
    }

    /// With the days of rows that name none.
    pub fn of_days(self, from: Day, to: Day) -> Result<Self, String> {
        Ok(Self { period: Some(value::period(from, to)?), ..self })
    }

    /// With the channel of rows that name none; it has to be one of the config's, since a slip would never be noticed.
    pub fn of_channel(self, id: &str, config: &Config) -> Result<Self, String> {
        if !config.channels.iter().any(|channel| channel.id == id) {
            return Err(format!("{} is no channel of the config", value::quoted(id)));
        }
        Ok(Self { channel: Some(id.to_owned()), ..self })
    }
}

/// What an import of a file would keep.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// Rows of the file, whether they can be used or not.
    pub read: u64,
    /// What would be kept, by day and place.
    pub costs: Vec<Cost>,
    /// What cannot be used; as long as there is something, nothing is kept.
    pub refused: Refusals,
    /// Headings that nobody reads.
    pub unread: Vec<String>,
    /// What comes of it.
    pub summary: Summary,
}

/// Reads a file. `progress` is told from time to time how many octets are behind.
pub fn preview(
    octets: &[u8],
    options: &Options,
    config: &Config,
    progress: &mut dyn FnMut(usize),
) -> Result<Preview, Unreadable> {
    let _one_at_a_time = READING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut ledger = Ledger::new(options, config.reports.currency);
    sheet::read(octets, options.format, &mut ledger, progress)?;
    if ledger.is_full() {
        let texts = TEXTS / 1024 / 1024;
        let why =
            format!("is for more than {MOST} rows of one day, or {texts} MiB of their texts: split it into parts");
        return Err(Unreadable::new(why));
    }
    if ledger.read == 0 {
        return Err(Unreadable::new("holds no rows"));
    }
    let costs = ledger.sum();
    let summary = Matching::new(config).summary(&costs);
    let unread = ledger.unread.into_iter().collect();
    Ok(Preview { read: ledger.read, costs, refused: ledger.refused, unread, summary })
}

/// Costs of several files as one import: of two that are the same day and place, the later one counts.
pub fn together(files: impl IntoIterator<Item = Vec<Cost>>) -> Result<Vec<Cost>, Unreadable> {
    let mut costs: Vec<Cost> = files.into_iter().flatten().collect();
    costs.reverse();
    costs.sort_by(|one, other| one.key().cmp(&other.key()));
    costs.dedup_by(|one, other| one.key() == other.key());
    if costs.len() > MOST {
        return Err(Unreadable::new(format!(
            "these files are for more than {MOST} rows of one day: import them one by one"
        )));
    }
    Ok(costs)
}

/// Keeps costs, all of them or none, and notes that `who` has brought them in from `what`.
pub async fn import(
    store: &Store,
    costs: Vec<Cost>,
    summary: &Summary,
    who: String,
    what: &str,
) -> Result<Imported, StoreError> {
    let what = bounded(what, limit::TEXT).unwrap_or_default();
    let noted = AuditEntry {
        at: Millis::now(),
        who,
        did: "costs.imported".to_owned(),
        what,
        details: Some(summary.to_string()),
    };
    store.import_costs(costs, noted).await
}

/// What rows say, each with its line.
struct Ledger<'a> {
    options: &'a Options,
    currency: Currency,
    read: u64,
    costs: Vec<(Cost, u64)>,
    /// Octets of their texts.
    texts: usize,
    refused: Refusals,
    unread: BTreeSet<String>,
}

impl<'a> Ledger<'a> {
    fn new(options: &'a Options, currency: Currency) -> Self {
        let currency = options.currency.unwrap_or(currency);
        let (refused, unread) = (Refusals::default(), BTreeSet::new());
        Self { options, currency, read: 0, costs: Vec::new(), texts: 0, refused, unread }
    }

    fn is_full(&self) -> bool {
        self.costs.len() > MOST || self.texts > TEXTS
    }

    /// Sums what is of the same day and place.
    fn sum(&mut self) -> Vec<Cost> {
        let mut rows = std::mem::take(&mut self.costs);
        rows.sort_by(|(one, _), (other, _)| one.key().cmp(&other.key()));
        let mut sums: Vec<(Cost, u64)> = Vec::with_capacity(rows.len());
        for (cost, line) in rows {
            match sums.last_mut().filter(|(last, _)| last.key() == cost.key()) {
                Some((sum, before)) => {
                    if let Err(why) = add(sum, *before, &cost) {
                        self.refused.add(line, why);
                    }
                }
                None => sums.push((cost, line)),
            }
        }
        sums.into_iter().map(|(cost, _)| cost).collect()
    }
}

/// Adds a cost to what the line before has said of the same day and place.
fn add(sum: &mut Cost, before: u64, cost: &Cost) -> Result<(), String> {
    if sum.currency != cost.currency {
        return Err(format!("is the same day and place as line {before}, in another currency"));
    }
    if sum.has_vat != cost.has_vat {
        return Err(format!("is the same day and place as line {before}, with another VAT"));
    }
    let amount = sum.amount.0.checked_add(cost.amount.0).map(Amount);
    sum.amount = amount.ok_or("makes the sum of its day and place too large")?;
    sum.clicks = both(sum.clicks, cost.clicks);
    sum.impressions = both(sum.impressions, cost.impressions);
    Ok(())
}

/// The sum of two counts, as far as they are known.
fn both(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (known, None) | (None, known) => known,
    }
}

impl Reading for Ledger<'_> {
    type Meaning = Heading;

    const HOLDERS: &'static [&'static str] = &["campaign"];

    fn meaning(heading: &str) -> Option<Heading> {
        heading::meaning(heading)
    }

    fn is_same(one: Heading, other: Heading) -> bool {
        let is_amount = |of: Heading| matches!(of.field, Field::Amount | Field::Micros);
        one.field == other.field || is_amount(one) && is_amount(other)
    }

    fn lacks(&self, found: &[Heading]) -> Option<String> {
        let has = |field| found.iter().any(|heading| heading.field == field);
        let has_amount = has(Field::Amount) || has(Field::Micros);
        let has_days = has(Field::Date) || has(Field::From) && has(Field::To) || self.options.period.is_some();
        match (has_amount, has_days) {
            (true, true) => None,
            (true, false) => Some("no column says of which day a cost is".to_owned()),
            (false, _) => Some("no column says what was spent".to_owned()),
        }
    }

    fn known() -> &'static str {
        heading::KNOWN
    }

    fn unread(&mut self, heading: &str, _: bool) -> Result<(), String> {
        if self.unread.len() < UNREAD {
            self.unread.insert(value::text(heading));
        }
        Ok(())
    }

    fn row(&mut self, row: &Row<'_, Heading>) {
        if spend::is_footer(row) || self.is_full() {
            return;
        }
        self.read += 1;
        match Spend::read(row, self.options, self.currency) {
            Ok(spend) => {
                self.texts += spend.octets();
                if !self.is_full() {
                    self.costs.extend(spend.spread().map(|cost| (cost, row.line)));
                }
            }
            Err(why) => self.refused.add(row.line, why),
        }
    }
}

#[cfg(test)]
mod tests;
