//! The few things about packets that `screen` and `stream` must know: where one ends, and what kind it is.
//!
//! A packet is four octets of length, a command, and a payload; the length counts the command.

/// Octets before a packet's payload.
pub const HEAD: usize = 5;

/// The MTA tells macros.
pub const MACROS: u8 = b'D';

/// The MTA sends a header field.
pub const HEADER: u8 = b'L';

/// The message ends.
pub const END: u8 = b'E';

/// The message is given up, or forgotten after it was done with.
pub const ABORT: u8 = b'A';

/// We want to hear no more of the message.
pub const ACCEPT: u8 = b'a';

/// Offer of options, and the answer to it.
pub const NEGOTIATION: u8 = b'O';

/// We insert a header field.
pub const INSERT: u8 = b'i';

/// Packets that an answer follows: edits of headers, recipients, sender and body, and quarantine.
const EDITS: &[u8] = b"him+-2ebq";

/// The beginning of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// What kind of packet it is.
    pub command: u8,
    /// Octets of the whole packet.
    pub length: usize,
}

/// Reads the beginning of a packet; `None` if more octets are needed.
pub fn head(octets: &[u8]) -> Option<Head> {
    let &[a, b, c, d, command] = octets.first_chunk()?;
    // The library reads a command even where the length says that there is none.
    let length = (u32::from_be_bytes([a, b, c, d]) as usize).max(1).saturating_add(4);
    Some(Head { command, length })
}

/// Whether an answer follows a packet of ours.
pub fn is_edit(command: u8) -> bool {
    EDITS.contains(&command)
}

/// Appends a packet.
pub fn push(out: &mut Vec<u8>, command: u8, payload: &[&[u8]]) {
    let octets: usize = payload.iter().map(|part| part.len()).sum();
    out.extend_from_slice(&u32::try_from(octets + 1).unwrap_or(u32::MAX).to_be_bytes());
    out.push(command);
    payload.iter().for_each(|part| out.extend_from_slice(part));
}

/// The name of a header field in its packet, if that is as it must be: name and value, each ended by NUL.
pub fn header_name(payload: &[u8]) -> Option<&[u8]> {
    let (name, rest) = text(payload)?;
    (!name.is_empty() && rest.ends_with(b"\0")).then_some(name)
}

/// Splits off a text that NUL ends.
pub fn text(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = octets.iter().position(|&octet| octet == 0)?;
    Some((octets.get(..end)?, octets.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_ends_where_its_length_says() {
        let of = |command, length| Some(Head { command, length });
        assert_eq!(head(b"\0\0\0\x01E"), of(b'E', 5));
        assert_eq!(head(b"\0\0\x01\x00Lname"), of(b'L', 260));
        assert_eq!(head(b"\0\0\0\0E"), of(b'E', 5));
        assert_eq!(head(b"\xff\xff\xff\xffL"), of(b'L', 0x1_0000_0003));
        assert_eq!(head(b"\0\0\0\x01"), None);
    }

    #[test]
    fn what_is_pushed_is_read_again() {
        let mut out = Vec::new();
        push(&mut out, HEADER, &[b"Subject\0", b"pumps\0"]);
        assert_eq!(head(&out), Some(Head { command: HEADER, length: out.len() }));
        assert_eq!(header_name(&out[HEAD..]), Some(b"Subject".as_slice()));
    }

    #[test]
    fn a_header_field_that_the_library_would_refuse_has_no_name() {
        for payload in [b"".as_slice(), b"Subject", b"Subject\0", b"Subject\0pumps", b"\0pumps\0"] {
            assert_eq!(header_name(payload), None, "{payload:?}");
        }
    }
}
