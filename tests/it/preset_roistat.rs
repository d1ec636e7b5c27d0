//! The preset `roistat`, against a server that behaves as code that uses Roistat's proxyLead expects it to.

use axum::{http::Method, response::Response};
use leadmilter::sinks::{Sink, Verdict};
use serde_json::{Value, json};

use crate::{
    counterpart::{self, Counterpart, Mind, Request, deliver, poor, rich},
    house,
};

type Form = Vec<(String, String)>;

#[derive(Default)]
struct Project {
    leads: Vec<Form>,
    /// An answer to every call, whatever it is.
    fault: Option<(u16, Value)>,
}

impl Mind for Project {
    fn answer(&mut self, request: &Request) -> Response {
        if let Some((status, body)) = &self.fault {
            return counterpart::json(*status, body);
        }
        if (&request.method, request.path.as_str()) != (&Method::POST, "/api/proxy/1.0/leads/add") {
            return counterpart::json(404, &json!({ "status": "error", "error": "resource_not_found" }));
        }
        let form = request.form().unwrap_or_default();
        let value = |name: &str| form.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value);
        // Roistat's errors come with 200.
        if value("key") != "k=&y" {
            return counterpart::json(200, &json!({ "status": "error", "error": "authentication_failed" }));
        }
        if value("roistat").is_empty() || form.iter().any(|(_, value)| value.is_empty()) {
            return counterpart::json(200, &json!({ "status": "error", "data": "Wrong request" }));
        }
        self.leads.push(form);
        counterpart::json(200, &json!({ "status": "ok" }))
    }
}

async fn project() -> (Counterpart<Project>, Sink) {
    let project = Counterpart::start(Project::default()).await;
    let sink = sink(&project.url, "k=&y", &[]);
    (project, sink)
}

fn sink(url: &str, key: &str, settings: &[(&str, &str)]) -> Sink {
    Sink::open(&house::preset_sink("roistat", url, key, settings)).unwrap()
}

fn form(fields: &[(&str, &str)]) -> Form {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_lead_arrives_with_its_visit() {
    let (project, _) = project().await;
    let sink = sink(&project.url, "k=&y", &[("skip_sending", "0")]);
    assert_eq!(deliver(&sink, &rich()).await.verdict, Verdict::Delivered);
    let expected = form(&[
        ("key", "k=&y"),
        ("roistat", "1000123"),
        ("title", "Цена на «насосы»\"},{{7*7}}\r\nX: y&key=1"),
        (
            "comment",
            "Яндекс Директ\nTo: info+9gdkczyba0@company.ru\n\
             Landing page: https://company.ru/pumps?utm_source=yandex&x=%22\nReferrer: https://yandex.ru/",
        ),
        ("name", "=cmd|' /C calc'!A0"),
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
    ]);
    assert_eq!(project.mind().leads, [expected]);
}

#[tokio::test]
async fn what_is_not_known_of_a_lead_is_left_out() {
    let (project, sink) = project().await;
    let mut visit_alone = poor();
    visit_alone["data"]["attribution"]["client_ids"]["roistat"] = "1000124".into();
    let mut sender_alone = poor();
    sender_alone["data"]["sender"]["address"] = "ivan@client.example".into();
    for event in [visit_alone, sender_alone] {
        assert_eq!(deliver(&sink, &event).await.verdict, Verdict::Delivered);
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
    assert_eq!(project.mind().leads, [form(&of_visit), form(&of_sender)]);
}

#[tokio::test]
async fn a_lead_without_a_visit_and_without_a_sender_is_not_sent() {
    let (project, sink) = project().await;
    let reason = "neither a visit of Roistat nor the sender's address".to_owned();
    assert_eq!(deliver(&sink, &poor()).await.verdict, Verdict::Skipped { reason });
    assert!(project.mind().leads.is_empty());
}

#[tokio::test]
async fn an_answer_means_what_it_says_and_not_what_its_status_says() {
    let retry = Verdict::Retry { floor: None };
    let error = |code: &str| json!({ "status": "error", "error": code });
    let rows = [
        (200, json!({ "status": "ok" }), Verdict::Delivered),
        (200, json!({ "status": "success", "data": 1 }), Verdict::Delivered),
        (200, error("request_limit_error"), retry.clone()),
        (200, error("internal_error"), retry.clone()),
        (200, error("project_frozen"), Verdict::Misconfigured),
        (200, json!({ "status": "error", "data": "Wrong key" }), Verdict::Misconfigured),
        (429, error("request_limit_error"), retry.clone()),
        (502, json!({}), retry),
        (403, json!({}), Verdict::Misconfigured),
    ];
    let (project, sink) = project().await;
    for (status, body, verdict) in rows {
        project.mind().fault = Some((status, body.clone()));
        let answer = deliver(&sink, &rich()).await;
        assert_eq!((answer.verdict, answer.status), (verdict, Some(status)), "{body}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_for_somebody_to_mend_and_no_test_is_known() {
    let (project, _) = project().await;
    let sink = sink(&project.url, "old", &[]);
    let answer = deliver(&sink, &rich()).await;
    let why = Some("Roistat answered authentication_failed".to_owned());
    assert_eq!((answer.verdict, answer.error), (Verdict::Misconfigured, why));
    assert!(counterpart::test(&sink).await.is_none());
}
