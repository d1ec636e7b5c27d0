//! A lead from envelope, headers and config: everything but what only the store knows.

use std::collections::BTreeMap;

use super::{Arrival, authentication, lead_id, letter::Letter, read::Reading, sha256, tagged};
use crate::{
    address::Address,
    channel::{Pattern, Utm},
    classify::Class,
    clock::Millis,
    config::Config,
    lead::{
        AddressKind, Attribution, ChannelName, Confidence, Kind, Lead, Message, Mta, Recipient, Repeat, Sender, Status,
        Touch, bounded, limit,
    },
    resolve::Substitute,
    tagging,
};

/// The lead of a letter; the first tracked recipient is primary. A letter to a mailbox itself, or to a canary, has no
/// attribution of its own.
pub fn lead(letter: &Letter, reading: &Reading, arrival: &Arrival, class: Class, config: &Config) -> Lead {
    let substitutes = distinct(letter);
    let primary = substitutes.first().copied();
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
        channel: primary.map(|of| ChannelName { id: of.channel.id.clone(), name: of.channel.name.clone() }),
        attribution: attribution(&substitutes, arrival.at),
        tags: tags(&substitutes, letter, reading, arrival, config),
        value: None,
        mta: Some(Mta {
            host: config.hostname.clone(),
            queue_id: arrival.queue_id.as_deref().and_then(|id| bounded(id, limit::TEXT)),
        }),
    }
}

/// Two spellings of one substitute are one touch.
fn distinct(letter: &Letter) -> Vec<&Substitute> {
    let mut out: Vec<&Substitute> = Vec::new();
    for tracked in letter.tracked() {
        if !out.iter().any(|known| known.address == tracked.substitute.address) {
            out.push(&tracked.substitute);
        }
    }
    out
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

fn recipient(primary: Option<&Substitute>, letter: &Letter) -> Recipient {
    match primary.filter(|_| letter.canary().is_none()) {
        Some(of) => Recipient {
            substitute: of.address.as_str().to_owned(),
            real: Some(of.mailbox.address.as_str().to_owned()),
            kind: AddressKind::Static,
            pattern: of.pattern,
            token: None,
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

fn attribution(substitutes: &[&Substitute], at: Millis) -> Attribution {
    let none = Utm::default();
    let utm = substitutes.first().map_or(&none, |of| &of.channel.utm);
    Attribution {
        status: if substitutes.is_empty() { Status::Unknown } else { Status::Channel },
        confidence: if substitutes.is_empty() { Confidence::None } else { Confidence::Exact },
        age_seconds: None,
        touches: substitutes.iter().take(limit::TOUCHES).map(|of| touch(of, at)).collect(),
        source: present(&utm.source),
        medium: present(&utm.medium),
        campaign: present(&utm.campaign),
        term: present(&utm.term),
        content: present(&utm.content),
        campaign_id: None,
        landing_page: None,
        page: None,
        referrer: None,
        visit_at: None,
        issued_at: None,
        click_ids: BTreeMap::new(),
        client_ids: BTreeMap::new(),
        consent: None,
        custom: BTreeMap::new(),
    }
}

fn touch(of: &Substitute, at: Millis) -> Touch {
    let utm = &of.channel.utm;
    Touch {
        at,
        substitute: Some(of.address.as_str().to_owned()),
        channel: Some(of.channel.id.clone()),
        source: present(&utm.source),
        medium: present(&utm.medium),
        campaign: present(&utm.campaign),
        term: present(&utm.term),
        content: present(&utm.content),
        landing_page: None,
        referrer: None,
    }
}

/// Those of the channels, then those of the rules.
fn tags(
    substitutes: &[&Substitute],
    letter: &Letter,
    reading: &Reading,
    arrival: &Arrival,
    config: &Config,
) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut add = |tag: &str| {
        if out.len() < limit::TAGS && !out.iter().any(|known| known == tag) {
            out.push(tag.to_owned());
        }
    };
    substitutes.iter().flat_map(|of| &of.channel.tags).for_each(|tag| add(tag));
    if !config.tags.is_empty() {
        let facts = tagged::facts(letter, reading, author(letter, reading), arrival, config);
        tagging::fired(&config.tags, config.leads.tag_match, &facts).for_each(|rule| add(rule.tag));
    }
    out
}

/// The first address of From:, else the envelope's sender.
pub fn author<'a>(letter: &'a Letter, reading: &'a Reading) -> Option<&'a Address> {
    reading.from.as_ref().or_else(|| letter.sender_address())
}

fn present(value: &str) -> Option<String> {
    bounded(value, limit::TEXT)
}
