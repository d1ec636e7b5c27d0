//! The preset `ga4` against a server that behaves as Google's documentation of the Measurement Protocol says.

use leadmilter::{
    clock::Millis,
    sinks::{Sink, Verdict},
};
use serde_json::{Map, Value, json};

use crate::{
    http_server::Call,
    preset_house::{
        KEY, RETRY, Reply, StandIn, aged, deliver, delivered, open, outcome, poor, received_at, rich, skipped, test,
        told, value, with,
    },
};

const STREAM: &str = "G-ABCDEF1234";
const HOUR: i64 = 60 * 60;

/// Collects what it can make sense of and answers 204 to everything; tells what is wrong at `/debug` alone.
fn google(call: &Call) -> Reply {
    let query = call.query();
    match call.place() {
        "POST /mp/collect" => {
            let is_ours = (value(&query, "api_secret"), value(&query, "measurement_id")) == (KEY, STREAM);
            match call.json() {
                Some(body) if is_ours && faults(&body).is_empty() => Reply::new(204, "").keeping(body),
                _ => Reply::new(204, ""),
            }
        }
        "POST /debug/mp/collect" => {
            let mut messages =
                call.json().map_or_else(|| vec![fault("", "VALUE_INVALID", "no JSON")], |it| faults(&it));
            if value(&query, "measurement_id").is_empty() {
                messages.push(fault("measurement_id", "VALUE_REQUIRED", "no stream"));
            }
            Reply::new(200, json!({ "validationMessages": messages }))
        }
        _ => Reply::new(404, ""),
    }
}

fn fault(field: &str, code: &str, description: &str) -> Value {
    json!({ "fieldPath": field, "validationCode": code, "description": description })
}

/// The documented limits.
fn faults(body: &Value) -> Vec<Value> {
    let mut faults = Vec::new();
    let known = ["client_id", "user_id", "timestamp_micros", "consent", "events", "validation_behavior"];
    for name in body.as_object().unwrap().keys().filter(|name| !known.contains(&name.as_str())) {
        faults.push(fault(name, "VALUE_INVALID", "unknown"));
    }
    if body["client_id"].as_str().is_none_or(str::is_empty) {
        faults.push(fault("client_id", "VALUE_REQUIRED", "no client"));
    }
    if let Some(micros) = body.get("timestamp_micros") {
        let age = Millis::now().0 - micros.as_i64().unwrap_or_default() / 1000;
        if !(0..=72 * 3_600_000).contains(&age) {
            faults.push(fault("timestamp_micros", "VALUE_INVALID", "more than 72 hours ago, or to come"));
        }
    }
    for (purpose, state) in body["consent"].as_object().unwrap_or(&Map::new()) {
        if !["ad_user_data", "ad_personalization"].contains(&purpose.as_str()) || !is_state(state) {
            faults.push(fault("consent", "VALUE_INVALID", purpose));
        }
    }
    let events = body["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    if events.is_empty() || events.len() > 25 {
        faults.push(fault("events", "EXCEEDED_MAX_ENTITIES", "1 to 25 events"));
    }
    events.iter().for_each(|event| faults.extend(faults_of_event(event)));
    faults
}

fn is_state(state: &Value) -> bool {
    ["GRANTED", "DENIED"].iter().any(|known| state == known)
}

fn is_name(name: &str) -> bool {
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic());
    starts_well && name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn faults_of_event(event: &Value) -> Vec<Value> {
    let mut faults = Vec::new();
    if !event["name"].as_str().is_some_and(is_name) {
        faults.push(fault("events", "NAME_INVALID", "name of the event"));
    }
    let none = Map::new();
    let params = event["params"].as_object().unwrap_or(&none);
    if params.len() > 25 {
        faults.push(fault("events.params", "EXCEEDED_MAX_ENTITIES", "25 parameters"));
    }
    for (name, value) in params {
        if !is_name(name) {
            faults.push(fault("events.params", "NAME_INVALID", name));
        }
        let is_short = value.as_str().is_none_or(|text| text.chars().count() <= 100);
        if !is_short || !(value.is_string() || value.is_number()) {
            faults.push(fault("events.params", "VALUE_OUT_OF_BOUNDS", name));
        }
    }
    if params.contains_key("value") && !(params["value"].is_number() && params.contains_key("currency")) {
        faults.push(fault("events.params.value", "VALUE_REQUIRED", "a number, and its currency"));
    }
    if params.get("session_id").is_some_and(|id| id.as_str().is_none_or(|id| id.parse::<u64>().is_err())) {
        faults.push(fault("events.params.session_id", "VALUE_INVALID", "digits"));
    }
    faults
}

fn sink(url: &str, secret: &str) -> Sink {
    open("ga4", url, secret, &[("measurement_id", STREAM)])
}

fn micros(event: &Value) -> i64 {
    received_at(event).0 * 1000
}

#[tokio::test]
async fn a_lead_with_a_client_id_is_a_generate_lead_event() {
    let google = StandIn::start(google).await;
    let lead = aged(rich(), HOUR);
    assert_eq!(told(deliver(&sink(&google.url, KEY), &lead).await), delivered(204));
    let expected = json!({
        "client_id": "1166061800.1763744531",
        "timestamp_micros": micros(&lead),
        "consent": { "ad_user_data": "DENIED", "ad_personalization": "DENIED" },
        "events": [{
            "name": "generate_lead",
            "params": {
                "session_id": "1763744531",
                "engagement_time_msec": 1,
                "currency": "RUB",
                "value": 1500.5,
                "lead_source": "email",
                "lead_id": "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b34",
                "channel": "yandex-direct",
                "is_repeat": "false",
            },
        }],
    });
    assert_eq!(google.kept(), [expected]);
}

#[tokio::test]
async fn what_a_lead_does_not_have_is_left_out() {
    let google = StandIn::start(google).await;
    let lead = with(aged(poor(), HOUR), "/data/attribution/client_ids", json!({ "ga": "9007199254740993.1" }));
    assert_eq!(told(deliver(&sink(&google.url, KEY), &lead).await), delivered(204));
    let params = json!({
        "engagement_time_msec": 1, "lead_source": "email", "lead_id": "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2c02",
        "is_repeat": "true",
    });
    let expected = json!({
        "client_id": "9007199254740993.1", "timestamp_micros": micros(&lead),
        "events": [{ "name": "generate_lead", "params": params }],
    });
    assert_eq!(google.kept(), [expected]);
}

#[tokio::test]
async fn a_session_that_is_no_number_does_not_cost_the_lead() {
    let google = StandIn::start(google).await;
    let lead = with(aged(rich(), HOUR), "/data/attribution/client_ids/ga_session", "GS2.1.s1763744531$o1");
    assert_eq!(told(deliver(&sink(&google.url, KEY), &lead).await), delivered(204));
    let kept = google.kept();
    assert_eq!((kept.len(), kept[0]["events"][0]["params"].get("session_id")), (1, None));
}

#[tokio::test]
async fn no_value_is_longer_than_google_takes() {
    let google = StandIn::start(google).await;
    let lead = with(aged(rich(), HOUR), "/data/channel/id", json!("ж".repeat(200)));
    deliver(&sink(&google.url, KEY), &lead).await;
    assert_eq!(google.kept()[0]["events"][0]["params"]["channel"], "ж".repeat(100));
}

#[tokio::test]
async fn leads_that_analytics_cannot_use_are_not_sent() {
    let google = StandIn::start(google).await;
    let sink = sink(&google.url, KEY);
    let refused = with(aged(rich(), HOUR), "/data/attribution/consent/analytics", json!("denied"));
    let rows = [
        (aged(poor(), HOUR), skipped("no client id of Google Analytics")),
        (refused, skipped("the visitor has refused analytics")),
    ];
    for (lead, expected) in rows {
        assert_eq!(told(deliver(&sink, &lead).await), expected);
    }
    let old = deliver(&sink, &aged(rich(), 73 * HOUR)).await;
    assert!(matches!(&old.verdict, Verdict::Skipped { reason } if reason.contains("72")), "{old:?}");
    assert_eq!(google.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn google_says_yes_to_a_wrong_secret() {
    let google = StandIn::start(google).await;
    assert_eq!(told(deliver(&sink(&google.url, "wrong"), &aged(rich(), HOUR)).await), delivered(204));
    assert_eq!(google.kept(), Vec::<Value>::new());
}

#[tokio::test]
async fn a_server_that_is_down_is_tried_again() {
    let down = StandIn::start(|_| Reply::new(503, "")).await;
    let got = told(deliver(&sink(&down.url, KEY), &aged(rich(), HOUR)).await);
    assert_eq!(got, outcome(RETRY, 503, "receiver answered 503"));
}

#[tokio::test]
async fn the_test_asks_the_server_that_tells() {
    let google = StandIn::start(google).await;
    assert_eq!(test(&sink(&google.url, KEY)).await, Some(delivered(200)));
    assert_eq!(google.asked(), ["POST /debug/mp/collect"]);
    assert_eq!(google.kept(), Vec::<Value>::new());

    let strict = StandIn::start(|_| {
        Reply::new(200, json!({ "validationMessages": [fault("events", "NAME_INVALID", "no such name")] }))
    })
    .await;
    let expected = outcome(Verdict::Misconfigured, 200, "no such name");
    assert_eq!(test(&sink(&strict.url, KEY)).await, Some(expected));
}

#[test]
fn the_server_of_these_tests_finds_what_the_documentation_lists() {
    let event =
        |name: &str, params: Value| json!({ "client_id": "1.1", "events": [{ "name": name, "params": params }] });
    let many: Map<String, Value> = (0..26).map(|n| (format!("p{n}"), json!(n))).collect();
    let rows = [
        (event("generate_lead", json!({})), None),
        (event("_lead", json!({})), Some("NAME_INVALID")),
        (event(&"a".repeat(41), json!({})), Some("NAME_INVALID")),
        (event("a", json!({ "b": "x".repeat(101) })), Some("VALUE_OUT_OF_BOUNDS")),
        (event("a", Value::Object(many)), Some("EXCEEDED_MAX_ENTITIES")),
        (event("a", json!({ "value": 1 })), Some("VALUE_REQUIRED")),
        (json!({ "client_id": "1.1", "events": [] }), Some("EXCEEDED_MAX_ENTITIES")),
        (json!({ "events": [{ "name": "a" }] }), Some("VALUE_REQUIRED")),
        (json!({ "client_id": "1.1", "timestamp_micros": 1, "events": [{ "name": "a" }] }), Some("VALUE_INVALID")),
    ];
    for (body, expected) in rows {
        let codes: Vec<Value> = faults(&body).into_iter().map(|fault| fault["validationCode"].clone()).collect();
        assert_eq!(codes, expected.map(Value::from).into_iter().collect::<Vec<_>>(), "{body}");
    }
}
