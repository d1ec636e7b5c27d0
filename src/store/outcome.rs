//! Outcomes as they are brought in and listed.
//!
//! Plain data. The store finds the lead that each is of, and writes those of one import all together or not at all.

use std::sync::Arc;

use serde::Serialize;

use super::{AuditEntry, Commit, Counting, MessageDigest, Subscriber};
use crate::{clock::Millis, outcome::Outcome};

/// Of which lead an outcome is: the first of these that is told decides, but for an external id that nobody knows yet and
/// a sender beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeadRef {
    /// The lead's id.
    pub lead_id: Option<String>,
    /// The Message-ID of the lead's letter, or of a letter in its thread.
    pub message_id: Option<MessageDigest>,
    /// The id under which the outcome's system knows the lead; remembered if one of the others finds the lead.
    pub external_id: Option<String>,
    /// What makes two addresses one sender: the newest lead that counts is meant.
    pub sender_key: Option<String>,
}

/// An outcome on its way into the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOutcome {
    /// Where it stands in what was sent, from 1.
    pub line: u64,
    /// Of which lead it is.
    pub lead: LeadRef,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether nobody said when; then the same told again is no news, whenever that is.
    pub is_undated: bool,
    /// The lead was received before, if it is its sender's.
    pub before: Millis,
}

/// Outcomes of one import.
#[derive(Clone, Debug)]
pub struct NewOutcomes {
    /// The outcomes, in the order in which they count.
    pub outcomes: Vec<NewOutcome>,
    /// How leads are counted, for those that turn out to be spam.
    pub counting: Counting,
    /// The host named in events.
    pub host: String,
    /// Who gets events.
    pub subscribers: Arc<[Subscriber]>,
    /// What the audit log says of it, if anything is new.
    pub noted: AuditEntry,
    /// Whether it is written or only computed.
    pub commit: Commit,
}

/// What came of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OutcomesRecorded {
    /// Outcomes that were not known, or not so.
    pub recorded: u64,
    /// Outcomes that were known already.
    pub unchanged: u64,
}

/// An outcome that cannot be recorded, so that none of its import is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedOutcome {
    /// Where it stands in what was sent.
    pub line: u64,
    /// Why.
    pub detail: String,
}

/// Which outcomes a listing shows; empty fields let everything pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutcomeFilter {
    /// Only of this lead.
    pub lead_id: Option<String>,
    /// Only what this system told.
    pub system: Option<String>,
    /// Only of this status.
    pub status: Option<&'static str>,
    /// At or after.
    pub since: Option<Millis>,
    /// Before.
    pub until: Option<Millis>,
    /// At most so many, newest first.
    pub limit: u32,
}

/// An outcome as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutcomeRow {
    /// The lead's id.
    pub lead_id: String,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// When it was told.
    pub recorded_at: Millis,
}
