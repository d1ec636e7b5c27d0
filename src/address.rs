//! Mail addresses as an envelope carries them, and the folded form that tables are keyed on.
//!
//! Given the bytes of a RCPT or MAIL argument, or a string of the config; gives back an [`Address`] that compares equal
//! for every spelling of the same place, or `None` for what names no place (`<postmaster>`, `<>`, bytes that are not
//! UTF-8). The argument's own bytes stay with the caller: an MTA deletes a recipient by exact bytes only.
//! Knows no config, does no I/O, and never panics on any input.

use std::fmt;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::text::is_deceptive;

/// 64 octets of local part, the sign, 255 of domain (RFC 5321 section 4.5.3.1).
const MAX_OCTETS: usize = 320;

/// An address in the form that lookups use: local part unquoted, NFC and lower-cased, domain as lower-case A-labels.
///
/// RFC 5321 lets a local part be case-sensitive; no mail system in use does, and a substitute address printed on a
/// billboard is typed in any case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    key: Box<str>,
    /// Where the last `@` stands; a domain never holds one.
    at: usize,
}

impl Address {
    /// Reads an envelope argument: `<user@domain>`, bare, with a source route, quoted, UTF-8, any case.
    pub fn from_path(argument: &[u8]) -> Option<Self> {
        let path = without_route(without_brackets(argument));
        Self::parse(std::str::from_utf8(path).ok()?)
    }

    /// Reads a plain address, as config files and command lines spell it.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_OCTETS {
            return None;
        }
        Self::plain(text).or_else(|| Self::any(text))
    }

    /// The spelling of nearly every address, ASCII without quotes, in one look and one piece of memory; `None` for any
    /// other.
    fn plain(text: &str) -> Option<Self> {
        let (local, domain) = text.split_once('@')?;
        let domain = domain.strip_suffix('.').unwrap_or(domain);
        let is_local = !local.is_empty() && local.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"');
        let key = text.get(..=local.len() + domain.len()).filter(|_| is_local && is_plain_host_name(domain))?;
        Some(Self { key: key.to_ascii_lowercase().into(), at: local.len() })
    }

    /// Every spelling there is.
    fn any(text: &str) -> Option<Self> {
        let (local, domain) = text.split_at_checked(domain_sign(text)?)?;
        let local = unquoted(local)?;
        let domain = domain_key(domain.strip_prefix('@')?)?;
        if local.is_empty() || !local.chars().all(is_visible) {
            return None;
        }
        let mut key = folded(&local);
        let at = key.len();
        key.push('@');
        key.push_str(&domain);
        // Folding and A-labels may have made it longer.
        (key.len() <= MAX_OCTETS).then(|| Self { key: key.into(), at })
    }

    /// The folded address: `info+m11@company.ru`.
    pub fn as_str(&self) -> &str {
        &self.key
    }

    /// The folded local part, without quotes.
    pub fn local(&self) -> &str {
        self.key.get(..self.at).unwrap_or_default()
    }

    /// The domain in A-labels (RFC 5890), lower case.
    pub fn domain(&self) -> &str {
        self.key.get(self.at + 1..).unwrap_or_default()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)
    }
}

/// The argument without surrounding blanks and one pair of angle brackets.
pub fn without_brackets(argument: &[u8]) -> &[u8] {
    let argument = argument.trim_ascii();
    argument.strip_prefix(b"<").and_then(|rest| rest.strip_suffix(b">")).unwrap_or(argument)
}

/// The path without its source route `@a,@b:` (RFC 5321 appendix C), which neither tables nor MTAs match on.
pub fn without_route(path: &[u8]) -> &[u8] {
    if path.first() != Some(&b'@') {
        return path;
    }
    let colon = path.iter().position(|&byte| byte == b':');
    colon.and_then(|at| path.get(at + 1..)).unwrap_or(path)
}

/// A domain as lower-case A-labels, without a final dot; `None` if IDNA refuses it.
pub fn domain_key(domain: &str) -> Option<String> {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    if domain.is_empty() || domain.contains('@') {
        return None;
    }
    if domain.starts_with('[') {
        let is_literal = domain.ends_with(']') && domain.bytes().all(|byte| byte.is_ascii_graphic());
        return is_literal.then(|| domain.to_ascii_lowercase());
    }
    if is_plain_host_name(domain) {
        return Some(domain.to_ascii_lowercase());
    }
    // IDNA lets any ASCII character pass, control characters too.
    idna::domain_to_ascii(domain).ok().filter(|ascii| !ascii.is_empty() && is_host_name(ascii))
}

/// Labels of letters, digits, hyphens and underscores, none of them empty.
fn is_host_name(domain: &str) -> bool {
    let mut before = b'.';
    let fits = |byte: u8| {
        let is_first = std::mem::replace(&mut before, byte) == b'.';
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (byte == b'.' && !is_first)
    };
    domain.bytes().all(fits) && before != b'.'
}

/// The same without a sign of an A-label, which IDNA has a say in.
fn is_plain_host_name(domain: &str) -> bool {
    is_host_name(domain) && !domain.as_bytes().windows(2).any(|pair| pair == b"--")
}

/// What may stand in a local part: a quoted one may hold a blank, none holds a line end of any script.
fn is_visible(char: char) -> bool {
    char == ' ' || !(char.is_control() || char.is_whitespace() || is_deceptive(char))
}

fn folded(local: &str) -> String {
    if local.is_ascii() {
        return local.to_ascii_lowercase();
    }
    let lower = local.to_lowercase();
    if is_nfc(&lower) { lower } else { lower.nfc().collect() }
}

/// The last `@` outside quotes.
fn domain_sign(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped, mut found) = (false, false, None);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'@' if !quoted => found = Some(at),
            _ => {}
        }
    }
    found
}

/// `"info+a b"` as `info+a b`; an unquoted local part as it stands; `None` for quotes that do not close.
fn unquoted(local: &str) -> Option<String> {
    let Some(inner) = local.strip_prefix('"') else {
        return (!local.contains('"')).then(|| local.to_owned());
    };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.strip_suffix('"')?.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => out.push(chars.next()?),
            '"' => return None,
            other => out.push(other),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_spelling_folds_to_one_key() {
        let rows: &[(&str, Option<&str>)] = &[
            ("<info+m11@company.ru>", Some("info+m11@company.ru")),
            ("info+m11@company.ru", Some("info+m11@company.ru")),
            (" <info+m11@company.ru> ", Some("info+m11@company.ru")),
            ("<INFO+M11@Company.RU>", Some("info+m11@company.ru")),
            ("<info+m11@company.ru.>", Some("info+m11@company.ru")),
            ("<@relay.test,@b.test:info+m11@company.ru>", Some("info+m11@company.ru")),
            ("<\"info+m11\"@company.ru>", Some("info+m11@company.ru")),
            ("<\"info+a b\"@company.ru>", Some("info+a b@company.ru")),
            ("<\"a\\\"@b\"@company.ru>", Some("a\"@b@company.ru")),
            ("<info+1@компания.рф>", Some("info+1@xn--80aqeigdi5k.xn--p1ai")),
            ("<info+1@XN--80AQEIGDI5K.xn--p1ai>", Some("info+1@xn--80aqeigdi5k.xn--p1ai")),
            ("<инфо+Й@company.ru>", Some("инфо+й@company.ru")),
            ("<инфо+И\u{306}@company.ru>", Some("инфо+й@company.ru")),
            ("<user@[192.0.2.1]>", Some("user@[192.0.2.1]")),
            ("<postmaster>", None),
            ("<>", None),
            ("", None),
            ("<@company.ru>", None),
            ("<info@>", None),
            ("<\"info@company.ru>", None),
            ("<@a:>", None),
            ("<a\u{0}b@company.ru>", None),
            ("<\u{202e}ofni@company.ru>", None),
            ("<in\u{200b}fo@company.ru>", None),
            ("<\"in\u{2028}fo\"@company.ru>", None),
            ("<info@[\r\nBcc: x]>", None),
            ("<info@[\u{202e}1]>", None),
            ("<info@com\u{1}pany.ru>", None),
            ("<info@company.ru\r\nBcc: x>", None),
            ("<info@com pany.ru>", None),
            ("<info@company.ru..>", None),
            ("<info@company..ru>", None),
            ("<info@.>", None),
            ("<info@company.ru,other.ru>", None),
        ];
        for (argument, expected) in rows {
            let got = Address::from_path(argument.as_bytes());
            assert_eq!(got.as_ref().map(Address::as_str), *expected, "{argument}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_name_no_address() {
        assert_eq!(Address::from_path(b"<info+\xff@company.ru>"), None);
    }

    #[test]
    fn an_address_beyond_the_limit_is_none() {
        let of = |octets: usize| Address::parse(&format!("{}@company.ru", "a".repeat(octets - 11)));
        assert!(of(MAX_OCTETS).is_some());
        assert_eq!(of(MAX_OCTETS + 1), None);
        assert_eq!(Address::parse(&format!("a@{}.рф", "я".repeat(40).repeat(4))), None);
    }

    #[test]
    fn parts_are_split_at_the_last_sign() {
        let address = Address::parse("\"a@b\"@company.ru").unwrap();
        assert_eq!((address.local(), address.domain()), ("a@b", "company.ru"));
    }

    proptest! {
        #[test]
        fn no_argument_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _unused = Address::from_path(&bytes);
        }

        #[test]
        fn a_plain_spelling_is_read_as_any_other(text in "[aZ +.@\"\\\\ й-]{0,6}@?[aZ.@_-]{0,6}\\.?") {
            if let Some(plain) = Address::plain(&text) {
                prop_assert_eq!(Some(plain), Address::any(&text));
            }
        }

        #[test]
        fn folding_is_idempotent(local in "[a-zA-Z0-9+._-]{1,20}", domain in "[a-z]{1,8}\\.[a-z]{2,4}") {
            let once = Address::parse(&format!("{local}@{domain}")).unwrap();
            prop_assert_eq!(Address::parse(once.as_str()), Some(once));
        }
    }
}
