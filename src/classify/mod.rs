//! What a message is: an inquiry, or one of the many things that only look like one.
//!
//! [`classify`] is a pure function from [`Facts`] to a kind and the reason for it, in the words of the message. Markers
//! that machines set on purpose decide alone; what a person might write as well, such as a subject, counts only together
//! with another sign. Whether a letter is spam is never guessed: an earlier filter's verdict is read. Knows no milter and
//! no store.

mod automatic;
mod list;
mod report;
mod spam;

use std::{borrow::Cow, net::IpAddr};

use crate::{
    address::Address,
    config::Classify,
    lead::{Kind, bounded, limit},
};

/// What is known of a message.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// MAIL FROM; empty for the null sender, `None` where nobody noted it.
    pub envelope_from: Option<&'a str>,
    /// The first address of From:.
    pub from: Option<&'a Address>,
    /// Subject, decoded.
    pub subject: Option<&'a str>,
    /// The fields that matter, unfolded.
    pub fields: &'a dyn Fields,
    /// How the message came in.
    pub origin: &'a Origin,
    /// Domains of the company.
    pub domains: &'a [String],
}

impl Facts<'_> {
    /// Whether the message came from the null sender, which must not be answered.
    fn has_null_sender(&self) -> bool {
        self.envelope_from == Some("")
    }

    /// Whether the letter answers another one.
    fn is_reply(&self) -> bool {
        self.fields.field("In-Reply-To").is_some() || self.fields.field("References").is_some()
    }

    /// The field that says that the letter is one of many, for a reason.
    fn bulk(&self) -> Option<String> {
        // Request Tracker calls everything bulk, what its people write too; its own replies have Auto-Submitted.
        if self.fields.field("RT-Ticket").is_some() {
            return None;
        }
        PRECEDENCE.iter().find_map(|name| {
            let value = self.fields.field(name)?.to_ascii_lowercase();
            matches!(value.as_str(), "bulk" | "junk").then(|| format!("{name}: {value}"))
        })
    }
}

/// Header fields by name.
pub trait Fields: std::fmt::Debug {
    /// The field of that name at that place from the top, unfolded; names are compared without regard to case.
    fn nth(&self, name: &str, place: usize) -> Option<Cow<'_, str>>;

    /// The first of them.
    fn field(&self, name: &str) -> Option<Cow<'_, str>> {
        self.nth(name, 0)
    }
}

/// How a message came in, as far as the door knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client's address.
    pub client: Option<IpAddr>,
    /// Whether the client authenticated itself (SMTP AUTH).
    pub authenticated: bool,
    /// Whether the MTA calls the message its own (`{daemon_name}` is ORIGINATING).
    pub originating: bool,
}

/// A kind, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// What the message is.
    pub kind: Kind,
    /// The sign that decided; `None` for a lead.
    pub reason: Option<String>,
}

/// How many a letter goes to, as senders put it; the second is of those whose server rewrites the first.
const PRECEDENCE: [&str; 2] = ["Precedence", "X-Precedence"];

/// Header fields that are looked at, beside those of the spam rules.
pub fn fields() -> impl Iterator<Item = &'static str> {
    let shared = ["In-Reply-To", "References", "RT-Ticket"].into_iter().chain(PRECEDENCE);
    shared.chain(automatic::fields()).chain(list::fields()).chain(report::fields())
}

/// Judges a message. The first sign in this order decides.
pub fn classify(facts: &Facts<'_>, config: &Classify) -> Class {
    let found = test(facts, config)
        .or_else(|| report::report(facts))
        .or_else(|| submitted(facts, config))
        .or_else(|| spam::spam(facts, &config.spam_headers))
        .or_else(|| report::bounce(facts))
        .or_else(|| own_domain(facts, config))
        .or_else(|| automatic::automatic(facts))
        .or_else(|| list::list(facts))
        .or_else(|| automatic::weak(facts))
        .or_else(|| report::unanswerable(facts));
    found.unwrap_or(Class { kind: Kind::Lead, reason: None })
}

/// A class with its reason, bounded.
fn class(kind: Kind, reason: &str) -> Option<Class> {
    Some(Class { kind, reason: bounded(reason, limit::TEXT) })
}

/// A field as a reason quotes it. Reasons leave in events whatever `[privacy]` says: parameters, and values that may
/// hold somebody's address or a link made for one reader, are left out.
fn quoted(name: &str, value: &str) -> String {
    let value = value.split(';').next().unwrap_or_default().trim();
    let may_leave = !value.is_empty() && !value.contains('@') && !value.contains("://");
    if may_leave { format!("{name}: {value}") } else { name.to_owned() }
}

fn test(facts: &Facts<'_>, config: &Classify) -> Option<Class> {
    facts.from.filter(|from| config.test_senders.contains(from))?;
    class(Kind::Test, "sender is in classify.test_senders")
}

/// The company's own people and machines, by the way they hand mail in. A web form on the company's own host is none of
/// them: it does not authenticate, and its network is only internal if the config says so.
fn submitted(facts: &Facts<'_>, config: &Classify) -> Option<Class> {
    let Origin { client, authenticated, originating } = facts.origin;
    if *authenticated {
        return class(Kind::Internal, "authenticated client");
    }
    if *originating {
        return class(Kind::Internal, "submitted by own users");
    }
    let client = client.filter(|client| config.networks.iter().any(|network| network.contains(client)))?;
    class(Kind::Internal, &format!("client {client} is in classify.networks"))
}

/// A sender in an own domain. It may be forged, so a spam filter's word goes before it.
fn own_domain(facts: &Facts<'_>, config: &Classify) -> Option<Class> {
    let from = facts.from.filter(|_| config.own_domain_is_internal)?;
    let own = facts.domains.iter().find(|domain| *domain == from.domain())?;
    class(Kind::Internal, &format!("sender is in own domain {own}"))
}
