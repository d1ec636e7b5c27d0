//! What a page is asked for: the query of its URL, or the fields of a form.
//!
//! All state of a page stands in its URL, so that it can be sent, bookmarked and gone back to. An empty value is none.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{header, request::Parts},
};
use url::form_urlencoded;

use super::{Dashboard, Fault};
use crate::{intake::sender_digest, lead::limit, text::bounded};

/// Names and values, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a query, or a form.
    pub fn parse(text: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(text).into_owned();
        Self(pairs.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// These.
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// The value of this name; the first, where it was given more than once.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every value of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of this name, read; `None` for one that is none.
    pub fn read<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }

    /// `path` with the same query but for these, of which `None` goes.
    pub fn href(&self, path: &str, changes: &[(&str, Option<&str>)]) -> String {
        let kept = self.0.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept);
        query.extend_pairs(changes.iter().filter_map(|(name, value)| Some((name, (*value)?))));
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// What the audit log notes of it: a sender who is looked for by digest alone, since a person who is erased is to stand
    /// there no more.
    pub fn noted(&self) -> Option<String> {
        let noted = |(name, value): &(String, String)| match name.as_str() {
            "sender" => format!("sender={}", sender_digest(value)),
            _ => format!("{name}={value}"),
        };
        bounded(&self.0.iter().map(noted).collect::<Vec<_>>().join(" "), limit::TEXT)
    }

    /// Names and values, for the hidden fields of a form that changes only some of them.
    pub fn others(&self, changed: &[&str]) -> Vec<(String, String)> {
        self.0.iter().filter(|(name, _)| !changed.contains(&name.as_str())).cloned().collect()
    }
}

impl FromRequestParts<Arc<Dashboard>> for Params {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Dashboard>) -> Result<Self, Fault> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default().as_bytes()))
    }
}

/// The fields of a form that a browser sent.
#[derive(Debug)]
pub struct Form(pub Params);

impl FromRequest<Arc<Dashboard>> for Form {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &Arc<Dashboard>) -> Result<Self, Fault> {
        let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Fault::Unreadable);
        }
        let octets = Bytes::from_request(request, &()).await.map_err(|_| Fault::Unreadable)?;
        Ok(Self(Params::parse(&octets)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_what_they_do_not_change() {
        let asked =
            Params::parse("channel=a%26b&sort=sender&after=7&sender=%D0%98%2B1&empty=&channel=second".as_bytes());
        assert_eq!((asked.get("channel"), asked.get("empty"), asked.get("x")), (Some("a&b"), None, None));
        assert_eq!(asked.all("channel").collect::<Vec<_>>(), ["a&b", "second"]);
        assert_eq!((asked.read::<u32>("after"), asked.read::<u32>("sort")), (Some(7), None));
        assert_eq!(
            asked.href("/leads", &[("after", None), ("sort", Some("received <"))]),
            "/leads?channel=a%26b&sender=%D0%98%2B1&channel=second&sort=received+%3C"
        );
        assert_eq!(Params::default().href("/leads", &[("after", None)]), "/leads");
        let others = asked.others(&["channel", "after"]);
        assert_eq!(others, [("sort".into(), "sender".into()), ("sender".into(), "И+1".into())]);
    }
}
