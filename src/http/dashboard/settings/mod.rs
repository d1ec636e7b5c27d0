//! The config in force, to read; for admins also who may log in and which tokens there are. No secret is shown.

mod sections;

use std::sync::Arc;

use askama::Template;
use axum::{Router, extract::State, response::Response, routing::get};

use self::sections::{Section, sections};
use super::{Dashboard, Fault, Frame, Visitor, nav::Place, show};
use crate::{
    clock::Millis,
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
