//! Servers that stand in for other people's systems, and leads to tell them of.
//!
//! A [`StandIn`] hands each call to a judge, which answers as the real system would and says what that would keep.
//! Tests compare what was kept, whole.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Uri},
    response::Response,
};
use leadmilter::{
    clock::Millis,
    event::EventType,
    sinks::{Answer, Message, Sink, Verdict, sample},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// What the sinks of the tests show.
pub const KEY: &str = "k-0123456789abcdef";

/// A call as a judge sees it.
pub struct Asked {
    /// `POST /path`, without the query.
    pub line: String,
    /// The query, decoded.
    pub query: BTreeMap<String, String>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Asked {
    /// A header's value; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The body, if it is JSON and says so.
    pub fn json(&self) -> Option<Value> {
        self.header("content-type").starts_with("application/json").then_some(())?;
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as a form.
    pub fn form(&self) -> BTreeMap<String, String> {
        assert_eq!(self.header("content-type"), "application/x-www-form-urlencoded");
        pairs(&self.body)
    }
}

fn pairs(text: &[u8]) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

/// What a judge says.
pub struct Judged {
    answer: Response,
    kept: Option<Value>,
}

impl Judged {
    /// An answer to a call of which nothing is kept.
    pub fn no(status: u16, body: impl ToString) -> Self {
        Self { answer: answer(status, body), kept: None }
    }

    /// An answer to a call of which something is kept.
    pub fn kept(status: u16, body: impl ToString, kept: Value) -> Self {
        Self { answer: answer(status, body), kept: Some(kept) }
    }

    /// The same with a header.
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.answer.headers_mut().insert(name, value.parse().unwrap());
        self
    }
}

fn answer(status: u16, body: impl ToString) -> Response {
    Response::builder().status(status).body(Body::from(body.to_string())).unwrap()
}

type Judge = dyn Fn(&Asked) -> Judged + Send + Sync;

struct Inside {
    judge: Box<Judge>,
    lines: Mutex<Vec<String>>,
    kept: Mutex<Vec<Value>>,
}

/// A server on a free port of this host.
pub struct StandIn {
    /// Where it listens, without a slash at the end.
    pub url: String,
    inside: Arc<Inside>,
    server: JoinHandle<()>,
}

impl StandIn {
    /// Starts one.
    pub async fn start(judge: impl Fn(&Asked) -> Judged + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (lines, kept) = (Mutex::default(), Mutex::default());
        let inside = Arc::new(Inside { judge: Box::new(judge), lines, kept });
        let app = Router::new().fallback(take).with_state(Arc::clone(&inside));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, inside, server }
    }

    /// What it has kept since it was asked last.
    pub fn kept(&self) -> Vec<Value> {
        std::mem::take(&mut *self.inside.kept.lock().unwrap())
    }

    /// The calls since it was asked last.
    pub fn lines(&self) -> Vec<String> {
        std::mem::take(&mut *self.inside.lines.lock().unwrap())
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(
    State(inside): State<Arc<Inside>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = pairs(uri.query().unwrap_or_default().as_bytes());
    let asked = Asked { line: format!("{method} {}", uri.path()), query, headers, body };
    inside.lines.lock().unwrap().push(asked.line.clone());
    let judged = (inside.judge)(&asked);
    inside.kept.lock().unwrap().extend(judged.kept);
    judged.answer
}

/// The published example, whose writer tries to break out of whatever the subject is put into.
pub fn rich() -> Value {
    let mut event: Value =
        serde_json::from_str(include_str!("../../contrib/schema/lead.received.v1.example.json")).unwrap();
    event["data"]["message"]["subject"] = json!(SUBJECT);
    event["data"]["attribution"]["consent"]["ads"] = json!("denied");
    let more = json!({
        "matomo": "c6f4c5f2f2b6a4ad.1763744531", "hubspot": "60c2ccdfe4892f0fa0593940b12c11aa",
        "posthog": "018daf23-89b3-7cf8-a4f1-94064c96df90", "segment": "b7d4a1f0-2c5e-4c0d-9d3f-5a0d6a1c2b33",
    });
    event["data"]["attribution"]["client_ids"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

/// The subject of [`rich`].
pub const SUBJECT: &str = "\"},{{7*7}}\r\nX: <b>y</b>";

/// A lead of which next to nothing is known: the sender is kept inside, and no channel led here.
pub fn poor() -> Value {
    let mut event = rich();
    let data = &mut event["data"];
    for (part, fields) in [
        ("sender", &["address", "name", "domain", "address_sha256", "envelope_from", "auth"][..]),
        ("message", &["message_id", "subject", "date", "size", "attachments"]),
    ] {
        fields.iter().for_each(|field| data[part][*field] = Value::Null);
    }
    for field in ["channel", "value", "mta"] {
        data[field] = Value::Null;
    }
    data["tags"] = json!([]);
    data["repeat"] = json!({
        "unique": false, "count": 2, "basis": "sender", "window_days": 90,
        "first_lead_id": "01939f0e-0000-7000-8000-000000000001", "first_received_at": "2026-11-20T10:00:00.000Z",
    });
    let attribution = data["attribution"].as_object_mut().unwrap();
    attribution.values_mut().for_each(|value| *value = Value::Null);
    for (name, value) in [
        ("status", json!("unknown")),
        ("confidence", json!("none")),
        ("touches", json!([])),
        ("click_ids", json!({})),
        ("client_ids", json!({})),
        ("custom", json!({})),
    ] {
        attribution[name] = value;
    }
    event
}

/// A lead as somebody else would have sent it a moment ago.
pub fn with(mut event: Value, pointer: &str, value: Value) -> Value {
    *event.pointer_mut(pointer).unwrap() = value;
    event
}

/// The first attempt for a lead.
pub async fn deliver(sink: &Sink, event: &Value) -> Answer {
    attempt(sink, event, 1, false, None).await
}

/// Any attempt.
pub async fn attempt(sink: &Sink, event: &Value, attempt: u32, doubt: bool, note: Option<&str>) -> Answer {
    let body = event.to_string();
    let event_id = event["id"].as_str().unwrap();
    let message = Message { event_id, event_type: EventType::LeadReceived, body: &body, attempt, doubt, note };
    sink.deliver(&[message]).await.pop().unwrap()
}

/// What `sink test` asks.
pub async fn test(sink: &Sink) -> Option<(Verdict, Option<u16>, Option<String>)> {
    let event_id = "01939f0e-7c1a-7f62-9d1e-000000000000";
    let body = sample::lead(event_id, "mx1.company.ru", Millis::now()).unwrap();
    let event_type = EventType::LeadReceived;
    let sample = Message { event_id, event_type, body: &body, attempt: 1, doubt: false, note: None };
    sink.test(sample).await.map(told)
}

/// Verdict, status and error of an answer.
pub fn told(answer: Answer) -> (Verdict, Option<u16>, Option<String>) {
    (answer.verdict, answer.status, answer.error)
}

/// The same, for comparisons.
pub fn outcome(verdict: Verdict, status: u16, error: &str) -> (Verdict, Option<u16>, Option<String>) {
    (verdict, Some(status), (!error.is_empty()).then(|| error.to_owned()))
}

/// Delivered.
pub fn delivered(status: u16) -> (Verdict, Option<u16>, Option<String>) {
    outcome(Verdict::Delivered, status, "")
}

/// Another attempt, whenever.
pub const RETRY: Verdict = Verdict::Retry { floor: None };

/// Not sent.
pub fn skipped(reason: &str) -> (Verdict, Option<u16>, Option<String>) {
    (Verdict::Skipped { reason: reason.to_owned() }, None, None)
}

#[test]
fn the_leads_of_these_tests_are_valid() {
    let schema = include_str!("../../contrib/schema/lead.received.v1.schema.json");
    let validator = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    for event in [rich(), poor()] {
        let faults: Vec<String> = validator.iter_errors(&event).map(|fault| fault.to_string()).collect();
        assert_eq!(faults, Vec::<String>::new());
    }
}
