//! A report as a table of a page: headings that sort, rows that lead deeper, changes in words and arrows.

use super::{asked::Asked, days, words::ReportWords};
use crate::{
    report::{Better, Column, Dimension, Filter, Metric, Number, Report, Row, SortBy, Wording, change},
    text::shown,
};
use url::form_urlencoded::Serializer;

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Headings of the dimensions.
    pub keys: Vec<Head>,
    /// Headings of the numbers.
    pub heads: Vec<Head>,
    /// Rows.
    pub rows: Vec<Line>,
    /// All rows together.
    pub total: Vec<Cell>,
    /// Cells of the total's name.
    pub span: usize,
}

/// A heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its name, with the unit.
    pub name: String,
    /// The report sorted by it; empty where it cannot be.
    pub href: String,
    /// `ascending` or `descending`, if the table is sorted by it.
    pub sort: Option<&'static str>,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Values of the dimensions.
    pub keys: Vec<String>,
    /// The report of this row alone.
    pub deeper: String,
    /// The letters of this row, where the list of letters knows it.
    pub letters: Option<String>,
    /// Numbers.
    pub cells: Vec<Cell>,
}

/// A number, and how it has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// The number.
    pub text: String,
    /// What it was, and how much it has changed since.
    pub change: Option<Change>,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Up, down or as it was.
    pub arrow: &'static str,
    /// The same in a word.
    pub word: &'static str,
    /// By how much; empty if that is not known.
    pub text: String,
    /// What it was.
    pub was: String,
    /// `good`, `bad` or nothing: which way is better is the metric's.
    pub tone: &'static str,
}

impl Table {
    /// The table of a report.
    pub fn new(asked: &Asked, report: &Report, wording: &Wording) -> Self {
        let query = &report.query;
        let language = wording.language;
        let say = ReportWords::of(language);
        let by: Vec<_> = query.by.iter().map(|by| by.label().of(language)).collect();
        let name = |of: &dyn Fn(usize) -> Head, count: usize| (0..count).map(of).collect::<Vec<_>>();
        let key = |place: usize| {
            let by = query.by.get(place).copied();
            head(
                asked,
                SortBy::Dimension(place),
                by.map_or("", Dimension::as_str),
                by.map_or("", |by| by.label().of(language)),
            )
        };
        let number = |place: usize| {
            let column = query.columns.get(place).copied();
            let of = column.map(|column| (column.name(), heading(wording, column, report))).unwrap_or_default();
            head(asked, SortBy::Column(place), &of.0, &of.1)
        };
        let caption = format!("{}: {}", by.join(" × "), days::period(language, query.period));
        Self {
            caption,
            keys: name(&key, query.by.len()),
            heads: name(&number, query.columns.len()),
            rows: report.rows.iter().map(|row| line(asked, report, row, wording, say)).collect(),
            total: cells(report, &report.total, wording, say),
            span: query.by.len().max(1),
        }
    }

    /// Without links in its headings: its page is not sorted.
    #[must_use]
    pub fn unsorted(mut self) -> Self {
        for head in self.keys.iter_mut().chain(&mut self.heads) {
            *head = Head { name: std::mem::take(&mut head.name), href: String::new(), sort: None };
        }
        self
    }
}

/// The name of a number with its currency, if it has one.
pub fn heading(wording: &Wording, column: Column, report: &Report) -> String {
    match column.metric.unit() {
        crate::report::Unit::Money => format!("{}, {}", wording.heading(column), report.currency),
        _ => wording.heading(column),
    }
}

fn head(asked: &Asked, by: SortBy, id: &str, name: &str) -> Head {
    let sort = asked.sort();
    let direction = if sort.descending { "descending" } else { "ascending" };
    Head { name: name.to_owned(), href: asked.sorted(by, id), sort: (sort.by == by).then_some(direction) }
}

fn line(asked: &Asked, report: &Report, row: &Row, wording: &Wording, say: ReportWords) -> Line {
    let values = || report.query.by.iter().copied().zip(&row.key);
    let filters: Vec<_> = values().map(|(dimension, value)| Filter { dimension, value: value.clone() }).collect();
    let of_days = values().find_map(|(dimension, value)| days::of_row(dimension, value.as_deref()));
    let keys = values().map(|(dimension, value)| days::value(wording, dimension, value.as_deref())).collect();
    Line {
        keys,
        deeper: of_days.map_or_else(|| asked.deeper(&filters), |period| asked.days(period)),
        letters: letters(report, row),
        cells: cells(report, row, wording, say),
    }
}

/// The list of letters knows channels, senders and days.
fn letters(report: &Report, row: &Row) -> Option<String> {
    let query = &report.query;
    let period = query.period;
    let (mut from, mut to) = (period.first.to_string(), period.last.to_string());
    let mut pairs: Vec<(&str, String)> = Vec::new();
    let of_row = query.by.iter().copied().zip(row.key.iter().map(Option::as_deref));
    let of_filters = query.filters.iter().map(|filter| (filter.dimension, filter.value.as_deref()));
    for (dimension, value) in of_row.chain(of_filters) {
        match dimension {
            Dimension::Channel => pairs.push(("channel", value?.to_owned())),
            Dimension::SenderDomain => pairs.push(("sender", format!("@{}", value?))),
            Dimension::Day | Dimension::Week | Dimension::Month => {
                let days = days::of_row(dimension, value)?;
                (from, to) = (days.first.max(period.first).to_string(), days.last.min(period.last).to_string());
            }
            _ => return None,
        }
    }
    pairs.extend([("from", from), ("to", to)]);
    Some(format!("/leads?{}", Serializer::new(String::new()).extend_pairs(pairs).finish()))
}

fn cells(report: &Report, row: &Row, wording: &Wording, say: ReportWords) -> Vec<Cell> {
    let compared = report.before.is_some();
    let columns = report.query.columns.iter().enumerate();
    columns
        .map(|(place, column)| {
            let now = row.numbers.get(place).copied().flatten();
            let before = row.before.get(place).copied().flatten();
            cell(column.metric, now, compared.then_some(before), wording, say)
        })
        .collect()
}

/// A number and, if the period is compared with another, how it has changed.
pub fn cell(metric: Metric, now: Number, before: Option<Number>, wording: &Wording, say: ReportWords) -> Cell {
    let unit = metric.unit();
    let text = wording.number(now, unit);
    let changed = before.filter(|before| now.is_some() && before.is_some()).map(|before| {
        let (arrow, word) = match now.cmp(&before) {
            std::cmp::Ordering::Greater => ("↑", say.more),
            std::cmp::Ordering::Less => ("↓", say.less),
            std::cmp::Ordering::Equal => ("=", say.same),
        };
        let is_better = match metric.entry().better {
            Better::More => now > before,
            Better::Less => now < before,
            Better::Neither => false,
        };
        let is_worse = !is_better && now != before && metric.entry().better != Better::Neither;
        // What reads as no change has no tone.
        let is_seen = change(now, before).is_none_or(|change| change.abs() >= 500);
        let text = Some(now).filter(|now| *now != before).and_then(|now| wording.changed(now, before));
        Change {
            arrow,
            word,
            text: text.unwrap_or_default(),
            was: wording.number(before, unit),
            tone: match (is_better && is_seen, is_worse && is_seen) {
                (true, _) => "good",
                (_, true) => "bad",
                _ => "",
            },
        }
    });
    Cell { text, change: changed }
}

/// What a metric means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// Its name.
    pub name: &'static str,
    /// What it tells.
    pub help: &'static str,
    /// How it is computed.
    pub formula: &'static str,
}

/// What the columns mean, each metric once.
pub fn meanings(report: &Report, wording: &Wording) -> Vec<Meaning> {
    let mut metrics: Vec<Metric> = Vec::new();
    for column in &report.query.columns {
        if !metrics.contains(&column.metric) {
            metrics.push(column.metric);
        }
    }
    let say = |metric: Metric| {
        let entry = metric.entry();
        Meaning { name: wording.say(entry.label), help: wording.say(entry.help), formula: entry.formula }
    };
    metrics.into_iter().map(say).collect()
}

/// A number of the report's total.
pub fn total(report: &Report, metric: Metric) -> Number {
    of(report, &report.total, metric)
}

/// A number of a row.
pub fn of(report: &Report, row: &Row, metric: Metric) -> Number {
    let place = report.query.columns.iter().position(|column| column.metric == metric)?;
    row.numbers.get(place).copied().flatten()
}

/// A value that names a row, for a chart.
pub fn name(report: &Report, row: &Row, wording: &Wording) -> String {
    let by = report.query.by.iter().copied().zip(&row.key);
    let names: Vec<_> = by.map(|(by, value)| days::value(wording, by, value.as_deref())).collect();
    shown(&names.join(" × "))
}
