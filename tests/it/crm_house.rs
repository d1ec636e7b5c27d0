//! A system that tests talk to by presets of their own: a server that answers by what it is asked.
//!
//! Given a preset's text; gives back a sink as a config would make it, and the calls that it makes.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Uri},
    response::Response,
};
use leadmilter::{
    config,
    event::EventType,
    preset::Preset,
    sinks::{Answer, Message, Sink, Verdict},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::house::{self, Call};

/// The secret of [`Crm::sink`], with characters that every encoding changes.
pub const KEY: &str = "k3y/\"&+ ключ";

/// What a server does with a request.
pub enum Reply {
    /// Answers.
    Now(Response),
    /// Answers after a while.
    After(Duration, Response),
    /// Never answers.
    Never,
}

/// An answer with JSON in it.
pub fn says(code: u16, body: &Value) -> Reply {
    text(code, &body.to_string())
}

/// An answer with any text in it.
pub fn text(code: u16, body: &str) -> Reply {
    Reply::Now(Response::builder().status(code).body(Body::from(body.to_owned())).unwrap())
}

type Answers = dyn Fn(&Call) -> Reply + Send + Sync;

/// A server on a free port of this host.
pub struct Crm {
    /// Where it listens, with a path and a query of its own.
    pub url: String,
    calls: Arc<Mutex<Vec<Call>>>,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Desk {
    calls: Arc<Mutex<Vec<Call>>>,
    answers: Arc<Answers>,
}

impl Crm {
    /// Starts one.
    pub async fn start(answers: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/base/", listener.local_addr().unwrap());
        let desk = Desk { calls: Arc::default(), answers: Arc::new(answers) };
        let calls = Arc::clone(&desk.calls);
        let app = Router::new().fallback(take).with_state(desk);
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, calls, server }
    }

    /// One that takes everything.
    pub async fn patient() -> Self {
        Self::start(|_| says(200, &json!({}))).await
    }

    /// The config of a sink of this preset.
    pub fn config(&self, preset: &str) -> config::Sink {
        let preset = Preset::parse("mine", &format!("title = \"mine\"\n{preset}"));
        let preset = preset.unwrap_or_else(|wrong| panic!("{wrong}"));
        let secret = if preset.secret.is_some() { KEY } else { "" };
        house::sink_of(preset, &self.url, secret, &[])
    }

    /// A sink of this preset.
    pub fn sink(&self, preset: &str) -> Sink {
        Sink::open(&self.config(preset)).unwrap()
    }

    /// Method and target of the calls since the last question.
    pub fn lines(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.line).collect()
    }

    /// The calls since the last question.
    pub fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// The only call since the last question.
    pub fn call(&self) -> Call {
        let mut calls = self.calls();
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls.remove(0)
    }
}

impl Drop for Crm {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(State(desk): State<Desk>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let call = Call { at: std::time::Instant::now(), line: format!("{method} {uri}"), headers, body };
    let reply = (desk.answers)(&call);
    desk.calls.lock().unwrap().push(call);
    match reply {
        Reply::Now(response) => response,
        Reply::After(wait, response) => {
            tokio::time::sleep(wait).await;
            response
        }
        Reply::Never => std::future::pending().await,
    }
}

/// An event on its way out.
#[derive(Clone, Debug)]
pub struct Event {
    pub id: String,
    pub body: String,
    pub attempt: u32,
    pub doubt: bool,
    pub note: Option<String>,
}

/// An event of now, with this `data`.
pub fn event(id: &str, data: &Value) -> Event {
    event_at(id, leadmilter::clock::Millis::now(), data)
}

/// An event of then.
pub fn event_at(id: &str, time: leadmilter::clock::Millis, data: &Value) -> Event {
    let body = json!({ "specversion": "1.0", "id": id, "type": "lead.received", "time": time, "data": data });
    Event { id: id.to_owned(), body: body.to_string(), attempt: 1, doubt: false, note: None }
}

impl Event {
    /// The same after an attempt that may have arrived.
    pub fn in_doubt(self) -> Self {
        Self { attempt: self.attempt + 1, doubt: true, ..self }
    }

    /// The same after an attempt that left a note.
    pub fn noted(self, note: &str) -> Self {
        Self { attempt: self.attempt + 1, note: Some(note.to_owned()), ..self }
    }

    /// As a sink gets it.
    pub fn message(&self) -> Message<'_> {
        Message {
            event_id: &self.id,
            event_type: EventType::LeadReceived,
            body: &self.body,
            attempt: self.attempt,
            doubt: self.doubt,
            note: self.note.as_deref(),
        }
    }
}

/// One attempt for one event.
pub async fn deliver(sink: &Sink, event: &Event) -> Answer {
    deliver_all(sink, std::slice::from_ref(event)).await.remove(0)
}

/// One attempt for many events.
pub async fn deliver_all(sink: &Sink, events: &[Event]) -> Vec<Answer> {
    let messages: Vec<_> = events.iter().map(Event::message).collect();
    sink.deliver(&messages).await
}

/// What an attempt came to, but for how long it took: verdict, status, error, answer, doubt.
pub type Came = (Verdict, Option<u16>, Option<String>, Option<String>, bool);

/// The same of an answer.
pub fn came(answer: Answer) -> Came {
    (answer.verdict, answer.status, answer.error, answer.answer, answer.doubt)
}
