//! `[dynamic]`, `[http]` and `[[site]]`: what addresses for visitors need.

use std::{collections::HashMap, path::Path, time::Duration};

use toml::Spanned;

use super::{
    super::{
        Dynamic, Http, HttpListen, Site,
        defaults::{BUDGET, COMPACT, RETENTION, WINDOW},
        fault::Wrong,
        file,
        findings::{Findings, Key},
        names, patterns, places, secrets, units,
    },
    channel, classify,
    mailbox::Mailboxes,
    private,
};
use crate::channel::Channel;

/// The most calls or addresses a minute that a limit may allow.
const PER_MINUTE: u64 = 1_000_000;

/// Checks `[dynamic]`, if it is there.
pub(super) fn dynamic(
    given: Option<&Spanned<file::Dynamic>>,
    base: &Path,
    mailboxes: &Mailboxes,
    findings: &mut Findings,
) -> Option<Dynamic> {
    let given = given?.get_ref();
    let section = Key::Root.name("dynamic");
    let key = section.name("mailbox");
    let mailbox = channel::mailbox(given.mailbox.0.as_ref(), &key, mailboxes, findings);
    let key_file = section.name("key_file");
    let held = findings.read(&key_file, given.key_file.0.as_ref(), |name| secrets::token_keys(name, base));
    let keys = held.map(|held| private(held, &key_file, given.key_file.0.as_ref(), findings));
    let domain = findings.read(&section.name("domain"), given.domain.as_ref(), names::domain);
    let second = |text: &str| units::duration_within(text, Duration::from_secs(1), crate::clock::LONGEST);
    let window = findings.read(&section.name("window"), given.window.as_ref(), second).unwrap_or(WINDOW);
    let compact = findings.read(&section.name("compact"), given.compact.as_ref(), second);
    let compact = compact.unwrap_or(COMPACT.max(window));
    let retention = findings.read(&section.name("retention"), given.retention.as_ref(), second);
    let retention = retention.unwrap_or(RETENTION.max(compact));
    for (name, text, time, least, of) in [
        ("compact", &given.compact, compact, window, "window"),
        ("retention", &given.retention, retention, compact, "compact"),
    ] {
        if let Some(text) = text.as_ref().filter(|_| time < least) {
            let wrong = Wrong::value(text.get_ref(), &format!("is shorter than dynamic.{of}"), "write a longer one");
            findings.fault(&section.name(name), Some(&text.span()), wrong);
        }
    }
    Some(Dynamic { mailbox: mailbox?, keys: keys?, domain, window, compact, retention })
}

/// Checks `[http]`.
pub(super) fn http(given: &file::Http, base: &Path, findings: &mut Findings) -> Http {
    let section = Key::Root.name("http");
    let default = Http::default();
    let mut door = |name, given: &Option<file::Text>| {
        findings.read(&section.name(name), given.as_ref(), |t| places::door(t, base))
    };
    let (public, admin) = (door("public", &given.public), door("admin", &given.admin));
    if let (Some(text), true) = (&given.admin, admin.is_some() && admin == public) {
        let wrong = Wrong::value(text.get_ref(), "is the public door", "give the admin door a port of its own");
        findings.fault(&section.name("admin"), Some(&text.span()), wrong);
    }
    if let (Some(text), Some(HttpListen::Tcp(address))) = (&given.admin, &admin)
        && !address.ip().is_loopback()
    {
        let what = "other hosts can reach this door, and its tokens and leads travel unencrypted";
        let remedy = "listen on 127.0.0.1 or a UNIX socket, and let a proxy with TLS stand before it";
        findings.warn(&section.name("admin"), Some(&text.span()), Wrong::new(what, remedy));
    }
    let proxies = given
        .trusted_proxies
        .as_ref()
        .map(|list| classify::list(list.get_ref(), &section.name("trusted_proxies"), classify::network, findings));
    let rate = findings.number(&section.name("rate"), given.rate.as_ref(), 1..PER_MINUTE + 1);
    Http {
        public,
        admin,
        trusted_proxies: proxies.unwrap_or(default.trusted_proxies),
        rate: rate.and_then(|rate| u32::try_from(rate).ok()).unwrap_or(default.rate),
    }
}

/// Checks every `[[site]]`.
pub(super) fn sites(
    given: &[Spanned<file::Site>],
    file: &file::File,
    channels: &[Channel],
    findings: &mut Findings,
) -> Vec<Site> {
    let list = Key::Root.name("site");
    if let Some(first) = given.first() {
        if file.dynamic.is_none() {
            let wrong =
                Wrong::new("a site asks for addresses, and there is no [dynamic]", "add [dynamic] with its keys");
            findings.fault(&list.item(0), Some(&first.span()), wrong);
        }
        if file.http.public.is_none() {
            let remedy = "add public = \"127.0.0.1:8880\" below [http]";
            let wrong = Wrong::new("a site asks for addresses, and http.public is not set", remedy);
            findings.warn(&list.item(0), Some(&first.span()), wrong);
        }
    } else if let Some(public) = &file.http.public {
        let wrong = Wrong::new("no site may ask for addresses here", "add a [[site]] with its key and origins");
        findings.warn(&Key::Root.name("http").name("public"), Some(&public.span()), wrong);
    }
    let mut keys = HashMap::new();
    let mut out = Vec::with_capacity(given.len());
    for (index, entry) in given.iter().enumerate() {
        let (key, entry) = (list.item(index), entry.get_ref());
        let id = channel::id(entry.key.0.as_ref(), "site", index, &key.name("key"), &mut keys, findings);
        let origins = origins(entry.origins.0.as_ref(), &key.name("origins"), findings);
        let known = |text: &str| {
            let is_known = channels.is_empty() || channels.iter().any(|channel| channel.id == text);
            let wrong = || Wrong::value(text, "is no channel of this file", "write the id of one, or leave it out");
            is_known.then(|| text.to_owned()).ok_or_else(wrong)
        };
        let of_channels = classify::list(&entry.channels, &key.name("channels"), known, findings);
        let pages = classify::list(&entry.pages, &key.name("pages"), patterns::path, findings);
        let budget = findings.number(&key.name("budget"), entry.budget.as_ref(), 0..PER_MINUTE + 1);
        let budget = budget.and_then(|budget| u32::try_from(budget).ok()).unwrap_or(BUDGET);
        out.extend(id.map(|key| Site { key, origins, budget, channels: of_channels, pages }));
    }
    out
}

fn origins(given: Option<&file::List>, key: &Key<'_>, findings: &mut Findings) -> Vec<String> {
    let Some(list) = given else { return Vec::new() };
    if list.get_ref().is_empty() {
        let wrong = Wrong::new("no page may ask for addresses", "list an origin, as \"https://company.ru\"");
        findings.fault(key, Some(&list.span()), wrong);
    }
    classify::list(list.get_ref(), key, places::origin, findings)
}
