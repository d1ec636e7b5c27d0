//! What an address is: a channel's substitute, one that names a visit, a mailbox, an unknown tag of a mailbox, or none of
//! ours.
//!
//! Given the config's mailboxes and channels once, builds a table; given an address, answers from it with one look-up,
//! however many addresses are configured. A token is deciphered, and what was not made under our key ends here. Only the envelope's address decides: no header is ever looked at. Knows no
//! milter, does no I/O.

mod orcpt;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc};

use serde::Serialize;

use crate::{
    address::Address,
    channel::{Channel, Mailbox, Pattern},
    token::{Tokens, Verified},
};

pub use orcpt::{original_recipient, xtext};

/// Every address of the config, by its folded form.
#[derive(Debug, Default)]
pub struct Table {
    entries: HashMap<Address, Entry>,
    /// Separators of any mailbox: where an unknown tag may begin.
    separators: String,
    dynamic: Option<Dynamic>,
}

/// What addresses that name visits need.
#[derive(Debug)]
struct Dynamic {
    tokens: Arc<Tokens>,
    /// The domain that accepts a token as local part.
    domain: Option<String>,
    /// What it stands for.
    mailbox: Arc<Mailbox>,
    /// Channels by id, since a visit names its own so.
    channels: HashMap<String, Arc<Channel>>,
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
    pub owner: Owner,
    /// What it stands for.
    pub mailbox: Arc<Mailbox>,
}

/// Who owns a substitute address.
#[derive(Debug, PartialEq, Eq)]
pub enum Owner {
    /// A channel lists it.
    Channel(Arc<Channel>),
    /// A visit was shown it; which one, the store knows.
    Visit(Verified),
}

/// What an address turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// A static substitute of a channel.
    Channel(Arc<Substitute>),
    /// A substitute that was issued to a visit.
    Visit(Arc<Substitute>),
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
            Self::Visit(_) => "visit",
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
                    owner: Owner::Channel(Arc::clone(&channel)),
                    mailbox: Arc::clone(&mailbox),
                };
                table.entries.entry(address.clone()).or_insert_with(|| Entry::Substitute(Arc::new(substitute)));
            }
        }
        table
    }

    /// Knows addresses that name visits, too: behind the separators of every mailbox, and in `domain`, where they stand
    /// for `mailbox`.
    #[must_use]
    pub fn with_tokens(
        mut self,
        tokens: Arc<Tokens>,
        domain: Option<&str>,
        mailbox: &Address,
        channels: &[Channel],
    ) -> Self {
        if let Some(Entry::Mailbox(mailbox)) = self.entries.get(mailbox) {
            let channels = channels.iter().map(|channel| (channel.id.clone(), Arc::new(channel.clone()))).collect();
            let (mailbox, domain) = (Arc::clone(mailbox), domain.map(str::to_owned));
            self.dynamic = Some(Dynamic { tokens, domain, mailbox, channels });
        }
        self
    }

    /// The channel of that id, where visits name channels.
    pub fn channel(&self, id: &str) -> Option<&Channel> {
        self.dynamic.as_ref()?.channels.get(id).map(Arc::as_ref)
    }

    /// The mailbox of that address.
    pub fn mailbox(&self, address: &Address) -> Option<&Mailbox> {
        match self.entries.get(address) {
            Some(Entry::Mailbox(mailbox)) => Some(mailbox),
            _ => None,
        }
    }

    /// Whether the config lists this address.
    pub fn lists(&self, address: &Address) -> bool {
        self.entries.contains_key(address)
    }

    /// Makes and verifies tokens, if there are any.
    pub fn tokens(&self) -> Option<&Arc<Tokens>> {
        self.dynamic.as_ref().map(|dynamic| &dynamic.tokens)
    }

    /// Resolves a folded address.
    pub fn resolve(&self, address: &Address) -> Resolution {
        match self.entries.get(address) {
            Some(Entry::Substitute(substitute)) => Resolution::Channel(Arc::clone(substitute)),
            Some(Entry::Mailbox(mailbox)) => Resolution::Mailbox(Arc::clone(mailbox)),
            None => self.tagged(address),
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
            Resolution::Channel(substitute) | Resolution::Visit(substitute) => {
                let (channel, rule) = match &substitute.owner {
                    Owner::Channel(of) => (Some(of.id.clone()), format!("listed in addresses of channel {}", of.id)),
                    Owner::Visit(of) => (None, format!("token {} was made under our key", of.token)),
                };
                let mailbox = Some(substitute.mailbox.address.to_string());
                Explanation { pattern: Some(substitute.pattern), mailbox, channel, ..answer(name, rule) }
            }
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

    /// What is not listed: a token that is ours, or a tag that is not.
    fn tagged(&self, address: &Address) -> Resolution {
        let found = self.split(address).or_else(|| {
            let dynamic = self.dynamic.as_ref().filter(|of| of.domain.as_deref() == Some(address.domain()))?;
            Some((&dynamic.mailbox, None, address.local()))
        });
        let Some((mailbox, separator, tag)) = found else { return Resolution::Foreign };
        match self.issued(address, mailbox, separator, tag) {
            Some(substitute) => Resolution::Visit(Arc::new(substitute)),
            None => Resolution::Unknown { mailbox: Arc::clone(mailbox), tag: tag.to_owned() },
        }
    }

    /// Splits at the first separator that follows a mailbox which accepts it, as Postfix splits at the first character
    /// of `recipient_delimiter`.
    fn split<'a>(&self, address: &'a Address) -> Option<(&Arc<Mailbox>, Option<char>, &'a str)> {
        for (at, separator) in address.local().char_indices().filter(|(_, char)| self.separators.contains(*char)) {
            let (base, rest) = address.local().split_at_checked(at).unwrap_or_default();
            let Some(base) = Address::parse(&format!("{base}@{}", address.domain())) else { continue };
            if let Some(Entry::Mailbox(mailbox)) = self.entries.get(&base)
                && mailbox.separators.contains(separator)
            {
                return Some((mailbox, Some(separator), rest.strip_prefix(separator).unwrap_or_default()));
            }
        }
        None
    }

    /// The substitute that a token of ours stands in, in the token's own spelling.
    fn issued(
        &self,
        address: &Address,
        mailbox: &Arc<Mailbox>,
        separator: Option<char>,
        tag: &str,
    ) -> Option<Substitute> {
        let verified = self.dynamic.as_ref()?.tokens.verify(tag)?;
        let token = verified.token;
        let canonical = match separator {
            Some(separator) => {
                Address::parse(&format!("{}{separator}{token}@{}", mailbox.address.local(), address.domain()))
            }
            None => Address::parse(&format!("{token}@{}", address.domain())),
        }?;
        Some(Substitute {
            pattern: Pattern::of(&canonical, &mailbox.address),
            address: canonical,
            owner: Owner::Visit(verified),
            mailbox: Arc::clone(mailbox),
        })
    }
}
