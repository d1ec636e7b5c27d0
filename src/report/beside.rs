//! Counting what is no lead: costs by day and UTM values, visits and their clicks by touchpoint.

use std::collections::HashMap;

use rustc_hash::FxHashMap;

use super::{
    count::Ground,
    counted::Counted,
    dimension::{Dimension, Of},
    key::{self, Key, Texts},
    money::Exchange,
    period::{Period, day_number},
    sums::Sums,
    table::Vat,
    zone::{Days, Local},
};
use crate::{
    arrival::Arrivals,
    channel::Utm,
    clock::Millis,
    money::Amount,
    store::{Point, Spent, StoreError, Tally, Visited},
};

/// Adds costs to the rows of their days and UTM values, if any column tells of them.
pub fn costs(
    ground: &Ground<'_>,
    period: Period,
    texts: &mut Texts<'_>,
    exchange: &mut Exchange<'_>,
    counted: &mut Counted,
) -> Result<(), StoreError> {
    let is_asked = ground.query.columns.iter().any(|column| column.metric.has_costs());
    if !is_asked || ground.conditions.any(|dimension| !dimension.has_costs()) {
        return Ok(());
    }
    let has_rows = ground.query.by.iter().all(|dimension| dimension.has_costs());
    let mut channels: HashMap<[String; 5], String> = HashMap::new();
    let [first, last] = [period.first, period.last].map(day_number);
    for spent in ground.snapshot.spent(first, last)? {
        let channel = channel(&spent, ground.arrivals, &mut channels);
        let mut parts = [0; 8];
        let [source, medium, campaign, term, content] = &spent.utm;
        let own = [source, medium, campaign, term, content];
        // Leads of a channel that has no page have its UTM values, and so has a cost that names nothing but the channel.
        let of_channel = ground.channels.get(&spent.channel).filter(|_| own.iter().all(|text| text.is_empty()));
        let utm = of_channel.map_or(own, |utm| [&utm.source, &utm.medium, &utm.campaign, &utm.term, &utm.content]);
        for (part, text) in parts.iter_mut().zip([&channel].into_iter().chain(utm)) {
            *part = texts.id(text)?;
        }
        let point = Point { parts, is_direct: false };
        let Some(keys) = beside(ground, &point, Local { day: spent.day, hour: 0 }) else { continue };
        let keys: &[Key] = if has_rows { &[keys] } else { &[] };
        let is_overhead = ground.overhead.contains(&spent.provider);
        let cost = exchange.cost(&spent);
        counted.add(keys, |sums, _| match &cost {
            Ok(amount) if is_overhead => Sums::add(&mut sums.beside_mut().overhead, *amount),
            Ok(amount) => Sums::add(&mut sums.beside_mut().cost, *amount),
            Err(_) => sums.is_incomplete = true,
        });
        let (sum, amount) = match cost {
            Ok(amount) => (counted.cost_by_vat.entry(Vat::of(spent.has_vat)).or_default(), amount),
            Err(Some(currency)) => (counted.cost_left_out.entry(currency).or_default(), Amount(spent.amount)),
            Err(None) => continue,
        };
        *sum = sum.plus(amount);
    }
    Ok(())
}

/// The channel that a cost belongs to: the one that it names, else the one that its UTM values lead to.
fn channel(spent: &Spent, arrivals: &Arrivals, known: &mut HashMap<[String; 5], String>) -> String {
    if !spent.channel.is_empty() {
        return spent.channel.clone();
    }
    if let Some(channel) = known.get(&spent.utm) {
        return channel.clone();
    }
    let [source, medium, campaign, term, content] = spent.utm.clone();
    let channel = arrivals.channel_of(&Utm { source, medium, campaign, term, content }).unwrap_or_default();
    known.insert(spent.utm.clone(), channel.clone());
    channel
}

/// Visits and clicks by touchpoint, and by day and hour if those matter.
pub type Visits = FxHashMap<(i64, Local), (i64, i64)>;

/// What counts of visits are to be read, if any column tells of them: there are as many as there were visitors.
pub fn visited<'a>(ground: &Ground<'a>) -> Option<&'a Visited> {
    let is_asked = ground.query.columns.iter().any(|column| column.metric.has_visits());
    let is_known = !ground.conditions.any(|dimension| !dimension.has_visits());
    ground.snapshot.visits().filter(|_| is_asked && is_known)
}

/// Sums visits up. It touches nothing else, so that it may run beside the counting of leads.
pub fn sum(visited: &Visited, days: &Days, needs_time: bool) -> Result<Visits, StoreError> {
    let mut visits = Visits::default();
    visited.tallies(days.from, days.until, |tally: Tally| {
        let at = Millis(tally.quarter * 900_000).0;
        let local = if needs_time { days.local(at) } else { Local { day: 0, hour: 0 } };
        let sums = visits.entry((tally.touchpoint, local)).or_default();
        sums.0 += tally.visits;
        sums.1 += tally.clicks;
    })?;
    Ok(visits)
}

/// Adds visits and their clicks.
pub fn visits(
    ground: &Ground<'_>,
    visited: &Visited,
    visits: Visits,
    texts: &mut Texts<'_>,
    counted: &mut Counted,
) -> Result<(), StoreError> {
    let has_rows = ground.query.by.iter().all(|dimension| dimension.has_visits());
    let (mut points, mut fault) = (HashMap::new(), Ok(()));
    visited.touchpoints(|id, all| {
        let mut parts = [0; 8];
        for (part, text) in parts.iter_mut().zip(all) {
            match texts.id(text) {
                Ok(id) => *part = id,
                Err(e) => fault = Err(e),
            }
        }
        points.insert(id, Point { parts, is_direct: false });
    })?;
    fault?;
    for ((touchpoint, local), (shown, clicked)) in visits {
        let Some(keys) = points.get(&touchpoint).and_then(|point| beside(ground, point, local)) else { continue };
        let keys: &[Key] = if has_rows { &[keys] } else { &[] };
        counted.add(keys, |sums, _| {
            let beside = sums.beside_mut();
            beside.visits += shown;
            beside.clicks += clicked;
        });
    }
    Ok(())
}

/// The row of what is no lead, if it fits.
fn beside(ground: &Ground<'_>, point: &Point, local: Local) -> Option<Key> {
    let value = |dimension: Dimension| match dimension.of() {
        Of::Touch => Some(key::of_touch(dimension, point)),
        Of::Time => Some(key::of_time(dimension, local)),
        Of::Lead => None,
    };
    ground.conditions.fit(value).then(|| {
        let mut key = Key::default();
        for (part, dimension) in key.iter_mut().zip(&ground.query.by) {
            *part = value(*dimension).unwrap_or_default();
        }
        key
    })
}
