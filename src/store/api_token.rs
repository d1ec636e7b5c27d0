//! Tokens of the HTTP API: what one may do, and what is kept of it.
//!
//! A token is shown once, to whoever made it; the store has its digest. Plain data; making one asks the system for 256
//! random bits, and nothing else here does I/O.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::clock::Millis;

/// What a token begins with, for whoever finds one in a log or a repository.
const PREFIX: &str = "lm_";

/// Octets of a token.
const OCTETS: usize = 32;

/// Hexadecimal digits of a token's id.
const ID: usize = 16;

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Have addresses issued.
    Addresses,
    /// Ask what an address resolves to.
    Resolve,
    /// Bring in costs.
    Costs,
    /// Say what became of leads.
    Outcomes,
    /// Read reports.
    Reports,
    /// Read leads, and who wrote them.
    Leads,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 6] =
        [Self::Addresses, Self::Resolve, Self::Costs, Self::Outcomes, Self::Reports, Self::Leads];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Addresses => "addresses",
            Self::Resolve => "resolve",
            Self::Costs => "costs",
            Self::Outcomes => "outcomes",
            Self::Reports => "reports",
            Self::Leads => "leads",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            format!("there is no scope {text:?}: there are {known}")
        })
    }
}

/// What a token hashes to.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest of what a client shows; `None` if that is no token at all.
    pub fn of(shown: &str) -> Option<Self> {
        let coded = shown.strip_prefix(PREFIX)?;
        let octets = URL_SAFE_NO_PAD.decode(coded).ok()?;
        (octets.len() == OCTETS).then(|| Self(Sha256::digest(shown).into()))
    }

    /// What people call the token by, which opens nothing.
    pub fn id(&self) -> String {
        self.0.iter().take(ID / 2).map(|octet| format!("{octet:02x}")).collect()
    }

    /// Whether both are the same, in a time that says nothing of where they differ.
    pub fn is(&self, stored: &[u8]) -> bool {
        let differing = self.0.iter().zip(stored).fold(0, |differing, (one, other)| differing | (one ^ other));
        std::hint::black_box(differing) == 0 && stored.len() == self.0.len()
    }

    pub(super) fn octets(&self) -> &[u8] {
        &self.0
    }
}

/// Makes a token: its text, which nobody can be told again, and its digest.
pub fn make_token() -> Result<(String, TokenDigest), getrandom::Error> {
    let mut octets = [0; OCTETS];
    getrandom::fill(&mut octets)?;
    let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(octets));
    let digest = TokenDigest(Sha256::digest(&text).into());
    Ok((text, digest))
}

/// What is kept of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApiToken {
    /// What people call it by.
    pub id: String,
    /// What its maker called it.
    pub name: Option<String>,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Millis,
    /// From when on it opens nothing; `None` for never.
    pub expires_at: Option<Millis>,
    /// When it was last shown, within a minute.
    pub last_used_at: Option<Millis>,
}

impl ApiToken {
    /// Whether it opens nothing any more.
    pub fn is_expired(&self, now: Millis) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_digest_and_is_made_of_256_random_bits() {
        let (text, digest) = make_token().unwrap();
        assert!(text.len() == 46 && text.starts_with("lm_"));
        let known = TokenDigest::of(&text).unwrap();
        assert!(known == digest && known.is(digest.octets()));
        assert_eq!((digest.id().len(), digest.id()), (ID, known.id()));
        let (other, other_digest) = make_token().unwrap();
        assert!(other != text && !known.is(other_digest.octets()) && !known.is(&digest.octets()[..31]));
    }

    #[test]
    fn what_is_no_token_has_no_digest() {
        let good = format!("lm_{}", "A".repeat(43));
        assert_eq!(TokenDigest::of(&good).unwrap().id(), "d5b9ccf8bb2e0e50");
        let (short, long) = (good.trim_end_matches("AA"), format!("{good}A"));
        for bad in ["", "lm_", short, &long, &good.replace('A', "+"), &good.replace("lm_", ""), "Bearer lm_x"] {
            assert!(TokenDigest::of(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn scopes_have_names() {
        for scope in Scope::ALL {
            assert_eq!(scope.to_string().parse(), Ok(scope));
        }
        let told = "admin".parse::<Scope>().unwrap_err();
        assert_eq!(told, "there is no scope \"admin\": there are addresses, resolve, costs, outcomes, reports, leads");
    }
}
