//! Numbers of seven bits an octet, the lowest first (LEB128), for what is packed; numbers of either sign by zigzag.

/// Writes a number.
pub fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Reads the next number; none at the end, or if it is longer than any.
pub fn take(octets: &mut &[u8]) -> Option<u64> {
    let (first, rest) = octets.split_first()?;
    if first & 0x80 == 0 {
        *octets = rest;
        return Some(u64::from(*first));
    }
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (octet, rest) = octets.split_first()?;
        *octets = rest;
        value |= u64::from(octet & 0x7f) << shift;
        if octet & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Small numbers of either sign as small ones.
pub fn zigzag(value: i64) -> u64 {
    (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned()
}

/// What [`zigzag`] was given.
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(values: Vec<u64>, signed: i64) {
            let mut out = Vec::new();
            values.iter().for_each(|value| put(&mut out, *value));
            let mut rest = out.as_slice();
            let read: Vec<u64> = std::iter::from_fn(|| take(&mut rest)).collect();
            prop_assert_eq!(read, values);
            prop_assert_eq!(unzigzag(zigzag(signed)), signed);
        }
    }

    #[test]
    fn each_seven_bits_are_an_octet() {
        let mut out = Vec::new();
        [0, 127, 128, u64::MAX].into_iter().for_each(|value| put(&mut out, value));
        assert_eq!(out.len(), 1 + 1 + 2 + 10);
        assert_eq!(take(&mut [0x80].as_slice()), None);
        assert_eq!(take(&mut [0xff; 11].as_slice()), None);
    }
}
