//! What a message is: an inquiry, or one of the many things that only look like one.
//!
//! The names stand in events, headers, listings and the config, and never change. Which kind a message is, `classify`
//! decides.

use serde::{Deserialize, Serialize};

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An inquiry: the only kind that is counted.
    Lead,
    /// A reply that no person wrote.
    AutoReply,
    /// A notice that mail was not delivered.
    Bounce,
    /// A report that a person called mail spam.
    Complaint,
    /// A notice that mail was read.
    Receipt,
    /// A mailing list's post, or a newsletter.
    List,
    /// Spam by the verdict of an earlier filter, or written by a harvester.
    Spam,
    /// From the company's own people and machines.
    Internal,
    /// A test.
    Test,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Lead,
        Self::AutoReply,
        Self::Bounce,
        Self::Complaint,
        Self::Receipt,
        Self::List,
        Self::Spam,
        Self::Internal,
        Self::Test,
    ];

    /// The name used in events, headers, listings and the config.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::AutoReply => "auto_reply",
            Self::Bounce => "bounce",
            Self::Complaint => "complaint",
            Self::Receipt => "receipt",
            Self::List => "list",
            Self::Spam => "spam",
            Self::Internal => "internal",
            Self::Test => "test",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}
