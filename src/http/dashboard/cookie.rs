//! Cookies of the dashboard: the session, and the language that a person has chosen.
//!
//! Over https the session's name has the prefix `__Host-` (RFC 6265bis): no other host of the domain can set it. Over
//! plain http, which only this host or a closed network should use, browsers refuse such a name.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::{
    language::Language,
    store::{LONGEST_SESSION, SessionDigest},
};

const SECURE: &str = "__Host-leadmilter";

const PLAIN: &str = "leadmilter";

const LANGUAGE: &str = "leadmilter-language";

/// Seconds: 400 days, as long as browsers keep one.
const LANGUAGE_AGE: u32 = 34_560_000;

/// The session that the browser shows; the one that only https can have set before any other.
pub fn session(headers: &HeaderMap) -> Option<SessionDigest> {
    let of = |name| values(headers, name).find_map(SessionDigest::of);
    of(SECURE).or_else(|| of(PLAIN))
}

/// The language that was chosen on this browser.
pub fn language(headers: &HeaderMap) -> Option<Language> {
    values(headers, LANGUAGE).find_map(|tag| tag.parse().ok())
}

/// Set-Cookie of a session.
pub fn begin(shown: &str, is_https: bool) -> Option<HeaderValue> {
    let age = LONGEST_SESSION.as_secs();
    let (name, secure) = if is_https { (SECURE, "; Secure") } else { (PLAIN, "") };
    let value = format!("{name}={shown}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&value).ok()
}

/// Set-Cookie fields that forget the session.
pub fn end() -> [HeaderValue; 2] {
    [
        HeaderValue::from_static("__Host-leadmilter=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"),
        HeaderValue::from_static("leadmilter=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"),
    ]
}

/// Set-Cookie of a language.
pub fn choose(language: Language) -> Option<HeaderValue> {
    let value = format!("{LANGUAGE}={}; Path=/; Max-Age={LANGUAGE_AGE}; HttpOnly; SameSite=Lax", language.tag());
    HeaderValue::from_str(&value).ok()
}

fn values<'a>(headers: &'a HeaderMap, name: &'static str) -> impl Iterator<Item = &'a str> {
    let fields = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let pairs = fields.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter_map(move |(known, value)| (known == name).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::make_session;

    fn told(cookie: &str) -> (Option<SessionDigest>, Option<Language>) {
        let headers = [(header::COOKIE, cookie.parse().unwrap())].into_iter().collect();
        (session(&headers), language(&headers))
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let (shown, digest) = make_session().unwrap();
        let (other, _) = make_session().unwrap();
        for cookie in [
            format!("leadmilter={shown}"),
            format!("a=b; leadmilter=theirs; leadmilter={shown}; x"),
            format!("leadmilter={other}; __Host-leadmilter={shown}"),
        ] {
            assert!(told(&cookie).0.as_ref() == Some(&digest), "{cookie}");
        }
        for cookie in ["", "leadmilter=", "leadmilter=short", &format!("xleadmilter={shown}")] {
            assert!(told(cookie).0.is_none(), "{cookie}");
        }
        assert_eq!(told("leadmilter-language=xx; leadmilter-language=ru").1, Some(Language::Ru));
    }

    #[test]
    fn only_https_has_the_name_that_nobody_else_can_set() {
        let told = |is_https| begin("abc", is_https).unwrap().to_str().unwrap().to_owned();
        assert_eq!(told(true), "__Host-leadmilter=abc; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(told(false), "leadmilter=abc; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax");
        assert_eq!(begin("a\r\nb", true), None);
    }
}
