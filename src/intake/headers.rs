//! The part of a header block that is kept: the first field of each name that is read later, several of those that
//! filters before us add, and every attribution field that came in.
//!
//! A header block may be megabytes of anything. What is not needed is dropped as it comes; what is needed has a cap, so
//! that no field can push another out.

use std::{borrow::Cow, collections::BTreeMap, ops::Range, sync::Arc};

use crate::{
    attribution,
    classify::{self, Fields},
    text::on_one_line,
};

/// Fields that are read, beside those that classification looks at.
const READ: [&str; 6] = ["From", "Reply-To", "Subject", "Date", "Message-ID", "Sender"];

/// Each server on the way may have added its own (RFC 8601 section 5).
pub const AUTHENTICATION: &str = "Authentication-Results";

/// Authentication-Results that are kept.
const RESULTS: usize = 16;

/// Fields of one name that the config asks for: verdicts, of which the sender may have written some.
const VERDICTS: usize = 8;

/// Fields that are kept of a common letter.
const KEPT: usize = 16;

/// Octets kept of one field.
const FIELD: usize = 2 * 1024;

/// Octets kept of a field that may be long in honest mail.
const LONG_FIELD: usize = 8 * 1024;

/// Fields of each of our names that are deleted, the topmost ones. A mail server looks for each of them from the top of the
/// message, and Postfix takes any number of fields: thousands of deletions would keep it busy for hours.
const OWN: u32 = 16;

/// Fields of other names with our prefix that are deleted, of all names together.
const OTHERS: u32 = 64;

/// Octets of those names.
const OTHER_NAMES: usize = 64 * 1024;

/// Fields that may be long in honest mail.
const LONG: [&str; 3] = ["From", "Subject", "References"];

/// Attribution fields whose values are kept for the check of a signature; our own are fewer than this.
const SEALED: usize = 32;

/// Names of the fields to keep and how many of each, made once for a config; the shortest name stands first.
#[derive(Clone, Debug)]
pub struct Names(Arc<[(Box<str>, usize)]>);

impl Names {
    /// What the program reads, and what the config names.
    pub fn new<'a>(configured: impl Iterator<Item = &'a str>) -> Self {
        // Where there are two of a field that people's programs write, the second was put in to deceive somebody.
        let own = READ.iter().copied().chain(classify::fields()).map(|name| (name, 1));
        let mut names: Vec<(Box<str>, usize)> = Vec::new();
        for (name, most) in
            [(AUTHENTICATION, RESULTS)].into_iter().chain(own).chain(configured.map(|name| (name, VERDICTS)))
        {
            if !names.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                names.push((name.into(), most));
            }
        }
        names.sort_by_key(|(name, _)| name.len());
        Self(names.into())
    }

    /// Whether fields of that name are kept; old mail may put blanks behind it.
    pub(super) fn hold(&self, name: &[u8]) -> bool {
        self.find(name.trim_ascii_end()).is_some()
    }

    /// The place of a name, and how many fields of it are kept. Most fields of a letter are none of these, and only a
    /// few names are as long as any of them.
    fn find(&self, name: &[u8]) -> Option<(usize, usize)> {
        let first = self.0.partition_point(|(known, _)| known.len() < name.len());
        let as_long = self.0.get(first..)?.iter().take_while(|(known, _)| known.len() == name.len());
        let mut places = (first..).zip(as_long);
        let (at, (_, most)) = places.find(|(_, (known, _))| known.as_bytes().eq_ignore_ascii_case(name))?;
        Some((at, *most))
    }

    fn is_at(&self, at: usize, name: &str) -> bool {
        self.0.get(at).is_some_and(|(known, _)| known.eq_ignore_ascii_case(name))
    }
}

/// Whether a name begins with our prefix, in any case.
pub(super) fn is_attribution(prefix: &str, name: &[u8]) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

/// What is kept of a message's headers.
#[derive(Debug)]
pub struct HeaderBlock {
    names: Names,
    /// The place of each kept field's name, and of its value in `octets`.
    kept: Vec<(usize, Range<usize>)>,
    octets: Vec<u8>,
    /// Attribution fields to delete, by folded name.
    forged: BTreeMap<String, u32>,
    /// Those that have a name beside our own, and the octets of such names.
    others: (u32, usize),
    sealed: Vec<(String, String)>,
    sealed_overflow: bool,
    /// Fields that were dropped although their name is one to keep.
    pub dropped: u32,
}

impl HeaderBlock {
    /// Nothing yet.
    pub fn new(names: Names) -> Self {
        Self {
            names,
            kept: Vec::new(),
            octets: Vec::new(),
            forged: BTreeMap::new(),
            others: (0, 0),
            sealed: Vec::new(),
            sealed_overflow: false,
            dropped: 0,
        }
    }

    /// Takes one field as the MTA hands it over: the value without its first blank, folds as LF and a blank.
    pub fn add(&mut self, prefix: &str, name: &[u8], value: &[u8]) {
        if is_attribution(prefix, name) {
            self.add_attribution(prefix.len(), name, value);
            return;
        }
        // RFC 5322 section 4.5 lets old mail put blanks before the colon.
        let name = name.trim_ascii_end();
        let Some((at, most)) = self.names.find(name) else { return };
        if self.kept.iter().filter(|(kept, _)| *kept == at).count() >= most {
            self.dropped += 1;
            return;
        }
        let is_long = LONG.iter().any(|long| long.as_bytes().eq_ignore_ascii_case(name));
        let cap = if is_long { LONG_FIELD } else { FIELD };
        if self.kept.is_empty() {
            self.kept.reserve(KEPT);
            self.octets.reserve(KEPT * 64);
        }
        let start = self.octets.len();
        self.octets.extend_from_slice(value.get(..cap).unwrap_or(value));
        self.kept.push((at, start..self.octets.len()));
    }

    /// The first field of that name.
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.values(name).next()
    }

    /// The kept fields of that name, from the top. A letter has fewer of them than there are names.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let found = self.kept.iter().filter(move |(at, _)| self.names.is_at(*at, name));
        found.filter_map(|(_, range)| self.octets.get(range.clone()))
    }

    /// Attribution fields to delete: name and how many of them, from the top.
    pub fn forged(&self) -> Vec<(String, u32)> {
        self.forged.iter().map(|(name, count)| (name.clone(), *count)).collect()
    }

    /// Attribution fields as they came, if they are few enough to be ours.
    pub fn attribution_fields(&self) -> Option<&[(String, String)]> {
        (!self.sealed_overflow && !self.sealed.is_empty()).then_some(&self.sealed)
    }

    fn add_attribution(&mut self, prefix_len: usize, name: &[u8], value: &[u8]) {
        let name = String::from_utf8_lossy(name).into_owned();
        let folded = name.to_ascii_lowercase();
        let is_own = folded.get(prefix_len..).is_some_and(attribution::is_ours);
        let known = self.forged.get(&folded).copied();
        let octets = if known.is_some() { 0 } else { folded.len() };
        let (count, all) = self.others;
        let is_within = match is_own {
            true => known.unwrap_or(0) < OWN,
            // Nobody hides one of ours behind a crowd of these.
            false => count < OTHERS && all + octets <= OTHER_NAMES,
        };
        if is_within {
            *self.forged.entry(folded).or_default() += 1;
            if !is_own {
                self.others = (count + 1, all + octets);
            }
        } else {
            self.dropped += 1;
        }
        match std::str::from_utf8(value) {
            Ok(value) if self.sealed.len() < SEALED && name.len() + value.len() <= LONG_FIELD => {
                self.sealed.push((name, value.to_owned()));
            }
            _ => self.sealed_overflow = true,
        }
    }
}

impl Fields for HeaderBlock {
    fn nth(&self, name: &str, place: usize) -> Option<Cow<'_, str>> {
        self.values(name).nth(place).map(|value| on_one_line(String::from_utf8_lossy(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block() -> HeaderBlock {
        HeaderBlock::new(Names::new(["X-Spam-Flag"].into_iter()))
    }

    #[test]
    fn forged_fields_are_counted_in_any_case() {
        let mut block = block();
        for name in ["X-Lead-Id", "x-lead-id", "X-LEAD-CHANNEL", "Subject", "X-Leader"] {
            block.add("X-Lead-", name.as_bytes(), b"v");
        }
        assert_eq!(block.forged(), [("x-lead-channel".to_owned(), 1), ("x-lead-id".to_owned(), 2)]);
        assert_eq!(block.first("Subject"), Some(b"v".as_slice()));
    }

    #[test]
    fn a_block_of_megabytes_stays_bounded_and_keeps_what_comes_last() {
        let mut block = block();
        for number in 0..20_000 {
            block.add("X-Lead-", b"References", &[b'a'; 10_000]);
            block.add("X-Lead-", b"Authentication-Results", &[b'a'; 10_000]);
            block.add("X-Lead-", format!("X-Lead-{number}").as_bytes(), &[b'a'; 1000]);
            block.add("X-Lead-", b"X-Other", &[b'a'; 1000]);
        }
        block.add("X-Lead-", b"From", b"ivan@client.example");
        assert_eq!(block.octets.len(), LONG_FIELD + RESULTS * FIELD + 19);
        assert_eq!((block.forged.len(), block.sealed.len()), (OTHERS as usize, SEALED));
        assert_eq!(block.attribution_fields(), None);
        assert_eq!(block.first("From"), Some(b"ivan@client.example".as_slice()));
    }

    #[test]
    fn names_of_any_length_stay_bounded() {
        let mut block = block();
        for number in 0..50 {
            block.add("X-Lead-", format!("X-Lead-{number}-{}", "n".repeat(10_000)).as_bytes(), b"v");
        }
        let octets: usize = block.forged.keys().map(String::len).sum();
        assert!(octets <= OTHER_NAMES && octets > OTHER_NAMES / 2, "{octets}");
        assert_eq!((block.forged.len() + block.dropped as usize, block.sealed.len()), (50, 0));
    }

    #[test]
    fn no_crowd_of_other_names_hides_one_of_ours() {
        let mut block = block();
        for number in 0..2 * OTHERS {
            block.add("X-Lead-", format!("X-Lead-{number}").as_bytes(), b"v");
        }
        block.add("X-Lead-", b"X-LEAD-Channel", b"forged");
        block.add("X-Lead-", b"x-lead-channel", b"forged");
        assert!(block.forged().contains(&("x-lead-channel".to_owned(), 2)));
    }

    #[test]
    fn of_any_number_of_forged_fields_few_are_deleted() {
        let mut block = block();
        for _ in 0..50_000 {
            block.add("X-Lead-", b"X-Lead-Id", b"forged");
            block.add("X-Lead-", b"X-Lead-Anything", b"forged");
        }
        assert_eq!(block.forged(), [("x-lead-anything".to_owned(), OTHERS), ("x-lead-id".to_owned(), OWN)]);
        assert_eq!(block.dropped, 100_000 - OTHERS - OWN);
    }

    #[test]
    fn the_first_of_two_fields_counts() {
        let mut block = block();
        block.add("X-Lead-", b"From", b"one@client.example");
        block.add("X-Lead-", b"FROM", b"two@client.example");
        block.add("X-Lead-", b"x-spam-flag", b"\n YES");
        block.add("X-Lead-", b"Date \t", b"today");
        assert_eq!(block.first("Date"), Some(b"today".as_slice()));
        assert_eq!(block.first("From"), Some(b"one@client.example".as_slice()));
        block.add("X-Lead-", b"X-Spam-Flag", b"NO");
        let flags = [0, 1, 2].map(|place| block.nth("X-Spam-Flag", place));
        assert_eq!(flags, [Some("YES".into()), Some("NO".into()), None]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_every_forged_field_is_counted(
            fields in proptest::collection::vec(
                ("(x-lead-|X-Lead-|X-Lead|Sub)?", proptest::collection::vec(any::<u8>(), 0..12), any::<Vec<u8>>()),
                0..20,
            ),
        ) {
            let mut block = block();
            let mut forged = 0;
            for (start, tail, value) in &fields {
                let name = [start.as_bytes(), tail].concat();
                forged += u32::from(name.len() >= 7 && name[..7].eq_ignore_ascii_case(b"X-Lead-"));
                block.add("X-Lead-", &name, value);
            }
            prop_assert_eq!(block.forged().iter().map(|(_, count)| count).sum::<u32>() + block.dropped, forged);
            prop_assert!(block.attribution_fields().is_none_or(|fields| fields.len() == forged as usize));
        }
    }
}
