//! Which rows of a report come first: by the number or the name that its query sorts by, of equals by what they are called.
//!
//! There may be many more rows than are shown, so as few of their names as can be are looked up.

use std::cmp::Ordering;

use rustc_hash::FxHashSet;

use super::{
    dimension::{Dimension, Of},
    key::{Key, Texts},
    metric::Number,
    query::{Query, Sort, SortBy},
};
use crate::store::StoreError;

/// What a row's place hangs on: its number, if the order is by one, and its key.
#[derive(Clone, Copy, Debug)]
pub struct Rank {
    /// The number that the order is by.
    pub number: Number,
    /// What the row is of.
    pub key: Key,
}

impl AsRef<Self> for Rank {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// The order of a query's rows.
pub struct Order<'a> {
    by: &'a [Dimension],
    sort: Sort,
}

impl<'a> Order<'a> {
    /// As the query asks; else time goes on, and what has most of the first number comes first.
    pub fn of(query: &'a Query) -> Self {
        let is_time = |dimension: &Dimension| dimension.of() == Of::Time;
        let by_time = Sort { by: SortBy::Dimension(0), descending: false };
        let by_number = Sort { by: SortBy::Column(0), descending: true };
        let default = if !query.by.is_empty() && query.by.iter().all(is_time) { by_time } else { by_number };
        Self { by: &query.by, sort: query.sort.unwrap_or(default) }
    }

    /// The column that it is by, if it is by one.
    pub fn column(&self) -> Option<usize> {
        match self.sort.by {
            SortBy::Column(place) => Some(place),
            SortBy::Dimension(_) => None,
        }
    }

    /// Keeps as many rows as there may be at most, those that come first; in no order.
    pub fn first<T: AsRef<Rank>>(
        &self,
        rows: &mut Vec<T>,
        most: usize,
        texts: &mut Texts<'_>,
    ) -> Result<(), StoreError> {
        let Some(last) = most.checked_sub(1).filter(|last| *last < rows.len()) else { return Ok(()) };
        let by_number = |one: &T, other: &T| self.by_number(one.as_ref(), other.as_ref());
        let (_, worst, _) = rows.select_nth_unstable_by(last, by_number);
        let worst = *worst.as_ref();
        rows.retain(|row| self.by_number(row.as_ref(), &worst).is_le());
        if rows.len() > most {
            self.first_of_equals(rows, most, worst, texts)?;
        }
        if rows.len() > most {
            self.know(rows, texts)?;
            rows.select_nth_unstable_by(last, |one, other| self.compare(one.as_ref(), other.as_ref(), texts));
            rows.truncate(most);
        }
        Ok(())
    }

    /// Puts rows in order.
    pub fn sort<T: AsRef<Rank>>(&self, rows: &mut [T], texts: &mut Texts<'_>) -> Result<(), StoreError> {
        self.know(rows, texts)?;
        rows.sort_by(|one, other| self.compare(one.as_ref(), other.as_ref(), texts));
        Ok(())
    }

    /// Of rows of one name each that are equal to the worst, keeps those whose names come first, and a few more.
    fn first_of_equals<T: AsRef<Rank>>(
        &self,
        rows: &mut Vec<T>,
        most: usize,
        worst: Rank,
        texts: &Texts<'_>,
    ) -> Result<(), StoreError> {
        let [dimension] = self.by else { return Ok(()) };
        if !dimension.is_text() {
            return Ok(());
        }
        let name = |row: &T| row.as_ref().key.first().copied().unwrap_or_default();
        let is_equal = |row: &&T| self.by_number(row.as_ref(), &worst).is_eq();
        let equals: FxHashSet<u32> = rows.iter().filter(is_equal).map(name).collect();
        let better = rows.len() - equals.len();
        let descending = self.column().is_none() && self.sort.descending;
        let first = texts.first(&equals, most - better.min(most), descending)?;
        rows.retain(|row| !is_equal(&row) || first.contains(&name(row)));
        Ok(())
    }

    fn know<T: AsRef<Rank>>(&self, rows: &[T], texts: &mut Texts<'_>) -> Result<(), StoreError> {
        texts.know(rows.iter().flat_map(|row| self.by.iter().copied().zip(row.as_ref().key)))
    }

    /// The order of numbers; what is unknown is last, whichever way. All are equal if the order is by no number.
    fn by_number(&self, one: &Rank, other: &Rank) -> Ordering {
        match (one.number, other.number) {
            (Some(one), Some(other)) if self.sort.descending => other.cmp(&one),
            (Some(one), Some(other)) => one.cmp(&other),
            (one, other) => other.is_some().cmp(&one.is_some()),
        }
    }

    fn compare(&self, one: &Rank, other: &Rank, texts: &Texts<'_>) -> Ordering {
        let mut places =
            self.by.iter().zip(one.key.iter().zip(&other.key)).map(|(by, (one, other))| texts.order(*by, *one, *other));
        let first = match self.sort.by {
            SortBy::Column(_) => self.by_number(one, other),
            SortBy::Dimension(place) => {
                let order = places.clone().nth(place).unwrap_or(Ordering::Equal);
                if self.sort.descending { order.reverse() } else { order }
            }
        };
        first.then_with(|| places.find(|order| order.is_ne()).unwrap_or(Ordering::Equal))
    }
}
