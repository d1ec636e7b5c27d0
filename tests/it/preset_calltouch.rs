//! The preset `calltouch`, against a server that behaves as Calltouch's help on sending requests says.

use axum::{http::Method, response::Response};
use leadmilter::sinks::{Sink, Verdict};
use serde_json::json;

use crate::{
    counterpart::{self, Counterpart, Mind, Request, deliver, poor, rich},
    house,
};

type Form = Vec<(String, String)>;

#[derive(Default)]
struct Site {
    requests: Vec<Form>,
    fault: Option<u16>,
}

impl Mind for Site {
    fn answer(&mut self, request: &Request) -> Response {
        if let Some(status) = self.fault {
            return counterpart::json(status, &json!({ "message": "fault" }));
        }
        if request.method != Method::POST || request.path != "/calls-service/RestAPI/requests/52898/register/" {
            return counterpart::json(404, &json!({ "message": "no such site" }));
        }
        let known =
            ["subject", "requestNumber", "requestUrl", "sessionId", "fio", "phoneNumber", "email", "comment", "tags"];
        let form = request.form().unwrap_or_default();
        let subject = form.iter().find(|(name, _)| name == "subject").map_or(0, |(_, text)| text.chars().count());
        let wrong = form.iter().any(|(name, value)| !known.contains(&name.as_str()) || value.is_empty());
        if wrong || !(1..=256).contains(&subject) {
            return counterpart::json(400, &json!({ "message": "wrong request" }));
        }
        self.requests.push(form);
        counterpart::json(200, &json!({ "requestId": 100 + self.requests.len() }))
    }
}

async fn site() -> (Counterpart<Site>, Sink) {
    let site = Counterpart::start(Site::default()).await;
    let sink = sink(&site.url, &[("site", "52898")]);
    (site, sink)
}

fn sink(url: &str, settings: &[(&str, &str)]) -> Sink {
    Sink::open(&house::preset_sink("calltouch", url, "", settings)).unwrap()
}

fn form(fields: &[(&str, &str)]) -> Form {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_lead_arrives_with_its_session() {
    let (site, _) = site().await;
    let sink = sink(&site.url, &[("site", "52898"), ("form", "Письмо")]);
    assert_eq!(deliver(&sink, &rich()).await.verdict, Verdict::Delivered);
    let expected = form(&[
        ("subject", "Письмо"),
        ("requestNumber", "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b34"),
        ("requestUrl", "https://company.ru/contacts"),
        ("sessionId", "987654321987654321"),
        ("fio", "=cmd|' /C calc'!A0"),
        ("email", "ivan@client.example"),
        (
            "comment",
            "Цена на «насосы»\"},{{7*7}}\r\nX: y&key=1\nЯндекс Директ\nTo: info+9gdkczyba0@company.ru\n\
             Referrer: https://yandex.ru/",
        ),
        ("tags", "pumps,b2b"),
    ]);
    assert_eq!(site.mind().requests, [expected]);
}

#[tokio::test]
async fn what_is_not_known_of_a_lead_is_left_out() {
    let (site, sink) = site().await;
    let mut event = poor();
    event["data"]["attribution"]["client_ids"]["calltouch"] = "7".into();
    assert_eq!(deliver(&sink, &event).await.verdict, Verdict::Delivered);
    let expected = form(&[
        ("subject", "E-mail"),
        ("requestNumber", "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2c02"),
        ("sessionId", "7"),
        ("comment", "To: info@company.ru"),
    ]);
    assert_eq!(site.mind().requests, [expected]);
}

#[tokio::test]
async fn a_lead_without_a_session_and_without_a_sender_is_not_sent() {
    let (site, sink) = site().await;
    let reason = "neither a session of Calltouch nor the sender's address".to_owned();
    assert_eq!(deliver(&sink, &poor()).await.verdict, Verdict::Skipped { reason });
    assert!(site.mind().requests.is_empty());
}

#[tokio::test]
async fn the_status_decides() {
    let retry = Verdict::Retry { floor: None };
    let rows = [(400, Verdict::Misconfigured), (403, Verdict::Misconfigured), (429, retry.clone()), (503, retry)];
    let (site, sink) = site().await;
    for (status, verdict) in rows {
        site.mind().fault = Some(status);
        let answer = deliver(&sink, &rich()).await;
        assert_eq!((answer.verdict, answer.status), (verdict, Some(status)));
    }
}

#[tokio::test]
async fn a_strange_site_is_for_somebody_to_mend_and_no_test_is_known() {
    let (site, _) = site().await;
    let sink = sink(&site.url, &[("site", "1")]);
    let answer = deliver(&sink, &rich()).await;
    assert_eq!((answer.verdict, answer.status), (Verdict::Misconfigured, Some(404)));
    assert!(counterpart::test(&sink).await.is_none());
}
