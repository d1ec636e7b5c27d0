//! A lead from envelope, headers and config: everything but what only the store knows.

use super::{
    Arrival, Intake,
    attributed::{self, Shown},
    authentication, lead_id,
    letter::Letter,
    read::Reading,
    sha256, tagged,
};
use crate::{
    address::Address,
    channel::Pattern,
    classify::Class,
    config::Config,
    lead::{AddressKind, Kind, Lead, Message, Mta, Recipient, Repeat, Sender, bounded, limit},
    tagging,
};

/// The lead of a letter; the first tracked recipient is primary. A letter to a mailbox itself, or to a canary, has no
/// attribution of its own.
pub fn lead(letter: &Letter, reading: &Reading, arrival: &Arrival, class: Class, intake: &Intake) -> Lead {
    let config = &intake.config;
    let shown = attributed::shown(letter, intake);
    let primary = shown.first();
    Lead {
        lead_id: lead_id::new(),
        kind: class.kind,
        kind_reason: class.reason,
        in_thread_of: None,
        received_at: arrival.at,
        test: class.kind == Kind::Test,
        repeat: Repeat {
            unique: true,
            count: 1,
            basis: config.leads.unique_by,
            window_days: None,
            first_lead_id: None,
            first_received_at: None,
        },
        sender: sender(letter, reading, config),
        recipient: recipient(primary, letter),
        message: Message {
            message_id: reading.message_id.clone(),
            subject: reading.subject.clone(),
            date: reading.date,
            size: arrival.size,
            attachments: None,
            auto_submitted: reading.auto_submitted,
            in_reply_to: reading.in_reply_to.clone(),
            snippet: None,
        },
        channel: primary.and_then(Shown::channel_name),
        attribution: attributed::attribution(&shown, arrival.at, intake),
        tags: tags(&shown, letter, reading, arrival, config),
        value: None,
        outcome: None,
        mta: Some(Mta {
            host: config.hostname.clone(),
            queue_id: arrival.queue_id.as_deref().and_then(|id| bounded(id, limit::TEXT)),
        }),
    }
}

fn sender(letter: &Letter, reading: &Reading, config: &Config) -> Sender {
    let address = author(letter, reading);
    let envelope = letter.sender.as_deref().map(String::from_utf8_lossy);
    Sender {
        name: reading.from_name.clone(),
        domain: address.map(|address| address.domain().to_owned()),
        address_sha256: address.map(|address| sha256::hex(address.as_str().as_bytes())),
        envelope_from: envelope.map(|sender| bounded(&sender, limit::ADDRESS).unwrap_or_default()),
        auth: authentication::results(&letter.headers, &config.classify.authserv_ids),
        address: address.map(|address| address.as_str().to_owned()),
    }
}

fn recipient(primary: Option<&Shown<'_>>, letter: &Letter) -> Recipient {
    match primary.filter(|_| letter.canary().is_none()) {
        Some(of) => Recipient {
            substitute: of.substitute.address.to_string(),
            real: Some(of.substitute.mailbox.address.to_string()),
            kind: if of.token().is_some() { AddressKind::Dynamic } else { AddressKind::Static },
            pattern: of.substitute.pattern,
            token: of.token().map(|token| token.to_string()),
        },
        None => {
            let mailbox = letter.first_mailbox().map(Address::to_string);
            let canary = letter.canary().map(Address::to_string);
            Recipient {
                substitute: canary.or_else(|| mailbox.clone()).unwrap_or_default(),
                real: mailbox,
                kind: AddressKind::Unknown,
                pattern: Pattern::Exact,
                token: None,
            }
        }
    }
}

/// Those of the channels, then those of the rules.
fn tags(shown: &[Shown<'_>], letter: &Letter, reading: &Reading, arrival: &Arrival, config: &Config) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut add = |tag: &str| {
        if out.len() < limit::TAGS && !out.iter().any(|known| known == tag) {
            out.push(tag.to_owned());
        }
    };
    shown.iter().flat_map(Shown::tags).for_each(|tag| add(tag));
    if !config.tags.is_empty() {
        let facts = tagged::facts(letter, shown, reading, arrival, config);
        tagging::fired(&config.tags, config.leads.tag_match, &facts).for_each(|rule| add(rule.tag));
    }
    out
}

/// The first address of From:, else the envelope's sender.
pub fn author<'a>(letter: &'a Letter, reading: &'a Reading) -> Option<&'a Address> {
    reading.from.as_ref().or_else(|| letter.sender_address())
}
