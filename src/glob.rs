//! Patterns over header values, as the config spells them.
//!
//! A rule is `Name: pattern`; the pattern is a glob over the whole value, without regard to case: `*` for anything, `?`
//! for one character, `[5-9]` for one of a range. The engine matches in linear time, whatever pattern and value are.

use std::fmt;

use regex::{Regex, RegexBuilder};

/// A header's name and a pattern for its value.
#[derive(Clone)]
pub struct HeaderGlob {
    /// The field's name.
    pub name: String,
    text: String,
    pattern: Regex,
}

/// Why a rule cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderGlobError {
    /// There is no colon, or nothing before or behind it.
    #[error("it is not `Name: pattern`")]
    Form,
    /// The name is none of a header field.
    #[error("the part before the colon is no header name")]
    Name,
    /// The pattern cannot be read.
    #[error("the pattern cannot be read")]
    Pattern,
}

impl HeaderGlob {
    /// Reads `X-Spam-Flag: YES`.
    pub fn parse(text: &str) -> Result<Self, HeaderGlobError> {
        let (name, pattern) = text.split_once(':').ok_or(HeaderGlobError::Form)?;
        let (name, pattern) = (name.trim(), pattern.trim());
        if name.is_empty() || pattern.is_empty() {
            return Err(HeaderGlobError::Form);
        }
        if !name.bytes().all(|byte| matches!(byte, b'!'..=b'~')) {
            return Err(HeaderGlobError::Name);
        }
        let pattern = glob(pattern).ok_or(HeaderGlobError::Pattern)?;
        Ok(Self { name: name.to_owned(), text: text.trim().to_owned(), pattern })
    }
}

impl HeaderGlob {
    /// The rule as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a value of the header fits.
    pub fn is_match(&self, value: &str) -> bool {
        self.pattern.is_match(value)
    }
}

impl fmt::Debug for HeaderGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for HeaderGlob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// A glob over the whole value; the engine matches in linear time.
pub fn glob(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(&expression(pattern)?).case_insensitive(true).size_limit(1 << 20).build().ok()
}

/// A glob as a regular expression; `None` where a bracket is left open.
pub fn expression(pattern: &str) -> Option<String> {
    let mut expression = String::from("^(?s:");
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        match char {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            '[' => {
                let (class, rest) = chars.as_str().split_once(']')?;
                chars = rest.chars();
                expression.push('[');
                expression.push_str(&regex::escape(class).replace("\\-", "-"));
                expression.push(']');
            }
            other => expression.push_str(&regex::escape(&other.to_string())),
        }
    }
    expression.push_str(")$");
    Some(expression)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_values_in_any_case() {
        let rows = [
            ("YES", "yes", true),
            ("YES", "yes, score=7", false),
            ("Yes*", "YES, score=7.1 required=5.0", true),
            ("*SCL:[5-9];*", "CIP:1.2.3.4;SCL:9;SRV:", true),
            ("*SCL:[5-9];*", "CIP:1.2.3.4;SCL:1;SRV:", false),
            ("да?", "ДАЖ", true),
            ("a.b", "axb", false),
            ("*", "", true),
        ];
        for (pattern, value, expected) in rows {
            assert_eq!(glob(pattern).unwrap().is_match(value), expected, "{pattern} {value}");
        }
    }

    #[test]
    fn rules_that_cannot_be_read_say_why() {
        let why = |text: &str| HeaderGlob::parse(text).unwrap_err();
        assert_eq!(why("X-Spam-Flag"), HeaderGlobError::Form);
        assert_eq!(why("X-Spam-Flag:"), HeaderGlobError::Form);
        assert_eq!(why("X Spam: YES"), HeaderGlobError::Name);
        assert_eq!(why("X-Spam: [z-a]"), HeaderGlobError::Pattern);
        assert_eq!(why("X-Spam: *[5-9"), HeaderGlobError::Pattern);
    }
}
