//! The steps of a session and of a message, with the options by which a filter masks them or waives their answers.

/// One step, in the order of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Connect,
    Helo,
    Mail,
    Recipient(usize),
    Data,
    Field(usize),
    EndOfHeader,
    Chunk(usize),
    EndOfMessage,
}

/// A filter that sends Skip here gets no more of this kind.
pub const SKIP: u32 = 0x400;

impl Step {
    /// The command's letter.
    pub fn command(self) -> u8 {
        match self {
            Self::Connect => b'C',
            Self::Helo => b'H',
            Self::Mail => b'M',
            Self::Recipient(_) => b'R',
            Self::Data => b'T',
            Self::Field(_) => b'L',
            Self::EndOfHeader => b'N',
            Self::Chunk(_) => b'B',
            Self::EndOfMessage => b'E',
        }
    }

    /// The option that leaves this step out.
    pub fn mask(self) -> u32 {
        match self {
            Self::Connect => 0x1,
            Self::Helo => 0x2,
            Self::Mail => 0x4,
            Self::Recipient(_) => 0x8,
            Self::Chunk(_) => 0x10,
            Self::Field(_) => 0x20,
            Self::EndOfHeader => 0x40,
            Self::Data => 0x200,
            Self::EndOfMessage => 0,
        }
    }

    /// The option by which nobody waits for an answer to this step.
    pub fn waiver(self) -> u32 {
        match self {
            Self::Field(_) => 0x80,
            Self::Connect => 0x1000,
            Self::Helo => 0x2000,
            Self::Mail => 0x4000,
            Self::Recipient(_) => 0x8000,
            Self::Data => 0x1_0000,
            Self::EndOfHeader => 0x4_0000,
            Self::Chunk(_) => 0x8_0000,
            Self::EndOfMessage => 0,
        }
    }

    /// Whether macros are sent though the filter masked the step. Postfix walks through header and body only for a
    /// filter that wants them.
    pub fn macros_though_masked(self) -> bool {
        !matches!(self, Self::Field(_) | Self::EndOfHeader | Self::Chunk(_))
    }

    /// Whether Skip is an answer to this step.
    pub fn may_skip(self) -> bool {
        matches!(self, Self::Recipient(_) | Self::Field(_) | Self::Chunk(_))
    }

    /// Whether this belongs to the connection and to no message.
    pub fn of_connection(self) -> bool {
        matches!(self, Self::Connect | Self::Helo)
    }
}
