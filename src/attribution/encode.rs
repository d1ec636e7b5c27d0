//! Header values as ASCII lines: RFC 2047 encoded words where needed, folded under 78 characters (RFC 5322 section 2.1.1).
//!
//! Gives back lines joined by LF and the blank they continue with, the form both MTAs take over the milter protocol.
//! Whatever comes in, no control character, 8-bit byte or overlong line goes out.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::text::is_clean_ascii;

/// Longest line, without its line end.
const LINE: usize = 77;

/// Longest encoded word (RFC 2047 section 2).
const WORD: usize = 75;

const OPEN: &str = "=?UTF-8?B?";
const CLOSE: &str = "?=";

/// `value` as the body of a field whose name takes `name_len` characters.
pub fn field_body(name_len: usize, value: &str) -> String {
    // The name is followed by a colon and the blank that the MTA adds.
    let first_room = LINE.saturating_sub(name_len + 2);
    if !plain(value, first_room) {
        encoded(value, first_room)
    } else if value.len() <= first_room {
        value.to_owned()
    } else {
        folded(value, first_room)
    }
}

/// Whether every part between blanks fits a line and nothing in it could be taken for an encoded word.
fn plain(value: &str, first_room: usize) -> bool {
    let mut words = value.split(' ');
    let first_fits = words.next().is_none_or(|word| word.len() <= first_room);
    let fits = value.len() <= first_room || (first_fits && words.all(|word| word.len() < LINE));
    let has_encoded_word = value.as_bytes().windows(2).any(|pair| pair == b"=?");
    fits && !has_encoded_word && (value.is_empty() || is_clean_ascii(value))
}

fn folded(value: &str, first_room: usize) -> String {
    let mut out = String::with_capacity(value.len() + 8);
    let mut room = first_room;
    for (number, word) in value.split(' ').enumerate() {
        if number > 0 {
            if word.len() < room {
                out.push(' ');
                room -= 1;
            } else {
                out.push_str("\n ");
                room = LINE - 1;
            }
        }
        out.push_str(word);
        room = room.saturating_sub(word.len());
    }
    out
}

/// Base64 words split on character boundaries; a reader drops the blanks between them.
fn encoded(value: &str, first_room: usize) -> String {
    let octets = |room: usize| (room.min(WORD).saturating_sub(OPEN.len() + CLOSE.len()) / 4) * 3;
    let mut out = String::new();
    let mut chunk = String::new();
    let mut room = octets(first_room);
    if room < 4 {
        out.push_str("\n ");
        room = octets(LINE - 1);
    }
    for char in value.chars().map(|char| if char.is_control() { ' ' } else { char }) {
        if chunk.len() + char.len_utf8() > room {
            push_word(&mut out, &chunk);
            out.push_str("\n ");
            chunk.clear();
            room = octets(LINE - 1);
        }
        chunk.push(char);
    }
    push_word(&mut out, &chunk);
    out
}

fn push_word(out: &mut String, text: &str) {
    out.push_str(OPEN);
    STANDARD.encode_string(text, out);
    out.push_str(CLOSE);
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_parser::MessageParser;
    use proptest::prelude::*;

    /// What a mail program reads from the field.
    fn decoded(name: &str, body: &str) -> String {
        let raw = format!("{name}: {}\r\n\r\n", body.replace('\n', "\r\n"));
        let message = MessageParser::default().with_minimal_headers().parse_headers(raw.as_bytes()).unwrap();
        message.subject().unwrap_or_default().to_owned()
    }

    #[test]
    fn plain_values_stay_readable() {
        assert_eq!(field_body(14, "billboard-m11"), "billboard-m11");
        let tags = "offline, outdoor, moscow, spring, first, second, third, fourth, fifth";
        assert_eq!(field_body(11, tags), "offline, outdoor, moscow, spring, first, second, third, fourth,\n fifth");
    }

    #[test]
    fn cyrillic_becomes_encoded_words() {
        assert_eq!(field_body(20, "весна"), "=?UTF-8?B?0LLQtdGB0L3QsA==?=");
    }

    #[test]
    fn what_looks_like_an_encoded_word_is_encoded() {
        assert_eq!(decoded("Subject", &field_body(7, "=?UTF-8?Q?evil?=")), "=?UTF-8?Q?evil?=");
    }

    proptest! {
        #[test]
        fn any_value_is_safe_and_reads_back(value in "[ -~а-яё\u{1F600}]{1,300}", name_len in 5usize..70) {
            let body = field_body(name_len, &value);
            for (number, line) in body.split('\n').enumerate() {
                let taken = if number == 0 { name_len + 2 } else { 0 };
                prop_assert!(line.len() + taken <= LINE, "{line:?}");
                prop_assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')));
                prop_assert!(number == 0 || line.trim_start().len() == line.len() - 1);
            }
            let read_back = decoded("Subject", &body);
            prop_assert_eq!(read_back.trim(), value.trim());
        }

        #[test]
        fn control_characters_never_pass(value in any::<String>()) {
            let body = field_body(10, &value);
            prop_assert!(body.bytes().all(|byte| matches!(byte, b'\n' | b' '..=b'~')));
        }
    }
}
