//! What was spent on one place of advertising on one day.
//!
//! Plain data. A row is known by its day, provider and place; one that comes again replaces it.

use serde::Serialize;

use crate::{
    channel::Utm,
    clock::{Day, Millis},
    money::{Amount, Currency},
};

/// What was spent on a place on a day. Texts are empty where the origin says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// The day, of the advertising system's own time zone.
    pub day: Day,
    /// Who tells it: `google_ads`. What one provider tells never replaces what another does.
    pub provider: String,
    /// Id of the channel, only where the row names one itself.
    pub channel: String,
    /// `utm_source`
    pub source: String,
    /// `utm_medium`
    pub medium: String,
    /// `utm_campaign`, or the campaign's name.
    pub campaign: String,
    /// `utm_term`
    pub term: String,
    /// `utm_content`
    pub content: String,
    /// The advertising system's id of the campaign.
    pub campaign_id: String,
    /// Of the amount.
    pub currency: Currency,
    /// What was spent; below zero for a correction.
    pub amount: Amount,
    /// Whether the amount holds value added tax; `None` if nobody said.
    pub has_vat: Option<bool>,
    /// Clicks that were paid for.
    pub clicks: Option<u64>,
    /// How often ads were shown.
    pub impressions: Option<u64>,
}

impl Cost {
    /// The UTM values that visitors of the place bring along.
    pub fn utm(&self) -> Utm {
        Utm {
            source: self.source.clone(),
            medium: self.medium.clone(),
            campaign: self.campaign.clone(),
            term: self.term.clone(),
            content: self.content.clone(),
        }
    }

    /// What makes two rows one.
    pub fn key(&self) -> (Day, [&str; 8]) {
        let place = [
            &self.provider,
            &self.channel,
            &self.source,
            &self.medium,
            &self.campaign,
            &self.term,
            &self.content,
            &self.campaign_id,
        ];
        (self.day, place.map(String::as_str))
    }
}

/// A cost as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CostRow {
    /// The cost.
    #[serde(flatten)]
    pub cost: Cost,
    /// When it was told first, or otherwise than before.
    pub imported_at: Millis,
}

/// Which costs a listing shows, and which are deleted; empty fields let everything pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CostFilter {
    /// From this day on.
    pub from: Option<Day>,
    /// To this day, which is included.
    pub to: Option<Day>,
    /// Only this provider's.
    pub provider: Option<String>,
}

/// What one provider tells of a month, in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostMonth {
    /// `2026-11`
    pub month: String,
    /// Who tells it.
    pub provider: String,
    /// Of the amount.
    pub currency: Currency,
    /// Rows of it.
    pub rows: u64,
    /// Days that they are of.
    pub days: u64,
    /// Their sum.
    pub amount: Amount,
    /// When the last of them was told.
    pub imported_at: Millis,
}

/// What an import changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Rows that were not there before.
    pub added: u64,
    /// Rows that took the place of earlier ones.
    pub replaced: u64,
    /// Rows that were there before, and the same.
    pub unchanged: u64,
}
