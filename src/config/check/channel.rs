//! `[[channel]]`: ids, substitute addresses and what they stand for. Each address belongs to one channel, once.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use toml::Spanned;

use super::{
    super::{
        fault::Wrong,
        file,
        findings::{Findings, Key, Span},
        names,
    },
    mailbox::Mailboxes,
};
use crate::{
    address::Address,
    channel::{Channel, Utm},
    lead::limit,
};

/// Checks every `[[channel]]`.
pub(super) fn channels(
    given: &[Spanned<file::Channel>],
    mailboxes: &Mailboxes,
    findings: &mut Findings,
) -> Vec<Channel> {
    let list_key = Key::Root.name("channel");
    if given.is_empty() {
        let what = "there is no channel, so no address is tracked";
        findings.warn(&list_key, None, Wrong::new(what, "add a [[channel]] with its addresses"));
    }
    let mut taken = Taken { mailboxes, ids: HashMap::new(), addresses: HashMap::new() };
    let mut channels = Vec::with_capacity(given.len());
    for (index, entry) in given.iter().enumerate() {
        channels.extend(channel(entry.get_ref(), index, &list_key.item(index), &mut taken, findings));
    }
    channels
}

/// The channels that other sections may name.
pub(super) struct Ids<'c> {
    /// `None` where not all are known: one that could not be read may be the one that is named.
    known: Option<HashSet<&'c str>>,
}

impl<'c> Ids<'c> {
    /// Those of `channels`, of which the file has `given`.
    pub(super) fn of(channels: &'c [Channel], given: usize, findings: &Findings) -> Self {
        let complete = channels.len() == given && !findings.has(&Key::Root.name("channel"));
        let ids = || channels.iter().map(|channel| channel.id.as_str()).collect();
        Self { known: complete.then(ids) }
    }

    /// The id of a channel of this file.
    pub(super) fn read(&self, given: Option<&file::Text>, key: &Key<'_>, findings: &mut Findings) -> Option<String> {
        findings.read(key, given, |text| {
            let id = names::id(text)?;
            if self.known.as_ref().is_some_and(|ids| !ids.contains(id.as_str())) {
                let remedy = "write the id of a channel, or add a [[channel]] with this one";
                return Err(Wrong::value(text, "is no [[channel]] of this file", remedy));
            }
            Ok(id)
        })
    }
}

/// What earlier channels and the mailboxes have taken.
struct Taken<'m> {
    mailboxes: &'m Mailboxes,
    ids: HashMap<String, (usize, Span)>,
    /// Index of the channel, index in its list, place.
    addresses: HashMap<Address, (usize, usize, Span)>,
}

fn channel(
    given: &file::Channel,
    index: usize,
    key: &Key<'_>,
    taken: &mut Taken<'_>,
    findings: &mut Findings,
) -> Option<Channel> {
    let id = id(given.id.0.as_ref(), "channel", index, &key.name("id"), &mut taken.ids, findings);
    let name = findings.read(&key.name("name"), given.name.as_ref(), names::name);
    let mailbox = mailbox(given.mailbox.0.as_ref(), &key.name("mailbox"), taken.mailboxes, findings);
    let addresses = addresses(given.addresses.as_ref(), index, &key.name("addresses"), taken, findings);
    let utm = utm(&given.utm, &key.name("utm"), findings);
    let tags = tags(given.tags.as_ref(), &key.name("tags"), findings);
    let id = id?;
    Some(Channel { name: name.unwrap_or_else(|| id.clone()), id, mailbox: mailbox?, addresses, utm, tags })
}

/// The id of an entry, which no earlier entry of the same list may have.
pub(super) fn id(
    given: Option<&file::Text>,
    list: &str,
    index: usize,
    key: &Key<'_>,
    ids: &mut HashMap<String, (usize, Span)>,
    findings: &mut Findings,
) -> Option<String> {
    let text = given?;
    let id = findings.read(key, given, names::id)?;
    match ids.entry(id.clone()) {
        Entry::Vacant(free) => {
            free.insert((index, text.span()));
        }
        Entry::Occupied(first) => {
            let (first, place) = first.get();
            let name = if let Key::Name(_, name) = key { name } else { "id" };
            let what = format!("is also {list}[{first}].{name} (line {})", findings.line(place));
            findings.fault(key, Some(&text.span()), Wrong::value(&id, &what, "give each its own id"));
        }
    }
    Some(id)
}

/// A mailbox of this file.
pub(super) fn mailbox(
    given: Option<&file::Text>,
    key: &Key<'_>,
    mailboxes: &Mailboxes,
    findings: &mut Findings,
) -> Option<Address> {
    let text = given?;
    let address = findings.read(key, given, names::address)?;
    if mailboxes.complete && !mailboxes.places.contains_key(&address) {
        let remedy = "add a [[mailbox]] with this address, or name one of those that are there";
        findings.fault(key, Some(&text.span()), Wrong::value(text.get_ref(), "is no [[mailbox]] of this file", remedy));
    }
    Some(address)
}

fn addresses(
    given: Option<&file::List>,
    index: usize,
    key: &Key<'_>,
    taken: &mut Taken<'_>,
    findings: &mut Findings,
) -> Vec<Address> {
    let Some(list) = given else { return Vec::new() };
    let mut addresses = Vec::with_capacity(list.get_ref().len());
    for (at, text) in list.get_ref().iter().enumerate() {
        let item = key.item(at);
        let Some(address) = findings.read(&item, Some(text), names::address) else { continue };
        if let Some((mailbox, place)) = taken.mailboxes.places.get(&address) {
            let what = format!("is mailbox[{mailbox}] itself (line {})", findings.line(place));
            let remedy = "list an address that is shown in its place, as \"info+m11@company.ru\"";
            findings.fault(&item, Some(&text.span()), Wrong::value(text.get_ref(), &what, remedy));
        }
        match taken.addresses.entry(address.clone()) {
            Entry::Vacant(free) => {
                free.insert((index, at, text.span()));
                addresses.push(address);
            }
            Entry::Occupied(first) => {
                let (channel, at, place) = first.get();
                let what = format!("is also channel[{channel}].addresses[{at}] (line {})", findings.line(place));
                findings.fault(&item, Some(&text.span()), Wrong::value(text.get_ref(), &what, "remove one of the two"));
            }
        }
    }
    addresses
}

fn utm(given: &file::Utm, key: &Key<'_>, findings: &mut Findings) -> Utm {
    let mut value = |name: &str, given: &Option<file::Text>| {
        findings.read(&key.name(name), given.as_ref(), names::utm).unwrap_or_default()
    };
    Utm {
        source: value("source", &given.source),
        medium: value("medium", &given.medium),
        campaign: value("campaign", &given.campaign),
        term: value("term", &given.term),
        content: value("content", &given.content),
    }
}

fn tags(given: Option<&file::List>, key: &Key<'_>, findings: &mut Findings) -> Vec<String> {
    let Some(list) = given else { return Vec::new() };
    let count = list.get_ref().len();
    if count > limit::TAGS {
        let what = format!("there are {count} tags");
        findings.fault(key, Some(&list.span()), Wrong::new(what, format!("write at most {}", limit::TAGS)));
    }
    let tags = list.get_ref().iter().enumerate();
    tags.filter_map(|(index, text)| findings.read(&key.item(index), Some(text), names::tag)).collect()
}
