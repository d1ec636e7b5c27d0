//! What the outbox says in the log.
//!
//! One place for its wording. A sink that fails is the operator's matter and is said once when it begins and once when
//! it ends, however many events wait; a delivery that is given up is said each time. Names sink and event by id, never
//! a URL or a mail address.

use std::{error::Error, time::Duration};

use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use super::call::Done;
use crate::{
    clock::Millis,
    metrics::Metrics,
    store::{Next, StoreError},
};

/// A receiver that fails every other call, and a store that fails every one, fill no log.
const SELDOM: Duration = Duration::from_secs(60);

/// How one sink has been doing, as far as the log was told.
#[derive(Debug, Default)]
pub struct Health {
    /// Whether the log was told of a failure and of no recovery since.
    failing: bool,
    told: Option<Instant>,
    told_of_store: Option<Instant>,
}

impl Health {
    /// Notes what one call came to.
    pub fn note(&mut self, sink: &str, done: &Done) {
        let Done { event_id, attempt, status, fault, next, .. } = done;
        let (error, status) = (fault.as_deref().unwrap_or_default(), status.unwrap_or_default());
        match next {
            Next::Delivered => {
                debug!(sink, event = event_id, attempt, "event delivered");
                if std::mem::take(&mut self.failing) {
                    info!(sink, event = event_id, "sink takes events again");
                }
            }
            Next::Skipped => debug!(sink, event = event_id, "event skipped: it is none for this sink"),
            // So far so good.
            Next::Again(at) if done.fault.is_none() => {
                debug!(sink, event = event_id, attempt, next = %at, "event on its way");
            }
            Next::Again(at) => {
                debug!(sink, event = event_id, attempt, status, error, next = %at, "event not delivered");
                if !self.failing && passed(&mut self.told) {
                    self.failing = true;
                    warn!(sink, event = event_id, status, error, "sink takes no events, they are kept and tried again");
                }
            }
            Next::Dead => {
                error!(sink, event = event_id, attempt, status, error, "event given up, it is kept as dead");
            }
        }
    }

    /// Notes that the store did not answer.
    pub fn note_store(&mut self, sink: &str, failure: &StoreError) {
        if passed(&mut self.told_of_store) {
            let cause = failure.source().map(ToString::to_string).unwrap_or_default();
            error!(sink, cause, "outbox waits for the store: {failure}");
        }
    }
}

/// Counts what became of a delivery.
pub fn count(metrics: &Metrics, done: &Done) {
    match done.next {
        Next::Delivered => metrics.outbox_delivered.one(),
        Next::Skipped => metrics.outbox_skipped.one(),
        Next::Dead => metrics.outbox_dead.one(),
        Next::Again(_) if done.fault.is_some() => metrics.outbox_failed.one(),
        Next::Again(_) => {}
    }
}

/// A sink failed too often.
pub fn suspended(sink: &str, failures: u32, error: &str, probe: Millis) {
    error!(sink, error, next = %probe, "sink suspended after {failures} failures in a row: its events wait, and probes go on");
}

/// A probe of a suspended sink failed.
pub fn probed(sink: &str, error: &str, probe: Millis) {
    debug!(sink, error, next = %probe, "sink still suspended");
}

/// A receiver wants no more events.
pub fn disabled(sink: &str, error: &str) {
    error!(sink, error, "sink switched off by its receiver: its events wait for `leadmilter sink resume {sink}`");
}

/// A person wants a sink called no more.
pub fn paused(sink: &str, reason: &str) {
    info!(sink, reason, "sink paused: its events wait for `leadmilter sink resume {sink}`");
}

/// A sink is called as usual again.
pub fn resumed(sink: &str) {
    info!(sink, "sink resumed");
}

/// A call broke in a way that it should not; its event comes again when the lease has passed.
pub fn broken_call(sink: &str, failure: &tokio::task::JoinError) {
    error!(sink, "call broke off, its event will be sent again: {failure}");
}

/// Calls were still open when the time to stop was over.
pub fn cut_off(within: Duration) {
    warn!("calls were cut off after {within:?}, their events will be sent again");
}

fn passed(told: &mut Option<Instant>) -> bool {
    let now = Instant::now();
    let seldom = told.is_none_or(|before| now.duration_since(before) >= SELDOM);
    if seldom {
        *told = Some(now);
    }
    seldom
}
