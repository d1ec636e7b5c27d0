//! `[[tag]]`: what a letter has to be to carry a tag. Plain data, compiled once for a config.

use std::fmt;

use crate::pattern::{HeaderPattern, ValuePattern};

/// A rule; it fits where all conditions that it has are met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRule {
    /// The tag, at most 64 characters.
    pub tag: String,
    /// The id of a channel that the letter was sent to.
    pub channel: Option<String>,
    /// The address that the letter was sent to.
    pub recipient: Option<ValuePattern>,
    /// The sender's address.
    pub sender: Option<ValuePattern>,
    /// Subject, decoded.
    pub subject: Option<ValuePattern>,
    /// The first header field of a name, decoded.
    pub header: Option<HeaderPattern>,
    /// The name of the file that the letter consists of.
    pub attachment: Option<ValuePattern>,
    /// Octets of the message.
    pub size: Option<SizeBound>,
}

/// A bound of the size in octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeBound {
    /// On which side of it.
    pub side: Side,
    /// The bound itself, which fits neither side.
    pub octets: u64,
}

/// A side of a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `>1MiB`
    Above,
    /// `<10KiB`
    Below,
}

impl SizeBound {
    /// Whether a size lies there.
    pub fn admits(self, octets: u64) -> bool {
        match self.side {
            Side::Above => octets > self.octets,
            Side::Below => octets < self.octets,
        }
    }
}

impl fmt::Display for SizeBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.side == Side::Above { '>' } else { '<' };
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        let whole = units.into_iter().find(|(unit, _)| self.octets > 0 && self.octets.is_multiple_of(*unit));
        let (unit, name) = whole.unwrap_or((1, "B"));
        write!(f, "{sign}{}{name}", self.octets / unit)
    }
}

/// Which rules count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagMatch {
    /// Every one that fits.
    All,
    /// The first one that fits, in the order of the file.
    First,
}
