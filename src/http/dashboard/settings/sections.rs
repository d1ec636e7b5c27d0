//! The config as tables for people: its sections and keys by their own names, and no secret.

use std::{fmt::Debug, time::Duration};

use super::SettingsWords;
use crate::config::{Config, HttpListen, Listen, LogIn, Sink};

/// A table of the config.
pub struct Section {
    /// Its heading, as the file has it.
    pub name: String,
    /// Keys and values.
    pub rows: Vec<(&'static str, String)>,
}

impl Section {
    fn new(name: impl Into<String>, rows: Vec<(&'static str, String)>) -> Self {
        Self { name: name.into(), rows }
    }
}

/// The sections of a config.
pub fn sections(config: &Config, say: &SettingsWords) -> Vec<Section> {
    let mut sections = of_mail(config, say);
    sections.extend(of_leads(config, say));
    sections.extend(of_pages(config, say));
    sections.extend(config.sinks.iter().map(|sink| Section::new(format!("[[sink]] {}", sink.id), of_sink(sink, say))));
    sections
}

fn of_mail(config: &Config, say: &SettingsWords) -> Vec<Section> {
    let listen = match &config.milter.listen {
        Listen::Unix(path) => format!("unix:{}", path.display()),
        Listen::Tcp(address) => format!("inet:{address}"),
        Listen::Systemd => "systemd".to_owned(),
    };
    let product = vec![
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("hostname", config.hostname.clone()),
        ("timezone", config.timezone.clone()),
        ("domains", list(config.domains.clone(), say)),
    ];
    let milter = vec![
        ("listen", listen),
        ("on_error", word(&config.milter.on_error)),
        ("dry_run", flag(config.milter.dry_run, say)),
        ("budget", span(config.milter.budget)),
    ];
    let headers = vec![
        ("prefix", config.headers.prefix.clone()),
        ("key_file", flag(config.headers.key.is_some(), say)),
        ("strip", word(&config.headers.strip)),
    ];
    let mailboxes = config.mailboxes.iter().map(|mailbox| {
        let told = vec![
            ("address", mailbox.spelled.clone()),
            ("separators", mailbox.separators.clone()),
            ("rewrite", flag(mailbox.rewrite, say)),
        ];
        Section::new("[[mailbox]]", told)
    });
    let fixed = [
        Section::new("leadmilter", product),
        Section::new("[milter]", milter),
        Section::new("[store]", vec![("url", format!("sqlite:{}", config.store.folder.display()))]),
        Section::new("[headers]", headers),
    ];
    fixed.into_iter().chain(mailboxes).collect()
}

fn of_leads(config: &Config, say: &SettingsWords) -> Vec<Section> {
    let leads = vec![
        ("unique_by", word(&config.leads.unique_by)),
        ("unique_window", config.leads.unique_window.map_or_else(|| say.forever.to_owned(), span)),
        ("unique_requires_dmarc", flag(config.leads.unique_requires_dmarc, say)),
        ("normalize", word(&config.leads.normalize)),
        ("direct", word(&config.leads.direct)),
    ];
    let privacy = vec![
        ("sender", word(&config.privacy.sender)),
        ("subject", word(&config.privacy.subject)),
        ("retention", config.privacy.retention.map_or_else(|| say.forever.to_owned(), span)),
    ];
    let reports = &config.reports;
    let rates = reports.rates.iter().map(|(currency, rate)| format!("{currency} {rate}")).collect();
    let reports = vec![
        ("currency", reports.currency.to_string()),
        ("rates", list(rates, say)),
        ("model", word(&reports.model)),
        ("language", reports.language.tag().to_owned()),
    ];
    vec![Section::new("[leads]", leads), Section::new("[privacy]", privacy), Section::new("[reports]", reports)]
}

fn of_pages(config: &Config, say: &SettingsWords) -> Vec<Section> {
    let door = |listen: Option<&HttpListen>| match listen {
        Some(HttpListen::Unix(path)) => format!("unix:{}", path.display()),
        Some(HttpListen::Tcp(address)) => address.to_string(),
        None => say.none.to_owned(),
    };
    let http = vec![
        ("public", door(config.http.public.as_ref())),
        ("admin", door(config.http.admin.as_ref())),
        ("trusted_proxies", list(config.http.trusted_proxies.iter().map(ToString::to_string).collect(), say)),
    ];
    let mut sections = vec![Section::new("[http]", http), Section::new("[dashboard]", log_in(&config.dashboard.login))];
    sections.extend(config.dynamic.iter().map(|dynamic| {
        let told = vec![
            ("mailbox", dynamic.mailbox.to_string()),
            ("domain", dynamic.domain.clone().unwrap_or_else(|| say.none.to_owned())),
            ("window", span(dynamic.window)),
            ("retention", span(dynamic.retention)),
        ];
        Section::new("[dynamic]", told)
    }));
    sections.extend(config.sites.iter().map(|site| {
        let told = vec![("origins", site.origins.join("\n")), ("budget", site.budget.to_string())];
        Section::new(format!("[[site]] {}", site.key), told)
    }));
    sections
}

fn log_in(login: &LogIn) -> Vec<(&'static str, String)> {
    match login {
        LogIn::Password => vec![("login", "password".to_owned())],
        LogIn::Header { user, role } => {
            let role = role.iter().map(|role| ("role_header", role.clone()));
            [("login", "header".to_owned()), ("user_header", user.clone())].into_iter().chain(role).collect()
        }
    }
}

/// Path and query of a sink's URL may hold its secret.
fn of_sink(sink: &Sink, say: &SettingsWords) -> Vec<(&'static str, String)> {
    let host = sink.url.as_ref().map(|url| url.origin().ascii_serialization());
    let events: Vec<_> = sink.events.iter().map(|event| event.as_str()).collect();
    let kinds: Vec<_> = sink.kinds.iter().map(|kind| kind.as_str()).collect();
    vec![
        ("preset", sink.preset.name.clone()),
        ("url", host.unwrap_or_else(|| say.none.to_owned())),
        ("events", events.join(", ")),
        ("kinds", kinds.join(", ")),
    ]
}

fn flag(is_on: bool, say: &SettingsWords) -> String {
    if is_on { say.yes } else { say.no }.to_owned()
}

fn list(texts: Vec<String>, say: &SettingsWords) -> String {
    if texts.is_empty() { say.none.to_owned() } else { texts.join("\n") }
}

/// A duration as the config writes it.
fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds > 0 && seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
        _ => format!("{time:?}"),
    }
}

/// `SenderChannel` as the config writes it: `sender_channel`.
fn word(value: &impl Debug) -> String {
    let mut out = String::new();
    for char in format!("{value:?}").chars() {
        if char.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(char.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_the_file_writes_them() {
        assert_eq!(word(&crate::lead::Basis::SenderChannel), "sender_channel");
        assert_eq!(word(&crate::config::OnError::Accept), "accept");
        let days = Duration::from_secs(90 * 86_400);
        assert_eq!([span(days), span(Duration::from_millis(1_500))], ["90d", "1.5s"]);
    }
}
