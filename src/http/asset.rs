//! Files that are built in: the same octets for everyone, in two encodings, under names that say how long they stay.
//!
//! The snippet `/s.js` is asked for again after a day; `/s.HASH.js` never changes, so a page that names it may pin it with
//! `integrity`. The hash of another version leads to today's file, which nobody is told to keep: after an upgrade,
//! pages that name the old one go on.

use std::io::Write;

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

/// Hexadecimal digits of a file's hash in its name and tag.
const HASH: usize = 16;

/// How long `/s.js` is kept, and may be used for another day while it is asked for again.
const A_DAY: &str = "public, max-age=86400, stale-while-revalidate=86400";

/// How long a name with a hash is kept.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// How long is kept what another version's name leads to.
const NOT_AT_ALL: &str = "no-cache";

/// One file.
#[derive(Debug)]
pub struct Asset {
    hash: String,
    media_type: &'static str,
    is_for_everybody: bool,
    plain: Encoded,
    gzip: Encoded,
}

#[derive(Debug)]
struct Encoded {
    octets: Bytes,
    tag: HeaderValue,
    encoding: Option<HeaderValue>,
}

impl Asset {
    /// A script of these octets that pages of any origin may show.
    pub fn snippet(octets: &'static [u8]) -> Self {
        Self { is_for_everybody: true, ..Self::own("text/javascript; charset=utf-8", octets) }
    }

    /// A file of these octets for our own pages.
    pub fn own(media_type: &'static str, octets: &'static [u8]) -> Self {
        let digest = Sha256::digest(octets);
        let hash: String = digest.iter().take(HASH / 2).map(|octet| format!("{octet:02x}")).collect();
        let tag =
            |suffix| HeaderValue::from_str(&format!("\"{hash}{suffix}\"")).unwrap_or(HeaderValue::from_static("\"\""));
        let plain = Encoded { octets: Bytes::from_static(octets), tag: tag(""), encoding: None };
        let gzip = HeaderValue::from_static("gzip");
        let gzip = Encoded { octets: gzipped(octets).into(), tag: tag("-gzip"), encoding: Some(gzip) };
        Self { hash, media_type, is_for_everybody: false, plain, gzip }
    }

    /// What its name that never changes has in it.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The file under a name without a hash.
    pub fn of_today(&self, headers: &HeaderMap) -> Response {
        self.answer(headers, A_DAY)
    }

    /// The file under a name with this hash; `None` if it looks like none.
    pub fn under(&self, hash: &str, headers: &HeaderMap) -> Option<Response> {
        let is_hash = hash.len() == HASH && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_hash.then(|| self.answer(headers, if hash == self.hash { FOR_EVER } else { NOT_AT_ALL }))
    }

    fn answer(&self, headers: &HeaderMap, caching: &'static str) -> Response {
        let file = if takes_gzip(headers) { &self.gzip } else { &self.plain };
        let held = [&self.plain, &self.gzip].into_iter().find(|file| holds(headers, &file.tag));
        let mut response = match held {
            Some(_) => StatusCode::NOT_MODIFIED.into_response(),
            None => file.octets.clone().into_response(),
        };
        let answer = response.headers_mut();
        answer.insert(header::ETAG, held.unwrap_or(file).tag.clone());
        answer.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
        answer.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        if self.is_for_everybody {
            // One with `crossorigin` and `integrity` as well.
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            answer.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
        }
        if held.is_none() {
            answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
            answer.extend(file.encoding.clone().map(|encoding| (header::CONTENT_ENCODING, encoding)));
        }
        response
    }
}

/// Nothing fails when writing to memory; if it did, nothing would be served as gzip but an empty file.
pub fn gzipped(octets: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(octets).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// Whether Accept-Encoding names gzip, and not as refused (RFC 9110, section 12.5.3).
pub fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        is_gzip && weight.is_none_or(|weight| weight.parse().is_ok_and(|weight: f32| weight > 0.0))
    })
}

/// Whether If-None-Match lists a tag, in the weak form as well that proxies make of it.
fn holds(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).any(|held| {
        let held = held.strip_prefix("W/").unwrap_or(held);
        held == "*" || held.as_bytes() == tag.as_bytes()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn who_takes_gzip_is_told_by_the_header() {
        let rows = [
            ("gzip, deflate, br, zstd", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000, br", false),
            ("gzip;q=nonsense", false),
            ("deflate, x-gzip-like", false),
            ("", false),
        ];
        for (value, expected) in rows {
            let headers = [(header::ACCEPT_ENCODING, value.parse().unwrap())].into_iter().collect();
            assert_eq!(takes_gzip(&headers), expected, "{value}");
        }
    }

    #[test]
    fn a_file_is_the_same_in_both_encodings() {
        let text = "/* the same for everyone */".repeat(100).leak();
        let asset = Asset::snippet(text.as_bytes());
        let mut unzipped = String::new();
        flate2::read::GzDecoder::new(&asset.gzip.octets[..]).read_to_string(&mut unzipped).unwrap();
        assert_eq!((unzipped.as_str(), &asset.plain.octets[..]), (&*text, text.as_bytes()));
        assert!(asset.gzip.octets.len() < 200, "{}", asset.gzip.octets.len());
    }
}
