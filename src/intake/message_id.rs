//! Message-IDs as the store knows them.

use super::{read::first_id, sha256};
use crate::{lead::limit, store::MessageDigest, text::bounded};

/// The digest of a Message-ID as letters have it.
pub(super) fn digest(message_id: &str) -> MessageDigest {
    let mut out = MessageDigest::default();
    out.iter_mut().zip(sha256::of(message_id.as_bytes())).for_each(|(out, octet)| *out = octet);
    out
}

/// The digest of a Message-ID as other systems write it: with angle brackets or without.
pub fn message_digest(told: &str) -> MessageDigest {
    let told = told.trim();
    let whole = if told.starts_with('<') { told.to_owned() } else { format!("<{told}>") };
    digest(&first_id(&whole).or_else(|| bounded(told, limit::TEXT)).unwrap_or_default())
}
