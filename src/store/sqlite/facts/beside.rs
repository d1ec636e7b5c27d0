//! What reports count beside leads: costs, and the touchpoints of visits.

use rusqlite::{Connection, Row};

use super::super::engine;
use crate::store::{Spent, StoreError};

/// Costs of the days from `first` to `last`. A campaign's id stands for a name that is not told, as [`crate::store::Cost`]
/// has it.
pub fn spent(leads: &Connection, first: i32, last: i32) -> Result<Vec<Spent>, StoreError> {
    let read = || -> rusqlite::Result<Vec<Spent>> {
        leads
            .prepare_cached(
                "SELECT day, provider, channel, source, medium, coalesce(nullif(campaign, ''), campaign_id), term,
                        content, currency, amount, has_vat
                 FROM cost WHERE day >= $1 AND day <= $2
                 ORDER BY day, provider, channel, source, medium, campaign, term, content",
            )?
            .query_map((first, last), cost)?
            .collect()
    };
    read().map_err(engine("reading costs for reports"))
}

fn cost(row: &Row<'_>) -> rusqlite::Result<Spent> {
    Ok(Spent {
        day: row.get(0)?,
        provider: row.get(1)?,
        channel: row.get(2)?,
        utm: [row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?],
        currency: row.get(8)?,
        amount: row.get(9)?,
        has_vat: row.get(10)?,
    })
}

/// Shows every touchpoint of visits: its number, and channel, source, medium, campaign, term, content, landing page and
/// referrer, empty where there is none.
pub fn touchpoints(visits: &Connection, mut each: impl FnMut(i64, [&str; 8])) -> Result<(), StoreError> {
    let mut read = || -> rusqlite::Result<()> {
        let mut select = visits.prepare_cached(
            "SELECT id, channel, source, medium, campaign, term, content, landing_page, referrer FROM touchpoint",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let mut parts = [""; 8];
            for (place, part) in (1..).zip(&mut parts) {
                *part = row.get_ref(place)?.as_str_or_null()?.unwrap_or_default();
            }
            each(row.get(0)?, parts);
        }
        Ok(())
    };
    read().map_err(engine("reading visits for reports"))
}
