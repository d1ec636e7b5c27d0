//! `leadmilter sink list`: how each sink stands.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::{
    exit,
    output::{json_lines, local, or_dash, printable, table, text},
};
use crate::{
    config::{self, Config},
    event::EventType,
    store::{Circuit, CircuitState, CountsBySink, SinkCounts, Store, StoreError},
};

/// A sink as `list --json` prints it.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    id: &'a str,
    preset: &'a str,
    host: String,
    events: &'a [EventType],
    /// `active`, `suspended` or `disabled`.
    state: &'static str,
    /// Since when and why it is not active, and when a probe is sent.
    circuit: Option<Circuit>,
    #[serde(flatten)]
    counts: SinkCounts,
}

pub fn run(config: &Config, json: bool) -> anyhow::Result<u8> {
    let (mut counts, mut circuits) = match Store::open_read(&config.store.folder) {
        Ok(store) => (store.sink_counts()?, store.circuits()?.into_iter().collect()),
        Err(StoreError::Missing(_)) => (CountsBySink::new(), BTreeMap::new()),
        Err(e) => return Err(e.into()),
    };
    let listed: Vec<Listed<'_>> = config
        .sinks
        .iter()
        .map(|sink| {
            let circuit: Option<Circuit> = circuits.remove(&sink.id);
            Listed {
                id: &sink.id,
                preset: &sink.preset.name,
                host: host(sink),
                events: &sink.events,
                state: state(circuit.as_ref()),
                circuit,
                counts: counts.remove(&sink.id).unwrap_or_default(),
            }
        })
        .collect();
    if json {
        json_lines(&listed)?;
    } else {
        show(config, &listed, &counts)?;
    }
    let all_are_called = listed.iter().all(|of| of.circuit.is_none());
    Ok(if all_are_called { exit::OK } else { exit::UNAVAILABLE })
}

fn show(config: &Config, listed: &[Listed<'_>], unlisted: &CountsBySink) -> anyhow::Result<()> {
    let row = |of: &Listed<'_>| {
        vec![
            of.id.to_owned(),
            of.preset.to_owned(),
            of.host.clone(),
            of.state.to_owned(),
            of.counts.pending.to_string(),
            of.counts.delivered.to_string(),
            of.counts.skipped.to_string(),
            of.counts.dead.to_string(),
            or_dash(of.counts.oldest_pending_at.map(|at| local(at, config))),
        ]
    };
    let headings = ["SINK", "PRESET", "HOST", "STATE", "PENDING", "DELIVERED", "SKIPPED", "DEAD", "OLDEST PENDING"];
    table(&headings, listed.iter().map(row).collect(), "no sinks")?;
    for of in listed {
        let Some(Circuit { since, probe_at, reason, .. }) = &of.circuit else { continue };
        let probe = match probe_at {
            Some(at) => format!("next probe {}", local(*at, config)),
            None => format!("until `leadmilter sink resume {}`", of.id),
        };
        let since = local(*since, config);
        text(&printable(&format!("{} is {} since {since}, {probe}: {reason}", of.id, of.state)))?;
    }
    for (id, left) in unlisted.iter().filter(|(_, left)| left.pending > 0) {
        text(&format!("{} deliveries wait for sink {id:?}, which the config does not list", left.pending))?;
    }
    Ok(())
}

fn state(circuit: Option<&Circuit>) -> &'static str {
    match circuit.map(|circuit| circuit.state) {
        None | Some(CircuitState::Resumed) => "active",
        Some(CircuitState::Suspended) => "suspended",
        Some(CircuitState::Disabled) => "disabled",
    }
}

/// Where it goes, without what may be secret in it.
fn host(sink: &config::Sink) -> String {
    match (&sink.url, &sink.journal) {
        (Some(url), _) => url.host_str().unwrap_or_default().to_owned(),
        (None, Some(journal)) => journal.path.as_ref().map_or("-".to_owned(), |path| path.display().to_string()),
        (None, None) => String::new(),
    }
}
