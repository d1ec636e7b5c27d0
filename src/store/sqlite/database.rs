//! The SQLite files of a store's folder: where they are, and how connections to them are opened.
//!
//! Leads are synced with every commit. Visits are not: what a power cut takes is a moment's worth of addresses that name
//! no visit then, and no letter waits for theirs. What reports count is computed from both.

use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

use super::engine;
use crate::store::StoreError;

/// How long to wait for a lock that another process holds.
const PATIENCE: Duration = Duration::from_secs(5);

/// One file of a folder.
#[derive(Clone, Debug)]
pub struct Database {
    folder: PathBuf,
    file: &'static str,
    synchronous: &'static str,
}

impl Database {
    /// Leads, events and deliveries.
    pub fn leads(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), file: "leads.db", synchronous: "FULL" }
    }

    /// Visits and their addresses.
    pub fn visits(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), file: "visits.db", synchronous: "NORMAL" }
    }

    /// What reports count.
    pub fn facts(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), file: "reports.db", synchronous: "NORMAL" }
    }

    /// The same, for a connection that syncs every commit.
    pub fn synced(&self) -> Self {
        Self { synchronous: "FULL", ..self.clone() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.folder.join(self.file)
    }

    /// Makes folder and file if they are not there. They hold personal data: nobody but the service's user and group gets
    /// at them.
    pub fn make(&self) -> Result<(), StoreError> {
        let cannot = |source| StoreError::Folder { folder: self.folder.clone(), source };
        DirBuilder::new().recursive(true).mode(0o750).create(&self.folder).map_err(cannot)?;
        // What a link names in a folder of somebody else's is not made for him.
        let file = match OpenOptions::new().append(true).create_new(true).mode(0o640).open(self.path()) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                return self.path().metadata().map(drop).map_err(|_| cannot(e));
            }
            made => made.map_err(cannot)?,
        };
        let folder = self.folder.metadata().map_err(cannot)?;
        // What root makes beside a daemon of another user is that user's.
        if file.metadata().map_err(cannot)?.uid() != folder.uid() {
            fchown(&file, Some(folder.uid()), Some(folder.gid())).map_err(cannot)?;
        }
        Ok(())
    }

    /// Opens it for writing. What is deleted is overwritten: it is somebody's.
    pub fn open(&self) -> Result<Connection, StoreError> {
        let doing = "opening the store";
        let conn = Connection::open(self.path()).map_err(engine(doing))?;
        conn.busy_timeout(PATIENCE).map_err(engine(doing))?;
        write_ahead(&conn).map_err(engine(doing))?;
        conn.pragma_update(None, "synchronous", self.synchronous).map_err(engine(doing))?;
        conn.execute_batch(
            "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8000;
             PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864; PRAGMA secure_delete = ON",
        )
        .map_err(engine(doing))?;
        stable_plans(&conn).map_err(engine(doing))?;
        conn.set_prepared_statement_cache_capacity(64);
        Ok(conn)
    }

    /// Opens it for reading.
    pub fn open_reader(&self) -> Result<Connection, StoreError> {
        let doing = "opening the store for reading";
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(self.path(), flags).map_err(engine(doing))?;
        conn.busy_timeout(PATIENCE).map_err(engine(doing))?;
        conn.execute_batch("PRAGMA query_only = ON").map_err(engine(doing))?;
        stable_plans(&conn).map_err(engine(doing))?;
        Ok(conn)
    }
}

/// Of several processes that make a new store at once, one sets its journal. SQLite does not wait here for the others,
/// whatever the busy timeout: they would wait for each other.
fn write_ahead(conn: &Connection) -> rusqlite::Result<()> {
    let ends = Instant::now() + PATIENCE;
    loop {
        match conn.execute_batch("PRAGMA journal_mode = WAL") {
            Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < ends => {
                std::thread::sleep(Duration::from_millis(5));
            }
            result => return result,
        }
    }
}

/// Without it, a statement with a parameter in a condition or a LIMIT is planned anew for every value: ten times the work
/// of running it.
fn stable_plans(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}
