//! Logging in with name and password, and out again.
//!
//! A wrong name costs as long as a wrong password and is told in the same words. Attempts are limited by client and by
//! name, before anything is hashed; one password is hashed at a time, on a thread that may wait.

use std::sync::Arc;

use askama::Template;
use axum::{
    Extension, Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use tokio::task::spawn_blocking;
use tracing::error;

use super::{
    super::{
        client::{Client, Peer},
        limit::Rate,
    },
    Dashboard, Fault, Frame, Params,
    ask::Form,
    cookie, entry,
    gate::Manner,
    show, visitor,
};
use crate::{
    clock::Millis,
    config::LogIn,
    language::words,
    store::{LONGEST_PASSWORD, is_password, make_session, person_name},
};

/// Attempts a minute of one client, half of them at once.
const OF_CLIENT: u32 = 10;

/// Attempts a minute for one name, from wherever they come: a stranger must not keep its owner out.
const OF_NAME: u32 = 120;

/// Attempts a minute of all clients behind a proxy that does not tell them apart.
const OF_PROXY: u32 = 60;

words! {
    /// Texts of the page.
    LogInWords {
        title: "Log in", "Вход";
        name: "Name", "Имя";
        password: "Password", "Пароль";
        log_in: "Log in", "Войти";
        wrong: "Name or password is wrong.", "Неверное имя или пароль.";
        nobody: "Nobody can log in yet. Add the first person on the server:",
            "Пока никто не может войти. Добавьте первого человека на сервере:";
        forgotten: "Forgotten? An administrator sets a new password with leadmilter user passwd.",
            "Забыли? Администратор задаст новый пароль командой leadmilter user passwd.";
    }
}

#[derive(Template)]
#[template(path = "login.html", config = "src/http/dashboard/askama.toml")]
struct LogInPage {
    frame: Frame,
    say: LogInWords,
    name: String,
    back: String,
    failed: bool,
    nobody: bool,
}

/// The pages.
pub fn routes() -> Router<Arc<Dashboard>> {
    Router::new().route("/login", get(ask).post(log_in)).route("/logout", post(log_out))
}

async fn ask(
    State(door): State<Arc<Dashboard>>,
    Extension(manner): Extension<Manner>,
    headers: HeaderMap,
    asked: Params,
) -> Result<Response, Fault> {
    let back = back(&asked);
    if door.config().config.dashboard.login != LogIn::Password {
        return Ok(Redirect::to(&back).into_response());
    }
    if let Some(digest) = cookie::session(&headers)
        && visitor::known(&door, digest).await?.is_some()
    {
        return Ok(Redirect::to(&back).into_response());
    }
    let nobody = door.read(|store| store.people()).await?.is_empty();
    show(&page(&door, manner, (String::new(), back), (false, nobody)))
}

fn page(door: &Dashboard, manner: Manner, (name, back): (String, String), (failed, nobody): (bool, bool)) -> LogInPage {
    let language = manner.language(None, door.config().config.reports.language);
    let say = LogInWords::of(language);
    let asked = Params::of(&[("back", &back)]);
    let frame = Frame::bare(door, language, say.title.to_owned(), ("/login", &asked));
    LogInPage { frame, say, name, back, failed, nobody }
}

/// A path of ours, which a stranger's link cannot make another's.
fn back(asked: &Params) -> String {
    // Browsers leave tabs and line ends out of a URL, and take a backslash for a slash.
    let is_plain = |path: &str| path.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'\\');
    let is_ours = |path: &&str| path.starts_with('/') && !path.starts_with("//") && is_plain(path);
    asked.get("back").filter(is_ours).unwrap_or("/").to_owned()
}

async fn log_in(
    State(door): State<Arc<Dashboard>>,
    Extension(manner): Extension<Manner>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Form(fields): Form,
) -> Result<Response, Fault> {
    if door.config().config.dashboard.login != LogIn::Password {
        return Err(Fault::Missing);
    }
    let given = fields.get("name").unwrap_or_default();
    let name = person_name(given).unwrap_or_default();
    let client = Client::of(peer, &headers, &door.config().config.http.trusted_proxies);
    if !admits(&door, client, &name) {
        return Err(Fault::Often);
    }
    let password = fields.get("password").unwrap_or_default().to_owned();
    let (is_right, is_known) = check(&door, name.clone(), password).await?;
    let to = back(&fields);
    let begun = if is_right { begin(&door, &name, &headers).await? } else { None };
    let Some(cookie) = begun else {
        // What is no name may be a password that was typed into the wrong field.
        let who = if is_known { name.as_str() } else { "?" };
        let from = format!("from {client}");
        door.store.note_audit(entry(who, "person.log_in_failed", who, Some(from))).await?;
        let page = show(&page(&door, manner, (given.to_owned(), to), (true, false)))?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(&to)).into_response())
}

fn admits(door: &Dashboard, client: Client, name: &str) -> bool {
    let now = door.clock.now();
    let of_client = if client.is_proxy { OF_PROXY } else { OF_CLIENT };
    let by_client = door.attempts.admits(&("client", client), Rate::per_minute(of_client), now);
    by_client && door.attempts.admits(&("name", name), Rate::per_minute(OF_NAME), now)
}

/// Whether this is the person's password, and whether there is such a person.
async fn check(door: &Dashboard, name: String, password: String) -> Result<(bool, bool), Fault> {
    let (kept, is_known) =
        door.read(move |store| Ok((store.password_of(&name)?, store.person(&name)?.is_some()))).await?;
    if password.len() > LONGEST_PASSWORD {
        return Ok((false, is_known));
    }
    let _one_at_a_time = door.passwords.acquire().await.map_err(|_| Fault::Unavailable)?;
    let looked_at = spawn_blocking(move || is_password(&password, kept.as_deref())).await;
    Ok((looked_at.map_err(|_| Fault::Unavailable)?, is_known))
}

/// Begins a session, and gives back its cookie; `None` if the person has just been removed.
async fn begin(door: &Dashboard, name: &str, headers: &HeaderMap) -> Result<Option<HeaderValue>, Fault> {
    let (shown, digest) = make_session().map_err(|e| {
        error!("no session could be made: {e}");
        Fault::Unavailable
    })?;
    let noted = entry(name, "person.logged_in", name, None);
    let begun = door.store.begin_session(digest, name, Millis::now(), noted).await?;
    // The page's own origin says over what it was sent. Where a policy hides it, the cookie is kept to https.
    let origin = headers.get(header::ORIGIN).map(HeaderValue::as_bytes);
    let is_https = !origin.is_some_and(|origin| origin.starts_with(b"http://"));
    Ok(if begun { cookie::begin(&shown, is_https) } else { None })
}

async fn log_out(State(door): State<Arc<Dashboard>>, headers: HeaderMap) -> Result<Response, Fault> {
    if let Some(digest) = cookie::session(&headers)
        && let Some(person) = visitor::known(&door, digest.clone()).await?
    {
        door.store.end_session(digest, entry(&person.name, "person.logged_out", &person.name, None)).await?;
    }
    let mut response = Redirect::to("/login").into_response();
    for cookie in cookie::end() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
