//! The preset `metrika`, against a counter that behaves as the documentation of Yandex Metrica's management API says.

use std::{collections::BTreeMap, time::Duration};

use leadmilter::{
    clock::Millis,
    sinks::{Sink, Verdict},
};
use serde_json::{Value, json};

use crate::{
    http_server::Call,
    preset_house::{
        KEY, Reply, StandIn, aged, attempt, attempts, deliver, delivered, open, outcome, pairs, poor, received_at,
        rich, skipped, test, told, with,
    },
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

impl Counter {
    fn answer(&mut self, call: &Call) -> Reply {
        if call.header("authorization") != format!("OAuth {KEY}") {
            return error((403, "invalid_token", "Invalid oauth_token"));
        }
        if let Some(fault) = self.fault {
            return error(fault);
        }
        let Some((method, path)) = call.place().split_once(" /management/v1/counter/2215573/") else {
            return error((403, "access_denied", "Access is denied"));
        };
        match (method, path.split('/').collect::<Vec<_>>().as_slice()) {
            ("POST", ["offline_conversions", "upload"]) => self.upload(call).unwrap_or_else(error),
            ("GET", ["offline_conversions", "uploading", id]) => self.uploading(id),
            ("GET", ["goals"]) => goals(),
            _ => error((404, "not_found", "Not found")),
        }
    }

    fn upload(&mut self, call: &Call) -> Result<Reply, Fault> {
        if call.query() != pairs(&[("type", "BASIC"), ("comment", "leadmilter")]) {
            return Err((400, "invalid_parameter", "type"));
        }
        let rows = rows(&file(call)?)?;
        self.uploads.push(rows);
        Ok(self.uploading(&(99 + self.uploads.len()).to_string()))
    }

    fn uploading(&self, id: &str) -> Reply {
        let upload = id.parse::<usize>().ok().and_then(|id| self.uploads.get(id.checked_sub(100)?));
        let Some(rows) = upload else { return error((400, "invalid_parameter", "No object with specified ID.")) };
        let mut uploading = json!({ "id": id.parse::<u64>().unwrap(), "create_time": "2026-11-26T10:00:00Z",
            "source_quantity": rows.len(), "line_quantity": rows.len(), "type": "BASIC", "status": "UPLOADED" });
        uploading.as_object_mut().unwrap().extend(self.now.as_object().cloned().unwrap_or_default());
        Reply::new(200, json!({ "uploading": uploading }))
    }
}

fn goals() -> Reply {
    let cart = json!([{ "type": "contain", "url": "/cart" }]);
    let email = json!([{ "type": "exact", "url": "email" }]);
    let goals = json!([
        { "id": 1, "name": "Корзина", "type": "url", "conditions": cart },
        { "id": 2, "name": "Письмо", "type": "action", "conditions": email },
    ]);
    Reply::new(200, json!({ "goals": goals }))
}

/// The file of a form of one part.
fn file(call: &Call) -> Result<String, Fault> {
    const NO_FILE: Fault = (400, "missing_parameter", "file");
    let kind = call.header("content-type").strip_prefix("multipart/form-data; boundary=").ok_or(NO_FILE)?;
    let text = std::str::from_utf8(&call.body).map_err(|_| NO_FILE)?;
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

fn error((status, kind, message): Fault) -> Reply {
    let errors = json!([{ "error_type": kind, "message": message, "location": "request" }]);
    Reply::new(status, json!({ "errors": errors, "code": status, "message": message }))
}

const SETTINGS: &[(&str, &str)] = &[("counter", "2215573"), ("goal", "email")];

async fn counter() -> (StandIn<Counter>, Sink) {
    let counter = StandIn::with(Counter::default(), Counter::answer).await;
    let sink = open("metrika", &counter.url, KEY, SETTINGS);
    (counter, sink)
}

fn again(note: &str) -> Verdict {
    Verdict::Again { after: Duration::from_secs(1800), note: note.to_owned() }
}

/// The row of a lead with these ids, price and currency.
fn row(lead: &Value, client_id: &str, yclid: &str, price: &str, currency: &str) -> Row {
    let at = received_at(lead).seconds().to_string();
    let names = ["ClientId", "Yclid", "Target", "DateTime", "Price", "Currency"];
    let values = [client_id, yclid, "email", &at, price, currency];
    names.into_iter().map(str::to_owned).zip(values.map(str::to_owned)).collect()
}

#[tokio::test]
async fn leads_go_in_one_file_and_wait_there_for_their_visits() {
    let (counter, sink) = counter().await;
    let first = aged(rich(), 60);
    let second = with(aged(rich(), 3600), "/data/attribution/client_ids", json!({}));
    let second = with(second, "/data/value/currency", "USD");
    // A number in a browser's cookie is whatever the browser says.
    let third = with(aged(rich(), 7200), "/data/attribution/click_ids/yclid", "=1+1,\"x\r\n");
    let third = with(third, "/data/value", Value::Null);
    let leads = [first, poor(), second, third];
    let answers = attempts(&sink, &leads, false, None).await;

    let taken = || outcome(again("100"), 200, "");
    let left_out = skipped("neither a client id nor a click id of Yandex (ym, yclid)");
    assert_eq!(answers.into_iter().map(told).collect::<Vec<_>>(), [taken(), left_out, taken(), taken()]);
    let expected = [
        row(&leads[0], "1763744531123456789", "12345678901234567890", "1500.50", "RUB"),
        row(&leads[2], "", "12345678901234567890", "", ""),
        row(&leads[3], "1763744531123456789", "", "", ""),
    ];
    assert_eq!(counter.inside().uploads, [expected]);
}

#[tokio::test]
async fn what_metrica_can_make_nothing_of_is_not_sent() {
    let (counter, sink) = counter().await;
    let forged = with(rich(), "/data/attribution/client_ids/ym", "12a");
    let forged = with(forged, "/data/attribution/click_ids", json!({}));
    let refused = with(rich(), "/data/attribution/consent/analytics", "denied");
    let no_id = "neither a client id nor a click id of Yandex (ym, yclid)";
    // More than a number holds; one such line spoils a file.
    let endless = with(forged.clone(), "/data/attribution/client_ids/ym", "9".repeat(40));
    let rows = [(poor(), no_id), (forged, no_id), (endless, no_id), (refused, "the visitor has refused analytics")];
    for (event, reason) in rows {
        assert_eq!(told(deliver(&sink, &aged(event, 60)).await), skipped(reason));
    }
    let late = skipped("the event is older than the 504 hours that the receiver looks back");
    assert_eq!(told(deliver(&sink, &aged(rich(), 21 * 86_400 + 60)).await), late);
    assert!(counter.inside().uploads.is_empty());
}

#[tokio::test]
async fn a_conversion_is_delivered_when_metrica_has_linked_it() {
    let (counter, sink) = counter().await;
    let event = aged(rich(), 60);
    assert_eq!(told(deliver(&sink, &event).await), outcome(again("100"), 200, ""));
    let no_visit = "Metrica found no visit for any conversion of the upload 100";
    let no_goal = "Metrica knows no goal email";
    // What Metrica says of the upload by and by, and what that means for the lead.
    let rows = [
        (json!({ "status": "UPLOADED", "linked_quantity": 0 }), again("100"), ""),
        (json!({ "status": "PREPARED" }), again("100"), ""),
        (json!({ "status": "EXPORTED" }), again("100"), ""),
        (json!({ "status": "MATCHED" }), again("100"), ""),
        (json!({ "status": "PROCESSED", "linked_quantity": 1, "goal_not_found_quantity": 0 }), Verdict::Delivered, ""),
        (json!({ "status": "PROCESSED" }), Verdict::Delivered, ""),
        (json!({ "status": "PROCESSED", "linked_quantity": 0 }), Verdict::Refused, no_visit),
        (json!({ "status": "LINKAGE_FAILURE" }), Verdict::Refused, no_visit),
        (json!({ "status": "LINKAGE_FAILURE", "goal_not_found_quantity": 1 }), Verdict::Refused, no_goal),
    ];
    for (now, verdict, why) in rows {
        counter.inside().now = now.clone();
        let answer = attempt(&sink, &event, false, Some("100")).await;
        assert_eq!(told(answer), outcome(verdict, 200, why), "{now}");
    }
    // It has grown too old to be sent since, and was sent in time.
    counter.inside().now = json!({ "status": "PROCESSED", "linked_quantity": 1 });
    let answer = attempt(&sink, &aged(rich(), 21 * 86_400 + 60), false, Some("100")).await;
    assert_eq!(told(answer), outcome(Verdict::Delivered, 200, ""));
    assert_eq!(counter.inside().uploads.len(), 1);
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
    let event = aged(rich(), 60);
    for (fault, verdict, doubt) in rows {
        counter.inside().fault = Some(fault);
        let answer = deliver(&sink, &event).await;
        assert_eq!((answer.verdict, answer.status, answer.doubt), (verdict, Some(fault.0), doubt), "{fault:?}");
        assert!(answer.answer.unwrap().contains(fault.1), "{fault:?}");
    }
}

#[tokio::test]
async fn a_wrong_token_and_a_strange_counter_are_for_somebody_to_mend() {
    let (counter, _) = counter().await;
    let strange: &[(&str, &str)] = &[("counter", "1"), ("goal", "email")];
    let why = "receiver answered 403: the receiver does not accept the signature or the call";
    let refused = outcome(Verdict::Misconfigured, 403, why);
    for (token, settings) in [("old", SETTINGS), (KEY, strange)] {
        let sink = open("metrika", &counter.url, token, settings);
        assert_eq!(told(deliver(&sink, &aged(rich(), 60)).await), refused);
        assert_eq!(test(&sink).await, Some(refused.clone()));
    }
    assert!(counter.inside().uploads.is_empty());
}

#[tokio::test]
async fn a_test_asks_whether_the_goal_is_there_and_uploads_nothing() {
    let (counter, _) = counter().await;
    let rows = [
        ("email", delivered(200)),
        ("mail", outcome(Verdict::Misconfigured, 200, "the counter has no goal mail of the type JavaScript event")),
    ];
    for (goal, expected) in rows {
        let sink = open("metrika", &counter.url, KEY, &[("counter", "2215573"), ("goal", goal)]);
        assert_eq!(test(&sink).await, Some(expected), "{goal}");
    }
    assert!(counter.inside().uploads.is_empty());
}
