//! Who asks for a page, and how they like to read it.
//!
//! With a password, the cookie of a session tells; behind a proxy that has asked already, a header field does, and only if
//! the request comes from such a proxy. A handler that takes a [`Visitor`] is never called for anybody else.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Uri, request::Parts},
};
use jiff::tz::TimeZone;
use tracing::warn;

use super::{super::client::Peer, Dashboard, Fault, cookie, gate::Manner};
use crate::{
    clock::Millis,
    config::{Config, LogIn},
    language::Language,
    maillog::chain,
    store::{Person, Role, SessionDigest, person_name},
};

/// A person who may see pages.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Their name.
    pub person: String,
    /// What they may do.
    pub role: Role,
    /// What they read.
    pub language: Language,
    /// The zone of every time that they read.
    pub zone: TimeZone,
    /// What they asked for.
    pub uri: Uri,
    /// Whether they can log out here.
    pub has_session: bool,
}

impl Visitor {
    /// Lets them go on only if their role reaches so far.
    pub fn demand(&self, role: Role) -> Result<(), Fault> {
        if self.role >= role { Ok(()) } else { Err(Fault::Role) }
    }

    /// Whether they may change leads and deliveries.
    pub fn is_editor(&self) -> bool {
        self.role >= Role::Editor
    }
}

impl FromRequestParts<Arc<Dashboard>> for Visitor {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Dashboard>) -> Result<Self, Fault> {
        let manner = parts.extensions.get::<Manner>().copied().unwrap_or_default();
        let intake = door.intake.load_full();
        let config = &intake.config;
        let (person, role, own) = match &config.dashboard.login {
            LogIn::Password => by_session(door, parts).await?,
            LogIn::Header { user, role } => {
                if !is_believed(parts, config) {
                    return Err(Fault::NoProxy);
                }
                by_header(door, &parts.headers, user, role.as_deref()).await?
            }
        };
        Ok(Self {
            person,
            role,
            language: manner.language(own, config.reports.language),
            zone: TimeZone::get(&config.timezone).unwrap_or(TimeZone::UTC),
            uri: parts.uri.clone(),
            has_session: config.dashboard.login == LogIn::Password,
        })
    }
}

type Known = (String, Role, Option<Language>);

async fn by_session(door: &Dashboard, parts: &Parts) -> Result<Known, Fault> {
    let back = || {
        let path = if parts.method == axum::http::Method::GET { parts.uri.path_and_query() } else { None };
        Fault::LogIn(path.map_or_else(|| "/".to_owned(), ToString::to_string))
    };
    let digest = cookie::session(&parts.headers).ok_or_else(back)?;
    let Person { name, role, language, .. } = known(door, digest).await?.ok_or_else(back)?;
    Ok((name, role, language))
}

/// The person whose session this is, which is used now.
pub async fn known(door: &Dashboard, digest: SessionDigest) -> Result<Option<Person>, Fault> {
    let now = Millis::now();
    let shown = digest.clone();
    let Some((person, last)) = door.read(move |store| store.session(&shown, now)).await? else { return Ok(None) };
    if let Err(e) = door.store.note_session(digest, last, now).await {
        warn!("a session's use was not noted: {}", chain(&e));
    }
    Ok(Some(person))
}

/// Whether the request comes from a proxy that may say who asks.
fn is_believed(parts: &Parts, config: &Config) -> bool {
    match parts.extensions.get::<Peer>() {
        Some(Peer::Local) => true,
        Some(Peer::Address(address)) => {
            let address = address.to_canonical();
            config.http.trusted_proxies.iter().any(|network| network.contains(&address))
        }
        None => false,
    }
}

async fn by_header(door: &Dashboard, headers: &HeaderMap, user: &str, role: Option<&str>) -> Result<Known, Fault> {
    let name = only(headers, user).and_then(|name| person_name(&name)).ok_or(Fault::NoProxy)?;
    let asked = name.clone();
    let person = door.read(move |store| store.person(&asked)).await?;
    let language = person.as_ref().and_then(|person| person.language);
    let role = match role {
        Some(field) => only(headers, field).and_then(|role| role.trim().to_ascii_lowercase().parse().ok()),
        None => person.map(|person| person.role),
    };
    match role {
        Some(role) => Ok((name, role, language)),
        None => Err(Fault::Stranger(name)),
    }
}

/// The value of a field that came once: of two, one is not the proxy's.
fn only(headers: &HeaderMap, field: &str) -> Option<String> {
    let mut values = headers.get_all(field).into_iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    String::from_utf8(value.as_bytes().to_vec()).ok()
}
