//! One row of a cost file: what was spent, on what, from which day to which.

use super::{
    super::{
        sheet::{Cell, Row, Sort},
        value,
    },
    Options,
    heading::{Field, Heading, Origin, origin},
};
use crate::{
    clock::Day,
    money::{Amount, Currency},
    store::Cost,
};

/// What a row says.
pub(super) struct Spend {
    /// Its first day, with all that was spent in all days.
    pub(super) cost: Cost,
    /// Its last day.
    pub(super) to: Day,
}

type Cells<'r, 'a> = &'r Row<'a, Heading>;

impl Spend {
    /// Reads a row.
    pub(super) fn read(row: Cells<'_, '_>, options: &Options, currency: Currency) -> Result<Self, String> {
        if let Some(fault) = &row.fault {
            return Err(fault.clone());
        }
        let origin = origin(row.columns);
        let (from, to) = days(row, options)?;
        let text = |field| cell(row, field).map(of_text).transpose().map(Option::unwrap_or_default);
        let count = |field| cell(row, field).map(|cell| value::count(&cell.text, cell.sort)).transpose();
        let (mut source, mut medium) = (text(Field::Source)?, text(Field::Medium)?);
        if let Some(default) = origin.utm() {
            source = if source.is_empty() { default.0.to_owned() } else { source };
            medium = if medium.is_empty() { default.1.to_owned() } else { medium };
        }
        let cost = Cost {
            day: from,
            provider: provider(row, options, origin)?,
            channel: match (cell(row, Field::Channel), &options.channel) {
                (Some(channel), _) => value::name(of_string(channel)?).map_err(|e| format!("channel {e}"))?,
                (None, given) => given.clone().unwrap_or_default(),
            },
            source,
            medium,
            campaign: text(Field::Campaign)?,
            term: text(Field::Term)?,
            content: text(Field::Content)?,
            campaign_id: text(Field::CampaignId)?,
            currency: match cell(row, Field::Currency) {
                Some(cell) => of_string(cell)?.parse().map_err(|e| format!("{} {e}", value::quoted(&cell.text)))?,
                None => currency,
            },
            amount: amount(row)?,
            has_vat: match cell(row, Field::Vat) {
                Some(cell) if cell.sort == Sort::Number => return Err("vat is a number".to_owned()),
                Some(cell) => Some(value::truth(&cell.text).map_err(|e| format!("vat {e}"))?),
                None => options.has_vat.or_else(|| row.columns.iter().find_map(|column| column.has_vat)),
            },
            clicks: count(Field::Clicks)?,
            impressions: count(Field::Impressions)?,
        };
        Ok(Self { cost, to })
    }

    /// Octets of the texts of all its days.
    pub(super) fn octets(&self) -> usize {
        let Cost { provider, channel, source, medium, campaign, term, content, campaign_id, .. } = &self.cost;
        let texts = [provider, channel, source, medium, campaign, term, content, campaign_id];
        texts.into_iter().map(String::len).sum::<usize>() * self.days() as usize
    }

    fn days(&self) -> u32 {
        u32::try_from(i64::from(self.to.0) - i64::from(self.cost.day.0) + 1).unwrap_or(1)
    }

    /// One cost for each of its days, which sum to exactly what was spent.
    pub(super) fn spread(self) -> impl Iterator<Item = Cost> {
        let count = self.days();
        let cost = self.cost;
        let first = cost.day.0;
        let amounts = cost.amount.spread(count, cost.currency);
        let part = move |whole: Option<u64>, number: u64| {
            let count = u64::from(count);
            whole.map(|whole| whole / count + u64::from(number < whole % count))
        };
        (0_u64..).zip(first..).zip(amounts).map(move |((number, day), amount)| Cost {
            day: Day(day),
            amount,
            clicks: part(cost.clicks, number),
            impressions: part(cost.impressions, number),
            ..cost.clone()
        })
    }
}

/// Whether a row is no row but the sums below a report: it begins with such a word where others have no sense for one.
pub(super) fn is_footer(row: Cells<'_, '_>) -> bool {
    let first = row.first.to_lowercase();
    let is_sum = ["total", "итого", "всего"].iter().any(|word| first.starts_with(word));
    let has_day = cell(row, Field::Date).is_some_and(|cell| value::days(&cell.text).is_ok());
    is_sum && !has_day && cell(row, Field::From).is_none_or(|cell| value::day(&cell.text).is_err())
}

fn cell<'r, 'a>(row: Cells<'r, 'a>, field: Field) -> Option<&'r Cell<'a, Heading>> {
    row.cells.iter().find(|cell| cell.meaning.field == field)
}

/// A string, or a cell.
fn of_string<'r>(cell: &'r Cell<'_, Heading>) -> Result<&'r str, String> {
    match cell.sort {
        Sort::Cell(_) | Sort::Text => Ok(&cell.text),
        Sort::Number | Sort::Truth => Err(format!("{} is no string", cell.text)),
    }
}

/// A text; ids of campaigns are often written as numbers.
fn of_text(cell: &Cell<'_, Heading>) -> Result<String, String> {
    if cell.sort == Sort::Number && cell.meaning.field == Field::CampaignId {
        return value::count(&cell.text, cell.sort).map(|id| id.to_string());
    }
    of_string(cell).map(value::text)
}

fn days(row: Cells<'_, '_>, options: &Options) -> Result<(Day, Day), String> {
    let day = |cell: &Cell<'_, Heading>| value::day(of_string(cell)?);
    match (cell(row, Field::Date), cell(row, Field::From), cell(row, Field::To)) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) => Err("names both a day and a period".to_owned()),
        (Some(date), None, None) => value::days(of_string(date)?),
        (None, Some(from), Some(to)) => value::period(day(from)?, day(to)?),
        (None, Some(_), None) => Err("has a first day and no last one".to_owned()),
        (None, None, Some(_)) => Err("has a last day and no first one".to_owned()),
        (None, None, None) => options.period.ok_or_else(|| "names no day".to_owned()),
    }
}

fn provider(row: Cells<'_, '_>, options: &Options, origin: Origin) -> Result<String, String> {
    match (cell(row, Field::Provider), &options.provider) {
        (Some(provider), _) => value::name(of_string(provider)?).map_err(|e| format!("provider {e}")),
        (None, Some(given)) => Ok(given.clone()),
        (None, None) => Ok(origin.provider().to_owned()),
    }
}

fn amount(row: Cells<'_, '_>) -> Result<Amount, String> {
    let refuse_truth = |cell: &Cell<'_, Heading>| match cell.sort {
        Sort::Truth => Err(format!("{} is no amount", cell.text)),
        _ => Ok(()),
    };
    if let Some(cell) = cell(row, Field::Amount) {
        refuse_truth(cell)?;
        return value::amount(&cell.text, cell.sort);
    }
    let micros = cell(row, Field::Micros).ok_or("names no amount")?;
    let (digits, sign) = micros.text.strip_prefix('-').map_or((&*micros.text, 1), |digits| (digits, -1));
    let count = value::count(digits, micros.sort)?;
    Ok(Amount(i64::try_from(count).unwrap_or(i64::MAX) * sign))
}
