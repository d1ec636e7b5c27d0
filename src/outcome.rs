//! An outcome: what became of a lead, as a CRM or a person tells it.
//!
//! Plain data: written down by the store, told to sinks as `lead.outcome`, counted by reports. No I/O.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    clock::Millis,
    money::{Amount, Currency},
};

/// How far a lead, or a deal that began with it, has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeStatus {
    /// Somebody has it on the table.
    New,
    /// Somebody is at work on it.
    InProgress,
    /// It is a real inquiry of somebody who may buy.
    Qualified,
    /// Sold; the amount is the deal's revenue.
    Won,
    /// Not sold.
    Lost,
    /// No inquiry at all: the lead stops counting.
    Spam,
    /// Money given back: the amount, with or without its minus, lessens the revenue.
    Refund,
}

impl OutcomeStatus {
    /// Every status.
    pub const ALL: [Self; 7] =
        [Self::New, Self::InProgress, Self::Qualified, Self::Won, Self::Lost, Self::Spam, Self::Refund];

    /// Its name in events, files and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::InProgress => "in_progress",
            Self::Qualified => "qualified",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Spam => "spam",
            Self::Refund => "refund",
        }
    }
}

impl fmt::Display for OutcomeStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for OutcomeStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            format!("{text:?} is no status: known are {known}")
        })
    }
}

/// What became of a lead at one point in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The system that tells it: `amocrm`, or empty for none in particular.
    pub system: String,
    /// The system's id of the deal; empty if the lead is the deal.
    pub deal_id: String,
    /// How far it has come.
    pub status: OutcomeStatus,
    /// The system's own name of the stage, for people.
    pub stage: Option<String>,
    /// What it is worth, negative for money that was given back.
    pub amount: Option<Amount>,
    /// The currency of the amount; there is one if there is an amount.
    pub currency: Option<Currency>,
    /// When it came so far.
    pub occurred_at: Millis,
}
