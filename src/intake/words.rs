//! Encoded words whose sender cut a character in two.
//!
//! RFC 2047 section 5 wants whole characters in each word; many mailers and web forms cut the octets instead, and each
//! half of the character is unreadable alone. Given a field's value, gives back one in which neighbouring Base64 words
//! of one charset are one word; anything else stays as it is. Never panics.

use std::borrow::Cow;

use base64::{
    Engine,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};

/// Senders forget the padding, and the parser behind us does not mind.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A Base64 word: `=?charset?B?text?=`.
struct Word<'a> {
    charset: &'a str,
    octets: Vec<u8>,
    /// Where it ends in the text it was found in.
    end: usize,
}

/// `value` with every row of neighbouring words joined.
pub fn joined(value: &str) -> Cow<'_, str> {
    if value.matches("=?").nth(1).is_none() {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, from)) = rest.find("=?").and_then(|at| rest.split_at_checked(at)) {
        out.push_str(before);
        let Some(first) = word(from) else {
            out.push_str("=?");
            rest = from.get(2..).unwrap_or_default();
            continue;
        };
        let (octets, tail) = row(&first, from.get(first.end..).unwrap_or_default());
        match octets {
            Some(octets) => out.push_str(&format!("=?{}?B?{}?=", first.charset, STANDARD.encode(octets))),
            None => out.push_str(from.get(..first.end).unwrap_or_default()),
        }
        rest = tail;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The octets of `first` and all that follow it in one row, if any does, and the text behind them.
fn row<'a>(first: &Word<'a>, after: &'a str) -> (Option<Vec<u8>>, &'a str) {
    let mut octets = None;
    let mut tail = after;
    // Blanks between two words are not shown (section 6.2).
    while let Some(next) = word(tail.trim_start()).filter(|next| next.charset.eq_ignore_ascii_case(first.charset)) {
        octets.get_or_insert_with(|| first.octets.clone()).extend_from_slice(&next.octets);
        tail = tail.trim_start().get(next.end..).unwrap_or_default();
    }
    (octets, tail)
}

/// The word that `text` begins with.
fn word(text: &str) -> Option<Word<'_>> {
    let (charset, rest) = text.strip_prefix("=?")?.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (encoded, _) = rest.split_once("?=")?;
    let end = charset.len() + encoding.len() + encoded.len() + "=????=".len();
    let is_word = encoding.eq_ignore_ascii_case("B") && !charset.contains(char::is_whitespace);
    Some(Word { charset, octets: LENIENT.decode(encoded).ok().filter(|_| is_word)?, end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(text: &str, at: usize, between: &str) -> String {
        let (first, second) = text.as_bytes().split_at(at);
        format!("=?UTF-8?B?{}?={between}=?utf-8?b?{}?=", STANDARD.encode(first), STANDARD.encode(second))
    }

    #[test]
    fn neighbouring_words_become_one() {
        let whole = format!("=?UTF-8?B?{}?=", STANDARD.encode("Цена"));
        assert_eq!(joined(&cut("Цена", 3, "\r\n ")), whole);
        assert_eq!(joined(&cut("Цена", 5, "")), whole);
        let within = format!("Re: {} <a@b>", cut("Цена", 3, " "));
        assert_eq!(joined(&within), format!("Re: {whole} <a@b>"));
        let three = format!("{} =?UTF-8?B?{}", cut("Це", 1, " "), "0L3QsA?=");
        assert_eq!(joined(&three), whole);
    }

    #[test]
    fn whatever_else_stands_there_stays() {
        for text in [
            "",
            "no words",
            "=?UTF-8?B?0KY=?=",
            "=?UTF-8?B?0KY=?= x =?UTF-8?B?0KY=?=",
            "=?UTF-8?B?0KY=?= =?koi8-r?B?9w==?=",
            "=?UTF-8?Q?=D0?= =?UTF-8?Q?=A6?=",
            "=?UTF-8?B?%%%?= =?UTF-8?B?0KY=?=",
            "=?=?=?UTF-8?B?",
            "=? a ?B?0KY=?= =? a ?B?0KY=?=",
        ] {
            assert_eq!(joined(text), text);
        }
    }

    proptest! {
        #[test]
        fn a_cut_anywhere_is_mended(text in "[а-яё😀 a-z]{1,40}", at in 0usize..100) {
            let whole = format!("=?UTF-8?B?{}?=", STANDARD.encode(&text));
            let halves = cut(&text, at.min(text.len()), "\r\n\t");
            prop_assert_eq!(joined(&halves), whole);
        }

        #[test]
        fn no_text_panics(parts in proptest::collection::vec("=\\?|\\?=|B|\\?|UTF-8|[ a-zA-Z=я]{0,4}", 0..30)) {
            let _unused = joined(&parts.concat());
        }
    }
}
