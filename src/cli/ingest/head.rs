//! Cuts messages down to what is read of them: the header block, and how large the whole is.
//!
//! A body is counted and forgotten as it comes, and a header block has a bound, so that a message of any size costs the
//! same memory. Given a reader over one message or over an mbox; never interprets a field.

use std::io::{self, BufRead};

/// Octets kept of a header block, four times what the most generous mail server accepts by default.
pub const LARGEST_HEAD: usize = 4 * 1024 * 1024;

/// Octets kept of a line that is only looked at for its beginning.
const START: usize = 1024;

/// A message as far as it is read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The header block, with the empty line behind it if it has one.
    pub block: Vec<u8>,
    /// Octets of the whole message.
    pub size: u64,
}

impl Head {
    /// One message; its size is `known`, or else found out by reading to the end.
    pub fn of(mut source: impl BufRead, known: Option<u64>) -> io::Result<Self> {
        let mut head = Self::default();
        loop {
            let start = head.block.len();
            let octets = line(&mut source, &mut head.block, LARGEST_HEAD - start)?;
            head.size += octets;
            if octets == 0 || is_empty(head.block.get(start..)) {
                break;
            }
        }
        head.size = match known {
            Some(size) => size,
            None => head.size + io::copy(&mut source, &mut io::sink())?,
        };
        Ok(head)
    }
}

/// The messages of an mbox, each begun by a line that starts with `From `.
#[derive(Debug)]
pub struct Mbox<R> {
    source: R,
    /// Whether a message has begun; what stands before the first one is none.
    open: bool,
    /// Whether a fault has ended it: nothing is known of where the next message begins.
    torn: bool,
}

impl<R: BufRead> Mbox<R> {
    /// An mbox that is read as it is asked for messages.
    pub fn new(source: R) -> Self {
        Self { source, open: false, torn: false }
    }

    fn read(&mut self) -> io::Result<Option<Head>> {
        let mut head = Head::default();
        let mut text = Vec::new();
        let mut in_body = false;
        loop {
            text.clear();
            let room = if in_body { START } else { LARGEST_HEAD };
            let octets = line(&mut self.source, &mut text, room)?;
            if octets == 0 {
                return Ok(std::mem::take(&mut self.open).then_some(head));
            }
            if text.starts_with(b"From ") {
                if std::mem::replace(&mut self.open, true) {
                    return Ok(Some(head));
                }
                (head, in_body) = (Head::default(), false);
                continue;
            }
            // Each writer has put one `>` before a line that would have begun a message.
            let quotes = text.iter().take_while(|&&byte| byte == b'>').count();
            let is_quoted = quotes > 0 && text.get(quotes..).is_some_and(|rest| rest.starts_with(b"From "));
            let kept = text.get(usize::from(is_quoted)..).unwrap_or_default();
            head.size += octets - u64::from(is_quoted);
            if !in_body {
                let room = LARGEST_HEAD - head.block.len();
                head.block.extend_from_slice(kept.get(..room).unwrap_or(kept));
                in_body = is_empty(Some(kept));
            }
        }
    }
}

impl<R: BufRead> Iterator for Mbox<R> {
    type Item = io::Result<Head>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.torn {
            return None;
        }
        let read = self.read();
        self.torn = read.is_err();
        read.transpose()
    }
}

/// Reads a line with its end; at most `room` octets of it are put into `out`. Gives back how many it has.
fn line(source: &mut impl BufRead, out: &mut Vec<u8>, room: usize) -> io::Result<u64> {
    let (mut octets, mut room) = (0, room);
    loop {
        let held = source.fill_buf()?;
        let end = held.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
        let part = held.get(..end.unwrap_or(held.len())).unwrap_or_default();
        let kept = part.get(..room).unwrap_or(part);
        out.extend_from_slice(kept);
        room -= kept.len();
        let length = part.len();
        octets += length as u64;
        source.consume(length);
        if end.is_some() || length == 0 {
            return Ok(octets);
        }
    }
}

/// Whether a line ends the header block; one of which nothing was kept lies behind the bound.
fn is_empty(line: Option<&[u8]>) -> bool {
    matches!(line, None | Some([] | [b'\n'] | [b'\r', ..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(raw: &[u8]) -> Head {
        Head::of(io::BufReader::with_capacity(7, raw), None).unwrap()
    }

    fn messages(raw: &[u8]) -> Vec<(String, u64)> {
        let heads = Mbox::new(io::BufReader::with_capacity(7, raw)).map(Result::unwrap);
        heads.map(|head| (String::from_utf8(head.block).unwrap(), head.size)).collect()
    }

    #[test]
    fn a_message_ends_at_its_first_empty_line_and_is_counted_whole() {
        let rows: [(&[u8], &[u8]); 6] = [
            (b"Subject: a\n b\n\nbody\n\nmore", b"Subject: a\n b\n\n"),
            (b"Subject: a\r\n\r\nbody\r\n", b"Subject: a\r\n\r\n"),
            (b"Subject: a", b"Subject: a"),
            (b"\nbody", b"\n"),
            (b"", b""),
            (b"no colon\nbody\n", b"no colon\nbody\n"),
        ];
        for (raw, block) in rows {
            assert_eq!(of(raw), Head { block: block.to_vec(), size: raw.len() as u64 });
        }
        assert_eq!(Head::of(&b"A: b\n\nbody"[..], Some(99)).unwrap().size, 99);
    }

    #[test]
    fn a_header_block_without_end_is_cut_at_the_bound() {
        let long = vec![b'a'; LARGEST_HEAD + 10];
        assert_eq!((of(&long).block.len(), of(&long).size), (LARGEST_HEAD, long.len() as u64));
        let lines = b"A: b\n".repeat(LARGEST_HEAD / 5 + 10);
        assert_eq!((of(&lines).block.len(), of(&lines).size), (LARGEST_HEAD, lines.len() as u64));
    }

    #[test]
    fn an_mbox_is_cut_at_its_from_lines() {
        let raw = b"lost\nFrom a Sun\nA: b\n\nbody\n>From x\n>>From y\n> z\nFrom b Sun\n>From c: d\n\nFrom c Sun\n";
        let body = "A: b\n\nbody\nFrom x\n>From y\n> z\n";
        let expected =
            [("A: b\n\n".to_owned(), body.len() as u64), ("From c: d\n\n".to_owned(), 11), (String::new(), 0)];
        assert_eq!(messages(raw), expected);
        assert_eq!(messages(b"no message\n"), []);
    }

    #[test]
    fn a_fault_ends_an_mbox() {
        struct Torn;
        impl io::Read for Torn {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("torn"))
            }
        }
        let source = io::BufReader::new(io::Read::chain(&b"From a Sun\nA: b\n"[..], Torn));
        let told: Vec<_> = Mbox::new(source).take(3).map(|head| head.map_err(|e| e.to_string())).collect();
        assert_eq!(told, [Err("torn".to_owned())]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_all_are_counted(raw in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(of(&raw).size, raw.len() as u64);
            let mbox = [b"From a Sun\n", raw.as_slice()].concat();
            let told: u64 = Mbox::new(mbox.as_slice()).map(|head| head.unwrap().size).sum();
            prop_assert!(told <= raw.len() as u64);
        }
    }
}
