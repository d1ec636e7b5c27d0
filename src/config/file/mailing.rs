//! Sections about reports that leave by mail.

use serde::Deserialize;

use super::{List, Needed, Text};

/// `[mail]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Mail {
    pub(in crate::config) sendmail: Option<Text>,
    pub(in crate::config) smtp: Option<Text>,
}

/// `[[report]]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Report {
    pub(in crate::config) id: Needed<Text>,
    pub(in crate::config) to: Needed<List>,
    pub(in crate::config) every: Needed<Text>,
    pub(in crate::config) from: Option<Text>,
    pub(in crate::config) at: Option<Text>,
    pub(in crate::config) preset: Option<Text>,
    pub(in crate::config) language: Option<Text>,
    pub(in crate::config) model: Option<Text>,
}
