//! The configuration, checked: what every other module is given.
//!
//! [`load()`] reads a TOML file and gives back either a [`Config`] in which nothing contradicts anything, or every fault
//! that the file has, each with key, line and remedy. Key, field and manual use the same name. Reads the files that the
//! config names (secrets, keys, presets) and nothing else; opens no socket and no store.

mod arrival;
mod check;
mod dashboard;
mod defaults;
mod dynamic;
mod fault;
mod file;
mod findings;
mod load;
mod mailing;
mod names;
mod outcomes;
mod patterns;
mod places;
mod read;
mod reports;
mod secrets;
mod shape;
mod sink;
mod socketmap;
mod tag;
mod units;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

pub use arrival::{ArrivalRule, From, UtmPatterns};
pub use dashboard::{Dashboard, LogIn};
pub use dynamic::{Dynamic, Http, HttpListen, Site};
pub use fault::{Fault, Faults};
pub use load::{Loaded, load, parse};
pub use mailing::{Every, Mail, MailedReport, PRESETS};
pub use outcomes::Outcomes;
pub use reports::Reports;
pub use sink::{Format, Journal, Sink};
pub use socketmap::Socketmap;
pub use tag::{Side, SizeBound, TagMatch, TagRule};

use ipnet::IpNet;

use crate::{
    address::Address,
    channel::{Channel, Mailbox},
    glob::HeaderGlob,
    lead::Basis,
    secret::Secret,
};

/// A configuration in which nothing contradicts anything.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// This host's name in events.
    pub hostname: String,
    /// IANA time zone of listings and reports.
    pub timezone: String,
    /// Domains that the company receives mail for, as A-labels; empty if not listed.
    pub domains: Vec<String>,
    /// The milter door.
    pub milter: Milter,
    /// The socket map door; none if absent.
    pub socketmap: Option<Socketmap>,
    /// Where leads are kept.
    pub store: Store,
    /// Attribution headers.
    pub headers: Headers,
    /// Logs.
    pub log: Log,
    /// Real addresses.
    pub mailboxes: Vec<Mailbox>,
    /// Ways of promotion.
    pub channels: Vec<Channel>,
    /// Which channel a visit belongs to, in order.
    pub arrivals: Vec<ArrivalRule>,
    /// What makes a letter carry a tag.
    pub tags: Vec<TagRule>,
    /// How leads are counted.
    pub leads: Leads,
    /// What is no inquiry.
    pub classify: Classify,
    /// When an address counts as leaked.
    pub leak: Leak,
    /// What leaves in events.
    pub privacy: Privacy,
    /// Addresses for visitors, if there are any.
    pub dynamic: Option<Dynamic>,
    /// The HTTP doors.
    pub http: Http,
    /// The pages of the admin door.
    pub dashboard: Dashboard,
    /// Web sites that may ask for addresses.
    pub sites: Vec<Site>,
    /// Where events go.
    pub sinks: Vec<Sink>,
    /// How reports count.
    pub reports: Reports,
    /// How outcomes come in.
    pub outcomes: Outcomes,
    /// How mail leaves this host.
    pub mail: Mail,
    /// Reports that are sent by mail.
    pub mailed: Vec<MailedReport>,
}

/// `[milter]`: the socket that the MTA connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Milter {
    /// Where to listen.
    pub listen: Listen,
    /// Mode of a UNIX socket.
    pub socket_mode: u32,
    /// Group of a UNIX socket; the process's own if absent.
    pub socket_group: Option<String>,
    /// What the MTA hears when a lead cannot be recorded.
    pub on_error: OnError,
    /// Sessions at a time; one more is closed at once, and the MTA goes on without us.
    pub max_connections: usize,
    /// Compute and log, change nothing, record nothing.
    pub dry_run: bool,
    /// How long the end of one message may wait for the store.
    pub budget: Duration,
    /// How long open sessions may go on after SIGTERM.
    pub drain: Duration,
}

/// Where a door of the MTA listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// `unix:/run/leadmilter/milter.sock`
    Unix(PathBuf),
    /// `inet:127.0.0.1:8891` or `inet6:[::1]:8891`
    Tcp(SocketAddr),
    /// `systemd`: the socket that systemd passed to us.
    Systemd,
}

/// What the MTA hears when a lead cannot be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// The message passes unchanged.
    Accept,
    /// The client is asked to come again later.
    Tempfail,
}

/// `[store]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Folder of the embedded store.
    pub folder: PathBuf,
}

/// `[headers]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    /// First part of every header name.
    pub prefix: String,
    /// Key of the signature header; without it, none is added.
    pub key: Option<Secret>,
    /// Which messages lose forged attribution headers.
    pub strip: Strip,
}

/// Which messages lose forged attribution headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strip {
    /// Those with a tracked recipient; the MTA sends no headers of others.
    Tracked,
    /// All.
    All,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// `error`, `warn`, `info` or `debug`.
    pub level: tracing::Level,
    /// Where lines go.
    pub target: LogTarget,
}

/// Where log lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// The journal if systemd connected our stderr to it, else stderr.
    Auto,
    /// Standard error.
    Stderr,
    /// systemd's journal.
    Journald,
}

/// `[leads]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leads {
    /// What two inquiries must share to be one person's.
    pub unique_by: Basis,
    /// How long after the last inquiry a sender counts as known; `None` for ever.
    pub unique_window: Option<Duration>,
    /// Whether only senders that pass DMARC start or continue a series.
    pub unique_requires_dmarc: bool,
    /// Which spellings of an address are one sender.
    pub normalize: Normalize,
    /// Which letters to a mailbox itself are recorded.
    pub direct: Direct,
    /// Which of the tag rules that fit count.
    pub tag_match: TagMatch,
    /// Charset of header bytes that are neither UTF-8 nor declared: a label of the WHATWG Encoding Standard.
    pub default_charset: String,
}

/// Which spellings of an address are one sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalize {
    /// Those that differ in case.
    Case,
    /// Also those that the provider of the address does not tell apart: dots and plus tags at Gmail, for one.
    Provider,
}

/// Which letters to a mailbox itself are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direct {
    /// None.
    Ignore,
    /// Those that answer a letter of a known thread.
    Replies,
    /// Those too whose sender is known from a lead.
    Senders,
    /// All.
    All,
}

/// `[classify]`, and `spam_headers` of `[leads]`: what is no inquiry.
#[derive(Clone, Debug, PartialEq)]
pub struct Classify {
    /// Networks of the company's own clients.
    pub networks: Vec<IpNet>,
    /// Whether a sender in one of `domains` is internal.
    pub own_domain_is_internal: bool,
    /// Senders whose letters are tests.
    pub test_senders: Vec<Address>,
    /// Addresses that no human sees.
    pub canaries: Vec<Address>,
    /// Whose Authentication-Results are believed (RFC 8601).
    pub authserv_ids: Vec<String>,
    /// Verdicts of an earlier spam filter.
    pub spam_headers: Vec<HeaderGlob>,
}

/// `[leak]`: an address that many unrelated senders write to at once has been harvested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leak {
    /// Sender domains within the window that make an address leaked; 0 for never.
    pub domains: u32,
    /// The window.
    pub window: Duration,
    /// Domains of senders whose spam within thirty days makes an address leaked; 0 for never.
    pub spam: u32,
}

/// `[privacy]`: what leaves in events, and how long the store keeps what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Privacy {
    /// The sender's address and name.
    pub sender: SenderPrivacy,
    /// Whether the subject is sent.
    pub subject: SubjectPrivacy,
    /// After this time leads are deleted with all that belongs to them; `None` for never.
    pub retention: Option<Duration>,
}

/// The sender's address and name in events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SenderPrivacy {
    /// As they are.
    Plain,
    /// Only the hash of the address and its domain.
    Hash,
    /// Neither address, name, domain nor hash.
    Omit,
}

/// The subject in events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectPrivacy {
    /// As it is.
    Plain,
    /// Null.
    Omit,
}
