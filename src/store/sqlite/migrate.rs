//! Brings a store to the schema this build knows: numbered files, forward only, each applied once and never edited.
//!
//! A store that is newer than the build, or whose applied migrations read otherwise today, is refused untouched.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use sha2::{Digest, Sha256};

use super::engine;
use crate::{clock::Millis, store::StoreError};

/// One step of a schema.
pub struct Migration {
    number: i64,
    name: &'static str,
    sql: &'static str,
}

/// The schema of `leads.db`.
pub const LEADS: &[Migration] = &[
    Migration { number: 1, name: "leads", sql: include_str!("migrations/0001_leads.sql") },
    Migration { number: 2, name: "kinds", sql: include_str!("migrations/0002_kinds.sql") },
    Migration { number: 3, name: "known", sql: include_str!("migrations/0003_known.sql") },
    Migration { number: 4, name: "circuit", sql: include_str!("migrations/0004_circuit.sql") },
    Migration { number: 5, name: "visitor", sql: include_str!("migrations/0005_visitor.sql") },
    Migration { number: 6, name: "api_tokens", sql: include_str!("migrations/0006_api_tokens.sql") },
    Migration { number: 7, name: "feedback", sql: include_str!("migrations/0007_feedback.sql") },
    Migration { number: 8, name: "people", sql: include_str!("migrations/0008_people.sql") },
    Migration { number: 9, name: "mailing", sql: include_str!("migrations/0009_mailing.sql") },
];

/// The schema of `visits.db`.
pub const VISITS: &[Migration] = &[
    Migration { number: 1, name: "visits", sql: include_str!("visits/migrations/0001_visits.sql") },
    Migration { number: 2, name: "tally", sql: include_str!("visits/migrations/0002_tally.sql") },
    Migration { number: 3, name: "tally_hour", sql: include_str!("visits/migrations/0003_tally_hour.sql") },
];

/// Applies what is missing, all of it or nothing. While a daemon that began with the older schema serves the store, it is
/// left as it is: the daemon would find its tables gone.
///
/// Statistics of tables that an older version took when it was closed are forgotten: a store that was small then would be
/// planned for as a small one for ever, which means reading whole tables; without any, SQLite expects much and takes the
/// indexes.
pub fn migrate(
    conn: &mut Connection,
    migrations: &[Migration],
    is_served: impl FnOnce() -> bool,
) -> Result<(), StoreError> {
    let doing = "bringing the schema up to date";
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(engine(doing))?;
    tx.execute_batch(
        "CREATE TABLE IF NOT EXISTS migration (
             number     INTEGER PRIMARY KEY,
             name       TEXT    NOT NULL,
             sha256     BLOB    NOT NULL,
             applied_at INTEGER NOT NULL
         ) STRICT",
    )
    .map_err(engine(doing))?;
    let known = migrations.last().map_or(0, |last| last.number);
    let found: i64 =
        tx.query_row("SELECT coalesce(max(number), 0) FROM migration", [], |row| row.get(0)).map_err(engine(doing))?;
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    if found > 0 && found < known && is_served() {
        return Err(StoreError::Served);
    }
    for migration in migrations {
        let digest = Sha256::digest(migration.sql).to_vec();
        let applied: Option<Vec<u8>> = tx
            .query_row("SELECT sha256 FROM migration WHERE number = $1", [migration.number], |row| row.get(0))
            .optional()
            .map_err(engine(doing))?;
        match applied {
            Some(same) if same == digest => {}
            Some(_) => return Err(StoreError::Altered(migration.number)),
            None => {
                tx.execute_batch(migration.sql).map_err(engine(doing))?;
                tx.execute(
                    "INSERT INTO migration (number, name, sha256, applied_at) VALUES ($1, $2, $3, $4)",
                    (migration.number, migration.name, digest, Millis::now().0),
                )
                .map_err(engine(doing))?;
            }
        }
    }
    tx.execute_batch("DROP TABLE IF EXISTS sqlite_stat1; DROP TABLE IF EXISTS sqlite_stat4").map_err(engine(doing))?;
    tx.commit().map_err(engine(doing))?;
    // What this connection has read of them goes with its picture of the schema, which it makes anew.
    conn.execute_batch("PRAGMA writable_schema = RESET").map_err(engine(doing))
}

/// Refuses a store of another schema than this build's to a program that only reads, and that would not find its tables.
pub fn demand_current(conn: &Connection, migrations: &[Migration]) -> Result<(), StoreError> {
    let known = migrations.last().map_or(0, |last| last.number);
    let found: i64 = conn
        .query_row("SELECT coalesce(max(number), 0) FROM migration", [], |row| row.get(0))
        .map_err(engine("reading the schema"))?;
    match found {
        _ if found > known => Err(StoreError::TooNew { found, known }),
        _ if found < known => Err(StoreError::TooOld { found, known }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Migration = Migration { number: 1, name: "one", sql: "CREATE TABLE a (x INTEGER) STRICT" };
    const TWO: Migration = Migration { number: 2, name: "two", sql: "CREATE TABLE b (x INTEGER) STRICT" };

    #[test]
    fn an_upgrade_keeps_data_and_runs_once() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, &[ONE], || false).unwrap();
        conn.execute("INSERT INTO a VALUES (7)", []).unwrap();
        migrate(&mut conn, &[ONE, TWO], || false).unwrap();
        migrate(&mut conn, &[ONE, TWO], || false).unwrap();
        let kept: i64 = conn.query_row("SELECT x FROM a", [], |row| row.get(0)).unwrap();
        let applied: i64 = conn.query_row("SELECT count(*) FROM migration", [], |row| row.get(0)).unwrap();
        assert_eq!((kept, applied), (7, 2));
    }

    #[test]
    fn a_store_that_was_once_small_is_not_taken_for_small_for_ever() {
        let mut conn = Connection::open_in_memory().unwrap();
        let table = "CREATE TABLE a (x INTEGER PRIMARY KEY, y INTEGER) STRICT; CREATE INDEX b ON a (y)";
        migrate(&mut conn, &[Migration { sql: table, ..ONE }], || false).unwrap();
        conn.execute_batch("INSERT INTO a VALUES (1, 1); ANALYZE").unwrap();
        let plan = |conn: &Connection| -> String {
            let explained = "EXPLAIN QUERY PLAN SELECT * FROM a AS one JOIN a AS two ON two.x = one.y";
            let mut statement = conn.prepare(explained).unwrap();
            let lines = statement.query_map([], |row| row.get::<_, String>(3)).unwrap();
            lines.map(Result::unwrap).collect::<Vec<_>>().join("; ")
        };
        assert!(!plan(&conn).contains("SEARCH"), "{}", plan(&conn));
        migrate(&mut conn, &[Migration { sql: table, ..ONE }], || true).unwrap();
        assert!(plan(&conn).contains("SEARCH two USING INTEGER PRIMARY KEY"), "{}", plan(&conn));
    }

    #[test]
    fn a_store_that_is_served_is_left_as_it_is() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, &[ONE], || true).unwrap();
        assert!(matches!(migrate(&mut conn, &[ONE, TWO], || true), Err(StoreError::Served)));
        migrate(&mut conn, &[ONE], || true).unwrap();
        migrate(&mut conn, &[ONE, TWO], || false).unwrap();
        migrate(&mut conn, &[ONE, TWO], || true).unwrap();
    }

    #[test]
    fn a_newer_store_is_refused() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, &[ONE, TWO], || false).unwrap();
        assert!(matches!(migrate(&mut conn, &[ONE], || false), Err(StoreError::TooNew { found: 2, known: 1 })));
    }

    #[test]
    fn an_altered_migration_is_refused() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, &[ONE], || false).unwrap();
        let altered = Migration { sql: "CREATE TABLE a (y INTEGER) STRICT", ..ONE };
        assert!(matches!(migrate(&mut conn, &[altered], || false), Err(StoreError::Altered(1))));
    }

    #[test]
    fn a_migration_that_fails_leaves_nothing() {
        let mut conn = Connection::open_in_memory().unwrap();
        let broken = Migration { number: 2, name: "broken", sql: "CREATE TABLE c (x INTEGER); SELECT nonsense" };
        assert!(migrate(&mut conn, &[ONE, broken], || false).is_err());
        let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0)).unwrap();
        assert_eq!(tables, 0);
    }
}
