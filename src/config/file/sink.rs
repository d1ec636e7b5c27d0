//! `[[sink]]`: where events go.

use serde::Deserialize;

use super::{List, Needed, Number, Text, Texts};

/// `[[sink]]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Sink {
    pub(in crate::config) id: Needed<Text>,
    pub(in crate::config) preset: Option<Text>,
    pub(in crate::config) url: Option<Text>,
    pub(in crate::config) secret_file: Option<Text>,
    pub(in crate::config) settings: Option<Texts>,
    pub(in crate::config) events: Option<List>,
    pub(in crate::config) kinds: Option<List>,
    pub(in crate::config) format: Option<Text>,
    pub(in crate::config) timeout: Option<Text>,
    pub(in crate::config) connect_timeout: Option<Text>,
    pub(in crate::config) concurrency: Option<Number>,
    pub(in crate::config) rate: Option<Number>,
    pub(in crate::config) ordered: Option<bool>,
    pub(in crate::config) retry: Option<List>,
    pub(in crate::config) suspend_after: Option<Number>,
    pub(in crate::config) ca_file: Option<Text>,
    pub(in crate::config) proxy: Option<Text>,
    pub(in crate::config) only_public: Option<bool>,
}
