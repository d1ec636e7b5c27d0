//! How a visit came: from its first page and its referrer to UTM values and a channel.
//!
//! Given what a browser, or a server of the company, says of the first page; gives back the [`Touchpoint`] that the visit
//! shares with all others that came the same way, and its click ids. Names are those that web analytics uses, so that
//! reports agree with Google Analytics and Yandex Metrica as far as those agree with each other; `told` has the order of
//! what is believed, `sites` and `click` the names. All of it is a stranger's text: bounded, cleaned, never an error. Does
//! no I/O.

mod by_utm;
mod landing;
mod query;
mod referrer;
mod rules;
mod sites;
mod told;

use std::collections::BTreeMap;

use encoding_rs::{Encoding, WINDOWS_1251};
use serde::{Serialize, Serializer};

use self::{by_utm::ByUtm, landing::Landing, referrer::Referrer, rules::Facts, told::Told};
use crate::{
    channel::Utm,
    config::{ArrivalRule, Config},
    tagging::Condition,
    visit::Touchpoint,
};

/// What a config says of arrivals, compiled.
#[derive(Debug)]
pub struct Arrivals {
    rules: Vec<ArrivalRule>,
    /// Ids of all channels, in order.
    channels: Vec<String>,
    by_utm: ByUtm,
    /// Of what is no UTF-8.
    charset: &'static Encoding,
}

/// How a visit came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// What it shares with others.
    pub touchpoint: Touchpoint,
    /// By key: letters of a to z, digits and `_`, at most 32; values of at most 512 characters.
    pub click_ids: BTreeMap<String, String>,
    /// Whether nothing says where the visitor came from.
    pub is_direct: bool,
    /// Path of the landing page, decoded, as patterns for paths are held against it; empty if the page is not known.
    pub path: String,
}

/// How a visit came, and why it is said so.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// UTM values; null in JSON where one is not known.
    #[serde(serialize_with = "with_nulls")]
    pub utm: Utm,
    /// What told source and medium, in words.
    pub told_by: String,
    /// The first page, as it is kept.
    pub landing_page: Option<String>,
    /// Where the visitor came from, as it is kept.
    pub referrer: Option<String>,
    /// Click ids.
    pub click_ids: BTreeMap<String, String>,
    /// Whether nothing says where the visitor came from.
    pub is_direct: bool,
    /// The id of the channel.
    pub channel: Option<String>,
    /// What decided on the channel, in words.
    pub rule: String,
    /// The `[[arrival]]` rules that were asked: up to the first that fits.
    pub rules: Vec<Judged>,
}

/// A rule that was asked.
#[derive(Debug, Serialize)]
pub struct Judged {
    /// `arrival[2]`, as faults of the config name it.
    pub rule: String,
    /// Its channel.
    pub channel: String,
    /// Whether all conditions are met.
    pub fits: bool,
    /// Its conditions.
    pub conditions: Vec<Condition>,
}

/// What is known of a visit before its channel is.
struct Found {
    landing: Landing,
    referrer: Option<Referrer>,
    utm: Utm,
    told: Told,
}

impl Found {
    fn facts(&self) -> Facts<'_> {
        Facts {
            utm: &self.utm,
            click_ids: self.landing.click_ids.keys().map(String::as_str).collect(),
            told: self.told,
            referrer: self.referrer.as_ref(),
            path: &self.landing.path,
        }
    }

    fn with(self, channel: Option<String>) -> Arrived {
        let Landing { page, path, click_ids, .. } = self.landing;
        let referrer = self.referrer.map(|referrer| referrer.page);
        let touchpoint = Touchpoint { channel, utm: self.utm, landing_page: page, referrer };
        Arrived { is_direct: touchpoint.is_direct(), touchpoint, click_ids, path }
    }
}

impl Arrivals {
    /// Compiles what a config says.
    pub fn new(config: &Config) -> Self {
        Self {
            rules: config.arrivals.clone(),
            channels: config.channels.iter().map(|channel| channel.id.clone()).collect(),
            by_utm: ByUtm::new(&config.channels),
            charset: Encoding::for_label(config.leads.default_charset.as_bytes()).unwrap_or(WINDOWS_1251),
        }
    }

    /// Says how a visit came. `origins` are those of the site's own pages, whose referrers say nothing.
    pub fn arrive(&self, landing: &str, referrer: Option<&str>, origins: &[String]) -> Arrived {
        let found = self.find(landing, referrer, origins);
        let facts = found.facts();
        let by_rule = self.rules.iter().find(|rule| rules::fits(rule, &facts)).map(|rule| &rule.channel);
        let channel = by_rule.or_else(|| self.channels.get(self.by_utm.find(&found.utm)?)).cloned();
        found.with(channel)
    }

    /// The channel of UTM values that no page tells; none for none.
    pub fn channel_of(&self, utm: &Utm) -> Option<String> {
        if *utm == Utm::default() {
            return None;
        }
        let facts = Facts { utm, click_ids: Vec::new(), told: Told::Utm, referrer: None, path: "" };
        let by_rule = self.rules.iter().find(|rule| rules::fits(rule, &facts)).map(|rule| &rule.channel);
        by_rule.or_else(|| self.channels.get(self.by_utm.find(utm)?)).cloned()
    }

    /// Says how a visit came, and why, for a person.
    pub fn explain(&self, landing: &str, referrer: Option<&str>, origins: &[String]) -> Explanation {
        let found = self.find(landing, referrer, origins);
        let facts = found.facts();
        let mut judged = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            let conditions = rules::conditions(rule, &facts);
            let fits = conditions.iter().all(|condition| condition.met);
            judged.push(Judged { rule: format!("arrival[{index}]"), channel: rule.channel.clone(), fits, conditions });
            if fits {
                break;
            }
        }
        let (channel, rule) = match (judged.last().filter(|last| last.fits), self.by_utm.find(&found.utm)) {
            (Some(rule), _) => (Some(rule.channel.clone()), format!("{} fits", rule.rule)),
            (None, Some(index)) => (self.channels.get(index).cloned(), format!("utm of channel[{index}] fits")),
            (None, None) => (None, "no [[arrival]] fits, and no channel has such utm".to_owned()),
        };
        let told_by = found.told.to_string();
        let Arrived { touchpoint, click_ids, is_direct, .. } = found.with(channel);
        let Touchpoint { channel, utm, landing_page, referrer } = touchpoint;
        Explanation { utm, told_by, landing_page, referrer, click_ids, is_direct, channel, rule, rules: judged }
    }

    fn find(&self, landing: &str, referrer: Option<&str>, origins: &[String]) -> Found {
        let landing = Landing::read(landing, self.charset);
        let read = |text: &str| Referrer::read(text, origins, landing.host.as_deref());
        let kept = || landing.referrer.as_deref().and_then(read);
        let referrer = referrer.and_then(read).or_else(kept);
        let (utm, told) = told::tell(&landing, referrer.as_ref());
        Found { landing, referrer, utm, told }
    }
}

fn with_nulls<S: Serializer>(utm: &Utm, serializer: S) -> Result<S::Ok, S::Error> {
    let Utm { source, medium, campaign, term, content } = utm;
    let values = [("source", source), ("medium", medium), ("campaign", campaign), ("term", term), ("content", content)];
    serializer.collect_map(values.map(|(name, value)| (name, Some(value).filter(|value| !value.is_empty()))))
}

/// Says how one visit came; who asks more than once compiles [`Arrivals`].
pub fn arrive(config: &Config, landing: &str, referrer: Option<&str>, origins: &[String]) -> Arrived {
    Arrivals::new(config).arrive(landing, referrer, origins)
}

#[cfg(test)]
mod tests;
