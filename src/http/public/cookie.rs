//! The cookie that knows a visitor again: the token of their first visit, for a year and a month.
//!
//! Browsers cap a cookie's life at 400 days. Scripts cannot read it, and it goes to no other site.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::token::Token;

const NAME: &str = "lm";

/// Seconds: 400 days.
const MAX_AGE: u32 = 34_560_000;

/// The visitor that the cookie names: what looks like a token.
pub fn visitor(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    // Another program of the site may have a cookie of that name.
    pairs.find_map(|(name, value)| (name == NAME && Token::parse(value).is_some()).then_some(value))
}

/// Set-Cookie for a visitor. Only a page without TLS has a cookie that may travel without.
pub fn remember(visitor: &str, is_plain_http: bool) -> Option<HeaderValue> {
    let secure = if is_plain_http { "" } else { "; Secure" };
    let value = format!("{NAME}={visitor}; Path=/; Max-Age={MAX_AGE}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&value).ok()
}

/// Set-Cookie that forgets the visitor.
pub fn forget() -> HeaderValue {
    HeaderValue::from_static("lm=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let rows: [(&[&str], Option<&str>); 7] = [
            (&["lm=9gdkczyba0"], Some("9gdkczyba0")),
            (&["_ga=GA1.1.2; lm=9gdkczyba0; x"], Some("9gdkczyba0")),
            (&["_ga=GA1.1.2", "alm=1;lm=9gdkczyba0"], Some("9gdkczyba0")),
            (&["lm=theirs; lm=9gdkczyba0; lm=pxveggjb9h"], Some("9gdkczyba0")),
            (&["alm=9gdkczyba0; lmx=1; lm"], None),
            (&["lm=1234567890123456789012345678901234567890123456789012345678901234567890"], None),
            (&[], None),
        ];
        for (values, expected) in rows {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::COOKIE, value.parse().unwrap());
            }
            assert_eq!(visitor(&headers), expected, "{values:?}");
        }
    }

    #[test]
    fn it_is_for_https_wherever_there_is_https() {
        let told = |is_plain_http| remember("9gdkczyba0", is_plain_http).unwrap().to_str().unwrap().to_owned();
        let plain = "lm=9gdkczyba0; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax";
        assert_eq!([told(true), told(false)], [plain.to_owned(), format!("{plain}; Secure")]);
        assert_eq!(remember("a\r\nb", true), None);
    }
}
