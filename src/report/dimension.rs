//! Dimensions: what reports are broken down by, and what each of them is known for.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::language::Text;

/// What a report is broken down by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "`Dimension::label` says it, in two languages")]
pub enum Dimension {
    Channel,
    Source,
    Medium,
    Campaign,
    Term,
    Content,
    LandingPage,
    Referrer,
    Address,
    Mailbox,
    Tag,
    SenderDomain,
    Unique,
    Day,
    Week,
    Month,
    Hour,
    Weekday,
}

/// Whose property a dimension is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Of each touch: a lead is shared out among its touches by the attribution model.
    Touch,
    /// Of the lead: it stands in one row with all of its credit. A lead with several tags stands in each of their rows.
    Lead,
    /// Of the time when the lead was received.
    Time,
}

impl Dimension {
    /// Every dimension.
    pub const ALL: [Self; 18] = [
        Self::Channel,
        Self::Source,
        Self::Medium,
        Self::Campaign,
        Self::Term,
        Self::Content,
        Self::LandingPage,
        Self::Referrer,
        Self::Address,
        Self::Mailbox,
        Self::Tag,
        Self::SenderDomain,
        Self::Unique,
        Self::Day,
        Self::Week,
        Self::Month,
        Self::Hour,
        Self::Weekday,
    ];

    /// Whether its values are texts.
    pub fn is_text(self) -> bool {
        self.of() != Of::Time && self != Self::Unique
    }

    /// Its name in queries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Source => "source",
            Self::Medium => "medium",
            Self::Campaign => "campaign",
            Self::Term => "term",
            Self::Content => "content",
            Self::LandingPage => "landing_page",
            Self::Referrer => "referrer",
            Self::Address => "address",
            Self::Mailbox => "mailbox",
            Self::Tag => "tag",
            Self::SenderDomain => "sender_domain",
            Self::Unique => "unique",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Hour => "hour",
            Self::Weekday => "weekday",
        }
    }

    /// Its name for people.
    pub fn label(self) -> Text {
        let (en, ru) = match self {
            Self::Channel => ("Channel", "Канал"),
            Self::Source => ("Source", "Источник"),
            Self::Medium => ("Medium", "Тип трафика"),
            Self::Campaign => ("Campaign", "Кампания"),
            Self::Term => ("Term", "Ключевая фраза"),
            Self::Content => ("Content", "Объявление"),
            Self::LandingPage => ("Landing page", "Страница входа"),
            Self::Referrer => ("Referrer", "Реферер"),
            Self::Address => ("Substitute address", "Подменный адрес"),
            Self::Mailbox => ("Mailbox", "Почтовый ящик"),
            Self::Tag => ("Tag", "Тег"),
            Self::SenderDomain => ("Sender's domain", "Домен отправителя"),
            Self::Unique => ("New or repeat", "Новый или повторный"),
            Self::Day => ("Day", "День"),
            Self::Week => ("Week", "Неделя"),
            Self::Month => ("Month", "Месяц"),
            Self::Hour => ("Hour", "Час"),
            Self::Weekday => ("Day of the week", "День недели"),
        };
        Text { en, ru }
    }

    /// Whose property it is.
    pub fn of(self) -> Of {
        match self {
            Self::Channel
            | Self::Source
            | Self::Medium
            | Self::Campaign
            | Self::Term
            | Self::Content
            | Self::LandingPage
            | Self::Referrer => Of::Touch,
            Self::Address | Self::Mailbox | Self::Tag | Self::SenderDomain | Self::Unique => Of::Lead,
            Self::Day | Self::Week | Self::Month | Self::Hour | Self::Weekday => Of::Time,
        }
    }

    /// Whether costs are known by it: they come per day and UTM values.
    pub fn has_costs(self) -> bool {
        match self.of() {
            Of::Touch => !matches!(self, Self::LandingPage | Self::Referrer),
            Of::Lead => false,
            Of::Time => self != Self::Hour,
        }
    }

    /// Whether visits and clicks on addresses are known by it.
    pub fn has_visits(self) -> bool {
        self.of() != Of::Lead
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Dimension {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|dimension| dimension.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            format!("{text:?} is no dimension: known are {known}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_have_names() {
        for dimension in Dimension::ALL {
            assert_eq!(dimension.as_str().parse(), Ok(dimension));
            assert_eq!(serde_json::to_value(dimension).unwrap(), dimension.as_str());
        }
        assert!(
            "sender".parse::<Dimension>().unwrap_err().starts_with("\"sender\" is no dimension: known are channel, ")
        );
    }
}
