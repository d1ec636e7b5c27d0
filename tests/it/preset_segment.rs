//! The preset `segment` against servers that behave as Segment, RudderStack and Jitsu do.

use std::{collections::BTreeSet, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use leadmilter::sinks::{Sink, Verdict};
use serde_json::{Value, json};

use crate::{
    http_server::Call,
    preset_house::{
        KEY, RETRY, Reply, StandIn, attempt, deliver, delivered, open, outcome, poor, rich, skipped, test, told, with,
    },
};

/// Takes a call with whatever write key, and each `messageId` once.
fn segment() -> impl FnMut(&Call) -> Reply + Send {
    let mut seen = BTreeSet::new();
    move |call| {
        if call.place() != "POST /v1/track" {
            return Reply::new(404, "");
        }
        let Some(sent) = call.json().filter(|_| call.body.len() <= 32 * 1024) else {
            return Reply::new(400, json!({ "error": { "message": "malformed JSON", "type": "request" } }));
        };
        let success = json!({ "success": true });
        let is_ours = call.header("authorization") == format!("Basic {}", STANDARD.encode(format!("{KEY}:")));
        let has_somebody = sent["anonymousId"].is_string() || sent["userId"].is_string();
        let id = sent["messageId"].as_str().filter(|id| id.len() <= 100).map(str::to_owned);
        let is_event = sent["event"].is_string() && sent["timestamp"].is_string();
        let is_new = id.is_some_and(|id| seen.insert(id));
        match is_ours && has_somebody && is_event && is_new {
            true => Reply::new(200, success).keeping(sent),
            false => Reply::new(200, success),
        }
    }
}

fn sink(url: &str, key: &str, settings: &[(&str, &str)]) -> Sink {
    open("segment", &format!("{url}/v1"), key, settings)
}

#[tokio::test]
async fn a_lead_is_a_track_call_with_campaign_and_traits() {
    let segment = StandIn::start(segment()).await;
    assert_eq!(told(deliver(&sink(&segment.url, KEY, &[("subject", "yes")]), &rich()).await), delivered(200));
    let expected = json!({
        "anonymousId": "b7d4a1f0-2c5e-4c0d-9d3f-5a0d6a1c2b33",
        "event": "Lead Received",
        "messageId": "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b33",
        "timestamp": "2026-11-22T04:26:10.344Z",
        "context": {
            "library": { "name": "leadmilter" },
            "traits": { "email": "ivan@client.example", "name": "=cmd|' /C calc'!A0 Петров" },
            "page": { "url": "https://company.ru/contacts", "referrer": "https://yandex.ru/" },
            "campaign": {
                "source": "yandex", "medium": "cpc", "name": "pumps-msk", "term": "купить насос", "content": "ad-17",
            },
        },
        "properties": {
            "lead_id": "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b34",
            "channel": "yandex-direct",
            "channel_name": "Яндекс Директ",
            "is_repeat": false,
            "subject": "Цена на «насосы»\"},{{7*7}}\r\nX: <b>y</b>&key=1",
            "landing_page": "https://company.ru/pumps?utm_source=yandex&x=%22",
            "click_ids": {
                "yclid": "12345678901234567890", "gclid": "Cj0KCQiA-x_y", "fbclid": "IwAR0abc",
            },
            "tags": ["pumps", "b2b"],
            "value": 1500.5,
            "currency": "RUB",
        },
    });
    assert_eq!(segment.kept(), [expected]);
}

#[tokio::test]
async fn a_lead_of_nobody_is_somebody_new() {
    let segment = StandIn::start(segment()).await;
    assert_eq!(told(deliver(&sink(&segment.url, KEY, &[]), &poor()).await), delivered(200));
    let expected = json!({
        "anonymousId": "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2c02",
        "event": "Lead Received",
        "messageId": "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2c01",
        "timestamp": "2026-11-22T05:00:00Z",
        "context": { "library": { "name": "leadmilter" } },
        "properties": { "lead_id": "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2c02", "is_repeat": true },
    });
    assert_eq!(segment.kept(), [expected]);
}

#[tokio::test]
async fn letters_of_one_person_share_the_hash_of_the_address() {
    let segment = StandIn::start(segment()).await;
    let lead = with(rich(), "/data/attribution/client_ids", json!({}));
    deliver(&sink(&segment.url, KEY, &[]), &lead).await;
    let call = segment.kept().pop().unwrap();
    let hash = "aa95104dbcebc26eef4f014f1ea3c778d0c4a039de3231551ba0f6d07cae9fef";
    assert_eq!((&call["anonymousId"], call["properties"].get("subject")), (&json!(hash), None));
}

#[tokio::test]
async fn a_repeated_call_has_the_same_message_id() {
    let segment = StandIn::start(segment()).await;
    let sink = sink(&segment.url, KEY, &[]);
    for answer in [deliver(&sink, &rich()).await, attempt(&sink, &rich(), true, None).await] {
        assert_eq!(told(answer), delivered(200));
    }
    assert_eq!(segment.kept().len(), 1);
}

#[tokio::test]
async fn segment_says_yes_to_a_wrong_write_key() {
    let segment = StandIn::start(segment()).await;
    assert_eq!(told(deliver(&sink(&segment.url, "wrong", &[]), &rich()).await), delivered(200));
    assert_eq!(segment.kept(), Vec::<Value>::new());
}

#[tokio::test]
async fn a_call_that_is_too_large_is_refused_for_good() {
    let segment = StandIn::start(segment()).await;
    let large = with(rich(), "/data/tags", json!(vec!["x".repeat(1024); 32]));
    let expected = outcome(Verdict::Refused, 400, "malformed JSON");
    assert_eq!(told(deliver(&sink(&segment.url, KEY, &[]), &large).await), expected);
}

#[tokio::test]
async fn a_rate_that_is_too_high_waits_as_long_as_is_asked() {
    let busy = StandIn::start(|_| Reply::new(429, "").with_header("retry-after", "30")).await;
    let expected = Verdict::Retry { floor: Some(Duration::from_secs(30)) };
    let got = told(deliver(&sink(&busy.url, KEY, &[]), &rich()).await);
    assert_eq!(got, outcome(expected, 429, "receiver answered 429"));
}

#[tokio::test]
async fn answers_of_rudderstack_and_jitsu() {
    let rows = [
        (200, "\"OK\"", delivered(200)),
        (200, r#"{"ok":true}"#, delivered(200)),
        (200, r#"{"error":"no destinations found for stream: s1"}"#, {
            outcome(Verdict::Misconfigured, 200, "no destinations found for stream: s1")
        }),
        (401, "Invalid Write Key", outcome(Verdict::Misconfigured, 401, "no source has this write key")),
        (401, r#"{"error":"stream not found"}"#, {
            outcome(Verdict::Misconfigured, 401, "no source has this write key")
        }),
        (400, "Request neither has anonymousId nor userId", {
            outcome(Verdict::Refused, 400, "Request neither has anonymousId nor userId")
        }),
        (413, "Request size exceeds max limit", outcome(Verdict::Refused, 413, "Request size exceeds max limit")),
        // Not theirs: a page, or a proxy.
        (200, "<html>", outcome(Verdict::Misconfigured, 200, "receiver answered 200, but not that it took the event")),
        (400, "\n<html>", outcome(Verdict::Misconfigured, 400, "receiver answered 400")),
        (413, "", outcome(Verdict::Misconfigured, 413, "receiver answered 413")),
        (500, "", outcome(RETRY, 500, "receiver answered 500")),
    ];
    for (status, body, expected) in rows {
        let pipeline = StandIn::start(move |_| Reply::new(status, body)).await;
        assert_eq!(told(deliver(&sink(&pipeline.url, KEY, &[]), &rich()).await), expected, "{body}");
    }
}

#[tokio::test]
async fn a_visitor_who_refused_is_not_told_of() {
    let segment = StandIn::start(segment()).await;
    let lead = with(rich(), "/data/attribution/consent/analytics", json!("denied"));
    let expected = skipped("the visitor has refused analytics");
    assert_eq!(told(deliver(&sink(&segment.url, KEY, &[]), &lead).await), expected);
    assert_eq!(segment.asked(), Vec::<String>::new());
    assert_eq!(test(&sink(&segment.url, KEY, &[])).await, None);
}
