//! The preset `matomo` against a server that behaves as Matomo's bulk tracking does, by its documentation and source.

use std::collections::BTreeSet;

use leadmilter::{
    clock::Millis,
    sinks::{Sink, Verdict},
};
use serde_json::{Map, Value, json};

use crate::{
    http_server::Call,
    preset_house::{
        KEY, RETRY, Reply, StandIn, aged, attempt, deliver, delivered, open, outcome, pairs, poor, rich, skipped, test,
        told, with,
    },
};

const SITE: &str = "3";
const GOAL: &str = "7";
const A_DAY: i64 = 24 * 60 * 60;

/// Knows one website with one goal, which counts once in a visit.
fn matomo() -> impl FnMut(&Call) -> Reply + Send {
    let mut conversions = BTreeSet::new();
    move |call| match call.place() {
        "POST /matomo.php" => track(&mut conversions, call),
        "POST /index.php" => website(call),
        _ => Reply::new(404, ""),
    }
}

fn track(conversions: &mut BTreeSet<(String, i64)>, call: &Call) -> Reply {
    let body = call.json().unwrap();
    let (Some(token), Some([request])) = (body["token_auth"].as_str(), body["requests"].as_array().map(Vec::as_slice))
    else {
        return Reply::new(400, "This resource is part of Matomo.");
    };
    let request = request.as_object().unwrap();
    assert!(request.values().all(Value::is_string), "{request:?}");
    if !is_valid(request, token) {
        return Reply::new(200, json!({ "status": "success", "tracked": 0, "invalid": 1 }));
    }
    let tracked = json!({ "status": "success", "tracked": 1, "invalid": 0 });
    let visit = (request["cid"].as_str().unwrap().to_owned(), number(&request["cdt"]) / 1800);
    if request.contains_key("idgoal") && !conversions.insert(visit) {
        return Reply::new(200, tracked);
    }
    Reply::new(200, tracked).keeping(Value::Object(request.clone()))
}

fn is_valid(request: &Map<String, Value>, token: &str) -> bool {
    let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
    let age = Millis::now().seconds() - number(&request["cdt"]);
    let is_event = !text("e_c").is_empty() && !text("e_a").is_empty() && text("ca") == "1";
    let cid = text("cid");
    (text("idsite"), text("rec")) == (SITE, "1")
        && cid.len() == 16
        && cid.bytes().all(|byte| byte.is_ascii_hexdigit())
        && (token == KEY || age < A_DAY)
        && (text("idgoal") == GOAL) != is_event
        && ["e_v", "revenue"]
            .iter()
            .all(|name| request.get(*name).is_none_or(|value| value.as_str().unwrap().parse::<f64>().is_ok()))
}

fn number(value: &Value) -> i64 {
    value.as_str().unwrap().parse().unwrap()
}

/// The reporting API says errors with 200.
fn website(call: &Call) -> Reply {
    let query = [("module", "API"), ("method", "SitesManager.getSiteFromId"), ("idSite", SITE), ("format", "json")];
    assert_eq!(call.query(), pairs(&query));
    if call.form() == pairs(&[("token_auth", KEY)]) {
        return Reply::new(200, json!({ "idsite": SITE, "name": "company.ru" }));
    }
    Reply::new(200, json!({ "result": "error", "message": "Unable to authenticate with the provided token." }))
}

fn sink(url: &str, token: &str, settings: &[(&str, &str)]) -> Sink {
    open("matomo", url, token, settings)
}

const EVENTS: &[(&str, &str)] = &[("site", SITE)];
const GOALS: &[(&str, &str)] = &[("site", SITE), ("goal", GOAL)];

#[tokio::test]
async fn a_lead_of_a_visitor_is_a_conversion_of_theirs() {
    let matomo = StandIn::start(matomo()).await;
    assert_eq!(told(deliver(&sink(&matomo.url, KEY, GOALS), &rich()).await), delivered(200));
    let expected = json!({
        "idsite": "3",
        "rec": "1",
        "apiv": "1",
        "cid": "c6f4c5f2f2b6a4ad",
        "cdt": "1795321570",
        "url": "https://company.ru/pumps?utm_source=yandex&x=%22",
        "urlref": "https://yandex.ru/",
        "_rcn": "pumps-msk",
        "_rck": "купить насос",
        "idgoal": "7",
        "revenue": "1500.50",
        "bots": "1",
    });
    assert_eq!(matomo.kept(), [expected]);
}

#[tokio::test]
async fn without_a_goal_it_is_an_event() {
    let matomo = StandIn::start(matomo()).await;
    let sink = sink(&matomo.url, KEY, EVENTS);
    deliver(&sink, &rich()).await;
    deliver(&sink, &poor()).await;
    let rich = json!({
        "idsite": "3", "rec": "1", "apiv": "1", "cid": "c6f4c5f2f2b6a4ad", "cdt": "1795321570",
        "url": "https://company.ru/pumps?utm_source=yandex&x=%22", "urlref": "https://yandex.ru/", "_rcn": "pumps-msk",
        "_rck": "купить насос", "ca": "1", "e_c": "lead", "e_a": "email", "e_n": "yandex-direct", "e_v": "1500.50",
        "bots": "1",
    });
    let poor = json!({
        "idsite": "3", "rec": "1", "apiv": "1", "cid": "9ba2320099b81b35", "cdt": "1795323600", "ca": "1",
        "e_c": "lead", "e_a": "email", "bots": "1",
    });
    assert_eq!(matomo.kept(), [rich, poor]);
}

#[tokio::test]
async fn a_lead_told_twice_is_one_conversion_and_two_leads_are_two() {
    let matomo = StandIn::start(matomo()).await;
    let sink = sink(&matomo.url, KEY, GOALS);
    let other = with(poor(), "/data/lead_id", json!("01939f0e-0000-7000-8000-000000000002"));
    for answer in
        [deliver(&sink, &poor()).await, attempt(&sink, &poor(), true, None).await, deliver(&sink, &other).await]
    {
        assert_eq!(told(answer), delivered(200));
    }
    assert_eq!(matomo.kept().len(), 2);
}

#[tokio::test]
async fn an_id_that_is_none_does_not_cost_the_lead() {
    let matomo = StandIn::start(matomo()).await;
    let sink = sink(&matomo.url, KEY, EVENTS);
    for id in ["c6f4", "c6f4c5f2f2b6a4aж", "; DROP TABLE log_"] {
        let lead = with(rich(), "/data/attribution/client_ids/matomo", id);
        assert_eq!(told(deliver(&sink, &lead).await), delivered(200), "{id}");
    }
    let ids: Vec<Value> = matomo.kept().iter().map(|request| request["cid"].clone()).collect();
    assert_eq!(ids, ["d905937c2b147325"; 3]);
}

#[tokio::test]
async fn matomo_says_success_and_means_that_nothing_was_recorded() {
    let why =
        "Matomo did not record it: no such website, or older than a day and the token may not write to the website";
    let matomo = StandIn::start(matomo()).await;
    let rows = [
        (aged(rich(), A_DAY), "wrong", SITE, outcome(Verdict::Misconfigured, 200, why)),
        (rich(), KEY, "4", outcome(Verdict::Misconfigured, 200, why)),
        (aged(rich(), 60), "wrong", SITE, delivered(200)),
    ];
    for (lead, token, site, expected) in rows {
        assert_eq!(told(deliver(&sink(&matomo.url, token, &[("site", site)]), &lead).await), expected);
    }
    let busy = StandIn::start(|_| Reply::new(200, json!({ "status": "success", "tracked": 0, "invalid": 0 }))).await;
    let expected = outcome(RETRY, 200, "Matomo took the call and recorded nothing");
    assert_eq!(told(deliver(&sink(&busy.url, KEY, EVENTS), &rich()).await), expected);
}

#[tokio::test]
async fn other_answers_of_matomo() {
    let error = json!({ "status": "error", "tracked": 0, "invalid": 0 });
    let rows = [
        (200, "GIF89a".to_owned(), delivered(200)),
        (204, String::new(), delivered(204)),
        (200, "\n<!DOCTYPE html>".to_owned(), {
            outcome(Verdict::Misconfigured, 200, "receiver answered 200, but not that it took the event")
        }),
        (400, "This resource is part of Matomo.".to_owned(), {
            outcome(Verdict::Misconfigured, 400, "this is no Matomo with bulk tracking")
        }),
        (500, error.to_string(), outcome(RETRY, 500, "receiver answered 500")),
        (503, String::new(), outcome(RETRY, 503, "receiver answered 503")),
    ];
    for (status, body, expected) in rows {
        let matomo = StandIn::start(move |_| Reply::new(status, &body)).await;
        assert_eq!(told(deliver(&sink(&matomo.url, KEY, EVENTS), &rich()).await), expected);
    }
}

#[tokio::test]
async fn a_visitor_who_refused_is_not_told_of() {
    let matomo = StandIn::start(matomo()).await;
    let lead = with(rich(), "/data/attribution/consent/analytics", json!("denied"));
    let expected = skipped("the visitor has refused analytics");
    assert_eq!(told(deliver(&sink(&matomo.url, KEY, GOALS), &lead).await), expected);
    assert_eq!(matomo.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn the_test_asks_for_the_website() {
    let matomo = StandIn::start(matomo()).await;
    assert_eq!(test(&sink(&matomo.url, KEY, EVENTS)).await, Some(delivered(200)));
    let expected = outcome(Verdict::Misconfigured, 200, "Unable to authenticate with the provided token.");
    assert_eq!(test(&sink(&matomo.url, "wrong", EVENTS)).await, Some(expected));
    assert_eq!(matomo.kept(), Vec::<Value>::new());
}
