//! From what was counted to a report: the compared period beside, rows in order, empty days filled in, keys as text.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rustc_hash::FxHashSet;

use super::{
    Inner, Room,
    count::{Ground, count},
    counted::{Counted, Part},
    dimension::Dimension,
    key::{self, Conditions, Key, Texts},
    metric::Number,
    money::Exchange,
    period::{Compare, Period},
    query::{Column, Filter, Query},
    rank::{Order, Rank},
    sums::{Scope, Sums},
    table::{MoneyNote, Report, Row},
    zone::{self, Days},
};
use crate::{
    model::Model,
    store::{Snapshot, StoreError},
};

/// Numbers of one report at most: some hundred megabytes while it is made.
const NUMBERS: usize = 2_000_000;

/// Periods of more days begin where something is known, not with rows of nothing.
const FILLED: u32 = 800;

/// Answers a query.
pub fn answer(
    (inner, room): (&Inner, Room),
    snapshot: &Snapshot,
    query: &Query,
    today: Date,
) -> Result<Report, StoreError> {
    let mut texts = Texts::new(snapshot);
    let conditions = Conditions::new(&query.filters, &mut texts)?;
    let (points, models) = (snapshot.points()?, query.models());
    // Days that a filter names are of one of the periods: the other has nothing to say of them.
    let is_dated = |filter: &Filter| key::ordinal(filter.dimension, 0, query.period).is_some();
    let compared = query.compare.filter(|_| !query.filters.iter().any(is_dated));
    let compared = compared.and_then(|compare| query.period.before(compare));
    let sides = 1 + usize::from(compared.is_some());
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
        room: room.sums / sides,
    };
    let mut exchange = Exchange::new(snapshot, &inner.reports);
    let days = |period: Period| (period, Days::new(period, &inner.zone));
    let (now, before) = (days(query.period), compared.map(days));
    let most = query.limit.min(NUMBERS / (query.columns.len() * sides).max(1));

    let order = Order::of(query);
    let (mut lines, mut found, mut whole) = (Vec::new(), 0, None);
    let mut parts = vec![Part::ALL];
    while let Some(part) = parts.pop() {
        let mut side = |(period, days): &(Period, Days), part| -> Result<Side, StoreError> {
            let counted = count(&ground, (*period, days), part, &mut texts, &mut exchange)?;
            Ok(Side { counted, period: *period })
        };
        let mut now = side(&now, part)?;
        let before = before.as_ref().map(|before| side(before, now.counted.part())).transpose()?;
        if let Some(before) = &before {
            now.counted.narrow(before.counted.part());
        }
        if now.counted.part().of() > room.passes {
            let rows = room.sums / sides / models.len().max(1) * room.passes as usize;
            return Err(StoreError::TooManyRows(rows));
        }
        parts.extend(part.without(now.counted.part()));
        let table = Table { query, models: &models, snapshot, conditions: &conditions, now, before };
        let mut ranks = table.ranks(&order);
        found += ranks.len();
        order.first(&mut ranks, most, &mut texts)?;
        lines.extend(ranks.into_iter().map(|rank| table.line(rank)));
        order.first(&mut lines, most, &mut texts)?;
        // Every pass counts the whole.
        let Side { counted, .. } = &table.now;
        whole.get_or_insert_with(|| {
            let money = MoneyNote {
                converted: BTreeMap::new(),
                revenue_left_out: counted.revenue_left_out.clone(),
                cost_left_out: counted.cost_left_out.clone(),
                cost_by_vat: counted.cost_by_vat.clone(),
            };
            (table.total(), money)
        });
    }
    order.sort(&mut lines, &mut texts)?;
    let (total, money) = whole.unwrap_or_default();
    Ok(Report {
        query: query.clone(),
        before: compared,
        zone: inner.zone_name.clone(),
        currency: inner.reports.currency,
        left_out: found - lines.len(),
        rows: lines.into_iter().map(|line| line.row(query, &texts)).collect(),
        total,
        is_partial: zone::has_today(query.period, today),
        money: MoneyNote { converted: exchange.converted, ..money },
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
    rank: Rank,
    numbers: Vec<Number>,
    before: Vec<Number>,
    is_incomplete: bool,
}

impl AsRef<Rank> for Line {
    fn as_ref(&self) -> &Rank {
        &self.rank
    }
}

impl Line {
    fn row(self, query: &Query, texts: &Texts<'_>) -> Row {
        let key = query.by.iter().zip(self.rank.key).map(|(by, value)| texts.written(*by, value)).collect();
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
    fn ranks(&self, order: &Order<'_>) -> Vec<Rank> {
        let mut more = FxHashSet::default();
        if let Some(before) = &self.before {
            more.extend(before.counted.keys().filter_map(|key| self.shifted(key, before.period, self.now.period)));
        }
        self.fill(&mut more);
        let more = more.iter().filter(|key| self.now.counted.row(key).is_none());
        let column = order.column().and_then(|place| self.query.columns.get(place));
        let rank = |key: &Key| {
            let number = column.and_then(|column| self.number(*column, self.now.counted.row(key), &self.now, false));
            Rank { number, key: *key }
        };
        self.now.counted.keys().chain(more).map(rank).collect()
    }

    fn line(&self, rank: Rank) -> Line {
        let row = self.now.counted.row(&rank.key);
        let before = self.before.as_ref().map(|before| {
            let there = self.shifted(&rank.key, self.now.period, before.period);
            self.numbers(there.and_then(|key| before.counted.row(&key)), before, false)
        });
        Line {
            numbers: self.numbers(row, &self.now, false),
            before: before.unwrap_or_default(),
            is_incomplete: row.is_some_and(|sums| sums.iter().any(|sums| sums.is_incomplete)),
            rank,
        }
    }

    /// The query's columns of a row.
    fn numbers(&self, row: Option<&[Sums]>, side: &Side, is_total: bool) -> Vec<Number> {
        self.query.columns.iter().map(|column| self.number(*column, row, side, is_total)).collect()
    }

    /// A column of a row; of nothing, if there is none.
    fn number(&self, column: Column, row: Option<&[Sums]>, side: &Side, is_total: bool) -> Number {
        let model = column.model.unwrap_or(self.query.model);
        let place = self.models.iter().position(|known| *known == model).unwrap_or_default();
        let by = |is: fn(Dimension) -> bool| is_total || self.query.by.iter().copied().all(is);
        let scope = Scope {
            leads: side.counted.total.get(place).map_or(0, |total| total.leads),
            has_outcomes: side.counted.has_outcomes,
            has_costs: by(Dimension::has_costs) && !self.conditions.any(|dimension| !dimension.has_costs()),
            has_visits: self.snapshot.visits().is_some()
                && by(Dimension::has_visits)
                && !self.conditions.any(|dimension| !dimension.has_visits()),
        };
        column.metric.of(row.and_then(|row| row.get(place)).unwrap_or(&Sums::default()), &scope)
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
    fn fill(&self, more: &mut FxHashSet<Key>) {
        let [dimension] = *self.query.by.as_slice() else { return };
        let period = self.now.period;
        let values = match dimension {
            Dimension::Hour => 0..24,
            Dimension::Weekday => 1..8,
            Dimension::Day | Dimension::Week | Dimension::Month => {
                let known = self.now.counted.keys().chain(&*more).filter_map(|key| key.first().copied()).min();
                let begin = Some(key::of_day(dimension, period.first)).filter(|_| period.days() <= FILLED);
                let end = key::of_day(dimension, period.last) + 1;
                begin.or(known).unwrap_or(end)..end
            }
            _ => return,
        };
        let step = if dimension == Dimension::Week { 7 } else { 1 };
        let [_, rest @ ..] = Key::default();
        let [second, third] = rest;
        more.extend(values.step_by(step).map(|value| [value, second, third]));
    }
}
