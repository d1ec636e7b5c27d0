//! Where a lead came from, as its event tells it: frozen when the lead arrives.
//!
//! Plain data; `intake` fills it in from the substitute, the store from an earlier lead of the thread or the sender.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Millis;

/// Where the sender came from, frozen when the lead arrives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attribution {
    /// How sure the resolution of the address is.
    pub status: Status,
    /// How sure the attribution of the person is.
    pub confidence: Confidence,
    /// From the visit to the letter, or from the issue of an address whose visit is deleted; null for a static address.
    pub age_seconds: Option<u64>,
    /// The visitor's visits, and one for each static substitute written to; oldest first.
    pub touches: Vec<Touch>,
    /// `utm_source` of the primary touch.
    pub source: Option<String>,
    /// `utm_medium` of the primary touch.
    pub medium: Option<String>,
    /// `utm_campaign` of the primary touch.
    pub campaign: Option<String>,
    /// `utm_term` of the primary touch.
    pub term: Option<String>,
    /// `utm_content` of the primary touch.
    pub content: Option<String>,
    /// The advertising system's id of the campaign.
    pub campaign_id: Option<String>,
    /// First page of the visit.
    pub landing_page: Option<String>,
    /// Page that showed the address.
    pub page: Option<String>,
    /// Referrer of the visit.
    pub referrer: Option<String>,
    /// When the visit began.
    pub visit_at: Option<Millis>,
    /// When the address was made.
    pub issued_at: Option<Millis>,
    /// Click ids of advertising systems.
    pub click_ids: BTreeMap<String, String>,
    /// Client ids of analytics systems.
    pub client_ids: BTreeMap<String, String>,
    /// Consent by purpose.
    pub consent: Option<BTreeMap<String, String>>,
    /// Values of the site's own.
    pub custom: BTreeMap<String, String>,
}

/// What the address turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// An address that names a visit.
    Exact,
    /// A static address of a channel.
    Channel,
    /// The same as exact, a long time after the visit.
    Late,
    /// An address that named a visit which is deleted.
    Expired,
    /// An address that was harvested: its leads do not count.
    Leaked,
    /// No substitute led here.
    Unknown,
}

impl Status {
    /// The name used in events and headers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Channel => "channel",
            Self::Late => "late",
            Self::Expired => "expired",
            Self::Leaked => "leaked",
            Self::Unknown => "unknown",
        }
    }
}

/// How sure the attribution of the person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// The address itself tells.
    Exact,
    /// A known thread tells.
    Thread,
    /// The sender is known from an earlier lead.
    Sender,
    /// Nothing tells.
    None,
}

/// One contact of a person with a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touch {
    /// When; for a static address, when the letter came.
    pub at: Millis,
    /// The substitute address.
    pub substitute: Option<String>,
    /// The channel's id.
    pub channel: Option<String>,
    /// `utm_source`.
    pub source: Option<String>,
    /// `utm_medium`.
    pub medium: Option<String>,
    /// `utm_campaign`.
    pub campaign: Option<String>,
    /// `utm_term`.
    pub term: Option<String>,
    /// `utm_content`.
    pub content: Option<String>,
    /// First page of the visit.
    pub landing_page: Option<String>,
    /// Referrer of the visit.
    pub referrer: Option<String>,
}
