//! `[[arrival]]`: the conditions of a rule, and the facts of a visit that they are held against.

use crate::{
    channel::Utm,
    config::{ArrivalRule, From},
    pattern::ValuePattern,
    tagging::Condition,
};

use super::{referrer::Referrer, told::Told};

/// What rules are asked about a visit.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    /// UTM values, those that were inferred too.
    pub(super) utm: &'a Utm,
    /// Keys of the landing page that name a click or an ad.
    pub(super) click_ids: Vec<&'a str>,
    /// How it is known where the visitor came from.
    pub(super) told: Told,
    /// From where.
    pub(super) referrer: Option<&'a Referrer>,
    /// The landing page's path.
    pub(super) path: &'a str,
}

/// What a condition asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    ClickId,
    Source,
    Medium,
    Campaign,
    Term,
    Content,
    Landing,
    Referrer,
}

impl Asked {
    /// Every one, the cheapest first.
    const ALL: [Self; 8] = [
        Self::ClickId,
        Self::Source,
        Self::Medium,
        Self::Campaign,
        Self::Term,
        Self::Content,
        Self::Landing,
        Self::Referrer,
    ];

    /// Whether a rule's condition is met; `None` if the rule does not have it.
    fn is_met(self, rule: &ArrivalRule, facts: &Facts<'_>) -> Option<bool> {
        if let Some((pattern, value)) = self.pattern(rule, facts) {
            return Some(pattern?.is_match(value));
        }
        Some(match self {
            Self::ClickId => facts.click_ids.contains(&rule.click_id.as_deref()?),
            _ => came_from(rule.referrer.as_ref()?, facts),
        })
    }

    /// The pattern that a value is held against, and the value.
    fn pattern<'f>(self, rule: &'f ArrivalRule, facts: &Facts<'f>) -> Option<(Option<&'f ValuePattern>, &'f str)> {
        let (pattern, value) = match self {
            Self::Source => (&rule.utm.source, facts.utm.source.as_str()),
            Self::Medium => (&rule.utm.medium, facts.utm.medium.as_str()),
            Self::Campaign => (&rule.utm.campaign, facts.utm.campaign.as_str()),
            Self::Term => (&rule.utm.term, facts.utm.term.as_str()),
            Self::Content => (&rule.utm.content, facts.utm.content.as_str()),
            Self::Landing => (&rule.landing, facts.path),
            Self::ClickId | Self::Referrer => return None,
        };
        Some((pattern.as_ref(), value))
    }

    /// Its key in the config.
    fn key(self) -> &'static str {
        match self {
            Self::ClickId => "click_id",
            Self::Source => "utm_source",
            Self::Medium => "utm_medium",
            Self::Campaign => "utm_campaign",
            Self::Term => "utm_term",
            Self::Content => "utm_content",
            Self::Landing => "landing",
            Self::Referrer => "referrer",
        }
    }

    /// The condition of a rule with its values, if the rule has it.
    fn told(self, rule: &ArrivalRule, facts: &Facts<'_>) -> Option<Condition> {
        let met = self.is_met(rule, facts)?;
        let (pattern, values) = match (self.pattern(rule, facts), self) {
            (Some((pattern, value)), _) => (pattern?.as_str(), vec![value.to_owned()]),
            (None, Self::ClickId) => {
                (rule.click_id.as_deref()?, facts.click_ids.iter().map(|key| (*key).to_owned()).collect())
            }
            (None, _) => match rule.referrer.as_ref()? {
                From::Host(pattern) => {
                    (pattern.as_str(), facts.referrer.iter().map(|from| from.host.clone()).collect())
                }
                choice => (word(choice), vec![facts.told.kind().to_owned()]),
            },
        };
        Some(Condition { condition: self.key().to_owned(), pattern: pattern.to_owned(), values, met })
    }
}

fn word(choice: &From) -> &'static str {
    match choice {
        From::Search => "search",
        From::Social => "social",
        From::Referral => "referral",
        From::Direct => "direct",
        From::Host(_) => "host",
    }
}

fn came_from(wanted: &From, facts: &Facts<'_>) -> bool {
    let From::Host(pattern) = wanted else { return word(wanted) == facts.told.kind() };
    let fits = |domain: &str| {
        let native = || pattern.is_match(&idna::domain_to_unicode(domain).0);
        pattern.is_match(domain) || (domain.contains("xn--") && native())
    };
    facts.referrer.is_some_and(|referrer| referrer.domains().any(fits))
}

/// Whether a rule's conditions are all met; the cheapest are asked first.
pub(super) fn fits(rule: &ArrivalRule, facts: &Facts<'_>) -> bool {
    Asked::ALL.iter().all(|asked| asked.is_met(rule, facts) != Some(false))
}

/// Every condition of a rule, and whether it is met.
pub(super) fn conditions(rule: &ArrivalRule, facts: &Facts<'_>) -> Vec<Condition> {
    Asked::ALL.iter().filter_map(|asked| asked.told(rule, facts)).collect()
}
