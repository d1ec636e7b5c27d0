//! Reads a raw message into a letter, as an MTA would have shown it, with the envelope that the delivering server noted.
//!
//! Only the topmost field of each name counts: what stands below came with the message and may be forged.

use std::ops::Range;

use mail_parser::{HeaderName, MessageParser};

use crate::{
    classify::Origin,
    clock::Millis,
    intake::{Arrival, Intake, Letter, SecondPass},
};

/// Fields in which servers note the recipient, the one closest to the envelope first.
const RECIPIENT_FIELDS: [&str; 6] =
    ["X-Original-To", "X-Envelope-To", "Envelope-To", "X-Delivered-To", "X-RCPT-To", "Delivered-To"];

/// The envelope as the command line gives it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a> {
    /// Recipients; none to look into the message.
    pub recipients: &'a [String],
    /// The sender.
    pub sender: Option<&'a str>,
}

/// A message ready to be judged.
#[derive(Debug)]
pub struct Parsed {
    /// The message.
    pub letter: Letter,
    /// When it came, and how large it is.
    pub arrival: Arrival,
    /// Its recipients, as they are given or noted.
    pub recipients: Vec<String>,
}

/// Reads a message of `size` octets that begins with `block`; an error says why it has no envelope.
pub fn parse(intake: &Intake, block: &[u8], size: u64, given: &Given<'_>) -> Result<Parsed, String> {
    let top = |name: &str| {
        let found = fields(block).find(|field| field.is(name));
        found.map(|field| String::from_utf8_lossy(&field.value()).trim().to_owned())
    };
    let sender = given.sender.map(str::to_owned).or_else(|| top("Return-Path"));
    let mut letter = intake.letter(sender.as_deref().map(str::as_bytes));
    let mut recipients = given.recipients.to_vec();
    if recipients.is_empty() {
        let noted: Vec<String> = RECIPIENT_FIELDS.iter().filter_map(|name| top(name)).collect();
        if noted.is_empty() {
            let names = RECIPIENT_FIELDS.join(", ");
            return Err(format!("no envelope recipient: none of {names} is there, name one with --recipient"));
        }
        for value in noted {
            if letter.is_tracked() {
                break;
            }
            for address in value.split(',').map(str::trim) {
                letter.add_recipient(intake, address.as_bytes(), &[]);
                recipients.push(address.to_owned());
            }
        }
    } else {
        for address in &recipients {
            letter.add_recipient(intake, address.as_bytes(), &[]);
        }
    }
    let sound = fields(block).last().map_or(0, |last| last.range.end);
    for field in all_fields(block) {
        if field.range.end <= sound || intake.is_attribution(field.name) {
            letter.add_header(intake, field.name, &field.value());
        }
    }
    let at = top("Received").and_then(|value| received_at(&value)).unwrap_or_else(Millis::now);
    let arrival = Arrival {
        at,
        queue_id: None,
        size: Some(size),
        second_pass: SecondPass::Keep,
        origin: Origin::default(),
        subscribers: None,
    };
    Ok(Parsed { letter, arrival, recipients })
}

/// A header field and where it stands, line end included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The part before the colon.
    pub name: &'a [u8],
    /// The whole field's place.
    pub range: Range<usize>,
    /// What follows the colon.
    body: &'a [u8],
}

impl Field<'_> {
    /// Whether it has this name.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value as the milter protocol carries it: no first blank, folds as LF, no NUL.
    fn value(&self) -> Vec<u8> {
        let body = self.body.strip_prefix(b" ").unwrap_or(self.body);
        let mut value = Vec::with_capacity(body.len());
        for line in body.split_inclusive(|&byte| byte == b'\n') {
            let text = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n"));
            value.extend(text.unwrap_or(line).iter().filter(|&&byte| byte != 0));
            if text.is_some() {
                value.push(b'\n');
            }
        }
        if value.last() == Some(&b'\n') {
            value.pop();
        }
        value
    }
}

/// The header fields in their order, as MTAs see them: a line that is none ends the header. A leading mbox line is no
/// field.
pub fn fields(raw: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut at = header_start(raw);
    std::iter::from_fn(move || {
        let field = field_at(raw, at)?;
        at = field.range.end;
        Some(field)
    })
}

/// The header fields up to the empty line. Some readers, Dovecot's Sieve among them, read on behind a line without a
/// colon: fields there tell nothing about the message, but forged ones have to be found.
pub fn all_fields(raw: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut at = header_start(raw);
    std::iter::from_fn(move || {
        loop {
            if let Some(field) = field_at(raw, at) {
                at = field.range.end;
                return Some(field);
            }
            match line(raw, at) {
                [] | [b'\n', ..] | [b'\r', b'\n', ..] => return None,
                skipped => at += skipped.len(),
            }
        }
    })
}

fn field_at(raw: &[u8], start: usize) -> Option<Field<'_>> {
    let first = line(raw, start);
    let name = field_name(first)?;
    let mut end = start + first.len();
    while let [b' ' | b'\t', ..] = line(raw, end) {
        end += line(raw, end).len();
    }
    let body = raw.get(start + first.iter().position(|&byte| byte == b':')? + 1..end)?;
    Some(Field { name, range: start..end, body })
}

/// Where the header block begins: behind an mbox line.
pub fn header_start(raw: &[u8]) -> usize {
    let first = line(raw, 0);
    if first.starts_with(b"From ") && first.ends_with(b"\n") { first.len() } else { 0 }
}

/// The line that begins at `at`, its end included.
fn line(raw: &[u8], at: usize) -> &[u8] {
    let rest = raw.get(at..).unwrap_or_default();
    let end = rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |end| end + 1);
    rest.get(..end).unwrap_or(rest)
}

/// The name that a line begins a field with. Any other line ends the header, as MTAs see it (RFC 5322 section 2.2;
/// blanks before the colon are of the obsolete syntax).
fn field_name(line: &[u8]) -> Option<&[u8]> {
    let name = line.split(|&byte| byte == b':').next().filter(|name| name.len() < line.len())?.trim_ascii_end();
    (!name.is_empty() && name.iter().all(u8::is_ascii_graphic)).then_some(name)
}

/// The time after the last semicolon (RFC 5321 section 4.4).
fn received_at(value: &str) -> Option<Millis> {
    let (_, date) = value.rsplit_once(';')?;
    let header = format!("Date: {}\r\n\r\n", date.split_whitespace().collect::<Vec<_>>().join(" "));
    let parsed = MessageParser::new().header_date(HeaderName::Date).parse_headers(header.as_bytes())?;
    let date = parsed.date().filter(|date| date.is_valid())?;
    Some(Millis::from_seconds(date.to_timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_end_where_the_header_ends() {
        let rows: [(&[u8], &[&[u8]]); 9] = [
            (b"From a@b Sun Nov 22\nSubject: one\n two\r\nX: y\n\nBody: no\n", &[b"Subject", b"X"]),
            (b"A : b\nB\t: c\n", &[b"A", b"B"]),
            (b"A:b", &[b"A"]),
            (b"A: b\nno colon\nC: d\n", &[b"A"]),
            (b"A: b\nTo whom: it\nC: d\n", &[b"A"]),
            (b"A: b\n\xd2\xe5\xec\xe0: x\nC: d\n", &[b"A"]),
            (b"A: b\n: c\n", &[b"A"]),
            (b" fold of nothing\nA: b\n", &[]),
            (b"", &[]),
        ];
        for (raw, expected) in rows {
            assert_eq!(fields(raw).map(|field| field.name).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_value_is_what_a_milter_is_shown() {
        let rows: [(&[u8], &[u8]); 6] = [
            (b"A: one\r\n two\r\n", b"one\n two"),
            (b"A:  one \n", b" one "),
            (b"A:\n\tone\n", b"\n\tone"),
            (b"A: o\rn\0e\r\n", b"o\rne"),
            (b"A:", b""),
            (b"A: one", b"one"),
        ];
        for (raw, expected) in rows {
            assert_eq!(fields(raw).next().unwrap().value(), expected);
        }
    }

    #[test]
    fn the_time_of_arrival_is_the_servers() {
        let value = "from x by mx1 (Postfix) id 4XyZ\n\tfor <a@b>; Sun, 22 Nov 2026 07:26:10 +0300 (MSK)";
        assert_eq!(received_at(value), Some(Millis(1_795_321_570_000)));
        assert_eq!(received_at("from x by y"), None);
    }

    proptest! {
        #[test]
        fn no_trace_header_panics(value in "(from x by y|\\PC{0,20});(Sun, )?[0-9]{0,5} (Nov|\\PC{0,4}) [0-9]{0,6} [0-9:]{0,9} [+-]?[0-9]{0,6}") {
            let _unused = received_at(&value);
        }

        #[test]
        fn no_bytes_panic(raw in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut end = header_start(&raw);
            for field in fields(&raw) {
                prop_assert_eq!(field.range.start, end, "fields stand one behind the other");
                prop_assert!(!field.value().contains(&0));
                end = field.range.end;
            }
        }
    }
}
