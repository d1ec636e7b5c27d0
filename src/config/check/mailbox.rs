//! `[[mailbox]]`: real addresses, each once, in domains of the company.

use std::collections::HashMap;

use toml::Spanned;

use super::super::{
    defaults::SEPARATORS,
    fault::{Wrong, quoted},
    file,
    findings::{Findings, Key, Span},
    names,
};
use crate::{address::Address, channel::Mailbox};

/// The mailboxes, and what channels are checked against.
pub(super) struct Mailboxes {
    pub(super) list: Vec<Mailbox>,
    /// Index and place of each address.
    pub(super) places: HashMap<Address, (usize, Span)>,
    /// Whether every mailbox of the file could be read; if not, one that a channel misses may be among them.
    pub(super) complete: bool,
}

/// Checks every `[[mailbox]]`.
pub(super) fn mailboxes(
    given: &[Spanned<file::Mailbox>],
    domains: Option<&[String]>,
    findings: &mut Findings,
) -> Mailboxes {
    let list_key = Key::Root.name("mailbox");
    // A `mailbox` of the wrong type was reported, and is empty here.
    let complete = !findings.has(&list_key);
    let mut out = Mailboxes { list: Vec::with_capacity(given.len()), places: HashMap::new(), complete };
    for (index, entry) in given.iter().enumerate() {
        let key = list_key.item(index);
        let entry = entry.get_ref();
        let separators = findings
            .read(&key.name("separators"), entry.separators.as_ref(), names::separators)
            .unwrap_or_else(|| SEPARATORS.to_owned());
        let address_key = key.name("address");
        let (Some(text), Some(address)) =
            (&entry.address.0, findings.read(&address_key, entry.address.0.as_ref(), names::address))
        else {
            out.complete = false;
            continue;
        };
        let span = text.span();
        let rewrite = entry.rewrite.unwrap_or_default();
        if let Some(wrong) = domains.and_then(|domains| foreign(text.get_ref(), &address, rewrite, domains)) {
            findings.fault(&address_key, Some(&span), wrong);
        }
        if let Some((first, place)) = out.places.get(&address) {
            let what = format!("is also mailbox[{first}] (line {})", findings.line(place));
            findings.fault(&address_key, Some(&span), Wrong::value(text.get_ref(), &what, "remove one of the two"));
            continue;
        }
        out.places.insert(address.clone(), (index, span));
        out.list.push(Mailbox { address, spelled: text.get_ref().clone(), separators, rewrite });
    }
    out
}

/// Why a mailbox outside the company's domains is refused.
fn foreign(text: &str, address: &Address, rewrite: bool, domains: &[String]) -> Option<Wrong> {
    if domains.iter().any(|domain| domain == address.domain()) {
        return None;
    }
    let domain = address.domain();
    if rewrite {
        let what = format!("has rewrite = true, and domains does not name {}", quoted(domain));
        let remedy = format!(
            "add {} to domains if this company receives its mail: else letters would be sent on to a foreign host",
            quoted(domain)
        );
        return Some(Wrong::value(text, &what, remedy));
    }
    if domains.is_empty() {
        return None;
    }
    let remedy = format!("add {} to domains, or correct the address", quoted(domain));
    Some(Wrong::value(text, "is in none of the domains", remedy))
}
