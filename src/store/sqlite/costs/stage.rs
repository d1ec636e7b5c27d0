//! Imports many costs at once without holding up mail.
//!
//! Rows are put beside the table first, a few at a time, so that letters are recorded between them; one statement then
//! takes them all over, in a quarter of the time that row by row would take. A store that is closed, a disk that is full or
//! a process that is killed before that statement is committed leaves the table as it was.

use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;

use super::super::{audit, engine, writer::Writer};
use crate::store::{AuditEntry, Cost, Imported, StoreError};

const DOING: &str = "importing costs";

/// Rows that are put beside the table at a time: some hundredth of a second.
const CHUNK: usize = 2_000;

/// What tells the imports of one process apart.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Keeps costs, all of them or none.
pub(super) async fn import(writer: Writer, costs: Vec<Cost>, noted: AuditEntry) -> Result<Imported, StoreError> {
    let stage = format!("cost_import_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let done = staged(&writer, &stage, costs, noted).await;
    // One that has failed may have left it; there is none if the writer has had to open its connection anew.
    let sql = format!("DROP TABLE IF EXISTS temp.{stage}");
    let dropped = writer.write(move |conn| conn.execute_batch(&sql).map_err(engine(DOING))).await;
    let imported = done?;
    dropped.map(|()| imported)
}

async fn staged(writer: &Writer, stage: &str, costs: Vec<Cost>, noted: AuditEntry) -> Result<Imported, StoreError> {
    let sql = format!("CREATE TEMP TABLE {stage} AS SELECT * FROM cost WHERE false");
    writer.write(move |conn| conn.execute_batch(&sql).map_err(engine(DOING))).await?;
    let (rows, at) = (costs.len() as u64, noted.at.0);
    let mut costs = costs.into_iter();
    loop {
        let chunk: Vec<Cost> = costs.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            break;
        }
        let sql = format!(
            "INSERT INTO temp.{stage} VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
        );
        writer.write(move |conn| put(conn, &sql, &chunk, at)).await?;
    }
    let stage = stage.to_owned();
    writer.write(move |conn| take_over(conn, &stage, rows, &noted)).await
}

fn put(conn: &Connection, sql: &str, costs: &[Cost], at: i64) -> Result<(), StoreError> {
    let mut statement = conn.prepare(sql).map_err(engine(DOING))?;
    for cost in costs {
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
            at,
        ];
        statement.execute(values).map_err(engine(DOING))?;
    }
    Ok(())
}

/// Adds what is new and replaces what is different; what is told again as it was stays as it is.
fn take_over(conn: &Connection, stage: &str, rows: u64, noted: &AuditEntry) -> Result<Imported, StoreError> {
    let key = "(day, provider, channel, source, medium, campaign, term, content, campaign_id)";
    let all = format!("INSERT INTO cost SELECT * FROM temp.{stage} WHERE true ON CONFLICT {key} DO");
    let changed = |sql: &str| conn.execute(sql, []).map(|rows| rows as u64).map_err(engine(DOING));
    let added = changed(&format!("{all} NOTHING"))?;
    let replaced = if added == rows {
        0
    } else {
        changed(&format!(
            "{all} UPDATE SET currency = excluded.currency, amount = excluded.amount, has_vat = excluded.has_vat,
                 clicks = excluded.clicks, impressions = excluded.impressions, imported_at = excluded.imported_at
             WHERE cost.currency <> excluded.currency OR cost.amount <> excluded.amount
                 OR cost.has_vat IS DISTINCT FROM excluded.has_vat OR cost.clicks IS DISTINCT FROM excluded.clicks
                 OR cost.impressions IS DISTINCT FROM excluded.impressions"
        ))?
    };
    audit::note(conn, noted)?;
    Ok(Imported { added, replaced, unchanged: rows.saturating_sub(added + replaced) })
}
