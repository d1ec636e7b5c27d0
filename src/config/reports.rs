//! `[reports]`: in which currency and by which model reports count.

use std::collections::BTreeMap;

use crate::{
    language::Language,
    model::Model,
    money::{Amount, Currency},
};

/// `[reports]`: how reports count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reports {
    /// The accounting currency.
    pub currency: Currency,
    /// What one unit of another currency is in the accounting currency; money without a rate is told apart.
    pub rates: BTreeMap<Currency, Amount>,
    /// The attribution model, where a report asks for no other.
    pub model: Model,
    /// The language of reports and of the dashboard, where nobody asks for another.
    pub language: Language,
    /// Providers whose costs are no marketing: they count for ROI and profit alone.
    pub overhead: Vec<String>,
}

impl Default for Reports {
    fn default() -> Self {
        Self {
            currency: Currency::RUB,
            rates: BTreeMap::new(),
            model: Model::default(),
            language: Language::default(),
            overhead: Vec::new(),
        }
    }
}
