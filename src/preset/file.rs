//! The form of a preset file: which keys there are and what type they have.
//!
//! Plain data, read by serde; what the values mean is checked by `request` and by [`super::Preset::parse`].

use serde::Deserialize;
use toml::{Table, Value};

/// A preset file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) title: String,
    pub(super) kind: Option<String>,
    pub(super) url: Option<String>,
    pub(super) secret: Option<String>,
    pub(super) secret_optional: bool,
    pub(super) signed: bool,
    pub(super) events: Option<Vec<String>>,
    pub(super) rate: Option<u32>,
    pub(super) concurrency: Option<usize>,
    pub(super) batch: Option<Batch>,
    pub(super) max_age: Option<String>,
    pub(super) settings: Table,
    pub(super) skip: Vec<Skip>,
    pub(super) fetch: Vec<Request>,
    pub(super) request: Option<Request>,
    pub(super) lookup: Option<Request>,
    pub(super) check: Option<Request>,
    pub(super) test: Option<Request>,
}

/// `[settings.NAME]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Setting {
    pub(super) about: String,
    pub(super) default: Option<String>,
    pub(super) optional: bool,
}

/// `batch = { … }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch {
    pub(super) size: usize,
    pub(super) every: String,
}

/// `[[skip]]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Skip {
    pub(super) when: Option<String>,
    pub(super) unless: Option<String>,
    pub(super) reason: String,
}

/// `[request]`, `[[fetch]]`, `[lookup]`, `[check]` and `[test]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Request {
    pub(super) method: Option<String>,
    pub(super) path: Vec<String>,
    pub(super) query: Table,
    pub(super) headers: Table,
    pub(super) auth: Option<Auth>,
    pub(super) encoding: Option<String>,
    pub(super) body: Option<Value>,
    pub(super) columns: Table,
    pub(super) file: Option<String>,
    pub(super) success: Option<String>,
    pub(super) answer: Vec<Answer>,
    /// Of `[[fetch]]` alone.
    pub(super) name: Option<String>,
    /// Of `[[fetch]]` alone.
    pub(super) when: Option<String>,
    /// Of `[[fetch]]` alone.
    pub(super) take: Option<String>,
    /// Of `[lookup]` alone.
    pub(super) found: Option<String>,
}

/// `auth = { … }`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Auth {
    pub(super) bearer: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
}

/// `[[request.answer]]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Answer {
    pub(super) status: Vec<u16>,
    pub(super) when: Option<String>,
    pub(super) verdict: String,
    pub(super) doubt: Option<bool>,
    pub(super) after: Option<String>,
    pub(super) note: Option<String>,
    pub(super) why: Option<String>,
}
