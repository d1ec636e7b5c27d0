//! `leadmilter sink pause` and `resume`: a person decides whether a sink is called.

use std::time::Duration;

use super::{
    super::{exit, output::text},
    named,
};
use crate::{
    clock::Millis,
    config::Config,
    lead::{bounded, limit},
    store::{Circuit, CircuitState, Store},
};

/// How long the store may take to sync.
const LAST_WORK: Duration = Duration::from_secs(10);

pub fn resume(config: &Config, id: &str) -> anyhow::Result<u8> {
    let before = set(config, id, None)?;
    text(&match before {
        Some(_) => format!("{id}: its events are sent again, a running daemon begins within five seconds"),
        None => format!("{id}: it is active already"),
    })?;
    Ok(exit::OK)
}

pub fn pause(config: &Config, id: &str, reason: &str) -> anyhow::Result<u8> {
    let reason = bounded(reason, limit::TEXT).unwrap_or_default();
    let circuit = Circuit { state: CircuitState::Disabled, since: Millis::now(), probe_at: None, reason };
    set(config, id, Some(circuit))?;
    text(&format!(
        "{id}: its events wait until `leadmilter sink resume {id}`; a running daemon stops within five seconds"
    ))?;
    Ok(exit::OK)
}

/// Gives back what was there before.
fn set(config: &Config, id: &str, circuit: Option<Circuit>) -> anyhow::Result<Option<Circuit>> {
    named(config, id)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let store = Store::open(&config.store.folder)?;
    let before = runtime.block_on(store.circuit(id))?;
    runtime.block_on(store.set_circuit(id, circuit))?;
    runtime.block_on(store.close(LAST_WORK));
    Ok(before)
}
