//! Readers of patterns: values, header fields, paths.
//!
//! Given the text of a value; gives back the compiled pattern, or why it is refused and what to write. Knows no key.

use super::fault::Wrong;
use crate::pattern::{HeaderPattern, PatternError, ValuePattern};

/// A pattern for a value in any of its notations.
pub(super) fn value(text: &str) -> Result<ValuePattern, Wrong> {
    ValuePattern::parse(text).map_err(|e| wrong(text, &e))
}

/// A header's name and a pattern for its value.
pub(super) fn header(text: &str) -> Result<HeaderPattern, Wrong> {
    HeaderPattern::parse(text).map_err(|e| wrong(text, &e))
}

/// A pattern for the path of a page.
pub(super) fn path(text: &str) -> Result<ValuePattern, Wrong> {
    if !text.starts_with(['/', '*', '?', '[']) {
        let remedy = "begin it with /, as \"/pumps*\", or with * for any beginning";
        return Err(Wrong::value(text, "fits no path: it does not begin with /", remedy));
    }
    if text.contains(['^', '\\', '|']) {
        let remedy = "write it with * for anything and ? for one character";
        return Err(Wrong::value(text, "looks like a regular expression, which nobody can tell from a path", remedy));
    }
    ValuePattern::glob(text)
        .map_err(|e| Wrong::value(text, &format!("is no path: {e}"), "write one with * for anything, as \"/pumps*\""))
}

fn wrong(text: &str, error: &PatternError) -> Wrong {
    let remedy = match error {
        PatternError::Empty => "write a pattern, or leave it out; \"=\" fits what is empty",
        PatternError::Long | PatternError::Large => "make two rules of it, or write it shorter",
        PatternError::Open => "close it with /, or put = before it if the text begins with /",
        PatternError::Class => "write one as \"[0-9]\", or put = before the pattern if it stands for itself",
        PatternError::Regex(_) => "correct it, or put = before it if it stands for itself",
        PatternError::Form | PatternError::Name => "write it as \"X-Mailer: *1C*\"",
    };
    Wrong::value(text, &format!("is no pattern: {error}"), remedy)
}
