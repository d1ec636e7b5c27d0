//! The other side of a preset: a server that behaves as a [`Mind`] says, and the leads that it is sent.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Method, Uri},
    response::Response,
};
use leadmilter::{
    event::EventType,
    sinks::{Answer, Message, Sink},
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

/// A request as the server gets it.
pub struct Request {
    pub method: Method,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Request {
    /// A header's value; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body as JSON, if it says that it is some.
    pub fn json(&self) -> Option<Value> {
        self.header("content-type").starts_with("application/json").then(|| serde_json::from_slice(&self.body).ok())?
    }

    /// The body as a form, in the order of its fields, if it says that it is one.
    pub fn form(&self) -> Option<Vec<(String, String)>> {
        let is = self.header("content-type") == "application/x-www-form-urlencoded";
        is.then(|| url::form_urlencoded::parse(&self.body).into_owned().collect())
    }

    /// A value of the query; empty if there is none.
    pub fn asked(&self, name: &str) -> &str {
        self.query.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// What a server knows and does.
pub trait Mind: Send + 'static {
    fn answer(&mut self, request: &Request) -> Response;
}

/// A server on a free port of this host.
pub struct Counterpart<M> {
    pub url: String,
    mind: Arc<Mutex<M>>,
    server: JoinHandle<()>,
}

impl<M: Mind> Counterpart<M> {
    pub async fn start(mind: M) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mind = Arc::new(Mutex::new(mind));
        let own = Arc::clone(&mind);
        let answer = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
            let query = query.into_owned().collect();
            let request = Request { method, path: uri.path().to_owned(), query, headers, body };
            let response = own.lock().unwrap().answer(&request);
            async move { response }
        };
        let app = Router::new().fallback(answer);
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, mind, server }
    }

    /// What the server has learnt so far, and what it is to do next.
    pub fn mind(&self) -> MutexGuard<'_, M> {
        self.mind.lock().unwrap()
    }
}

impl<M> Drop for Counterpart<M> {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// An answer with a JSON body.
pub fn json(status: u16, body: &Value) -> Response {
    let response = Response::builder().status(status).header("content-type", "application/json; charset=utf-8");
    response.body(Body::from(body.to_string())).unwrap()
}

/// A lead with all that is known of one, some of it written by an enemy.
pub fn rich() -> Value {
    serde_json::from_str(include_str!("../events/rich.json")).unwrap()
}

/// A lead of which nothing is known: a hidden sender, no channel, no visit.
pub fn poor() -> Value {
    serde_json::from_str(include_str!("../events/poor.json")).unwrap()
}

/// What comes of the call that leaves nothing behind.
pub async fn test(sink: &Sink) -> Option<Answer> {
    let body = rich().to_string();
    sink.test(message(&body, false, None)).await
}

/// What comes of a first attempt.
pub async fn deliver(sink: &Sink, event: &Value) -> Answer {
    attempt(sink, event, false, None).await
}

/// What comes of an attempt after one that may have arrived, or that left a note.
pub async fn attempt(sink: &Sink, event: &Value, doubt: bool, note: Option<&str>) -> Answer {
    let body = event.to_string();
    let mut answers = sink.deliver(&[message(&body, doubt, note)]).await;
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

/// An event on its way.
pub fn message<'a>(body: &'a str, doubt: bool, note: Option<&'a str>) -> Message<'a> {
    let attempt = if doubt || note.is_some() { 2 } else { 1 };
    Message { event_id: "01939f0e", event_type: EventType::LeadReceived, body, attempt, doubt, note }
}

#[test]
fn the_leads_of_these_tests_are_such_as_the_schema_has() {
    let schema = serde_json::from_str(&std::fs::read_to_string(crate::scene::schema_file()).unwrap()).unwrap();
    let schema = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    for event in [rich(), poor()] {
        let faults: Vec<String> = schema.iter_errors(&event).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}");
    }
}
