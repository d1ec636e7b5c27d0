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
    /// The visitor's visits, this one among them, oldest first.
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
    /// Takes over what `later` tells beside: ids that analytics made after the page asked for an address.
    pub fn merge(&mut self, later: Self) {
        self.click_ids.extend(later.click_ids);
        self.client_ids.extend(later.client_ids);
        self.consent.extend(later.consent);
        self.custom.extend(later.custom);
        self.page = self.page.take().or(later.page);
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
    /// How it came.
    pub touchpoint: Touchpoint,
    /// What else is known; empty once the visit is old.
    pub details: Details,
}
