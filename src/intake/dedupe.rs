//! What makes two messages the same one.
//!
//! Message-ID, envelope sender and substitute; Date: and Subject: too, since broken web forms send one Message-ID for
//! ever. Without a Message-ID, or without a Date:, further header fields stand in for it.

use std::time::Duration;

use super::{letter::Letter, read::Reading, sha256};
use crate::{address::Address, clock::Millis, store::DedupeKey};

/// With neither Message-ID nor Date:, two letters of one form look the same. A client that lost our answer comes again
/// within this time.
const WEAK: Duration = Duration::from_secs(3600);

/// One key per substitute; for a letter without one, of each address it came to.
pub fn keys(letter: &Letter, reading: &Reading, now: Millis) -> Vec<DedupeKey> {
    let substitutes = letter.tracked().iter().map(|tracked| &tracked.substitute.address);
    let others = letter.canary().into_iter().chain(letter.mailboxes()).filter(|_| !letter.is_tracked());
    distinct(substitutes.chain(others), letter, reading, now)
}

/// Keys of the mailboxes behind the substitutes: a rewritten recipient that comes by again, or a second copy sent to the
/// mailbox, is no letter of its own.
pub fn copies(letter: &Letter, reading: &Reading, now: Millis) -> Vec<DedupeKey> {
    distinct(letter.tracked().iter().map(|tracked| &tracked.substitute.mailbox.address), letter, reading, now)
}

fn distinct<'a>(
    addresses: impl Iterator<Item = &'a Address>,
    letter: &Letter,
    reading: &Reading,
    now: Millis,
) -> Vec<DedupeKey> {
    let weak = reading.message_id.is_none() && reading.date.is_none();
    let expires_at = weak.then(|| now.plus(WEAK));
    let mut found: Vec<&Address> = Vec::new();
    for address in addresses {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found.into_iter().map(|address| DedupeKey { digest: digest(letter, reading, address), expires_at }).collect()
}

fn digest(letter: &Letter, reading: &Reading, substitute: &Address) -> [u8; 32] {
    let mut octets = Vec::with_capacity(256);
    let mut add = |part: &[u8]| {
        octets.extend_from_slice(&(part.len() as u64).to_be_bytes());
        octets.extend_from_slice(part);
    };
    add(b"leadmilter dedupe v1");
    match letter.sender_address() {
        Some(sender) => add(sender.as_str().as_bytes()),
        None => add(letter.sender.as_deref().unwrap_or_default()),
    }
    add(substitute.as_str().as_bytes());
    add(reading.subject.as_deref().unwrap_or_default().as_bytes());
    add(&reading.date.map_or(0, |date| date.0).to_be_bytes());
    if let Some(id) = &reading.message_id {
        add(id.as_bytes());
    }
    reading.fingerprint.iter().for_each(|field| add(field.as_bytes()));
    sha256::of(&octets)
}
