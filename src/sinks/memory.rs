//! What a sink has asked its receiver for before, such as the number of a source in a CRM.
//!
//! Given the request that would ask, gives back the value of the last answer. Bounded; forgotten whole when it is full, and when
//! the receiver refuses an event, since what was fetched may be gone there.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::render::{Payload, Rendered};

/// Values that are kept: sources, media and campaigns of a company are fewer.
const MOST: usize = 1024;

/// Values by the request that brought them.
#[derive(Debug, Default)]
pub struct Memory {
    values: Mutex<HashMap<String, Json>>,
}

impl Memory {
    /// What the request brought last.
    pub fn get(&self, key: &str) -> Option<Json> {
        self.values().get(key).cloned()
    }

    /// Keeps what a request brought.
    pub fn keep(&self, key: String, value: Json) {
        let mut values = self.values();
        if values.len() >= MOST {
            values.clear();
        }
        values.insert(key, value);
    }

    /// Forgets everything.
    pub fn forget(&self) {
        self.values().clear();
    }

    fn values(&self) -> MutexGuard<'_, HashMap<String, Json>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What tells a request from others: a digest, since a URL may hold a secret.
pub fn key(rendered: &Rendered) -> String {
    let body = match &rendered.payload {
        Payload::Text { body, .. } => body.as_str(),
        Payload::Nothing | Payload::Event | Payload::Csv { .. } => "",
    };
    STANDARD.encode(Sha256::digest(format!("{} {} {body}", rendered.method, rendered.url)))
}
