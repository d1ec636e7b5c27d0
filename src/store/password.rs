//! Passwords of people: Argon2id (RFC 9106) with the first parameters that OWASP advises, 19 MiB and two passes.
//!
//! Given a password, gives back what is kept of it, or says whether it is the one. Either takes tens of milliseconds of one
//! processor, by design: not for a thread that others wait for.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};

/// Characters of a password at least (NIST SP 800-63B, section 3.1.1.2, asks for 8 beside nothing else; we ask for more).
pub const SHORTEST_PASSWORD: usize = 10;

/// Octets of a password at most: what is hashed is what was sent, and nobody waits for a hash of a megabyte.
pub const LONGEST_PASSWORD: usize = 1024;

/// What is kept where there is no person of a name: verifying takes as long as for one that there is.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IG5vYm9keQ$lAXcpvSRFVd5f7rIGG8OvHkwC5cF1Ho8xIaZFEqnGHo";

/// What is kept of a password: a PHC string with a salt of its own.
pub fn hash_password(password: &str) -> Result<String, argon2::password_hash::Error> {
    Ok(Argon2::default().hash_password(password.as_bytes())?.to_string())
}

/// Whether this is the password of which `kept` was kept; `None` for a person who is not there or has none takes as long,
/// and never is.
pub fn is_password(password: &str, kept: Option<&str>) -> bool {
    let Ok(hash) = PasswordHash::new(kept.unwrap_or(NOBODY)) else { return false };
    let fits = Argon2::default().verify_password(password.as_bytes(), &hash).is_ok();
    fits && kept.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_what_is_kept_of_it() {
        let kept = hash_password("correct horse").unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(is_password("correct horse", Some(&kept)));
        assert!(!is_password("correct horses", Some(&kept)));
        assert!(!is_password("correct horse", Some("plain text")) && !is_password("", Some("")));
        assert!(hash_password("correct horse").unwrap() != kept);
    }

    #[test]
    fn nobody_costs_as_much_as_somebody_and_has_no_password() {
        let hash = PasswordHash::new(NOBODY).unwrap();
        let of_ours = hash_password("x").unwrap();
        let ours = PasswordHash::new(&of_ours).unwrap();
        assert_eq!((&hash.algorithm, hash.version, &hash.params), (&ours.algorithm, ours.version, &ours.params));
        assert_eq!(hash.hash.unwrap().len(), ours.hash.unwrap().len());
        assert!(!is_password("nobody", None) && !is_password("", None));
    }
}
