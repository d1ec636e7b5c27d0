//! What the preset of a sink needs: itself, settings, secrets, certificates.

use std::{collections::BTreeMap, fs, path::Path};

use toml::Spanned;

use super::{
    super::super::{Journal, secrets},
    Findings, Place, Wrong, file, private, units,
};
use crate::{
    preset::{Preset, PresetKind, SecretKind},
    secret::Secret,
};

/// More than any preset or bundle of certificates has.
const LARGEST: u64 = 1024 * 1024;

/// Files that a journal keeps at most.
const KEPT: u32 = 10_000;

/// A preset by its name, or by the path of its file.
pub(super) fn preset(name: &str, base: &Path) -> Result<Preset, Wrong> {
    if let Some(preset) = Preset::built_in(name) {
        return Ok(preset);
    }
    if !name.contains('/') && !name.ends_with(".toml") {
        let remedy = "write one that `leadmilter sink presets` lists, or the path of a preset file";
        return Err(Wrong::value(name, "is no preset", remedy));
    }
    let text = String::from_utf8(contents(name, base)?)
        .map_err(|_| Wrong::value(name, "is not UTF-8", "save the file as UTF-8"))?;
    Preset::parse(name, &text).map_err(|wrong| {
        Wrong::new(format!("preset file {name:?}: {wrong}"), "correct that file; `leadmilter sink show` prints samples")
    })
}

/// CA certificates in PEM.
pub(super) fn ca(name: &str, base: &Path) -> Result<Vec<u8>, Wrong> {
    let bytes = contents(name, base)?;
    let found = reqwest::Certificate::from_pem_bundle(&bytes).unwrap_or_default();
    if found.is_empty() {
        return Err(Wrong::value(name, "holds no certificate", "write the path of a file in PEM"));
    }
    Ok(bytes)
}

fn contents(name: &str, base: &Path) -> Result<Vec<u8>, Wrong> {
    let unreadable = |error| Wrong::value(name, &format!("cannot be read ({error})"), "write the path of a file");
    let path = base.join(name);
    let metadata = fs::metadata(&path).map_err(unreadable)?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(Wrong::value(name, "is no file of at most 1 MiB", "write the path of a file"));
    }
    fs::read(&path).map_err(unreadable)
}

/// Values that the preset asks for.
pub(super) fn settings(
    given: Option<&file::Texts>,
    preset: &Preset,
    place: &Place<'_>,
    findings: &mut Findings,
) -> BTreeMap<String, String> {
    let key = place.key.name("settings");
    let mut settings = BTreeMap::new();
    for (name, text) in given.iter().flat_map(|given| given.get_ref()) {
        if preset.settings.contains_key(name) {
            settings.insert(name.clone(), text.get_ref().clone());
            continue;
        }
        let known: Vec<&str> = preset.settings.keys().map(String::as_str).collect();
        let remedy = if known.is_empty() { "remove it".to_owned() } else { format!("it knows {}", known.join(", ")) };
        let what = format!("preset {} has no such setting", preset.name);
        findings.fault(&key.name(name), Some(&text.span()), Wrong::new(what, remedy));
    }
    for (name, known) in
        preset.settings.iter().filter(|(name, _)| !given.is_some_and(|map| map.get_ref().contains_key(*name)))
    {
        if let Some(default) = &known.default {
            settings.insert(name.clone(), default.clone());
        } else if !known.optional {
            let span = given.map_or_else(|| place.span.clone(), Spanned::span);
            let remedy = format!("add settings.{name} = \"…\": {}", known.about);
            findings.fault(&key.name(name), Some(&span), Wrong::new("this setting is missing", remedy));
        }
    }
    settings
}

/// The file of a journal.
pub(super) fn journal(
    preset: &Preset,
    settings: &BTreeMap<String, String>,
    place: &Place<'_>,
    findings: &mut Findings,
) -> Option<Journal> {
    if preset.kind != PresetKind::Journal {
        return None;
    }
    let key = place.key.name("settings");
    let text = |name: &str| settings.get(name).map(String::as_str).unwrap_or_default();
    let mut fault = |name, wrong| findings.fault(&key.name(name), Some(&place.span), wrong);
    let max_size = units::size(text("max_size")).and_then(|size| {
        let wrong = || Wrong::value(text("max_size"), "is too small", "write at least \"1KiB\"");
        (size >= 1024).then_some(size).ok_or_else(wrong)
    });
    let max_size = max_size.map_err(|wrong| fault("max_size", wrong)).unwrap_or_default();
    let keep = text("keep").parse().ok().filter(|keep| *keep <= KEPT).unwrap_or_else(|| {
        fault("keep", Wrong::value(text("keep"), "is no number of files", format!("write a number from 0 to {KEPT}")));
        0
    });
    let path = match text("path") {
        "" if settings.contains_key("path") => {
            fault("path", Wrong::value("", "names no file", "write the path of a file, or \"-\" for standard output"));
            None
        }
        "-" => None,
        path => Some(place.base.join(path)),
    };
    Some(Journal { path, max_size, keep })
}

/// Keys and tokens of a sink.
#[derive(Default)]
pub(super) struct Secrets {
    pub(super) signing: secrets::Signing,
    pub(super) token: Option<Secret>,
}

/// Reads what the preset needs.
pub(super) fn secrets(
    given: Option<&file::Text>,
    preset: &Preset,
    place: &Place<'_>,
    findings: &mut Findings,
) -> Secrets {
    let key = place.key.name("secret_file");
    let mut read = Secrets::default();
    match (&preset.secret, given) {
        (None, Some(text)) => {
            let what = format!("preset {} takes no secret", preset.name);
            findings.fault(&key, Some(&text.span()), Wrong::new(what, "remove it"));
        }
        (Some(_), Some(text)) if secrets::is_for_the_service(text.get_ref()) => {
            let what = "systemd passes this credential to the service only, so this command cannot use the sink";
            findings.warn(&key, Some(&text.span()), Wrong::new(what, "run it with systemd-run, if it has to"));
        }
        (Some(SecretKind::Signing), Some(text)) => {
            let held = findings.read(&key, given, |name| secrets::webhook(name, place.base));
            read.signing = held.map(|held| private(held, &key, Some(text), findings)).unwrap_or_default();
        }
        (Some(SecretKind::Token { .. }), Some(text)) => {
            let held = findings.read(&key, given, |name| secrets::token(name, place.base));
            read.token = held.map(|held| private(held, &key, Some(text), findings));
        }
        (Some(SecretKind::Signing), None) => {
            let wrong = Wrong::new("this key is missing", "add secret_file = \"…\"");
            findings.fault(&key, Some(&place.span), wrong);
        }
        (Some(SecretKind::Token { about, optional: false }), None) => {
            let remedy = format!("add secret_file = \"…\", a file with {about}");
            findings.fault(&key, Some(&place.span), Wrong::new("this key is missing", remedy));
        }
        (Some(SecretKind::Token { .. }) | None, None) => {}
    }
    read
}
