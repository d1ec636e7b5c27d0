//! Patterns over one value of a letter, as tag rules spell them.
//!
//! Three notations, told apart by their first character: `/СРОЧНО/` is a regular expression that may fit anywhere in the
//! value, `=price [EUR]` is the whole value as it stands, and everything else is a glob over the whole value: `*` for
//! anything, `?` for one character, `[5-9]` for one of a range. All of them disregard case, in every script, and take
//! the two spellings of й and ё that Unicode has for one. The engine matches in linear time, whatever pattern and value
//! are, and a pattern that would need too much memory is refused.

use std::{borrow::Cow, fmt};

use regex::{Regex, RegexBuilder};
use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::glob;

/// Characters of a pattern.
pub const LONGEST: usize = 1024;

/// Octets of a compiled pattern; the largest class, `\w`, takes a twentieth of it.
const COMPILED: usize = 1 << 20;

/// Octets that the engine may remember of a pattern in each thread, so that a thousand rules stay small.
const REMEMBERED: usize = 1 << 17;

/// A pattern for one value.
#[derive(Clone)]
pub struct ValuePattern {
    text: String,
    regex: Regex,
}

/// A header's name and a pattern for its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderPattern {
    /// The field's name.
    pub name: String,
    /// For its value.
    pub pattern: ValuePattern,
}

/// Why a pattern cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Nothing would fit but an empty value, and `=` says that.
    #[error("it is empty")]
    Empty,
    /// Longer than [`LONGEST`].
    #[error("it is longer than {LONGEST} characters")]
    Long,
    /// It begins as a regular expression does, and does not end as one.
    #[error("it begins with / and does not end with /")]
    Open,
    /// `[z-a]`, `[]`, or a bracket that nothing closes.
    #[error("its brackets hold no class of characters")]
    Class,
    /// The engine's reason.
    #[error("it is no regular expression: {0}")]
    Regex(String),
    /// It would take too much memory.
    #[error("it would grow too large")]
    Large,
    /// A header's pattern without name or without pattern.
    #[error("it is not `Name: pattern`")]
    Form,
    /// The name is none of a header field.
    #[error("the part before the colon is no header name")]
    Name,
}

impl ValuePattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.chars().count() > LONGEST {
            return Err(PatternError::Long);
        }
        let composed = composed(text);
        let (expression, refused): (_, fn(String) -> PatternError) = if let Some(rest) = composed.strip_prefix('/') {
            let inner = rest.strip_suffix('/').filter(|inner| !inner.is_empty());
            (inner.ok_or(PatternError::Open)?.to_owned(), PatternError::Regex)
        } else if let Some(whole) = composed.strip_prefix('=') {
            (format!("^{}$", regex::escape(whole)), PatternError::Regex)
        } else {
            (glob::expression(&composed).ok_or(PatternError::Class)?, |_| PatternError::Class)
        };
        Self::compiled(text, &expression, refused)
    }

    /// Reads a glob, whatever it begins with: a path begins with `/`.
    pub fn glob(text: &str) -> Result<Self, PatternError> {
        match text.chars().count() {
            0 => Err(PatternError::Empty),
            1..=LONGEST => {
                let expression = glob::expression(&composed(text)).ok_or(PatternError::Class)?;
                Self::compiled(text, &expression, |_| PatternError::Class)
            }
            _ => Err(PatternError::Long),
        }
    }

    fn compiled(text: &str, expression: &str, refused: fn(String) -> PatternError) -> Result<Self, PatternError> {
        let mut builder = RegexBuilder::new(expression);
        let built = builder.case_insensitive(true).size_limit(COMPILED).dfa_size_limit(REMEMBERED).build();
        let regex = built.map_err(|e| match e {
            regex::Error::CompiledTooBig(_) => PatternError::Large,
            // The engine draws the place on lines of its own; the last one says what is wrong.
            other => refused(last_line(&other.to_string())),
        })?;
        Ok(Self { text: text.to_owned(), regex })
    }

    /// Whether a value fits; it has to be [`composed`].
    pub fn is_match(&self, value: &str) -> bool {
        self.regex.is_match(value)
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is a glob in which no character stands for others, so that it fits one text alone.
    pub fn is_bare(&self) -> bool {
        !self.text.starts_with(['/', '=']) && !self.text.contains(['*', '?', '['])
    }
}

impl HeaderPattern {
    /// Reads `X-Mailer: *1C*`.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let (name, pattern) = text.split_once(':').ok_or(PatternError::Form)?;
        let (name, pattern) = (name.trim(), pattern.trim());
        if name.is_empty() || pattern.is_empty() {
            return Err(PatternError::Form);
        }
        if !name.bytes().all(|byte| matches!(byte, b'!'..=b'~')) {
            return Err(PatternError::Name);
        }
        Ok(Self { name: name.to_owned(), pattern: ValuePattern::parse(pattern)? })
    }
}

/// A text in the form that patterns are compared in (NFC): macOS writes й in file names as two characters.
pub fn composed(text: &str) -> Cow<'_, str> {
    if is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

fn last_line(text: &str) -> String {
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    line.trim().trim_start_matches("error: ").to_owned()
}

impl fmt::Debug for ValuePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for ValuePattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for ValuePattern {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn three_notations_disregard_case_in_every_script() {
        let rows = [
            ("срочно", "СРОЧНО", true),
            ("срочно", "срочно!", false),
            ("*срочно*", "Re: Срочно!", true),
            ("заявка [0-9]*", "ЗАЯВКА 17", true),
            ("заявка [0-9]*", "заявка номер", false),
            ("счет?.pdf", "СЧЕТ7.PDF", true),
            ("a.b", "axb", false),
            ("*", "", true),
            ("=a*b [c]", "A*B [C]", true),
            ("=a*b [c]", "axb c", false),
            ("=/etc/passwd", "/etc/passwd", true),
            ("==", "=", true),
            ("=", "", true),
            ("=", "x", false),
            ("/СРОЧНО/", "очень срочно", true),
            ("/^срочно$/", "СРОЧНО", true),
            ("/^срочно$/", "очень срочно", false),
            ("/сч[её]т №? ?\\d+/", "Счёт № 15", true),
            ("/a/b/", "xa/by", true),
            ("/\\bнасос\\b/", "два НАСОС,", true),
            ("/\\bнасос\\b/", "насосы", false),
        ];
        for (pattern, value, expected) in rows {
            assert_eq!(ValuePattern::parse(pattern).unwrap().is_match(value), expected, "{pattern} {value}");
        }
    }

    #[test]
    fn a_glob_may_begin_with_a_slash() {
        let rows = [
            ("/pumps*", "/pumps/1", true),
            ("/Насосы/", "/насосы/", true),
            ("/pumps/", "/a/pumps/b", false),
            ("/p[uo]mps", "/pomps", true),
            ("*.html", "/a.html", true),
            ("=", "=", true),
        ];
        for (pattern, value, expected) in rows {
            let parsed = ValuePattern::glob(pattern).unwrap();
            assert_eq!((parsed.is_match(value), parsed.as_str()), (expected, pattern), "{pattern} {value}");
        }
        let errors = ["", "/a[", "/[z-a]"].map(|text| ValuePattern::glob(text).unwrap_err());
        assert_eq!(errors, [PatternError::Empty, PatternError::Class, PatternError::Class]);
    }

    #[test]
    fn both_spellings_of_a_letter_are_one() {
        let (whole, parts) = ("Счёт за май.pdf", "Сче\u{308}т за маи\u{306}.pdf");
        for pattern in [whole, parts, "*май.pdf", "/маи\u{306}/"] {
            for value in [whole, parts] {
                assert!(ValuePattern::parse(pattern).unwrap().is_match(&composed(value)), "{pattern} {value}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let why = |text: &str| ValuePattern::parse(text).unwrap_err();
        let rows = [
            ("", PatternError::Empty),
            ("/", PatternError::Open),
            ("//", PatternError::Open),
            ("/abc", PatternError::Open),
            ("[z-a]", PatternError::Class),
            ("a[", PatternError::Class),
            ("*[внешнее", PatternError::Class),
            ("[]", PatternError::Class),
            ("/(/", PatternError::Regex("unclosed group".into())),
            ("/a{2,1}/", PatternError::Regex("invalid repetition count range, the start must be <= the end".into())),
            (
                "/(?=a)/",
                PatternError::Regex("look-around, including look-ahead and look-behind, is not supported".into()),
            ),
            ("/\\w{50}/", PatternError::Large),
            ("/((((a{99}){99}){99}){99})/", PatternError::Large),
        ];
        for (text, expected) in rows {
            assert_eq!(why(text), expected, "{text}");
        }
        assert_eq!(why(&"я".repeat(1025)), PatternError::Long);
        assert!(ValuePattern::parse(&"я".repeat(1024)).is_ok());
        assert!(ValuePattern::parse("/заказ \\w{16}/").is_ok());
        let why = |text: &str| HeaderPattern::parse(text).unwrap_err();
        assert_eq!([why("X-Mailer"), why("X-Mailer:"), why(": x")], [(); 3].map(|()| PatternError::Form));
        assert_eq!([why("X Mailer: x"), why("Тема: x")], [(); 2].map(|()| PatternError::Name));
        assert_eq!(why("X-Mailer: /("), PatternError::Open);
    }

    #[test]
    fn only_a_glob_without_wildcards_is_bare() {
        let rows = [("срочно", true), ("*срочно", false), ("=срочно", false), ("/срочно/", false), ("a[bc]", false)];
        for (text, expected) in rows {
            assert_eq!(ValuePattern::parse(text).unwrap().is_bare(), expected, "{text}");
        }
    }

    #[test]
    fn patterns_that_take_other_engines_for_ever_take_no_time() {
        let value = format!("{}!", "a".repeat(LONGEST));
        let stars = "*a".repeat(100);
        for pattern in ["/^(a+)+$/", "/^(a|aa)+$/", "/(.*)*b/", "/^(([a-z])+.)+[A-Z]([a-z])+$/", stars.as_str()] {
            let pattern = ValuePattern::parse(pattern).unwrap();
            let began = std::time::Instant::now();
            pattern.is_match(&value);
            assert!(began.elapsed() < std::time::Duration::from_secs(2), "{pattern:?} took {:?}", began.elapsed());
        }
    }

    proptest! {
        #[test]
        fn no_pattern_and_no_value_panics(pattern in "\\PC{0,60}", value in any::<String>()) {
            for pattern in [pattern.clone(), format!("/{pattern}/"), format!("={pattern}"), format!("X: {pattern}")] {
                if let Ok(pattern) = ValuePattern::parse(&pattern) {
                    pattern.is_match(&composed(&value));
                }
                let _unused = HeaderPattern::parse(&pattern);
            }
        }

        #[test]
        fn a_text_fits_itself_in_any_case(text in "\\PC{1,60}") {
            let literal = ValuePattern::parse(&format!("={text}")).unwrap();
            prop_assert!(literal.is_match(&composed(&text)));
            let russian = ValuePattern::parse("=Щит на М11, ё").unwrap();
            prop_assert!(russian.is_match("ЩИТ НА М11, Ё"));
        }

        #[test]
        fn no_pattern_is_slow_on_any_value(
            pattern in "[a-c.*+?|()\\[\\]{}0-9^$\\\\]{1,40}",
            value in "[a-c]{500,1024}",
        ) {
            if let Ok(pattern) = ValuePattern::parse(&format!("/{pattern}/")) {
                let began = std::time::Instant::now();
                pattern.is_match(&value);
                prop_assert!(began.elapsed() < std::time::Duration::from_secs(2), "{:?}", pattern);
            }
        }
    }
}
