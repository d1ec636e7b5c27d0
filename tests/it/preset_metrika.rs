//! The preset `metrika`, against a counter that behaves as the documentation of Yandex Metrica's management API says.

use std::{collections::BTreeMap, time::Duration};

use axum::{http::Method, response::Response};
use leadmilter::{
    clock::Millis,
    sinks::{Answer, Message, Sink, Verdict},
};
use serde_json::{Value, json};

use crate::{
    counterpart::{self, Counterpart, Mind, Request, attempt, deliver, message, poor, rich},
    house,
};

type Row = BTreeMap<String, String>;

/// An error's status, type and message.
type Fault = (u16, &'static str, &'static str);

#[derive(Default)]
struct Counter {
    /// Rows of each upload; its id is its place, from 100.
    uploads: Vec<Vec<Row>>,
    /// What is known of an upload beside its id: what Metrica has made of it by now.
    now: Value,
    fault: Option<Fault>,
}

impl Mind for Counter {
    fn answer(&mut self, request: &Request) -> Response {
        if request.header("authorization") != "OAuth t0ken" {
            return error((403, "invalid_token", "Invalid oauth_token"));
        }
        if let Some(fault) = self.fault {
            return error(fault);
        }
        let Some(path) = request.path.strip_prefix("/management/v1/counter/2215573/") else {
            return error((403, "access_denied", "Access is denied"));
        };
        match (&request.method, path.split('/').collect::<Vec<_>>().as_slice()) {
            (&Method::POST, ["offline_conversions", "upload"]) => self.upload(request).unwrap_or_else(error),
            (&Method::GET, ["offline_conversions", "uploading", id]) => self.uploading(id),
            (&Method::GET, ["goals"]) => goals(),
            _ => error((404, "not_found", "Not found")),
        }
    }
}

impl Counter {
    fn upload(&mut self, request: &Request) -> Result<Response, Fault> {
        if request.asked("type") != "BASIC" {
            return Err((400, "invalid_parameter", "type"));
        }
        let rows = rows(&file(request)?)?;
        self.uploads.push(rows);
        Ok(self.uploading(&(99 + self.uploads.len()).to_string()))
    }

    fn uploading(&self, id: &str) -> Response {
        let upload = id.parse::<usize>().ok().and_then(|id| self.uploads.get(id.checked_sub(100)?));
        let Some(rows) = upload else { return error((400, "invalid_parameter", "No object with specified ID.")) };
        let mut uploading = json!({ "id": id.parse::<u64>().unwrap(), "create_time": "2026-11-26T10:00:00Z",
            "source_quantity": rows.len(), "line_quantity": rows.len(), "type": "BASIC", "status": "UPLOADED" });
        uploading.as_object_mut().unwrap().extend(self.now.as_object().cloned().unwrap_or_default());
        counterpart::json(200, &json!({ "uploading": uploading }))
    }
}

fn goals() -> Response {
    let cart = json!([{ "type": "contain", "url": "/cart" }]);
    let email = json!([{ "type": "exact", "url": "email" }]);
    let goals = json!([
        { "id": 1, "name": "Корзина", "type": "url", "conditions": cart },
        { "id": 2, "name": "Письмо", "type": "action", "conditions": email },
    ]);
    counterpart::json(200, &json!({ "goals": goals }))
}

/// The file of a form of one part.
fn file(request: &Request) -> Result<String, Fault> {
    const NO_FILE: Fault = (400, "missing_parameter", "file");
    let kind = request.header("content-type").strip_prefix("multipart/form-data; boundary=").ok_or(NO_FILE)?;
    let text = std::str::from_utf8(&request.body).map_err(|_| NO_FILE)?;
    let part = text.strip_prefix(&format!("--{kind}\r\n")).ok_or(NO_FILE)?;
    let part = part.strip_suffix(&format!("\r\n--{kind}--\r\n")).ok_or(NO_FILE)?;
    let (head, body) = part.split_once("\r\n\r\n").ok_or(NO_FILE)?;
    let head = head.to_ascii_lowercase();
    let names = ["content-disposition: form-data; name=\"file\"; filename=\"", "content-type: text/csv"];
    if names.iter().all(|name| head.contains(name)) { Ok(body.to_owned()) } else { Err(NO_FILE) }
}

/// Lines under a heading; none of Metrica's values needs a quote.
fn rows(file: &str) -> Result<Vec<Row>, Fault> {
    const BAD: Fault = (400, "invalid_parameter", "Bad file");
    let mut lines = file.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let heading = lines.next().ok_or(BAD)?;
    let known = ["ClientId", "UserId", "Yclid", "PurchaseId", "Target", "DateTime", "Price", "Currency"];
    if file.contains('"') || heading.iter().any(|name| !known.contains(&name.as_str())) {
        return Err((400, "invalid_parameter", "Unknown column"));
    }
    let rows = lines.map(|values| {
        let row: Row = heading.iter().cloned().zip(values.iter().cloned()).collect();
        let digits = |name: &str| row[name].bytes().all(|byte| byte.is_ascii_digit());
        let past = row["DateTime"].parse().is_ok_and(|at: i64| at < Millis::now().seconds());
        let ids = digits("ClientId") && digits("Yclid") && !(row["ClientId"].is_empty() && row["Yclid"].is_empty());
        let price = row["Price"].is_empty() == row["Currency"].is_empty();
        let right = values.len() == heading.len() && past && ids && price && !row["Target"].is_empty();
        if right { Ok(row) } else { Err(BAD) }
    });
    rows.collect()
}

fn error((status, kind, message): Fault) -> Response {
    let errors = json!([{ "error_type": kind, "message": message, "location": "request" }]);
    counterpart::json(status, &json!({ "errors": errors, "code": status, "message": message }))
}

const SETTINGS: &[(&str, &str)] = &[("counter", "2215573"), ("goal", "email")];

async fn counter() -> (Counterpart<Counter>, Sink) {
    let counter = Counterpart::start(Counter::default()).await;
    let sink = sink(&counter.url, "t0ken", SETTINGS);
    (counter, sink)
}

fn sink(url: &str, token: &str, settings: &[(&str, &str)]) -> Sink {
    Sink::open(&house::preset_sink("metrika", url, token, settings)).unwrap()
}

/// A lead that wrote so many seconds ago.
fn aged(mut event: Value, seconds: i64) -> (Value, String) {
    let at = Millis::from_seconds(Millis::now().seconds() - seconds);
    for key in ["time", "timestamp"] {
        event[key] = at.to_string().into();
    }
    event["data"]["received_at"] = at.to_string().into();
    (event, at.seconds().to_string())
}

async fn deliver_all(sink: &Sink, events: &[Value]) -> Vec<Answer> {
    let bodies: Vec<String> = events.iter().map(Value::to_string).collect();
    let messages: Vec<Message<'_>> = bodies.iter().map(|body| message(body, false, None)).collect();
    sink.deliver(&messages).await
}

fn again(note: &str) -> Verdict {
    Verdict::Again { after: Duration::from_secs(1800), note: note.to_owned() }
}

fn row(values: [&str; 6]) -> Row {
    let names = ["ClientId", "Yclid", "Target", "DateTime", "Price", "Currency"];
    names.into_iter().map(str::to_owned).zip(values.map(str::to_owned)).collect()
}

#[tokio::test]
async fn leads_go_in_one_file_and_wait_there_for_their_visits() {
    let (counter, sink) = counter().await;
    let (first, at_first) = aged(rich(), 60);
    let (mut second, at_second) = aged(rich(), 3600);
    second["data"]["attribution"]["client_ids"] = json!({});
    second["data"]["value"]["currency"] = "USD".into();
    // A number in a browser's cookie is whatever the browser says.
    let (mut third, at_third) = aged(rich(), 7200);
    third["data"]["attribution"]["click_ids"]["yclid"] = "=1+1,\"x\r\n".into();
    third["data"]["value"] = Value::Null;
    let answers = deliver_all(&sink, &[first, poor(), second, third]).await;

    let skipped = Verdict::Skipped { reason: "neither a client id nor a click id of Yandex (ym, yclid)".to_owned() };
    let verdicts: Vec<Verdict> = answers.into_iter().map(|answer| answer.verdict).collect();
    assert_eq!(verdicts, [again("100"), skipped, again("100"), again("100")]);
    let expected = [
        row(["1763744531123456789", "12345678901234567890", "email", &at_first, "1500.50", "RUB"]),
        row(["", "12345678901234567890", "email", &at_second, "", ""]),
        row(["1763744531123456789", "", "email", &at_third, "", ""]),
    ];
    assert_eq!(counter.mind().uploads, [expected]);
}

#[tokio::test]
async fn what_metrica_can_make_nothing_of_is_not_sent() {
    let (counter, sink) = counter().await;
    let mut forged = rich();
    forged["data"]["attribution"]["client_ids"]["ym"] = "12a".into();
    forged["data"]["attribution"]["click_ids"] = json!({});
    let mut refused = rich();
    refused["data"]["attribution"]["consent"]["analytics"] = "denied".into();
    let no_id = "neither a client id nor a click id of Yandex (ym, yclid)";
    let rows = [(poor(), no_id), (forged, no_id), (refused, "the visitor has refused analytics")];
    for (event, reason) in rows {
        let (event, _) = aged(event, 60);
        assert_eq!(deliver(&sink, &event).await.verdict, Verdict::Skipped { reason: reason.to_owned() });
    }
    let (late, _) = aged(rich(), 21 * 86_400 + 60);
    let reason = "the event is older than the 504 hours that the receiver looks back".to_owned();
    assert_eq!(deliver(&sink, &late).await.verdict, Verdict::Skipped { reason });
    assert!(counter.mind().uploads.is_empty());
}

#[tokio::test]
async fn a_conversion_is_delivered_when_metrica_has_linked_it() {
    let (counter, sink) = counter().await;
    let (event, _) = aged(rich(), 60);
    assert_eq!(deliver(&sink, &event).await.verdict, again("100"));
    let no_visit = "Metrica found no visit for any conversion of the upload 100";
    // What Metrica says of the upload by and by, and what that means for the lead.
    let rows = [
        (json!({ "status": "UPLOADED", "linked_quantity": 0 }), again("100"), None),
        (json!({ "status": "PREPARED" }), again("100"), None),
        (json!({ "status": "EXPORTED" }), again("100"), None),
        (json!({ "status": "MATCHED" }), again("100"), None),
        (
            json!({ "status": "PROCESSED", "linked_quantity": 1, "goal_not_found_quantity": 0 }),
            Verdict::Delivered,
            None,
        ),
        (json!({ "status": "PROCESSED" }), Verdict::Delivered, None),
        (json!({ "status": "PROCESSED", "linked_quantity": 0 }), Verdict::Refused, Some(no_visit)),
        (json!({ "status": "LINKAGE_FAILURE" }), Verdict::Refused, Some(no_visit)),
        (
            json!({ "status": "LINKAGE_FAILURE", "goal_not_found_quantity": 1 }),
            Verdict::Refused,
            Some("Metrica knows no goal email"),
        ),
    ];
    for (now, verdict, why) in rows {
        counter.mind().now = now.clone();
        let answer = attempt(&sink, &event, false, Some("100")).await;
        assert_eq!((answer.verdict, answer.error.as_deref()), (verdict, why), "{now}");
    }
    assert_eq!(counter.mind().uploads.len(), 1);
}

#[tokio::test]
async fn an_error_means_what_metrica_says_that_it_means() {
    let retry = |floor: Option<u64>| Verdict::Retry { floor: floor.map(Duration::from_secs) };
    let rows: [(Fault, Verdict, bool); 6] = [
        ((429, "quota_requests_by_uid", "The user exceeded the daily limit"), retry(Some(3600)), false),
        ((420, "quota_parallel_requests", "Too many parallel requests"), retry(Some(3600)), false),
        ((503, "backend_error", "Backend error"), retry(None), true),
        ((401, "unauthorized", "Unauthorized user"), Verdict::Misconfigured, false),
        ((403, "access_denied", "Access is denied"), Verdict::Misconfigured, false),
        ((400, "invalid_parameter", "Bad file"), Verdict::Misconfigured, false),
    ];
    let (counter, sink) = counter().await;
    let (event, _) = aged(rich(), 60);
    for (fault, verdict, doubt) in rows {
        counter.mind().fault = Some(fault);
        let answer = deliver(&sink, &event).await;
        assert_eq!((answer.verdict, answer.status, answer.doubt), (verdict, Some(fault.0), doubt), "{fault:?}");
        assert!(answer.answer.unwrap().contains(fault.1), "{fault:?}");
    }
}

#[tokio::test]
async fn a_wrong_token_and_a_strange_counter_are_for_somebody_to_mend() {
    let (counter, _) = counter().await;
    let strange = [("counter", "1"), ("goal", "email")];
    for sink in [sink(&counter.url, "old", SETTINGS), sink(&counter.url, "t0ken", &strange)] {
        let (event, _) = aged(rich(), 60);
        let answer = deliver(&sink, &event).await;
        assert_eq!((answer.verdict, answer.status), (Verdict::Misconfigured, Some(403)));
        assert_eq!(counterpart::test(&sink).await.unwrap().verdict, Verdict::Misconfigured);
    }
    assert!(counter.mind().uploads.is_empty());
}

#[tokio::test]
async fn a_test_asks_whether_the_goal_is_there_and_uploads_nothing() {
    let (counter, _) = counter().await;
    let rows = [
        ("email", Verdict::Delivered, None),
        ("mail", Verdict::Misconfigured, Some("the counter has no goal mail of the type JavaScript event")),
    ];
    for (goal, verdict, why) in rows {
        let sink = sink(&counter.url, "t0ken", &[("counter", "2215573"), ("goal", goal)]);
        let answer = counterpart::test(&sink).await.unwrap();
        assert_eq!((answer.verdict, answer.error.as_deref()), (verdict, why), "{goal}");
    }
    assert!(counter.mind().uploads.is_empty());
}
