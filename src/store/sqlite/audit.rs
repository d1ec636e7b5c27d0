//! The audit log: entries are added, and listed newest first.

use rusqlite::{Connection, Row};

use super::{Store, engine, read::Where};
use crate::{
    clock::Millis,
    store::{AuditEntry, AuditFilter, Audited, StoreError},
};

const DOING: &str = "writing the audit log";

impl Store {
    /// Adds an entry to the audit log.
    pub async fn note_audit(&self, entry: AuditEntry) -> Result<(), StoreError> {
        self.writer()?.write(move |conn| note(conn, &entry)).await
    }

    /// Entries of the audit log, newest first.
    pub fn audit(&self, filter: &AuditFilter) -> Result<Vec<Audited>, StoreError> {
        let (since, until) = (filter.since.map(|at| at.0), filter.until.map(|at| at.0));
        let where_ = Where::new()
            .and("who =", &filter.who)
            .and("did =", &filter.did)
            .and("at >=", &since)
            .and("at <", &until)
            .and("id <", &filter.before);
        let sql = format!(
            "SELECT id, at, who, did, what, details FROM audit{} ORDER BY id DESC LIMIT {}",
            where_.sql, filter.limit
        );
        self.list(&sql, &where_.values, audited)
    }
}

/// Adds an entry in the commit of what it tells of.
pub(super) fn note(conn: &Connection, entry: &AuditEntry) -> Result<(), StoreError> {
    let AuditEntry { at, who, did, what, details } = entry;
    conn.prepare_cached("INSERT INTO audit (at, who, did, what, details) VALUES ($1, $2, $3, $4, $5)")
        .and_then(|mut statement| statement.execute((at.0, who, did, what, details)))
        .map(drop)
        .map_err(engine(DOING))
}

fn audited(row: &Row<'_>) -> rusqlite::Result<Audited> {
    let entry = AuditEntry {
        at: Millis(row.get(1)?),
        who: row.get(2)?,
        did: row.get(3)?,
        what: row.get(4)?,
        details: row.get(5)?,
    };
    Ok(Audited { id: row.get(0)?, entry })
}
