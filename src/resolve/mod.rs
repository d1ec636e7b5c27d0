//! What an address is: a channel's substitute, a mailbox, an unknown tag of a mailbox, or none of ours.
//!
//! Given the config's mailboxes and channels once, builds a table; given an address, answers from it with one look-up,
//! however many addresses are configured. Only the envelope's address decides: no header is ever looked at. Knows no
//! milter, does no I/O.

mod orcpt;

use std::{collections::HashMap, sync::Arc};

use serde::Serialize;

use crate::{
    address::Address,
    channel::{Channel, Mailbox, Pattern},
};

pub use orcpt::{original_recipient, xtext};

/// Every address of the config, by its folded form.
#[derive(Debug, Default)]
pub struct Table {
    entries: HashMap<Address, Entry>,
    /// Separators of any mailbox: where an unknown tag may begin.
    separators: String,
}

#[derive(Debug)]
enum Entry {
    Substitute(Arc<Substitute>),
    Mailbox(Arc<Mailbox>),
}

/// A substitute address and what it stands for.
#[derive(Debug, PartialEq, Eq)]
pub struct Substitute {
    /// The address, folded.
    pub address: Address,
    /// How it differs from its mailbox.
    pub pattern: Pattern,
    /// Who owns it.
    pub channel: Arc<Channel>,
    /// What it stands for.
    pub mailbox: Arc<Mailbox>,
}

/// What an address turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// A static substitute of a channel.
    Channel(Arc<Substitute>),
    /// A mailbox itself.
    Mailbox(Arc<Mailbox>),
    /// A mailbox and a tag that no channel lists.
    Unknown {
        /// The mailbox.
        mailbox: Arc<Mailbox>,
        /// What follows the separator.
        tag: String,
    },
    /// Not ours.
    Foreign,
}

impl Resolution {
    /// The name that `explain` prints.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Channel(_) => "channel",
            Self::Mailbox(_) => "mailbox",
            Self::Unknown { .. } => "unknown",
            Self::Foreign => "foreign",
        }
    }
}

/// A resolution as `explain --json` prints it.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Explanation {
    /// The address as asked.
    pub address: String,
    /// What it turned out to be.
    pub resolution: &'static str,
    /// How a substitute differs from its mailbox.
    pub pattern: Option<Pattern>,
    /// The mailbox that gets the mail.
    pub mailbox: Option<String>,
    /// The channel's id.
    pub channel: Option<String>,
    /// The rule that decided, in words.
    pub rule: String,
}

impl Table {
    /// Builds the table. The config has made sure that no address stands twice.
    pub fn new(mailboxes: &[Mailbox], channels: &[Channel]) -> Self {
        let mut table = Self::default();
        table.entries.reserve(mailboxes.len() + channels.iter().map(|channel| channel.addresses.len()).sum::<usize>());
        for mailbox in mailboxes {
            table.separators.push_str(&mailbox.separators);
            table.entries.insert(mailbox.address.clone(), Entry::Mailbox(Arc::new(mailbox.clone())));
        }
        for channel in channels {
            let Some(Entry::Mailbox(mailbox)) = table.entries.get(&channel.mailbox) else { continue };
            let mailbox = Arc::clone(mailbox);
            let channel = Arc::new(channel.clone());
            for address in &channel.addresses {
                let substitute = Substitute {
                    address: address.clone(),
                    pattern: Pattern::of(address, &mailbox.address),
                    channel: Arc::clone(&channel),
                    mailbox: Arc::clone(&mailbox),
                };
                table.entries.entry(address.clone()).or_insert_with(|| Entry::Substitute(Arc::new(substitute)));
            }
        }
        table
    }

    /// Resolves a folded address.
    pub fn resolve(&self, address: &Address) -> Resolution {
        match self.entries.get(address) {
            Some(Entry::Substitute(substitute)) => Resolution::Channel(Arc::clone(substitute)),
            Some(Entry::Mailbox(mailbox)) => Resolution::Mailbox(Arc::clone(mailbox)),
            None => self.unknown_tag(address),
        }
    }

    /// Says which rule resolves an address, for a person.
    pub fn explain(&self, text: &str) -> Explanation {
        let answer = |resolution, rule: String| Explanation {
            address: text.to_owned(),
            resolution,
            pattern: None,
            mailbox: None,
            channel: None,
            rule,
        };
        let Some(address) = Address::from_path(text.as_bytes()) else {
            return answer("foreign", "not an address with a local part and a domain".into());
        };
        let resolution = self.resolve(&address);
        let name = resolution.name();
        match resolution {
            Resolution::Channel(substitute) => Explanation {
                pattern: Some(substitute.pattern),
                mailbox: Some(substitute.mailbox.address.to_string()),
                channel: Some(substitute.channel.id.clone()),
                ..answer(name, format!("listed in addresses of channel {}", substitute.channel.id))
            },
            Resolution::Mailbox(mailbox) => Explanation {
                mailbox: Some(mailbox.address.to_string()),
                ..answer(name, "a mailbox itself: not tracked".into())
            },
            Resolution::Unknown { mailbox, tag } => Explanation {
                mailbox: Some(mailbox.address.to_string()),
                ..answer(name, format!("no channel lists tag {tag:?} of mailbox {}: not tracked", mailbox.address))
            },
            Resolution::Foreign => answer(name, "neither a mailbox nor listed by a channel: not tracked".into()),
        }
    }

    /// Splits at the first separator that follows a mailbox which accepts it, as Postfix splits at the first character
    /// of `recipient_delimiter`.
    fn unknown_tag(&self, address: &Address) -> Resolution {
        for (at, separator) in address.local().char_indices().filter(|(_, char)| self.separators.contains(*char)) {
            let (base, rest) = address.local().split_at_checked(at).unwrap_or_default();
            let Some(base) = Address::parse(&format!("{base}@{}", address.domain())) else { continue };
            if let Some(Entry::Mailbox(mailbox)) = self.entries.get(&base)
                && mailbox.separators.contains(separator)
            {
                let tag = rest.strip_prefix(separator).unwrap_or_default().to_owned();
                return Resolution::Unknown { mailbox: Arc::clone(mailbox), tag };
            }
        }
        Resolution::Foreign
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Utm;
    use proptest::prelude::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn mailbox(text: &str, separators: &str) -> Mailbox {
        Mailbox { address: address(text), spelled: text.into(), separators: separators.into(), rewrite: false }
    }

    fn table() -> Table {
        let channel = Channel {
            id: "m11".into(),
            name: "m11".into(),
            mailbox: address("info@company.ru"),
            addresses: ["info+m11@company.ru", "info.m11@company.ru", "m11@promo.company.ru", "ад@компания.рф"]
                .map(address)
                .to_vec(),
            utm: Utm::default(),
            tags: Vec::new(),
        };
        let mailboxes = [
            mailbox("info@company.ru", "+.-"),
            mailbox("ivan.petrov@company.ru", "+"),
            mailbox("ivan@company.ru", "."),
        ];
        Table::new(&mailboxes, &[channel])
    }

    #[test]
    fn an_address_is_resolved_by_one_rule() {
        let rows = [
            ("info+m11@company.ru", "channel", Some(Pattern::Plus)),
            ("INFO.M11@COMPANY.RU", "channel", Some(Pattern::Dot)),
            ("m11@promo.company.ru", "channel", Some(Pattern::Subdomain)),
            ("ад@xn--80aqeigdi5k.xn--p1ai", "channel", Some(Pattern::Exact)),
            ("info@company.ru", "mailbox", None),
            ("info+other@company.ru", "unknown", None),
            ("info@other.ru", "foreign", None),
            ("info+m11@other.ru", "foreign", None),
            ("postmaster", "foreign", None),
        ];
        for (text, resolution, pattern) in rows {
            let got = table().explain(text);
            assert_eq!((got.resolution, got.pattern), (resolution, pattern), "{text}");
        }
    }

    #[test]
    fn a_mailbox_that_holds_the_delimiter_wins_over_the_pattern() {
        let got = table().explain("ivan.petrov@company.ru");
        assert_eq!((got.resolution, got.mailbox.as_deref()), ("mailbox", Some("ivan.petrov@company.ru")));
    }

    #[test]
    fn a_tag_begins_at_the_first_separator_of_its_mailbox() {
        let tag = |text: &str| match table().resolve(&address(text)) {
            Resolution::Unknown { mailbox, tag } => Some((mailbox.address.to_string(), tag)),
            _ => None,
        };
        assert_eq!(tag("info+a.b@company.ru"), Some(("info@company.ru".into(), "a.b".into())));
        assert_eq!(tag("info.a+b@company.ru"), Some(("info@company.ru".into(), "a+b".into())));
        assert_eq!(tag("ivan.petrov+x@company.ru"), Some(("ivan@company.ru".into(), "petrov+x".into())));
        assert_eq!(tag("ivan+x@company.ru"), None, "this mailbox does not accept +");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_a_rule_is_always_named(
            text in "(<|\")?(info|ivan|ivan.petrov|INFO)?[+.-]?\\PC{0,12}@?(company.ru|компания.рф)?>?",
        ) {
            let got = table().explain(&text);
            prop_assert!(!got.rule.is_empty());
            prop_assert_eq!(got.channel.is_some(), got.resolution == "channel");
            prop_assert_eq!(got.mailbox.is_some(), got.resolution != "foreign");
        }
    }
}
