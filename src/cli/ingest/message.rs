//! Reads a raw message into a letter, as an MTA would have shown it, with the envelope that the delivering server noted.
//!
//! Only the topmost field of each name counts: what stands below came with the message and may be forged.

use std::ops::Range;

use mail_parser::{HeaderName, MessageParser};

use crate::{
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
    /// Its header fields: name, and place of the whole field.
    pub fields: Vec<(String, Range<usize>)>,
}

/// Reads a message; an error says why it has no envelope.
pub fn parse(intake: &Intake, raw: &[u8], given: &Given<'_>) -> Result<Parsed, String> {
    let places = fields(raw);
    let field = |range: &Range<usize>| split(raw.get(range.clone()).unwrap_or_default());
    let top = |name: &str| {
        let found = places.iter().map(field).find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| String::from_utf8_lossy(&value).trim().to_owned())
    };
    let sender = given.sender.map(str::to_owned).or_else(|| top("Return-Path")).unwrap_or_default();
    let mut letter = intake.letter(sender.as_bytes());
    if given.recipients.is_empty() {
        let noted: Vec<String> = RECIPIENT_FIELDS.iter().filter_map(|name| top(name)).collect();
        if noted.is_empty() {
            let names = RECIPIENT_FIELDS.join(", ");
            return Err(format!("no envelope recipient: none of {names} is there, name one with --recipient"));
        }
        for value in noted {
            if letter.is_tracked() {
                break;
            }
            for address in value.split(',') {
                letter.add_recipient(intake, address.trim().as_bytes(), &[]);
            }
        }
    } else {
        for address in given.recipients {
            letter.add_recipient(intake, address.as_bytes(), &[]);
        }
    }
    for (name, value) in places.iter().map(field) {
        letter.add_header(intake, name, &value);
    }
    let at = top("Received").and_then(|value| received_at(&value)).unwrap_or_else(Millis::now);
    let name = |range: &Range<usize>| String::from_utf8_lossy(field(range).0).into_owned();
    Ok(Parsed {
        letter,
        arrival: Arrival { at, queue_id: None, size: Some(raw.len() as u64), second_pass: SecondPass::Keep },
        fields: places.iter().map(|range| (name(range), range.clone())).collect(),
    })
}

/// Where each header field begins and ends, line end included. A leading mbox line is no field.
fn fields(raw: &[u8]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    for line in raw.split_inclusive(|&byte| byte == b'\n') {
        let range = at..at + line.len();
        at = range.end;
        match line.first() {
            None | Some(b'\n' | b'\r') => break,
            Some(b' ' | b'\t') => {
                if let Some(last) = found.last_mut() {
                    last.end = range.end;
                }
            }
            Some(_) if range.start == 0 && line.starts_with(b"From ") => {}
            // A line without a colon ends the header, as MTAs see it.
            Some(_) if !line.contains(&b':') => break,
            Some(_) => found.push(range),
        }
    }
    found
}

/// Name and value as the milter protocol carries them: no first blank, folds as LF.
fn split(field: &[u8]) -> (&[u8], Vec<u8>) {
    let colon = field.iter().position(|&byte| byte == b':').unwrap_or(field.len());
    let (name, rest) = field.split_at_checked(colon).unwrap_or_default();
    let value = rest.get(1..).unwrap_or_default();
    let value = value.strip_prefix(b" ").unwrap_or(value);
    let mut value: Vec<u8> = value.iter().copied().filter(|&byte| byte != b'\r' && byte != 0).collect();
    if value.last() == Some(&b'\n') {
        value.pop();
    }
    (name.trim_ascii_end(), value)
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
        let raw = b"From a@b Sun Nov 22\nSubject: one\n two\r\nX: y\n\nBody: no\n";
        let names: Vec<_> = fields(raw).into_iter().map(|range| split(&raw[range]).0.to_vec()).collect();
        assert_eq!(names, [b"Subject".to_vec(), b"X".to_vec()]);
        assert_eq!(split(b"Subject: one\r\n two\r\n"), (b"Subject".as_slice(), b"one\n two".to_vec()));
    }

    #[test]
    fn the_time_of_arrival_is_the_servers() {
        let value = "from x by mx1 (Postfix) id 4XyZ\n\tfor <a@b>; Sun, 22 Nov 2026 07:26:10 +0300 (MSK)";
        assert_eq!(received_at(value), Some(Millis(1_795_321_570_000)));
        assert_eq!(received_at("from x by y"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(raw in proptest::collection::vec(any::<u8>(), 0..400)) {
            for range in fields(&raw) {
                let _unused = split(&raw[range]);
            }
        }
    }
}
