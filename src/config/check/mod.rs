//! From the file model to the [`Config`]: meaning, defaults and contradictions.
//!
//! Given the file as it was read; gives back a config, which is good only if [`Findings`] holds no fault afterwards:
//! what was refused is replaced by a default so that the rest is still looked at. Sections are here, lists in the files
//! beside. Reads secret and key files through `secrets`.

mod arrival;
mod channel;
mod classify;
mod dashboard;
mod dynamic;
mod mailbox;
mod mailing;
mod outcomes;
mod reports;
mod sink;
mod socketmap;
mod tag;

use std::{ops::Range, path::Path, time::Duration};

use super::{
    Config, Direct, Headers, Leads, Listen, Log, LogTarget, Milter, Normalize, OnError, Privacy, SenderPrivacy, Store,
    Strip, SubjectPrivacy, TagMatch,
    fault::{Wrong, quoted},
    file,
    findings::{Findings, Key},
    names, places, secrets, units,
};
use crate::lead::Basis;

/// How many connections a door of the MTA may have at a time.
const CONNECTIONS: Range<u64> = 1..u32::MAX as u64;

/// The end of one message waits for the store no longer than this, whatever the file says.
const BUDGET: Duration = Duration::from_secs(30);

/// Checks the whole file; relative paths in it start at `base`.
pub(super) fn check(file: &file::File, base: &Path, findings: &mut Findings) -> Config {
    let domains = domains(&file.domains, findings);
    let mailboxes = mailbox::mailboxes(&file.mailbox, domains.as_deref(), findings);
    let channels = channel::channels(&file.channel, &mailboxes, findings);
    let headers = headers(&file.headers, base, findings);
    let ids = channel::Ids::of(&channels, file.channel.len(), findings);
    let arrivals = arrival::arrivals(file, &channels, &ids, findings);
    let tags = tag::tags(&file.tag, &ids, &headers.prefix, findings);
    let milter = milter(&file.milter, base, findings);
    let http = dynamic::http(&file.http, base, findings);
    let hostname = hostname(file, findings);
    Config {
        mail: mailing::mail(&file.mail, base, findings),
        mailed: mailing::reports(&file.report, &hostname, findings),
        hostname,
        timezone: findings
            .read(&Key::Root.name("timezone"), file.timezone.as_ref(), units::zone)
            .unwrap_or_else(|| "UTC".to_owned()),
        socketmap: socketmap::socketmap(&file.socketmap, &milter, base, findings),
        milter,
        store: store(&file.store, base, findings),
        headers,
        log: log(&file.log, findings),
        leads: leads(file, findings),
        classify: classify::classify(&file.classify, file.leads.spam_headers.as_ref(), &mailboxes, &channels, findings),
        leak: classify::leak(&file.leak, findings),
        privacy: privacy(&file.privacy, findings),
        dynamic: dynamic::dynamic(file.dynamic.as_ref(), base, &mailboxes, findings),
        dashboard: dashboard::dashboard(&file.dashboard, &http, findings),
        http,
        sites: dynamic::sites(&file.site, file, &channels, findings),
        sinks: sink::sinks(&file.sink, base, findings),
        reports: reports::reports(&file.reports, findings),
        outcomes: outcomes::outcomes(&file.outcomes, base, findings),
        mailboxes: mailboxes.list,
        channels,
        arrivals,
        tags,
        domains: domains.unwrap_or_default(),
    }
}

fn hostname(file: &file::File, findings: &mut Findings) -> String {
    let key = Key::Root.name("hostname");
    if file.hostname.is_some() {
        return findings.read(&key, file.hostname.as_ref(), names::host).unwrap_or_default();
    }
    let system = hostname::get().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    names::host(&system).unwrap_or_else(|_| {
        let what = format!("the system's name {} is no host name", quoted(&system));
        findings.fault(&key, None, Wrong::new(what, "add hostname = \"mx1.company.ru\""));
        String::new()
    })
}

/// The company's domains; `None` if one of them could not be read, since a mailbox may be in that one.
fn domains(given: &[file::Text], findings: &mut Findings) -> Option<Vec<String>> {
    let list = Key::Root.name("domains");
    let mut complete = !findings.has(&list);
    let mut domains = Vec::with_capacity(given.len());
    for (index, text) in given.iter().enumerate() {
        match findings.read(&list.item(index), Some(text), names::domain) {
            Some(domain) if domains.contains(&domain) => {}
            Some(domain) => domains.push(domain),
            None => complete = false,
        }
    }
    complete.then_some(domains)
}

fn milter(given: &file::Milter, base: &Path, findings: &mut Findings) -> Milter {
    let section = Key::Root.name("milter");
    let default = Milter::default();
    let listen = listen(&section, places::MILTER, given.listen.as_ref(), base, findings);
    let choices = [("accept", OnError::Accept), ("tempfail", OnError::Tempfail)];
    let on_error = findings.read(&section.name("on_error"), given.on_error.as_ref(), |t| units::choice(t, &choices));
    let budget = |text: &str| units::duration_within(text, Duration::from_millis(1), BUDGET);
    Milter {
        listen: listen.unwrap_or(default.listen),
        socket_mode: findings
            .read(&section.name("socket_mode"), given.socket_mode.as_ref(), units::mode)
            .unwrap_or(default.socket_mode),
        socket_group: findings.read(&section.name("socket_group"), given.socket_group.as_ref(), names::group),
        on_error: on_error.unwrap_or(default.on_error),
        max_connections: findings
            .number(&section.name("max_connections"), given.max_connections.as_ref(), CONNECTIONS)
            .unwrap_or(default.max_connections),
        dry_run: given.dry_run.unwrap_or(default.dry_run),
        budget: findings.read(&section.name("budget"), given.budget.as_ref(), budget).unwrap_or(default.budget),
        drain: findings.read(&section.name("drain"), given.drain.as_ref(), units::duration).unwrap_or(default.drain),
    }
}

/// Where a door of the MTA listens, with a warning if strangers may come there.
fn listen(
    section: &Key<'_>,
    door: places::Door,
    given: Option<&file::Text>,
    base: &Path,
    findings: &mut Findings,
) -> Option<Listen> {
    let key = section.name("listen");
    let listen = findings.read(&key, given, |text| places::listen(text, base, door));
    if let (Some(Listen::Tcp(address)), Some(text)) = (&listen, given)
        && !address.ip().is_loopback()
    {
        let protocol = door.protocol;
        let what = format!("other hosts can reach this socket, and the {protocol} protocol asks nobody who they are");
        let remedy = "listen on 127.0.0.1, ::1 or a UNIX socket, or let a firewall admit the MTA alone";
        findings.warn(&key, Some(&text.span()), Wrong::new(what, remedy));
    }
    listen
}

fn store(given: &file::Store, base: &Path, findings: &mut Findings) -> Store {
    let key = Key::Root.name("store");
    let folder = findings.read(&key.name("url"), given.url.as_ref(), |text| places::store(text, base));
    folder.map_or_else(Store::default, |folder| Store { folder })
}

fn headers(given: &file::Headers, base: &Path, findings: &mut Findings) -> Headers {
    let section = Key::Root.name("headers");
    let default = Headers::default();
    let key_file = section.name("key_file");
    let held = findings.read(&key_file, given.key_file.as_ref(), |name| secrets::key(name, base));
    let choices = [("tracked", Strip::Tracked), ("all", Strip::All)];
    let strip = findings.read(&section.name("strip"), given.strip.as_ref(), |text| units::choice(text, &choices));
    let prefix = findings.read(&section.name("prefix"), given.prefix.as_ref(), names::prefix);
    Headers {
        prefix: prefix.unwrap_or(default.prefix),
        key: held.map(|held| private(held, &key_file, given.key_file.as_ref(), findings)),
        strip: strip.unwrap_or(default.strip),
    }
}

/// What a key file held, with a warning if every user may read it.
fn private<T>(held: secrets::Held<T>, key: &Key<'_>, name: Option<&file::Text>, findings: &mut Findings) -> T {
    if let (Some(mode), Some(name)) = (held.exposed, name) {
        let what = format!("{} is open to every user of this host (mode {mode:04o})", quoted(name.get_ref()));
        findings.warn(key, Some(&name.span()), Wrong::new(what, "close it with `chmod o= FILE`"));
    }
    held.value
}

fn log(given: &file::Log, findings: &mut Findings) -> Log {
    let section = Key::Root.name("log");
    let default = Log::default();
    let choices = [("auto", LogTarget::Auto), ("stderr", LogTarget::Stderr), ("journald", LogTarget::Journald)];
    let target = findings.read(&section.name("target"), given.target.as_ref(), |text| units::choice(text, &choices));
    Log {
        level: findings.read(&section.name("level"), given.level.as_ref(), units::level).unwrap_or(default.level),
        target: target.unwrap_or(default.target),
    }
}

fn leads(file: &file::File, findings: &mut Findings) -> Leads {
    let (given, authserv_ids) = (&file.leads, &file.classify.authserv_ids);
    let section = Key::Root.name("leads");
    if let Some(flag) = given.unique_requires_dmarc.as_ref().filter(|flag| *flag.get_ref() && authserv_ids.is_empty()) {
        let what = "nobody's DMARC results are believed, so no sender would ever count";
        let wrong = Wrong::new(what, "name your own server in classify.authserv_ids");
        findings.fault(&section.name("unique_requires_dmarc"), Some(&flag.span()), wrong);
    }
    let default = Leads::default();
    let bases = [("sender", Basis::Sender), ("sender_channel", Basis::SenderChannel), ("visitor", Basis::Visitor)];
    let unique_by = |text: &str| match text {
        "visitor" if file.dynamic.is_none() => {
            let is = "needs addresses that name a visitor, and there is no [dynamic]";
            Err(Wrong::value(text, is, "add [dynamic], or write \"sender\" or \"sender_channel\""))
        }
        _ => units::choice(text, &bases),
    };
    let spellings = [("case", Normalize::Case), ("provider", Normalize::Provider)];
    let normalize =
        findings.read(&section.name("normalize"), given.normalize.as_ref(), |text| units::choice(text, &spellings));
    let letters =
        [("ignore", Direct::Ignore), ("replies", Direct::Replies), ("senders", Direct::Senders), ("all", Direct::All)];
    let direct = findings.read(&section.name("direct"), given.direct.as_ref(), |text| units::choice(text, &letters));
    let rules = [("all", TagMatch::All), ("first", TagMatch::First)];
    let tag_match =
        findings.read(&section.name("tag_match"), given.tag_match.as_ref(), |text| units::choice(text, &rules));
    let charset = findings.read(&section.name("default_charset"), given.default_charset.as_ref(), units::charset);
    Leads {
        unique_by: findings
            .read(&section.name("unique_by"), given.unique_by.as_ref(), unique_by)
            .unwrap_or(default.unique_by),
        unique_window: findings
            .read(&section.name("unique_window"), given.unique_window.as_ref(), units::window)
            .unwrap_or(default.unique_window),
        unique_requires_dmarc: given
            .unique_requires_dmarc
            .as_ref()
            .map(|flag| *flag.get_ref())
            .unwrap_or(default.unique_requires_dmarc),
        normalize: normalize.unwrap_or(default.normalize),
        direct: direct.unwrap_or(default.direct),
        tag_match: tag_match.unwrap_or(default.tag_match),
        default_charset: charset.unwrap_or(default.default_charset),
    }
}

fn privacy(given: &file::Privacy, findings: &mut Findings) -> Privacy {
    let section = Key::Root.name("privacy");
    let default = Privacy::default();
    let senders = [("plain", SenderPrivacy::Plain), ("hash", SenderPrivacy::Hash), ("omit", SenderPrivacy::Omit)];
    let subjects = [("plain", SubjectPrivacy::Plain), ("omit", SubjectPrivacy::Omit)];
    let sender = findings.read(&section.name("sender"), given.sender.as_ref(), |text| units::choice(text, &senders));
    let subject =
        findings.read(&section.name("subject"), given.subject.as_ref(), |text| units::choice(text, &subjects));
    let retention = findings.read(&section.name("retention"), given.retention.as_ref(), units::window);
    Privacy {
        sender: sender.unwrap_or(default.sender),
        subject: subject.unwrap_or(default.subject),
        retention: retention.unwrap_or(default.retention),
    }
}
