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

#[cfg(test)]
mod tests {
    use super::{super::super::Params, *};
    use crate::{language::Language, model::Model, report::Preset};
    use jiff::civil::date;

    /// A report by channel of three numbers, compared with the days before.
    fn report(url: &str) -> (Asked, Report) {
        let url = format!("metrics=leads,cost,conversion&compare=previous&period=2026-11-01..2026-11-26&{url}");
        let params = Params::parse(url.as_bytes());
        let asked = Asked::read(Preset::Channels, params, date(2026, 11, 26), Model::Linear).unwrap();
        let row = |key: Option<&str>, numbers: [Number; 3], before: [Number; 3]| Row {
            key: vec![key.map(str::to_owned)],
            numbers: numbers.into(),
            before: before.into(),
            is_incomplete: false,
        };
        let report = Report {
            query: asked.query.clone(),
            before: Some("2026-10-06..2026-10-31")
                .map(|text| crate::report::Period::parse(text, date(2026, 11, 26)).unwrap()),
            zone: "UTC".to_owned(),
            currency: "RUB".parse().unwrap(),
            rows: vec![
                row(Some("a&<b>\u{202e}"), [Some(30_000), None, Some(0)], [Some(20_000), Some(1), None]),
                row(None, [Some(0), Some(1_500_000), Some(250_000)], [Some(0), Some(3_000_000), Some(250_100)]),
            ],
            total: row(None, [Some(30_000), Some(1_500_000), None], [Some(0), None, None]),
            left_out: 0,
            is_partial: true,
            money: crate::report::MoneyNote::default(),
        };
        (asked, report)
    }

    fn change(arrow: &'static str, word: &'static str, text: &str, was: &str, tone: &'static str) -> Option<Change> {
        Some(Change { arrow, word, text: text.to_owned(), was: was.to_owned(), tone })
    }

    fn told(text: &str, change: Option<Change>) -> Cell {
        Cell { text: text.to_owned(), change }
    }

    #[test]
    fn rows_say_numbers_changes_and_where_they_lead() {
        let (asked, report) = report("sort=-cost");
        let table = Table::new(&asked, &report, &Wording::with_channels(Language::En, [("x", "X")]));
        let [first, second] = table.rows.as_slice() else { panic!("{table:?}") };
        let rest = "metrics=leads%2Ccost%2Cconversion&compare=previous&period=2026-11-01..2026-11-26";
        let deeper = format!("/reports/channels?{rest}&by=campaign&filter=channel%3D");
        assert_eq!(first.keys, ["a&<b>\u{fffd}"]);
        assert_eq!(first.deeper, format!("{deeper}a%26%3Cb%3E%E2%80%AE"));
        let letters = "/leads?channel=a%26%3Cb%3E%E2%80%AE&from=2026-11-01&to=2026-11-26";
        assert_eq!(first.letters.as_deref(), Some(letters));
        let more = change("↑", "up", "+50.0%", "2", "good");
        assert_eq!(first.cells, [told("3", more), told("—", None), told("0.0%", None)]);
        assert_eq!(
            (second.keys.as_slice(), &second.deeper, &second.letters),
            (&["(not set)".to_owned()][..], &deeper, &None)
        );
        // Cost is neither good nor bad, and what reads as no change has no tone.
        let cells = [
            told("0", change("=", "no change", "", "0", "")),
            told("1.50", change("↓", "down", "\u{2212}50.0%", "3.00", "")),
            told("25.0%", change("↓", "down", "0.0%", "25.0%", "")),
        ];
        assert_eq!(second.cells, cells);
        assert_eq!(table.total[0], told("3", change("↑", "up", "", "0", "good")));
        let heads: Vec<_> = table.keys.iter().chain(&table.heads).map(|head| (head.name.as_str(), head.sort)).collect();
        let cost = ("Cost, RUB", Some("descending"));
        assert_eq!(heads, [("Channel", None), ("Leads", None), cost, ("Conversion", None)]);
        assert!(table.unsorted().heads.iter().all(|head| head.href.is_empty() && head.sort.is_none()));
    }

    #[test]
    fn letters_are_linked_where_their_list_knows_the_row() {
        let letters = |by: &str, value: &str, filter: &str| {
            let (_, mut report) = report(&format!("by={by}{filter}"));
            report.rows[0].key = vec![Some(value.to_owned())];
            letters(&report, &report.rows[0])
        };
        let days = "from=2026-11-01&to=2026-11-26";
        assert_eq!(
            letters("sender_domain", "a.test", "").as_deref(),
            Some(&*format!("/leads?sender=%40a.test&{days}"))
        );
        assert_eq!(letters("week", "2026-11-23", "").as_deref(), Some("/leads?from=2026-11-23&to=2026-11-26"));
        let both = letters("day", "2026-11-02", "&filter=channel%3Dx");
        assert_eq!(both.as_deref(), Some("/leads?channel=x&from=2026-11-02&to=2026-11-02"));
        assert_eq!((letters("term", "x", ""), letters("channel", "x", "&filter=term%3Dy")), (None, None));
    }
}
