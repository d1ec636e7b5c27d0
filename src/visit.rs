//! A visit: one arrival of one visitor at a site, and what is known of it.
//!
//! Plain data, made by `arrival` and `issuing`, kept by the store, and frozen into a lead by `intake`. No I/O.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    channel::Utm,
    clock::Millis,
    token::{Claim, VisitId},
};

/// What the store knows of a token that passed the check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// When the address was issued; of a visit that is gone, about when.
    pub issued_at: Millis,
    /// The visit, unless it is gone.
    pub visit: Option<Visit>,
    /// The visitor's visits, this one among them, oldest first; without details.
    pub visits: Vec<Visit>,
}

/// How a visit came; many visits share one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Touchpoint {
    /// Id of the channel that the arrival belongs to.
    pub channel: Option<String>,
    /// UTM values: those of the landing page, else what click id and referrer stand for.
    pub utm: Utm,
    /// First page of the visit: origin, path, and the parts of the query that name a campaign.
    pub landing_page: Option<String>,
    /// The page before that, without its query.
    pub referrer: Option<String>,
}

impl Touchpoint {
    /// `utm_source` of who typed the address or used a bookmark, in the words of web analytics.
    pub const DIRECT: &str = "(direct)";

    /// `utm_medium` of the same.
    pub const NONE: &str = "(none)";

    /// Whether nothing led the visitor here.
    pub fn is_direct(&self) -> bool {
        self.utm.source == Self::DIRECT
    }
}

/// What is known of one visit alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// Click ids of advertising systems.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub click_ids: BTreeMap<String, String>,
    /// Client ids of analytics systems.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub client_ids: BTreeMap<String, String>,
    /// Consent by purpose.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub consent: BTreeMap<String, String>,
    /// Values of the site's own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub custom: BTreeMap<String, String>,
    /// The page that showed the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

impl Details {
    /// Values of one sort that are kept; a page tells no more at once.
    const MOST: usize = 32;

    /// Takes over what `later` tells beside, such as ids that analytics made after the page asked for an address. Whoever
    /// has seen an address can tell something of its visit, so what is known stays, and it stays bounded; only a refusal
    /// counts whenever it comes, and takes along what it refuses.
    pub fn merge(&mut self, later: Self) {
        let add = |known: &mut BTreeMap<String, String>, later: BTreeMap<String, String>| {
            for (name, value) in later {
                if known.len() < Self::MOST {
                    known.entry(name).or_insert(value);
                }
            }
        };
        add(&mut self.click_ids, later.click_ids);
        add(&mut self.client_ids, later.client_ids);
        add(&mut self.custom, later.custom);
        let refusals = later.consent.iter().filter(|(_, consent)| *consent == Self::DENIED);
        refusals.for_each(|(purpose, _)| drop(self.consent.remove(purpose)));
        add(&mut self.consent, later.consent);
        self.page = self.page.take().or(later.page);
        self.obey();
    }

    /// What a visitor says who refuses.
    pub const DENIED: &str = "denied";

    /// Drops what the visitor refuses: ids of advertisers, or all ids.
    pub fn obey(&mut self) {
        let is_denied = |purpose: &str| self.consent.get(purpose).is_some_and(|consent| consent == Self::DENIED);
        let (ads, analytics) = (is_denied("ads"), is_denied("analytics"));
        if ads || analytics {
            self.click_ids.clear();
            // The cookie of Meta's advertising.
            self.client_ids.remove("fbp");
        }
        if analytics {
            self.client_ids.clear();
        }
    }
}

/// A visit before it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVisit {
    /// Its number, and the key that its token is made under.
    pub claim: Claim,
    /// When it began.
    pub at: Millis,
    /// The visitor, by the number of their first visit; `None` if this is the first.
    pub visitor: Option<VisitId>,
    /// Whether the address was ordered, for nobody in particular.
    pub is_ordered: bool,
    /// How it came.
    pub touchpoint: Touchpoint,
    /// What else is known.
    pub details: Details,
}

/// A visit that the store keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Its number, and the key that its token was made under.
    pub claim: Claim,
    /// When it began, and its address was issued.
    pub at: Millis,
    /// The visitor, by the number of their first visit.
    pub visitor: VisitId,
    /// Whether the address was ordered: many may write to it, and none of them is its visitor.
    pub is_ordered: bool,
    /// How it came.
    pub touchpoint: Touchpoint,
    /// What else is known; empty once the visit is old.
    pub details: Details,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn known() -> Details {
        Details {
            click_ids: map(&[("yclid", "1")]),
            client_ids: map(&[("ga", "1.2"), ("fbp", "fb.1")]),
            consent: map(&[("analytics", "granted"), ("ads", "unknown")]),
            custom: map(&[("city", "Moscow")]),
            page: Some("https://company.ru/".to_owned()),
        }
    }

    fn merged(later: Details) -> Details {
        let mut details = known();
        details.merge(later);
        details
    }

    #[test]
    fn what_is_known_stays_and_what_is_new_is_added() {
        let later = Details {
            click_ids: map(&[("yclid", "2"), ("gclid", "3")]),
            client_ids: map(&[("ga", "9.9"), ("ym", "7")]),
            consent: map(&[("ads", "granted")]),
            custom: map(&[("city", "Tver"), ("plan", "b2b")]),
            page: Some("https://company.ru/other".to_owned()),
        };
        let expected = Details {
            click_ids: map(&[("gclid", "3"), ("yclid", "1")]),
            client_ids: map(&[("fbp", "fb.1"), ("ga", "1.2"), ("ym", "7")]),
            custom: map(&[("city", "Moscow"), ("plan", "b2b")]),
            ..known()
        };
        assert_eq!(merged(later), expected);
    }

    #[test]
    fn however_much_is_told_it_stays_bounded() {
        let mut details = known();
        for round in 0..100 {
            let many: BTreeMap<_, _> = (0..32).map(|n| (format!("{round}-{n}"), "x".to_owned())).collect();
            details.merge(Details { custom: many.clone(), client_ids: many, ..Details::default() });
        }
        assert_eq!((details.custom.len(), details.client_ids.len()), (Details::MOST, Details::MOST));
    }

    #[test]
    fn a_refusal_takes_along_what_it_refuses() {
        let refused = |purpose: &str| merged(Details { consent: map(&[(purpose, "denied")]), ..Details::default() });
        let ads = refused("ads");
        assert_eq!((ads.click_ids, ads.client_ids), (map(&[]), map(&[("ga", "1.2")])));
        let analytics = refused("analytics");
        assert_eq!((analytics.click_ids, analytics.client_ids), (map(&[]), map(&[])));
        assert_eq!(analytics.consent, map(&[("ads", "unknown"), ("analytics", "denied")]));
    }
}
