//! The charts of a report.

use super::{
    super::chart::{Bar, Bars, Heat, Name, Point, Series},
    days, table,
    words::ReportWords,
};
use crate::{
    language::Text,
    report::{Dimension, Metric, Number, Preset, Report, Row, Sort, SortBy, Unit, Wording},
};

/// Bars of a chart at most: the table has the rest.
const BARS: usize = 10;

/// Hours of a day, days of a week.
const HOURS: usize = 24;
const DAYS: usize = 7;

/// Days of the week where there is room for two letters.
const WEEK: [Text; DAYS] = [
    Text { en: "Mo", ru: "пн" },
    Text { en: "Tu", ru: "вт" },
    Text { en: "We", ru: "ср" },
    Text { en: "Th", ru: "чт" },
    Text { en: "Fr", ru: "пт" },
    Text { en: "Sa", ru: "сб" },
    Text { en: "Su", ru: "вс" },
];

/// The charts of a report as markup; none where there is nothing to see.
pub fn pictures(preset: Preset, report: &Report, wording: &Wording) -> Vec<String> {
    match (preset, report.query.by.as_slice()) {
        (Preset::Heatmap, _) => heat(report, wording).into_iter().collect(),
        (Preset::Funnel, _) => funnel(report, wording).into_iter().collect(),
        (Preset::Models, _) => Vec::new(),
        (_, [Dimension::Day | Dimension::Week | Dimension::Month]) => {
            let metrics = report.query.columns.iter().map(|column| column.metric);
            let drawn = metrics.filter(|metric| [Metric::Leads, Metric::Cost, Metric::Revenue].contains(metric));
            drawn.filter_map(|metric| series(report, metric, wording)).collect()
        }
        _ => bars(report, wording).into_iter().collect(),
    }
}

/// A metric over time; nothing if it is unknown throughout.
pub fn series(report: &Report, metric: Metric, wording: &Wording) -> Option<String> {
    let place = report.query.columns.iter().position(|column| column.metric == metric)?;
    let by = report.query.by.first().copied()?;
    let number = |numbers: &[Number]| numbers.get(place).copied().flatten();
    let point = |row: &Row| Point {
        label: days::short(wording, by, row.key.first().and_then(Option::as_deref)),
        number: number(&row.numbers),
        before: number(&row.before),
    };
    let points: Vec<_> = report.rows.iter().map(point).collect();
    if !points.iter().any(|point| point.number.is_some() || point.before.is_some()) {
        return None;
    }
    let say = ReportWords::of(wording.language);
    let period = days::period(wording.language, report.query.period);
    let before = report.before.map(|before| days::period(wording.language, before));
    let title = column_name(report, place, wording);
    let most = report.rows.iter().max_by_key(|row| number(&row.numbers))?;
    let peak = days::value(wording, by, most.key.first().and_then(Option::as_deref));
    let description = format!(
        "{title}, {period}. {}: {}, {peak}. {}",
        say.peak,
        wording.number(number(&most.numbers), metric.unit()),
        say.details
    );
    let chart = Series {
        name: Name { id: &format!("chart-{metric}"), title: &title, description: &description },
        unit: metric.unit(),
        wording,
        points,
        now: &period,
        before: before.as_deref(),
        is_partial: report.is_partial,
    };
    Some(chart.draw())
}

/// One number of each row: the one that they are sorted by, else the first.
fn bars(report: &Report, wording: &Wording) -> Option<String> {
    let place = match report.query.sort {
        Some(Sort { by: SortBy::Column(place), .. }) => place,
        _ => 0,
    };
    let metric = report.query.columns.get(place)?.metric;
    let number = |numbers: &[Number]| numbers.get(place).copied().flatten();
    if report.query.by.is_empty() || report.rows.len() < 2 {
        return None;
    }
    let share = |row| table::of(report, row, Metric::Share).filter(|_| metric == Metric::Leads);
    let note = |row| share(row).map(|share| wording.number(Some(share), Unit::Percent)).unwrap_or_default();
    let bars = report.rows.iter().take(BARS).map(|row| Bar {
        label: table::name(report, row, wording),
        number: number(&row.numbers),
        before: number(&row.before),
        note: note(row),
    });
    let title = column_name(report, place, wording);
    draw_bars(report, &title, metric.unit(), bars.collect(), wording)
}

/// From the address shown to the deal: each stage, and what part of the one before reached it.
fn funnel(report: &Report, wording: &Wording) -> Option<String> {
    let say = ReportWords::of(wording.language);
    let stages = [Metric::Visits, Metric::Clicks, Metric::Leads, Metric::Qualified, Metric::Deals];
    let mut last: Number = None;
    let mut bars = Vec::new();
    for metric in stages {
        let Some(place) = report.query.columns.iter().position(|column| column.metric == metric) else { continue };
        let number = report.total.numbers.get(place).copied().flatten();
        let part = match (number, last) {
            // Not every lead has a visit: those that have are what clicks led to.
            _ if metric == Metric::Leads => table::total(report, Metric::ClickToLetter),
            (Some(number), Some(last)) if last > 0 => number.checked_mul(1_000_000).map(|parts| parts / last),
            _ => None,
        };
        bars.push(Bar {
            label: metric.entry().label.of(wording.language).to_owned(),
            number,
            before: report.total.before.get(place).copied().flatten(),
            note: part.map_or_else(String::new, |part| {
                let label = if metric == Metric::Leads {
                    wording.say(Metric::ClickToLetter.entry().label)
                } else {
                    say.of_last
                };
                format!("{} {}", wording.number(Some(part), Unit::Percent), label.to_lowercase())
            }),
        });
        last = number;
    }
    let title = Preset::Funnel.label().of(wording.language);
    draw_bars(report, title, Unit::Count, bars, wording)
}

fn draw_bars(report: &Report, title: &str, unit: Unit, bars: Vec<Bar>, wording: &Wording) -> Option<String> {
    if bars.iter().all(|bar| bar.number.is_none()) {
        return None;
    }
    let say = ReportWords::of(wording.language);
    let before = report.before.map(|before| days::period(wording.language, before));
    let period = days::period(wording.language, report.query.period);
    let description = format!("{title}, {period}. {}", say.details);
    let name = Name { id: "chart-bars", title, description: &description };
    Some(Bars { name, unit, wording, bars, before: before.as_deref() }.draw())
}

/// Hours by days of the week.
fn heat(report: &Report, wording: &Wording) -> Option<String> {
    let column = report.query.columns.first()?;
    let rows = week(report)?.into_iter().zip(WEEK).map(|(hours, day)| (day.of(wording.language).to_owned(), hours));
    let title = column_name(report, 0, wording);
    let say = ReportWords::of(wording.language);
    let description = format!("{title}, {}. {}", days::period(wording.language, report.query.period), say.details);
    let heat = Heat {
        name: Name { id: "chart-hours", title: &title, description: &description },
        unit: column.metric.unit(),
        wording,
        columns: (0..HOURS).map(|hour| format!("{hour:02}")).collect(),
        rows: rows.collect(),
    };
    Some(heat.draw())
}

/// The first number of each hour of each day of the week; `None` if the report is by something else.
pub fn week(report: &Report) -> Option<Vec<Vec<Number>>> {
    if !matches!(report.query.by.as_slice(), [Dimension::Weekday, Dimension::Hour]) {
        return None;
    }
    let nothing = report.query.columns.first().filter(|column| column.metric.unit() == Unit::Count).map(|_| 0);
    let mut week = vec![vec![nothing; HOURS]; DAYS];
    for row in &report.rows {
        let part = |dimension| report.value(row, dimension).and_then(|text| text.parse::<usize>().ok());
        let (Some(day), Some(hour)) = (part(Dimension::Weekday), part(Dimension::Hour)) else { continue };
        let cell = week.get_mut(day.wrapping_sub(1)).and_then(|hours| hours.get_mut(hour));
        if let Some(cell) = cell {
            *cell = row.numbers.first().copied().flatten();
        }
    }
    Some(week)
}

fn column_name(report: &Report, place: usize, wording: &Wording) -> String {
    let column = report.query.columns.get(place).copied();
    column.map(|column| table::heading(wording, column, report)).unwrap_or_default()
}
