//! A lead: one inquiry, as the event's `data` tells it.
//!
//! These types are the wire format of `lead.received` version 1 (schema: `contrib/schema/lead.received.v1.schema.json`)
//! and the only form of a lead in the program. Fields may be added and never change their meaning; a reader ignores
//! fields it does not know. Every text here came from a stranger and is bounded by [`bounded`].

mod attribution;
mod bounds;
mod kind;

use std::collections::BTreeMap;

pub use crate::text::bounded;
pub use attribution::{Attribution, Confidence, Status, Touch};
pub use bounds::limit;
pub use kind::Kind;
use serde::{Deserialize, Serialize};

use crate::{channel::Pattern, clock::Millis, outcome::Outcome};

/// One inquiry: one message from one sender to one or more substitute addresses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    /// Stable id, UUID version 7.
    pub lead_id: String,
    /// What the message is.
    pub kind: Kind,
    /// Why it is of that kind.
    pub kind_reason: Option<String>,
    /// The lead that this letter answers, if any.
    pub in_thread_of: Option<String>,
    /// When the message was accepted.
    pub received_at: Millis,
    /// Whether the lead was made by a test.
    pub test: bool,
    /// Whether the sender is new.
    pub repeat: Repeat,
    /// Who wrote.
    pub sender: Sender,
    /// The address written to.
    pub recipient: Recipient,
    /// The message.
    pub message: Message,
    /// The channel of the primary substitute.
    pub channel: Option<ChannelName>,
    /// Where the sender came from.
    pub attribution: Attribution,
    /// Tags of the channels, then of the rules that fit, at most 32.
    pub tags: Vec<String>,
    /// Worth, if known: in an event about an outcome, what that one is worth.
    pub value: Option<Value>,
    /// What became of it, in an event that tells this.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub outcome: Option<Outcome>,
    /// The mail server that took the message.
    pub mta: Option<Mta>,
}

/// New or repeat, decided when the lead is recorded; only a correction by hand changes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeat {
    /// True for the first inquiry of a series. False and no `first_lead_id` where the letter does not count.
    pub unique: bool,
    /// Place in the series, from 1. A series ends when the window passes without an inquiry.
    pub count: u32,
    /// What makes two inquiries one series.
    pub basis: Basis,
    /// The window in days, rounded up; null for ever.
    pub window_days: Option<u32>,
    /// First lead of the series; null when it is this one.
    pub first_lead_id: Option<String>,
    /// When the first lead of the series was received; null when it is this one.
    pub first_received_at: Option<Millis>,
}

impl Repeat {
    /// Whether the lead is part of a series: a letter that does not count is neither new nor repeat.
    pub fn counts(&self) -> bool {
        self.unique || self.first_lead_id.is_some()
    }
}

/// What two inquiries must share to be one person's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The sender's address.
    #[default]
    Sender,
    /// The sender's address and the channel.
    SenderChannel,
    /// The visitor that a dynamic address names; the sender's address where none does.
    Visitor,
}

/// Who wrote: the first From: address, or the envelope sender where From: names nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The address, folded; null where none is known or the config keeps it inside.
    pub address: Option<String>,
    /// Display name, decoded.
    pub name: Option<String>,
    /// Domain of the address.
    pub domain: Option<String>,
    /// SHA-256 of the folded address, hexadecimal.
    pub address_sha256: Option<String>,
    /// MAIL FROM; empty for the null sender.
    pub envelope_from: Option<String>,
    /// Results of authentication; null where nobody checked.
    pub auth: Option<BTreeMap<String, String>>,
}

/// The address written to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The substitute address, folded.
    pub substitute: String,
    /// The mailbox that it stands for.
    pub real: Option<String>,
    /// Whether a channel or a visit owns it.
    pub kind: AddressKind,
    /// How it differs from the mailbox.
    pub pattern: Pattern,
    /// The token of a dynamic address.
    pub token: Option<String>,
}

/// Who owns a substitute address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressKind {
    /// A channel lists it.
    Static,
    /// It was issued to a visit.
    Dynamic,
    /// Nobody: it is the mailbox itself.
    Unknown,
}

/// What is known of the message from its headers; the body is never read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Message-ID with its angle brackets.
    pub message_id: Option<String>,
    /// Subject, decoded.
    pub subject: Option<String>,
    /// The Date: header.
    pub date: Option<Millis>,
    /// Octets, as the client declared them; null if it did not.
    pub size: Option<u64>,
    /// Number of attachments; null where the body was not seen.
    pub attachments: Option<u32>,
    /// Whether Auto-Submitted says that no person wrote it (RFC 3834).
    pub auto_submitted: bool,
    /// In-Reply-To with its angle brackets.
    pub in_reply_to: Option<String>,
    /// Always null: bodies never leave.
    pub snippet: Option<String>,
}

/// A channel as events name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelName {
    /// Stable id.
    pub id: String,
    /// Name for people.
    pub name: String,
}

/// What a lead is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value {
    /// Decimal, as text.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
}

/// The mail server that took the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mta {
    /// Host name.
    pub host: String,
    /// Queue id, if the server told it.
    pub queue_id: Option<String>,
}
