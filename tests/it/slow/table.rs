//! From what was counted to the whole report.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use jiff::{ToSpan, Unit, civil::Date};
use leadmilter::{
    money::{Amount, Currency},
    report::{Column, Dimension, Model, MoneyNote, Of, Period, Query, Report, Row, SortBy},
};

use super::{
    books::{Books, Clocks},
    count::{Counted, Key, Sums, count, monday, of_time},
    numbers::{Known, number},
};

pub fn report(books: &Books, query: &Query, (zone, clocks): (&str, &Clocks), today: Date) -> Report {
    let now = count(books, query, query.period, clocks);
    let before = query.compare.and_then(|compare| query.period.before(compare));
    let earlier = before.map(|period| (period, count(books, query, period, clocks)));
    let mut keys: BTreeSet<Key> = now.rows.keys().cloned().collect();
    if let Some((period, counted)) = &earlier {
        keys.extend(counted.rows.keys().map(|key| shifted(query, key, *period, query.period)));
    }
    keys.extend(every(query));
    let row = |key: &Key| Row {
        key: key.clone(),
        numbers: numbers(query, &now, now.rows.get(key), false),
        before: earlier.as_ref().map_or_else(Vec::new, |(period, counted)| {
            numbers(query, counted, counted.rows.get(&shifted(query, key, query.period, *period)), false)
        }),
        is_incomplete: now.rows.get(key).is_some_and(|sums| sums.values().any(|sums| sums.is_incomplete)),
    };
    let mut rows: Vec<Row> = keys.iter().map(row).collect();
    rows.sort_by(|one, other| order(query, one, other));
    let left_out = rows.len().saturating_sub(query.limit);
    rows.truncate(query.limit);
    let mut converted = now.converted.clone();
    converted.extend(earlier.iter().flat_map(|(_, counted)| counted.converted.clone()));
    let currency = |text: &str| text.parse::<Currency>().unwrap();
    let amount = |amount: i128| Amount(i64::try_from(amount).unwrap());
    Report {
        query: query.clone(),
        before,
        zone: zone.to_owned(),
        currency: currency(&books.currency),
        rows,
        total: Row {
            key: vec![None; query.by.len()],
            numbers: numbers(query, &now, Some(&now.total), true),
            before: earlier
                .as_ref()
                .map_or_else(Vec::new, |(_, counted)| numbers(query, counted, Some(&counted.total), true)),
            is_incomplete: now.total.values().any(|sums| sums.is_incomplete),
        },
        left_out,
        is_partial: query.period.contains(today),
        money: MoneyNote {
            converted: converted.iter().map(|of| (currency(of), amount(books.rates[of]))).collect(),
            revenue_left_out: now.revenue_left_out.iter().map(|(of, sum)| (currency(of), amount(*sum))).collect(),
            cost_by_vat: now.cost_by_vat.iter().map(|(vat, sum)| (*vat, amount(*sum))).collect(),
            cost_left_out: now.cost_left_out.iter().map(|(of, sum)| (currency(of), amount(*sum))).collect(),
        },
    }
}

fn numbers(query: &Query, counted: &Counted, row: Option<&BTreeMap<Model, Sums>>, is_total: bool) -> Vec<Option<i128>> {
    let filtered = |is: fn(Dimension) -> bool| query.filters.iter().all(|filter| is(filter.dimension));
    let known_by = |is: fn(Dimension) -> bool| filtered(is) && (is_total || query.by.iter().all(|by| is(*by)));
    let column = |column: &Column| {
        let model = column.model.unwrap_or(query.model);
        let known = Known {
            leads: counted.total[&model].leads,
            outcomes: counted.has_outcomes,
            costs: known_by(Dimension::has_costs),
            visits: known_by(Dimension::has_visits),
        };
        let nothing = Sums::default();
        number(column.metric.as_str(), row.and_then(|row| row.get(&model)).unwrap_or(&nothing), known)
    };
    query.columns.iter().map(column).collect()
}

/// The same place in another period: the third day stands beside the third day.
fn shifted(query: &Query, key: &Key, from: Period, to: Period) -> Key {
    let place = |(by, value): (&Dimension, &Option<String>)| {
        let value = value.as_deref()?;
        let days = |from: Date, to: Date| from.until((Unit::Day, to)).unwrap();
        Some(match by {
            Dimension::Day => (value.parse::<Date>().unwrap() + days(from.first, to.first)).to_string(),
            Dimension::Week => {
                (value.parse::<Date>().unwrap() + days(monday(from.first), monday(to.first))).to_string()
            }
            Dimension::Month => {
                let [from, to] = [from, to].map(|period| period.first.first_of_month());
                let month: Date = format!("{value}-01").parse().unwrap();
                (month + from.until((Unit::Month, to)).unwrap()).strftime("%Y-%m").to_string()
            }
            _ => value.to_owned(),
        })
    };
    query.by.iter().zip(key).map(place).collect()
}

/// Rows that are there whether anything happened or not: those of a report by one dimension of time alone.
fn every(query: &Query) -> Vec<Key> {
    let [by] = query.by.as_slice() else { return Vec::new() };
    let mut days = vec![query.period.first];
    while days[days.len() - 1] < query.period.last {
        days.push(days[days.len() - 1] + 1.day());
    }
    let values: Vec<String> = match by {
        Dimension::Hour => (0..24).map(|hour| format!("{hour:02}")).collect(),
        Dimension::Weekday => (1..8).map(|day| day.to_string()).collect(),
        Dimension::Day | Dimension::Week | Dimension::Month => {
            days.iter().map(|day| of_time(*by, day.at(0, 0, 0, 0))).collect()
        }
        _ => Vec::new(),
    };
    values.into_iter().map(|value| vec![Some(value)]).collect()
}

fn order(query: &Query, one: &Row, other: &Row) -> Ordering {
    let turned = |order: Ordering, descending: bool| if descending { order.reverse() } else { order };
    let is_time = !query.by.is_empty() && query.by.iter().all(|by| by.of() == Of::Time);
    let default = if is_time { (SortBy::Dimension(0), false) } else { (SortBy::Column(0), true) };
    let (by, descending) = query.sort.map_or(default, |sort| (sort.by, sort.descending));
    let first = match by {
        SortBy::Dimension(place) => turned(one.key[place].cmp(&other.key[place]), descending),
        SortBy::Column(place) => match (one.numbers[place], other.numbers[place]) {
            (Some(one), Some(other)) => turned(one.cmp(&other), descending),
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (None, None) => Ordering::Equal,
        },
    };
    first.then_with(|| one.key.cmp(&other.key))
}
