//! Money of many currencies in the accounting currency, and what cannot be told in it.

use std::collections::{BTreeMap, HashMap};

use crate::{
    config::Reports,
    money::{Amount, Currency},
    store::{Snapshot, Spent, StoreError, TextId},
};

/// Converts by the config's rates, and remembers which it has used.
pub struct Exchange<'a> {
    snapshot: &'a Snapshot,
    reports: &'a Reports,
    currencies: HashMap<TextId, Option<Currency>>,
    /// Currencies that were converted, at which rate.
    pub converted: BTreeMap<Currency, Amount>,
}

/// What a lead has earned.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Worth {
    /// In the accounting currency.
    pub counted: Amount,
    /// In currencies without a rate.
    pub left_out: Vec<(Currency, Amount)>,
}

impl<'a> Exchange<'a> {
    /// By these rates.
    pub fn new(snapshot: &'a Snapshot, reports: &'a Reports) -> Self {
        Self { snapshot, reports, currencies: HashMap::new(), converted: BTreeMap::new() }
    }

    /// Sums up amounts of several currencies.
    pub fn worth(&mut self, money: &[(TextId, i64)]) -> Result<Worth, StoreError> {
        let mut worth = Worth::default();
        for (id, amount) in money {
            let Some(currency) = self.currency(*id)? else { continue };
            match self.rate(currency) {
                Some(rate) => {
                    worth.counted =
                        worth.counted.plus(rate.map_or(Amount(*amount), |rate| Amount(*amount).at_rate(rate)))
                }
                None => worth.left_out.push((currency, Amount(*amount))),
            }
        }
        Ok(worth)
    }

    fn currency(&mut self, id: TextId) -> Result<Option<Currency>, StoreError> {
        if let Some(known) = self.currencies.get(&id) {
            return Ok(*known);
        }
        let currency: Option<Currency> = self.snapshot.text(id)?.parse().ok();
        self.currencies.insert(id, currency);
        if let Some((currency, rate)) = currency.and_then(|known| Some((known, *self.reports.rates.get(&known)?))) {
            self.converted.insert(currency, rate);
        }
        Ok(currency)
    }

    /// A cost in the accounting currency; else the currency that has no rate.
    pub fn cost(&mut self, spent: &Spent) -> Result<Amount, Option<Currency>> {
        let currency: Currency = spent.currency.parse().map_err(|_| None)?;
        let rate = self.rate(currency).ok_or(Some(currency))?;
        if let Some(rate) = rate {
            self.converted.insert(currency, rate);
        }
        Ok(rate.map_or(Amount(spent.amount), |rate| Amount(spent.amount).at_rate(rate)))
    }

    /// The rate of a currency: none if there is none, nothing to do for the accounting currency.
    fn rate(&self, currency: Currency) -> Option<Option<Amount>> {
        if currency == self.reports.currency {
            return Some(None);
        }
        self.reports.rates.get(&currency).map(|rate| Some(*rate))
    }
}
