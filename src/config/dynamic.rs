//! The sections of dynamic tracking: tokens, the sites that may ask for addresses, and the HTTP doors they ask at.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;

use crate::{address::Address, pattern::ValuePattern, secret::Secret};

/// `[dynamic]`: an address for every visitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dynamic {
    /// Where a token in `domain` leads to. Every mailbox accepts a token behind its separators.
    pub mailbox: Address,
    /// Keys of tokens: the one that makes them, and the one before it while keys are changed.
    pub keys: Vec<Secret>,
    /// The domain that accepts a token as local part.
    pub domain: Option<String>,
    /// How long after the visit a lead is exact; later it is marked late.
    pub window: Duration,
    /// After this time a visit's ids and pages are dropped; how it came is kept.
    pub compact: Duration,
    /// After this time a visit is deleted; its token is known to be ours all the same.
    pub retention: Duration,
}

/// `[http]`: the HTTP doors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// What the web sites' proxy points at; none if absent.
    pub public: Option<HttpListen>,
    /// API and metrics for people of the company; none if absent.
    pub admin: Option<HttpListen>,
    /// Proxies whose X-Forwarded-For is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Calls a minute and client at the public door.
    pub rate: u32,
}

/// Where an HTTP door listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpListen {
    /// `unix:/run/leadmilter/http.sock`
    Unix(PathBuf),
    /// `127.0.0.1:8880`
    Tcp(SocketAddr),
}

/// `[[site]]`: a web site whose pages may ask for addresses.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Names it in the page's script tag.
    pub key: String,
    /// Origins of its pages (RFC 6454), as browsers write them.
    pub origins: Vec<String>,
    /// New addresses a minute.
    pub budget: u32,
    /// Only visitors of these channels are shown a substitute; all if empty.
    pub channels: Vec<String>,
    /// Only visitors whose landing page has such a path are; all if empty.
    pub pages: Vec<ValuePattern>,
}
