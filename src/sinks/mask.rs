//! Keeps a sink's secret out of what is written down of its answers.
//!
//! Given the secret, and later a text that may hold it in one of the spellings that requests give it; gives back the
//! text without it. To be used before a text is cut to its length: half a secret is none to look for.

use std::fmt;

use serde_json::json;
use url::{Url, form_urlencoded};

/// What stands in the place of a secret.
const MASK: &str = "***";

/// The spellings of a secret.
#[derive(Clone, Default)]
pub struct Mask {
    /// The longest first, since one may be a part of another.
    spellings: Vec<String>,
}

impl Mask {
    /// A mask for a secret; an empty one is none.
    pub fn of(secret: &str) -> Self {
        if secret.is_empty() {
            return Self::default();
        }
        let quoted = json!(secret).to_string();
        let quoted = quoted.trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned();
        let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        // JSON of PHP.
        let escaped = quoted.replace('/', "\\/");
        let mut spellings = vec![secret.to_owned(), quoted, escaped, form, segment(secret)];
        spellings.retain(|spelling| !spelling.is_empty());
        spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
        spellings.dedup();
        Self { spellings }
    }

    /// The text without the secret.
    pub fn masked(&self, text: String) -> String {
        let holds = |text: &String, spelling: &String| text.contains(spelling.as_str());
        self.spellings.iter().fold(text, |text, spelling| {
            if holds(&text, spelling) { text.replace(spelling.as_str(), MASK) } else { text }
        })
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mask({} spellings)", self.spellings.len())
    }
}

/// As a segment of a path.
fn segment(secret: &str) -> String {
    let Ok(mut url) = Url::parse("http://localhost/") else { return String::new() };
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push(secret);
    }
    url.path().trim_start_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_secret_is_masked() {
        let mask = Mask::of("a/\"b& ж");
        let rows = [
            ("key a/\"b& ж.", "key ***."),
            (r#"{"key":"a/\"b& ж"}"#, r#"{"key":"***"}"#),
            (r#"{"key":"a\/\"b& ж"}"#, r#"{"key":"***"}"#),
            ("?k=a%2F%22b%26+%D0%B6&l=1", "?k=***&l=1"),
            ("/rest/a%2F%22b&%20%D0%B6/x", "/rest/***/x"),
            ("nothing of it", "nothing of it"),
        ];
        for (text, expected) in rows {
            assert_eq!(mask.masked(text.to_owned()), expected);
        }
        assert_eq!(Mask::of("").masked("any".to_owned()), "any");
        assert_eq!(format!("{mask:?}"), "Mask(5 spellings)");
    }
}
