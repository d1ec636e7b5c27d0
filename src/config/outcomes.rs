//! `[outcomes]`: who may tell what became of leads without a token of ours.

use crate::secret::Secret;

/// `[outcomes]`: how outcomes come in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Secrets of Standard Webhooks, scheme v1, newest first; a request that one of them has signed is believed.
    pub secrets: Vec<Secret>,
}
