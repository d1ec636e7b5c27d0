//! Counting: every fact, cost and visit of a period goes into the row that it belongs to.
//!
//! One pass serves all attribution models that a query names. A lead's credit and its money are shared out among its
//! touches without remainder.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{Hash, Hasher},
    ops::Range,
    thread,
};

use rustc_hash::{FxHashMap, FxHashSet, FxHasher};

use super::{
    beside,
    dimension::{Dimension, Of},
    key::{self, Conditions, Key, Texts},
    money::Exchange,
    period::Period,
    query::{Query, ROWS},
    sums::Sums,
    zone::{Days, Local},
};
use crate::{
    arrival::Arrivals,
    channel::Utm,
    model::{Model, Step, WHOLE},
    money::{Amount, Currency},
    store::{Class, Fact, Point, Snapshot, StoreError},
};

/// Numbers of one report at most: some hundred megabytes while it is made.
const NUMBERS: usize = 2_000_000;

/// Rows that there is no room for are counted up to so many.
const COUNTED_BEYOND: usize = 1_000_000;

/// What is the same for every pass over a snapshot.
pub struct Ground<'a> {
    /// Facts, costs and visits.
    pub snapshot: &'a Snapshot,
    /// Every touchpoint.
    pub points: &'a [Point],
    /// What was asked.
    pub query: &'a Query,
    /// The models that it names.
    pub models: &'a [Model],
    /// The place among them of the query's own.
    pub main: usize,
    /// Its filters.
    pub conditions: &'a Conditions,
    /// Which channel a cost belongs to.
    pub arrivals: &'a Arrivals,
    /// UTM values of channels.
    pub channels: &'a HashMap<String, Utm>,
    /// Providers whose costs are no marketing.
    pub overhead: &'a [String],
}

/// What was counted: sums for each row and model, and for all rows together.
pub struct Counted {
    rows: FxHashMap<Key, usize>,
    sums: Vec<Sums>,
    models: usize,
    /// Sums of all, for each model.
    pub total: Vec<Sums>,
    /// Whether any lead has an outcome.
    pub has_outcomes: bool,
    /// Rows at most: a report of many columns holds fewer of them.
    most: usize,
    /// Rows beyond, by a digest of their keys; they are in the total alone.
    beyond: FxHashSet<u64>,
    /// Money in currencies without a rate.
    pub revenue_left_out: BTreeMap<Currency, Amount>,
    /// The same of costs.
    pub cost_left_out: BTreeMap<Currency, Amount>,
}

impl Counted {
    fn new(query: &Query, models: usize) -> Self {
        let sides = 1 + usize::from(query.compare.is_some());
        Self {
            most: (NUMBERS / (query.columns.len().max(models) * sides).max(1)).min(ROWS),
            beyond: FxHashSet::default(),
            rows: FxHashMap::default(),
            sums: Vec::new(),
            models,
            total: vec![Sums::default(); models],
            has_outcomes: false,
            revenue_left_out: BTreeMap::new(),
            cost_left_out: BTreeMap::new(),
        }
    }

    /// Rows that there was no room for.
    pub fn beyond(&self) -> usize {
        self.beyond.len()
    }

    /// Every key, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.rows.keys()
    }

    /// The sums of a row, one for each model.
    pub fn row(&self, key: &Key) -> Option<&[Sums]> {
        let first = *self.rows.get(key)?;
        self.sums.get(first..first + self.models)
    }

    /// The first of a row's sums, one for each model.
    fn place(&mut self, key: Key) -> Option<usize> {
        if let Some(first) = self.rows.get(&key) {
            return Some(*first);
        }
        if self.rows.len() == self.most {
            if self.beyond.len() < COUNTED_BEYOND {
                let mut digest = FxHasher::default();
                key.hash(&mut digest);
                self.beyond.insert(digest.finish());
            }
            return None;
        }
        let first = self.sums.len();
        self.rows.insert(key, first);
        self.sums.resize(first + self.models, Sums::default());
        Some(first)
    }

    /// Adds to rows and to the total, for each of these models.
    pub(super) fn add(&mut self, keys: &[Key], models: Range<usize>, add: impl Fn(&mut Sums)) {
        for key in keys {
            let Some(first) = self.place(*key) else { continue };
            self.sums.get_mut(first + models.start..first + models.end).into_iter().flatten().for_each(&add);
        }
        self.total.get_mut(models).into_iter().flatten().for_each(add);
    }
}

/// Counts the days of a period.
pub fn count(
    ground: &Ground<'_>,
    period: Period,
    days: &Days,
    texts: &mut Texts<'_>,
    exchange: &mut Exchange<'_>,
) -> Result<Counted, StoreError> {
    let mut counted = Counted::new(ground.query, ground.models.len());
    let mut places = Places { credits: Vec::new(), steps: Vec::new(), keys: Vec::new() };
    let has_time = |dimension: Dimension| dimension.of() == Of::Time;
    let needs_time = ground.query.by.iter().copied().any(has_time) || ground.conditions.any(has_time);
    let visited = beside::visited(ground);
    // Half of the work of a report with visits, and none of the other half's business.
    thread::scope(|scope| {
        let summing = visited.map(|visited| scope.spawn(move || beside::sum(visited, days, needs_time)));
        let mut fault = None;
        ground.snapshot.scan(days.from, days.until, |fact| {
            let local = if needs_time { days.local(fact.at) } else { Local { day: 0, hour: 0 } };
            if let Err(e) = places.fact(ground, fact, local, exchange, &mut counted) {
                fault = Some(e);
            }
        })?;
        fault.map_or(Ok(()), Err)?;
        beside::costs(ground, period, texts, exchange, &mut counted)?;
        match visited.zip(summing) {
            Some((visited, summing)) => {
                let visits = summing.join().unwrap_or(Err(StoreError::Closed))?;
                beside::visits(ground, visited, visits, texts, &mut counted)
            }
            None => Ok(()),
        }
    })?;
    Ok(counted)
}

/// Room that is used again for every fact.
struct Places {
    credits: Vec<i64>,
    steps: Vec<Step>,
    keys: Vec<Key>,
}

/// The touch of a lead that has none.
static NOWHERE: Point = Point { parts: [0; 8], is_direct: true };

impl Places {
    fn fact(
        &mut self,
        ground: &Ground<'_>,
        fact: &Fact,
        local: Local,
        exchange: &mut Exchange<'_>,
        counted: &mut Counted,
    ) -> Result<(), StoreError> {
        let fits = ground.conditions.fit(|dimension| match dimension.of() {
            Of::Time => Some(key::of_time(dimension, local)),
            Of::Lead if dimension != Dimension::Tag => Some(key::of_lead(dimension, fact)),
            _ => None,
        });
        if !fits || !ground.conditions.fit_tags(&fact.tags) {
            return Ok(());
        }
        let is_lead = fact.class == Class::Lead;
        let worth = match &fact.outcome {
            Some(outcome) if is_lead => {
                counted.has_outcomes = true;
                Some((outcome, exchange.worth(&outcome.money)?))
            }
            _ => None,
        };
        let point = |place: u32| ground.points.get(place as usize).unwrap_or(&NOWHERE);
        let is_known = fact.touches.iter().any(|touch| point(touch.point).is_known());
        let touches = fact.touches.len().max(1);
        self.steps.clear();
        self.steps.extend(
            fact.touches.iter().map(|touch| Step { is_direct: point(touch.point).is_direct, hours: touch.hours }),
        );
        // What is left out is told once, by the query's model if any column is.
        // One touch has it all by every model.
        let all = 0..ground.models.len();
        let turns = if touches == 1 { 0..1 } else { all.clone() };
        for place in turns {
            let models = if touches == 1 { all.clone() } else { place..place + 1 };
            self.credits.clear();
            match ground.models.get(place) {
                Some(model) if touches > 1 => model.credit(&self.steps, &mut self.credits),
                _ => self.credits.push(WHOLE),
            }
            let mut given = 0;
            for touch in 0..touches {
                let credit = self.credits.get(touch).copied().unwrap_or_default();
                let before = given;
                given += credit;
                let at = fact.touches.get(touch).map_or(&NOWHERE, |touch| point(touch.point));
                let of_touch =
                    |dimension: Dimension| (dimension.of() == Of::Touch).then(|| key::of_touch(dimension, at));
                if credit == 0 || !ground.conditions.fit(of_touch) {
                    continue;
                }
                keys(&mut self.keys, &ground.query.by, fact, at, local);
                // Shares of a sum end where the next ones begin, so that they sum to it.
                let share = |amount: Amount| i128::from(amount.share(given).0) - i128::from(amount.share(before).0);
                counted.add(&self.keys, models.clone(), |sums| {
                    if !is_lead {
                        if let Some(others) = sums.others.get_mut(fact.class as usize) {
                            *others += credit;
                        }
                        return;
                    }
                    let part = |is: bool| if is { credit } else { 0 };
                    sums.leads += credit;
                    sums.unique += part(fact.is_unique);
                    sums.attributed += part(is_known);
                    if let Some(age) = fact.age {
                        sums.visited += credit;
                        sums.age += i128::from(age) * i128::from(credit);
                    }
                    if let Some((outcome, worth)) = &worth {
                        sums.qualified += part(outcome.is_qualified);
                        sums.won += part(outcome.deals > 0);
                        sums.customers += part(outcome.deals > 0 && fact.is_unique);
                        sums.deals += credit * i64::from(outcome.deals);
                        sums.revenue += share(worth.counted);
                        sums.is_incomplete |= !worth.left_out.is_empty();
                    }
                });
                if let Some((_, worth)) = worth.as_ref().filter(|_| models.contains(&ground.main)) {
                    for (currency, amount) in &worth.left_out {
                        let left_out = counted.revenue_left_out.entry(*currency).or_default();
                        left_out.0 = left_out.0.saturating_add(i64::try_from(share(*amount)).unwrap_or_default());
                    }
                }
            }
        }
        Ok(())
    }
}

/// The rows that a lead's touch belongs to: one, or one for each tag.
fn keys(keys: &mut Vec<Key>, by: &[Dimension], fact: &Fact, point: &Point, local: Local) {
    keys.clear();
    let tags = if by.contains(&Dimension::Tag) && !fact.tags.is_empty() { fact.tags.as_slice() } else { &[0] };
    for tag in tags {
        let mut key = Key::default();
        for (value, dimension) in key.iter_mut().zip(by) {
            *value = match (dimension, dimension.of()) {
                (Dimension::Tag, _) => *tag,
                (_, Of::Touch) => key::of_touch(*dimension, point),
                (_, Of::Lead) => key::of_lead(*dimension, fact),
                (_, Of::Time) => key::of_time(*dimension, local),
            };
        }
        keys.push(key);
    }
}
