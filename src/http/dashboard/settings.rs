//! The config in force, to read; for admins also who may log in and which tokens there are. No secret is shown.

use std::{fmt::Debug, sync::Arc, time::Duration};

use askama::Template;
use axum::{Router, extract::State, response::Response, routing::get};

use super::{Dashboard, Fault, Frame, Visitor, nav::Place, show};
use crate::{
    channel::Mailbox,
    clock::Millis,
    config::{Config, HttpListen, Listen, LogIn, Sink},
    language::{Language, words},
    store::{ApiToken, Person, Role},
    text::shown,
};

words! {
    /// Texts of the page.
    SettingsWords {
        title: "Settings", "Настройки";
        hint: "The config file in force, to read. To change it, edit the file on the server, see whether leadmilter check finds it good, and reload the daemon.",
            "Действующий файл конфигурации, только для чтения. Чтобы изменить его, отредактируйте файл на сервере, проверьте командой leadmilter check и перезагрузите конфигурацию демона.";
        key: "Key", "Параметр";
        value: "Value", "Значение";
        yes: "yes", "да";
        no: "no", "нет";
        none: "none", "нет";
        forever: "for ever", "бессрочно";
        people: "People", "Пользователи";
        people_region: "Table of people", "Таблица пользователей";
        people_hint: "Added, changed and removed on the server: leadmilter user --help",
            "Добавляются, меняются и удаляются на сервере: leadmilter user --help";
        name: "Name", "Имя";
        role: "Role", "Роль";
        language: "Language", "Язык";
        password: "Password", "Пароль";
        added: "Added", "Добавлен";
        tokens: "Tokens of the API", "Токены API";
        tokens_region: "Table of tokens", "Таблица токенов";
        tokens_hint: "Made and revoked on the server: leadmilter token --help",
            "Создаются и отзываются на сервере: leadmilter token --help";
        no_tokens: "There are no tokens.", "Токенов нет.";
        id: "Id", "Номер";
        scopes: "Scopes", "Права";
        expires: "Expires", "Действует до";
        never: "never", "бессрочно";
        expired: "expired", "истёк";
        used: "Last used", "Использован";
        viewer: "viewer", "наблюдатель";
        editor: "editor", "редактор";
        admin: "admin", "администратор";
    }
}

#[derive(Template)]
#[template(path = "settings.html", config = "src/http/dashboard/askama.toml")]
struct SettingsPage {
    frame: Frame,
    say: SettingsWords,
    sections: Vec<Section>,
    people: Option<Vec<PersonRow>>,
    tokens: Option<Vec<TokenRow>>,
}

/// A table of the config.
struct Section {
    name: String,
    rows: Vec<(&'static str, String)>,
}

struct PersonRow {
    name: String,
    role: &'static str,
    language: &'static str,
    password: &'static str,
    added: String,
}

struct TokenRow {
    id: String,
    name: String,
    scopes: String,
    added: String,
    expires: String,
    used: String,
}

/// The page.
pub fn routes() -> Router<Arc<Dashboard>> {
    Router::new().route("/settings", get(page))
}

async fn page(State(door): State<Arc<Dashboard>>, visitor: Visitor) -> Result<Response, Fault> {
    let say = SettingsWords::of(visitor.language);
    let intake = door.intake.load_full();
    let (people, tokens) = if visitor.role >= Role::Admin {
        let (people, tokens) = door.read(|store| Ok((store.people()?, store.api_tokens()?))).await?;
        let people = people.iter().map(|person| person_row(person, &say, &visitor)).collect();
        (Some(people), Some(tokens.iter().map(|token| token_row(token, &say, &visitor)).collect()))
    } else {
        (None, None)
    };
    show(&SettingsPage {
        frame: Frame::new(&door, &visitor, Place::Settings, say.title),
        say,
        sections: sections(&intake.config, &say),
        people,
        tokens,
    })
}

fn sections(config: &Config, say: &SettingsWords) -> Vec<Section> {
    let mut sections = vec![section("leadmilter", of_host(config, say)), section("[milter]", of_milter(config, say))];
    let folder = format!("sqlite:{}", config.store.folder.display());
    let headers = vec![
        ("prefix", config.headers.prefix.clone()),
        ("key_file", flag(config.headers.key.is_some(), say)),
        ("strip", word(&config.headers.strip)),
    ];
    let spelled = |mailbox: &Mailbox| ("address", format!("{} {}", mailbox.spelled, mailbox.separators));
    let privacy = vec![("sender", word(&config.privacy.sender)), ("subject", word(&config.privacy.subject))];
    sections.extend([
        section("[store]", vec![("url", folder)]),
        section("[headers]", headers),
        section("[[mailbox]]", config.mailboxes.iter().map(spelled).collect()),
        section("[leads]", of_leads(config, say)),
        section("[privacy]", privacy),
        section("[http]", of_http(config, say)),
        section("[dashboard]", log_in(&config.dashboard.login, config.dashboard.language)),
    ]);
    sections.extend(config.dynamic.iter().map(|dynamic| {
        let rows = vec![
            ("mailbox", dynamic.mailbox.to_string()),
            ("domain", dynamic.domain.clone().unwrap_or_else(|| say.none.to_owned())),
            ("window", span(dynamic.window)),
            ("retention", span(dynamic.retention)),
        ];
        section("[dynamic]", rows)
    }));
    sections.extend(config.sinks.iter().map(|sink| section(&format!("[[sink]] {}", sink.id), of_sink(sink, say))));
    sections
}

type Rows = Vec<(&'static str, String)>;

fn section(name: &str, rows: Rows) -> Section {
    Section { name: name.to_owned(), rows }
}

fn flag(is_on: bool, say: &SettingsWords) -> String {
    if is_on { say.yes } else { say.no }.to_owned()
}

fn list(texts: Vec<String>, say: &SettingsWords) -> String {
    if texts.is_empty() { say.none.to_owned() } else { texts.join("\n") }
}

fn of_host(config: &Config, say: &SettingsWords) -> Rows {
    vec![
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("hostname", config.hostname.clone()),
        ("timezone", config.timezone.clone()),
        ("domains", list(config.domains.clone(), say)),
    ]
}

fn of_milter(config: &Config, say: &SettingsWords) -> Rows {
    let listen = match &config.milter.listen {
        Listen::Unix(path) => format!("unix:{}", path.display()),
        Listen::Tcp(address) => format!("inet:{address}"),
        Listen::Systemd => "systemd".to_owned(),
    };
    vec![
        ("listen", listen),
        ("on_error", word(&config.milter.on_error)),
        ("dry_run", flag(config.milter.dry_run, say)),
        ("budget", format!("{:?}", config.milter.budget)),
    ]
}

fn of_leads(config: &Config, say: &SettingsWords) -> Rows {
    vec![
        ("unique_by", word(&config.leads.unique_by)),
        ("unique_window", config.leads.unique_window.map_or_else(|| say.forever.to_owned(), span)),
        ("unique_requires_dmarc", flag(config.leads.unique_requires_dmarc, say)),
        ("normalize", word(&config.leads.normalize)),
        ("direct", word(&config.leads.direct)),
    ]
}

fn of_http(config: &Config, say: &SettingsWords) -> Rows {
    let door = |listen: Option<&HttpListen>| match listen {
        Some(HttpListen::Unix(path)) => format!("unix:{}", path.display()),
        Some(HttpListen::Tcp(address)) => address.to_string(),
        None => say.none.to_owned(),
    };
    vec![
        ("public", door(config.http.public.as_ref())),
        ("admin", door(config.http.admin.as_ref())),
        ("trusted_proxies", list(config.http.trusted_proxies.iter().map(ToString::to_string).collect(), say)),
    ]
}

fn log_in(login: &LogIn, language: Language) -> Vec<(&'static str, String)> {
    let language = ("language", language.tag().to_owned());
    match login {
        LogIn::Password => vec![("login", "password".to_owned()), language],
        LogIn::Header { user, role } => {
            let role = role.iter().map(|role| ("role_header", role.clone()));
            [("login", "header".to_owned()), ("user_header", user.clone())]
                .into_iter()
                .chain(role)
                .chain([language])
                .collect()
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

fn person_row(person: &Person, say: &SettingsWords, visitor: &Visitor) -> PersonRow {
    PersonRow {
        name: shown(&person.name),
        role: match person.role {
            Role::Viewer => say.viewer,
            Role::Editor => say.editor,
            Role::Admin => say.admin,
        },
        language: person.language.map_or("", Language::tag),
        password: if person.has_password { say.yes } else { say.no },
        added: visitor.language.moment(person.created_at, &visitor.zone),
    }
}

fn token_row(token: &ApiToken, say: &SettingsWords, visitor: &Visitor) -> TokenRow {
    let moment = |at: Millis| visitor.language.moment(at, &visitor.zone);
    let scopes: Vec<_> = token.scopes.iter().map(|scope| scope.as_str()).collect();
    TokenRow {
        id: token.id.clone(),
        name: token.name.as_deref().map(shown).unwrap_or_default(),
        scopes: scopes.join(", "),
        added: moment(token.created_at),
        expires: match token.expires_at {
            Some(_) if token.is_expired(Millis::now()) => say.expired.to_owned(),
            Some(at) => moment(at),
            None => say.never.to_owned(),
        },
        used: token.last_used_at.map(moment).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_read_as_the_file_writes_them() {
        assert_eq!(word(&crate::lead::Basis::SenderChannel), "sender_channel");
        assert_eq!(word(&crate::config::OnError::Accept), "accept");
    }
}
