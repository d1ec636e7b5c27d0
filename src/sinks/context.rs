//! What the templates of a preset know: the event, the sink's settings, and the answer to a request.
//!
//! Given a message, gives back a value for templates in which nothing is null: what an event does not have is absent, so that
//! `default` and `$if` work as a person expects.

use std::{collections::BTreeMap, fmt};

use reqwest::header::HeaderMap;
use serde_json::{Map, Value as Json, json};

use super::{Message, mask::Mask};
use crate::{
    config,
    preset::{self, Value},
};

/// What holds for every message of one sink.
pub struct Known {
    settings: Json,
    secret: String,
    url: String,
    sink: String,
    /// Keeps the secret out of what is written down.
    pub mask: Mask,
}

/// URL and secret are nobody's to read.
impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Known({})", self.sink)
    }
}

impl Known {
    /// Takes what the sink's config has.
    pub fn of(config: &config::Sink) -> Self {
        let url = config.url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
        let secret = config.token.as_ref().map(token_text).unwrap_or_default();
        Self {
            mask: Mask::of(&secret),
            settings: json!(config.settings),
            secret,
            url: url.unwrap_or_default(),
            sink: config.id.clone(),
        }
    }

    /// The sink's id.
    pub fn sink(&self) -> &str {
        &self.sink
    }

    /// What templates know of a message.
    pub fn of_message(&self, message: Message<'_>, fetched: &Map<String, Json>) -> Map<String, Json> {
        let event: Json = serde_json::from_str(message.body).unwrap_or_default();
        let event = without_nulls(event).unwrap_or_default();
        let mut known = Map::new();
        for name in ["id", "type", "time", "data"] {
            if let Some(value) = event.get(name) {
                known.insert(name.to_owned(), value.clone());
            }
        }
        known.insert("event".to_owned(), event);
        known.insert("settings".to_owned(), self.settings.clone());
        known.insert("secret".to_owned(), json!(self.secret));
        known.insert("url".to_owned(), json!(self.url));
        known.insert("sink".to_owned(), json!(self.sink));
        known.insert("attempt".to_owned(), json!(message.attempt));
        if let Some(note) = message.note {
            known.insert("note".to_owned(), json!(note));
        }
        known.insert("fetched".to_owned(), Json::Object(fetched.clone()));
        known
    }
}

/// An answer, as expressions see it.
pub fn with_answer(known: &Map<String, Json>, status: u16, headers: &HeaderMap, text: &str) -> Value {
    let mut known = known.clone();
    known.insert("status".to_owned(), json!(status));
    known.insert("text".to_owned(), json!(text));
    if let Some(answer) = serde_json::from_str(text).ok().and_then(without_nulls) {
        known.insert("answer".to_owned(), answer);
    }
    let headers: BTreeMap<&str, &str> =
        headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    known.insert("headers".to_owned(), json!(headers));
    preset::context(&known)
}

fn token_text(token: &crate::secret::Secret) -> String {
    String::from_utf8_lossy(token.reveal()).into_owned()
}

fn without_nulls(value: Json) -> Option<Json> {
    match value {
        Json::Null => None,
        Json::Array(items) => Some(Json::Array(items.into_iter().filter_map(without_nulls).collect())),
        Json::Object(entries) => {
            let kept = entries.into_iter().filter_map(|(name, value)| Some((name, without_nulls(value)?)));
            Some(Json::Object(kept.collect()))
        }
        other => Some(other),
    }
}
