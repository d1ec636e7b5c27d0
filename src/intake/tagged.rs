//! What tag rules are asked about a letter: values of envelope and headers, decoded, in the form of patterns.
//!
//! A body is never read, so the names of attachments inside a multipart message are not known here. What a header block
//! tells is the name of the one file that a message without text consists of, as scanners and fax servers send it.

use std::panic::catch_unwind;

use mail_parser::{HeaderName, MessageParser};

use super::{
    Arrival,
    attributed::Shown,
    draft::author,
    headers::HeaderBlock,
    letter::Letter,
    read::{self, Reading},
};
use crate::{
    config::{Config, TagRule},
    lead::{bounded, limit},
    pattern::composed,
    tagging::{Facts, Spelled, To},
};

/// Fields that may name the file of a message.
const FILE_FIELDS: [&str; 2] = ["Content-Disposition", "Content-Type"];

/// Header fields that the rules need.
pub fn fields(rules: &[TagRule]) -> impl Iterator<Item = &str> {
    let named = rules.iter().filter_map(|rule| rule.header.as_ref()).map(|header| header.name.as_str());
    let of_files = if has_files(rules) { FILE_FIELDS.as_slice() } else { &[] };
    named.chain(of_files.iter().copied())
}

fn has_files(rules: &[TagRule]) -> bool {
    rules.iter().any(|rule| rule.attachment.is_some())
}

/// The facts of a letter.
pub fn facts<'a>(
    letter: &'a Letter,
    shown: &[Shown<'a>],
    reading: &'a Reading,
    arrival: &Arrival,
    config: &'a Config,
) -> Facts<'a> {
    let charset = &config.leads.default_charset;
    let mut headers: Vec<(&str, String)> = Vec::new();
    for header in config.tags.iter().filter_map(|rule| rule.header.as_ref()) {
        if headers.iter().all(|(known, _)| !known.eq_ignore_ascii_case(&header.name))
            && let Some(value) = read::text(&letter.headers, &header.name, charset)
        {
            headers.push((&header.name, composed(&value).into_owned()));
        }
    }
    Facts {
        sender: author(letter, reading).map(Spelled::of).unwrap_or_default(),
        subject: composed(reading.subject.as_deref().unwrap_or_default()),
        recipients: recipients(letter, shown),
        headers,
        attachments: if has_files(&config.tags) { files(&letter.headers, charset) } else { Vec::new() },
        size: arrival.size,
    }
}

/// As many as a lead tells, or the address that a letter without substitutes came to.
fn recipients<'a>(letter: &'a Letter, shown: &[Shown<'a>]) -> Vec<To<'a>> {
    if !shown.is_empty() {
        let to = |of: &Shown<'a>| To { address: Spelled::of(&of.substitute.address), channel: of.channel_id() };
        return shown.iter().take(limit::TOUCHES).map(to).collect();
    }
    let other = letter.canary().or_else(|| letter.first_mailbox());
    other.map(|address| To { address: Spelled::of(address), channel: None }).into_iter().collect()
}

/// File names that the fields tell, each once.
fn files(headers: &HeaderBlock, charset: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (field, parameter) in FILE_FIELDS.into_iter().zip(["filename", "name"]) {
        let name = read::raw_text(headers, field, charset).and_then(|value| file_name(&value, parameter));
        names.extend(name.filter(|name| !names.contains(name)));
    }
    names
}

/// A parameter in every form that mail programs write it in: quoted, RFC 2231 in parts, RFC 2047 against the rules.
fn file_name(value: &str, parameter: &str) -> Option<String> {
    let block = format!("Content-Type: {value}\r\n\r\n");
    // The parser promises not to panic, and has broken that promise in two past releases.
    let found = catch_unwind(|| {
        let parser = MessageParser::new().header_content_type(HeaderName::ContentType);
        let message = parser.parse_headers(block.as_bytes())?;
        message.header(HeaderName::ContentType)?.as_content_type()?.attribute(parameter).map(str::to_owned)
    });
    let found = found.ok()??;
    bounded(&found, limit::TEXT).map(|name| composed(&name).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::headers::Names;
    use proptest::prelude::*;

    fn names(fields: &[(&str, &[u8])]) -> Vec<String> {
        let mut headers = HeaderBlock::new(Names::new(FILE_FIELDS.into_iter()));
        for (name, value) in fields {
            headers.add("X-Lead-", name.as_bytes(), value);
        }
        files(&headers, "windows-1251")
    }

    #[test]
    fn a_file_name_is_read_in_every_form() {
        let rows: &[(&str, &str, &[&str])] = &[
            ("Content-Type", "application/pdf; name=\"Bill 15.pdf\"", &["Bill 15.pdf"]),
            ("Content-Type", "application/pdf;\n\tname=bill.pdf; x=y", &["bill.pdf"]),
            ("Content-Disposition", "attachment; filename=\"a;b.pdf\"", &["a;b.pdf"]),
            ("Content-Disposition", "attachment; filename*=UTF-8''%D0%A1%D1%87%D1%91%D1%82.pdf", &["Счёт.pdf"]),
            (
                "Content-Disposition",
                "attachment; filename*0*=UTF-8''%D0%A1%D1%87;\n filename*1*=%D1%91%D1%82; filename*2=.pdf",
                &["Счёт.pdf"],
            ),
            ("Content-Type", "application/pdf; name=\"=?UTF-8?B?0KHRh9GR0YIucGRm?=\"", &["Счёт.pdf"]),
            ("Content-Type", "application/pdf; name=\"Счёт.pdf\"", &["Счёт.pdf"]),
            ("Content-Type", "multipart/mixed; boundary=x", &[]),
            ("Content-Disposition", "attachment", &[]),
            ("Content-Disposition", "attachment; filename=\"\"", &[]),
            ("Content-Disposition", "", &[]),
        ];
        for (name, value, expected) in rows {
            assert_eq!(names(&[(name, value.as_bytes())]), *expected, "{value}");
        }
        let (cp1251, _, _) = encoding_rs::WINDOWS_1251.encode("application/pdf; name=\"Счет.pdf\"");
        assert_eq!(names(&[("Content-Type", &cp1251)]), ["Счет.pdf"]);
        let both: &[(&str, &[u8])] =
            &[("Content-Type", b"application/pdf; name=a.pdf"), ("Content-Disposition", b"attachment; filename=b.pdf")];
        assert_eq!(names(both), ["b.pdf", "a.pdf"]);
    }

    proptest! {
        #[test]
        fn no_value_panics(value in proptest::collection::vec(1u8.., 0..200), text in "\\PC{0,40}") {
            for value in [value.as_slice(), format!("a/b; name={text}; filename*0*={text}").as_bytes()] {
                let found = names(&[("Content-Type", value), ("Content-Disposition", value)]);
                prop_assert!(found.iter().all(|name| !name.chars().any(char::is_control)));
            }
        }
    }
}
