//! Costs: replaced by what comes later, listed, deleted.

mod stage;

use rusqlite::{Connection, Row, types::Type};

use super::{Store, audit, engine, read::Where};
use crate::{
    clock::{Day, Millis},
    money::Amount,
    store::{AuditEntry, Cost, CostFilter, CostRow, Imported, StoreError},
};

const DOING: &str = "keeping costs";

impl Store {
    /// Keeps costs, all of them or none. One that is there already is replaced; of two that are the same place and day, the
    /// last stays. Goes on to its end if nobody waits for the answer any more.
    pub async fn import_costs(&self, costs: Vec<Cost>, noted: AuditEntry) -> Result<Imported, StoreError> {
        let import = stage::import(self.writer()?.clone(), costs, noted);
        tokio::spawn(import).await.unwrap_or(Err(StoreError::Closed))
    }

    /// Costs by day, then by place.
    pub fn costs(&self, filter: &CostFilter) -> Result<Vec<CostRow>, StoreError> {
        let (from, to) = bounds(filter);
        let where_ = conditions(filter, &from, &to);
        let sql = format!(
            "SELECT day, provider, channel, source, medium, campaign, term, content, campaign_id, currency, amount,
                    has_vat, clicks, impressions, imported_at
             FROM cost{}
             ORDER BY day, provider, channel, source, medium, campaign, term, content, campaign_id",
            where_.sql
        );
        self.list(&sql, &where_.values, cost)
    }

    /// Forgets costs; gives back how many.
    pub async fn delete_costs(&self, filter: CostFilter, noted: AuditEntry) -> Result<usize, StoreError> {
        let work = move |conn: &Connection| {
            let (from, to) = bounds(&filter);
            let where_ = conditions(&filter, &from, &to);
            let sql = format!("DELETE FROM cost{}", where_.sql);
            let deleted = conn.execute(&sql, where_.values.as_slice()).map_err(engine(DOING))?;
            if deleted > 0 {
                audit::note(conn, &noted)?;
            }
            Ok(deleted)
        };
        self.writer()?.write(work).await
    }
}

fn bounds(filter: &CostFilter) -> (Option<i32>, Option<i32>) {
    (filter.from.map(|day| day.0), filter.to.map(|day| day.0))
}

fn conditions<'a>(filter: &'a CostFilter, from: &'a Option<i32>, to: &'a Option<i32>) -> Where<'a> {
    Where::new().and("day >=", from).and("day <=", to).and("provider =", &filter.provider)
}

fn cost(row: &Row<'_>) -> rusqlite::Result<CostRow> {
    let currency: String = row.get(9)?;
    let wrong = |e: &'static str| rusqlite::Error::FromSqlConversionFailure(9, Type::Text, e.into());
    let cost = Cost {
        day: Day(row.get(0)?),
        provider: row.get(1)?,
        channel: row.get(2)?,
        source: row.get(3)?,
        medium: row.get(4)?,
        campaign: row.get(5)?,
        term: row.get(6)?,
        content: row.get(7)?,
        campaign_id: row.get(8)?,
        currency: currency.parse().map_err(wrong)?,
        amount: Amount(row.get(10)?),
        has_vat: row.get(11)?,
        clicks: row.get(12)?,
        impressions: row.get(13)?,
    };
    Ok(CostRow { cost, imported_at: Millis(row.get(14)?) })
}
