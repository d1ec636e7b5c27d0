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
    set(config, id, CircuitState::Resumed, "resumed by hand")?;
    text(&format!("{id}: its events are sent again, a running daemon begins within five seconds"))?;
    Ok(exit::OK)
}

pub fn pause(config: &Config, id: &str, reason: &str) -> anyhow::Result<u8> {
    set(config, id, CircuitState::Disabled, reason)?;
    let until = format!("its events wait until `leadmilter sink resume {id}`");
    text(&format!("{id}: {until}; a running daemon stops within five seconds"))?;
    Ok(exit::OK)
}

fn set(config: &Config, id: &str, state: CircuitState, reason: &str) -> anyhow::Result<()> {
    named(config, id)?;
    let reason = bounded(reason, limit::TEXT).unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let store = Store::open(&config.store.folder)?;
    let circuit = Circuit { state, since: Millis::now(), probe_at: None, reason };
    runtime.block_on(store.set_circuit(id, circuit))?;
    runtime.block_on(store.close(LAST_WORK));
    Ok(())
}
