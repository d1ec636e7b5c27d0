//! Sections about what comes back from a lead, and who reads of it.

use serde::Deserialize;

use super::{Text, Texts};

/// `[outcomes]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Outcomes {
    pub(in crate::config) secret_file: Option<Text>,
}

/// `[reports]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Reports {
    pub(in crate::config) currency: Option<Text>,
    pub(in crate::config) rates: Option<Texts>,
    pub(in crate::config) model: Option<Text>,
    pub(in crate::config) language: Option<Text>,
    pub(in crate::config) overhead: Vec<Text>,
}
