//! The part of a header block that is kept: a few fields to read, and every attribution field that came in.
//!
//! A header block may be megabytes of anything. What is not needed is dropped as it comes; what is needed has a cap.

use std::collections::BTreeMap;

/// Fields that are read later.
const KEPT: [&str; 10] = [
    "From",
    "Sender",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "Content-Type",
];

/// Octets kept of one field.
const FIELD: usize = 8 * 1024;

/// Octets kept of all fields.
const BLOCK: usize = 64 * 1024;

/// Names of forged fields told apart; MTAs cap the header block far below what this many would need.
const NAMES: usize = 1000;

/// Attribution fields whose values are kept for the check of a signature; our own are fewer than this.
const SEALED: usize = 32;

/// What is kept of a message's headers.
#[derive(Debug, Default)]
pub struct HeaderBlock {
    kept: Vec<(&'static str, Vec<u8>)>,
    octets: usize,
    /// Attribution fields by folded name.
    forged: BTreeMap<String, u32>,
    sealed: Vec<(String, String)>,
    sealed_overflow: bool,
    /// Fields that were dropped for a bound.
    pub dropped: u32,
}

impl HeaderBlock {
    /// Takes one field as the MTA hands it over: the value without its first blank, folds as LF and a blank.
    pub fn add(&mut self, prefix: &str, name: &[u8], value: &[u8]) {
        if name.len() >= prefix.len() && name.iter().zip(prefix.bytes()).all(|(a, b)| a.eq_ignore_ascii_case(&b)) {
            self.add_attribution(name, value);
            return;
        }
        let Some(kept) = KEPT.iter().find(|kept| name.eq_ignore_ascii_case(kept.as_bytes())) else { return };
        let value = value.get(..FIELD).unwrap_or(value);
        if self.octets + value.len() > BLOCK {
            self.dropped += 1;
            return;
        }
        self.octets += value.len();
        self.kept.push((kept, value.to_vec()));
    }

    /// The first field of that name: where there are two, the second was put in to deceive somebody.
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.kept.iter().find(|(kept, _)| *kept == name).map(|(_, value)| value.as_slice())
    }

    /// Attribution fields to delete: name and how often it stands.
    pub fn forged(&self) -> Vec<(String, u32)> {
        self.forged.iter().map(|(name, count)| (name.clone(), *count)).collect()
    }

    /// Attribution fields as they came, if they are few enough to be ours.
    pub fn attribution_fields(&self) -> Option<&[(String, String)]> {
        (!self.sealed_overflow && !self.sealed.is_empty()).then_some(&self.sealed)
    }

    fn add_attribution(&mut self, name: &[u8], value: &[u8]) {
        let name = String::from_utf8_lossy(name).into_owned();
        let folded = name.to_ascii_lowercase();
        if let Some(count) = self.forged.get_mut(&folded) {
            *count += 1;
        } else if self.forged.len() < NAMES {
            self.forged.insert(folded, 1);
        } else {
            self.dropped += 1;
        }
        match std::str::from_utf8(value) {
            Ok(value) if self.sealed.len() < SEALED && value.len() <= FIELD => {
                self.sealed.push((name, value.to_owned()));
            }
            _ => self.sealed_overflow = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forged_fields_are_counted_in_any_case() {
        let mut block = HeaderBlock::default();
        for name in ["X-Lead-Id", "x-lead-id", "X-LEAD-CHANNEL", "Subject", "X-Leader"] {
            block.add("X-Lead-", name.as_bytes(), b"v");
        }
        assert_eq!(block.forged(), [("x-lead-channel".to_owned(), 1), ("x-lead-id".to_owned(), 2)]);
        assert_eq!(block.first("Subject"), Some(b"v".as_slice()));
    }

    #[test]
    fn a_block_of_megabytes_stays_bounded() {
        let mut block = HeaderBlock::default();
        for number in 0..20_000 {
            block.add("X-Lead-", b"References", &[b'a'; 1000]);
            block.add("X-Lead-", format!("X-Lead-{number}").as_bytes(), &[b'a'; 1000]);
            block.add("X-Lead-", b"X-Other", &[b'a'; 1000]);
        }
        assert!(block.octets <= BLOCK, "{}", block.octets);
        assert_eq!((block.forged.len(), block.sealed.len()), (NAMES, SEALED));
        assert_eq!(block.attribution_fields(), None);
    }

    #[test]
    fn the_first_of_two_fields_counts() {
        let mut block = HeaderBlock::default();
        block.add("X-Lead-", b"From", b"one@client.example");
        block.add("X-Lead-", b"FROM", b"two@client.example");
        assert_eq!(block.first("From"), Some(b"one@client.example".as_slice()));
    }
}
