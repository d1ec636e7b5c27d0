//! A report: what a query was answered with, ready to be written by any door.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{dimension::Dimension, metric::Number, period::Period, query::Query};
use crate::money::{Amount, Currency};

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What was asked.
    pub query: Query,
    /// The days that it is compared with.
    pub before: Option<Period>,
    /// IANA name of the time zone that its days are of.
    pub zone: String,
    /// The currency that its money is in.
    pub currency: Currency,
    /// Rows, in order.
    pub rows: Vec<Row>,
    /// All of them together; a lead that stands in several rows counts once.
    pub total: Row,
    /// Rows that the limit left out.
    pub left_out: usize,
    /// Whether today, which is not over, is one of the days.
    pub is_partial: bool,
    /// What its readers must know of its money.
    pub money: MoneyNote,
}

/// One row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Values of the query's dimensions, in its order; none where one is not set.
    pub key: Vec<Option<String>>,
    /// The query's columns, in its order.
    pub numbers: Vec<Number>,
    /// The same of the days that it is compared with; empty if there are none.
    pub before: Vec<Number>,
    /// Whether money in a currency without a rate is left out of this row.
    pub is_incomplete: bool,
}

/// What the readers of a report must know of its money.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MoneyNote {
    /// Currencies that were converted, at which rate.
    pub converted: BTreeMap<Currency, Amount>,
    /// What is left out of revenue, since its currency has no rate in `[reports] rates`.
    pub revenue_left_out: BTreeMap<Currency, Amount>,
    /// What is left out of costs, for the same reason.
    pub cost_left_out: BTreeMap<Currency, Amount>,
    /// What was spent, overhead too, by whether the amounts hold value added tax: they are summed as they were told.
    pub cost_by_vat: BTreeMap<Vat, Amount>,
}

/// Whether amounts hold value added tax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Vat {
    /// They do.
    Included,
    /// They do not.
    Excluded,
    /// Nobody said.
    Unknown,
}

impl Vat {
    /// As a cost says it.
    pub fn of(has_vat: Option<bool>) -> Self {
        match has_vat {
            Some(true) => Self::Included,
            Some(false) => Self::Excluded,
            None => Self::Unknown,
        }
    }
}

impl Report {
    /// The value of a dimension in a row, if the report is broken down by it.
    pub fn value<'a>(&self, row: &'a Row, dimension: Dimension) -> Option<&'a str> {
        let place = self.query.by.iter().position(|by| *by == dimension)?;
        row.key.get(place)?.as_deref()
    }
}

/// How much a number has changed, as a part of what it was, in millionths; unknown if there was nothing.
pub fn change(now: Number, before: Number) -> Number {
    let (now, before) = (now?, before?);
    (before > 0).then(|| ((now - before).saturating_mul(1_000_000) + (now - before).signum() * before / 2) / before)
}
