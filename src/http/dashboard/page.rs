//! The frame of every page, and how a page is sent.
//!
//! A page is a struct with a `frame`, derived from a template that begins with `{% extends "base.html" %}` and fills the
//! block `content`. askama escapes whatever a template shows.

use askama::Template;
use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use tracing::error;

use super::{
    Dashboard, Fault, Params,
    nav::{self, Entry, Place},
    visitor::Visitor,
};
use crate::language::{Language, Text, words};

words! {
    /// Texts of the frame.
    FrameWords {
        product: "leadmilter", "leadmilter";
        skip: "Skip to content", "К содержанию";
        navigation: "Main navigation", "Основная навигация";
        account: "You", "Вы";
        log_out: "Log out", "Выйти";
        languages: "Language", "Язык";
        back_home: "To the first page", "На первую страницу";
    }
}

/// What every page shows around its content.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Texts.
    pub say: FrameWords,
    /// The language's tag, for `lang`.
    pub lang: &'static str,
    /// The page's title.
    pub title: String,
    /// The navigation; empty where nobody is logged in.
    pub nav: Vec<Entry>,
    /// Who reads; empty where nobody is logged in.
    pub person: String,
    /// Whether they can log out here.
    pub has_session: bool,
    /// Links to the same page in each language.
    pub languages: Vec<Translation>,
    /// Path of the style sheet.
    pub style: String,
    /// Path of the script.
    pub script: String,
    /// What has just been done, said above the content.
    pub notice: Option<&'static str>,
}

/// A link to the same page in a language.
#[derive(Clone, Debug)]
pub struct Translation {
    /// The language's tag.
    pub tag: &'static str,
    /// What its speakers call it.
    pub name: &'static str,
    /// The page in it.
    pub href: String,
    /// Whether this is it.
    pub is_here: bool,
}

impl Frame {
    /// The frame of a page for a visitor.
    pub fn new(door: &Dashboard, visitor: &Visitor, here: Place, title: impl Into<String>) -> Self {
        let uri = &visitor.uri;
        let asked = Params::parse(uri.query().unwrap_or_default().as_bytes());
        Self {
            nav: nav::entries(visitor, here),
            person: visitor.person.clone(),
            has_session: visitor.has_session,
            ..Self::bare(door, visitor.language, title.into(), (uri.path(), &asked))
        }
    }

    /// With a notice.
    #[must_use]
    pub fn saying(self, notice: Option<Text>, language: Language) -> Self {
        Self { notice: notice.map(|text| text.of(language)), ..self }
    }

    /// The frame of a page for nobody in particular.
    pub fn bare(door: &Dashboard, language: Language, title: String, (path, asked): (&str, &Params)) -> Self {
        let translation = |of: Language| Translation {
            tag: of.tag(),
            name: Text { en: "English", ru: "Русский" }.of(of),
            href: asked.href(path, &[("lang", Some(of.tag()))]),
            is_here: of == language,
        };
        Self {
            say: FrameWords::of(language),
            lang: language.tag(),
            title,
            nav: Vec::new(),
            person: String::new(),
            has_session: false,
            languages: Language::ALL.map(translation).into(),
            style: format!("/files/dashboard.{}.css", door.style.hash()),
            script: format!("/files/dashboard.{}.js", door.script.hash()),
            notice: None,
        }
    }
}

/// Sends a page.
pub fn show(page: &impl Template) -> Result<Response, Fault> {
    let html = page.render().map_err(|e| {
        error!("a page could not be rendered: {e}");
        Fault::Unavailable
    })?;
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response())
}

#[derive(Template)]
#[template(path = "error.html", config = "src/http/dashboard/askama.toml")]
struct ErrorPage {
    frame: Frame,
    text: &'static str,
}

/// The page that says why there is no other.
pub fn of_fault(door: &Dashboard, language: Language, fault: Option<Fault>, status: StatusCode) -> Response {
    let fault = fault.unwrap_or(match status {
        StatusCode::NOT_FOUND => Fault::Missing,
        StatusCode::PAYLOAD_TOO_LARGE => Fault::Wrong(Text {
            en: "This is larger than what may be sent here.",
            ru: "Слишком большой объём данных.",
        }),
        _ if status.is_client_error() => Fault::Unreadable,
        _ => Fault::Unavailable,
    });
    let title = match status {
        StatusCode::NOT_FOUND => Text { en: "Not found", ru: "Не найдено" },
        StatusCode::FORBIDDEN => Text { en: "No access", ru: "Нет доступа" },
        _ if status.is_client_error() => Text { en: "This did not work", ru: "Не получилось" },
        _ => Text { en: "A fault of ours", ru: "Ошибка на нашей стороне" },
    };
    let frame = Frame::bare(door, language, title.of(language).to_owned(), ("/", &Params::default()));
    match show(&ErrorPage { frame, text: fault.text().of(language) }) {
        Ok(page) => (status, page).into_response(),
        Err(_) => status.into_response(),
    }
}
