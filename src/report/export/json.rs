//! A report as JSON: numbers are exact decimals, what is not known is null.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

use super::super::{
    metric::{Better, Entry, Metric, Number, Unit},
    query::Column,
    table::{MoneyNote, Report, Row},
};
use crate::{
    language::Language,
    report::{Model, Period},
};

/// A report as one object.
#[derive(Serialize)]
pub struct Whole<'a> {
    /// The query that makes the same report, as the part of a URL behind `?`.
    query: String,
    period: Days,
    /// The days that it is compared with.
    before: Option<Days>,
    zone: &'a str,
    currency: &'a str,
    model: Model,
    /// Whether today, which is not over, is one of the days.
    is_partial: bool,
    columns: Vec<ColumnForm>,
    rows: Vec<RowForm<'a>>,
    total: RowForm<'a>,
    /// Rows that the limit left out.
    left_out: usize,
    money: &'a MoneyNote,
}

#[derive(Serialize)]
struct Days {
    first: String,
    last: String,
}

#[derive(Serialize)]
struct ColumnForm {
    name: String,
    metric: &'static str,
    model: Option<Model>,
    unit: Unit,
    better: Better,
    label: &'static str,
    formula: &'static str,
}

#[derive(Serialize)]
struct RowForm<'a> {
    key: Pairs<'a, &'a str>,
    numbers: Pairs<'a, Exact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Pairs<'a, Exact>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_incomplete: bool,
}

/// A whole report as one object, with labels in this language.
pub fn whole(report: &Report, language: Language) -> Whole<'_> {
    let query = &report.query;
    let column = |column: &Column| {
        let entry = column.metric.entry();
        let label = entry.label.of(language);
        let Column { model, .. } = *column;
        let (unit, better, formula) = (entry.unit, entry.better, entry.formula);
        ColumnForm { name: column.name(), metric: entry.id, model, unit, better, label, formula }
    };
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    pairs.extend_pairs(query.pairs());
    Whole {
        query: pairs.finish(),
        period: days(query.period),
        before: report.before.map(days),
        zone: &report.zone,
        currency: report.currency.as_str(),
        model: query.model,
        is_partial: report.is_partial,
        columns: query.columns.iter().map(column).collect(),
        rows: rows(report),
        total: RowForm { key: Pairs(Vec::new()), ..row(report, &report.total) },
        left_out: report.left_out,
        money: &report.money,
    }
}

/// A metric as programs read of it.
#[derive(Serialize)]
pub struct MetricForm {
    name: &'static str,
    unit: Unit,
    better: Better,
    label: &'static str,
    formula: &'static str,
    help: &'static str,
}

/// A metric with its texts in this language.
pub fn metric(metric: Metric, language: Language) -> MetricForm {
    let Entry { id, label, help, formula, unit, better, .. } = *metric.entry();
    MetricForm { name: id, unit, better, label: label.of(language), formula, help: help.of(language) }
}

/// The rows, each an object for a line of its own.
pub fn lines(report: &Report) -> Vec<impl Serialize> {
    rows(report)
}

fn rows(report: &Report) -> Vec<RowForm<'_>> {
    report.rows.iter().map(|one| row(report, one)).collect()
}

fn row<'a>(report: &'a Report, row: &'a Row) -> RowForm<'a> {
    let key = report.query.by.iter().zip(&row.key).map(|(by, value)| (by.as_str().into(), value.as_deref()));
    let numbers = |numbers: &[Number]| {
        let columns = report.query.columns.iter().zip(numbers);
        Pairs(
            columns
                .map(|(column, number)| {
                    (column.name().into(), number.map(|number| Exact(number, column.metric.unit())))
                })
                .collect(),
        )
    };
    RowForm {
        key: Pairs(key.collect()),
        numbers: numbers(&row.numbers),
        before: (!row.before.is_empty()).then(|| numbers(&row.before)),
        is_incomplete: row.is_incomplete,
    }
}

fn days(period: Period) -> Days {
    Days { first: period.first.to_string(), last: period.last.to_string() }
}

/// An object whose keys keep their order.
struct Pairs<'a, T>(Vec<(std::borrow::Cow<'a, str>, Option<T>)>);

impl<T: Serialize> Serialize for Pairs<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// A number that is written digit by digit: no float comes between.
struct Exact(i128, Unit);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(number, unit) = self;
        let digits = RawValue::from_string(decimal(*number, unit.scale())).map_err(serde::ser::Error::custom)?;
        digits.serialize(serializer)
    }
}

/// `value` of 10 to the power of `scale` a unit, in as many digits as it needs: `12.5`, `-0.000001`, `100`.
pub fn decimal(value: i128, scale: u32) -> String {
    let (sign, size) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
    let unit = 10_u128.pow(scale);
    let behind = format!("{:0width$}", size % unit, width = scale as usize);
    let behind = behind.trim_end_matches('0');
    if scale == 0 || behind.is_empty() {
        format!("{sign}{}", size / unit)
    } else {
        format!("{sign}{}.{behind}", size / unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_the_digits_that_they_need() {
        for (value, scale, text) in [
            (0, 4, "0"),
            (125_000, 4, "12.5"),
            (-1, 6, "-0.000001"),
            (1_000_000, 4, "100"),
            (37, 0, "37"),
            (i128::from(i64::MAX) * 10, 6, "92233720368547.75807"),
        ] {
            assert_eq!(decimal(value, scale), text);
        }
    }
}
