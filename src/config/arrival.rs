//! `[[arrival]]`: which channel a visit belongs to, by how it came. Plain data, compiled once for a config.

use crate::pattern::ValuePattern;

/// A rule; it fits where all conditions that it has are met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrivalRule {
    /// The id of the channel.
    pub channel: String,
    /// UTM values: those of the landing page, else what click id and referrer stand for.
    pub utm: UtmPatterns,
    /// A key of the landing page's query, one of [`crate::click::CLICKS`].
    pub click_id: Option<String>,
    /// Where the visitor came from.
    pub referrer: Option<From>,
    /// The path of the landing page.
    pub landing: Option<ValuePattern>,
}

/// A pattern for each UTM value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UtmPatterns {
    /// `utm_source`
    pub source: Option<ValuePattern>,
    /// `utm_medium`
    pub medium: Option<ValuePattern>,
    /// `utm_campaign`
    pub campaign: Option<ValuePattern>,
    /// `utm_term`
    pub term: Option<ValuePattern>,
    /// `utm_content`
    pub content: Option<ValuePattern>,
}

/// Where a visitor came from. All but a host are met only by visits of which the landing page says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// `search`: a search engine.
    Search,
    /// `social`: a social network.
    Social,
    /// `referral`: any other site or app.
    Referral,
    /// `direct`: nowhere that is known.
    Direct,
    /// A pattern for the referrer's host, or for a domain above it.
    Host(ValuePattern),
}
