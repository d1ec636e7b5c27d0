//! Counting: every fact, cost and visit of a period goes into the row that it belongs to.
//!
//! One pass serves all attribution models that a query names.

use std::{collections::HashMap, thread};

use super::{
    beside,
    counted::{Counted, Part},
    credit::Crediting,
    dimension::{Dimension, Of},
    key::{Conditions, Texts},
    money::Exchange,
    period::Period,
    query::Query,
    zone::{Days, Local},
};
use crate::{
    arrival::Arrivals,
    channel::Utm,
    model::Model,
    store::{Point, Snapshot, StoreError},
};

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
    /// Sums that there is room for in one pass.
    pub room: usize,
}

/// Counts the days of a period; of rows, those of a part, or of a part of it if there are too many.
pub fn count(
    ground: &Ground<'_>,
    (period, days): (Period, &Days),
    part: Part,
    texts: &mut Texts<'_>,
    exchange: &mut Exchange<'_>,
) -> Result<Counted, StoreError> {
    let mut counted = Counted::new(ground.query, ground.models.len(), part, ground.room);
    let mut crediting = Crediting::default();
    let has_time = |dimension: Dimension| dimension.of() == Of::Time;
    let needs_time = ground.query.by.iter().copied().any(has_time) || ground.conditions.any(has_time);
    let visited = beside::visited(ground);
    // Half of the work of a report with visits, and none of the other half's business.
    thread::scope(|scope| {
        let summing = visited.map(|visited| scope.spawn(move || beside::sum(visited, days, needs_time)));
        let mut fault = None;
        ground.snapshot.scan(days.from, days.until, |fact| {
            let local = if needs_time { days.local(fact.at) } else { Local { day: 0, hour: 0 } };
            if let Err(e) = crediting.add(ground, fact, local, exchange, &mut counted) {
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
