//! A visit: one arrival of one visitor at a site, and what is known of it.
//!
//! Plain data, made by `arrival` and `issuing`, kept by the store, and frozen into a lead by `intake`. No I/O.

use std::collections::BTreeMap;

use crate::{
    channel::Utm,
    clock::Millis,
    token::{KeyMark, VisitId},
};

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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Click ids of advertising systems.
    pub click_ids: BTreeMap<String, String>,
    /// Client ids of analytics systems.
    pub client_ids: BTreeMap<String, String>,
    /// Consent by purpose.
    pub consent: BTreeMap<String, String>,
    /// Values of the site's own.
    pub custom: BTreeMap<String, String>,
    /// The page that showed the address.
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

/// A visit that the store keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Its number.
    pub id: VisitId,
    /// The key that its token was made under.
    pub key: KeyMark,
    /// When it began, and its address was issued.
    pub at: Millis,
    /// The visitor, by the number of their first visit.
    pub visitor: VisitId,
    /// How it came.
    pub touchpoint: Touchpoint,
    /// What else is known; empty once the visit is old.
    pub details: Details,
}
