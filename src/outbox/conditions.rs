//! What the outbox takes from its surroundings: the time, the luck of the jitter, the host's name, the counters.
//!
//! Tests put a clock that they move and a luck of their own in the place of the system's.

use std::sync::Arc;

use tokio::time::Instant;

use crate::{clock::Millis, metrics::Metrics};

/// The surroundings of an outbox.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// The host named in the outbox's own events.
    pub host: String,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Wall time.
    pub clock: Clock,
    /// From 0 to 1, for the jitter.
    pub luck: fn() -> f64,
}

impl Conditions {
    /// The system's clock and luck.
    pub fn new(host: &str, metrics: Arc<Metrics>) -> Self {
        Self { host: host.to_owned(), metrics, clock: Clock::System, luck: fastrand::f64 }
    }
}

/// Where wall time comes from.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The system.
    System,
    /// The runtime's clock, which tests stop and move, read as wall time from this point on.
    Runtime {
        /// When it was started.
        began: Instant,
        /// The wall time at that moment.
        at: Millis,
    },
}

impl Clock {
    /// The runtime's clock from now on.
    pub fn of_runtime() -> Self {
        Self::Runtime { began: Instant::now(), at: Millis::now() }
    }

    /// The time.
    pub fn now(self) -> Millis {
        match self {
            Self::System => Millis::now(),
            Self::Runtime { began, at } => at.plus(began.elapsed()),
        }
    }
}
