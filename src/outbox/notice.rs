//! Tells that a sink is suspended, switched off, or takes events again: the store, other sinks, the log and the counters.
//!
//! Given a change of the circuit. What the store does not take at once is told again by the courier's next look.

use std::time::Duration;

use tokio::time::Instant;

use super::{breaker::Change, call::Desk, log};
use crate::store::{Circuit, CircuitState, StoreError, Subscriber};

/// How often a courier looks whether a person has paused its sink.
const LOOK: Duration = Duration::from_secs(5);

/// Who is told when one sink is suspended.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    others: Vec<Subscriber>,
    looked: Option<Instant>,
}

impl Notices {
    /// All sinks, of which the other ones are told.
    pub fn new(sinks: Vec<Subscriber>) -> Self {
        Self { others: sinks, looked: None }
    }

    /// Whether it is time to look for what a person has said.
    pub fn is_stale(&mut self, now: Instant) -> bool {
        let is = self.looked.is_none_or(|looked| now.duration_since(looked) >= LOOK);
        if is {
            self.looked = Some(now);
        }
        is
    }

    /// Says and counts it.
    pub fn log(&self, desk: &Desk, change: Change, reason: &str) {
        let id = &desk.config.id;
        match change {
            Change::Suspended { failures, probe_at } => log::suspended(id, failures, reason, probe_at),
            Change::Disabled => log::disabled(id, reason),
            Change::Probed { probe_at } => log::probed(id, reason, probe_at),
            Change::Resumed => log::resumed(id),
        }
        if matches!(change, Change::Suspended { .. } | Change::Disabled) {
            desk.conditions.metrics.outbox_suspended.one();
        }
    }

    /// Tells the store, and by it the other sinks.
    pub async fn tell(&self, desk: &Desk, change: Change, reason: &str) -> Result<(), StoreError> {
        let since = desk.conditions.clock.now();
        let circuit = |state, probe_at| Circuit { state, since, probe_at, reason: reason.to_owned() };
        match change {
            Change::Suspended { probe_at, .. } => {
                self.open(desk, circuit(CircuitState::Suspended, Some(probe_at))).await
            }
            Change::Disabled => self.open(desk, circuit(CircuitState::Disabled, None)).await,
            Change::Probed { probe_at } => desk.store.note_probe(&desk.config.id, probe_at).await,
            Change::Resumed => desk.store.close_circuit(&desk.config.id).await,
        }
    }

    async fn open(&self, desk: &Desk, circuit: Circuit) -> Result<(), StoreError> {
        desk.store.open_circuit(&desk.config.id, circuit, &desk.conditions.host, self.others.clone()).await
    }
}
