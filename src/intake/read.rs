//! Headers as text: who wrote, about what, when. Foreign input: decoded, bounded, never trusted, never panics.
//!
//! A header with raw 8-bit bytes breaks RFC 5322 and is common all the same: it is read in the charset that
//! Content-Type declares, else in the configured one.

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
};

use encoding_rs::{Encoding, UTF_8};
use mail_parser::{DateTime, parsers::MessageStream};

use super::{headers::HeaderBlock, words};
use crate::{
    address::Address,
    clock::Millis,
    lead::{bounded, limit},
    text::on_one_line,
};

/// Letters that one may answer; a thread's lead is among the closest, or the oldest of a short thread.
const REFERENCES: usize = 16;

/// What a letter says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The first address of From:.
    pub from: Option<Address>,
    /// Its display name.
    pub from_name: Option<String>,
    /// Subject, decoded.
    pub subject: Option<String>,
    /// The Date: header.
    pub date: Option<Millis>,
    /// Message-ID with its angle brackets.
    pub message_id: Option<String>,
    /// In-Reply-To with its angle brackets.
    pub in_reply_to: Option<String>,
    /// Message-IDs of the letters that this one answers, the closest first.
    pub refers_to: Vec<String>,
    /// Whether Auto-Submitted says that no person wrote it (RFC 3834 section 5).
    pub auto_submitted: bool,
    /// What else tells two letters apart where Message-ID or Date is missing: some fields as they came, white space folded.
    pub fingerprint: Vec<String>,
}

/// Reads what was kept of the headers.
pub fn read(headers: &HeaderBlock, default_charset: &str) -> Reading {
    let text = |name: &str| headers.first(name).map(|value| decoded(value, headers, default_charset));
    let line = |name: &str| text(name).map(on_one_line);
    let message_id = line("Message-ID").and_then(|value| first_id(&value).or_else(|| bounded(&value, limit::TEXT)));
    let in_reply_to = line("In-Reply-To");
    let (from, from_name) = text("From").map(|value| author(&value)).unwrap_or_default();
    let stand_in = ["From", "Date", "Reply-To", "References", "Content-Type"];
    let fingerprint = || stand_in.iter().map(|name| line(name).unwrap_or_default().into_owned()).collect();
    let date = text("Date").and_then(|value| date(&value));
    Reading {
        from,
        from_name,
        subject: text("Subject").and_then(|value| subject(&value)),
        date,
        in_reply_to: in_reply_to.as_deref().and_then(first_id),
        refers_to: referred(in_reply_to.as_deref(), line("References").as_deref()),
        auto_submitted: line("Auto-Submitted").is_some_and(|value| is_automatic(&value)),
        fingerprint: if message_id.is_none() || date.is_none() { fingerprint() } else { Vec::new() },
        message_id,
    }
}

/// The first field of that name as people read it: decoded, bounded, on one line.
pub fn text(headers: &HeaderBlock, name: &str, default_charset: &str) -> Option<String> {
    let raw = raw_text(headers, name, default_charset)?;
    let value = if raw.contains("=?") { decoded_words(&raw) } else { raw };
    Some(bounded(&value, limit::TEXT).unwrap_or_default())
}

/// The same on one line, in which encoded words still stand.
pub fn raw_text(headers: &HeaderBlock, name: &str, default_charset: &str) -> Option<String> {
    headers.first(name).map(|value| on_one_line(decoded(value, headers, default_charset)).into_owned())
}

/// A header value with its encoded words decoded (RFC 2047).
pub fn decoded_words(value: &str) -> String {
    subject(&on_one_line(value.into())).unwrap_or_default()
}

/// The first address of From: and its display name.
fn author(value: &str) -> (Option<Address>, Option<String>) {
    let found = parsed(value, |stream| {
        let from = stream.parse_address();
        let first = from.as_address()?.first()?;
        let address = first.address().and_then(|address| Address::from_path(address.as_bytes()));
        Some((address, first.name().and_then(|name| bounded(name, limit::TEXT))))
    });
    found.unwrap_or_default()
}

fn subject(value: &str) -> Option<String> {
    let value = &without_nul(value);
    if value.contains("=?") { with_words_decoded(value) } else { bounded(value, limit::TEXT) }
}

fn with_words_decoded(value: &str) -> Option<String> {
    parsed(value, |stream| bounded(stream.parse_unstructured().as_text()?, limit::TEXT))
}

fn date(value: &str) -> Option<Millis> {
    let found = parsed(value, |stream| stream.parse_date().into_datetime())?;
    (found.is_valid() && is_in_calendar(&found)).then(|| Millis::from_seconds(found.to_timestamp()))
}

/// What the parser makes of one field's value. It promises not to panic, and has broken that promise in two past
/// releases.
fn parsed<T>(value: &str, parse: impl FnOnce(&mut MessageStream<'_>) -> Option<T>) -> Option<T> {
    let line = [&words::joined(&as_field(value)), "\r\n"].concat();
    catch_unwind(AssertUnwindSafe(|| parse(&mut MessageStream::new(line.as_bytes())))).ok()?
}

/// A bare CR could end the field early; a fold must keep its blank.
fn as_field(value: &str) -> Cow<'_, str> {
    if !value.contains(['\0', '\r', '\n']) {
        return value.into();
    }
    without_nul(value).replace('\r', " ").replace('\n', "\r\n ").into()
}

/// A NUL ends a field to some parsers.
fn without_nul(value: &str) -> Cow<'_, str> {
    if value.contains('\0') { value.replace('\0', "").into() } else { value.into() }
}

/// The parser counts on from the last day of a month: 30 February would be 2 March.
fn is_in_calendar(date: &DateTime) -> bool {
    let part = |value: u8| i8::try_from(value).unwrap_or(-1);
    i16::try_from(date.year).is_ok_and(|year| jiff::civil::Date::new(year, part(date.month), part(date.day)).is_ok())
}

/// RFC 3834 section 5: anything but `no` was not written by a person.
fn is_automatic(value: &str) -> bool {
    let word = value.split([';', ' ']).next().unwrap_or_default();
    !word.is_empty() && !word.eq_ignore_ascii_case("no")
}

/// In-Reply-To first, then References from its end: the closest letter before the oldest.
fn referred(in_reply_to: Option<&str>, references: Option<&str>) -> Vec<String> {
    let mut found: Vec<String> = ids(in_reply_to.unwrap_or_default()).collect();
    let references: Vec<String> = ids(references.unwrap_or_default()).collect();
    for id in references.into_iter().rev() {
        if found.len() < REFERENCES && !found.contains(&id) {
            found.push(id);
        }
    }
    found
}

pub fn first_id(value: &str) -> Option<String> {
    ids(value).next()
}

/// The Message-IDs in a field's value.
fn ids(value: &str) -> impl Iterator<Item = String> {
    let starts = value.match_indices('<').take(REFERENCES * 4);
    starts.filter_map(|(start, _)| {
        let rest = value.get(start..)?;
        let end = rest.find('>')?;
        bounded(rest.get(..=end)?, limit::TEXT)
    })
}

fn decoded<'a>(value: &'a [u8], headers: &HeaderBlock, default_charset: &str) -> Cow<'a, str> {
    match std::str::from_utf8(value) {
        Ok(text) => Cow::Borrowed(text),
        // A field cut at its bound may end inside a character.
        Err(e) if e.error_len().is_none() => String::from_utf8_lossy(value.get(..e.valid_up_to()).unwrap_or_default()),
        Err(_) => charset(headers, default_charset).decode_without_bom_handling(value).0,
    }
}

/// In which raw bytes that are no UTF-8 are read.
fn charset(headers: &HeaderBlock, default_charset: &str) -> &'static Encoding {
    declared_charset(headers.first("Content-Type"))
        .or_else(|| Encoding::for_label(default_charset.as_bytes()))
        .unwrap_or(UTF_8)
}

/// The charset parameter of Content-Type, unless it is UTF-8, which raw bytes that are no UTF-8 disprove, or one that a
/// header line cannot be written in (UTF-16).
fn declared_charset(content_type: Option<&[u8]>) -> Option<&'static Encoding> {
    let text = String::from_utf8_lossy(content_type?).to_ascii_lowercase();
    let value = text.split_once("charset=")?.1.trim_start_matches('"');
    let label = value.split(['"', ';', ' ', '\t', '\n', '\r']).next()?;
    Encoding::for_label(label.as_bytes()).filter(|encoding| *encoding != UTF_8 && encoding.is_ascii_compatible())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::headers::Names;
    use proptest::prelude::*;

    fn reading(fields: &[(&str, &[u8])]) -> Reading {
        let mut headers = HeaderBlock::new(Names::new(std::iter::empty()));
        for (name, value) in fields {
            headers.add("X-Lead-", name.as_bytes(), value);
        }
        Reading { fingerprint: Vec::new(), ..read(&headers, "windows-1251") }
    }

    fn address(text: &str) -> Option<Address> {
        Address::parse(text)
    }

    #[test]
    fn a_letter_is_read_whole() {
        let got = reading(&[
            ("From", "=?UTF-8?B?0JjQstCw0L0g0J/QtdGC0YDQvtCy?= <Ivan@Client.example>".as_bytes()),
            ("Subject", "=?UTF-8?B?0JfQsNC/0YDQvtGB?=\n\t=?UTF-8?B?INGG0LXQvdGL?=".as_bytes()),
            ("Date", b"Sun, 22 Nov 2026 07:26:07 +0300"),
            ("Message-ID", b"<CAF7=x@mail.client.example>"),
            ("In-Reply-To", b"\n <a@b> <c@d>"),
            ("Auto-Submitted", b"auto-replied; owner-email=x"),
        ]);
        let expected = Reading {
            from: address("ivan@client.example"),
            from_name: Some("Иван Петров".into()),
            subject: Some("Запрос цены".into()),
            date: Some(Millis(1_795_321_567_000)),
            message_id: Some("<CAF7=x@mail.client.example>".into()),
            in_reply_to: Some("<a@b>".into()),
            refers_to: vec!["<a@b>".into(), "<c@d>".into()],
            auto_submitted: true,
            fingerprint: Vec::new(),
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn raw_bytes_are_read_in_the_declared_or_the_default_charset() {
        let (koi8, _, _) = encoding_rs::KOI8_R.encode("Цена");
        let (cp1251, _, _) = encoding_rs::WINDOWS_1251.encode("Цена");
        let declared = (("Content-Type"), b"text/plain; charset=\"KOI8-R\"".as_slice());
        assert_eq!(reading(&[("Subject", &koi8), declared]).subject.as_deref(), Some("Цена"));
        assert_eq!(reading(&[("Subject", &cp1251)]).subject.as_deref(), Some("Цена"));
        let wrong = ("Content-Type", b"text/plain; charset=utf-8".as_slice());
        assert_eq!(reading(&[("Subject", &cp1251), wrong]).subject.as_deref(), Some("Цена"));
        for impossible in ["text/plain; charset=utf-16", "text/plain; charset=hz-gb-2312"] {
            let impossible = ("Content-Type", impossible.as_bytes());
            assert_eq!(reading(&[("Subject", &cp1251), impossible]).subject.as_deref(), Some("Цена"));
        }
        assert_eq!(reading(&[("Subject", "Цена".as_bytes())]).subject.as_deref(), Some("Цена"));
        let from = [cp1251.as_ref(), b" <a@client.example>"].concat();
        assert_eq!(reading(&[("From", &from)]).from_name.as_deref(), Some("Цена"));
    }

    #[test]
    fn from_in_every_strange_form() {
        let rows: &[(&str, Option<&str>, Option<&str>)] = &[
            ("a@client.example", Some("a@client.example"), None),
            ("\"foo@evil.example\" <real@client.example>", Some("real@client.example"), Some("foo@evil.example")),
            ("Team: a@client.example, b@client.example;", Some("a@client.example"), None),
            ("undisclosed-recipients:;", None, None),
            ("", None, None),
            ("no address", None, None),
            ("Ivan <@relay.example,@b.example:a@client.example>", Some("a@client.example"), Some("Ivan")),
            ("Ivan\r <a@client.example>", Some("a@client.example"), Some("Ivan")),
        ];
        for (value, from, name) in rows {
            let got = reading(&[("From", value.as_bytes())]);
            assert_eq!(got.from, from.and_then(address), "{value}");
            if from.is_some() {
                assert_eq!(got.from_name.as_deref(), *name, "{value}");
            }
        }
    }

    #[test]
    fn what_a_field_smuggles_in_stays_text_or_goes() {
        let rows: &[(&str, &str, Option<&str>)] = &[
            ("Subject", "pumps\rBcc: victim@company.ru", Some("pumps Bcc: victim@company.ru")),
            ("Subject", "pumps\n\tmore", Some("pumps more")),
            ("Message-ID", "<1@c>\n\tX-Lead-Id: forged", Some("<1@c>")),
            ("Message-ID", "no-brackets@c", Some("no-brackets@c")),
            ("Message-ID", " ", None),
            ("Date", "Sat, 28 Feb 2026 07:26:07 +0000", Some("2026-02-28T07:26:07.000Z")),
            ("Date", "30 Feb 2026 07:26:07 +0000", None),
            ("Date", "31 Apr 2026 07:26:07 +0000", None),
        ];
        for (name, value, expected) in rows {
            let got = reading(&[(*name, value.as_bytes())]);
            let date = got.date.map(|date| date.to_string());
            assert_eq!(got.subject.or(got.message_id).or(date).as_deref(), *expected, "{value:?}");
        }
    }

    #[test]
    fn automatic_is_what_a_person_did_not_write() {
        for (value, expected) in [("no", false), ("No", false), ("", false), ("auto-generated", true)] {
            assert_eq!(reading(&[("Auto-Submitted", value.as_bytes())]).auto_submitted, expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_subject_without_encoded_words_needs_no_parser(value in "[ab=? я\t\r\n\u{0}\u{a0}\u{200b}]{0,30}") {
            let value = value.replace("=?", "=");
            prop_assert_eq!(subject(&value), with_words_decoded(&value));
        }

        #[test]
        fn no_bytes_panic_and_every_text_is_bounded(
            fields in proptest::collection::vec((0usize..5, proptest::collection::vec(1u8.., 0..300)), 0..6),
        ) {
            let names = ["From", "Subject", "Date", "Message-ID", "Content-Type"];
            let fields: Vec<_> = fields.iter().map(|(at, value)| (names[*at], value.as_slice())).collect();
            let got = reading(&fields);
            for text in [got.from_name, got.subject, got.message_id].into_iter().flatten() {
                prop_assert!(text.chars().count() <= limit::TEXT);
                prop_assert!(!text.chars().any(char::is_control));
            }
        }
    }
}
