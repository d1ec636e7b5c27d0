//! Costs: replaced by what comes later, listed, deleted.

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
    /// last stays.
    pub async fn import_costs(&self, costs: Vec<Cost>, noted: AuditEntry) -> Result<Imported, StoreError> {
        let work = move |conn: &Connection| {
            let imported = import(conn, &costs, noted.at)?;
            audit::note(conn, &noted).map(|()| imported)
        };
        self.writer()?.write(work).await
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

fn import(conn: &Connection, costs: &[Cost], at: Millis) -> Result<Imported, StoreError> {
    let mut imported = Imported::default();
    for cost in costs {
        if write(conn, "NOTHING", cost, at)? > 0 {
            imported.added += 1;
        } else {
            write(conn, REPLACE, cost, at)?;
            imported.replaced += 1;
        }
    }
    Ok(imported)
}

const REPLACE: &str = "UPDATE SET currency = excluded.currency, amount = excluded.amount, has_vat = excluded.has_vat,
    clicks = excluded.clicks, impressions = excluded.impressions, imported_at = excluded.imported_at";

fn write(conn: &Connection, on_conflict: &str, cost: &Cost, at: Millis) -> Result<usize, StoreError> {
    let values = rusqlite::params![
        cost.day.0,
        cost.provider,
        cost.channel,
        cost.source,
        cost.medium,
        cost.campaign,
        cost.term,
        cost.content,
        cost.campaign_id,
        cost.currency.as_str(),
        cost.amount.0,
        cost.has_vat,
        cost.clicks,
        cost.impressions,
        at.0,
    ];
    let sql = format!(
        "INSERT INTO cost (day, provider, channel, source, medium, campaign, term, content, campaign_id, currency, amount,
                           has_vat, clicks, impressions, imported_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         ON CONFLICT (day, provider, channel, source, medium, campaign, term, content, campaign_id) DO {on_conflict}"
    );
    conn.prepare_cached(&sql).and_then(|mut statement| statement.execute(values)).map_err(engine(DOING))
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
