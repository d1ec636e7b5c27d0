//! Keys of rows while a report is counted: numbers, one for each dimension, that become text at the end.

use std::{cmp::Ordering, collections::HashMap};

use jiff::{ToSpan, civil::Date};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    dimension::{Dimension, Of},
    period::{Period, day_number, day_of, monday_of, weekday_of},
    query::{DIMENSIONS, Filter},
    zone::Local,
};
use crate::store::{Fact, Point, Snapshot, StoreError, TextId};

/// A number for each dimension of the query; 0 for those that it has not.
pub type Key = [u32; DIMENSIONS];

/// Texts that only costs and visits have get numbers from here on.
const OWN: TextId = 1 << 31;

/// Texts that are looked up one by one; of more, all are read at once.
const FEW: usize = 2000;

/// Numbers of texts, those of the facts and those beside.
pub struct Texts<'a> {
    snapshot: &'a Snapshot,
    ids: HashMap<String, TextId>,
    own: Vec<String>,
    known: FxHashMap<TextId, String>,
}

impl<'a> Texts<'a> {
    /// Those of a snapshot.
    pub fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, ids: HashMap::new(), own: Vec::new(), known: FxHashMap::default() }
    }

    /// The number of a text.
    pub fn id(&mut self, text: &str) -> Result<TextId, StoreError> {
        if text.is_empty() {
            return Ok(0);
        }
        if let Some(id) = self.ids.get(text) {
            return Ok(*id);
        }
        let id = match self.snapshot.text_id(text)? {
            Some(id) => id,
            None => {
                self.own.push(text.to_owned());
                OWN + u32::try_from(self.own.len() - 1).unwrap_or(0)
            }
        };
        self.ids.insert(text.to_owned(), id);
        Ok(id)
    }

    /// Of these numbers, as many as are asked for, those whose texts come first; and those that only costs and visits have.
    pub fn first(
        &self,
        of: &FxHashSet<TextId>,
        most: usize,
        descending: bool,
    ) -> Result<FxHashSet<TextId>, StoreError> {
        let is_beside = |id: &TextId| *id == 0 || *id >= OWN;
        let mut first: FxHashSet<TextId> = of.iter().copied().filter(is_beside).collect();
        let enough = (most + first.len()).min(of.len());
        self.snapshot.in_order(descending, |id| {
            if of.contains(&id) {
                first.insert(id);
            }
            first.len() < enough
        })?;
        Ok(first)
    }

    /// Looks up what the keys of rows are to be written as, and forgets what it knew.
    pub fn know(&mut self, values: impl Iterator<Item = (Dimension, u32)>) -> Result<(), StoreError> {
        self.known.clear();
        let ids: FxHashSet<TextId> =
            values.filter(|(dimension, id)| dimension.is_text() && (1..OWN).contains(id)).map(|(_, id)| id).collect();
        if ids.len() > FEW {
            let known = &mut self.known;
            return self.snapshot.texts(|id, text| {
                if ids.contains(&id) {
                    known.insert(id, text.to_owned());
                }
            });
        }
        for id in ids {
            self.known.insert(id, self.snapshot.text(id)?);
        }
        Ok(())
    }

    /// The text of a number that is known.
    fn text(&self, id: TextId) -> Option<&str> {
        match id {
            OWN.. => self.own.get((id - OWN) as usize),
            _ => self.known.get(&id),
        }
        .map(String::as_str)
    }

    /// The order of two values.
    pub fn order(&self, dimension: Dimension, one: u32, other: u32) -> Ordering {
        match dimension.of() {
            Of::Time => one.cmp(&other),
            _ if dimension == Dimension::Unique => other.cmp(&one),
            _ => self.text(one).cmp(&self.text(other)),
        }
    }

    /// How a value of a dimension is written.
    pub fn written(&self, dimension: Dimension, value: u32) -> Option<String> {
        let number = value.cast_signed();
        match dimension {
            Dimension::Unique => Some(if value == 1 { "new" } else { "repeat" }.to_owned()),
            Dimension::Day | Dimension::Week => Some(day_of(number).to_string()),
            Dimension::Month => Some(format!("{:04}-{:02}", number / 12, number % 12 + 1)),
            Dimension::Hour => Some(format!("{value:02}")),
            Dimension::Weekday => Some(value.to_string()),
            _ => self.text(value).map(str::to_owned),
        }
    }

    /// The number of a value as a filter names it; one that is nobody's if it names nothing.
    fn read(&mut self, filter: &Filter) -> Result<u32, StoreError> {
        const NOBODY: u32 = u32::MAX;
        let value = filter.value.as_deref().unwrap_or_default();
        let day = || value.parse::<Date>().ok().map(day_number);
        let number = match filter.dimension {
            Dimension::Unique => match value {
                "new" => Some(1),
                "repeat" => Some(0),
                _ => None,
            },
            Dimension::Day => day(),
            Dimension::Week => day().map(monday_of),
            Dimension::Month => format!("{value}-01").parse::<Date>().ok().map(month_of),
            Dimension::Hour | Dimension::Weekday => value.parse().ok(),
            _ => return self.id(value),
        };
        Ok(number.map_or(NOBODY, i32::cast_unsigned))
    }
}

/// Months since the year 0.
fn month_of(day: Date) -> i32 {
    i32::from(day.year()) * 12 + i32::from(day.month()) - 1
}

/// The value of a dimension of time.
pub fn of_time(dimension: Dimension, local: Local) -> u32 {
    match dimension {
        Dimension::Day => local.day.cast_unsigned(),
        Dimension::Week => monday_of(local.day).cast_unsigned(),
        Dimension::Month => month_of(day_of(local.day)).cast_unsigned(),
        Dimension::Hour => local.hour.into(),
        _ => weekday_of(local.day).cast_unsigned(),
    }
}

/// The value of a dimension of days.
pub fn of_day(dimension: Dimension, day: Date) -> u32 {
    of_time(dimension, Local { day: day_number(day), hour: 0 })
}

/// The value of a dimension of the lead, other than its tags.
pub fn of_lead(dimension: Dimension, fact: &Fact) -> u32 {
    match dimension {
        Dimension::Address => fact.address,
        Dimension::Mailbox => fact.mailbox,
        Dimension::SenderDomain => fact.domain,
        _ => fact.is_unique.into(),
    }
}

/// The place of a dimension of touches among a touchpoint's parts.
pub fn part(dimension: Dimension) -> usize {
    match dimension {
        Dimension::Channel => 0,
        Dimension::Source => 1,
        Dimension::Medium => 2,
        Dimension::Campaign => 3,
        Dimension::Term => 4,
        Dimension::Content => 5,
        Dimension::LandingPage => 6,
        _ => 7,
    }
}

/// The value of a dimension of touches.
pub fn of_touch(dimension: Dimension, point: &Point) -> u32 {
    point.parts.get(part(dimension)).copied().unwrap_or_default()
}

/// How far a value of time is from the period's first, so that two periods stand side by side.
pub fn ordinal(dimension: Dimension, value: u32, period: Period) -> Option<i32> {
    Some(value.cast_signed() - start(dimension, period)?)
}

/// The value of time that far from the period's first.
pub fn at_ordinal(dimension: Dimension, ordinal: i32, period: Period) -> Option<u32> {
    Some((start(dimension, period)? + ordinal).cast_unsigned())
}

/// The same day of the year before or after.
pub fn a_year_off(day: u32, before: bool) -> Option<u32> {
    let (day, year) = (day_of(day.cast_signed()), 1.year());
    let there = if before { day.checked_sub(year) } else { day.checked_add(year) };
    there.ok().map(|day| day_number(day).cast_unsigned())
}

fn start(dimension: Dimension, period: Period) -> Option<i32> {
    match dimension {
        Dimension::Day => Some(day_number(period.first)),
        Dimension::Week => Some(monday_of(day_number(period.first))),
        Dimension::Month => Some(month_of(period.first)),
        _ => None,
    }
}

/// Conditions: values that a dimension may have, for each that any is given for.
pub struct Conditions(Vec<(Dimension, Vec<u32>)>);

impl Conditions {
    /// Those of a query.
    pub fn new(filters: &[Filter], texts: &mut Texts<'_>) -> Result<Self, StoreError> {
        let mut conditions: Vec<(Dimension, Vec<u32>)> = Vec::new();
        for filter in filters {
            let value = texts.read(filter)?;
            match conditions.iter_mut().find(|(dimension, _)| *dimension == filter.dimension) {
                Some((_, values)) => values.push(value),
                None => conditions.push((filter.dimension, vec![value])),
            }
        }
        Ok(Self(conditions))
    }

    /// Whether what `value` says of each dimension fits; it says nothing of those that are none of its business.
    pub fn fit(&self, value: impl Fn(Dimension) -> Option<u32>) -> bool {
        self.0.iter().all(|(dimension, values)| value(*dimension).is_none_or(|value| values.contains(&value)))
    }

    /// Whether one of the tags fits, if any tag is asked for; none stands for a lead without.
    pub fn fit_tags(&self, tags: &[TextId]) -> bool {
        let mut asked = self.0.iter().filter(|(dimension, _)| *dimension == Dimension::Tag);
        asked.all(|(_, values)| values.iter().any(|value| tags.contains(value) || (*value == 0 && tags.is_empty())))
    }

    /// Whether any condition is of a dimension that `is`.
    pub fn any(&self, is: impl Fn(Dimension) -> bool) -> bool {
        self.0.iter().any(|(dimension, _)| is(*dimension))
    }
}
