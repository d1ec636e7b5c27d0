//! Outcomes: recorded once however often they are told, each with its event; listed.

mod find;
mod record;

use rusqlite::{Connection, Row, types::Type};

use super::{Store, engine, read::Where};
use crate::{
    clock::Millis,
    money::{Amount, Currency},
    outcome::{Outcome, OutcomeStatus},
    store::{Commit, NewOutcomes, OutcomeFilter, OutcomeRow, OutcomesRecorded, RefusedOutcome, StoreError},
};

const DOING: &str = "recording outcomes";

/// The columns of an [`Outcome`], in the order in which [`outcome`] reads them.
const COLUMNS: &str =
    "outcome.system, outcome.deal_id, outcome.status, outcome.stage, outcome.amount, outcome.currency,
    outcome.occurred_at";

impl Store {
    /// Records outcomes with their events, all of them or none: if the lead of one is not found, that is said of each such
    /// one. One that is known already is written again only if stage or amount differ.
    pub async fn record_outcomes(
        &self,
        new: NewOutcomes,
    ) -> Result<Result<OutcomesRecorded, Vec<RefusedOutcome>>, StoreError> {
        let work = move |conn: &Connection| {
            let leads = match find::leads(conn, &new.outcomes)? {
                Ok(leads) => leads,
                Err(refused) => return Ok(Err(refused)),
            };
            if new.commit == Commit::Durable {
                return record::all(conn, &new, &leads).map(Ok);
            }
            conn.execute_batch("SAVEPOINT dry").map_err(engine(DOING))?;
            let would_be = record::all(conn, &new, &leads);
            conn.execute_batch("ROLLBACK TO dry; RELEASE dry").map_err(engine(DOING))?;
            would_be.map(Ok)
        };
        let recorded = self.writer()?.write(work).await?;
        self.due.notify_waiters();
        Ok(recorded)
    }

    /// What became of a lead, the oldest first.
    pub fn outcomes_of(&self, lead_id: &str) -> Result<Vec<Outcome>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM outcome JOIN lead ON lead.sequence = outcome.lead WHERE lead.id = $1
             ORDER BY outcome.occurred_at, outcome.id"
        );
        self.list(&sql, &[&lead_id], outcome)
    }

    /// Outcomes, the newest first.
    pub fn outcomes(&self, filter: &OutcomeFilter) -> Result<Vec<OutcomeRow>, StoreError> {
        let (since, until) = (filter.since.map(|at| at.0), filter.until.map(|at| at.0));
        let where_ = Where::new()
            .and("lead.id =", &filter.lead_id)
            .and("outcome.system =", &filter.system)
            .and("outcome.status =", &filter.status)
            .and("outcome.occurred_at >=", &since)
            .and("outcome.occurred_at <", &until);
        let sql = format!(
            "SELECT {COLUMNS}, lead.id, outcome.recorded_at FROM outcome JOIN lead ON lead.sequence = outcome.lead{}
             ORDER BY outcome.occurred_at DESC, outcome.id DESC LIMIT {}",
            where_.sql, filter.limit
        );
        self.list(&sql, &where_.values, |row| {
            Ok(OutcomeRow { lead_id: row.get(7)?, outcome: outcome(row)?, recorded_at: Millis(row.get(8)?) })
        })
    }
}

fn outcome(row: &Row<'_>) -> rusqlite::Result<Outcome> {
    let wrong = |column, e: String| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, e.into());
    let (status, currency): (String, Option<String>) = (row.get(2)?, row.get(5)?);
    let currency = currency.map(|code| code.parse::<Currency>().map_err(|e| wrong(5, e.to_owned())));
    Ok(Outcome {
        system: row.get(0)?,
        deal_id: row.get(1)?,
        status: status.parse::<OutcomeStatus>().map_err(|e| wrong(2, e))?,
        stage: row.get(3)?,
        amount: row.get::<_, Option<i64>>(4)?.map(Amount),
        currency: currency.transpose()?,
        occurred_at: Millis(row.get(6)?),
    })
}
