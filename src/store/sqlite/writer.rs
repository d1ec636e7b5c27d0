//! The one writer: a thread that takes jobs from a bounded queue and commits them in groups.
//!
//! A caller's answer is sent after the commit that holds its job, so "written" means synced. While one group commits,
//! the next one gathers; nobody waits for a timer. A job that fails before it has written anything leaves the others of
//! its group whole; one that fails or panics later fails its group, and the thread goes on. Savepoints would spare the
//! group, and cost every letter a copy of every page it touches.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, MAIN_DB};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};
use tracing::{error, warn};

use super::{checkpoint::Checkpointer, database::Database, is_served};
use crate::store::StoreError;

/// Jobs waiting at most; one more is refused, and its mail passes unrecorded, with a log line.
const QUEUE: usize = 4096;

/// Jobs of one commit at most, so that the first of them need not wait long.
const GROUP: usize = 256;

/// How long another program may hold the lock before what waits for it is given up.
const LOCKED: Duration = Duration::from_secs(60);

/// The shortest rest between two steps of work that is not urgent.
const REST: Duration = Duration::from_millis(1);

/// What the caller does about an answer that nobody waited for.
type Late<T> = fn(&Result<T, StoreError>);

/// The sending end of the writer's queue.
#[derive(Clone, Debug)]
pub struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
}

impl Writer {
    /// Starts the thread on `conn`.
    pub fn start(conn: Connection, database: Database) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let checkpointer = Checkpointer::start(database.clone())?;
        let thread = thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || run(conn, queue, checkpointer, &database))?;
        Ok((Self { jobs }, thread))
    }

    /// Runs `work` in the next group commit and waits for it.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.submit(work, true, |_| {}).await
    }

    /// Like `write`, and then leaves the writer to others for as long as that took: for work of many steps, none of them
    /// urgent.
    pub async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let begun = Instant::now();
        let done = self.write(work).await?;
        tokio::time::sleep(begun.elapsed().max(REST)).await;
        Ok(done)
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
        let runtime = Handle::try_current().ok();
        let job = Pending { work: Some(work), done: None, answer, runtime, keep_late, late };
        self.jobs.try_send(Box::new(job)).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy(QUEUE),
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })?;
        result.await.unwrap_or(Err(StoreError::Closed))
    }
}

/// A piece of work whose answer waits for the commit.
trait Job: Send {
    /// Does the work; an error says why what is written so far must not be committed.
    fn run(&mut self, conn: &Connection) -> Result<(), String>;
    fn answer(self: Box<Self>, committed: Result<(), String>);
    /// Where the caller waits.
    fn runtime(&self) -> Option<&Handle>;
}

struct Pending<T, W> {
    work: Option<W>,
    done: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
    runtime: Option<Handle>,
    keep_late: bool,
    late: Late<T>,
}

impl<T, W> Job for Pending<T, W>
where
    T: Send + 'static,
    W: FnOnce(&Connection) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, conn: &Connection) -> Result<(), String> {
        if !self.keep_late && self.answer.is_closed() {
            return Ok(());
        }
        let Some(work) = self.work.take() else { return Ok(()) };
        let before = conn.total_changes();
        let done = self.done.insert(work(conn));
        match done {
            // A full disk makes SQLite take the whole transaction back by itself; what came then would stand alone.
            Err(half_done) if conn.is_autocommit() || conn.total_changes() != before => Err(half_done.with_cause()),
            _ => Ok(()),
        }
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

    fn runtime(&self) -> Option<&Handle> {
        self.runtime.as_ref()
    }
}

fn run(
    mut conn: Connection,
    mut queue: mpsc::Receiver<Box<dyn Job>>,
    mut checkpointer: Checkpointer,
    database: &Database,
) {
    let mut group = Vec::with_capacity(GROUP);
    let mut failed = false;
    while queue.blocking_recv_many(&mut group, GROUP) > 0 {
        if failed {
            // A full or read-only disk may have left the connection in a state of its own; a fresh one has none. One
            // that is opened while the disk is read-only stays so for ever, hence the wait until it is needed.
            match database.open() {
                Ok(fresh) => conn = fresh,
                Err(e) => warn!("store could not be reopened: {e}"),
            }
        }
        let committed = commit(&conn, &mut group);
        failed = committed.is_err();
        if let Err(text) = &committed {
            error!("store could not write: {text}");
        }
        answer(std::mem::take(&mut group), &committed);
        if !failed {
            checkpointer.look_after(&conn);
        }
    }
    checkpointer.end(&conn, is_served(database.folder()));
}

fn commit(conn: &Connection, group: &mut [Box<dyn Job>]) -> Result<(), String> {
    // Such a connection begins and commits without complaint; only the writes in between fail.
    if conn.is_readonly(MAIN_DB).map_err(|e| e.to_string())? {
        return Err("attempt to write a read-only database".to_owned());
    }
    begin(conn).map_err(|e| e.to_string())?;
    let done = catch_unwind(AssertUnwindSafe(|| group.iter_mut().try_for_each(|job| job.run(conn))))
        .unwrap_or_else(|_| Err("a write panicked".to_owned()))
        .and_then(|()| say(conn, "COMMIT").map_err(|e| e.to_string()));
    // The engine may have taken it back by itself.
    if done.is_err()
        && !conn.is_autocommit()
        && let Err(e) = say(conn, "ROLLBACK")
    {
        warn!("a group of writes could not be taken back, the store is opened anew: {e}");
    }
    done
}

/// Begins to write. While another program holds the lock, what waits here goes on waiting: nothing of it is written yet, and
/// whose letters they are has gone on by then.
fn begin(conn: &Connection) -> rusqlite::Result<()> {
    let ends = Instant::now() + LOCKED;
    loop {
        match say(conn, "BEGIN IMMEDIATE") {
            Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < ends => {
                warn!("another program has been writing to the store for seconds: waiting for it");
            }
            begun => return begun,
        }
    }
}

/// Said with every group, so it is not read anew each time.
fn say(conn: &Connection, statement: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(statement)?.execute([]).map(drop)
}

/// Each runtime is woken once for all of its callers: a wake from another thread is a system call.
fn answer(mut group: Vec<Box<dyn Job>>, committed: &Result<(), String>) {
    let id = |job: &dyn Job| job.runtime().map(Handle::id);
    while let Some(runtime) = group.last().map(|job| job.runtime().cloned()) {
        let of_others = runtime.as_ref().map(Handle::id);
        let (here, others) = group.into_iter().partition(|job| id(job.as_ref()) == of_others);
        group = others;
        let committed = committed.clone();
        let answers = move |jobs: Vec<Box<dyn Job>>| jobs.into_iter().for_each(|job| job.answer(committed.clone()));
        match runtime {
            Some(runtime) => drop(runtime.spawn(async move { answers(here) })),
            None => answers(here),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn insert(conn: &Connection) -> Result<(), StoreError> {
        conn.execute("INSERT INTO harvester VALUES (hex(randomblob(8)), 'hidden@company.ru', 0)", []).unwrap();
        Ok(())
    }

    /// Holds the lock until it was asked for so many times.
    static LOCK: Mutex<Option<(Connection, i32)>> = Mutex::new(None);

    fn let_go_at_the_third(_: i32) -> bool {
        let mut lock = LOCK.lock().unwrap();
        if let Some((_, asked)) = &mut *lock {
            *asked += 1;
        }
        lock.take_if(|(_, asked)| *asked == 3);
        false
    }

    #[test]
    fn a_group_waits_until_another_program_lets_go_of_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::leads(folder.path());
        database.make().unwrap();
        let (mut conn, other) = (database.open().unwrap(), database.open().unwrap());
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        *LOCK.lock().unwrap() = Some((other, 0));
        conn.busy_handler(Some(let_go_at_the_third)).unwrap();
        assert_eq!(commit(&conn, &mut []), Ok(()));
        assert!(LOCK.lock().unwrap().is_none());
    }

    /// What becomes of three writes in one group of which the second does this, and how many rows are there afterwards.
    async fn group(
        second: impl FnOnce(&Connection) -> Result<(), StoreError> + Send + 'static,
    ) -> (Vec<String>, Result<i64, StoreError>) {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::leads(folder.path());
        let mut conn = database.open().unwrap();
        super::super::migrate::migrate(&mut conn, super::super::migrate::LEADS, || false).unwrap();
        let (writer, _thread) = Writer::start(conn, database).unwrap();
        // A first write holds the thread until the three have gathered behind it.
        let (go, gone) = std::sync::mpsc::channel();
        let (began, has_begun) = oneshot::channel();
        let hold = move |_: &Connection| {
            began.send(()).unwrap();
            gone.recv().unwrap();
            Ok(())
        };
        let holding = writer.clone();
        let first = tokio::spawn(async move { holding.write(hold).await });
        has_begun.await.unwrap();
        let (a, b, c) = (writer.write(insert), writer.write(second), writer.write(insert));
        let release = async { go.send(()).unwrap() };
        let (a, b, c, ()) = tokio::join!(a, b, c, release);
        first.await.unwrap().unwrap();
        let said = [a, b, c].map(|done| done.map_or_else(|e| e.to_string(), |()| "written".to_owned()));
        let count =
            |conn: &Connection| Ok(conn.query_row("SELECT count(*) FROM harvester", [], |row| row.get(0)).unwrap());
        (said.into(), writer.write(count).await)
    }

    #[tokio::test]
    async fn a_write_that_fails_before_it_has_written_leaves_the_others_whole() {
        let (said, rows) = group(|_| Err(StoreError::Busy(7))).await;
        assert_eq!(said, ["written", "store is behind: 7 writes are waiting", "written"]);
        assert_eq!(rows.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_write_that_fails_half_done_takes_its_group_along_and_the_thread_goes_on() {
        let (said, rows) = group(|conn| insert(conn).and(Err(StoreError::Busy(7)))).await;
        assert_eq!(said, ["store could not write: store is behind: 7 writes are waiting"; 3]);
        assert_eq!(rows.unwrap(), 0);
    }

    #[tokio::test]
    async fn after_a_rollback_by_the_engine_itself_nothing_of_the_group_is_written() {
        let (said, rows) = group(|conn| {
            conn.execute_batch("ROLLBACK").unwrap();
            Err(StoreError::Busy(7))
        })
        .await;
        assert_eq!(said, ["store could not write: store is behind: 7 writes are waiting"; 3]);
        assert_eq!(rows.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_panic_takes_its_group_along_and_the_thread_goes_on() {
        let (said, rows) = group(|conn| insert(conn).map(|()| panic!("a fault inside"))).await;
        assert_eq!(said, ["store could not write: a write panicked"; 3]);
        assert_eq!(rows.unwrap(), 0);
    }
}
