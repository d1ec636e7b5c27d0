//! The preset `roistat`, against a server that behaves as code that uses Roistat's proxyLead expects it to.

use leadmilter::sinks::{Sink, Verdict};
use serde_json::json;

use crate::{
    http_server::Call,
    preset_house::{
        RETRY, Reply, StandIn, deliver, delivered, open, outcome, pairs, poor, rich, skipped, test, told, value, with,
    },
};

/// Keeps the form of a lead with the right key. Errors come with 200.
fn roistat(call: &Call) -> Reply {
    if call.place() != "POST /api/proxy/1.0/leads/add" {
        return Reply::new(404, json!({ "status": "error", "error": "resource_not_found" }));
    }
    let form = call.form();
    if value(&form, "key") != "k=&y" {
        return Reply::new(200, json!({ "status": "error", "error": "authentication_failed" }));
    }
    if value(&form, "roistat").is_empty() || form.iter().any(|(_, value)| value.is_empty()) {
        return Reply::new(200, json!({ "status": "error", "data": "Wrong request" }));
    }
    Reply::new(200, json!({ "status": "ok" })).keeping(json!(form))
}

async fn project(settings: &[(&str, &str)]) -> (StandIn, Sink) {
    let project = StandIn::start(roistat).await;
    let sink = open("roistat", &project.url, "k=&y", settings);
    (project, sink)
}

#[tokio::test]
async fn a_lead_arrives_with_its_visit() {
    let (project, sink) = project(&[("skip_sending", "0")]).await;
    assert_eq!(told(deliver(&sink, &rich()).await), delivered(200));
    let expected = json!(pairs(&[
        ("key", "k=&y"),
        ("roistat", "1000123"),
        ("title", "Цена на «насосы»\"},{{7*7}}\r\nX: <b>y</b>&key=1"),
        (
            "comment",
            "Яндекс Директ\nTo: info+9gdkczyba0@company.ru\n\
             Landing page: https://company.ru/pumps?utm_source=yandex&x=%22\nReferrer: https://yandex.ru/",
        ),
        ("name", "=cmd|' /C calc'!A0 Петров"),
        ("email", "ivan@client.example"),
        ("order_creation_method", "E-mail"),
        ("is_need_callback", "0"),
        ("sync", "0"),
        ("is_need_check_order_in_processing", "1"),
        ("is_need_check_order_in_processing_append", "1"),
        ("is_skip_sending", "0"),
        ("fields[lead_id]", "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b34"),
        ("fields[utm_source]", "yandex"),
        ("fields[utm_medium]", "cpc"),
        ("fields[utm_campaign]", "pumps-msk"),
        ("fields[utm_content]", "ad-17"),
        ("fields[utm_term]", "купить насос"),
        ("fields[price]", "1500.50"),
    ]));
    assert_eq!(project.kept(), [expected]);
}

#[tokio::test]
async fn what_is_not_known_of_a_lead_is_left_out() {
    let (project, sink) = project(&[]).await;
    let visit_alone = with(poor(), "/data/attribution/client_ids", json!({ "roistat": "1000124" }));
    let sender_alone = with(poor(), "/data/sender/address", "ivan@client.example");
    for event in [visit_alone, sender_alone] {
        assert_eq!(told(deliver(&sink, &event).await), delivered(200));
    }
    let common = [
        ("order_creation_method", "E-mail"),
        ("is_need_callback", "0"),
        ("sync", "0"),
        ("is_need_check_order_in_processing", "1"),
        ("is_need_check_order_in_processing_append", "1"),
        ("is_skip_sending", "1"),
        ("fields[lead_id]", "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2c02"),
    ];
    let titles = [("title", "E-mail: info@company.ru"), ("comment", "To: info@company.ru")];
    let of_visit = [&[("key", "k=&y"), ("roistat", "1000124")][..], &titles, &common].concat();
    let of_sender = [("email", "ivan@client.example")];
    let of_sender = [&[("key", "k=&y"), ("roistat", "nocookie")][..], &titles, &of_sender, &common].concat();
    assert_eq!(project.kept(), [json!(pairs(&of_visit)), json!(pairs(&of_sender))]);
}

#[tokio::test]
async fn a_lead_without_a_visit_and_without_a_sender_is_not_sent() {
    let (project, sink) = project(&[]).await;
    let expected = skipped("neither a visit of Roistat nor the sender's address");
    assert_eq!(told(deliver(&sink, &poor()).await), expected);
    assert_eq!(project.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn an_answer_means_what_it_says_and_not_what_its_status_says() {
    let said = |status: u16, verdict, error: &str| outcome(verdict, status, &format!("Roistat answered {error}"));
    let error = |code: &str| json!({ "status": "error", "error": code });
    let rows = [
        (200, json!({ "status": "ok" }), delivered(200)),
        (200, json!({ "status": "success", "data": 1 }), delivered(200)),
        (200, error("request_limit_error"), said(200, RETRY, "request_limit_error")),
        (200, error("internal_error"), said(200, RETRY, "internal_error")),
        (200, error("project_frozen"), said(200, Verdict::Misconfigured, "project_frozen")),
        (200, json!({ "status": "error", "data": "Wrong key" }), said(200, Verdict::Misconfigured, "Wrong key")),
        (429, error("request_limit_error"), said(429, RETRY, "request_limit_error")),
        (429, error("something new"), outcome(RETRY, 429, "receiver answered 429")),
        (500, error("something new"), outcome(RETRY, 500, "receiver answered 500")),
        (400, error("something new"), said(400, Verdict::Misconfigured, "something new")),
        (502, json!({}), outcome(RETRY, 502, "receiver answered 502")),
        (403, json!({}), {
            let error = "receiver answered 403: the receiver does not accept the signature or the call";
            outcome(Verdict::Misconfigured, 403, error)
        }),
    ];
    for (status, body, expected) in rows {
        let answer = body.clone();
        let project = StandIn::start(move |_| Reply::new(status, &answer)).await;
        assert_eq!(told(deliver(&open("roistat", &project.url, "k=&y", &[]), &rich()).await), expected, "{body}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_for_somebody_to_mend_and_no_test_is_known() {
    let (project, _) = project(&[]).await;
    let sink = open("roistat", &project.url, "old", &[]);
    let expected = outcome(Verdict::Misconfigured, 200, "Roistat answered authentication_failed");
    assert_eq!(told(deliver(&sink, &rich()).await), expected);
    assert_eq!(test(&sink).await, None);
}
