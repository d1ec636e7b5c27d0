//! Presets: the reports that people ask for most.

use std::{fmt, str::FromStr};

use super::{
    dimension::Dimension,
    metric::Metric,
    period::Period,
    query::{Column, Query},
};
use crate::{language::Text, model::Model};

/// A report ready-made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// What each channel brought and cost.
    Channels,
    /// Leads day by day.
    Calendar,
    /// Leads by hour and day of the week.
    Heatmap,
    /// Where senders write from.
    Senders,
    /// What each substitute address brought.
    Addresses,
    /// Each channel's leads by every attribution model.
    Models,
    /// From the address shown to the deal.
    Funnel,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 7] =
        [Self::Channels, Self::Calendar, Self::Heatmap, Self::Senders, Self::Addresses, Self::Models, Self::Funnel];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Channels => "channels",
            Self::Calendar => "calendar",
            Self::Heatmap => "heatmap",
            Self::Senders => "senders",
            Self::Addresses => "addresses",
            Self::Models => "models",
            Self::Funnel => "funnel",
        }
    }

    /// Its name for people.
    pub fn label(self) -> Text {
        let (en, ru) = match self {
            Self::Channels => ("Channels", "Каналы"),
            Self::Calendar => ("Calendar", "Календарь"),
            Self::Heatmap => ("Hours and days", "Часы и дни"),
            Self::Senders => ("Senders", "Отправители"),
            Self::Addresses => ("Addresses", "Адреса"),
            Self::Models => ("Attribution models", "Модели атрибуции"),
            Self::Funnel => ("Funnel", "Воронка"),
        };
        Text { en, ru }
    }

    /// Its query.
    pub fn query(self, period: Period, model: Model) -> Query {
        use Metric as M;
        let (metrics, by): (&[Metric], &[Dimension]) = match self {
            Self::Channels => (
                &[
                    M::Leads,
                    M::Unique,
                    M::Repeat,
                    M::Share,
                    M::Cost,
                    M::Cpl,
                    M::Qualified,
                    M::Deals,
                    M::Conversion,
                    M::Revenue,
                    M::AverageDeal,
                    M::Profit,
                    M::Roi,
                    M::Romi,
                    M::Drr,
                    M::Cac,
                ],
                &[Dimension::Channel],
            ),
            Self::Calendar => {
                (&[M::Leads, M::Unique, M::Repeat, M::Others, M::Cost, M::Cpl, M::Deals, M::Revenue], &[Dimension::Day])
            }
            Self::Heatmap => (&[M::Leads, M::Unique], &[Dimension::Weekday, Dimension::Hour]),
            Self::Senders => (
                &[M::Leads, M::Unique, M::Repeat, M::Share, M::Deals, M::Conversion, M::Revenue, M::Spam],
                &[Dimension::SenderDomain],
            ),
            Self::Addresses => (
                &[M::Leads, M::Unique, M::Repeat, M::Share, M::Others, M::Spam, M::Deals, M::Revenue],
                &[Dimension::Address],
            ),
            Self::Models => (&[M::Leads], &[Dimension::Channel]),
            Self::Funnel => (
                &[
                    M::Visits,
                    M::Clicks,
                    M::ClickRate,
                    M::Leads,
                    M::ClickToLetter,
                    M::VisitToLetter,
                    M::Qualified,
                    M::Deals,
                    M::Conversion,
                    M::Coverage,
                ],
                &[Dimension::Channel],
            ),
        };
        let mut columns: Vec<Column> = metrics.iter().copied().map(Column::from).collect();
        if self == Self::Models {
            columns = Model::ALL.iter().map(|model| Column { metric: M::Leads, model: Some(*model) }).collect();
        }
        Query { columns, by: by.to_vec(), filters: Vec::new(), period, compare: None, model, sort: None, limit: 1000 }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|preset| preset.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            format!("{text:?} is no preset: known are {known}")
        })
    }
}
