//! Facts: what reports count of a message, in numbers, so that a year of a million leads is read in a moment.
//!
//! Texts and touchpoints stand in dictionaries; a fact names them by number. Plain data.

use crate::lead::Kind;

/// What a message counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are those of `lead::Kind`, and three that divide its leads")]
pub enum Class {
    /// A lead that counts.
    #[default]
    Lead,
    /// A letter in the thread of a lead.
    Reply,
    /// A lead that does not count: its address has leaked, or its sender is not who it says.
    Uncounted,
    AutoReply,
    Bounce,
    Complaint,
    Receipt,
    List,
    Spam,
    Internal,
    Test,
}

impl Class {
    /// Every class, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Lead,
        Self::Reply,
        Self::Uncounted,
        Self::AutoReply,
        Self::Bounce,
        Self::Complaint,
        Self::Receipt,
        Self::List,
        Self::Spam,
        Self::Internal,
        Self::Test,
    ];
}

impl Class {
    /// What a message of this kind counts as.
    pub fn of(kind: Kind, is_reply: bool, counts: bool) -> Self {
        match kind {
            Kind::Lead if is_reply => Self::Reply,
            Kind::Lead if !counts => Self::Uncounted,
            Kind::Lead => Self::Lead,
            Kind::AutoReply => Self::AutoReply,
            Kind::Bounce => Self::Bounce,
            Kind::Complaint => Self::Complaint,
            Kind::Receipt => Self::Receipt,
            Kind::List => Self::List,
            Kind::Spam => Self::Spam,
            Kind::Internal => Self::Internal,
            Kind::Test => Self::Test,
        }
    }
}

/// The number of a text in the dictionary; 0 for none.
pub type TextId = u32;

/// What reports count of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fact {
    /// The lead's sequence.
    pub sequence: i64,
    /// When it was received, in milliseconds since 1970.
    pub at: i64,
    /// What it counts as.
    pub class: Class,
    /// Whether it begins a series.
    pub is_unique: bool,
    /// The substitute address.
    pub address: TextId,
    /// The mailbox that it stands for.
    pub mailbox: TextId,
    /// The sender's domain.
    pub domain: TextId,
    /// Tags.
    pub tags: Vec<TextId>,
    /// Seconds from the visit to the letter.
    pub age: Option<u64>,
    /// Touches, oldest first.
    pub touches: Vec<FactTouch>,
    /// What became of it, if that was told.
    pub outcome: Option<FactOutcome>,
}

/// A touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactTouch {
    /// The number of its touchpoint.
    pub point: u32,
    /// Whole hours from the touch to the letter.
    pub hours: u32,
}

/// What became of a lead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactOutcome {
    /// Whether it was qualified or won.
    pub is_qualified: bool,
    /// Deals that are won.
    pub deals: u32,
    /// Revenue less refunds, in millionths, by currency.
    pub money: Vec<(TextId, i64)>,
}

/// How a touch came: numbers of channel, source, medium, campaign, term, content, landing page and referrer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Point {
    /// In the order above.
    pub parts: [TextId; 8],
    /// Whether nothing led the visitor here.
    pub is_direct: bool,
}

impl Point {
    /// Whether its channel or its source is known.
    pub fn is_known(&self) -> bool {
        let [channel, source, ..] = self.parts;
        channel != 0 || source != 0
    }
}

/// What was spent on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// The day, counted from 1970.
    pub day: i32,
    /// Who told it.
    pub provider: String,
    /// The channel that it names itself.
    pub channel: String,
    /// UTM values: source, medium, campaign, term, content; empty where there is none.
    pub utm: [String; 5],
    /// ISO 4217.
    pub currency: String,
    /// In millionths.
    pub amount: i64,
    /// Whether the amount holds value added tax; `None` if nobody said.
    pub has_vat: Option<bool>,
}

/// Visits of a quarter of an hour that came by one touchpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The quarter, counted from 1970.
    pub quarter: i64,
    /// The number of the touchpoint among those of visits.
    pub touchpoint: i64,
    /// Visits that were shown an address.
    pub visits: i64,
    /// Those of them with a click on it.
    pub clicks: i64,
}
