//! Requests that are signed after Standard Webhooks 1.0.0: whether one comes from who knows a secret, and comes now.

use std::time::Duration;

use crate::{clock::Millis, secret::Secret, sinks::signature::is_signed};

/// How far the sender's clock may be from ours, as the libraries of Standard Webhooks have it.
const TOLERANCE: Duration = Duration::from_secs(300);

/// Characters of an id at most.
const LONGEST: usize = 256;

/// What the three headers say.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// `webhook-id`
    pub id: &'a str,
    /// `webhook-timestamp`
    pub timestamp: &'a str,
    /// `webhook-signature`
    pub signature: &'a str,
}

impl Signed<'_> {
    /// Whether the headers are such that the body is worth reading; says what is wrong with them.
    pub fn is_due(&self, now: Millis) -> Result<(), &'static str> {
        // With a point in it, another message could have the same signature.
        if self.id.is_empty() || self.id.len() > LONGEST || self.id.contains('.') {
            return Err("webhook-id is no id of 1 to 256 characters without a point");
        }
        let is_number = !self.timestamp.is_empty() && self.timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let at = self.timestamp.parse().ok().filter(|_| is_number).map(Millis::from_seconds);
        let at = at.ok_or("webhook-timestamp is no number of seconds since 1970")?;
        if at.until(now).max(now.until(at)) > TOLERANCE {
            return Err("webhook-timestamp is more than five minutes from now: sign each attempt anew");
        }
        Ok(())
    }

    /// Whether one of the secrets has signed the body.
    pub fn is_by(&self, secrets: &[Secret], body: &[u8]) -> bool {
        is_signed(secrets, self.id, self.timestamp, body, self.signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, engine::general_purpose::STANDARD};

    const SECRETS: [&str; 2] = ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];

    #[test]
    fn what_a_foreign_library_signs_is_believed_and_nothing_else() {
        let secret = |text: &str| Secret::new(STANDARD.decode(text.strip_prefix("whsec_").unwrap()).unwrap());
        let secrets = SECRETS.map(secret);
        let sign = |secret: &str, body: &[u8]| {
            standardwebhooks::Webhook::new(secret).unwrap().sign("msg_1", 1_795_321_570, body).unwrap()
        };
        let by = |signature: &str, secrets: &[Secret], body: &[u8]| {
            Signed { id: "msg_1", timestamp: "1795321570", signature }.is_by(secrets, body)
        };
        let body = "[{\"stage\": \"Оплачено\"}]".as_bytes();
        let [new, old] = SECRETS.map(|secret| sign(secret, body));
        for (signature, secrets, is) in [
            (new.clone(), &secrets[..], true),
            (old.clone(), &secrets, true),
            (format!("v1a,AAAA v1,AAAA {old}"), &secrets, true),
            (new.clone(), &secrets[1..], false),
            (new.clone(), &[], false),
            (new.replace("v1,", "v2,"), &secrets, false),
            (new.replace("v1,", ""), &secrets, false),
            (String::new(), &secrets, false),
        ] {
            assert_eq!(by(&signature, secrets, body), is, "{signature}");
        }
        assert!(!by(&new, &secrets, b"[]"));
    }

    #[test]
    fn a_signature_is_good_for_five_minutes_either_way() {
        let now = Millis::from_seconds(1_795_321_570);
        let due = |id: &str, timestamp: &str| Signed { id, timestamp, signature: "" }.is_due(now);
        for (timestamp, is) in [
            ("1795321570", true),
            ("1795321270", true),
            ("1795321870", true),
            ("1795321269", false),
            ("1795321871", false),
        ] {
            assert_eq!(due("msg_1", timestamp).is_ok(), is, "{timestamp}");
        }
        for timestamp in ["", "+1795321570", "1795321570.0", "now", "99999999999999999999"] {
            let told = "webhook-timestamp is no number of seconds since 1970";
            assert_eq!(due("msg_1", timestamp), Err(told), "{timestamp}");
        }
        for id in ["", "msg.1", &"x".repeat(257)] {
            assert!(due(id, "1795321570").is_err(), "{id}");
        }
    }
}
