//! Lead events as a receiver gets them, and what the events of the company's channels have to be.
//!
//! [`Told::of`] checks what must vary from run to run (ids, moments, queue id) and puts a word in its place; the rest
//! is compared whole with [`expected`], which says the company's config a second time, in the words of events.

use std::sync::LazyLock;

use jiff::Timestamp;
use jsonschema::Validator;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{house::Call, scene::schema_file};

static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let text = std::fs::read_to_string(schema_file()).unwrap();
    let schema = serde_json::from_str(&text).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
});

/// One event.
#[derive(Debug)]
pub struct Told {
    /// Its id, which is the lead's too.
    pub id: String,
    /// When the letter came.
    pub time: String,
    /// Postfix's name for the letter.
    pub queue_id: Option<String>,
    /// As it came.
    pub raw: Value,
    /// With `LEAD`, `TIME`, `RECORDED` and `QUEUE` in the places of what varies.
    pub body: Value,
}

impl Told {
    /// Reads a call whose signature has been checked.
    pub fn of(call: &Call) -> Self {
        let raw: Value = serde_json::from_slice(&call.body).unwrap();
        assert_eq!(faults(&raw), Vec::<String>::new(), "{raw:#}");
        assert_eq!(call.header("content-type"), "application/json");
        let text = |pointer: &str| raw.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let id = text("/id").unwrap();
        assert_eq!(uuid::Uuid::parse_str(&id).unwrap().get_version_num(), 7, "{id}");
        assert_eq!(call.header("webhook-id"), id);
        let (time, recorded) = (text("/time").unwrap(), text("/recordedtime").unwrap());
        let moment = |text: &str| text.parse::<Timestamp>().unwrap();
        assert!(moment(&time) <= moment(&recorded) && moment(&recorded) <= Timestamp::now(), "{time} {recorded}");
        assert!(Timestamp::now().as_second() - moment(&time).as_second() < 300, "{time}");
        let queue_id = text("/data/mta/queue_id");

        let mut body = raw.clone();
        let mut settle = |pointer: &str, from: Option<&str>, to: &str| {
            if let Some(found) = body.pointer_mut(pointer).filter(|found| found.as_str() == from) {
                *found = to.into();
            }
        };
        settle("/id", Some(&id), "LEAD");
        settle("/data/lead_id", Some(&id), "LEAD");
        for pointer in ["/time", "/timestamp", "/data/received_at"] {
            settle(pointer, Some(&time), "TIME");
        }
        for touch in 0..64 {
            settle(&format!("/data/attribution/touches/{touch}/at"), Some(&time), "TIME");
        }
        settle("/recordedtime", Some(&recorded), "RECORDED");
        settle("/data/mta/queue_id", queue_id.as_deref(), "QUEUE");
        Self { id, time, queue_id, raw, body }
    }
}

/// Compares two values whole, and shows only where they differ.
pub fn assert_same(found: &Value, expected: &Value, case: &str) {
    if found != expected {
        let mut differences = Vec::new();
        compare(found, expected, "", &mut differences);
        panic!("{case}:\n{}", differences.join("\n"));
    }
}

fn compare(found: &Value, expected: &Value, at: &str, out: &mut Vec<String>) {
    match (found, expected) {
        (Value::Object(a), Value::Object(b)) => {
            for name in a.keys().chain(b.keys().filter(|name| !a.contains_key(*name))) {
                compare(&found[name], &expected[name], &format!("{at}/{name}"), out);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (one, other)) in a.iter().zip(b).enumerate() {
                compare(one, other, &format!("{at}/{index}"), out);
            }
        }
        _ if found == expected => {}
        _ => out.push(format!("{at}: found {found}, expected {expected}")),
    }
}

/// What the published schema has against an event.
pub fn faults(event: &Value) -> Vec<String> {
    SCHEMA.iter_errors(event).map(|fault| format!("{} {fault}", fault.instance_path())).collect()
}

/// The event of [`letter`] `number` to these substitutes, the first one primary, from a sender who is new.
pub fn expected(sequence: u32, number: u32, substitutes: &[&str]) -> Value {
    let primary = Address::of(substitutes[0]);
    let channel = primary.channel;
    let sender = format!("c{number}@client.example");
    let mut tags: Vec<&str> = Vec::new();
    for tag in substitutes.iter().flat_map(|substitute| Address::of(substitute).channel.tags) {
        if !tags.contains(tag) {
            tags.push(tag);
        }
    }
    let value = |at: usize| Some(channel.utm[at]).filter(|value| !value.is_empty());
    let attribution = json!({
        "status": "channel",
        "confidence": "exact",
        "age_seconds": null,
        "touches": substitutes.iter().map(|substitute| touch(substitute)).collect::<Vec<_>>(),
        "source": value(0), "medium": value(1), "campaign": value(2), "term": value(3), "content": value(4),
        "campaign_id": null, "landing_page": null, "page": null, "referrer": null,
        "visit_at": null, "issued_at": null,
        "click_ids": {}, "client_ids": {}, "consent": null, "custom": {},
    });
    let lead = json!({
            "lead_id": "LEAD",
            "kind": "lead",
            "kind_reason": null,
            "in_thread_of": null,
            "received_at": "TIME",
            "test": false,
            "repeat": {
                "unique": true, "count": 1, "basis": "sender", "window_days": null,
                "first_lead_id": null, "first_received_at": null,
            },
            "sender": {
                "address": sender,
                "name": format!("Client {number}"),
                "domain": "client.example",
                "address_sha256": sha256(&sender),
                "envelope_from": sender,
                "auth": null,
            },
            "recipient": {
                "substitute": substitutes[0], "real": channel.mailbox, "kind": "static",
                "pattern": primary.pattern, "token": null,
            },
            "message": {
                "message_id": format!("<{number}@client.example>"),
                "subject": format!("pumps {number}"),
                "date": "2026-11-02T07:00:00.000Z",
                "size": null,
                "attachments": null,
                "auto_submitted": false,
                "in_reply_to": null,
                "snippet": null,
            },
            "channel": {"id": channel.id, "name": channel.name},
            "attribution": attribution,
            "tags": tags,
            "value": null,
            "mta": {"host": "mx1.company.ru", "queue_id": "QUEUE"},
    });
    json!({
        "specversion": "1.0",
        "id": "LEAD",
        "source": "//mx1.company.ru/leadmilter",
        "type": "lead.received",
        "subject": substitutes[0],
        "time": "TIME",
        "timestamp": "TIME",
        "recordedtime": "RECORDED",
        "sequence": format!("{sequence:020}"),
        "partitionkey": channel.id,
        "datacontenttype": "application/json",
        "dataschema": "urn:leadmilter:schema:lead.received:1",
        "data": lead,
    })
}

/// A letter that tells its number.
pub fn letter(number: u32) -> Vec<u8> {
    format!(
        "From: Client {number} <c{number}@client.example>\nTo: info@company.ru\nSubject: pumps {number}\n\
         Date: Mon, 2 Nov 2026 10:00:00 +0300\nMessage-ID: <{number}@client.example>\n\nWhat do they cost?\n"
    )
    .into_bytes()
}

/// SHA-256 in hexadecimal.
pub fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn touch(substitute: &str) -> Value {
    let channel = Address::of(substitute).channel;
    let value = |at: usize| Some(channel.utm[at]).filter(|value| !value.is_empty());
    json!({
        "at": "TIME", "substitute": substitute, "channel": channel.id,
        "source": value(0), "medium": value(1), "campaign": value(2), "term": value(3), "content": value(4),
        "landing_page": null, "referrer": null,
    })
}

/// A substitute of the company.
struct Address {
    pattern: &'static str,
    channel: &'static Channel,
}

struct Channel {
    id: &'static str,
    name: &'static str,
    mailbox: &'static str,
    utm: [&'static str; 5],
    tags: &'static [&'static str],
}

impl Address {
    fn of(substitute: &str) -> Self {
        let (pattern, channel) = match substitute {
            "info+m11@company.ru" => ("plus", &BILLBOARD),
            "info.m11@company.ru" => ("dot", &BILLBOARD),
            "info-m11@company.ru" => ("minus", &BILLBOARD),
            "m11@promo.company.ru" => ("subdomain", &BILLBOARD),
            "info+yd@company.ru" => ("plus", &DIRECT),
            "yd@leads.company.ru" => ("subdomain", &DIRECT),
            "инфо+реклама@company.ru" => ("exact", &DIRECT),
            "sales+news@company.ru" | "sales+autumn@company.ru" => ("plus", &NEWSLETTER),
            other => panic!("no substitute of the company: {other}"),
        };
        Self { pattern, channel }
    }
}

static BILLBOARD: Channel = Channel {
    id: "billboard-m11",
    name: "Щит на М11",
    mailbox: "info@company.ru",
    utm: ["outdoor", "offline", "м11-весна", "", "щит 3×6"],
    tags: &["offline", "outdoor"],
};

static DIRECT: Channel = Channel {
    id: "yandex-direct",
    name: "Яндекс Директ",
    mailbox: "info@company.ru",
    utm: ["yandex", "cpc", "pumps-msk", "", ""],
    tags: &[],
};

static NEWSLETTER: Channel = Channel {
    id: "newsletter",
    name: "Newsletter",
    mailbox: "sales@company.ru",
    utm: ["newsletter", "email", "autumn", "", ""],
    tags: &["email"],
};

#[test]
fn schema_refuses_what_is_no_event() {
    let mut event = expected(1, 1, &["info+m11@company.ru"]);
    assert_eq!(faults(&event).len(), 7, "words in the places of ids and moments: {:?}", faults(&event));
    for pointer in ["/time", "/timestamp", "/recordedtime", "/data/received_at", "/data/attribution/touches/0/at"] {
        *event.pointer_mut(pointer).unwrap() = "2026-11-22T04:26:10.344Z".into();
    }
    for pointer in ["/id", "/data/lead_id"] {
        *event.pointer_mut(pointer).unwrap() = "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b33".into();
    }
    assert_eq!(faults(&event), Vec::<String>::new());
    for (pointer, wrong) in [("/time", json!("yesterday")), ("/data/kind", json!("love")), ("/sequence", json!("7"))] {
        let mut bad = event.clone();
        *bad.pointer_mut(pointer).unwrap() = wrong;
        assert_eq!(faults(&bad).len(), 1, "{pointer}: {:?}", faults(&bad));
    }
}
