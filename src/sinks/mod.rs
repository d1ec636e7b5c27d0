//! Sinks: the places that events are pushed to.
//!
//! [`Sink::open`] is given one `[[sink]]` of the config and gives back a sink that is ready to be called.
//! [`Sink::deliver`] makes one attempt with one event and gives back an [`Answer`] with a [`Verdict`]. A sink never
//! sleeps, never tries again by itself and never sees the store: when the next attempt is made, and whether there is
//! one, is decided by the outbox. A new kind of sink is a new file here and a new variant of [`Sink`].

mod answer;
mod destination;
pub mod signature;
pub mod webhook;

use std::time::Duration;

use crate::{
    config::{self, Preset},
    event::EventType,
};

pub use answer::LONGEST_RETRY_AFTER;

/// A place that events are pushed to.
#[derive(Debug)]
pub enum Sink {
    /// A webhook after Standard Webhooks.
    Webhook(webhook::Webhook),
}

impl Sink {
    /// Makes a sink ready. Opens no connection.
    pub fn open(config: &config::Sink) -> Result<Self, SinkError> {
        match config.preset {
            Preset::Webhook => webhook::Webhook::open(config).map(Self::Webhook),
        }
    }

    /// Makes one attempt.
    pub async fn deliver(&self, message: Message<'_>) -> Answer {
        match self {
            Self::Webhook(webhook) => webhook.deliver(message).await,
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
}

/// What one attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it means for the delivery.
    pub verdict: Verdict,
    /// HTTP status, if an answer came.
    pub status: Option<u16>,
    /// What went wrong, on one line, without path, query or secret; `None` when delivered.
    pub error: Option<String>,
    /// First characters of the answer's body, for a person to read.
    pub answer: Option<String>,
    /// How long the call took.
    pub duration: Duration,
}

/// What an attempt means for its delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

/// Why a sink cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// Nothing to sign with.
    #[error("sink {0} has no secret to sign with")]
    NoSecret(String),
    /// A secret is of no use as a key.
    #[error("sink {0} has a secret that cannot be a key")]
    BadSecret(String),
    /// The HTTP client refused its settings, or the system has no CA certificates.
    #[error("sink {sink} gets no HTTP client")]
    Client {
        /// The sink's id.
        sink: String,
        /// The client's reason.
        source: reqwest::Error,
    },
    /// The system gives no random bytes.
    #[error("system gives no random bytes")]
    Random(#[source] getrandom::Error),
}
