//! The first page of a visit: its address without what is personal, its UTM values, its click ids.
//!
//! Given what a browser or another server says the page was, gives back the parts that are well formed. All of it is a
//! stranger's: bounded, decoded, cleaned, and never an error.

use std::{borrow::Cow, collections::BTreeMap};

use base64::{Engine, alphabet, engine};
use encoding_rs::Encoding;
use url::{Url, form_urlencoded};

use super::query;
use crate::{channel::Utm, click, lead::limit};

/// Octets of a landing page that are looked at.
const LONGEST: usize = 8192;

/// Characters of a page in events.
pub(super) const PAGE: usize = 2048;

/// Characters of a click id in events.
const CLICK_ID: usize = 512;

/// Keys of the query that a page keeps.
const KEPT: usize = 16;

/// What a landing page says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Landing {
    /// Origin, path, and the keys of the query that name a campaign.
    pub(super) page: Option<String>,
    /// Its host.
    pub(super) host: Option<String>,
    /// Its path, decoded.
    pub(super) path: String,
    /// UTM values of query and hash.
    pub(super) utm: Utm,
    /// What an Openstat marker says in the same terms.
    pub(super) openstat: Option<Utm>,
    /// `utm_referrer`: the referrer, kept by a site that redirects by script.
    pub(super) referrer: Option<String>,
    /// By key.
    pub(super) click_ids: BTreeMap<String, String>,
}

impl Landing {
    /// Reads a page's address.
    pub(super) fn read(text: &str, charset: &'static Encoding) -> Self {
        let text = within(text.trim(), LONGEST);
        let (text, hash) = text.split_once('#').unwrap_or((text, ""));
        let (text, query) = text.split_once('?').unwrap_or((text, ""));
        // Pages that a script shows one after another keep theirs in the hash: `#/pumps?utm_source=yandex`.
        let hash = hash.rsplit('?').next().unwrap_or_default();
        let mut landing = Self::default();
        if let Some(url) = page(text) {
            landing.path = query::path(url.path(), charset);
            landing.host = url.host_str().map(str::to_owned);
            landing.page = Some(url.into());
        }
        let mut kept: Vec<Cow<'_, str>> = Vec::new();
        for (key, value) in query::pairs(query).chain(query::pairs(hash)) {
            let value = landing.take(&key, value, charset);
            if let Some(value) = value.filter(|_| kept.len() < KEPT && !kept.contains(&key)) {
                landing.keep(&key, &value);
                kept.push(key);
            }
        }
        landing
    }

    /// Takes a value to its place; the first one of a key counts. Gives it back if the page keeps it.
    fn take(&mut self, key: &str, value: &str, charset: &'static Encoding) -> Option<String> {
        if let Some(click) = click::find(key) {
            let id = query::whole(value, CLICK_ID, charset)?;
            let first = self.click_ids.entry(key.to_owned()).or_insert(id);
            return (!click.is_of_one_click()).then(|| first.clone());
        }
        let is_openstat = matches!(key, "openstat" | "_openstat");
        if key == "utm_referrer" {
            // An address with a query of its own, where anything may stand.
            self.referrer = self.referrer.take().or_else(|| query::whole(value, PAGE, charset));
            return None;
        }
        if !is_openstat && !key.starts_with("utm_") {
            return None;
        }
        let value = query::decoded(value, limit::TEXT, charset)?;
        let place = match key {
            "utm_source" => &mut self.utm.source,
            "utm_medium" => &mut self.utm.medium,
            "utm_campaign" => &mut self.utm.campaign,
            "utm_term" => &mut self.utm.term,
            "utm_content" => &mut self.utm.content,
            _ => {
                self.openstat = self.openstat.take().or_else(|| is_openstat.then(|| openstat(&value)).flatten());
                return Some(value);
            }
        };
        if place.is_empty() {
            place.clone_from(&value);
        }
        Some(value)
    }

    /// Adds a key to the page if there is room for it.
    fn keep(&mut self, key: &str, value: &str) {
        let Some(page) = &mut self.page else { return };
        let before = page.len();
        page.push(if page.contains('?') { '&' } else { '?' });
        page.push_str(key);
        page.push('=');
        page.extend(form_urlencoded::byte_serialize(value.as_bytes()));
        if page.len() > PAGE {
            page.truncate(before);
        }
    }
}

/// An address of the web without user, query and hash, of bounded length.
pub(super) fn page(text: &str) -> Option<Url> {
    let mut url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    if !url.username().is_empty() || url.password().is_some() {
        url.set_username("").ok()?;
        url.set_password(None).ok()?;
    }
    url.set_query(None);
    url.set_fragment(None);
    let beyond = url.as_str().len().saturating_sub(PAGE);
    if beyond > 0 {
        let path = url.path().get(..url.path().len().checked_sub(beyond)?)?;
        // Not within an escaped octet.
        let end = path.rfind('%').filter(|percent| path.len() - percent < 3).unwrap_or(path.len());
        let path = path.get(..end)?.to_owned();
        url.set_path(&path);
    }
    Some(url)
}

/// The start of a text, of at most so many octets.
fn within(text: &str, octets: usize) -> &str {
    let end = text.floor_char_boundary(octets);
    text.get(..end).unwrap_or_default()
}

/// `service;campaign;ad;place`, as it stands or in Base64 of either alphabet.
fn openstat(value: &str) -> Option<Utm> {
    let plain = if value.contains(';') { Cow::Borrowed(value) } else { Cow::Owned(from_base64(value)?) };
    let mut parts = plain.split(';').map(|part| crate::text::bounded(part, limit::TEXT).unwrap_or_default());
    let mut next = || parts.next().unwrap_or_default();
    let (service, campaign, content) = (next(), next(), next());
    // Direct is the source that its click id stands for.
    let source = if service == "direct.yandex.ru" { "yandex".to_owned() } else { service };
    let utm = Utm { source, medium: "cpc".to_owned(), campaign, content, term: String::new() };
    (!utm.source.is_empty()).then_some(utm)
}

fn from_base64(text: &str) -> Option<String> {
    const LENIENT: engine::GeneralPurposeConfig = engine::GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(engine::DecodePaddingMode::Indifferent);
    const ENGINE: engine::GeneralPurpose = engine::GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
    // A plus sign has become a blank.
    let text: String = text.chars().map(|char| if matches!(char, '+' | ' ') { '-' } else { char }).collect();
    let bytes = ENGINE.decode(text.replace('/', "_").trim_end_matches(['=', '*'])).ok()?;
    String::from_utf8(bytes).ok().filter(|text| text.contains(';'))
}
