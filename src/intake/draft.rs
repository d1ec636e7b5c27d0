//! A lead from envelope, headers and config: everything but what only the store knows.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Arrival, letter::Letter, read::Reading};
use crate::{
    address::Address,
    channel::Utm,
    clock::Millis,
    config::Config,
    lead::{
        AddressKind, Attribution, ChannelName, Confidence, Kind, Lead, Message, Mta, Recipient, Repeat, Sender, Status,
        Touch, bounded, limit,
    },
    resolve::Substitute,
};

/// The lead of a letter with at least one tracked recipient; the first of them is primary.
pub fn lead(letter: &Letter, reading: &Reading, arrival: &Arrival, config: &Config) -> Lead {
    let substitutes = distinct(letter);
    let primary = substitutes.first().copied();
    Lead {
        lead_id: Uuid::now_v7().to_string(),
        kind: Kind::Lead,
        kind_reason: None,
        in_thread_of: None,
        received_at: arrival.at,
        test: false,
        repeat: Repeat {
            unique: true,
            count: 1,
            basis: config.leads.unique_by,
            window_days: None,
            first_lead_id: None,
            first_received_at: None,
        },
        sender: sender(letter, reading),
        recipient: recipient(primary),
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
        tags: tags(&substitutes),
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

fn sender(letter: &Letter, reading: &Reading) -> Sender {
    let envelope = Address::from_path(&letter.sender);
    let address = reading.from.clone().or(envelope);
    Sender {
        name: reading.from_name.clone(),
        domain: address.as_ref().map(|address| address.domain().to_owned()),
        address_sha256: address.as_ref().map(|address| hex(&Sha256::digest(address.as_str()))),
        envelope_from: Some(bounded(&String::from_utf8_lossy(&letter.sender), limit::ADDRESS).unwrap_or_default()),
        auth: None,
        address: address.map(|address| address.to_string()),
    }
}

fn recipient(primary: Option<&Substitute>) -> Recipient {
    Recipient {
        substitute: primary.map(|of| of.address.to_string()).unwrap_or_default(),
        real: primary.map(|of| of.mailbox.address.to_string()),
        kind: AddressKind::Static,
        pattern: primary.map_or(crate::channel::Pattern::Exact, |of| of.pattern),
        token: None,
    }
}

fn attribution(substitutes: &[&Substitute], at: Millis) -> Attribution {
    let none = Utm::default();
    let utm = substitutes.first().map_or(&none, |of| &of.channel.utm);
    Attribution {
        status: Status::Channel,
        confidence: Confidence::Exact,
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
        substitute: Some(of.address.to_string()),
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

fn tags(substitutes: &[&Substitute]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for tag in substitutes.iter().flat_map(|of| &of.channel.tags) {
        if out.len() < limit::TAGS && !out.contains(tag) {
            out.push(tag.clone());
        }
    }
    out
}

fn present(value: &str) -> Option<String> {
    bounded(value, limit::TEXT)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
