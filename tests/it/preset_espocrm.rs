//! The preset `espocrm` against a server that behaves as EspoCRM's Lead Capture does, by its documentation and source.

use leadmilter::sinks::{Sink, Verdict};
use serde_json::{Map, Value, json};

use crate::{
    http_server::Call,
    preset_house::{
        KEY, RETRY, Reply, StandIn, deliver, delivered, open, outcome, poor, rich, test, told, with, wordy,
    },
};

/// A Lead Capture record.
#[derive(Clone, Copy)]
struct Record {
    payload_fields: &'static [&'static str],
    required: &'static [&'static str],
    is_active: bool,
}

const ALL: &[&str] = &[
    "firstName",
    "lastName",
    "emailAddress",
    "description",
    "cUtmSource",
    "cUtmMedium",
    "cUtmCampaign",
    "cUtmTerm",
    "cUtmContent",
    "cLeadChannel",
    "cLeadId",
];

const RECORD: Record = Record { payload_fields: ALL, required: &[], is_active: true };

/// Takes the payload fields alone, and says what is wrong in a header.
fn espo(record: Record) -> impl Fn(&Call) -> Reply + Send {
    move |call| {
        let is_known = record.is_active && call.place().ends_with(&format!(" /api/v1/LeadCapture/{KEY}"));
        match call.place().split_once(' ').map(|(method, _)| method) {
            Some("POST" | "OPTIONS") if !is_known => refusal(404, "Form ID is not valid.", ""),
            Some("OPTIONS") => Reply::new(200, "true"),
            Some("POST") => capture(record, call),
            _ => refusal(404, "", ""),
        }
    }
}

fn capture(record: Record, call: &Call) -> Reply {
    let Some(Value::Object(payload)) = call.json() else { return refusal(400, "No data.", "") };
    assert_eq!(call.header("accept"), "application/json");
    let lead: Map<String, Value> =
        payload.into_iter().filter(|(name, _)| record.payload_fields.contains(&name.as_str())).collect();
    if lead.values().all(|value| value.as_str().is_none_or(str::is_empty)) {
        return refusal(400, "empty", "");
    }
    if let Some(field) = record.required.iter().find(|field| !lead.contains_key(**field)) {
        return validation(field, "required");
    }
    for (name, value) in &lead {
        let longest = match name.as_str() {
            "firstName" | "lastName" => 100,
            "description" => usize::MAX,
            _ => 150,
        };
        if value.as_str().is_some_and(|text| !(1..=longest).contains(&text.chars().count())) {
            return validation(name, "maxLength");
        }
    }
    if lead.get("emailAddress").is_some_and(|address| !address.as_str().is_some_and(|text| text.contains('@'))) {
        return validation("emailAddress", "emailAddress");
    }
    Reply::new(200, "true").keeping(Value::Object(lead))
}

fn refusal(status: u16, reason: &str, body: &str) -> Reply {
    Reply::new(status, body).with_header("x-status-reason", reason)
}

fn validation(field: &str, kind: &str) -> Reply {
    let data = json!({ "label": "validationFailure", "scope": null, "data": { "field": field, "type": kind } });
    refusal(400, "validationFailure", &json!({ "messageTranslation": data }).to_string())
}

fn sink(url: &str, key: &str) -> Sink {
    open("espocrm", url, key, &[])
}

#[tokio::test]
async fn a_lead_is_captured_with_its_campaign() {
    let espo = StandIn::start(espo(RECORD)).await;
    assert_eq!(told(deliver(&sink(&espo.url, KEY), &rich()).await), delivered(200));
    let lines = [
        "Subject: Цена на «насосы»\"},{{7*7}}\r\nX: <b>y</b>&key=1",
        "Channel: Яндекс Директ",
        "Written to: info+9gdkczyba0@company.ru",
        "Page: https://company.ru/contacts",
        "First page: https://company.ru/pumps?utm_source=yandex&x=%22",
        "Came from: https://yandex.ru/",
        "Click ids: yclid=12345678901234567890, gclid=Cj0KCQiA-x_y, fbclid=IwAR0abc",
        "Worth: 1500.50 RUB",
        "Lead: 01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b34",
    ];
    let expected = json!({
        "firstName": "=cmd|' /C calc'!A0",
        "lastName": "Петров",
        "emailAddress": "ivan@client.example",
        "description": lines.join("\n"),
        "cUtmSource": "yandex",
        "cUtmMedium": "cpc",
        "cUtmCampaign": "pumps-msk",
        "cUtmTerm": "купить насос",
        "cUtmContent": "ad-17",
        "cLeadChannel": "yandex-direct",
        "cLeadId": "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b34",
    });
    assert_eq!(espo.kept(), [expected]);
}

#[tokio::test]
async fn a_lead_of_nobody_has_a_last_name_all_the_same() {
    let espo = StandIn::start(espo(RECORD)).await;
    assert_eq!(told(deliver(&sink(&espo.url, KEY), &poor()).await), delivered(200));
    let lines = ["Written to: info@company.ru", "Writes again", "Lead: 01939f0e-7c1a-7f62-9d1e-5a0d6a1c2c02"];
    let expected = json!({
        "lastName": "Unknown sender",
        "description": lines.join("\n"),
        "cLeadId": "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2c02",
    });
    assert_eq!(espo.kept(), [expected]);
}

#[tokio::test]
async fn a_name_is_split_at_its_last_word_and_cut() {
    let espo = StandIn::start(espo(RECORD)).await;
    let sink = sink(&espo.url, KEY);
    let long = "Ж".repeat(101);
    let rows = [
        (json!("Анна Мария Петрова"), json!("Анна Мария"), json!("Петрова")),
        (json!("Петрова"), Value::Null, json!("Петрова")),
        (json!(format!("{long} {long}")), json!("Ж".repeat(100)), json!("Ж".repeat(100))),
        (Value::Null, Value::Null, json!("ivan@client.example")),
    ];
    for (name, first, last) in rows {
        assert_eq!(told(deliver(&sink, &with(rich(), "/data/sender/name", name.clone())).await), delivered(200));
        let lead = espo.kept().pop().unwrap();
        assert_eq!((lead["firstName"].clone(), lead["lastName"].clone()), (first, last), "{name}");
    }
}

#[tokio::test]
async fn utm_values_are_cut_to_the_length_of_a_field() {
    let espo = StandIn::start(espo(RECORD)).await;
    assert_eq!(told(deliver(&sink(&espo.url, KEY), &wordy()).await), delivered(200));
    let lead = espo.kept().pop().unwrap();
    for field in ["cUtmSource", "cUtmMedium", "cUtmCampaign", "cUtmTerm", "cUtmContent"] {
        assert_eq!(lead[field], "ы".repeat(150), "{field}");
    }
}

#[tokio::test]
async fn only_payload_fields_arrive() {
    let espo = StandIn::start(espo(Record { payload_fields: &["lastName", "emailAddress"], ..RECORD })).await;
    assert_eq!(told(deliver(&sink(&espo.url, KEY), &rich()).await), delivered(200));
    assert_eq!(espo.kept(), [json!({ "lastName": "Петров", "emailAddress": "ivan@client.example" })]);
}

#[tokio::test]
async fn what_espocrm_does_not_take_says_who_has_to_act() {
    let no_record = "EspoCRM has no active Lead Capture record with this API key";
    let required = "EspoCRM requires what is not sent: emailAddress";
    let strange = with(rich(), "/data/sender/address", "ivan");
    let not_taken = "EspoCRM does not take emailAddress: emailAddress";
    let no_field = "none of the payload fields of the Lead Capture record is sent";
    let rows = [
        (RECORD, "other", rich(), outcome(Verdict::Misconfigured, 404, no_record)),
        (Record { is_active: false, ..RECORD }, KEY, rich(), outcome(Verdict::Misconfigured, 404, no_record)),
        (Record { payload_fields: &["phoneNumber"], ..RECORD }, KEY, rich(), {
            outcome(Verdict::Misconfigured, 400, no_field)
        }),
        (Record { required: &["emailAddress"], ..RECORD }, KEY, poor(), {
            outcome(Verdict::Misconfigured, 400, required)
        }),
        (RECORD, KEY, strange, outcome(Verdict::Refused, 400, not_taken)),
    ];
    for (record, key, lead, expected) in rows {
        let espo = StandIn::start(espo(record)).await;
        assert_eq!(told(deliver(&sink(&espo.url, key), &lead).await), expected);
        assert_eq!(espo.kept(), Vec::<Value>::new());
    }
}

#[tokio::test]
async fn older_versions_say_it_in_the_header_and_a_page_is_no_answer() {
    const REQUIRED: &str = "Field validation failure; entityType: Lead, field: emailAddress, type: required.";
    const VALID: &str = "Field validation failure; entityType: Lead, field: emailAddress, type: valid.";
    let rows: [(fn() -> Reply, _); 4] = [
        (|| refusal(400, REQUIRED, ""), {
            outcome(Verdict::Misconfigured, 400, &format!("EspoCRM requires what is not sent: {REQUIRED}"))
        }),
        (|| refusal(400, VALID, ""), outcome(Verdict::Refused, 400, VALID)),
        (|| Reply::new(400, "<html>"), outcome(Verdict::Misconfigured, 400, "receiver answered 400")),
        (|| Reply::new(200, "<html>"), {
            outcome(Verdict::Misconfigured, 200, "receiver answered 200, but not that it took the event")
        }),
    ];
    for (reply, expected) in rows {
        let server = StandIn::start(move |_| reply()).await;
        assert_eq!(told(deliver(&sink(&server.url, KEY), &rich()).await), expected);
    }
}

#[tokio::test]
async fn an_espocrm_that_fails_is_tried_again() {
    let broken = StandIn::start(|_| refusal(500, "No field list specified.", "")).await;
    let answer = deliver(&sink(&broken.url, KEY), &rich()).await;
    assert!(answer.doubt);
    assert_eq!(told(answer), outcome(RETRY, 500, "receiver answered 500"));
}

#[tokio::test]
async fn the_test_asks_for_the_key_and_captures_nothing() {
    let espo = StandIn::start(espo(RECORD)).await;
    assert_eq!(test(&sink(&espo.url, KEY)).await, Some(delivered(200)));
    let no_record = "EspoCRM has no active Lead Capture record with this API key";
    assert_eq!(test(&sink(&espo.url, "other")).await, Some(outcome(Verdict::Misconfigured, 404, no_record)));
    assert_eq!(espo.kept(), Vec::<Value>::new());

    // A web server that answers in its place.
    let proxy = StandIn::start(|_| Reply::new(204, "")).await;
    let expected = outcome(Verdict::Misconfigured, 204, "receiver answered 204, but not that it took the event");
    assert_eq!(test(&sink(&proxy.url, KEY)).await, Some(expected));
}
