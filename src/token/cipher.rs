//! FF1 over ten numerals of base 32, held in one number: the library's own numerals are lists of big integers.

use aes::Aes256;
use fpe::ff1::{FF1, NumeralString, Operations};
use sha2::{Digest, Sha256};

use super::{ALPHABET, CHECK_BITS, Claim, KEY, KeyMark, SYMBOLS, Token, VisitId};

/// Separates this use of a key from any other.
pub(super) const TWEAK: &[u8] = b"leadmilter token 1";

/// One key, ready to be used.
pub(super) struct Key {
    pub(super) cipher: FF1<Aes256>,
    pub(super) mark: KeyMark,
}

impl Key {
    /// `None` if it has not [`KEY`] octets.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        if key.len() != KEY {
            return None;
        }
        let digest = Sha256::new().chain_update(TWEAK).chain_update(key).finalize();
        let mark = u16::from_be_bytes([*digest.first()?, *digest.get(1)?]);
        Some(Self { cipher: FF1::new(key, u32::try_from(ALPHABET.len()).ok()?).ok()?, mark: KeyMark(mark) })
    }

    /// The token of a visit.
    pub(super) fn encipher(&self, id: VisitId) -> Option<Token> {
        if id.0 >= VisitId::END {
            return None;
        }
        Token::of(self.cipher.encrypt(TWEAK, &Block(id.0 << CHECK_BITS)).ok()?)
    }

    /// What a token says, if it was made under this key.
    pub(super) fn decipher(&self, token: Token) -> Option<Claim> {
        let Block(plain) = self.cipher.decrypt(TWEAK, &token.block()?).ok()?;
        let is_ours = plain.trailing_zeros() >= CHECK_BITS;
        is_ours.then_some(Claim { id: VisitId(plain >> CHECK_BITS), key: self.mark })
    }
}

/// Ten numerals of base 32 as one number, the first one highest.
#[derive(Clone, Copy)]
pub(super) struct Block(pub(super) u64);

/// Five of them.
#[derive(Clone, Copy)]
pub(super) struct Half(u32);

/// Bits of a half.
const HALF: u32 = 25;

impl NumeralString for Block {
    type Ops = Half;

    fn is_valid(&self, _: u32) -> bool {
        self.0 >> (2 * HALF) == 0
    }

    fn numeral_count(&self) -> usize {
        SYMBOLS
    }

    fn split(&self) -> (Half, Half) {
        let half = |bits: u64| Half(u32::try_from(bits & ((1 << HALF) - 1)).unwrap_or_default());
        (half(self.0 >> HALF), half(self.0))
    }

    fn concat(a: Half, b: Half) -> Self {
        Self((u64::from(a.0) << HALF) | u64::from(b.0))
    }
}

impl Operations for Half {
    type Bytes = [u8; 4];

    fn numeral_count(&self) -> usize {
        SYMBOLS / 2
    }

    fn to_be_bytes(&self, _: u32, _: usize) -> [u8; 4] {
        self.0.to_be_bytes()
    }

    fn add_mod_exp(self, other: impl Iterator<Item = u8>, _: u32, _: usize) -> Self {
        Self(self.0.wrapping_add(low_bits(other)) & ((1 << HALF) - 1))
    }

    fn sub_mod_exp(self, other: impl Iterator<Item = u8>, _: u32, _: usize) -> Self {
        Self(self.0.wrapping_sub(low_bits(other)) & ((1 << HALF) - 1))
    }
}

/// The last four octets of a number: the modulus is a power of two, so the others do not count.
fn low_bits(octets: impl Iterator<Item = u8>) -> u32 {
    octets.fold(0, |bits, octet| (bits << 8) | u32::from(octet))
}

#[cfg(test)]
mod tests {
    use fpe::ff1::FlexibleNumeralString;

    use super::*;

    #[test]
    fn the_cipher_is_the_one_of_the_library() {
        let key = Key::new(&[7; KEY]).unwrap();
        let reference = FF1::<Aes256>::new(&[7; KEY], 32).unwrap();
        for id in [0, 1, 2, 4711, VisitId::END - 1] {
            let plain = id << CHECK_BITS;
            let numerals: Vec<u16> = (0..10).rev().map(|at| ((plain >> (5 * at)) & 31) as u16).collect();
            let enciphered = reference.encrypt(TWEAK, &FlexibleNumeralString::from(numerals)).unwrap();
            let expected: String = Vec::<u16>::from(enciphered)
                .into_iter()
                .map(|numeral| char::from(ALPHABET[usize::from(numeral)]))
                .collect();
            assert_eq!(key.encipher(VisitId(id)).unwrap().as_str(), expected, "{id}");
        }
    }
}
