//! `[[sink]]`: where events go, by which preset, and how patiently.

mod patience;
mod preset;

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use toml::Spanned;

use super::{
    super::{
        Format, Journal, Sink, defaults,
        fault::Wrong,
        file,
        findings::{Findings, Key, Span},
        places, units,
    },
    channel::id,
    private,
};
use crate::{
    event::EventType,
    lead::Kind,
    preset::{Body, Preset, PresetKind},
};

/// Calls of one sink at a time; more would only queue at its host.
const CONCURRENCY: u64 = 64;

/// Calls of one sink a second.
const RATE: u64 = 10_000;

/// Failures in a row before a sink is suspended.
const SUSPEND_AFTER: u64 = 1_000;

/// Checks every `[[sink]]`.
pub(super) fn sinks(given: &[Spanned<file::Sink>], base: &Path, findings: &mut Findings) -> Vec<Sink> {
    let list_key = Key::Root.name("sink");
    let mut ids = HashMap::new();
    let mut sinks = Vec::with_capacity(given.len());
    for (index, entry) in given.iter().enumerate() {
        let key = list_key.item(index);
        let id = id(entry.get_ref().id.0.as_ref(), "sink", index, &key.name("id"), &mut ids, findings);
        sinks.extend(sink(entry, id, &key, base, findings));
    }
    sinks
}

fn sink(
    entry: &Spanned<file::Sink>,
    id: Option<String>,
    key: &Key<'_>,
    base: &Path,
    findings: &mut Findings,
) -> Option<Sink> {
    let given = entry.get_ref();
    let place = Place { key, span: entry.span(), base };
    let named = given.preset.as_ref();
    let named = named.map(|_| findings.read(&key.name("preset"), named, |name| preset::preset(name, base)));
    // A preset that cannot be read says nothing of what the sink needs; the rest is looked at all the same.
    let is_known = !matches!(named, Some(None));
    let preset = named.flatten().or_else(|| Preset::built_in("webhook"))?;
    let mut needs = Needs::default();
    if is_known {
        needs.settings = preset::settings(given.settings.as_ref(), &preset, &place, findings);
        needs.journal = preset::journal(&preset, &needs.settings, &place, findings);
        needs.secrets = preset::secrets(given.secret_file.as_ref(), &preset, &place, findings);
    }
    let url = if is_known || given.url.is_some() { destination(given, &preset, &place, findings) } else { None };
    let kinds = kinds(given.kinds.as_ref(), &key.name("kinds"), findings);
    let events = events(given.events.as_ref(), &preset, &key.name("events"), findings);
    let (connect_timeout, timeout) = patience::timeouts(given, key, findings);
    let ordered = given.ordered.unwrap_or_default();
    together(given, &preset, &place, findings);
    let concurrency = findings.number(&key.name("concurrency"), given.concurrency.as_ref(), 1..CONCURRENCY + 1);
    let rate = findings.number(&key.name("rate"), given.rate.as_ref(), 1..RATE + 1);
    let suspend_after = findings.number(&key.name("suspend_after"), given.suspend_after.as_ref(), 0..SUSPEND_AFTER + 1);
    let ca = findings.read(&key.name("ca_file"), given.ca_file.as_ref(), |name| preset::ca(name, base));
    Some(Sink {
        settings: needs.settings,
        journal: needs.journal,
        events,
        kinds,
        connect_timeout,
        timeout,
        format: format(given.format.as_ref(), &preset, key, findings),
        concurrency: if ordered || preset.batch.is_some() || preset.kind == PresetKind::Journal {
            1
        } else {
            concurrency.or(preset.concurrency).unwrap_or(defaults::CONCURRENCY)
        },
        rate: rate.and_then(|rate| u32::try_from(rate).ok()).into_iter().chain(preset.rate).min(),
        ordered,
        suspend_after: suspend_after.and_then(|count| u32::try_from(count).ok()).unwrap_or(defaults::SUSPEND_AFTER),
        retry: patience::retry(given.retry.as_ref(), &key.name("retry"), findings),
        ca,
        proxy: findings.read(&key.name("proxy"), given.proxy.as_ref(), places::proxy),
        only_public: given.only_public.unwrap_or_default(),
        preset: preset.into(),
        id: id?,
        url: url?,
        secrets: needs.secrets.signing.secrets,
        signing_keys: needs.secrets.signing.keys,
        token: needs.secrets.token,
    })
}

/// Keys that do not go together.
fn together(given: &file::Sink, preset: &Preset, place: &Place<'_>, findings: &mut Findings) {
    if let (Some(text), Some(true)) = (&given.proxy, given.only_public) {
        let what = "a proxy asks for addresses itself, so nobody here can tell which of them are public";
        let wrong = Wrong::new(what, "remove only_public or proxy");
        findings.fault(&place.key.name("only_public"), Some(&text.span()), wrong);
    }
    if given.ordered == Some(true) && preset.batch.is_some() {
        let wrong = Wrong::new("this preset sends many events in one call, in no order", "leave it out");
        findings.fault(&place.key.name("ordered"), Some(&place.span), wrong);
    }
}

/// What the preset of a sink asks for.
#[derive(Default)]
struct Needs {
    settings: BTreeMap<String, String>,
    journal: Option<Journal>,
    secrets: preset::Secrets,
}

/// Where a sink stands in the file.
struct Place<'p> {
    key: &'p Key<'p>,
    span: Span,
    base: &'p Path,
}

/// Where events go: `Some(None)` for a preset that needs no URL.
fn destination(
    given: &file::Sink,
    preset: &Preset,
    place: &Place<'_>,
    findings: &mut Findings,
) -> Option<Option<url::Url>> {
    let key = place.key.name("url");
    if preset.kind == PresetKind::Journal {
        if let Some(text) = &given.url {
            findings.fault(&key, Some(&text.span()), Wrong::new("a journal goes to a file", "write settings.path"));
        }
        return Some(None);
    }
    if given.url.is_none() {
        let Some(url) = &preset.url else {
            findings.fault(&key, Some(&place.span), Wrong::new("this key is missing", "add url = \"…\""));
            return None;
        };
        let wrong = |wrong| findings.fault(&key, Some(&place.span), wrong);
        return places::destination(url).map_err(wrong).ok().map(Some);
    }
    let url = findings.read(&key, given.url.as_ref(), places::destination)?;
    if url.scheme() == "http" && !places::is_local(&url) {
        let what = "events, with personal data in them, go to another host unencrypted";
        findings.warn(&key, given.url.as_ref().map(Spanned::span).as_ref(), Wrong::new(what, "write https://"));
    }
    Some(Some(url))
}

fn format(given: Option<&file::Text>, preset: &Preset, key: &Key<'_>, findings: &mut Findings) -> Format {
    let forms = [
        ("json", Format::Json),
        ("cloudevents", Format::CloudEvents),
        ("cloudevents-binary", Format::CloudEventsBinary),
    ];
    let key = key.name("format");
    let format = findings.read(&key, given, |text| units::choice(text, &forms));
    let as_it_is = preset.request.as_ref().is_some_and(|request| matches!(request.body, Body::Event));
    if let Some(text) = given.filter(|_| !as_it_is) {
        let wrong = Wrong::value(text.get_ref(), "has no meaning: this preset has a form of its own", "leave it out");
        findings.fault(&key, Some(&text.span()), wrong);
    }
    format.unwrap_or(Format::Json)
}

fn events(given: Option<&file::List>, preset: &Preset, key: &Key<'_>, findings: &mut Findings) -> Vec<EventType> {
    let Some(list) = given else { return vec![EventType::LeadReceived] };
    let remedy = "write [\"lead.received\"], [\"lead.replied\"], [\"lead.marked\"], [\"lead.outcome\"], [\"sink.suspended\"] or several";
    if list.get_ref().is_empty() {
        findings.fault(key, Some(&list.span()), Wrong::new("this sink would be sent nothing", remedy));
    }
    let event = |text: &str| match text {
        "webhook.ping" => {
            let is = "is sent by `leadmilter sink test` alone, whatever is listed";
            Err(Wrong::value(text, is, "leave it out"))
        }
        _ if preset.events.as_ref().is_some_and(|known| !known.iter().any(|event| event == text)) => {
            let known = preset.events.as_deref().unwrap_or_default().join(", ");
            Err(Wrong::value(text, "cannot be told by this preset", format!("it tells of {known}")))
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
