//! Reports: the one engine that every table, chart, export and mail goes through.
//!
//! A [`Query`] asks for metrics by dimensions, over a period of days in the config's time zone, compared with another, of
//! what fits its filters, by an attribution model; a [`Report`] is the answer. Leads count on the day on which they were
//! received, and what they earned counts there, too. `count`, `credit` and `beside` add up what `counted` holds, `rows` puts
//! the answer together, `rank` says which rows come first.

mod beside;
mod count;
mod counted;
mod credit;
mod dimension;
pub mod export;
mod key;
mod metric;
mod money;
mod period;
mod preset;
mod query;
mod rank;
mod rows;
mod sums;
mod table;
mod wording;
mod zone;

use std::{collections::HashMap, sync::Arc};

use jiff::{civil::Date, tz::TimeZone};

pub use self::{
    dimension::{Dimension, Of},
    metric::{Better, Entry, Metric, Number, Unit},
    period::{Compare, Period},
    preset::Preset,
    query::{Column, Filter, Query, ROWS, Sort, SortBy},
    sums::{Scope, Sums},
    table::{MoneyNote, Report, Row, Vat, change},
    wording::{UNKNOWN, Wording},
};
use crate::{
    arrival::Arrivals,
    channel::Utm,
    clock::Millis,
    config::{self, Config},
    store::{Facts, Store, StoreError},
};
pub use crate::{
    model::{Model, Step, WHOLE},
    store::Class,
};

/// Answers queries, by one config; clones share it.
#[derive(Clone, Debug)]
pub struct Reporter {
    inner: Arc<Inner>,
    room: Room,
}

/// What a report may take.
#[derive(Clone, Copy, Debug)]
struct Room {
    /// Sums of one pass, one for each row, model and period: some fifty megabytes of them, and as much again where every
    /// row has visits or messages that are no leads.
    sums: usize,
    /// Passes at most.
    passes: u32,
}

#[derive(Debug)]
struct Inner {
    facts: Facts,
    zone: TimeZone,
    zone_name: String,
    reports: config::Reports,
    arrivals: Arrivals,
    /// UTM values of channels, which costs that name a channel alone have, too.
    channels: HashMap<String, Utm>,
}

/// Large enough for every address of a year's million leads, and small enough that nobody waits for longer than a page does.
const ROOM: Room = Room { sums: 400_000, passes: 8 };

impl Reporter {
    /// For the store and the settings of a config.
    pub fn new(config: &Config) -> Self {
        let inner = Inner {
            facts: Store::facts(&config.store.folder),
            zone: TimeZone::get(&config.timezone).unwrap_or(TimeZone::UTC),
            zone_name: config.timezone.clone(),
            reports: config.reports.clone(),
            arrivals: Arrivals::new(config),
            channels: config.channels.iter().map(|channel| (channel.id.clone(), channel.utm.clone())).collect(),
        };
        Self { inner: Arc::new(inner), room: ROOM }
    }

    /// The same with room for so many sums, one for each row, model and period, and for so many passes over the facts: with
    /// less room a large report takes more passes, and one that would take too many is refused.
    #[must_use]
    pub fn with_room(self, sums: usize, passes: u32) -> Self {
        Self { room: Room { sums, passes }, ..self }
    }

    /// The day that it is in the config's time zone.
    pub fn today(&self, now: Millis) -> Date {
        zone::day_in(&self.inner.zone, now)
    }

    /// Answers a query. It reads and counts for a second or so: not for a thread that others wait for.
    pub fn run(&self, query: &Query, now: Millis) -> Result<Report, StoreError> {
        self.run_with(query, now, &mut |_, _| {})
    }

    /// The same; `progress` is told how many of the leads that reports have not seen yet are read. Those of a store that was
    /// never asked for reports are all its leads, which takes some twenty seconds for a million.
    pub fn run_with(
        &self,
        query: &Query,
        now: Millis,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Report, StoreError> {
        let snapshot = self.inner.facts.snapshot(progress)?;
        rows::answer((&self.inner, self.room), &snapshot, query, zone::day_in(&self.inner.zone, now))
    }
}
