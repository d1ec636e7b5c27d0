//! What holds where the file says nothing. `config.example.toml` shows the same values, and a test compares them.

use std::{path::PathBuf, time::Duration};

use super::{
    Classify, Direct, Headers, Leads, Leak, Listen, Log, LogTarget, Milter, Normalize, OnError, Privacy, SenderPrivacy,
    Store, Strip, SubjectPrivacy, TagMatch,
};
use crate::{glob::HeaderGlob, lead::Basis};

impl Default for Milter {
    fn default() -> Self {
        Self {
            listen: Listen::Unix(PathBuf::from("/run/leadmilter/milter.sock")),
            socket_mode: 0o660,
            socket_group: None,
            on_error: OnError::Accept,
            max_connections: 2000,
            dry_run: false,
            budget: Duration::from_secs(2),
            drain: Duration::from_secs(30),
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self { folder: PathBuf::from("/var/lib/leadmilter") }
    }
}

impl Default for Headers {
    fn default() -> Self {
        Self { prefix: "X-Lead-".to_owned(), key: None, strip: Strip::Tracked }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: tracing::Level::INFO, target: LogTarget::Auto }
    }
}

impl Default for Leads {
    fn default() -> Self {
        Self {
            unique_by: Basis::Sender,
            unique_window: None,
            unique_requires_dmarc: false,
            normalize: Normalize::Case,
            direct: Direct::Replies,
            tag_match: TagMatch::All,
            default_charset: "windows-1251".to_owned(),
        }
    }
}

/// Verdicts that SpamAssassin, rspamd and Exchange leave.
pub(super) const SPAM_HEADERS: [&str; 5] = [
    "X-Spam-Flag: YES",
    "X-Spam: Yes",
    "X-Spam-Status: Yes*",
    "X-MS-Exchange-Organization-SCL: [5-9]",
    "X-Forefront-Antispam-Report: *SCL:[5-9];*",
];

impl Default for Classify {
    fn default() -> Self {
        Self {
            networks: Vec::new(),
            own_domain_is_internal: true,
            test_senders: Vec::new(),
            canaries: Vec::new(),
            authserv_ids: Vec::new(),
            spam_headers: SPAM_HEADERS.iter().filter_map(|rule| HeaderGlob::parse(rule).ok()).collect(),
        }
    }
}

impl Default for Leak {
    fn default() -> Self {
        Self { domains: 50, window: Duration::from_secs(600), spam: 5 }
    }
}

impl Default for Privacy {
    fn default() -> Self {
        Self { sender: SenderPrivacy::Plain, subject: SubjectPrivacy::Plain }
    }
}

/// Accepted between mailbox and tag.
pub(super) const SEPARATORS: &str = "+";

/// For the connection of a sink to open.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// For a whole call of a sink.
pub(super) const TIMEOUT: Duration = Duration::from_secs(20);

/// Calls of a sink at a time.
pub(super) const CONCURRENCY: usize = 4;

/// Failures in a row after which only probes are sent.
pub(super) const SUSPEND_AFTER: u32 = 10;

/// Seconds between the attempts of a delivery: some three days in all, as Standard Webhooks advises.
const RETRY: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// Waits between the attempts of a delivery.
pub(super) fn retry() -> Vec<Duration> {
    RETRY.map(Duration::from_secs).to_vec()
}
