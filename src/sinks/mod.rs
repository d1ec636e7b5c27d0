//! Sinks: the places that events are pushed to.
//!
//! [`Sink::open`] is given one `[[sink]]` of the config and gives back a sink that is ready to be called. [`Sink::deliver`]
//! makes one attempt and gives back an [`Answer`] with a [`Verdict`] for each event. A sink never sleeps, never tries again by
//! itself and never sees the store: when the next attempt is made, and whether there is one, is decided by the outbox. What a
//! sink says to its receiver is written in a preset, and one engine, [`http::Http`], runs them all.
//!
//! The way of one attempt: `http` asks `context` what the templates know, `render` makes requests of the preset's, `client`
//! sends them to where `destination` lets it, and `answer` says what came of it.

mod answer;
mod ask;
mod batch;
mod client;
mod cloudevents;
mod context;
mod destination;
mod http;
mod journal;
mod mask;
mod memory;
mod outcome;
mod preview;
mod render;
pub mod sample;
pub mod signature;

use std::time::Duration;

use crate::{config, event::EventType, preset::TemplateError};

pub use answer::LONGEST_RETRY_AFTER;

/// A place that events are pushed to.
#[derive(Debug)]
pub enum Sink {
    /// A server.
    Http(Box<http::Http>),
    /// A file of this host.
    Journal(journal::Journal),
}

impl Sink {
    /// Makes a sink ready. Opens no connection and no file.
    pub fn open(config: &config::Sink) -> Result<Self, SinkError> {
        match &config.journal {
            Some(journal) => Ok(Self::Journal(journal::Journal::new(journal.clone()))),
            None => Ok(Self::Http(Box::new(http::Http::open(config)?))),
        }
    }

    /// Makes one attempt; gives back one answer for each message, in their order.
    pub async fn deliver(&self, messages: &[Message<'_>]) -> Vec<Answer> {
        match self {
            Self::Http(http) => http.deliver(messages).await,
            Self::Journal(journal) => journal.deliver(messages).await,
        }
    }

    /// Makes the call that leaves nothing behind; `None` where the preset has none. Its templates see `sample`.
    pub async fn test(&self, sample: Message<'_>) -> Option<Answer> {
        match self {
            Self::Http(http) => http.test(sample).await,
            Self::Journal(_) => None,
        }
    }

    /// The requests that `message` would make, as text for people; sends nothing.
    pub fn preview(&self, message: Message<'_>) -> Result<String, SinkError> {
        match self {
            Self::Http(http) => http.preview(message),
            Self::Journal(_) => Ok(message.body.to_owned()),
        }
    }
}

/// One event on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The event's id, stable over every attempt: what a receiver knows a duplicate by.
    pub event_id: &'a str,
    /// The event's type.
    pub event_type: EventType,
    /// The event's bytes, sent unchanged.
    pub body: &'a str,
    /// Number of this attempt, from 1.
    pub attempt: u32,
    /// Whether an earlier attempt may have arrived, although no answer told so.
    pub doubt: bool,
    /// What the sink left for this attempt.
    pub note: Option<&'a str>,
}

/// What one attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it means for the delivery.
    pub verdict: Verdict,
    /// HTTP status, if an answer came.
    pub status: Option<u16>,
    /// What went wrong, on one line, without path, query or secret, perhaps in the receiver's words; `None` when delivered.
    pub error: Option<String>,
    /// The same in our own words, which may be logged and told to others.
    pub fault: Option<String>,
    /// First characters of the answer's body, for a person to read.
    pub answer: Option<String>,
    /// How long the call took.
    pub duration: Duration,
    /// Whether the event may have been stored although the verdict does not say so.
    pub doubt: bool,
    /// Requests that were made for it.
    pub calls: u32,
}

/// What an attempt means for its delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It arrived.
    Delivered,
    /// It may arrive later.
    Retry {
        /// The receiver asked for at least this wait.
        floor: Option<Duration>,
    },
    /// Somebody has to change something, here or at the receiver; a quick second try would be in vain.
    Misconfigured,
    /// The receiver wants this event no more.
    Refused,
    /// The receiver wants no events any more.
    Disabled,
    /// So far so good: there is another call to make.
    Again {
        /// Not before.
        after: Duration,
        /// What that call is told.
        note: String,
    },
    /// The receiver could make nothing of this event: it was not sent.
    Skipped {
        /// Why, for people.
        reason: String,
    },
}

/// Whether a status says that the receiver is overloaded or away, rather than that it does not take this event.
pub fn is_overloaded(status: u16) -> bool {
    matches!(status, 429 | 502..=504)
}

/// Why a sink cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// Nothing to sign with.
    #[error("sink {0} has no secret to sign with: systemd passed no such credential, LoadCredential= in the unit does")]
    NoSecret(String),
    /// A preset asks for a secret that is not there.
    #[error("sink {0} has no secret to show: systemd passed no such credential, LoadCredential= in the unit does")]
    NoToken(String),
    /// A secret is of no use as a key.
    #[error("sink {0} has a secret that cannot be a key")]
    BadSecret(String),
    /// The preset has no request, or the sink no URL.
    #[error("sink {0} has nowhere to send events")]
    NoDestination(String),
    /// The HTTP client refused its settings, or there are no CA certificates.
    #[error("sink {sink} gets no HTTP client: see its ca_file and proxy, and the ca-certificates package")]
    Client {
        /// The sink's id.
        sink: String,
        /// The client's reason.
        source: reqwest::Error,
    },
    /// A template comes to nothing that can be sent.
    #[error("sink {sink}: {place}")]
    Template {
        /// The sink's id.
        sink: String,
        /// Which part of the request.
        place: &'static str,
        /// Why.
        source: TemplateError,
    },
    /// The system gives no random bytes.
    #[error("system gives no random bytes")]
    Random(#[source] getrandom::Error),
}
