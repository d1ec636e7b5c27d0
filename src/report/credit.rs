//! What one lead adds to a report: credit to each of its touches by each model, and its money in proportion.
//!
//! Nothing is lost by rounding: shares of an amount end where the next ones begin.

use super::{
    count::Ground,
    counted::Counted,
    dimension::{Dimension, Of},
    key::{self, Key},
    money::{Exchange, Worth},
    sums::Sums,
    zone::Local,
};
use crate::{
    model::{Credits, Step, WHOLE},
    money::Amount,
    store::{Class, Fact, FactOutcome, FactTouch, Point, StoreError},
};

/// The touch of a lead that has none.
static NOWHERE: Point = Point { parts: [0; 8], is_direct: true };

/// Adds facts; its room is used again for every one.
#[derive(Default)]
pub struct Crediting {
    credits: Credits,
    steps: Vec<Step>,
    /// Of the first touch by every model, of the second one, and so on.
    shares: Vec<Share>,
    keys: Vec<Key>,
}

/// What a touch has of a lead, in basis points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Share {
    /// What the touches before it have.
    before: i64,
    credit: i64,
}

impl Share {
    const WHOLE: Self = Self { before: 0, credit: WHOLE };

    fn of(self, amount: Amount) -> i128 {
        let until = |credit| i128::from(amount.share(credit).0);
        until(self.before + self.credit) - until(self.before)
    }
}

impl Crediting {
    /// Adds a fact to the rows that it belongs to, if it fits.
    pub fn add(
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
        let point = |place: u32| ground.points.get(place as usize).unwrap_or(&NOWHERE);
        let outcome = fact.outcome.as_ref().filter(|_| fact.class == Class::Lead);
        counted.has_outcomes |= outcome.is_some();
        let lead = Lead {
            fact,
            is_known: fact.touches.iter().any(|touch| point(touch.point).is_known()),
            outcome: outcome.map(|outcome| Ok((outcome, exchange.worth(&outcome.money)?))).transpose()?,
        };
        self.share_out(ground, fact, point);
        let models = ground.models.len();
        for touch in 0..fact.touches.len().max(1) {
            let at = fact.touches.get(touch).map_or(&NOWHERE, |touch| point(touch.point));
            let shares = self.shares.get(touch * models..(touch + 1) * models).unwrap_or_default();
            let of_touch = |dimension: Dimension| (dimension.of() == Of::Touch).then(|| key::of_touch(dimension, at));
            if shares.iter().all(|share| share.credit == 0) || !ground.conditions.fit(of_touch) {
                continue;
            }
            keys(&mut self.keys, &ground.query.by, fact, at, local);
            counted.add(&self.keys, |sums, model| {
                if let Some(share) = shares.get(model).filter(|share| share.credit != 0) {
                    lead.add(sums, *share);
                }
            });
            // What is left out is told once, by the query's model if any column is.
            let share = shares.get(ground.main).filter(|share| share.credit != 0);
            let (Some((_, worth)), Some(share)) = (&lead.outcome, share) else { continue };
            for (currency, amount) in &worth.left_out {
                let left_out = counted.revenue_left_out.entry(*currency).or_default();
                left_out.0 = left_out.0.saturating_add(i64::try_from(share.of(*amount)).unwrap_or_default());
            }
        }
        Ok(())
    }

    /// What each touch has by each model. One touch has it all by every one.
    fn share_out<'a>(&mut self, ground: &Ground<'_>, fact: &Fact, point: impl Fn(u32) -> &'a Point) {
        let (models, touches) = (ground.models.len(), fact.touches.len());
        self.shares.clear();
        self.shares.resize(models * touches.max(1), Share::WHOLE);
        if touches < 2 {
            return;
        }
        let step = |touch: &FactTouch| Step { is_direct: point(touch.point).is_direct, hours: touch.hours };
        self.steps.clear();
        self.steps.extend(fact.touches.iter().map(step));
        for (place, model) in ground.models.iter().enumerate() {
            let mut before = 0;
            let of_model = self.shares.iter_mut().skip(place).step_by(models);
            for (share, credit) in of_model.zip(model.credit(&self.steps, &mut self.credits)) {
                *share = Share { before, credit: *credit };
                before += credit;
            }
        }
    }
}

/// A lead, and what is the same for each of its touches.
struct Lead<'a> {
    fact: &'a Fact,
    is_known: bool,
    outcome: Option<(&'a FactOutcome, Worth)>,
}

impl Lead<'_> {
    fn add(&self, sums: &mut Sums, share: Share) {
        let (fact, credit) = (self.fact, share.credit);
        if fact.class != Class::Lead {
            if let Some(others) = sums.beside_mut().others.get_mut(fact.class as usize) {
                *others += credit;
            }
            return;
        }
        let part = |is: bool| if is { credit } else { 0 };
        sums.leads += credit;
        sums.unique += part(fact.is_unique);
        sums.attributed += part(self.is_known);
        if let Some(age) = fact.age {
            sums.visited += credit;
            sums.age += i128::from(age) * i128::from(credit);
        }
        if let Some((outcome, worth)) = &self.outcome {
            sums.qualified += part(outcome.is_qualified);
            sums.won += part(outcome.deals > 0);
            sums.customers += part(outcome.deals > 0 && fact.is_unique);
            sums.deals += credit * i64::from(outcome.deals);
            sums.revenue += share.of(worth.counted);
            sums.is_incomplete |= !worth.left_out.is_empty();
        }
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
