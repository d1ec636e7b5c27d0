//! What the tests of presets need: two leads, and servers that stand in for the systems that are told of them.
//!
//! A [`StandIn`] is given what its system would answer to each call and what it would keep of it. A test delivers a lead to
//! it by the preset, and compares the verdict and what was kept, whole.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::{body::Body, response::Response};
use leadmilter::{
    clock::Millis,
    event::EventType,
    lead::limit,
    sinks::{Answer, Message, Sink, Verdict, sample},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    house,
    http_server::{Call, serve},
};

/// The secret of a sink that has no need of a special one.
pub const KEY: &str = "k-0123456789abcdef";

/// Names and values of a query or a form, in their order.
pub type Pairs = Vec<(String, String)>;

/// The same out of literals.
pub fn pairs(known: &[(&str, &str)]) -> Pairs {
    known.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A value out of them; empty if there is none.
pub fn value<'a>(pairs: &'a Pairs, name: &str) -> &'a str {
    pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

impl Call {
    /// Method and path: `POST /mp/collect`.
    pub fn place(&self) -> &str {
        self.line.split('?').next().unwrap()
    }

    /// The query.
    pub fn query(&self) -> Pairs {
        let query = self.line.split_once('?').map_or("", |(_, query)| query);
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    /// The body, if it is JSON and says so.
    pub fn json(&self) -> Option<Value> {
        self.header("content-type").starts_with("application/json").then(|| serde_json::from_slice(&self.body).ok())?
    }

    /// The body, which has to be a form.
    pub fn form(&self) -> Pairs {
        assert_eq!(self.header("content-type"), "application/x-www-form-urlencoded");
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }
}

/// What a system answers to a call, and what it keeps of it.
pub struct Reply {
    response: Response,
    kept: Option<Value>,
}

impl Reply {
    /// An answer to a call of which nothing is kept.
    pub fn new(status: u16, body: impl ToString) -> Self {
        let response = Response::builder().status(status).body(Body::from(body.to_string())).unwrap();
        Self { response, kept: None }
    }

    /// The same with a header.
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.response.headers_mut().insert(name, value.parse().unwrap());
        self
    }

    /// The same to a call of which this is kept.
    pub fn keeping(self, what: Value) -> Self {
        Self { kept: Some(what), ..self }
    }
}

/// A server on a free port of this host.
pub struct StandIn<S = ()> {
    /// Where it listens, without a slash at the end.
    pub url: String,
    inside: Arc<Mutex<S>>,
    seen: Arc<Mutex<Seen>>,
    _server: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Seen {
    asked: Vec<String>,
    kept: Vec<Value>,
}

impl StandIn {
    /// Starts one that a test only looks at.
    pub async fn start(mut system: impl FnMut(&Call) -> Reply + Send + 'static) -> Self {
        Self::with((), move |(), call| system(call)).await
    }
}

impl<S: Send + 'static> StandIn<S> {
    /// Starts one that a test reaches into.
    pub async fn with(inside: S, system: impl FnMut(&mut S, &Call) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (inside, seen) = (Arc::new(Mutex::new(inside)), Arc::new(Mutex::new(Seen::default())));
        let own = (Arc::clone(&inside), Arc::clone(&seen), Arc::new(Mutex::new(system)));
        let server = serve(listener, move |call| {
            own.1.lock().unwrap().asked.push(call.place().to_owned());
            let reply = own.2.lock().unwrap()(&mut own.0.lock().unwrap(), &call);
            own.1.lock().unwrap().kept.extend(reply.kept);
            async { reply.response }
        });
        Self { url, inside, seen, _server: server }
    }

    /// How the system stands, and what it is to do next.
    pub fn inside(&self) -> MutexGuard<'_, S> {
        self.inside.lock().unwrap()
    }

    /// What it was asked since this was asked last; see [`Call::place`].
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap().asked)
    }

    /// What it has kept since this was asked last.
    pub fn kept(&self) -> Vec<Value> {
        std::mem::take(&mut self.seen.lock().unwrap().kept)
    }
}

/// A lead of which all is known that a preset may ask for: ids that no number holds, and texts that try to break out of whatever
/// they are put into.
pub fn rich() -> Value {
    serde_json::from_str(include_str!("../events/rich.json")).unwrap()
}

/// A lead of which next to nothing is known: the sender is kept inside, though the store knows them, and no channel led here.
pub fn poor() -> Value {
    serde_json::from_str(include_str!("../events/poor.json")).unwrap()
}

/// A [`rich`] lead whose name, subject and UTM values are as long as an event lets them be.
pub fn wordy() -> Value {
    let texts = ["sender/name", "message/subject"].map(str::to_owned);
    let utm = ["source", "medium", "campaign", "term", "content"].map(|key| format!("attribution/{key}"));
    let long = "ы".repeat(limit::TEXT);
    let places = texts.into_iter().chain(utm);
    places.fold(rich(), |event, place| with(event, &format!("/data/{place}"), long.as_str()))
}

/// The same lead with another value.
pub fn with(mut event: Value, pointer: &str, value: impl Into<Value>) -> Value {
    *event.pointer_mut(pointer).unwrap() = value.into();
    event
}

/// The same lead, so many seconds old.
pub fn aged(event: Value, seconds: i64) -> Value {
    let at = json!(Millis(Millis::now().0 - seconds * 1000));
    ["/time", "/timestamp", "/data/received_at"].into_iter().fold(event, |event, time| with(event, time, at.clone()))
}

/// When a lead was received.
pub fn received_at(event: &Value) -> Millis {
    serde_json::from_value(event["data"]["received_at"].clone()).unwrap()
}

/// A sink of a built-in preset.
pub fn open(preset: &str, url: &str, secret: &str, settings: &[(&str, &str)]) -> Sink {
    Sink::open(&house::preset_sink(preset, url, secret, settings)).unwrap()
}

/// What comes of a first attempt.
pub async fn deliver(sink: &Sink, event: &Value) -> Answer {
    attempt(sink, event, false, None).await
}

/// What comes of an attempt after one that may have arrived, or that left a note.
pub async fn attempt(sink: &Sink, event: &Value, doubt: bool, note: Option<&str>) -> Answer {
    attempts(sink, std::slice::from_ref(event), doubt, note).await.remove(0)
}

/// What comes of an attempt for several leads, for each of them.
pub async fn attempts(sink: &Sink, events: &[Value], doubt: bool, note: Option<&str>) -> Vec<Answer> {
    let bodies: Vec<String> = events.iter().map(Value::to_string).collect();
    let number = if doubt || note.is_some() { 2 } else { 1 };
    let messages = events.iter().zip(&bodies).map(|(event, body)| Message {
        event_id: event["id"].as_str().unwrap(),
        event_type: EventType::LeadReceived,
        body,
        attempt: number,
        doubt,
        note,
    });
    let answers = sink.deliver(&messages.collect::<Vec<_>>()).await;
    assert_eq!(answers.len(), events.len());
    answers
}

/// What comes of `sink test`; nothing where the preset has no such call.
pub async fn test(sink: &Sink) -> Option<Told> {
    let event_id = "01939f0e-7c1a-7f62-9d1e-000000000000";
    let body = sample::lead(event_id, "mx1.company.ru", Millis::now()).unwrap();
    let event_type = EventType::LeadReceived;
    sink.test(Message { event_id, event_type, body: &body, attempt: 1, doubt: false, note: None }).await.map(told)
}

/// Verdict, status and error of an answer.
pub type Told = (Verdict, Option<u16>, Option<String>);

/// What an answer tells.
pub fn told(answer: Answer) -> Told {
    (answer.verdict, answer.status, answer.error)
}

/// The same, to compare with; without an error if it is empty.
pub fn outcome(verdict: Verdict, status: u16, error: &str) -> Told {
    (verdict, Some(status), (!error.is_empty()).then(|| error.to_owned()))
}

/// Delivered.
pub fn delivered(status: u16) -> Told {
    outcome(Verdict::Delivered, status, "")
}

/// Not sent.
pub fn skipped(reason: &str) -> Told {
    (Verdict::Skipped { reason: reason.to_owned() }, None, None)
}

/// Another attempt, whenever.
pub const RETRY: Verdict = Verdict::Retry { floor: None };

#[test]
fn the_leads_of_these_tests_are_such_as_the_schema_has() {
    let schema = serde_json::from_str(&std::fs::read_to_string(crate::scene::schema_file()).unwrap()).unwrap();
    let schema = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    for event in [rich(), poor()] {
        let faults: Vec<String> = schema.iter_errors(&event).map(|fault| fault.to_string()).collect();
        assert_eq!(faults, Vec::<String>::new());
    }
}
