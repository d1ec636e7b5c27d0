//! The preset `posthog` against a server that behaves as PostHog's documentation and the source of its capture service
//! say.

use leadmilter::sinks::{Sink, Verdict};
use serde_json::{Value, json};

use crate::{
    http_server::Call,
    preset_house::{
        KEY, RETRY, Reply, StandIn, attempt, deliver, delivered, open, outcome, poor, rich, skipped, test, told, with,
    },
};

/// Takes every event whose key has the form of one, and keeps what it can use.
fn posthog(checks_keys: bool) -> impl Fn(&Call) -> Reply + Send {
    move |call| {
        let Some(sent) = call.json() else { return Reply::new(400, "failed to parse request") };
        let is_ours = sent["api_key"] == KEY;
        let ok = json!({ "status": "Ok" });
        match call.place() {
            "POST /i/v0/e/" if sent["api_key"].as_str().is_none_or(str::is_empty) => {
                Reply::new(401, "event submitted without an api_key")
            }
            "POST /i/v0/e/" if checks_keys && !is_ours => Reply::new(401, "API key is not valid: unknown"),
            "POST /i/v0/e/" => {
                let is_text = |name: &str| sent[name].as_str().is_some_and(|text| !text.is_empty());
                let is_uuid = sent["uuid"].as_str().is_some_and(|text| uuid::Uuid::parse_str(text).is_ok());
                match is_ours && is_text("event") && is_text("distinct_id") && is_uuid {
                    true => Reply::new(200, ok).keeping(sent),
                    false => Reply::new(200, ok),
                }
            }
            "POST /flags/" if !is_ours => Reply::new(401, json!({ "type": "authentication_error" })),
            "POST /flags/" => Reply::new(200, json!({ "flags": {}, "errorsWhileComputingFlags": false })),
            _ => Reply::new(404, ""),
        }
    }
}

const NOT_TAKEN: &str = "receiver answered 200, but not that it took the event";

fn sink(url: &str, key: &str) -> Sink {
    open("posthog", url, key, &[])
}

#[tokio::test]
async fn a_lead_is_an_event_without_a_profile() {
    let posthog = StandIn::start(posthog(false)).await;
    assert_eq!(told(deliver(&sink(&posthog.url, KEY), &rich()).await), delivered(200));
    let expected = json!({
        "api_key": KEY,
        "event": "lead_received",
        "distinct_id": "018daf23-89b3-7cf8-a4f1-94064c96df90",
        "uuid": "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b33",
        "timestamp": "2026-11-22T04:26:10.344Z",
        "properties": {
            "$lib": "leadmilter",
            "$process_person_profile": false,
            "$geoip_disable": true,
            "$current_url": "https://company.ru/contacts",
            "$referrer": "https://yandex.ru/",
            "utm_source": "yandex",
            "utm_medium": "cpc",
            "utm_campaign": "pumps-msk",
            "utm_term": "купить насос",
            "utm_content": "ad-17",
            "lead_id": "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b34",
            "channel": "yandex-direct",
            "channel_name": "Яндекс Директ",
            "is_repeat": false,
            "landing_page": "https://company.ru/pumps?utm_source=yandex&x=%22",
            "click_ids": {
                "yclid": "12345678901234567890", "gclid": "Cj0KCQiA-x_y", "fbclid": "IwAR0abc",
            },
            "tags": ["pumps", "b2b"],
            "value": 1500.5,
            "currency": "RUB",
        },
    });
    assert_eq!(posthog.kept(), [expected]);
}

#[tokio::test]
async fn a_lead_of_nobody_is_an_event_of_nobody_else() {
    let posthog = StandIn::start(posthog(false)).await;
    assert_eq!(told(deliver(&sink(&posthog.url, KEY), &poor()).await), delivered(200));
    let expected = json!({
        "api_key": KEY,
        "event": "lead_received",
        "distinct_id": "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2c02",
        "uuid": "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2c01",
        "timestamp": "2026-11-22T05:00:00Z",
        "properties": {
            "$lib": "leadmilter",
            "$process_person_profile": false,
            "$geoip_disable": true,
            "lead_id": "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2c02",
            "is_repeat": true,
        },
    });
    assert_eq!(posthog.kept(), [expected]);
}

#[tokio::test]
async fn a_repeated_call_is_the_same_to_the_last_byte() {
    let posthog = StandIn::start(posthog(false)).await;
    let sink = sink(&posthog.url, KEY);
    deliver(&sink, &rich()).await;
    attempt(&sink, &rich(), true, None).await;
    let kept = posthog.kept();
    assert_eq!((kept.len(), &kept[0]), (2, &kept[1]));
}

#[tokio::test]
async fn posthog_says_yes_to_what_it_drops() {
    let lenient = StandIn::start(posthog(false)).await;
    assert_eq!(told(deliver(&sink(&lenient.url, "wrong"), &rich()).await), delivered(200));
    let strict = StandIn::start(posthog(true)).await;
    let expected = outcome(Verdict::Misconfigured, 401, "PostHog knows no project with this key");
    assert_eq!(told(deliver(&sink(&strict.url, "wrong"), &rich()).await), expected);
    assert_eq!((lenient.kept(), strict.kept()), (vec![], vec![]));
}

#[tokio::test]
async fn other_answers_of_posthog() {
    let quota = json!({ "status": "Ok", "quota_limited": ["events"] }).to_string();
    let over = "the project is over its quota: events thrown away";
    let rows = [
        (200, json!({ "status": 1 }).to_string(), delivered(200)),
        (200, quota, outcome(Verdict::Misconfigured, 200, over)),
        (400, "maximum event size exceeded".to_owned(), outcome(Verdict::Refused, 400, "maximum event size exceeded")),
        // Not PostHog's: a page, or a proxy.
        (200, "<html>".to_owned(), outcome(Verdict::Misconfigured, 200, NOT_TAKEN)),
        (400, "\n<html>".to_owned(), outcome(Verdict::Misconfigured, 400, "receiver answered 400")),
        (413, String::new(), outcome(Verdict::Misconfigured, 413, "receiver answered 413")),
        (429, "rate limited".to_owned(), outcome(RETRY, 429, "receiver answered 429")),
        (503, "transient error, please retry".to_owned(), outcome(RETRY, 503, "receiver answered 503")),
    ];
    for (status, body, expected) in rows {
        let posthog = StandIn::start(move |_| Reply::new(status, &body)).await;
        assert_eq!(told(deliver(&sink(&posthog.url, KEY), &rich()).await), expected);
    }
}

#[tokio::test]
async fn a_visitor_who_refused_is_not_told_of() {
    let posthog = StandIn::start(posthog(false)).await;
    let lead = with(rich(), "/data/attribution/consent/analytics", json!("denied"));
    assert_eq!(told(deliver(&sink(&posthog.url, KEY), &lead).await), skipped("the visitor has refused analytics"));
    assert_eq!(posthog.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn the_test_asks_where_a_wrong_key_shows() {
    let posthog = StandIn::start(posthog(false)).await;
    assert_eq!(test(&sink(&posthog.url, KEY)).await, Some(delivered(200)));
    let expected = outcome(Verdict::Misconfigured, 401, "PostHog knows no project with this key");
    assert_eq!(test(&sink(&posthog.url, "wrong")).await, Some(expected));
    assert_eq!((posthog.asked(), posthog.kept()), (vec!["POST /flags/".to_owned(); 2], Vec::<Value>::new()));
    let page = StandIn::start(|_| Reply::new(200, "<html>")).await;
    assert_eq!(test(&sink(&page.url, KEY)).await, Some(outcome(Verdict::Misconfigured, 200, NOT_TAKEN)));
}
