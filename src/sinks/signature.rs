//! Signatures after Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.body`, scheme `v1`.
//!
//! Given the secrets of a sink, newest first; gives back the value of `webhook-signature`, in which every secret has
//! signed, so that a receiver can change its own copy at any time while two are in use. Also makes new secrets.
//! Shows no secret in errors or debug prints.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::SinkError;
use crate::secret::Secret;

/// What the text form of a secret begins with.
pub const SECRET_PREFIX: &str = "whsec_";

/// Standard Webhooks asks for 24 to 64 bytes; as long as the digest is the natural choice.
const SECRET_BYTES: usize = 32;

/// Signs with every secret of one sink.
#[derive(Clone)]
pub struct Signer {
    keys: Vec<Hmac<Sha256>>,
}

impl Signer {
    /// Prepares the keys; `None` if a secret cannot be one.
    pub fn new(secrets: &[Secret]) -> Option<Self> {
        let keys = secrets.iter().map(|secret| Hmac::new_from_slice(secret.reveal()));
        Some(Self { keys: keys.collect::<Result<_, _>>().ok()? })
    }

    /// The value of `webhook-signature`: one `v1,…` for each secret, in their order.
    pub fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        let signed = self.keys.iter().map(|key| {
            let mut mac = key.clone();
            mac.update(format!("{id}.{timestamp}.").as_bytes());
            mac.update(body.as_bytes());
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        });
        signed.collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({} keys)", self.keys.len())
    }
}

/// A new secret in its text form: `whsec_` and 32 random bytes in base64.
pub fn new_secret() -> Result<String, SinkError> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(SinkError::Random)?;
    Ok(format!("{SECRET_PREFIX}{}", STANDARD.encode(bytes)))
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
            let signer = Signer::new(&[secret(key)]).unwrap();
            assert_eq!(signer.sign(id, timestamp, body), expected, "{id}");
        }
    }

    #[test]
    fn every_secret_signs_newest_first() {
        let new = secret("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
        let old = secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let alone = |key: &Secret| Signer::new(std::slice::from_ref(key)).unwrap().sign("id", 1, "{}");
        let both = Signer::new(&[new.clone(), old.clone()]).unwrap().sign("id", 1, "{}");
        assert_eq!(both, format!("{} {}", alone(&new), alone(&old)));
    }

    #[test]
    fn a_new_secret_is_read_by_a_foreign_verifier_and_never_twice_the_same() {
        let (one, two) = (new_secret().unwrap(), new_secret().unwrap());
        assert_ne!(one, two);
        assert_eq!(secret(&one).reveal().len(), 32);
        let foreign = standardwebhooks::Webhook::new(&one).unwrap();
        let signed = Signer::new(&[secret(&one)]).unwrap().sign("id", 1, "{}");
        assert_eq!(foreign.sign("id", 1, b"{}").unwrap(), signed);
    }

    #[test]
    fn never_prints_its_keys() {
        assert_eq!(format!("{:?}", Signer::new(&[Secret::new(b"hunter2".to_vec())]).unwrap()), "Signer(1 keys)");
    }
}
