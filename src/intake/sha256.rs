//! SHA-256 of what store and events know by its digest alone.
//!
//! By ring, which TLS brings along: on a processor without SHA instructions a dedupe key took it 70 % of the time of a
//! library in plain Rust, and digests are the dearest step of a letter's way.

use ring::digest::{SHA256, digest};

/// The digest.
pub fn of(octets: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, octets).as_ref());
    out
}

/// The digest in hexadecimal, lower case.
pub fn hex(octets: &[u8]) -> String {
    let digits = of(octets).into_iter().flat_map(|octet| [octet >> 4, octet & 15]);
    digits.map(|digit| char::from_digit(digit.into(), 16).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_digest_of_the_standard_comes_out() {
        // FIPS 180-4, one block.
        assert_eq!(hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    proptest! {
        #[test]
        fn keys_of_old_stores_stay_what_they_were(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(of(&octets), <[u8; 32]>::from(Sha256::digest(&octets)));
        }
    }
}
