//! Signatures after Standard Webhooks 1.0.0 over `id.timestamp.body`: HMAC-SHA256 (scheme `v1`), and Ed25519 (`v1a`) if the
//! sink has such a key.
//!
//! Given the secrets of a sink, newest first; gives back the value of `webhook-signature`, in which every secret has
//! signed, so that a receiver can change its own copy at any time while two are in use. Also makes new secrets and keys.
//! Shows no secret in errors or debug prints.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use ring::signature::{Ed25519KeyPair, KeyPair};
use sha2::Sha256;

use super::SinkError;
use crate::secret::Secret;

/// What the text form of a secret begins with.
pub const SECRET_PREFIX: &str = "whsec_";

/// Standard Webhooks asks for 24 to 64 bytes; as long as the digest is the natural choice.
const SECRET_BYTES: usize = 32;

/// What the text forms of a private and a public key begin with.
const PRIVATE_PREFIX: &str = "whsk_";
const PUBLIC_PREFIX: &str = "whpk_";

/// Signs with every secret and key of one sink.
pub struct Signer {
    secrets: Vec<Hmac<Sha256>>,
    keys: Vec<Ed25519KeyPair>,
}

impl Signer {
    /// Prepares secrets and Ed25519 seeds; `None` if one of them cannot be a key.
    pub fn new(secrets: &[Secret], seeds: &[Secret]) -> Option<Self> {
        let secrets = secrets.iter().map(|secret| Hmac::new_from_slice(secret.reveal()));
        let keys = seeds.iter().map(|seed| Ed25519KeyPair::from_seed_unchecked(seed.reveal()));
        Some(Self { secrets: secrets.collect::<Result<_, _>>().ok()?, keys: keys.collect::<Result<_, _>>().ok()? })
    }

    /// The value of `webhook-signature`: one `v1,…` for each secret, then one `v1a,…` for each key, in their order.
    pub fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        let head = format!("{id}.{timestamp}.");
        let mut signatures = Vec::with_capacity(self.secrets.len() + self.keys.len());
        for secret in &self.secrets {
            let mut mac = secret.clone();
            mac.update(head.as_bytes());
            mac.update(body.as_bytes());
            signatures.push(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
        }
        if !self.keys.is_empty() {
            let signed = [head.as_bytes(), body.as_bytes()].concat();
            signatures.extend(self.keys.iter().map(|key| format!("v1a,{}", STANDARD.encode(key.sign(&signed)))));
        }
        signatures.join(" ")
    }
}

/// Whether one of the signatures, as `webhook-signature` has them, is of one of the secrets; other schemes are passed over.
/// Takes the same time wherever a signature differs.
pub fn is_signed(secrets: &[Secret], id: &str, timestamp: &str, body: &[u8], signatures: &str) -> bool {
    let given = || signatures.split(' ').filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok());
    secrets.iter().filter_map(|secret| Hmac::<Sha256>::new_from_slice(secret.reveal()).ok()).any(|mut mac| {
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        given().any(|signature| mac.clone().verify_slice(&signature).is_ok())
    })
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({} secrets, {} keys)", self.secrets.len(), self.keys.len())
    }
}

/// A new secret in its text form: `whsec_` and 32 random bytes in base64.
pub fn new_secret() -> Result<String, SinkError> {
    Ok(format!("{SECRET_PREFIX}{}", STANDARD.encode(random()?)))
}

/// A new Ed25519 key in its text form: `whsk_` and the base64 of seed and public key.
pub fn new_key() -> Result<String, SinkError> {
    let seed = random()?;
    let public = public_of(&seed).unwrap_or_default();
    Ok(format!("{PRIVATE_PREFIX}{}", STANDARD.encode([seed.as_slice(), &public].concat())))
}

/// The public key to give to a receiver, `whpk_…`; `None` if the text is no private key.
pub fn public_key(private: &str) -> Option<String> {
    let bytes = STANDARD.decode(private.strip_prefix(PRIVATE_PREFIX)?).ok()?;
    let public = public_of(bytes.get(..SECRET_BYTES)?)?;
    Some(format!("{PUBLIC_PREFIX}{}", STANDARD.encode(public)))
}

fn public_of(seed: &[u8]) -> Option<Vec<u8>> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
    Some(pair.public_key().as_ref().to_vec())
}

fn random() -> Result<[u8; SECRET_BYTES], SinkError> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(SinkError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(STANDARD.decode(text.strip_prefix(SECRET_PREFIX).unwrap()).unwrap())
    }

    #[test]
    fn signs_as_the_published_vectors() {
        let rows = [
            (
                "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                1_649_367_553,
                r#"{"email":"test@example.com","username":"test_user"}"#,
                "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            ),
            (
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#,
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
        ];
        for (key, id, timestamp, body, expected) in rows {
            let signer = Signer::new(&[secret(key)], &[]).unwrap();
            assert_eq!(signer.sign(id, timestamp, body), expected, "{id}");
        }
    }

    #[test]
    fn every_secret_signs_newest_first() {
        let new = secret("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
        let old = secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let alone = |key: &Secret| Signer::new(std::slice::from_ref(key), &[]).unwrap().sign("id", 1, "{}");
        let both = Signer::new(&[new.clone(), old.clone()], &[]).unwrap().sign("id", 1, "{}");
        assert_eq!(both, format!("{} {}", alone(&new), alone(&old)));
    }

    #[test]
    fn a_new_secret_is_read_by_a_foreign_verifier_and_never_twice_the_same() {
        let (one, two) = (new_secret().unwrap(), new_secret().unwrap());
        assert_ne!(one, two);
        assert_eq!(secret(&one).reveal().len(), 32);
        let foreign = standardwebhooks::Webhook::new(&one).unwrap();
        let signed = Signer::new(&[secret(&one)], &[]).unwrap().sign("id", 1, "{}");
        assert_eq!(foreign.sign("id", 1, b"{}").unwrap(), signed);
    }

    #[test]
    fn a_key_signs_as_the_published_vector_beside_the_secret() {
        let pair = "6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
        let seed = Secret::new(STANDARD.decode(pair).unwrap()[..32].to_vec());
        let signer = Signer::new(&[secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")], &[seed]).unwrap();
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";
        let body = r#"{"test": 2432232314}"#;
        assert_eq!(signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body), expected);
        let public = STANDARD.encode(&STANDARD.decode(pair).unwrap()[32..]);
        assert_eq!(public_key(&format!("whsk_{pair}")), Some(format!("whpk_{public}")));
    }

    #[test]
    fn a_new_key_is_read_back_with_its_public_half() {
        let (one, two) = (new_key().unwrap(), new_key().unwrap());
        assert_ne!(one, two);
        let bytes = STANDARD.decode(one.strip_prefix("whsk_").unwrap()).unwrap();
        assert_eq!(bytes.len(), 64);
        assert_eq!(public_key(&one), Some(format!("whpk_{}", STANDARD.encode(&bytes[32..]))));
        assert_eq!(public_key("whsec_AAAA"), None);
    }

    #[test]
    fn never_prints_its_keys() {
        let signer = Signer::new(&[Secret::new(b"hunter2".to_vec())], &[Secret::new(vec![7; 32])]).unwrap();
        assert_eq!(format!("{signer:?}"), "Signer(1 secrets, 1 keys)");
    }
}
