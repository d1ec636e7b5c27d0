//! People who may look into the dashboard, and their sessions.
//!
//! Plain data; making a session asks the system for 256 random bits, and nothing else here does I/O. What a cookie says
//! is told once, to the browser; the store has its digest.

use std::{fmt, str::FromStr, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::{clock::Millis, language::Language, text};

/// Characters of a person's name at most.
const LONGEST_NAME: usize = 100;

/// Octets of what a cookie says.
const OCTETS: usize = 32;

/// How long a session lasts that nobody uses.
pub const IDLE: Duration = Duration::from_secs(12 * 3_600);

/// How long a session lasts that somebody uses all the time.
pub const LONGEST_SESSION: Duration = Duration::from_secs(7 * 86_400);

/// What a person may do; each may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look at reports and leads.
    Viewer,
    /// Correct what a message was taken for, send deliveries again, bring in costs.
    Editor,
    /// See who else may log in, the API's tokens and the audit log.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Editor, Self::Admin];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.map(Self::as_str).join(", ");
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| format!("there is no role {text:?}: there are {known}"))
    }
}

/// A person who may look into the dashboard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Person {
    /// What they log in as.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// What they read; that of the browser if they never said.
    pub language: Option<Language>,
    /// Whether they can log in with a password; who cannot is vouched for by a proxy.
    pub has_password: bool,
    /// When they were added.
    pub created_at: Millis,
}

/// A name as it is kept and compared: without blanks at its ends, on one line. `None` if that is no name.
pub fn person_name(text: &str) -> Option<String> {
    let name = text.trim();
    text::bounded(name, LONGEST_NAME).filter(|clean| clean == name)
}

/// What the cookie of a session hashes to.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionDigest([u8; 32]);

impl SessionDigest {
    /// The digest of what a browser shows; `None` if that is no session at all.
    pub fn of(shown: &str) -> Option<Self> {
        let octets = URL_SAFE_NO_PAD.decode(shown).ok()?;
        (octets.len() == OCTETS).then(|| Self(Sha256::digest(shown).into()))
    }

    pub(super) fn octets(&self) -> &[u8] {
        &self.0
    }
}

/// Makes a session: what its cookie says, and the digest of that.
pub fn make_session() -> Result<(String, SessionDigest), getrandom::Error> {
    let mut octets = [0; OCTETS];
    getrandom::fill(&mut octets)?;
    let text = URL_SAFE_NO_PAD.encode(octets);
    let digest = SessionDigest(Sha256::digest(&text).into());
    Ok((text, digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_known_by_its_digest_and_is_made_of_256_random_bits() {
        let (text, digest) = make_session().unwrap();
        assert_eq!(text.len(), 43);
        assert!(SessionDigest::of(&text).unwrap() == digest);
        assert!(make_session().unwrap().0 != text);
        for bad in ["", "a", &text.replacen(char::is_alphanumeric, "", 1), &format!("{text}A"), &"!".repeat(43)] {
            assert!(SessionDigest::of(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn names_are_one_clean_line_and_roles_have_names() {
        let rows = [
            (" anna ", Some("anna")),
            ("Анна Петрова", Some("Анна Петрова")),
            ("anna@company.ru", Some("anna@company.ru")),
            ("", None),
            ("a\nb", None),
            ("a\u{202e}b", None),
        ];
        for (text, expected) in rows {
            assert_eq!(person_name(text).as_deref(), expected, "{text:?}");
        }
        assert_eq!(person_name(&"x".repeat(101)), None);
        assert!(Role::ALL.iter().all(|role| role.to_string().parse() == Ok(*role)) && Role::ALL.is_sorted());
        assert_eq!("root".parse::<Role>().unwrap_err(), "there is no role \"root\": there are viewer, editor, admin");
    }
}
