//! Packets of the milter protocol: writing commands and taking answers apart.
//!
//! A packet is a length of four octets, a letter, and data. Numbers are big-endian; texts end with NUL.

use anyhow::{Context, ensure};

/// What is offered to every filter: all that Postfix 3.7 offers.
pub const VERSION: u32 = 6;
pub const ACTIONS: u32 = 0x1ff;
pub const OPTIONS: u32 = 0x1f_ffff;

/// Options that the mail server's side acts on; the rest are in `steps`.
pub const LEADING_SPACE: u32 = 0x10_0000;

/// Commands beside those of `steps`.
pub const NEGOTIATE: u8 = b'O';
pub const MACROS: u8 = b'D';
pub const ABORT: u8 = b'A';
pub const QUIT: u8 = b'Q';

/// Longer answers are taken for garbage, as Postfix does.
const LONGEST_ANSWER: usize = 2 * 65_535;

/// Appends a packet, whose data `fill` writes.
pub fn push(out: &mut Vec<u8>, command: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, command]);
    fill(out);
    let length = u32::try_from(out.len() - at - 4).unwrap_or(u32::MAX);
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

/// Appends texts, each with its NUL.
pub fn texts(out: &mut Vec<u8>, each: &[&[u8]]) {
    for text in each {
        out.extend_from_slice(text);
        out.push(0);
    }
}

/// The packet that opens every connection.
pub fn offer(out: &mut Vec<u8>) {
    push(out, NEGOTIATE, |out| {
        for number in [VERSION, ACTIONS, OPTIONS] {
            out.extend_from_slice(&number.to_be_bytes());
        }
    });
}

/// The first packet in `octets`, and how many octets it took; `None` while it is not whole.
pub fn first(octets: &[u8]) -> anyhow::Result<Option<(Answer<'_>, usize)>> {
    let Some((head, rest)) = octets.split_first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*head) as usize;
    ensure!((1..=LONGEST_ANSWER).contains(&length), "malformed answer: {length} octets long");
    let Some(packet) = rest.get(..length) else { return Ok(None) };
    Ok(Some((Answer { letter: packet[0], data: &packet[1..] }, 4 + length)))
}

/// One packet of a filter.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    pub letter: u8,
    pub data: &'a [u8],
}

/// What a filter agreed to.
#[derive(Debug)]
pub struct Agreement {
    pub actions: u32,
    pub options: u32,
    /// Lists of macros that it asked for, by the number of the stage.
    pub lists: Vec<(u32, String)>,
}

impl Answer<'_> {
    /// The answer to our offer.
    pub fn agreement(&self) -> anyhow::Result<Agreement> {
        ensure!(self.letter == NEGOTIATE, "malformed negotiation: answer {:?}", char::from(self.letter));
        let mut rest = self.data;
        let version = number(&mut rest)?;
        let (actions, options) = (number(&mut rest)?, number(&mut rest)?);
        ensure!((2..=VERSION).contains(&version), "negotiation: version {version}");
        ensure!(actions & !ACTIONS == 0, "negotiation: actions {actions:#x} were not offered");
        ensure!(options & !OPTIONS == 0, "negotiation: options {options:#x} were not offered");
        let mut lists = Vec::new();
        while !rest.is_empty() {
            lists.push((number(&mut rest)?, text(&mut rest)?));
        }
        Ok(Agreement { actions, options, lists })
    }

    /// The action that a filter has to have negotiated for this edit; `None` if it is no edit.
    pub fn needed_action(&self) -> Option<u32> {
        Some(match self.letter {
            b'h' | b'i' => 0x1,
            b'b' => 0x2,
            b'+' => 0x4,
            b'-' => 0x8,
            b'm' => 0x10,
            b'q' => 0x20,
            b'e' => 0x40,
            b'2' => 0x80,
            _ => return None,
        })
    }

    /// The name of the field that this inserts or adds, if it does; fails where the packet is not what it says.
    pub fn new_field(&self) -> anyhow::Result<Option<String>> {
        let mut rest = self.data;
        match self.letter {
            b'i' => drop(number(&mut rest)?),
            b'h' => {}
            _ => return Ok(None),
        }
        let name = text(&mut rest)?;
        text(&mut rest)?;
        ensure!(rest.is_empty() && !name.is_empty(), "malformed header edit");
        Ok(Some(name))
    }
}

fn number(rest: &mut &[u8]) -> anyhow::Result<u32> {
    let (head, tail) = rest.split_first_chunk::<4>().context("malformed answer: a number is cut off")?;
    *rest = tail;
    Ok(u32::from_be_bytes(*head))
}

fn text(rest: &mut &[u8]) -> anyhow::Result<String> {
    let end = rest.iter().position(|&octet| octet == 0).context("malformed answer: a text has no end")?;
    let found = String::from_utf8_lossy(&rest[..end]).into_owned();
    *rest = &rest[end + 1..];
    Ok(found)
}
