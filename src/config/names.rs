//! Readers of names and texts: host names, domains, addresses, ids, header prefix, tags.
//!
//! Given the text of a value; gives back what it names, folded where comparison needs it, or why it is refused and what
//! to write. Knows no key.

use super::fault::Wrong;
use crate::{
    address::{Address, domain_key},
    lead::limit,
};

/// Characters of a channel's name.
const NAME: usize = 255;

/// Octets of a domain name (RFC 1035, section 2.3.4), without its final dot.
const DOMAIN: usize = 253;

/// Octets of a header prefix.
const PREFIX: usize = 32;

/// A host name in A-labels.
pub(super) fn host(text: &str) -> Result<String, Wrong> {
    let strict = |name: &String| labels_hold(name, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
    domain_key(text)
        .filter(strict)
        .ok_or_else(|| Wrong::value(text, "is no host name", "write one such as \"mx1.company.ru\""))
}

/// A domain in A-labels.
pub(super) fn domain(text: &str) -> Result<String, Wrong> {
    let found = domain_key(text).filter(|name| labels_hold(name, domain_byte));
    found.ok_or_else(|| {
        Wrong::value(text, "is no domain", "write the part after the @ of an address, as \"company.ru\"")
    })
}

/// A mail address. Envelopes bring stranger ones than an administrator means to write, so this is stricter.
pub(super) fn address(text: &str) -> Result<Address, Wrong> {
    let plain = |address: &Address| {
        let literal = address.domain().starts_with('[');
        let quoted = text.starts_with('"');
        text.chars().count() <= limit::ADDRESS
            && (literal || labels_hold(address.domain(), domain_byte))
            && (quoted
                || !address.local().contains(|char: char| char.is_whitespace() || "()<>[]:;,\\\"@".contains(char)))
    };
    let found = Address::parse(text).filter(plain);
    found.ok_or_else(|| Wrong::value(text, "is no mail address", "write it as \"name@company.ru\""))
}

fn domain_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

fn labels_hold(name: &str, allowed: impl Fn(u8) -> bool) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(&allowed)
    };
    name.len() <= DOMAIN && name.split('.').all(label)
}

/// The id of a channel or a sink.
pub(super) fn id(text: &str) -> Result<String, Wrong> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=limit::NAME).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(text.to_owned());
    }
    Err(Wrong::value(text, "is no id", "write 1 to 64 of the characters A-Z a-z 0-9 . _ -"))
}

/// The name of a channel.
pub(super) fn name(text: &str) -> Result<String, Wrong> {
    if text.trim().is_empty() {
        return Err(Wrong::value(text, "is empty", "write a name, or leave the key out: then the id is the name"));
    }
    line_of(text, NAME)
}

/// A UTM value; empty counts as absent.
pub(super) fn utm(text: &str) -> Result<String, Wrong> {
    line_of(text, limit::TEXT)
}

/// A tag, which shares one header with others.
pub(super) fn tag(text: &str) -> Result<String, Wrong> {
    if text.trim().is_empty() {
        return Err(Wrong::value(text, "is empty", "write a tag, or leave it out"));
    }
    if text.contains(',') {
        return Err(Wrong::value(text, "has a comma, which parts tags in the header", "write two tags"));
    }
    line_of(text, limit::NAME)
}

/// The group of a socket.
pub(super) fn group(text: &str) -> Result<String, Wrong> {
    if text.is_empty() || text.contains(|char: char| char.is_whitespace() || char.is_control() || char == ':') {
        return Err(Wrong::value(text, "is no group", "write the name of a group, as \"postfix\", or leave it out"));
    }
    Ok(text.to_owned())
}

fn line_of(text: &str, most: usize) -> Result<String, Wrong> {
    if text.contains(char::is_control) {
        return Err(Wrong::value(text, "has a control character", "write it on one line, without tabs"));
    }
    if text.chars().count() > most {
        return Err(Wrong::value(text, "is too long", format!("write at most {most} characters")));
    }
    Ok(text.to_owned())
}

/// The first part of every header name (RFC 5322, section 2.2).
pub(super) fn prefix(text: &str) -> Result<String, Wrong> {
    let wrong = |is, remedy| Err(Wrong::value(text, is, remedy));
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
        return wrong("has a character that no header name may have", "write letters, digits and -, as \"X-Lead-\"");
    }
    if text.len() < 2 || !text.ends_with('-') {
        return wrong("does not end with -", "write it as \"X-Lead-\"");
    }
    if text.len() > PREFIX {
        return wrong("is too long", "write at most 32 characters, as \"X-Lead-\"");
    }
    Ok(text.to_owned())
}

/// The name of a header field, in lower case.
pub(super) fn field(text: &str) -> Result<String, Wrong> {
    let is_name = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let wrong = || Wrong::value(text, "is no name of a header field", "write it as \"X-Remote-User\"");
    is_name.then(|| text.to_ascii_lowercase()).ok_or_else(wrong)
}

/// The characters between mailbox and tag.
pub(super) fn separators(text: &str) -> Result<String, Wrong> {
    let known = text.chars().all(|char| "+.-".contains(char));
    let once = text.char_indices().all(|(at, char)| text.find(char) == Some(at));
    if text.is_empty() || !known || !once {
        return Err(Wrong::value(text, "are no separators", "write one or more of + . -, each once, as \"+.-\""));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_domains_are_made_of_labels() {
        let long = format!("{}.ru", "a".repeat(64));
        let rows = [
            ("mx1.company.ru", true, true),
            ("localhost", true, true),
            ("MX1.Company.RU.", true, true),
            ("компания.рф", true, true),
            ("_dmarc.company.ru", false, true),
            ("company..ru", false, false),
            (".company.ru", false, false),
            ("-a.ru", false, false),
            ("a b.ru", false, false),
            ("info@company.ru", false, false),
            ("[192.0.2.1]", false, false),
            ("", false, false),
            (long.as_str(), false, false),
        ];
        for (text, is_host, is_domain) in rows {
            assert_eq!((host(text).is_ok(), domain(text).is_ok()), (is_host, is_domain), "{text}");
        }
        assert_eq!(host("MX1.Компания.РФ.").as_deref(), Ok("mx1.xn--80aqeigdi5k.xn--p1ai"));
    }

    #[test]
    fn an_address_of_the_config_is_a_plain_one() {
        let long = format!("{}@company.ru", "a".repeat(320));
        let rows = [
            ("info+m11@company.ru", true),
            ("Инфо@Компания.РФ", true),
            ("\"a b\"@company.ru", true),
            ("info@[192.0.2.1]", true),
            ("info", false),
            ("@company.ru", false),
            ("info@", false),
            ("info@company..ru", false),
            ("info@comp any.ru", false),
            ("info +m11@company.ru", false),
            ("Info <info@company.ru>", false),
            ("a@company.ru, b@company.ru", false),
            ("a@b@company.ru", false),
            (long.as_str(), false),
        ];
        for (text, fits) in rows {
            assert_eq!(address(text).is_ok(), fits, "{text}");
        }
    }

    #[test]
    fn texts_hold_their_limits() {
        let chars = |count: usize| "я".repeat(count);
        assert!(name(&chars(255)).is_ok() && name(&chars(256)).is_err() && name(" ").is_err());
        assert!(utm(&chars(1024)).is_ok() && utm(&chars(1025)).is_err() && utm("").is_ok() && utm("a\tb").is_err());
        assert!(tag(&chars(64)).is_ok() && tag(&chars(65)).is_err() && tag("").is_err() && tag("a,b").is_err());
        assert!(id("Billboard_m-1.1").is_ok() && id("").is_err() && id("щит").is_err() && id(&"a".repeat(65)).is_err());
    }

    #[test]
    fn prefixes_make_header_names() {
        let rows = [
            ("X-Lead-", true),
            ("Lead-", true),
            ("X-Lead", false),
            ("-", false),
            ("", false),
            ("X Lead-", false),
            ("X:Lead-", false),
            ("Щит-", false),
            ("X-0123456789012345678901234567890-", false),
        ];
        for (text, fits) in rows {
            assert_eq!(prefix(text).is_ok(), fits, "{text}");
        }
    }

    #[test]
    fn separators_are_a_set() {
        for (text, fits) in [("+", true), ("+.-", true), ("-+", true), ("", false), ("++", false), ("=", false)] {
            assert_eq!(separators(text).is_ok(), fits, "{text}");
        }
    }
}
