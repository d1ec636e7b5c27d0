//! The forms of an address, and what of a page's words is kept with a visit.

use std::collections::BTreeMap;

use url::Url;

use super::Request;
use crate::{
    address::Address,
    arrival::Arrived,
    channel::{Channel, Mailbox},
    config::Dynamic,
    lead::{bounded, limit},
    token::Token,
    visit::Details,
};

/// Octets of a local part (RFC 5321, section 4.5.3.1.1).
const LOCAL: usize = 64;

/// Characters of an id or of a value of the site's own.
const VALUE: usize = 512;

/// Characters of a page's URL.
const PAGE: usize = 2048;

/// The address that a visitor is shown for a mailbox: the token behind its first separator; behind a name too long for that,
/// in the domain of tokens if it stands for the mailbox.
pub fn own(mailbox: &Mailbox, token: Token, dynamic: &Dynamic) -> Option<String> {
    let (local, domain) = mailbox.spelled.rsplit_once('@')?;
    let separator = mailbox.separators.chars().next()?;
    let local = format!("{local}{separator}{token}");
    if local.len() <= LOCAL {
        return Some(format!("{local}@{domain}"));
    }
    let of_tokens = dynamic.domain.as_ref().filter(|_| dynamic.mailbox == mailbox.address)?;
    Some(format!("{token}@{of_tokens}"))
}

/// Every address of a mailbox that this token makes.
pub fn all<'a>(mailbox: &'a Mailbox, token: Token, dynamic: &'a Dynamic) -> impl Iterator<Item = Address> + 'a {
    let (local, domain) = (mailbox.address.local(), mailbox.address.domain());
    let behind = mailbox.separators.chars().map(move |separator| format!("{local}{separator}{token}@{domain}"));
    let alone = dynamic.domain.iter().map(move |domain| format!("{token}@{domain}"));
    behind.chain(alone).filter_map(|address| Address::parse(&address))
}

/// The address that everybody is shown who came by a channel.
pub fn of_channel(channel: &Channel, mailbox: &Mailbox) -> Option<String> {
    let address = channel.addresses.first().filter(|_| channel.mailbox == mailbox.address)?;
    Some(address.to_string())
}

/// What of a page's words is kept. Who does not want to be followed by advertisers leaves no click id.
pub fn details(request: Request<'_>, arrived: &Arrived) -> Details {
    let consent: BTreeMap<String, String> = ids(request.consent)
        .filter(|(_, consent)| ["granted", "denied", "unknown"].contains(&consent.as_str()))
        .collect();
    let mut details = Details {
        click_ids: arrived.click_ids.clone(),
        client_ids: ids(request.client).collect(),
        consent,
        custom: request
            .custom
            .into_iter()
            .filter_map(|(key, value)| Some((bounded(&key, limit::NAME)?, bounded(&value, VALUE)?)))
            .collect(),
        page: request.page.as_deref().and_then(page),
    };
    details.obey();
    details
}

/// Ids under names that the event's schema allows; one that would have to be cut or cleaned is another id, and left out.
fn ids(given: BTreeMap<String, String>) -> impl Iterator<Item = (String, String)> {
    let is_name = |name: &str| {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        (1..=32).contains(&name.len()) && name.bytes().all(allowed)
    };
    given.into_iter().filter(move |(name, id)| is_name(name) && bounded(id, VALUE).as_ref() == Some(id))
}

/// Origin and path: what follows may hold what a visitor typed.
fn page(text: &str) -> Option<String> {
    let mut url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    url.set_query(None);
    url.set_fragment(None);
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    bounded(url.as_str(), PAGE)
}
