//! What pages send: read generously, never trusted.
//!
//! The schemas of the public door's bodies are made from these types. Keys that nobody knows and values that are no
//! texts are left out: a page is not told off for what its visitor brought. The body's length bounds it all, and how
//! long each value may be is up to what is kept of it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Values under names at most.
const VALUES: usize = 32;

/// Addresses that a page may ask for at once.
const ADDRESSES: usize = 32;

/// A page that shows addresses, and what it knows of its visitor. Unknown keys are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"key": "company", "landing": "https://company.ru/pumps?utm_source=yandex&yclid=123",
    "page": "https://company.ru/contacts", "referrer": "https://yandex.ru/", "addresses": ["info@company.ru"],
    "client": {"ga": "1166061800.1763744531"}, "consent": {"analytics": "granted"}, "custom": {"city": "Moscow"}}))]
pub struct VisitAsk {
    /// `key` of the `[[site]]`.
    pub key: String,
    /// What an earlier answer said; the cookie `lm` wins.
    visitor: Option<String>,
    /// URL of the first page of the visit.
    landing: Option<String>,
    /// URL of the page that shows the addresses.
    page: Option<String>,
    /// URL of the page before the first.
    referrer: Option<String>,
    /// Addresses that the page shows.
    addresses: Option<Vec<String>>,
    /// Client ids of analytics systems by name: `ga`, `ga_session`, `ym`, `fbp`, `roistat`.
    client: Option<BTreeMap<String, Value>>,
    /// Consent by purpose: `granted`, `denied` or `unknown` for `analytics` and `ads`.
    consent: Option<BTreeMap<String, Value>>,
    /// Values of the site's own.
    custom: Option<BTreeMap<String, Value>>,
}

/// A click on a substitute address, or a copy of it.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"key": "company", "visitor": "9gdkczyba0", "address": "info+9gdkczyba0@company.ru"}))]
pub struct ClickAsk {
    /// `key` of the `[[site]]`.
    pub key: String,
    /// What the answer to the visit said; the cookie `lm` wins.
    pub visitor: Option<String>,
    /// The address.
    #[expect(dead_code, reason = "the visitor says enough; which of their mailboxes it was is kept nowhere")]
    address: Option<String>,
}

/// The same, as the rest of the program takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub visitor: Option<String>,
    pub landing: String,
    pub page: Option<String>,
    pub referrer: Option<String>,
    pub addresses: Vec<String>,
    pub client: BTreeMap<String, String>,
    pub consent: BTreeMap<String, String>,
    pub custom: BTreeMap<String, String>,
}

impl VisitAsk {
    /// What is asked, for the visitor that the cookie names.
    pub fn of(self, cookie: Option<&str>) -> Asked {
        Asked {
            visitor: visitor(cookie, self.visitor),
            landing: self.landing.unwrap_or_default(),
            page: self.page,
            referrer: self.referrer,
            addresses: self.addresses.unwrap_or_default().into_iter().take(ADDRESSES).collect(),
            client: texts(self.client),
            consent: texts(self.consent),
            custom: texts(self.custom),
        }
    }
}

/// Who the visitor is: what the cookie says, else the page.
pub fn visitor(cookie: Option<&str>, told: Option<String>) -> Option<String> {
    cookie.map(str::to_owned).or(told)
}

/// Values that are texts, or read as such.
fn texts(given: Option<BTreeMap<String, Value>>) -> BTreeMap<String, String> {
    let text = |(name, value): (String, Value)| match value {
        Value::String(text) => Some((name, text)),
        Value::Number(number) => Some((name, number.to_string())),
        Value::Bool(flag) => Some((name, flag.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    given.unwrap_or_default().into_iter().filter_map(text).take(VALUES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn asked(given: Value, cookie: Option<&str>) -> Asked {
        serde_json::from_value::<VisitAsk>(given).unwrap().of(cookie)
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn only_the_key_is_needed() {
        assert_eq!(asked(json!({"key": "company"}), None), Asked::default());
        let nulls = json!({"key": "company", "visitor": null, "addresses": null, "client": null, "unknown": [1]});
        assert_eq!(asked(nulls, None), Asked::default());
        let known = |cookie| asked(json!({"key": "company", "visitor": "9gdkczyba0"}), cookie).visitor;
        assert_eq!([known(None), known(Some("pxveggjb9h"))], [Some("9gdkczyba0".into()), Some("pxveggjb9h".into())]);
    }

    #[test]
    fn numbers_and_flags_are_texts_and_the_rest_is_left_out() {
        let got = asked(
            json!({
                "key": "company",
                "client": {"ga": 12, "ym": null, "roistat": [1], "fbp": {"a": 1}},
                "consent": {"analytics": true},
                "custom": {"city": "Moscow", "plan": 3.5},
            }),
            None,
        );
        let expected = Asked {
            client: map(&[("ga", "12")]),
            consent: map(&[("analytics", "true")]),
            custom: map(&[("city", "Moscow"), ("plan", "3.5")]),
            ..Asked::default()
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn many_values_are_so_many() {
        let many: BTreeMap<_, _> = (0..100).map(|n| (format!("n{n:03}"), json!(n))).collect();
        let addresses = vec!["info@company.ru"; 100];
        let got = asked(json!({"key": "company", "client": many, "custom": many, "addresses": addresses}), None);
        assert_eq!((got.client.len(), got.custom.len(), got.addresses.len()), (VALUES, VALUES, ADDRESSES));
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..300), text in ".{0,80}") {
            drop(serde_json::from_slice::<VisitAsk>(&body).map(|ask| ask.of(None)));
            let given = json!({"key": text, "visitor": text, "landing": text, "client": {text.clone(): text}});
            asked(given, Some(&text));
        }
    }
}
