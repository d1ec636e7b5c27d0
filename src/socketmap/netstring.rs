//! Netstrings (`5:hello,`), in which socket maps are asked and answered.
//!
//! Given octets as they come, in whatever pieces; gives back each payload once it is whole. Of a long payload only the
//! beginning is kept, so a peer costs little memory whatever it sends. Does no I/O, and no octets panic.

/// Octets of a payload at most: the bound of socketmap_table(5).
const LONGEST: usize = 100_000;

/// Octets of a payload that are kept: more than the name of a map and an address can have.
pub const KEPT: usize = 1024;

/// What came is no netstring, and there is no telling where the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Garbage;

/// Reads the netstrings of a stream.
#[derive(Debug, Default)]
pub struct Decoder {
    awaits: Awaits,
    payload: Vec<u8>,
}

/// What the next octet is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Awaits {
    /// The first digit of the length.
    #[default]
    Beginning,
    /// A digit of the length, which is this so far, or the colon.
    Length(usize),
    /// One of so many octets of the payload, which are one or more.
    Payload(usize),
    /// The comma.
    Comma,
}

impl Decoder {
    /// Reads on, and calls `each` with every payload that is whole now. After garbage it reads nothing sensible.
    pub fn read(&mut self, mut octets: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), Garbage> {
        while let Some((&octet, rest)) = octets.split_first() {
            (self.awaits, octets) = match (self.awaits, octet) {
                (Awaits::Beginning, b'0'..=b'9') => (Awaits::Length((octet - b'0').into()), rest),
                (Awaits::Length(0), b':') => (Awaits::Comma, rest),
                (Awaits::Length(length), b':') => (Awaits::Payload(length), rest),
                // A length has no leading zeros.
                (Awaits::Length(length @ 1..), b'0'..=b'9') => {
                    let length = length * 10 + usize::from(octet - b'0');
                    (if length > LONGEST { return Err(Garbage) } else { Awaits::Length(length) }, rest)
                }
                (Awaits::Payload(left), _) => {
                    let (now, later) = octets.split_at_checked(left).unwrap_or((octets, &[]));
                    let room = KEPT.saturating_sub(self.payload.len());
                    self.payload.extend_from_slice(now.get(..room).unwrap_or(now));
                    let left = left - now.len();
                    (if left == 0 { Awaits::Comma } else { Awaits::Payload(left) }, later)
                }
                (Awaits::Comma, b',') => {
                    // Taken, so that an idle connection keeps no memory.
                    each(&std::mem::take(&mut self.payload));
                    (Awaits::Beginning, rest)
                }
                _ => return Err(Garbage),
            };
        }
        Ok(())
    }

    /// Whether the last octet ended a netstring.
    pub fn is_between(&self) -> bool {
        self.awaits == Awaits::Beginning
    }
}

/// Writes a netstring behind `out`.
pub fn push(out: &mut Vec<u8>, payload: &str) {
    out.extend_from_slice(format!("{}:{payload},", payload.len()).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Payloads of octets that come in these pieces, and whether all was well.
    fn read<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> (Vec<Vec<u8>>, Result<(), Garbage>) {
        let (mut decoder, mut payloads) = (Decoder::default(), Vec::new());
        let read = pieces.into_iter().try_for_each(|piece| decoder.read(piece, |of| payloads.push(of.to_vec())));
        (payloads, read)
    }

    #[test]
    fn a_payload_ends_where_its_length_says() {
        let rows: &[(&str, &[&str])] = &[
            ("", &[]),
            ("5:hello,", &["hello"]),
            ("0:,", &[""]),
            ("1:,,9:a:1,,b:2,,", &[",", "a:1,,b:2,"]),
            ("3:abc,10:0123456789,2:ab", &["abc", "0123456789"]),
            ("100000:", &[]),
        ];
        for (octets, payloads) in rows {
            let expected = payloads.iter().map(|payload| payload.as_bytes().to_vec()).collect();
            assert_eq!(read([octets.as_bytes()]), (expected, Ok(())), "{octets}");
        }
    }

    #[test]
    fn what_is_no_netstring_is_garbage_behind_what_was_one() {
        let rows = [
            "100001:",
            "99999999999999999999:",
            "00:,",
            "05:hello,",
            ":,",
            "-1:",
            "+1:a,",
            " 1:a,",
            "1 :a,",
            "a",
            "\r\n",
            "1:ab",
            "0:a",
            "1:a;",
            "0x1:a,",
        ];
        for octets in rows {
            let (payloads, read) = read([b"1:b,", octets.as_bytes()]);
            assert_eq!((payloads, read), (vec![b"b".to_vec()], Err(Garbage)), "{octets}");
        }
    }

    #[test]
    fn of_a_long_payload_the_beginning_is_kept() {
        let long = [b"100000:", &[b'a'; LONGEST][..], b",1:b,"].concat();
        assert_eq!(read(long.chunks(4096)), (vec![vec![b'a'; KEPT], b"b".to_vec()], Ok(())));
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter_and_no_octets_panic(
            octets in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..40),
                proptest::collection::vec(proptest::sample::select(b"0123:,,a".to_vec()), 0..40),
                proptest::collection::vec("\\PC{0,8}", 0..8).prop_map(|payloads| {
                    let mut out = Vec::new();
                    payloads.iter().for_each(|payload| push(&mut out, payload));
                    out
                }),
            ],
            length in 1..9_usize,
        ) {
            prop_assert_eq!(read(octets.chunks(length)), read([&octets[..]]));
        }

        #[test]
        fn what_is_written_is_read(payloads in proptest::collection::vec("\\PC{0,40}", 0..8)) {
            let mut out = Vec::new();
            payloads.iter().for_each(|payload| push(&mut out, payload));
            let expected = payloads.iter().map(|payload| payload.clone().into_bytes()).collect();
            prop_assert_eq!(read([&out[..]]), (expected, Ok(())));
        }
    }
}
