//! What holds where the file says nothing. `config.example.toml` shows the same values, and a test compares them.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    time::Duration,
};

use super::{
    Classify, Dashboard, Direct, Headers, Http, Leads, Leak, Listen, Log, LogIn, LogTarget, Milter, Normalize, OnError,
    Privacy, SenderPrivacy, Store, Strip, SubjectPrivacy, TagMatch,
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

/// Mode of the socket map's socket.
pub(super) const MAP_MODE: u32 = 0o660;

/// Connections to the socket map at a time.
pub(super) const MAP_CONNECTIONS: usize = 2000;

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
        Self { sender: SenderPrivacy::Plain, subject: SubjectPrivacy::Plain, retention: Some(RETENTION) }
    }
}

impl Default for Http {
    fn default() -> Self {
        let own = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        Self { public: None, admin: None, trusted_proxies: own.map(Into::into).to_vec(), rate: 60 }
    }
}

impl Default for Dashboard {
    fn default() -> Self {
        Self { login: LogIn::Password }
    }
}

/// How long after a visit a lead is exact.
pub(super) const WINDOW: Duration = Duration::from_secs(90 * 86_400);

/// When a visit's ids and pages are dropped.
pub(super) const COMPACT: Duration = Duration::from_secs(180 * 86_400);

/// When a visit is deleted, and a lead.
pub(super) const RETENTION: Duration = Duration::from_secs(800 * 86_400);

/// New addresses a minute of one site.
pub(super) const BUDGET: u32 = 600;

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
