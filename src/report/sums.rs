//! What is summed up for one row of a report, and what beside it decides whether a number is known.

use crate::{money::Amount, store::Class};

/// Sums of one row. Leads are in basis points of one lead, money in millionths, both exact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Leads that count.
    pub leads: i64,
    /// Those of them that began a series.
    pub unique: i64,
    /// Leads of which a channel or a source is known.
    pub attributed: i64,
    /// Leads whose visit is known.
    pub visited: i64,
    /// Seconds from the visit to the letter, times basis points.
    pub age: i128,
    /// Leads that were qualified or won.
    pub qualified: i64,
    /// Leads with a deal that was won.
    pub won: i64,
    /// Those of them that began a series: new customers.
    pub customers: i64,
    /// Deals that were won, times basis points of their lead.
    pub deals: i64,
    /// Revenue less refunds.
    pub revenue: i128,
    /// Whether money in a currency without a rate is left out.
    pub is_incomplete: bool,
    beside: Option<Box<Beside>>,
}

/// Sums that few of a report's many rows have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Messages that are no counted leads, by class.
    pub others: [i64; Class::ALL.len()],
    /// Cost of marketing; none if nobody told one.
    pub cost: Option<i128>,
    /// Cost beside marketing; none if nobody told one.
    pub overhead: Option<i128>,
    /// Visits that were shown an address.
    pub visits: i64,
    /// Those of them whose visitor clicked or copied it.
    pub clicks: i64,
}

/// Of a row that has none of them.
static NOTHING: Beside = Beside { others: [0; Class::ALL.len()], cost: None, overhead: None, visits: 0, clicks: 0 };

impl Sums {
    /// What is summed up beside leads.
    pub fn beside(&self) -> &Beside {
        self.beside.as_deref().unwrap_or(&NOTHING)
    }

    /// The same, to be added to.
    pub fn beside_mut(&mut self) -> &mut Beside {
        self.beside.get_or_insert_default()
    }

    /// Adds to a sum that is unknown as long as nothing was added.
    pub fn add(sum: &mut Option<i128>, amount: Amount) {
        *sum = Some(sum.unwrap_or(0) + i128::from(amount.0));
    }
}

/// What decides, beside a row's own sums, whether a number is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Leads of the whole report, in basis points.
    pub leads: i64,
    /// Whether any outcome was told of them.
    pub has_outcomes: bool,
    /// Whether costs are known by these dimensions and filters.
    pub has_costs: bool,
    /// Whether visits are kept, and known by these dimensions and filters.
    pub has_visits: bool,
}
