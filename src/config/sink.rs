//! `[[sink]]`: where events go.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use crate::{event::EventType, lead::Kind, preset::Preset, secret::Secret};

/// `[[sink]]`: a place that events are pushed to.
#[derive(Clone, Debug, PartialEq)]
pub struct Sink {
    /// Stable id, `[A-Za-z0-9._-]`, at most 64 characters.
    pub id: String,
    /// How to talk to it.
    pub preset: Arc<Preset>,
    /// Values that the preset asks for, defaults included.
    pub settings: BTreeMap<String, String>,
    /// Where events go; its path and query may hold secrets, so it is never logged whole. A journal has none.
    pub url: Option<url::Url>,
    /// Signing keys of Standard Webhooks, scheme v1, newest first; every one signs.
    pub secrets: Vec<Secret>,
    /// Ed25519 seeds of Standard Webhooks, scheme v1a, newest first; every one signs.
    pub signing_keys: Vec<Secret>,
    /// What requests of other presets show.
    pub token: Option<Secret>,
    /// The form of an event that goes out as it is.
    pub format: Format,
    /// The file of a journal.
    pub journal: Option<Journal>,
    /// Types of event that are sent.
    pub events: Vec<EventType>,
    /// Kinds of message that are told about.
    pub kinds: Vec<Kind>,
    /// For the connection to open.
    pub connect_timeout: Duration,
    /// For the whole call.
    pub timeout: Duration,
    /// Calls at a time.
    pub concurrency: usize,
    /// Calls a second at most.
    pub rate: Option<u32>,
    /// Whether an event waits until the one before has arrived or been given up.
    pub ordered: bool,
    /// Failures in a row after which only probes are sent; 0 for never.
    pub suspend_after: u32,
    /// Waits between attempts; the first attempt is made at once, and after the last wait comes the last attempt.
    pub retry: Vec<Duration>,
    /// CA certificates in PEM that alone are trusted; those of the system if absent.
    pub ca: Option<Vec<u8>>,
    /// The proxy that calls go through.
    pub proxy: Option<url::Url>,
    /// Whether private, loopback and link-local addresses are refused.
    pub only_public: bool,
}

/// The form of an event that goes out as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The whole event as `application/json`.
    Json,
    /// The whole event as `application/cloudevents+json`: structured mode.
    CloudEvents,
    /// Attributes as `ce-` headers, `data` as the body: binary mode.
    CloudEventsBinary,
}

/// Where a journal is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    /// The file; standard output if absent.
    pub path: Option<PathBuf>,
    /// A file of this size is put aside.
    pub max_size: u64,
    /// So many files that were put aside are kept.
    pub keep: u32,
}
