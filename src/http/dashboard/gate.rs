//! What every request to the admin door passes: the reader's language on the way in, fields that keep a page to itself on
//! the way out, and a page for people where there is an error.
//!
//! Programs ask for no HTML, and keep their problem+json; so does everything below `/v1`.

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    super::asset::{gzipped, takes_gzip},
    Dashboard, Fault, Params, cookie, page,
};
use crate::language::Language;

/// Nothing from elsewhere, nothing inline, no frame, no form to elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Fields of every page. A referrer goes to our own pages alone: with none at all, browsers would call the origin of a form
/// `null`, and `same_origin` could not know it.
const FIELDS: [(&str, &str); 4] = [
    ("content-security-policy", POLICY),
    ("referrer-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
];

/// Octets of a page that are squeezed; a longer one goes out as it is.
const LONGEST: usize = 4 * 1024 * 1024;

/// How somebody likes to read, before it is known who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// Chosen by a link, now or earlier.
    chosen: Option<Language>,
    /// The one that the browser would like most.
    offered: Option<Language>,
}

impl Manner {
    /// What a request says.
    fn of(query: &Params, headers: &HeaderMap) -> Self {
        let chosen = query.read("lang").or_else(|| cookie::language(headers));
        let offers = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Self { chosen, offered: offers.and_then(liked_most) }
    }

    /// The language for a person with a setting of their `own`, and of the config.
    pub fn language(self, own: Option<Language>, default: Language) -> Language {
        self.chosen.or(own).or(self.offered).unwrap_or(default)
    }
}

/// The known language with the greatest weight, of several the first (RFC 9110, section 12.5.4).
fn liked_most(offers: &str) -> Option<Language> {
    let mut best: Option<(f32, Language)> = None;
    for offer in offers.split(',') {
        let mut parts = offer.split(';').map(str::trim);
        let tag = parts.next().unwrap_or_default().split('-').next().unwrap_or_default().to_ascii_lowercase();
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |weight| weight.parse().ok());
        if let (Ok(language), Some(weight)) = (tag.parse::<Language>(), weight)
            && weight > 0.0
            && best.is_none_or(|(known, _)| weight > known)
        {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

/// Lets a request pass.
pub async fn pass(State(door): State<Arc<Dashboard>>, mut request: Request, next: Next) -> Response {
    let query = Params::parse(request.uri().query().unwrap_or_default().as_bytes());
    let manner = Manner::of(&query, request.headers());
    let chosen = query.read::<Language>("lang");
    let headers = request.headers().clone();
    let is_for_people = wants_html(&headers) && !request.uri().path().starts_with("/v1/");
    request.extensions_mut().insert(manner);
    let mut response = next.run(request).await;
    if is_for_people
        && (response.status().is_client_error() || response.status().is_server_error())
        && !is_html(&response)
    {
        let language = manner.language(None, door.config().config.reports.language);
        let fault = response.extensions().get::<Fault>().cloned();
        let page = page::of_fault(&door, language, fault, response.status());
        let kept = response.headers().get(header::ALLOW).cloned();
        response = page;
        response.headers_mut().extend(kept.map(|allow| (header::ALLOW, allow)));
    }
    if !is_html(&response) && response.status() != axum::http::StatusCode::SEE_OTHER {
        return response;
    }
    for (name, value) in FIELDS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if let Some(cookie) = chosen.and_then(cookie::choose) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    if takes_gzip(&headers) && is_html(&response) { squeezed(response).await } else { response }
}

fn wants_html(headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepts.is_some_and(|accepts| accepts.contains("text/html"))
}

fn is_html(response: &Response) -> bool {
    let media_type = response.headers().get(header::CONTENT_TYPE);
    media_type.is_some_and(|value| value.as_bytes().starts_with(b"text/html"))
}

/// Pages hold no secret that a stranger's text could be measured against: sessions are in cookies alone.
async fn squeezed(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(octets) = to_bytes(body, LONGEST).await else { return Fault::Unavailable.into_response() };
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts.headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(gzipped(&octets)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{En, Ru};

    #[test]
    fn a_language_is_what_was_chosen_then_what_is_liked_then_the_default() {
        let manner = |query: &str, cookie: &str, offers: &str| {
            let fields = [(header::COOKIE, cookie), (header::ACCEPT_LANGUAGE, offers)];
            let headers = fields.map(|(name, value)| (name, value.parse().unwrap())).into_iter().collect();
            Manner::of(&Params::parse(query.as_bytes()), &headers)
        };
        let rows = [
            ("lang=ru", "leadmilter-language=en", "en", Some(En), En, Ru),
            ("lang=xx", "leadmilter-language=ru", "en", Some(En), En, Ru),
            ("", "", "en", Some(Ru), En, Ru),
            ("", "", "de, ru-RU;q=0.5, en;q=0.4", None, En, Ru),
            ("", "", "ru;q=0, en;q=nonsense", None, Ru, Ru),
            ("", "", "", None, Ru, Ru),
        ];
        for (query, cookie, offers, own, default, expected) in rows {
            assert_eq!(manner(query, cookie, offers).language(own, default), expected, "{query} {cookie} {offers}");
        }
    }
}
