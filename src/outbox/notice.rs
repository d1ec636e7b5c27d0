//! Tells that a sink is suspended, switched off, or takes events again: the store, other sinks, the log and the counters.
//!
//! Given a change of the circuit. What the store does not take is told by the log alone, and once more with the next change.

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

    /// Tells of a change.
    pub async fn tell(&self, desk: &Desk, change: Change, reason: String) {
        let (id, since) = (&desk.config.id, desk.conditions.clock.now());
        let circuit = |state, probe_at| Circuit { state, since, probe_at, reason: reason.clone() };
        let written = match change {
            Change::Suspended { failures, probe_at } => {
                desk.conditions.metrics.outbox_suspended.one();
                log::suspended(id, failures, &reason, probe_at);
                self.open(desk, circuit(CircuitState::Suspended, Some(probe_at))).await
            }
            Change::Disabled => {
                desk.conditions.metrics.outbox_suspended.one();
                log::disabled(id, &reason);
                self.open(desk, circuit(CircuitState::Disabled, None)).await
            }
            Change::Probed { probe_at } => {
                log::probed(id, &reason, probe_at);
                self.still_open(desk, circuit(CircuitState::Suspended, Some(probe_at))).await
            }
            Change::Resumed => {
                log::resumed(id);
                desk.store.set_circuit(id, None).await
            }
        };
        if let Err(failure) = written {
            log::not_noted(id, &failure);
        }
    }

    async fn open(&self, desk: &Desk, circuit: Circuit) -> Result<(), StoreError> {
        desk.store.open_circuit(&desk.config.id, circuit, &desk.conditions.host, self.others.clone()).await
    }

    /// Keeps since when and why; only the next probe is new.
    async fn still_open(&self, desk: &Desk, circuit: Circuit) -> Result<(), StoreError> {
        let since = desk.store.circuit(&desk.config.id).await?.map(|stored| stored.since);
        let circuit = Circuit { since: since.unwrap_or(circuit.since), ..circuit };
        desk.store.set_circuit(&desk.config.id, Some(circuit)).await
    }
}
