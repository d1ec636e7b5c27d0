//! The engine that runs presets: one attempt over HTTP.
//!
//! Given an event, goes the way that the preset describes: is it one for this receiver, did it arrive before, what has to be
//! asked first, then the call itself. Makes no second attempt; all calls of one attempt share the sink's timeout. No error text
//! holds the URL or the secret.

use std::{sync::Arc, time::Duration};

use reqwest::{
    Client, Method, StatusCode,
    dns::Resolve,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap},
    multipart,
};
use serde_json::{Map, Value as Json};
use url::Url;

use super::{
    Answer, Message, SinkError, Verdict,
    answer::{self, Judged},
    client::{self, Failure},
    cloudevents,
    context::{Known, with_answer},
    destination::{self, Policy, Resolver},
    memory::Memory,
    outcome::{Budget, Outcome},
    render::{Payload, Rendered, render},
    signature::Signer,
};
use crate::{
    clock::Millis,
    config::{self, Format},
    preset::{self, Body, Preset, Request, SecretKind, TemplateError, Value},
};

/// A receiver that a preset knows how to talk to.
#[derive(Debug)]
pub struct Http {
    client: Client,
    policy: Policy,
    pub(super) base: Url,
    pub(super) preset: Arc<Preset>,
    pub(super) known: Known,
    pub(super) signer: Option<Signer>,
    pub(super) format: Format,
    timeout: Duration,
    pub(super) memory: Memory,
    /// Whether no template looks at the event, so that it need not be read.
    is_plain: bool,
}

/// An answer.
pub(super) struct Called {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
    is_whole: bool,
}

impl Http {
    /// Prepares client and keys. Opens no connection.
    pub fn open(config: &config::Sink) -> Result<Self, SinkError> {
        Self::open_with(config, Resolver(client::policy(config)))
    }

    pub(super) fn open_with(config: &config::Sink, resolver: impl Resolve + 'static) -> Result<Self, SinkError> {
        let id = || config.id.clone();
        let signer = match &config.preset.secret {
            Some(SecretKind::Signing) if config.secrets.is_empty() => return Err(SinkError::NoSecret(id())),
            Some(SecretKind::Signing) => {
                Some(Signer::new(&config.secrets, &config.signing_keys).ok_or_else(|| SinkError::BadSecret(id()))?)
            }
            Some(SecretKind::Token { optional: false, .. }) if config.token.is_none() => {
                return Err(SinkError::NoToken(id()));
            }
            Some(SecretKind::Token { .. }) | None => None,
        };
        let (Some(base), Some(_)) = (&config.url, &config.preset.request) else {
            return Err(SinkError::NoDestination(id()));
        };
        let client = client::client(config, resolver)
            .map_err(|error| SinkError::Client { sink: config.id.clone(), source: error.without_url() })?;
        Ok(Self {
            client,
            policy: client::policy(config),
            base: base.clone(),
            preset: Arc::clone(&config.preset),
            known: Known::of(config),
            signer,
            format: config.format,
            timeout: config.timeout,
            memory: Memory::default(),
            is_plain: is_plain(&config.preset),
        })
    }

    /// Makes one attempt; gives back one answer for each message.
    pub async fn deliver(&self, messages: &[Message<'_>]) -> Vec<Answer> {
        if self.preset.batch.is_some() {
            return self.deliver_batch(messages).await;
        }
        let mut answers = Vec::with_capacity(messages.len());
        for message in messages {
            let budget = Budget::new(self.timeout);
            let outcome = self.attempt(*message, &budget).await.unwrap_or_else(|failed| failed);
            answers.push(outcome.answer(&budget));
        }
        answers
    }

    /// Makes the call that leaves nothing behind.
    pub async fn test(&self, sample: Message<'_>) -> Option<Answer> {
        let request = self.preset.test.as_ref()?;
        let budget = Budget::new(self.timeout);
        let known = self.known.of_message(sample, &Map::new());
        let called = self.call(request, &known, sample, &budget).await;
        Some(called.unwrap_or_else(|failed| failed).answer(&budget))
    }

    async fn attempt(&self, message: Message<'_>, budget: &Budget) -> Result<Outcome, Outcome> {
        let mut known = self.of_message(message, &Map::new());
        // First: what the receiver has taken already is not skipped because it grew too old meanwhile.
        if let (Some(check), Some(_)) = (&self.preset.check, message.note) {
            return self.call(check, &known, message, budget).await;
        }
        if let Some(reason) = self.skip_reason(&known)? {
            return Ok(Outcome::well(Verdict::Skipped { reason }));
        }
        if message.doubt && self.has_arrived(&known, budget).await? {
            return Ok(Outcome::well(Verdict::Delivered));
        }
        if !self.preset.fetches.is_empty() {
            let fetched = self.fetched(&known, budget).await?;
            known.insert("fetched".to_owned(), Json::Object(fetched));
        }
        let Some(request) = &self.preset.request else {
            return Err(Outcome::misconfigured("the preset has no request"));
        };
        let outcome = self.call(request, &known, message, budget).await;
        if !matches!(&outcome, Ok(outcome) if outcome.judged.verdict == Verdict::Delivered) {
            self.memory.forget();
        }
        outcome
    }

    /// Makes one request and judges its answer.
    async fn call(
        &self,
        request: &Request,
        known: &Map<String, Json>,
        message: Message<'_>,
        budget: &Budget,
    ) -> Result<Outcome, Outcome> {
        let rendered = render(request, &self.base, known).map_err(Failure::from)?;
        let called = self.send(rendered, Some(message), budget).await?;
        Ok(self.judged(request, known, &called))
    }

    /// Sends a request whose answer is judged for each of many events.
    pub(super) async fn call_rendered(
        &self,
        request: &Request,
        rendered: Rendered,
        known: &Map<String, Json>,
        budget: &Budget,
    ) -> Result<Outcome, Outcome> {
        let called = self.send(rendered, None, budget).await?;
        Ok(self.judged(request, known, &called))
    }

    pub(super) fn judged(&self, request: &Request, known: &Map<String, Json>, called: &Called) -> Outcome {
        let (mask, Called { status, headers, body, .. }) = (&self.known.mask, called);
        let judged = answer::judge(request, known, *status, headers, body, mask)
            // The call was made, and nobody can say what the answer means.
            .unwrap_or_else(|wrong| Judged::failed(Verdict::Misconfigured, format!("preset: {wrong}"), true));
        let shown = answer::shown(body, mask).map(String::into);
        Outcome { judged, status: Some(status.as_u16()), shown }
    }

    pub(super) async fn send(
        &self,
        rendered: Rendered,
        message: Option<Message<'_>>,
        budget: &Budget,
    ) -> Result<Called, Failure> {
        destination::check(&rendered.url, self.policy)?;
        let left = budget.call().ok_or(Failure::OutOfTime)?;
        let has_type = rendered.headers.contains_key(CONTENT_TYPE);
        let takes_body = matches!(rendered.method, Method::POST | Method::PUT | Method::PATCH);
        let mut request = self.client.request(rendered.method, rendered.url).timeout(left).headers(rendered.headers);
        request = match rendered.payload {
            // Some servers want to be told that nothing follows (RFC 9110, section 8.6).
            Payload::Nothing if takes_body => request.header(CONTENT_LENGTH, 0),
            Payload::Nothing => request,
            Payload::Csv { field, body } => {
                let part = multipart::Part::bytes(body).file_name("leads.csv").mime_str("text/csv")?;
                request.multipart(multipart::Form::new().part(field, part))
            }
            Payload::Text { content_type, body } => {
                let request = self.signed(request, message, &body).body(body);
                if has_type { request } else { request.header(CONTENT_TYPE, content_type) }
            }
            Payload::Event => {
                let (body, headers) = cloudevents::formed(message.map_or("", |message| message.body), self.format);
                self.signed(request, message, &body).headers(headers).body(body.into_owned())
            }
        };
        let mut response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        // The status alone has decided already where no preset looks at the body: one that breaks off changes nothing.
        let (body, is_whole) = client::beginning(&mut response).await;
        Ok(Called { status, headers, body, is_whole })
    }

    fn signed(
        &self,
        request: reqwest::RequestBuilder,
        message: Option<Message<'_>>,
        body: &str,
    ) -> reqwest::RequestBuilder {
        let (Some(signer), Some(message)) = (&self.signer, message) else { return request };
        let timestamp = Millis::now().seconds();
        request
            .header("webhook-id", message.event_id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signer.sign(message.event_id, timestamp, body))
    }

    /// For all calls of one attempt.
    pub(super) fn budget(&self) -> Budget {
        Budget::new(self.timeout)
    }

    /// Why an event is none for this receiver.
    pub(super) fn skip_reason(&self, known: &Map<String, Json>) -> Result<Option<String>, TemplateError> {
        if let (Some(most), Some(time)) = (self.preset.max_age, known.get("time"))
            && let Ok(time) = serde_json::from_value::<Millis>(time.clone())
            && time.plus(most) < Millis::now()
        {
            let (number, unit) = match most.as_secs() {
                seconds if seconds.is_multiple_of(3600) => (seconds / 3600, "hours"),
                seconds if seconds.is_multiple_of(60) => (seconds / 60, "minutes"),
                seconds => (seconds, "seconds"),
            };
            return Ok(Some(format!("the event is older than the {number} {unit} that the receiver looks back")));
        }
        if self.preset.skips.is_empty() {
            return Ok(None);
        }
        let context = preset::context(known);
        for skip in &self.preset.skips {
            if skip.condition.holds(&context)? == skip.holds {
                return Ok(Some(skip.reason.clone()));
            }
        }
        Ok(None)
    }

    /// What templates know of a message.
    pub(super) fn of_message(&self, message: Message<'_>, fetched: &Map<String, Json>) -> Map<String, Json> {
        if self.is_plain { Map::new() } else { self.known.of_message(message, fetched) }
    }
}

impl Called {
    /// Fails where the answer is not all there: what it does not say could not be told from what was cut off.
    pub(super) fn whole(self, outcome: &Outcome) -> Result<Self, Outcome> {
        if self.is_whole {
            return Ok(self);
        }
        let fault = format!("answer broke off, or is longer than {} KiB", client::READ / 1024);
        Err(Outcome { judged: Judged::failed(Verdict::Retry { floor: None }, fault, true), ..outcome.clone() })
    }

    /// The answer as expressions see it.
    pub(super) fn seen(&self, known: &Map<String, Json>) -> Value {
        with_answer(known, self.status.as_u16(), &self.headers, &String::from_utf8_lossy(&self.body))
    }
}

/// Whether no part of a preset looks at the event.
fn is_plain(preset: &Preset) -> bool {
    let looks = |request: &Request| {
        !matches!(request.body, Body::Event)
            || request.auth.is_some()
            || request.success.is_some()
            || !(request.path.is_empty() && request.query.is_empty() && request.headers.is_empty())
            || !request.answers.is_empty()
    };
    preset.skips.is_empty()
        && preset.max_age.is_none()
        && preset.fetches.is_empty()
        && preset.lookup.is_none()
        && preset.check.is_none()
        && !preset.request.as_ref().is_some_and(looks)
}
