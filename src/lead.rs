//! A lead: one inquiry, as the event's `data` tells it.
//!
//! These types are the wire format of `lead.received` version 1 (schema: `contrib/schema/lead.received.v1.schema.json`)
//! and the only form of a lead in the program. Fields may be added and never change their meaning; a reader ignores
//! fields it does not know. Every text here came from a stranger and is bounded by the functions at the file's foot.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{channel::Pattern, clock::Millis};

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
    /// Tags of the channels, at most 32.
    pub tags: Vec<String>,
    /// Worth, if known.
    pub value: Option<Value>,
    /// The mail server that took the message.
    pub mta: Option<Mta>,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An inquiry: the only kind that is counted.
    Lead,
}

impl Kind {
    /// The name used in events, listings and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lead => "lead",
        }
    }
}

/// New or repeat, decided when the lead is recorded and frozen then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeat {
    /// True for the first inquiry of a series.
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

/// What two inquiries must share to be one person's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The sender's address.
    #[default]
    Sender,
    /// The sender's address and the channel.
    SenderChannel,
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

/// Where the sender came from, frozen when the lead arrives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attribution {
    /// How sure the resolution of the address is.
    pub status: Status,
    /// How sure the attribution of the person is.
    pub confidence: Confidence,
    /// From the visit to the letter; null for a static address.
    pub age_seconds: Option<u64>,
    /// One per substitute written to, in the order of the envelope.
    pub touches: Vec<Touch>,
    /// `utm_source` of the primary touch.
    pub source: Option<String>,
    /// `utm_medium` of the primary touch.
    pub medium: Option<String>,
    /// `utm_campaign` of the primary touch.
    pub campaign: Option<String>,
    /// `utm_term` of the primary touch.
    pub term: Option<String>,
    /// `utm_content` of the primary touch.
    pub content: Option<String>,
    /// The advertising system's id of the campaign.
    pub campaign_id: Option<String>,
    /// First page of the visit.
    pub landing_page: Option<String>,
    /// Page that showed the address.
    pub page: Option<String>,
    /// Referrer of the visit.
    pub referrer: Option<String>,
    /// When the visit began.
    pub visit_at: Option<Millis>,
    /// When the address was made.
    pub issued_at: Option<Millis>,
    /// Click ids of advertising systems.
    pub click_ids: BTreeMap<String, String>,
    /// Client ids of analytics systems.
    pub client_ids: BTreeMap<String, String>,
    /// Consent by purpose.
    pub consent: Option<BTreeMap<String, String>>,
    /// Values of the site's own.
    pub custom: BTreeMap<String, String>,
}

/// What the address turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// A static address of a channel.
    Channel,
}

impl Status {
    /// The name used in events and headers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Channel => "channel",
        }
    }
}

/// How sure the attribution of the person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// The address itself tells.
    Exact,
}

/// One contact of a person with a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touch {
    /// When; for a static address, when the letter came.
    pub at: Millis,
    /// The substitute address.
    pub substitute: Option<String>,
    /// The channel's id.
    pub channel: Option<String>,
    /// `utm_source`.
    pub source: Option<String>,
    /// `utm_medium`.
    pub medium: Option<String>,
    /// `utm_campaign`.
    pub campaign: Option<String>,
    /// `utm_term`.
    pub term: Option<String>,
    /// `utm_content`.
    pub content: Option<String>,
    /// First page of the visit.
    pub landing_page: Option<String>,
    /// Referrer of the visit.
    pub referrer: Option<String>,
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

/// Limits of the schema, in characters.
pub mod limit {
    /// Names, subjects, UTM values.
    pub const TEXT: usize = 1024;
    /// Addresses.
    pub const ADDRESS: usize = 320;
    /// Touches of one lead.
    pub const TOUCHES: usize = 64;
    /// Tags of one lead.
    pub const TAGS: usize = 32;
    /// A tag or a channel id.
    pub const NAME: usize = 64;
    /// The event's `subject`.
    pub const SUBJECT: usize = 255;
}

/// A stranger's text made fit for events: no control characters, runs of blanks made one, at most `max` characters;
/// `None` if nothing is left.
pub fn bounded(text: &str, max: usize) -> Option<String> {
    let mut out = String::with_capacity(text.len().min(max));
    let mut blank = false;
    let mut room = max;
    for char in text.chars() {
        if char.is_whitespace() || char.is_control() {
            blank = !out.is_empty();
            continue;
        }
        let wanted = 1 + usize::from(blank);
        if room < wanted {
            break;
        }
        room -= wanted;
        if std::mem::take(&mut blank) {
            out.push(' ');
        }
        out.push(char);
    }
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bounded_text_is_one_clean_line() {
        let rows = [
            ("Запрос цены", 1024, Some("Запрос цены")),
            ("  two\r\n\tlines \u{0} ", 1024, Some("two lines")),
            ("\u{7f}\u{1b}[31mred", 1024, Some("[31mred")),
            ("абвгд", 3, Some("абв")),
            ("ab cd", 3, Some("ab")),
            (" \r\n ", 10, None),
            ("", 10, None),
        ];
        for (text, max, expected) in rows {
            assert_eq!(bounded(text, max).as_deref(), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn bounded_text_holds_its_bound(text in any::<String>(), max in 0usize..50) {
            if let Some(out) = bounded(&text, max) {
                prop_assert!(out.chars().count() <= max);
                prop_assert!(!out.chars().any(char::is_control));
            }
        }
    }
}
