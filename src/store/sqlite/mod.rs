//! The embedded engine: one folder with one SQLite file, WAL, every commit synced.
//!
//! `writer` holds the only connection that records, `checkpoint` keeps its log short, `read` is what listings use. The SQL
//! keeps to what SQLite and PostgreSQL share: `$n` in order of first appearance, ON CONFLICT, RETURNING, partial indexes.

mod api_tokens;
mod audit;
mod bulk;
mod checkpoint;
mod circuit;
mod cost_months;
mod costs;
mod database;
mod deliveries;
mod erase;
mod facts;
mod foresee;
mod forget;
mod known;
mod lead_page;
mod leak;
mod mailing;
mod mark;
mod migrate;
mod outcomes;
mod people;
mod purge;
mod queue;
mod read;
mod record;
mod replay;
mod scrub;
mod series;
mod standing;
mod thread;
mod varint;
mod visits;
mod withheld;
mod writer;

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
    thread::JoinHandle,
    time::Duration,
};

use rusqlite::Connection;
use tokio::sync::Notify;
use tracing::warn;

pub use self::{
    bulk::Bulk,
    facts::{Facts, Snapshot, Visited},
    foresee::Foreseen,
    people::PersonChange,
    queue::Pick,
    visits::{Claims, Retained, Retention, Visits},
};
use self::{database::Database, writer::Writer};
use super::{AddressState, Commit, Mark, NewLead, Recorded, StoreError};
use crate::{clock::Millis, config::Config, lead::Lead};

/// Locked by the daemon whose outbox leases deliveries, for as long as it lives.
const OUTBOX_LOCK: &str = "outbox.lock";

/// A handle on the store; clones share one writer and one reader.
#[derive(Clone, Debug)]
pub struct Store {
    folder: Arc<Path>,
    writer: Option<Writer>,
    reader: Arc<Mutex<Connection>>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    due: Arc<Notify>,
    visits: Arc<OnceLock<Visits>>,
    outbox_lock: Option<Arc<File>>,
}

impl Store {
    /// Opens or makes the store in `folder`, applies migrations, and starts the writer thread.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let database = Database::leads(folder);
        database.make()?;
        let mut conn = database.open()?;
        migrate::migrate(&mut conn, migrate::LEADS, || is_served(folder))?;
        let reader = database.open_reader()?;
        let cannot = |source| StoreError::Folder { folder: folder.to_owned(), source };
        let (writer, thread) = Writer::start(conn, database).map_err(cannot)?;
        Ok(Self { writer: Some(writer), ..Self::of(folder, reader, Some(thread)) })
    }

    /// Opens or makes what a config needs: leads, and visits where addresses name some.
    pub fn open_for(config: &Config) -> Result<Self, StoreError> {
        let store = Self::open(&config.store.folder)?;
        match config.dynamic {
            Some(_) => store.open_visits(&config.store.folder)?,
            None => Visits::bring_up_to_date(&config.store.folder)?,
        }
        Ok(store)
    }

    /// Opens an existing store for listings; it refuses to write.
    pub fn open_read(folder: &Path) -> Result<Self, StoreError> {
        if !file_in(folder).exists() {
            return Err(StoreError::Missing(folder.to_owned()));
        }
        let reader = Database::leads(folder).open_reader()?;
        migrate::demand_current(&reader, migrate::LEADS)?;
        Ok(Self::of(folder, reader, None))
    }

    /// The same store with a connection of its own to read by: whoever reads long holds up nobody else.
    pub fn beside(&self, folder: &Path) -> Result<Self, StoreError> {
        let reader = Database::leads(folder).open_reader()?;
        Ok(Self { reader: Arc::new(Mutex::new(reader)), ..self.clone() })
    }

    fn of(folder: &Path, reader: Connection, thread: Option<JoinHandle<()>>) -> Self {
        Self {
            folder: folder.into(),
            writer: None,
            reader: Arc::new(Mutex::new(reader)),
            thread: Arc::new(Mutex::new(thread)),
            due: Arc::new(Notify::new()),
            visits: Arc::default(),
            outbox_lock: None,
        }
    }

    /// Records a lead with its event and deliveries in one durable transaction; a known message adds nothing.
    /// `None` for a letter to a mailbox itself that is not recorded, for one that is older than what is kept, and for a copy of
    /// one that was erased.
    pub async fn record(
        &self,
        new: impl Into<Box<NewLead>>,
        commit: Commit,
    ) -> Result<Option<Box<Recorded>>, StoreError> {
        let new = new.into();
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

    /// Opens the visits beside the leads, for all clones.
    pub fn open_visits(&self, folder: &Path) -> Result<(), StoreError> {
        if self.visits.get().is_none() {
            let visits = if self.writer.is_some() { Visits::open(folder)? } else { Visits::open_read(folder)? };
            // Another may have been as fast: then there is one already.
            drop(self.visits.set(visits));
        }
        Ok(())
    }

    /// The same, where there are some.
    pub fn open_visits_if_any(&self) -> Result<(), StoreError> {
        if Database::visits(&self.folder).path().exists() { self.open_visits(&self.folder) } else { Ok(()) }
    }

    /// The visits, once they were opened.
    pub fn visits(&self) -> Option<&Visits> {
        self.visits.get()
    }

    /// Whether the thread that writes gets to new work.
    pub async fn writes(&self) -> Result<(), StoreError> {
        self.writer()?.write(|_| Ok(())).await
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
fn told_late(result: &Result<Option<Box<Recorded>>, StoreError>) {
    match result {
        Ok(None) => {}
        Ok(Some(recorded)) => {
            warn!("lead={} was recorded after its message had been answered without it", recorded.lead.lead_id)
        }
        Err(e) => warn!("a lead was not recorded: {e}"),
    }
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
    Database::leads(folder).path()
}
