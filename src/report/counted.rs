//! What was counted: sums for each row and model, and of all rows together.
//!
//! A report may have more rows than there is room for, as one by address of a million visitors. It is then counted in
//! parts, a pass for each. A row's part hangs on its key without what is of time, so that the rows of two compared
//! periods that stand side by side are in one part.

use std::{
    collections::BTreeMap,
    hash::{Hash, Hasher},
    iter, mem,
};

use rustc_hash::{FxHashMap, FxHasher};

use super::{
    dimension::Of,
    key::Key,
    query::{DIMENSIONS, Query},
    sums::Sums,
    table::Vat,
};
use crate::money::{Amount, Currency};

/// Parts of a report at most; they are larger beyond.
const PARTS: u32 = 1 << 16;

/// Which rows are counted in a pass: those whose digest leaves this rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    rest: u32,
    of: u32,
}

impl Part {
    /// Every row.
    pub const ALL: Self = Self { rest: 0, of: 1 };

    /// Of how many it is one.
    pub fn of(self) -> u32 {
        self.of
    }

    /// The parts that are left of this one once `narrow` is counted.
    pub fn without(self, narrow: Self) -> impl Iterator<Item = Self> {
        let of = iter::successors(Some(self.of), |of| Some(of * 2)).take_while(move |of| *of < narrow.of);
        of.map(move |of| Self { rest: (narrow.rest % of) + if narrow.rest & of == 0 { of } else { 0 }, of: of * 2 })
    }

    fn has(self, digest: u64) -> bool {
        digest & u64::from(self.of - 1) == u64::from(self.rest)
    }
}

/// Sums for each row and model.
pub struct Counted {
    rows: FxHashMap<Key, u32>,
    sums: Vec<Sums>,
    models: usize,
    part: Part,
    /// Rows that there is room for.
    room: usize,
    /// Which places of keys say nothing of time.
    lasting: [bool; DIMENSIONS],
    /// Sums of all rows, those of other parts too, for each model.
    pub total: Vec<Sums>,
    /// Whether any lead has an outcome.
    pub has_outcomes: bool,
    /// Money in currencies without a rate.
    pub revenue_left_out: BTreeMap<Currency, Amount>,
    /// The same of costs.
    pub cost_left_out: BTreeMap<Currency, Amount>,
    /// Costs by whether they hold value added tax.
    pub cost_by_vat: BTreeMap<Vat, Amount>,
}

impl Counted {
    /// Nothing yet; there is room for so many sums.
    pub fn new(query: &Query, models: usize, part: Part, room: usize) -> Self {
        let mut lasting = [false; DIMENSIONS];
        lasting.iter_mut().zip(&query.by).for_each(|(lasting, by)| *lasting = by.of() != Of::Time);
        Self {
            rows: FxHashMap::default(),
            sums: Vec::new(),
            models,
            part,
            room: (room / models.max(1)).max(1),
            lasting,
            total: vec![Sums::default(); models],
            has_outcomes: false,
            revenue_left_out: BTreeMap::new(),
            cost_left_out: BTreeMap::new(),
            cost_by_vat: BTreeMap::new(),
        }
    }

    /// The part that its rows are of.
    pub fn part(&self) -> Part {
        self.part
    }

    /// Every key, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.rows.keys()
    }

    /// The sums of a row, one for each model.
    pub fn row(&self, key: &Key) -> Option<&[Sums]> {
        let first = *self.rows.get(key)? as usize * self.models;
        self.sums.get(first..first + self.models)
    }

    /// Adds to rows and to the total; `add` is told for which model.
    pub fn add(&mut self, keys: &[Key], add: impl Fn(&mut Sums, usize)) {
        let all = |sums: &mut [Sums]| sums.iter_mut().enumerate().for_each(|(model, sums)| add(sums, model));
        for key in keys {
            let Some(first) = self.place(*key) else { continue };
            self.sums.get_mut(first..first + self.models).into_iter().for_each(all);
        }
        all(&mut self.total);
    }

    /// Leaves out rows that are not of this part of its own.
    pub fn narrow(&mut self, part: Part) {
        if part == self.part {
            return;
        }
        self.part = part;
        let (rows, mut sums) = (mem::take(&mut self.rows), mem::take(&mut self.sums));
        for (key, row) in rows {
            if !part.has(self.digest(&key)) {
                continue;
            }
            let first = row as usize * self.models;
            let Some(place) = self.rows.len().try_into().ok() else { continue };
            self.sums.extend(sums.iter_mut().skip(first).take(self.models).map(mem::take));
            self.rows.insert(key, place);
        }
    }

    /// The first of a row's sums; none if it is of another part.
    fn place(&mut self, key: Key) -> Option<usize> {
        if self.part != Part::ALL && !self.part.has(self.digest(&key)) {
            return None;
        }
        if let Some(row) = self.rows.get(&key) {
            return Some(*row as usize * self.models);
        }
        // What is of time alone has no parts, and as many rows as the period has hours.
        while self.rows.len() >= self.room && self.part.of < PARTS && self.lasting.contains(&true) {
            let before = self.rows.len();
            self.narrow(Part { of: self.part.of * 2, ..self.part });
            if self.rows.len() == before {
                // Days of one address: they stay together, whatever room they need.
                self.room *= 2;
            }
        }
        if !self.part.has(self.digest(&key)) {
            return None;
        }
        let first = self.sums.len();
        self.rows.insert(key, u32::try_from(self.rows.len()).ok()?);
        self.sums.extend(iter::repeat_with(Sums::default).take(self.models));
        Some(first)
    }

    fn digest(&self, key: &Key) -> u64 {
        let mut hash = FxHasher::default();
        key.iter().zip(self.lasting).filter(|(_, lasting)| *lasting).for_each(|(value, _)| value.hash(&mut hash));
        let hash = hash.finish();
        hash ^ hash >> 32
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        model::Model,
        report::{Dimension, Preset, period::Period},
    };

    fn query(by: &[Dimension]) -> Query {
        let day = jiff::civil::Date::constant(2026, 1, 1);
        Query { by: by.to_vec(), ..Preset::Channels.query(Period { first: day, last: day }, Model::Last) }
    }

    /// Counts one lead of each key, in parts, as long as any is left; gives back how many each part had.
    fn parts(by: &[Dimension], keys: &[Key], room: usize) -> Vec<usize> {
        let (mut left, mut seen, mut sizes) = (vec![Part::ALL], BTreeSet::new(), Vec::new());
        while let Some(part) = left.pop() {
            let mut counted = Counted::new(&query(by), 2, part, room);
            for key in keys {
                counted.add(&[*key], |sums, model| sums.leads += 1 + i64::try_from(model).unwrap());
            }
            left.extend(part.without(counted.part()));
            let all = i64::try_from(keys.len()).unwrap();
            assert_eq!(counted.total.iter().map(|sums| sums.leads).collect::<Vec<_>>(), [all, 2 * all]);
            for key in counted.keys() {
                assert!(seen.insert(*key), "{key:?} is in two parts");
                let leads: Vec<_> = counted.row(key).unwrap().iter().map(|sums| sums.leads).collect();
                assert_eq!(leads, [1, 2], "{key:?}");
            }
            sizes.push(counted.keys().count());
        }
        assert_eq!(seen, keys.iter().copied().collect());
        sizes
    }

    #[test]
    fn every_row_is_in_one_part_and_no_part_has_more_than_there_is_room_for() {
        let keys: Vec<Key> = (0..1000).map(|number| [number, 0, 0]).collect();
        assert_eq!(parts(&[Dimension::Address], &keys, 2000), [1000]);
        let sizes = parts(&[Dimension::Address], &keys, 200);
        assert!(sizes.len() > 10 && sizes.iter().all(|size| *size <= 100), "{sizes:?}");
    }

    #[test]
    fn days_of_one_address_are_in_one_part_and_days_alone_have_no_parts() {
        let keys: Vec<Key> = (0..1000).map(|number| [number % 10, number / 10, 0]).collect();
        let sizes = parts(&[Dimension::Day, Dimension::Address], &keys, 200);
        assert!(sizes.len() > 10 && sizes.iter().all(|size| size % 10 == 0), "{sizes:?}");
        assert_eq!(parts(&[Dimension::Address, Dimension::Day], &[[7, 1, 0], [7, 2, 0]], 2).iter().max(), Some(&2));
        let days: Vec<Key> = (0..1000).map(|number| [number, 0, 0]).collect();
        assert_eq!(parts(&[Dimension::Day], &days, 200), [1000]);
    }
}
