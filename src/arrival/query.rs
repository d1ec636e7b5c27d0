//! Keys and values of a page's query, as browsers, advertising systems and people write them.
//!
//! Given the text behind `?` or `#` and the charset of bytes that are no UTF-8, gives back decoded values of bounded
//! length. Whatever is no pair is left out; nothing is ever an error.

use std::borrow::Cow;

use encoding_rs::Encoding;

use crate::{pattern::composed, text::bounded};

/// Pairs that are looked at.
const PAIRS: usize = 64;

/// Characters of a key.
const KEY: usize = 32;

/// The pairs of a query that have a key of ours and a value: the key in lower case, the value as it stands.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    query.split('&').take(PAIRS).filter_map(|pair| {
        // Links that were copied from the source of a page or a letter have &amp; for &.
        let (key, value) = pair.strip_prefix("amp;").unwrap_or(pair).split_once('=')?;
        let is_ours = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if key.is_empty() || key.len() > KEY || value.is_empty() || !key.bytes().all(is_ours) {
            return None;
        }
        let has_capitals = key.bytes().any(|byte| byte.is_ascii_uppercase());
        Some((if has_capitals { Cow::Owned(key.to_ascii_lowercase()) } else { Cow::Borrowed(key) }, value))
    })
}

/// A value decoded, as one clean line of at most `max` characters; `None` if nothing is left.
pub(super) fn decoded(value: &str, max: usize, charset: &'static Encoding) -> Option<String> {
    let text = text(value, true, charset);
    // Nearly all of them are, and looking is cheap.
    if text.is_ascii() { bounded(&text, max) } else { bounded(&composed(&text), max) }
}

/// A value decoded; `None` if it is longer than `max` characters, since half an id is none.
pub(super) fn whole(value: &str, max: usize, charset: &'static Encoding) -> Option<String> {
    let text = text(value, true, charset);
    if text.chars().count() > max { None } else { bounded(&text, max) }
}

/// A path decoded, in the form that patterns are compared in.
pub(super) fn path(path: &str, charset: &'static Encoding) -> String {
    composed(&text(path, false, charset)).into_owned()
}

/// Without percent signs, and without the plus signs that stand for blanks in a query.
fn text<'t>(value: &'t str, is_query: bool, charset: &'static Encoding) -> Cow<'t, str> {
    if !value.contains(['%', '+']) {
        return Cow::Borrowed(value);
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        let escaped = || {
            let mut digits = rest.clone();
            let (high, low) = (hexadecimal(digits.next()?)?, hexadecimal(digits.next()?)?);
            Some((high << 4 | low, digits))
        };
        match byte {
            b'+' if is_query => bytes.push(b' '),
            b'%' => match escaped() {
                Some((octet, after)) => {
                    bytes.push(octet);
                    rest = after;
                }
                None => bytes.push(b'%'),
            },
            byte => bytes.push(byte),
        }
    }
    Cow::Owned(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => {
            let (cut, bytes) = (e.utf8_error(), e.as_bytes());
            match cut.error_len() {
                // A link that was cut within a character: what stands before it is UTF-8.
                None if !bytes.get(..cut.valid_up_to()).is_none_or(<[u8]>::is_ascii) => {
                    String::from_utf8_lossy(bytes.get(..cut.valid_up_to()).unwrap_or_default()).into_owned()
                }
                _ => charset.decode_without_bom_handling(bytes).0.into_owned(),
            }
        }
    })
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use encoding_rs::WINDOWS_1251;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pairs_are_read_as_people_write_them() {
        let rows: &[(&str, &[(&str, &str)])] = &[
            ("utm_source=yandex&utm_medium=cpc", &[("utm_source", "yandex"), ("utm_medium", "cpc")]),
            ("UTM_Source=Yandex", &[("utm_source", "Yandex")]),
            ("a=1&amp;utm_medium=cpc", &[("a", "1"), ("utm_medium", "cpc")]),
            ("&&a=1&=2&b&c=&d=x=y&", &[("a", "1"), ("d", "x=y")]),
            ("utm%5Fsource=a&utm source=b&ключ=c&a[]=d", &[]),
            ("abcdefghijklmnopqrstuvwxyz_01234567=x", &[]),
            ("", &[]),
        ];
        for (query, expected) in rows {
            let got: Vec<_> = pairs(query).collect();
            let got: Vec<_> = got.iter().map(|(key, value)| (key.as_ref(), *value)).collect();
            assert_eq!(got, *expected, "{query}");
        }
        assert_eq!(pairs(&"a=1&".repeat(1000)).count(), PAIRS);
    }

    #[test]
    fn values_are_decoded_and_clean() {
        let rows = [
            ("spring", Some("spring")),
            ("water+pumps%21", Some("water pumps!")),
            ("a%2Bb", Some("a+b")),
            ("%D0%BD%D0%B0%D1%81%D0%BE%D1%81%d1%8b", Some("насосы")),
            ("насосы", Some("насосы")),
            ("%EA%F3%EF%E8%F2%FC+%ED%E0%F1%EE%F1", Some("купить насос")), // windows-1251
            ("%D0%BD%D0%B0%D1%81%D0", Some("нас")),                       // cut
            ("pump%EF", Some("pumpп")),
            ("%D0%B8%CC%86", Some("й")), // composed
            ("100%", Some("100%")),
            ("100%2", Some("100%2")),
            ("%zz%+1", Some("%zz% 1")),
            ("a%00b%0D%0Ac%1B%E2%80%AEd", Some("a b c d")),
            ("%20+", None),
            ("%E2%80%8B", None),
        ];
        for (value, expected) in rows {
            assert_eq!(decoded(value, 1024, WINDOWS_1251).as_deref(), expected, "{value}");
        }
        assert_eq!(decoded("%D0%BD%D0%B0%D1%81", 2, WINDOWS_1251).as_deref(), Some("на"));
        assert_eq!(whole("%D0%BD%D0%B0%D1%81", 2, WINDOWS_1251), None);
        assert_eq!(whole("%D0%BD%D0%B0", 2, WINDOWS_1251).as_deref(), Some("на"));
        assert_eq!(path("/%D0%BD%D0%B0/a+b%20c", WINDOWS_1251), "/на/a+b c");
    }

    proptest! {
        #[test]
        fn no_text_panics(value in "(%[0-9a-fA-F]{0,2}|[+&=;?#]|\\PC){0,40}", max in 0usize..20) {
            let found = decoded(&value, max, WINDOWS_1251);
            prop_assert!(found.is_none_or(|text| text.chars().count() <= max));
            let found = whole(&value, max, WINDOWS_1251);
            prop_assert!(found.is_none_or(|text| text.chars().count() <= max));
            let _unused = (pairs(&value).count(), path(&value, WINDOWS_1251));
        }

        #[test]
        fn what_was_encoded_comes_back(value in "[ -~а-яё]{0,20}") {
            let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            prop_assert_eq!(decoded(&encoded, 100, WINDOWS_1251), bounded(&composed(&value), 100));
        }
    }
}
