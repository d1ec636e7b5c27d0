//! One request of a preset: where it goes, what it carries, and what its answer means.
//!
//! Read from the file once. Rendering it into HTTP is the work of `sinks`; nothing here knows a client.

use std::time::Duration;

use toml::{Table, Value};

use super::{
    PresetError, expr, file,
    template::{Expr, Template},
    tree::Tree,
};
use crate::clock;

/// A request.
#[derive(Debug)]
pub struct Request {
    /// HTTP method.
    pub method: Method,
    /// Segments below the sink's URL.
    pub path: Vec<Template>,
    /// Query parameters.
    pub query: Vec<(String, Template)>,
    /// Header fields.
    pub headers: Vec<(String, Template)>,
    /// Who calls.
    pub auth: Option<Auth>,
    /// What it carries.
    pub body: Body,
    /// What has to be true of a 2xx answer.
    pub success: Option<Expr>,
    /// What an answer means where the status alone does not tell; the first that fits.
    pub answers: Vec<AnswerRule>,
}

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Asks.
    Get,
    /// Adds.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Asks what may be done.
    Options,
}

/// The Authorization header.
#[derive(Debug)]
pub enum Auth {
    /// RFC 6750.
    Bearer(Template),
    /// RFC 7617.
    Basic {
        /// The user's name.
        user: Template,
        /// The password.
        password: Template,
    },
}

/// What a request carries.
#[derive(Debug)]
pub enum Body {
    /// Nothing.
    None,
    /// The event as it is.
    Event,
    /// JSON.
    Json(Tree),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, Template)>),
    /// A CSV file in `multipart/form-data`, one line for each event.
    Csv {
        /// Name of the field.
        file: String,
        /// Headings and values.
        columns: Vec<(String, Template)>,
    },
}

/// What an answer means.
#[derive(Debug)]
pub struct AnswerRule {
    /// Statuses that it holds for; all if empty.
    pub status: Vec<u16>,
    /// What else has to be true.
    pub when: Option<Expr>,
    /// What it means.
    pub verdict: RuleVerdict,
    /// Whether the event may have been stored all the same; by default, as the status has it.
    pub doubt: Option<bool>,
    /// Not before.
    pub after: Option<Duration>,
    /// What the next attempt is told.
    pub note: Option<Template>,
    /// For people.
    pub why: Option<Template>,
}

/// The verdict of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleVerdict {
    /// It arrived.
    Delivered,
    /// It may arrive later.
    Retry,
    /// Somebody has to change something.
    Misconfigured,
    /// This event will never be taken.
    Refused,
    /// No event will be taken any more.
    Disabled,
    /// So far so good, there is another call to make.
    Again,
    /// The receiver can make nothing of this event.
    Skipped,
}

const VERDICTS: [(&str, RuleVerdict); 7] = [
    ("delivered", RuleVerdict::Delivered),
    ("retry", RuleVerdict::Retry),
    ("misconfigured", RuleVerdict::Misconfigured),
    ("refused", RuleVerdict::Refused),
    ("disabled", RuleVerdict::Disabled),
    ("again", RuleVerdict::Again),
    ("skipped", RuleVerdict::Skipped),
];

/// Keys that belong to `[[fetch]]` and `[lookup]` alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Call,
    Fetch,
    Lookup,
}

/// Reads a request that stands at `key` of the file.
pub(super) fn parse(given: &file::Request, key: &str, role: Role) -> Result<Request, PresetError> {
    let foreign = [
        ("name", given.name.is_some() && role != Role::Fetch),
        ("when", given.when.is_some() && role != Role::Fetch),
        ("take", given.take.is_some() && role != Role::Fetch),
        ("found", given.found.is_some() && role != Role::Lookup),
    ];
    if let Some((name, _)) = foreign.iter().find(|(_, is)| *is) {
        return Err(PresetError::at(&format!("{key}.{name}"), "there is no such key here"));
    }
    match given.encoding.as_deref() {
        Some("csv") if key != "request" => {
            return Err(PresetError::at(&format!("{key}.encoding"), "only [request] sends a file"));
        }
        Some("event") if role != Role::Call => {
            return Err(PresetError::at(&format!("{key}.encoding"), "this request asks, and carries no event"));
        }
        _ => {}
    }
    let body = body(given, key)?;
    let path = given.path.iter().enumerate().map(|(at, text)| template(text, &format!("{key}.path[{at}]")));
    Ok(Request {
        method: method(given, &body, key)?,
        path: path.collect::<Result<_, _>>()?,
        query: templates(&given.query, &format!("{key}.query"))?,
        headers: headers(&given.headers, &format!("{key}.headers"))?,
        auth: given.auth.as_ref().map(|given| auth(given, &format!("{key}.auth"))).transpose()?,
        body,
        success: given.success.as_ref().map(|text| expr(text, &format!("{key}.success"))).transpose()?,
        answers: given
            .answer
            .iter()
            .enumerate()
            .map(|(at, given)| rule(given, &format!("{key}.answer[{at}]")))
            .collect::<Result<_, _>>()?,
    })
}

fn method(given: &file::Request, body: &Body, key: &str) -> Result<Method, PresetError> {
    let method = match given.method.as_deref() {
        None | Some("POST") => Method::Post,
        Some("GET") => Method::Get,
        Some("PUT") => Method::Put,
        Some("PATCH") => Method::Patch,
        Some("OPTIONS") => Method::Options,
        Some(_) => return Err(PresetError::at(&format!("{key}.method"), "write GET, POST, PUT, PATCH or OPTIONS")),
    };
    if matches!(method, Method::Get | Method::Options) && !matches!(body, Body::None) {
        return Err(PresetError::at(&format!("{key}.method"), "GET and OPTIONS carry no body"));
    }
    Ok(method)
}

fn body(given: &file::Request, key: &str) -> Result<Body, PresetError> {
    let encoding = given.encoding.as_deref().unwrap_or(if given.body.is_some() { "json" } else { "none" });
    let wrong = |name: &str, what: &str| Err(PresetError::at(&format!("{key}.{name}"), what));
    let body_key = format!("{key}.body");
    if given.columns.is_empty() != (encoding != "csv") {
        return wrong("columns", "columns and encoding = \"csv\" belong together");
    }
    match (encoding, &given.body) {
        ("none", None) => Ok(Body::None),
        ("event", None) => Ok(Body::Event),
        ("csv", None) => {
            let columns = templates(&given.columns, &format!("{key}.columns"))?;
            Ok(Body::Csv { file: given.file.clone().unwrap_or_else(|| "file".to_owned()), columns })
        }
        ("json", Some(tree @ (Value::Table(_) | Value::Array(_)))) => Ok(Body::Json(Tree::parse(tree, &body_key)?)),
        ("form", Some(Value::Table(table))) => Ok(Body::Form(templates(table, &body_key)?)),
        ("json", _) => wrong("body", "an object or a list is expected"),
        ("form", _) => wrong("body", "an object is expected"),
        ("none" | "event" | "csv", Some(_)) => wrong("body", "this encoding takes no body"),
        _ => wrong("encoding", "write json, form, csv, event or none"),
    }
}

fn auth(given: &file::Auth, key: &str) -> Result<Auth, PresetError> {
    match (&given.bearer, &given.user, &given.password) {
        (Some(bearer), None, None) => Ok(Auth::Bearer(template(bearer, key)?)),
        (None, Some(user), password) => {
            let password = password.as_deref().unwrap_or_default();
            Ok(Auth::Basic { user: template(user, key)?, password: template(password, key)? })
        }
        _ => Err(PresetError::at(key, "write { bearer = \"…\" } or { user = \"…\", password = \"…\" }")),
    }
}

fn headers(given: &Table, key: &str) -> Result<Vec<(String, Template)>, PresetError> {
    let token = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if let Some(name) = given.keys().find(|name| !token(name)) {
        return Err(PresetError::at(key, format!("{name:?} is no name of a header")));
    }
    templates(given, key)
}

fn rule(given: &file::Answer, key: &str) -> Result<AnswerRule, PresetError> {
    let verdict = VERDICTS.iter().find(|(name, _)| *name == given.verdict).map(|(_, verdict)| *verdict);
    let verdict = verdict.ok_or_else(|| {
        let names: Vec<&str> = VERDICTS.iter().map(|(name, _)| *name).collect();
        PresetError::at(&format!("{key}.verdict"), format!("write one of {}", names.join(", ")))
    })?;
    let again = verdict == RuleVerdict::Again;
    if again != given.note.is_some() || (again && given.after.is_none()) {
        return Err(PresetError::at(key, "verdict = \"again\" needs after and note, and only it takes a note"));
    }
    Ok(AnswerRule {
        status: given.status.clone(),
        when: given.when.as_ref().map(|text| expr(text, &format!("{key}.when"))).transpose()?,
        verdict,
        doubt: given.doubt,
        after: given.after.as_ref().map(|text| duration(text, &format!("{key}.after"))).transpose()?,
        note: given.note.as_ref().map(|text| template(text, &format!("{key}.note"))).transpose()?,
        why: given.why.as_ref().map(|text| template(text, &format!("{key}.why"))).transpose()?,
    })
}

pub(super) fn duration(text: &str, key: &str) -> Result<Duration, PresetError> {
    clock::parse_duration(text).map_err(|is| PresetError::at(key, format!("{text:?} {is}")))
}

fn template(text: &str, key: &str) -> Result<Template, PresetError> {
    Template::parse(text).map_err(|wrong| PresetError::at(key, wrong))
}

fn templates(table: &Table, key: &str) -> Result<Vec<(String, Template)>, PresetError> {
    let one = |(name, value): (&String, &Value)| {
        let key = format!("{key}.{name}");
        let text = value.as_str().ok_or_else(|| PresetError::at(&key, "a text is expected, in quotes"))?;
        Ok((name.clone(), template(text, &key)?))
    };
    table.iter().map(one).collect()
}
