//! `[classify]`, `spam_headers` and `[leak]`: what is no inquiry, and which address has been harvested.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;

use super::{
    super::{
        Classify, Leak,
        fault::Wrong,
        file,
        findings::{Findings, Key},
        units,
    },
    mailbox::Mailboxes,
};
use crate::{address::Address, channel::Channel, glob::HeaderGlob};

/// Letters that could be asked for: beyond this, counting them would cost more than it tells.
const LETTERS: u64 = 1000;

/// Checks what tells an inquiry from other mail.
pub(super) fn classify(
    given: &file::Classify,
    spam_headers: Option<&file::List>,
    mailboxes: &Mailboxes,
    channels: &[Channel],
    findings: &mut Findings,
) -> Classify {
    let section = Key::Root.name("classify");
    let default = Classify::default();
    let canary = |text: &str| match address(text)? {
        found if mailboxes.list.iter().any(|mailbox| mailbox.address == found) => {
            Err(Wrong::value(text, "is a mailbox, which people write to", "name an address of its own"))
        }
        found if channels.iter().any(|channel| channel.addresses.contains(&found)) => {
            Err(Wrong::value(text, "is shown by a channel, so people write to it", "name an address of its own"))
        }
        found => Ok(found),
    };
    let leads = Key::Root.name("leads");
    let rules = spam_headers.map(|rules| list(rules.get_ref(), &leads.name("spam_headers"), header_glob, findings));
    Classify {
        networks: list(&given.networks, &section.name("networks"), network, findings),
        own_domain_is_internal: given.own_domain_is_internal.unwrap_or(default.own_domain_is_internal),
        test_senders: list(&given.test_senders, &section.name("test_senders"), address, findings),
        canaries: list(&given.canaries, &section.name("canaries"), canary, findings),
        authserv_ids: list(&given.authserv_ids, &section.name("authserv_ids"), authserv_id, findings),
        spam_headers: rules.unwrap_or(default.spam_headers),
    }
}

/// Checks when an address counts as harvested.
pub(super) fn leak(given: &file::Leak, findings: &mut Findings) -> Leak {
    let section = Key::Root.name("leak");
    let default = Leak::default();
    let within = |text: &str| units::duration_within(text, Duration::from_secs(1), Duration::from_secs(30 * 86_400));
    let mut number = |name, given: Option<&file::Number>, default| {
        let number = findings.number(&section.name(name), given, 0..LETTERS + 1);
        number.and_then(|number| u32::try_from(number).ok()).unwrap_or(default)
    };
    Leak {
        domains: number("domains", given.domains.as_ref(), default.domains),
        spam: number("spam", given.spam.as_ref(), default.spam),
        window: findings.read(&section.name("window"), given.window.as_ref(), within).unwrap_or(default.window),
    }
}

/// Reads every value of a list, and leaves out those that were refused.
pub(super) fn list<T>(
    given: &[file::Text],
    key: &Key<'_>,
    read: impl Fn(&str) -> Result<T, Wrong>,
    findings: &mut Findings,
) -> Vec<T> {
    let items = given.iter().enumerate();
    items.filter_map(|(index, text)| findings.read(&key.item(index), Some(text), &read)).collect()
}

fn address(text: &str) -> Result<Address, Wrong> {
    Address::parse(text).ok_or_else(|| Wrong::value(text, "is no mail address", "write name@domain"))
}

/// `10.0.0.0/8`, or one address.
pub(super) fn network(text: &str) -> Result<IpNet, Wrong> {
    let single = || text.parse().map(|single: IpAddr| IpNet::from(single)).ok();
    let whole = text.parse::<IpNet>().ok().or_else(single).map(|network| network.trunc());
    whole.ok_or_else(|| Wrong::value(text, "is no network", "write 10.0.0.0/8 or 2001:db8::/32"))
}

fn authserv_id(text: &str) -> Result<String, Wrong> {
    let is_token = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'!'..=b'~') && byte != b';');
    let remedy = "write the first word of the header that your own server adds";
    if is_token { Ok(text.to_ascii_lowercase()) } else { Err(Wrong::value(text, "is no authserv-id", remedy)) }
}

fn header_glob(text: &str) -> Result<HeaderGlob, Wrong> {
    HeaderGlob::parse(text).map_err(|e| Wrong::value(text, &format!("is no rule: {e}"), "write \"X-Spam-Flag: YES\""))
}
