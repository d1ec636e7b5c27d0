//! The audit log: who saw and changed what.
//!
//! Plain data. Entries are only ever added; the retention of personal data takes old ones away.

use serde::Serialize;

use crate::clock::Millis;

/// One thing that somebody did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// When.
    pub at: Millis,
    /// Who: `person:NAME`, `token:ID`, `cli:USER`, `webhook` or `daemon`.
    pub who: String,
    /// What they did: a thing and a verb in the past, `lead.viewed`.
    pub did: String,
    /// To what: an id, a name, a file.
    pub what: String,
    /// What else there is to say, on one line.
    pub details: Option<String>,
}

/// An entry and its place in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Audited {
    /// Its number, which grows.
    pub id: i64,
    /// The entry.
    #[serde(flatten)]
    pub entry: AuditEntry,
}

/// Which entries a listing shows; empty fields let everything pass.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only what they did, as `who` of the entry has it.
    pub who: Option<String>,
    /// Only this.
    pub did: Option<String>,
    /// At or after.
    pub since: Option<Millis>,
    /// Before.
    pub until: Option<Millis>,
    /// Only entries before this number: the next page of a listing.
    pub before: Option<i64>,
    /// At most so many, newest first.
    pub limit: u32,
}
