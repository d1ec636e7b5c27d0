//! From what was counted to a report: the compared period beside, rows in order, empty days filled in, keys as text.

use std::{cmp::Ordering, collections::HashSet};

use jiff::civil::Date;

use super::{
    Inner,
    count::{Counted, Ground, count},
    dimension::{Dimension, Of},
    key::{self, Conditions, Key, Texts},
    metric::{Metric, Number},
    money::Exchange,
    period::{Compare, Period},
    query::{Filter, Query, Sort, SortBy},
    sums::{Scope, Sums},
    table::{MoneyNote, Report, Row},
    zone::{self, Days},
};
use crate::{
    model::Model,
    store::{Snapshot, StoreError},
};

/// Periods of more days begin where something is known, not with rows of nothing.
const FILLED: u32 = 800;

/// Answers a query.
pub fn answer(inner: &Inner, snapshot: &Snapshot, query: &Query, today: Date) -> Result<Report, StoreError> {
    let mut texts = Texts::new(snapshot);
    let conditions = Conditions::new(&query.filters, &mut texts)?;
    let (points, models) = (snapshot.points()?, query.models());
    let ground = Ground {
        snapshot,
        points: &points,
        query,
        models: &models,
        main: models.iter().position(|model| *model == query.model).unwrap_or(0),
        conditions: &conditions,
        arrivals: &inner.arrivals,
        channels: &inner.channels,
        overhead: &inner.reports.overhead,
    };
    let mut exchange = Exchange::new(snapshot, &inner.reports);
    let mut counted = |period| count(&ground, period, &Days::new(period, &inner.zone), &mut texts, &mut exchange);
    let now = Side { counted: counted(query.period)?, period: query.period };
    // Days that a filter names are of one of the periods: the other has nothing to say of them.
    let is_dated = |filter: &Filter| key::ordinal(filter.dimension, 0, query.period).is_some();
    let compared = query.compare.filter(|_| !query.filters.iter().any(is_dated));
    let compared = compared.and_then(|compare| query.period.before(compare));
    let before = match compared {
        Some(period) => Some(Side { counted: counted(period)?, period }),
        None => None,
    };
    let table = Table { query, models: &models, snapshot, conditions: &conditions, now, before };
    let total = table.total();
    let mut lines = table.lines();
    let left_out = lines.len().saturating_sub(query.limit) + table.now.counted.beyond();
    table.cut(&mut lines);
    texts.know(lines.iter().flat_map(|line| query.by.iter().copied().zip(line.key)))?;
    let order = table.order(&texts);
    lines.sort_by(&order);
    lines.truncate(query.limit);
    drop(order);
    let rows = lines.into_iter().map(|line| line.row(query, &texts)).collect();
    Ok(Report {
        query: query.clone(),
        before: compared,
        zone: inner.zone_name.clone(),
        currency: inner.reports.currency,
        rows,
        total,
        left_out,
        is_partial: zone::has_today(query.period, today),
        money: MoneyNote {
            converted: exchange.converted,
            revenue_left_out: table.now.counted.revenue_left_out,
            cost_left_out: table.now.counted.cost_left_out,
        },
    })
}

/// One period, counted.
struct Side {
    counted: Counted,
    period: Period,
}

/// A report on the way.
struct Table<'a> {
    query: &'a Query,
    models: &'a [Model],
    snapshot: &'a Snapshot,
    conditions: &'a Conditions,
    now: Side,
    before: Option<Side>,
}

/// A row on the way.
struct Line {
    key: Key,
    numbers: Vec<Number>,
    before: Vec<Number>,
    is_incomplete: bool,
}

impl Line {
    fn number(&self, place: usize) -> Number {
        self.numbers.get(place).copied().flatten()
    }

    fn row(self, query: &Query, texts: &Texts<'_>) -> Row {
        let key = query.by.iter().zip(self.key).map(|(by, value)| texts.written(*by, value)).collect();
        Row { key, numbers: self.numbers, before: self.before, is_incomplete: self.is_incomplete }
    }
}

impl Table<'_> {
    fn total(&self) -> Row {
        let numbers = |side: &Side| self.numbers(Some(&side.counted.total), side, true);
        Row {
            key: vec![None; self.query.by.len()],
            numbers: numbers(&self.now),
            before: self.before.as_ref().map(numbers).unwrap_or_default(),
            is_incomplete: self.now.counted.total.iter().any(|sums| sums.is_incomplete),
        }
    }

    /// Every row that one of the periods has, and those between that have nothing.
    fn lines(&self) -> Vec<Line> {
        let mut keys: HashSet<Key> = self.now.counted.keys().copied().collect();
        if let Some(before) = &self.before {
            keys.extend(before.counted.keys().filter_map(|key| self.shifted(key, before.period, self.now.period)));
        }
        self.fill(&mut keys);
        keys.into_iter().map(|key| self.line(key)).collect()
    }

    fn line(&self, key: Key) -> Line {
        let row = self.now.counted.row(&key);
        let before = self.before.as_ref().map(|before| {
            let there = self.shifted(&key, self.now.period, before.period);
            self.numbers(there.and_then(|key| before.counted.row(&key)), before, false)
        });
        Line {
            numbers: self.numbers(row, &self.now, false),
            before: before.unwrap_or_default(),
            is_incomplete: row.is_some_and(|sums| sums.iter().any(|sums| sums.is_incomplete)),
            key,
        }
    }

    /// The query's columns of a row; of nothing, if there is none.
    fn numbers(&self, row: Option<&[Sums]>, side: &Side, is_total: bool) -> Vec<Number> {
        let nothing = Sums::default();
        let by = |is: fn(Dimension) -> bool| is_total || self.query.by.iter().copied().all(is);
        let scope = |place: usize| Scope {
            leads: side.counted.total.get(place).map_or(0, |total| total.leads),
            has_outcomes: side.counted.has_outcomes,
            has_costs: by(Dimension::has_costs) && !self.conditions.any(|dimension| !dimension.has_costs()),
            has_visits: self.snapshot.visits().is_some()
                && by(Dimension::has_visits)
                && !self.conditions.any(|dimension| !dimension.has_visits()),
        };
        let number = |metric: Metric, model: Model| {
            let place = self.models.iter().position(|known| *known == model).unwrap_or_default();
            let sums = row.and_then(|row| row.get(place)).unwrap_or(&nothing);
            metric.of(sums, &scope(place))
        };
        let columns = self.query.columns.iter();
        columns.map(|column| number(column.metric, column.model.unwrap_or(self.query.model))).collect()
    }

    /// The key of the same place in another period: the third day beside the third day.
    fn shifted(&self, key: &Key, from: Period, to: Period) -> Option<Key> {
        let mut shifted = *key;
        for (value, dimension) in shifted.iter_mut().zip(&self.query.by) {
            if *dimension == Dimension::Day && self.query.compare == Some(Compare::Year) {
                *value = key::a_year_off(*value, to.first < from.first)?;
            } else if let Some(ordinal) = key::ordinal(*dimension, *value, from) {
                *value = key::at_ordinal(*dimension, ordinal, to)?;
            }
            if key::ordinal(*dimension, *value, to).is_some() && *value > key::of_day(*dimension, to.last) {
                return None;
            }
        }
        Some(shifted)
    }

    /// A report by one dimension of time alone has a row for every day, week, month, hour or weekday.
    fn fill(&self, keys: &mut HashSet<Key>) {
        let [dimension] = *self.query.by.as_slice() else { return };
        let period = self.now.period;
        let values = match dimension {
            Dimension::Hour => 0..24,
            Dimension::Weekday => 1..8,
            Dimension::Day | Dimension::Week | Dimension::Month => {
                let known = keys.iter().filter_map(|key| key.first().copied()).min();
                let begin = Some(key::of_day(dimension, period.first)).filter(|_| period.days() <= FILLED);
                let end = key::of_day(dimension, period.last) + 1;
                begin.or(known).unwrap_or(end)..end
            }
            _ => return,
        };
        let step = if dimension == Dimension::Week { 7 } else { 1 };
        let [_, rest @ ..] = Key::default();
        let [second, third] = rest;
        keys.extend(values.step_by(step).map(|value| [value, second, third]));
    }

    /// As the query asks; else time goes on, and what has most of the first number comes first.
    fn sort(&self) -> Sort {
        let is_time = |dimension: &Dimension| dimension.of() == Of::Time;
        let by_time = Sort { by: SortBy::Dimension(0), descending: false };
        let by_number = Sort { by: SortBy::Column(0), descending: true };
        let default = if !self.query.by.is_empty() && self.query.by.iter().all(is_time) { by_time } else { by_number };
        self.query.sort.unwrap_or(default)
    }

    /// Drops rows that cannot be among the first by their number alone: nobody has to know what they are called.
    fn cut(&self, lines: &mut Vec<Line>) {
        let Sort { by: SortBy::Column(place), descending } = self.sort() else { return };
        let by_number = |one: &Line, other: &Line| numbers(one.number(place), other.number(place), descending);
        let Some(last) = self.query.limit.checked_sub(1).filter(|last| *last < lines.len()) else { return };
        let (_, last, _) = lines.select_nth_unstable_by(last, by_number);
        let worst = last.number(place);
        lines.retain(|line| numbers(line.number(place), worst, descending).is_le());
    }

    /// The order of rows; of equals, that of what they are called.
    fn order<'o>(&'o self, texts: &'o Texts<'_>) -> impl Fn(&Line, &Line) -> Ordering + 'o {
        let Sort { by, descending } = self.sort();
        let by_key = |one: &Line, other: &Line| {
            let places = self.query.by.iter().zip(one.key.iter().zip(&other.key));
            places.fold(Ordering::Equal, |order, (by, (one, other))| order.then_with(|| texts.order(*by, *one, *other)))
        };
        move |one, other| {
            let first = match by {
                SortBy::Column(place) => numbers(one.number(place), other.number(place), descending),
                SortBy::Dimension(place) => {
                    let value = |line: &Line| line.key.get(place).copied().unwrap_or_default();
                    let order = |by: &Dimension| texts.order(*by, value(one), value(other));
                    let order = self.query.by.get(place).map_or(Ordering::Equal, order);
                    if descending { order.reverse() } else { order }
                }
            };
            first.then_with(|| by_key(one, other))
        }
    }
}

/// The order of two numbers; what is unknown is last, whichever way.
fn numbers(one: Number, other: Number, descending: bool) -> Ordering {
    match (one, other) {
        (Some(one), Some(other)) if descending => other.cmp(&one),
        (Some(one), Some(other)) => one.cmp(&other),
        (one, other) => other.is_some().cmp(&one.is_some()),
    }
}
