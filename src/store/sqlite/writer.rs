//! The one writer: a thread that takes jobs from a bounded queue and commits them in groups.
//!
//! A caller's answer is sent after the commit that holds its job, so "written" means synced. While one group commits,
//! the next one gathers; nobody waits for a timer. Each job runs in a savepoint: one that fails leaves the others of
//! its group whole. A panic in a job fails that group, and the thread goes on.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    thread::{self, JoinHandle},
};

use rusqlite::{Connection, MAIN_DB, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use super::{engine, open_connection};
use crate::store::StoreError;

/// Jobs waiting at most; one more is refused, and its mail passes unrecorded, with a log line.
const QUEUE: usize = 4096;

/// Jobs of one commit at most, so that the first of them need not wait long.
const GROUP: usize = 256;

/// What the caller does about an answer that nobody waited for.
type Late<T> = fn(&Result<T, StoreError>);

/// The sending end of the writer's queue.
#[derive(Clone, Debug)]
pub struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
}

impl Writer {
    /// Starts the thread on `conn`.
    pub fn start(conn: Connection, folder: PathBuf) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new().name("store-writer".into()).spawn(move || run(conn, queue, &folder))?;
        Ok((Self { jobs }, thread))
    }

    /// Runs `work` in the next group commit and waits for it.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.submit(work, true, |_| {}).await
    }

    /// Like `write`; if the caller stops waiting, the work is done all the same unless `keep_late` is false, and
    /// `late` is told of its result.
    pub async fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        keep_late: bool,
        late: Late<T>,
    ) -> Result<T, StoreError> {
        let (answer, result) = oneshot::channel();
        let job = Pending { work: Some(work), done: None, answer, keep_late, late };
        self.jobs.try_send(Box::new(job)).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy(QUEUE),
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })?;
        result.await.unwrap_or(Err(StoreError::Closed))
    }
}

/// A piece of work whose answer waits for the commit.
trait Job: Send {
    fn run(&mut self, conn: &Connection);
    fn answer(self: Box<Self>, committed: Result<(), String>);
}

struct Pending<T, W> {
    work: Option<W>,
    done: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
    keep_late: bool,
    late: Late<T>,
}

impl<T: Send, W: FnOnce(&Connection) -> Result<T, StoreError> + Send> Job for Pending<T, W> {
    fn run(&mut self, conn: &Connection) {
        if !self.keep_late && self.answer.is_closed() {
            return;
        }
        self.done = self.work.take().map(|work| in_savepoint(conn, work));
    }

    fn answer(self: Box<Self>, committed: Result<(), String>) {
        // Left out because its caller had gone, who was told so then.
        if self.done.is_none() && !self.keep_late && self.answer.is_closed() {
            return;
        }
        let done = self.done.unwrap_or(Err(StoreError::Closed));
        if let Err(unheard) = self.answer.send(committed.map_err(StoreError::Write).and(done)) {
            (self.late)(&unheard);
        }
    }
}

fn in_savepoint<T>(
    conn: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let doing = "opening a savepoint";
    conn.execute_batch("SAVEPOINT job").map_err(engine(doing))?;
    let done = work(conn);
    let end = if done.is_ok() { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
    conn.execute_batch(end).map_err(engine(doing))?;
    done
}

fn run(mut conn: Connection, mut queue: mpsc::Receiver<Box<dyn Job>>, folder: &Path) {
    let mut group = Vec::with_capacity(GROUP);
    let mut failed = false;
    while queue.blocking_recv_many(&mut group, GROUP) > 0 {
        if failed {
            // A full or read-only disk may have left the connection in a state of its own; a fresh one has none. One
            // that is opened while the disk is read-only stays so for ever, hence the wait until it is needed.
            match open_connection(folder) {
                Ok(fresh) => conn = fresh,
                Err(e) => warn!("store could not be reopened: {e}"),
            }
        }
        let committed = commit(&mut conn, &mut group);
        failed = committed.is_err();
        if let Err(text) = &committed {
            error!("store could not write: {text}");
        }
        for job in group.drain(..) {
            job.answer(committed.clone());
        }
    }
    if let Err(e) = conn.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE)") {
        warn!("store was closed without a checkpoint: {e}");
    }
}

fn commit(conn: &mut Connection, group: &mut [Box<dyn Job>]) -> Result<(), String> {
    // Such a connection begins and commits without complaint; only the writes in between fail.
    if conn.is_readonly(MAIN_DB).map_err(|e| e.to_string())? {
        return Err("attempt to write a read-only database".to_owned());
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|e| e.to_string())?;
    catch_unwind(AssertUnwindSafe(|| group.iter_mut().for_each(|job| job.run(&tx))))
        .map_err(|_| "a write panicked".to_owned())?;
    tx.commit().map_err(|e| e.to_string())
}
