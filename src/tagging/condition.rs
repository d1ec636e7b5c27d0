//! The conditions of a rule, and the values of a letter that they are held against.

use std::{borrow::Cow, fmt};

use serde::Serialize;

use crate::{address::Address, config::TagRule, pattern::ValuePattern};

/// What rules are asked about a letter. Texts are [`composed`](crate::pattern::composed).
#[derive(Clone, Debug, Default)]
pub struct Facts<'a> {
    /// Who wrote; empty where nobody is named.
    pub sender: Spelled<'a>,
    /// Subject, decoded; empty where there is none.
    pub subject: Cow<'a, str>,
    /// To whom.
    pub recipients: Vec<To<'a>>,
    /// Header fields that rules name, if the letter has them: name and decoded value.
    pub headers: Vec<(&'a str, String)>,
    /// File names that the header tells.
    pub attachments: Vec<String>,
    /// Octets, if known.
    pub size: Option<u64>,
}

/// An address that the letter was sent to.
#[derive(Clone, Debug)]
pub struct To<'a> {
    /// The address.
    pub address: Spelled<'a>,
    /// The id of its channel.
    pub channel: Option<&'a str>,
}

/// An address in the two forms that a pattern may be written for.
#[derive(Clone, Debug, Default)]
pub struct Spelled<'a> {
    folded: &'a str,
    /// With the domain in its own script, where that is another form.
    native: Option<String>,
}

impl<'a> Spelled<'a> {
    /// Both forms of an address.
    pub fn of(address: &'a Address) -> Self {
        let has_a_label = address.domain().split('.').any(|label| label.starts_with("xn--"));
        let native = || format!("{}@{}", address.local(), idna::domain_to_unicode(address.domain()).0);
        Self { folded: address.as_str(), native: has_a_label.then(native) }
    }

    fn fits(&self, pattern: &ValuePattern) -> bool {
        pattern.is_match(self.folded) || self.native.as_deref().is_some_and(|native| pattern.is_match(native))
    }

    /// The form that people read.
    fn told(&self) -> String {
        self.native.clone().unwrap_or_else(|| self.folded.to_owned())
    }
}

/// What a condition asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Channel,
    Size,
    Sender,
    Recipient,
    Subject,
    Header,
    Attachment,
}

/// A condition and the values it was held against, as `explain` tells them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Its key in the config; for a header with the header's name.
    pub condition: String,
    /// What it asks for.
    pub pattern: String,
    /// What the letter has.
    pub values: Vec<String>,
    /// Whether one of them fits.
    pub met: bool,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { condition, pattern, values, met } = self;
        if values.is_empty() {
            return write!(f, "no {condition} to fit {pattern:?}");
        }
        let verb = if *met { "fits" } else { "does not fit" };
        let values: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
        write!(f, "{condition} {} {verb} {pattern:?}", values.join(", "))
    }
}

/// Whether a rule's condition is met; `None` if the rule does not have it.
pub(super) fn is_met(asked: Asked, rule: &TagRule, facts: &Facts<'_>) -> Option<bool> {
    Some(match asked {
        Asked::Channel => {
            let wanted = rule.channel.as_deref()?;
            facts.recipients.iter().any(|to| to.channel == Some(wanted))
        }
        Asked::Size => {
            let bound = rule.size?;
            facts.size.is_some_and(|octets| bound.admits(octets))
        }
        Asked::Sender => facts.sender.fits(rule.sender.as_ref()?),
        Asked::Recipient => {
            let pattern = rule.recipient.as_ref()?;
            recipients(rule, facts).any(|to| to.address.fits(pattern))
        }
        Asked::Subject => rule.subject.as_ref()?.is_match(&facts.subject),
        Asked::Header => {
            let wanted = rule.header.as_ref()?;
            facts.header(&wanted.name).is_some_and(|value| wanted.pattern.is_match(value))
        }
        Asked::Attachment => {
            let pattern = rule.attachment.as_ref()?;
            facts.attachments.iter().any(|name| pattern.is_match(name))
        }
    })
}

/// Addresses that the rule's other condition admits: channel and recipient have to be met by one address.
fn recipients<'f, 'a>(rule: &'f TagRule, facts: &'f Facts<'a>) -> impl Iterator<Item = &'f To<'a>> {
    facts.recipients.iter().filter(|to| rule.channel.as_deref().is_none_or(|wanted| to.channel == Some(wanted)))
}

impl Facts<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl Asked {
    /// Every one, the cheapest first.
    pub(super) const ALL: [Self; 7] =
        [Self::Channel, Self::Size, Self::Sender, Self::Recipient, Self::Subject, Self::Header, Self::Attachment];

    /// The condition of a rule with its values, if the rule has it.
    pub(super) fn told(self, rule: &TagRule, facts: &Facts<'_>) -> Option<Condition> {
        let met = is_met(self, rule, facts)?;
        let pattern = |pattern: &Option<ValuePattern>| pattern.as_ref().map(|of| of.as_str().to_owned());
        let (condition, pattern, values): (&str, Option<String>, Vec<String>) = match self {
            Self::Channel => {
                let ids = facts.recipients.iter().filter_map(|to| to.channel);
                ("channel", rule.channel.clone(), distinct(ids.map(str::to_owned)))
            }
            Self::Size => (
                "size",
                rule.size.map(|bound| bound.to_string()),
                facts.size.map(|octets| octets.to_string()).into_iter().collect(),
            ),
            Self::Sender => ("sender", pattern(&rule.sender), vec![facts.sender.told()]),
            Self::Recipient => {
                let addresses = recipients(rule, facts).map(|to| to.address.told());
                ("recipient", pattern(&rule.recipient), distinct(addresses))
            }
            Self::Subject => ("subject", pattern(&rule.subject), vec![facts.subject.to_string()]),
            Self::Header => {
                let wanted = rule.header.as_ref()?;
                let value = facts.header(&wanted.name).map(str::to_owned);
                let pattern = wanted.pattern.as_str().to_owned();
                let condition = format!("header {}", wanted.name);
                return Some(Condition { condition, pattern, values: value.into_iter().collect(), met });
            }
            Self::Attachment => ("attachment", pattern(&rule.attachment), facts.attachments.clone()),
        };
        Some(Condition { condition: condition.to_owned(), pattern: pattern.unwrap_or_default(), values, met })
    }
}

fn distinct(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut out = Vec::new();
    for value in values {
        if !out.contains(&value) {
            out.push(value);
        }
    }
    out
}
