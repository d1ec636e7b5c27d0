//! Costs by month, for a look at what is known.

use rusqlite::{Row, types::Type};

use super::Store;
use crate::{
    clock::Millis,
    money::Amount,
    store::{CostMonth, StoreError},
};

/// Months, providers and currencies at most.
const MOST: u32 = 2_000;

impl Store {
    /// Costs by month, provider and currency, the latest first.
    pub fn cost_months(&self) -> Result<Vec<CostMonth>, StoreError> {
        let sql = "SELECT strftime('%Y-%m', day * 86400, 'unixepoch') AS month, provider, currency, count(*),
                          count(DISTINCT day), sum(amount / 1000000), sum(amount % 1000000), max(imported_at)
                   FROM cost GROUP BY month, provider, currency ORDER BY month DESC, provider, currency LIMIT $1";
        self.list(sql, &[&MOST], month)
    }
}

fn month(row: &Row<'_>) -> rusqlite::Result<CostMonth> {
    let currency: String = row.get(2)?;
    let wrong = |e: &'static str| rusqlite::Error::FromSqlConversionFailure(2, Type::Text, e.into());
    // A sum of many large amounts passes what SQLite counts in: units and their parts are summed apart.
    let (units, parts): (i64, i64) = (row.get(5)?, row.get(6)?);
    let amount = i128::from(units) * 1_000_000 + i128::from(parts);
    Ok(CostMonth {
        month: row.get(0)?,
        provider: row.get(1)?,
        currency: currency.parse().map_err(wrong)?,
        rows: row.get(3)?,
        days: row.get(4)?,
        amount: Amount(i64::try_from(amount).unwrap_or(if amount < 0 { i64::MIN } else { i64::MAX })),
        imported_at: Millis(row.get(7)?),
    })
}
