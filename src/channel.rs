//! Channels and mailboxes: what substitute addresses stand for.
//!
//! Plain data, made by the config and read by everyone above. No I/O.

use serde::{Deserialize, Serialize};

use crate::address::Address;

/// A real address of the company that substitutes stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The folded address, for comparison.
    pub address: Address,
    /// The address as the administrator spelled it: the form a rewritten recipient gets.
    pub spelled: String,
    /// Characters accepted between mailbox and tag; the first is used when minting.
    pub separators: String,
    /// Whether the recipient becomes the mailbox.
    pub rewrite: bool,
}

/// A way of promotion under one id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Stable id, `[A-Za-z0-9._-]`, at most 64 characters.
    pub id: String,
    /// Name for people, at most 255 characters.
    pub name: String,
    /// The mailbox that the addresses stand for.
    pub mailbox: Address,
    /// Static substitute addresses, folded.
    pub addresses: Vec<Address>,
    /// UTM values that a lead of this channel carries.
    pub utm: Utm,
    /// Tags that a lead of this channel carries.
    pub tags: Vec<String>,
}

/// The five UTM values; an empty one counts as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Utm {
    /// `utm_source`: where the visitor came from, `yandex`.
    pub source: String,
    /// `utm_medium`: `cpc`, `email`, `offline`.
    pub medium: String,
    /// `utm_campaign`: the campaign's name or id.
    pub campaign: String,
    /// `utm_term`: the key word.
    pub term: String,
    /// `utm_content`: which ad or place.
    pub content: String,
}

/// How a substitute address differs from its mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pattern {
    /// `info+m11@company.ru`
    Plus,
    /// `info.m11@company.ru`
    Dot,
    /// `info-m11@company.ru`
    Minus,
    /// `m11@promo.company.ru`
    Subdomain,
    /// An address of its own.
    Exact,
}

impl Pattern {
    /// The form that `substitute` has beside `mailbox`.
    pub fn of(substitute: &Address, mailbox: &Address) -> Self {
        if substitute.domain() == mailbox.domain() {
            let tail = substitute.local().strip_prefix(mailbox.local());
            return match tail.and_then(|tail| tail.chars().next()) {
                Some('+') => Self::Plus,
                Some('.') => Self::Dot,
                Some('-') => Self::Minus,
                _ => Self::Exact,
            };
        }
        let parent = substitute.domain().strip_suffix(mailbox.domain());
        if parent.is_some_and(|labels| labels.ends_with('.')) { Self::Subdomain } else { Self::Exact }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_tells_how_a_substitute_differs() {
        let rows = [
            ("info+m11@company.ru", Pattern::Plus),
            ("info.m11@company.ru", Pattern::Dot),
            ("info-m11@company.ru", Pattern::Minus),
            ("m11@promo.company.ru", Pattern::Subdomain),
            ("sales@company.ru", Pattern::Exact),
            ("information@company.ru", Pattern::Exact),
            ("info+m11@mycompany.ru", Pattern::Exact),
        ];
        let mailbox = Address::parse("info@company.ru").unwrap();
        for (text, expected) in rows {
            assert_eq!(Pattern::of(&Address::parse(text).unwrap(), &mailbox), expected, "{text}");
        }
    }
}
