//! The embedded engine: one folder with one SQLite file, WAL, every commit synced.
//!
//! `writer` holds the only connection that records, `checkpoint` keeps its log short, `read` is what listings use. The SQL
//! keeps to what SQLite and PostgreSQL share: `$n` in order of first appearance, ON CONFLICT, RETURNING, partial indexes.

mod checkpoint;
mod circuit;
mod deliveries;
mod foresee;
mod known;
mod leak;
mod mark;
mod migrate;
mod queue;
mod read;
mod record;
mod replay;
mod series;
mod standing;
mod thread;
mod withheld;
mod writer;

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};
use tokio::sync::Notify;
use tracing::warn;

use self::writer::Writer;
pub use self::{foresee::Foreseen, queue::Pick};
use super::{AddressState, Commit, Mark, NewLead, Recorded, StoreError};
use crate::{clock::Millis, lead::Lead};

const FILE: &str = "leads.db";

/// How long to wait for a lock that another process holds.
const PATIENCE: Duration = Duration::from_secs(5);

/// Locked by the daemon whose outbox leases deliveries, for as long as it lives.
const OUTBOX_LOCK: &str = "outbox.lock";

/// A handle on the store; clones share one writer and one reader.
#[derive(Clone, Debug)]
pub struct Store {
    writer: Option<Writer>,
    reader: Arc<Mutex<Connection>>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    due: Arc<Notify>,
    outbox_lock: Option<Arc<File>>,
}

impl Store {
    /// Opens or makes the store in `folder`, applies migrations, and starts the writer thread.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let cannot = |source| StoreError::Folder { folder: folder.to_owned(), source };
        // Leads are personal data: nobody but the service's user and group gets at them.
        DirBuilder::new().recursive(true).mode(0o750).create(folder).map_err(cannot)?;
        let file = folder.join(FILE);
        OpenOptions::new().append(true).create(true).mode(0o640).open(&file).map_err(cannot)?;
        let mut conn = open_connection(folder)?;
        migrate::migrate(&mut conn, || is_served(folder))?;
        let reader = open_reader(folder)?;
        let (writer, thread) = Writer::start(conn, folder.to_owned()).map_err(cannot)?;
        Ok(Self { writer: Some(writer), ..Self::of(reader, Some(thread)) })
    }

    /// Opens an existing store for listings; it refuses to write.
    pub fn open_read(folder: &Path) -> Result<Self, StoreError> {
        if !folder.join(FILE).exists() {
            return Err(StoreError::Missing(folder.to_owned()));
        }
        let reader = open_reader(folder)?;
        migrate::demand_current(&reader)?;
        Ok(Self::of(reader, None))
    }

    fn of(reader: Connection, thread: Option<JoinHandle<()>>) -> Self {
        Self {
            writer: None,
            reader: Arc::new(Mutex::new(reader)),
            thread: Arc::new(Mutex::new(thread)),
            due: Arc::new(Notify::new()),
            outbox_lock: None,
        }
    }

    /// Records a lead with its event and deliveries in one durable transaction; a known message adds nothing.
    /// `None` for a letter to a mailbox itself that is not recorded.
    pub async fn record(&self, new: NewLead, commit: Commit) -> Result<Option<Recorded>, StoreError> {
        let keep_late = new.keep_late;
        let recorded =
            self.writer()?.submit(move |conn| record::record(conn, new, commit), keep_late, told_late).await?;
        if commit == Commit::Durable && recorded.as_ref().is_some_and(|recorded| !recorded.duplicate) {
            self.due.notify_waiters();
        }
        Ok(recorded)
    }

    /// Corrects the kind of a recorded message. Gives back the lead as it stands now; `None` if there is no such lead.
    pub async fn mark(&self, mark: Mark) -> Result<Option<Lead>, StoreError> {
        let marked = self.writer()?.write(move |conn| mark::mark(conn, &mark)).await?;
        self.due.notify_waiters();
        Ok(marked)
    }

    /// Sets or forgets what is known of an address beside the config.
    pub async fn set_address(
        &self,
        address: &str,
        state: Option<AddressState>,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        let (address, reason) = (address.to_owned(), reason.map(str::to_owned));
        self.writer()?.write(move |conn| leak::set(conn, &address, state, Millis::now(), reason.as_deref())).await
    }

    /// Wakes every waiter when this process has added deliveries.
    pub fn due(&self) -> &Notify {
        &self.due
    }

    /// Lets queued writes finish, then ends the writer thread; clones that still write get [`StoreError::Closed`]
    /// once the last of them is gone.
    pub async fn close(self, within: Duration) {
        let thread = self.thread.lock().ok().and_then(|mut slot| slot.take());
        drop(self);
        let Some(thread) = thread else { return };
        let joined = tokio::task::spawn_blocking(move || thread.join());
        if tokio::time::timeout(within, joined).await.is_err() {
            warn!("store writer did not finish within {within:?}");
        }
    }

    fn writer(&self) -> Result<&Writer, StoreError> {
        self.writer.as_ref().ok_or(StoreError::Closed)
    }
}

/// Whether a daemon is at work on the store: it holds the lock of its outbox.
fn is_served(folder: &Path) -> bool {
    File::open(folder.join(OUTBOX_LOCK)).is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))
}

/// A lead that was written after its message was answered is no fault to mend, but the operator was told otherwise.
fn told_late(result: &Result<Option<Recorded>, StoreError>) {
    match result {
        Ok(None) => {}
        Ok(Some(recorded)) => {
            warn!("lead={} was recorded after its message had been answered without it", recorded.lead.lead_id)
        }
        Err(e) => warn!("a lead was not recorded: {e}"),
    }
}

fn open_connection(folder: &Path) -> Result<Connection, StoreError> {
    let doing = "opening the store";
    let conn = Connection::open(folder.join(FILE)).map_err(engine(doing))?;
    conn.busy_timeout(PATIENCE).map_err(engine(doing))?;
    write_ahead(&conn).map_err(engine(doing))?;
    conn.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -8000; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864",
    )
    .map_err(engine(doing))?;
    stable_plans(&conn).map_err(engine(doing))?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
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

fn open_reader(folder: &Path) -> Result<Connection, StoreError> {
    let doing = "opening the store for reading";
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(folder.join(FILE), flags).map_err(engine(doing))?;
    conn.busy_timeout(PATIENCE).map_err(engine(doing))?;
    conn.execute_batch("PRAGMA query_only = ON").map_err(engine(doing))?;
    Ok(conn)
}

/// Wraps an engine error with what was being done.
fn engine(doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError::Engine { doing, source }
}

fn unreadable(id: &str) -> impl Fn(serde_json::Error) -> StoreError {
    move |source| StoreError::Event { id: id.to_owned(), source }
}

/// For tests and messages: the file that a folder's store lives in.
pub fn file_in(folder: &Path) -> PathBuf {
    folder.join(FILE)
}
