//! Presets: how to talk to one kind of system, as a TOML file.
//!
//! [`Preset::built_in`] finds one of those that the program carries, [`Preset::parse`] reads a text. Both give back a
//! [`Preset`] in which every template is read and knows every name that it asks for, so that a slip shows when the config is
//! checked and not when a lead comes. Opens no file and no socket; the format is described in `contrib/sinks/README.md`.

mod file;
mod filters;
mod names;
mod request;
mod template;
mod tree;

use std::{collections::BTreeMap, fmt, time::Duration};

pub use request::{AnswerRule, Auth, Body, Method, Request, RuleVerdict};
pub use template::{Expr, Template, TemplateError, Value, context};
pub use tree::Tree;

use request::Role;

/// The presets that the program carries, in the order of the manual.
const BUILT_IN: [(&str, &str); 14] = [
    ("webhook", include_str!("../../contrib/sinks/webhook.toml")),
    ("journal", include_str!("../../contrib/sinks/journal.toml")),
    ("bitrix24", include_str!("../../contrib/sinks/bitrix24.toml")),
    ("amocrm", include_str!("../../contrib/sinks/amocrm.toml")),
    ("metrika", include_str!("../../contrib/sinks/metrika.toml")),
    ("ga4", include_str!("../../contrib/sinks/ga4.toml")),
    ("roistat", include_str!("../../contrib/sinks/roistat.toml")),
    ("calltouch", include_str!("../../contrib/sinks/calltouch.toml")),
    ("espocrm", include_str!("../../contrib/sinks/espocrm.toml")),
    ("odoo", include_str!("../../contrib/sinks/odoo.toml")),
    ("matomo", include_str!("../../contrib/sinks/matomo.toml")),
    ("hubspot", include_str!("../../contrib/sinks/hubspot.toml")),
    ("segment", include_str!("../../contrib/sinks/segment.toml")),
    ("posthog", include_str!("../../contrib/sinks/posthog.toml")),
];

/// Events of one call at most: what came of them is written down in one commit.
const BATCH: usize = 2_000;

/// How to talk to one kind of system.
#[derive(Debug)]
pub struct Preset {
    /// The name of a built-in one, the path of another.
    pub name: String,
    /// The file as it is.
    pub text: String,
    /// One line for people.
    pub title: String,
    /// Where events go.
    pub kind: PresetKind,
    /// The URL of a sink that names none.
    pub url: Option<String>,
    /// What the secret is, if there is one.
    pub secret: Option<SecretKind>,
    /// Types of event that it can express; all if `None`.
    pub events: Option<Vec<String>>,
    /// Calls a second at most.
    pub rate: Option<u32>,
    /// Calls at a time, unless the sink says otherwise.
    pub concurrency: Option<usize>,
    /// So many events in one call, and so often.
    pub batch: Option<Batch>,
    /// Older events are skipped.
    pub max_age: Option<Duration>,
    /// Values that a sink gives.
    pub settings: BTreeMap<String, Setting>,
    /// Events that are not sent.
    pub skips: Vec<Skip>,
    /// What is asked for first.
    pub fetches: Vec<Fetch>,
    /// The call; a journal has none.
    pub request: Option<Request>,
    /// Asks whether an event is there already.
    pub lookup: Option<Lookup>,
    /// The call to make where a note was left.
    pub check: Option<Request>,
    /// A call that leaves nothing behind.
    pub test: Option<Request>,
}

/// Two presets of one text are one preset.
impl PartialEq for Preset {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.text) == (&other.name, &other.text)
    }
}

/// Where events of a preset go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresetKind {
    /// A server.
    Http,
    /// A file of this host.
    Journal,
}

/// What the file with the secret has to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// Keys of Standard Webhooks.
    Signing,
    /// One line that the requests show.
    Token {
        /// What it is, for people.
        about: String,
        /// Whether it may be absent.
        optional: bool,
    },
}

/// A value that a sink gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// What it is, for people.
    pub about: String,
    /// What holds if the sink gives none.
    pub default: Option<String>,
    /// Whether there may be none.
    pub optional: bool,
}

/// One call for many events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// So many at most.
    pub size: usize,
    /// So often at most.
    pub every: Duration,
}

/// Events that the receiver can make nothing of.
#[derive(Debug)]
pub struct Skip {
    /// The condition.
    pub condition: Expr,
    /// Whether the event is skipped where the condition holds, or where it does not.
    pub holds: bool,
    /// For people.
    pub reason: String,
}

/// Something that has to be asked for first.
#[derive(Debug)]
pub struct Fetch {
    /// Its name below `fetched`.
    pub name: String,
    /// When it is asked for.
    pub when: Option<Expr>,
    /// The request.
    pub request: Request,
    /// The value, out of the answer.
    pub take: Expr,
}

/// Asks whether an event is there already.
#[derive(Debug)]
pub struct Lookup {
    /// The request.
    pub request: Request,
    /// True of an answer that says yes.
    pub found: Expr,
}

/// Why a preset file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresetError {
    /// Where in the file: a line or a key.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

impl PresetError {
    fn at(key: &str, what: impl ToString) -> Self {
        Self { place: key.to_owned(), what: what.to_string() }
    }
}

impl fmt::Display for PresetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl std::error::Error for PresetError {}

impl Preset {
    /// Names of the built-in presets.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// A preset that the program carries.
    pub fn built_in(name: &str) -> Option<Self> {
        let (name, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Self::parse(name, text).ok()
    }

    /// Reads the text of a preset file.
    pub fn parse(name: &str, text: &str) -> Result<Self, PresetError> {
        let file: file::File = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            PresetError::at(&format!("line {line}"), error.message())
        })?;
        let preset = read(name, text, &file)?;
        names::check(&preset)?;
        Ok(preset)
    }
}

fn read(name: &str, text: &str, file: &file::File) -> Result<Preset, PresetError> {
    let kind = match file.kind.as_deref() {
        None | Some("http") => PresetKind::Http,
        Some("journal") => PresetKind::Journal,
        Some(_) => return Err(PresetError::at("kind", "write http or journal")),
    };
    let call = |given: &file::Request, key| request::parse(given, key, Role::Call);
    let request = file.request.as_ref().map(|given| call(given, "request")).transpose()?;
    if request.is_some() != (kind == PresetKind::Http) {
        return Err(PresetError::at("request", "a preset of kind http needs [request], and no other has one"));
    }
    let batch = file.batch.as_ref().map(batch).transpose()?;
    if batch.is_some() != request.as_ref().is_some_and(|request| matches!(request.body, Body::Csv { .. })) {
        return Err(PresetError::at("batch", "batch and encoding = \"csv\" belong together"));
    }
    let alone = [("lookup", file.lookup.is_some()), ("fetch", !file.fetch.is_empty()), ("signed", file.signed)];
    if let Some((name, _)) = alone.iter().find(|(_, is)| *is && batch.is_some()) {
        return Err(PresetError::at(name, "there is none of this where many events go in one call"));
    }
    if file.title.is_empty() || file.title.chars().any(char::is_control) {
        return Err(PresetError::at("title", "one line that says what the preset does is missing"));
    }
    Ok(Preset {
        name: name.to_owned(),
        text: text.to_owned(),
        title: file.title.clone(),
        kind,
        url: file.url.clone(),
        secret: secret(file)?,
        events: file.events.clone(),
        rate: file.rate.filter(|rate| *rate > 0),
        concurrency: file.concurrency.filter(|calls| *calls > 0),
        batch,
        max_age: file.max_age.as_ref().map(|text| request::duration(text, "max_age")).transpose()?,
        settings: settings(&file.settings)?,
        skips: file.skip.iter().enumerate().map(|(at, given)| skip(given, at)).collect::<Result<_, _>>()?,
        fetches: file.fetch.iter().enumerate().map(|(at, given)| fetch(given, at)).collect::<Result<_, _>>()?,
        request,
        lookup: file.lookup.as_ref().map(lookup).transpose()?,
        check: file.check.as_ref().map(|given| call(given, "check")).transpose()?,
        test: file.test.as_ref().map(|given| call(given, "test")).transpose()?,
    })
}

fn secret(file: &file::File) -> Result<Option<SecretKind>, PresetError> {
    match (&file.secret, file.signed) {
        (None, true) => Ok(Some(SecretKind::Signing)),
        (None, false) => Ok(None),
        (Some(about), false) => Ok(Some(SecretKind::Token { about: about.clone(), optional: file.secret_optional })),
        (Some(_), true) => Err(PresetError::at("secret", "a signed preset signs with it and shows it to nobody")),
    }
}

fn batch(given: &file::Batch) -> Result<Batch, PresetError> {
    if !(1..=BATCH).contains(&given.size) {
        return Err(PresetError::at("batch.size", format!("write a number from 1 to {BATCH}")));
    }
    Ok(Batch { size: given.size, every: request::duration(&given.every, "batch.every")? })
}

fn settings(given: &toml::Table) -> Result<BTreeMap<String, Setting>, PresetError> {
    let one = |(name, value): (&String, &toml::Value)| {
        let wrong = |error: toml::de::Error| PresetError::at(&format!("settings.{name}"), error.message());
        let file::Setting { about, default, optional } = value.clone().try_into().map_err(wrong)?;
        Ok((name.clone(), Setting { about, default, optional }))
    };
    given.iter().map(one).collect()
}

fn skip(given: &file::Skip, at: usize) -> Result<Skip, PresetError> {
    let key = format!("skip[{at}]");
    let (condition, holds) = match (&given.when, &given.unless) {
        (Some(when), None) => (when, true),
        (None, Some(unless)) => (unless, false),
        _ => return Err(PresetError::at(&key, "write either when or unless")),
    };
    if given.reason.is_empty() {
        return Err(PresetError::at(&key, "the reason is missing"));
    }
    Ok(Skip { condition: expr(condition, &key)?, holds, reason: given.reason.clone() })
}

fn fetch(given: &file::Request, at: usize) -> Result<Fetch, PresetError> {
    let key = format!("fetch[{at}]");
    let (Some(name), Some(take)) = (&given.name, &given.take) else {
        return Err(PresetError::at(&key, "name or take is missing"));
    };
    Ok(Fetch {
        name: name.clone(),
        when: given.when.as_ref().map(|text| expr(text, &key)).transpose()?,
        request: request::parse(given, &key, Role::Fetch)?,
        take: expr(take, &key)?,
    })
}

fn lookup(given: &file::Request) -> Result<Lookup, PresetError> {
    let found = given.found.as_ref().ok_or_else(|| PresetError::at("lookup", "found is missing"))?;
    Ok(Lookup { request: request::parse(given, "lookup", Role::Lookup)?, found: expr(found, "lookup.found")? })
}

fn expr(text: &str, key: &str) -> Result<Expr, PresetError> {
    Expr::parse(text).map_err(|wrong| PresetError::at(key, wrong))
}
