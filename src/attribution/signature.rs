//! `X-Lead-Signature`: tells our headers from a forgery, on this host, on another of the fleet, in a helpdesk's rule.
//!
//! HMAC-SHA256 over the Message-ID and every other attribution header, so that headers copied from one letter into
//! another prove nothing. Relays fold lines anew, hence white space is taken as single blanks before it is signed.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::encode::field_body;
use super::headers::Field;
use crate::secret::Secret;

/// The header's name after the prefix.
pub(super) const NAME: &str = "Signature";

/// Names the method, so that it can change one day.
const METHOD: &str = "v1=";

/// What is signed beside the headers.
#[derive(Clone, Copy, Debug)]
pub struct Seal<'a> {
    /// First part of every attribution header.
    pub prefix: &'a str,
    /// The message that the headers belong to.
    pub message_id: Option<&'a str>,
}

/// The signature field of `fields`.
pub fn sign(key: &Secret, seal: Seal<'_>, fields: &[Field]) -> Field {
    let pairs = fields.iter().map(|field| (field.name.as_str(), field.body.as_str()));
    let value = format!("{METHOD}{}", URL_SAFE_NO_PAD.encode(mac(key, seal, pairs).finalize().into_bytes()));
    let name = format!("{}{NAME}", seal.prefix);
    let body = field_body(name.len(), &value);
    Field { name, body }
}

/// Whether `fields`, the message's attribution headers in their order, carry a valid signature of their own.
pub fn verify<'a>(key: &Secret, seal: Seal<'_>, fields: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> bool {
    let is_signature = |name: &str| {
        let tail = name.get(seal.prefix.len()..).unwrap_or_default();
        tail.eq_ignore_ascii_case(NAME)
    };
    let mut signatures = fields.clone().filter(|(name, _)| is_signature(name));
    let (Some((_, claimed)), None) = (signatures.next(), signatures.next()) else { return false };
    let Some(claimed) = claimed.trim().strip_prefix(METHOD).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()) else {
        return false;
    };
    let signed = fields.filter(|(name, _)| !is_signature(name));
    mac(key, seal, signed).verify_slice(&claimed).is_ok()
}

fn mac<'a>(key: &Secret, seal: Seal<'_>, fields: impl Iterator<Item = (&'a str, &'a str)>) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length (RFC 2104)")]
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.reveal()).expect("a key of any length");
    mac.update(b"leadmilter headers v1\n");
    mac.update(seal.message_id.unwrap_or_default().as_bytes());
    for (name, body) in fields {
        mac.update(b"\n");
        mac.update(name.to_ascii_lowercase().as_bytes());
        mac.update(b":");
        for (number, word) in body.split_ascii_whitespace().enumerate() {
            if number > 0 {
                mac.update(b" ");
            }
            mac.update(word.as_bytes());
        }
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEAL: Seal<'_> = Seal { prefix: "X-Lead-", message_id: Some("<1@client.example>") };

    fn signed() -> Vec<Field> {
        let field = |name: &str, body: &str| Field { name: name.into(), body: body.into() };
        let mut fields = vec![field("X-Lead-Id", "0193"), field("X-Lead-Tags", "a,\n b")];
        fields.push(sign(&key(), SEAL, &fields));
        fields
    }

    fn key() -> Secret {
        Secret::new(vec![7; 32])
    }

    fn holds(seal: Seal<'_>, fields: &[Field]) -> bool {
        verify(&key(), seal, fields.iter().map(|field| (field.name.as_str(), field.body.as_str())))
    }

    #[test]
    fn own_headers_are_recognised_after_refolding_and_case_changes() {
        let mut fields = signed();
        assert!(holds(SEAL, &fields));
        fields[1] = Field { name: "x-lead-tags".into(), body: "a,\n\t b".into() };
        assert!(holds(SEAL, &fields));
    }

    #[test]
    fn any_change_is_noticed() {
        let fields = signed();
        assert!(!holds(Seal { message_id: Some("<2@client.example>"), ..SEAL }, &fields), "another letter");
        assert!(!holds(SEAL, &fields[..2]), "no signature");
        assert!(!holds(SEAL, &fields[1..]), "a header less");
        let mut more = fields.clone();
        more.insert(0, Field { name: "X-Lead-Channel".into(), body: "forged".into() });
        assert!(!holds(SEAL, &more), "a header more");
        let mut twice = fields.clone();
        twice.push(fields[2].clone());
        assert!(!holds(SEAL, &twice), "two signatures");
        let mut garbage = fields;
        garbage[2].body = "v1=***".into();
        assert!(!holds(SEAL, &garbage), "no base64");
    }

    proptest! {
        #[test]
        fn no_strangers_fields_panic_or_hold(
            fields in proptest::collection::vec(
                ("X-Lead-(Id|Signature)|\\PC{0,12}", "v1=[a-zA-Z0-9_-]{42}[AEIMQUYcgkosw048]|(v1=)?\\PC{0,50}"),
                0..4,
            ),
            prefix in "X-Lead-|X-Lead-|\\PC{0,9}",
        ) {
            let fields: Vec<Field> = fields.into_iter().map(|(name, body)| Field { name, body }).collect();
            let seal = Seal { prefix: &prefix, message_id: None };
            prop_assert!(!holds(seal, &fields));
        }
    }
}
