//! Which costs belong to a channel of the config, and what an import comes to.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use serde::Serialize;

use crate::{
    arrival::Arrivals,
    channel::Utm,
    clock::Day,
    config::Config,
    money::{Amount, Currency},
    store::Cost,
};

/// Places without a channel that are named one by one.
const NAMED: usize = 20;

/// Says to which channel of a config a cost belongs: the one that it names itself, else the one of its UTM values.
pub struct Matching {
    arrivals: Arrivals,
    channels: Vec<String>,
}

/// An amount and its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// The currency.
    pub currency: Currency,
    /// The amount.
    pub amount: Amount,
}

/// A place that belongs to no channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The channel that it names, which the config has not.
    pub channel: String,
    /// Its UTM values.
    #[serde(flatten)]
    pub utm: Utm,
    /// Rows of it.
    pub rows: u64,
}

/// What costs come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Rows, one for each day and place.
    pub rows: u64,
    /// Days that they are of.
    pub days: u64,
    /// The first of them.
    pub from: Option<Day>,
    /// The last of them.
    pub to: Option<Day>,
    /// Sum by currency.
    pub sums: Vec<Sum>,
    /// Rows that belong to a channel.
    pub matched: u64,
    /// Rows that belong to none.
    pub unmatched: u64,
    /// The places of those, the one with most rows first; at most twenty.
    pub unmatched_places: Vec<Place>,
}

impl Matching {
    /// Compiles what a config says.
    pub fn new(config: &Config) -> Self {
        Self { arrivals: Arrivals::new(config), channels: config.channels.iter().map(|of| of.id.clone()).collect() }
    }

    /// The channel of a cost.
    pub fn channel_of(&self, cost: &Cost) -> Option<String> {
        if cost.channel.is_empty() {
            return self.arrivals.channel_of(&cost.utm());
        }
        self.channels.contains(&cost.channel).then(|| cost.channel.clone())
    }

    /// What costs come to; they are of different days or places.
    pub fn summary(&self, costs: &[Cost]) -> Summary {
        let mut sums: BTreeMap<Currency, Amount> = BTreeMap::new();
        let mut places: HashMap<(&str, Utm), (bool, u64)> = HashMap::new();
        let mut days: Vec<Day> = costs.iter().map(|cost| cost.day).collect();
        days.sort_unstable();
        days.dedup();
        for cost in costs {
            let sum = sums.entry(cost.currency).or_default();
            *sum = sum.plus(cost.amount);
            let (_, rows) =
                places.entry((&cost.channel, cost.utm())).or_insert_with(|| (self.channel_of(cost).is_some(), 0));
            *rows += 1;
        }
        let counted = |wanted| places.values().filter(|(matched, _)| *matched == wanted).map(|(_, rows)| rows).sum();
        let (matched, unmatched) = (counted(true), counted(false));
        let mut unmatched_places: Vec<_> = places
            .into_iter()
            .filter(|(_, (matched, _))| !matched)
            .map(|((channel, utm), (_, rows))| Place { channel: channel.to_owned(), utm, rows })
            .collect();
        unmatched_places.sort_by(|one, other| {
            (other.rows, &one.channel, texts(&one.utm)).cmp(&(one.rows, &other.channel, texts(&other.utm)))
        });
        unmatched_places.truncate(NAMED);
        Summary {
            rows: costs.len() as u64,
            days: days.len() as u64,
            from: days.first().copied(),
            to: days.last().copied(),
            sums: sums.into_iter().map(|(currency, amount)| Sum { currency, amount }).collect(),
            matched,
            unmatched,
            unmatched_places,
        }
    }
}

/// `31 rows from 2026-11-01 to 2026-11-30, 118.00 RUB, 7.00 USD`
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} row{}", self.rows, if self.rows == 1 { "" } else { "s" })?;
        match (self.from, self.to) {
            (Some(from), Some(to)) if from < to => write!(f, " from {from} to {to}")?,
            (Some(day), _) => write!(f, " of {day}")?,
            (None, _) => {}
        }
        self.sums.iter().try_for_each(|sum| write!(f, ", {} {}", sum.amount, sum.currency))
    }
}

fn texts(utm: &Utm) -> [&str; 5] {
    [&utm.source, &utm.medium, &utm.campaign, &utm.term, &utm.content].map(String::as_str)
}
