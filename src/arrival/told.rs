//! Where a visitor came from, in the terms of UTM values: the first of these that says something decides.
//!
//! 1. UTM values of the landing page; an Openstat marker is the same in other words.
//! 2. The id of a click that was paid for.
//! 3. The referrer: search engine, social network, assistant, webmail, any other site.
//! 4. A key that a social network or a search engine adds to its links, and that goes along when a link is copied.
//! 5. A key that only says that there was an ad: source and medium stay unknown.
//! 6. Nothing: the visitor typed the address, used a bookmark, or came from an app that does not say so.

use std::fmt;

use super::{
    landing::Landing,
    referrer::Referrer,
    sites::{self, Kind},
};
use crate::{
    channel::Utm,
    click::{CLICKS, Click, Says},
    visit::Touchpoint,
};

/// The medium of a click that was paid for.
const PAID: &str = "cpc";

/// The medium of a site that is none of those that are known.
const REFERRAL: &str = "referral";

/// What told where a visitor came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// `utm_source`.
    Utm,
    /// Another UTM value; the source is what click id or referrer say.
    UtmWithoutSource,
    /// An Openstat marker.
    Openstat,
    /// A key of the landing page.
    Click(Click),
    /// The referrer, which is of a known kind or not.
    Referrer(Option<Kind>),
    /// Nothing.
    Nobody,
}

impl Told {
    /// The choice of `referrer` in `[[arrival]]` that fits; `tagged` where the landing page says it itself.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Referrer(Some(Kind::Search)) | Self::Click(Click { says: Says::Search(_), .. }) => "search",
            Self::Referrer(Some(Kind::Social)) | Self::Click(Click { says: Says::Social(_), .. }) => "social",
            Self::Referrer(_) => "referral",
            Self::Nobody => "direct",
            Self::Utm | Self::UtmWithoutSource | Self::Openstat | Self::Click(_) => "tagged",
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utm => f.write_str("UTM values of the landing page"),
            Self::UtmWithoutSource => f.write_str(
                "UTM values of the landing page; the source, which is not among them, by click id or referrer",
            ),
            Self::Openstat => f.write_str("Openstat marker of the landing page"),
            Self::Click(Click { key, .. }) => write!(f, "{key} of the landing page"),
            Self::Referrer(kind) => f.write_str(match kind {
                Some(Kind::Search) => "the referrer, a search engine",
                Some(Kind::Social) => "the referrer, a social network",
                Some(Kind::Assistant) => "the referrer, an assistant",
                Some(Kind::Webmail) => "the referrer, a mailbox in a browser or an app",
                None => "the referrer",
            }),
            Self::Nobody => f.write_str("neither landing page nor referrer say anything"),
        }
    }
}

/// The UTM values of a visit, and what told them.
pub(super) fn tell(landing: &Landing, referrer: Option<&Referrer>) -> (Utm, Told) {
    let mut utm = landing.utm.clone();
    if !utm.source.is_empty() {
        // Assistants add their host as source, and no medium. No other source says what its medium is.
        if utm.medium.is_empty()
            && let Some((kind @ Kind::Assistant, _)) = sites::find(&utm.source.to_lowercase())
        {
            utm.medium = kind.medium().to_owned();
        }
        return (utm, Told::Utm);
    }
    if utm == Utm::default()
        && let Some(openstat) = &landing.openstat
    {
        return (openstat.clone(), Told::Openstat);
    }
    let (source, medium, told) = infer(landing, referrer);
    if utm == Utm::default() {
        return (Utm { source, medium: medium.to_owned(), ..utm }, told);
    }
    if told != Told::Nobody {
        utm.source = source;
        if utm.medium.is_empty() {
            utm.medium = medium.to_owned();
        }
    }
    (utm, Told::UtmWithoutSource)
}

fn infer(landing: &Landing, referrer: Option<&Referrer>) -> (String, &'static str, Told) {
    let click = |wanted: fn(&Says) -> bool| {
        CLICKS.iter().find(|click| wanted(&click.says) && landing.click_ids.contains_key(click.key))
    };
    if let Some(click) = click(|says| matches!(says, Says::Paid(_))) {
        return of_click(*click);
    }
    if let Some(referrer) = referrer {
        return match sites::find(&referrer.host) {
            Some((kind, name)) => (name.to_owned(), kind.medium(), Told::Referrer(Some(kind))),
            None => (referrer.name(), REFERRAL, Told::Referrer(None)),
        };
    }
    match click(|says| *says != Says::Marked).or_else(|| click(|_| true)) {
        Some(click) => of_click(*click),
        None => (Touchpoint::DIRECT.to_owned(), Touchpoint::NONE, Told::Nobody),
    }
}

fn of_click(click: Click) -> (String, &'static str, Told) {
    let (source, medium) = match click.says {
        Says::Paid(source) => (source, PAID),
        Says::Social(source) => (source, Kind::Social.medium()),
        Says::Search(source) => (source, Kind::Search.medium()),
        Says::Marked => ("", ""),
    };
    (source.to_owned(), medium, Told::Click(click))
}
