//! `[[sink]]`: where events go, signed with which secrets, and how patiently.

use std::{collections::HashMap, path::Path, time::Duration};

use toml::Spanned;

use super::{
    super::{
        Preset, Sink, defaults,
        fault::Wrong,
        file,
        findings::{Findings, Key, Span},
        places, secrets, units,
    },
    channel::id,
    private,
};
use crate::{event::EventType, lead::Kind};

/// Calls of one sink at a time; more would only queue at its host.
const CONCURRENCY: u64 = 64;

/// Waits of one retry schedule.
const RETRIES: usize = 32;

/// Checks every `[[sink]]`.
pub(super) fn sinks(given: &[Spanned<file::Sink>], base: &Path, findings: &mut Findings) -> Vec<Sink> {
    let list_key = Key::Root.name("sink");
    let mut ids = HashMap::new();
    let mut sinks = Vec::with_capacity(given.len());
    for (index, entry) in given.iter().enumerate() {
        sinks.extend(sink(entry.get_ref(), index, &list_key.item(index), base, &mut ids, findings));
    }
    sinks
}

fn sink(
    given: &file::Sink,
    index: usize,
    key: &Key<'_>,
    base: &Path,
    ids: &mut HashMap<String, (usize, Span)>,
    findings: &mut Findings,
) -> Option<Sink> {
    let id = id(given.id.0.as_ref(), "sink", index, &key.name("id"), ids, findings);
    let preset = findings.read(&key.name("preset"), given.preset.as_ref(), preset).unwrap_or(Preset::Webhook);
    let url = destination(given.url.0.as_ref(), &key.name("url"), findings);
    let secret_key = key.name("secret_file");
    let secret_file = given.secret_file.0.as_ref();
    let held = findings.read(&secret_key, secret_file, |name| secrets::webhook(name, base));
    let secrets = held.map(|held| private(held, &secret_key, secret_file, findings));
    let kinds = kinds(given.kinds.as_ref(), &key.name("kinds"), findings);
    let events = events(given.events.as_ref(), &key.name("events"), findings);
    let (connect_timeout, timeout) = timeouts(given, key, findings);
    let concurrency = findings.number(&key.name("concurrency"), given.concurrency.as_ref(), 1..CONCURRENCY + 1);
    Some(Sink {
        preset,
        events,
        kinds,
        connect_timeout,
        timeout,
        concurrency: concurrency.unwrap_or(defaults::CONCURRENCY),
        retry: retry(given.retry.as_ref(), &key.name("retry"), findings),
        id: id?,
        url: url?,
        secrets: secrets?,
    })
}

fn preset(text: &str) -> Result<Preset, Wrong> {
    match text {
        "webhook" => Ok(Preset::Webhook),
        _ => Err(Wrong::value(text, "is a preset that this version does not have yet", "write \"webhook\"")),
    }
}

fn destination(given: Option<&file::Text>, key: &Key<'_>, findings: &mut Findings) -> Option<url::Url> {
    let url = findings.read(key, given, places::destination)?;
    if url.scheme() == "http" && !places::is_local(&url) {
        let what = "events, with personal data in them, go to another host unencrypted";
        findings.warn(key, given.map(Spanned::span).as_ref(), Wrong::new(what, "write https://"));
    }
    Some(url)
}

fn events(given: Option<&file::List>, key: &Key<'_>, findings: &mut Findings) -> Vec<EventType> {
    let Some(list) = given else { return vec![EventType::LeadReceived] };
    let remedy = "write [\"lead.received\"], [\"lead.replied\"], [\"lead.marked\"] or several of them";
    if list.get_ref().is_empty() {
        findings.fault(key, Some(&list.span()), Wrong::new("this sink would be sent nothing", remedy));
    }
    let event = |text: &str| match text {
        "webhook.ping" => {
            let is = "is sent by `leadmilter sink test` alone, whatever is listed";
            Err(Wrong::value(text, is, "leave it out"))
        }
        _ => EventType::parse(text).ok_or_else(|| Wrong::value(text, "is no event that this version sends", remedy)),
    };
    let mut events = Vec::new();
    for (index, text) in list.get_ref().iter().enumerate() {
        let event = findings.read(&key.item(index), Some(text), event);
        events.extend(event.filter(|event| !events.contains(event)));
    }
    events
}

fn kinds(given: Option<&file::List>, key: &Key<'_>, findings: &mut Findings) -> Vec<Kind> {
    let Some(list) = given else { return vec![Kind::Lead] };
    let known = Kind::ALL.map(Kind::as_str).join(", ");
    if list.get_ref().is_empty() {
        let wrong = Wrong::new("this sink would be sent nothing", "write [\"lead\"]");
        findings.fault(key, Some(&list.span()), wrong);
    }
    let read = |text: &str| {
        Kind::parse(text).ok_or_else(|| Wrong::value(text, "is no kind of message", format!("known are {known}")))
    };
    let mut kinds = Vec::new();
    for (index, text) in list.get_ref().iter().enumerate() {
        let kind = findings.read(&key.item(index), Some(text), read);
        kinds.extend(kind.filter(|kind| !kinds.contains(kind)));
    }
    kinds
}

fn timeouts(given: &file::Sink, key: &Key<'_>, findings: &mut Findings) -> (Duration, Duration) {
    let connect_key = key.name("connect_timeout");
    let read = units::duration_above_zero;
    let connect = findings.read(&connect_key, given.connect_timeout.as_ref(), read);
    let whole = findings.read(&key.name("timeout"), given.timeout.as_ref(), read);
    // A whole call shorter than the default for connecting is no contradiction: nobody wrote that default.
    let timeout = whole.unwrap_or(defaults::TIMEOUT);
    let connect_timeout = connect.unwrap_or(defaults::CONNECT_TIMEOUT.min(timeout));
    if let (Some(text), Some(_)) = (&given.connect_timeout, connect)
        && connect_timeout > timeout
    {
        let what = format!("is longer than timeout, which is \"{}\" for the whole call", units::shown(timeout));
        let wrong = Wrong::value(text.get_ref(), &what, "make it shorter than timeout, or timeout longer");
        findings.fault(&connect_key, Some(&text.span()), wrong);
    }
    (connect_timeout, timeout)
}

fn retry(given: Option<&file::List>, key: &Key<'_>, findings: &mut Findings) -> Vec<Duration> {
    let Some(list) = given else { return defaults::retry() };
    let count = list.get_ref().len();
    if count > RETRIES {
        let what = format!("there are {count} waits");
        findings.fault(key, Some(&list.span()), Wrong::new(what, format!("write at most {RETRIES}")));
    }
    let waits = list.get_ref().iter().enumerate();
    waits.filter_map(|(index, text)| findings.read(&key.item(index), Some(text), units::duration)).collect()
}
