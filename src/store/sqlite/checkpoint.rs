//! Copies the write-ahead log back into the database beside the writer, so that letters wait for little of it.
//!
//! Left alone, SQLite does that in whichever commit finds the log long: some thousand pages and two syncs, and every
//! letter behind them waits. Here a thread of its own copies and syncs, while the writer goes on appending; when little
//! is left, the writer copies the rest between two groups, and the log begins anew. Nothing here can fail a letter.

use std::{
    fs::File,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use rusqlite::Connection;
use tracing::warn;

use super::database::Database;

/// Pages in the log from which on it is copied back: 16 MiB.
const LONG: i64 = 4096;

/// Pages that the writer copies and syncs itself, while letters wait: 2 MiB.
const SHORT: i64 = 512;

/// Pages in the log from which on the writer waits for the thread: 512 MiB, after a listing of hours or on a disk that
/// copies slower than letters come.
const TOO_LONG: i64 = 32 * LONG;

/// How long it waits then between two groups: letters notice little, and the thread gets ahead.
const BREATH: Duration = Duration::from_millis(10);

/// The pages in the log, and how many of them are copied back.
struct Log {
    pages: i64,
    copied: i64,
}

/// Looks after the log of one writer.
pub struct Checkpointer {
    wanted: SyncSender<()>,
    thread: JoinHandle<()>,
    failed: bool,
}

impl Checkpointer {
    /// Starts the thread that copies.
    pub fn start(database: Database) -> std::io::Result<Self> {
        let (wanted, wish) = sync_channel(1);
        let thread = thread::Builder::new().name("checkpoint".into()).spawn(move || copy_on_wish(&database, &wish))?;
        Ok(Self { wanted, thread, failed: false })
    }

    /// To be called between two groups, with the writer's connection.
    pub fn look_after(&mut self, conn: &Connection) {
        let done = log(conn, "NOOP").and_then(|Log { pages, copied }| {
            if pages < LONG {
                return Ok(());
            }
            if pages - copied <= SHORT {
                return log(conn, "PASSIVE").map(drop);
            }
            // Full means that it is being seen to already.
            let _seen_to = self.wanted.try_send(());
            if pages >= TOO_LONG {
                thread::sleep(BREATH);
            }
            Ok(())
        });
        told(&done, &mut self.failed);
    }

    /// Waits for what is being copied, then copies what is left and shortens the file; beside a daemon at work on the store, whose
    /// writer would wait for that, only what can be copied without it.
    pub fn end(self, conn: &Connection, is_served: bool) {
        drop(self.wanted);
        drop(self.thread.join());
        let last = if is_served { "PRAGMA wal_checkpoint(PASSIVE)" } else { "PRAGMA wal_checkpoint(TRUNCATE)" };
        if let Err(e) = conn.execute_batch(last) {
            warn!("store was closed without a checkpoint: {e}");
        }
    }
}

fn copy_on_wish(database: &Database, wish: &Receiver<()>) {
    let mut conn = None;
    // SQLite syncs only with the last page of the log, and that one is the writer's. Never closed: closing any descriptor
    // of a file ends all locks that the process has on it (fcntl(2)), and SQLite holds some.
    let file: Option<&'static File> = File::open(database.path()).map(|file| &*Box::leak(Box::new(file))).ok();
    let mut failed = false;
    while wish.recv().is_ok() {
        // Opened when it is first of use, and again after a fault: a disk that was read-only then may not be now.
        let open = match conn.take() {
            Some(open) => Ok(open),
            None => database.open().map_err(|e| e.with_cause()),
        };
        let done = match open {
            Ok(open) => log(&open, "PASSIVE")
                .map(|_| conn = Some(open))
                .and_then(|()| file.map_or(Ok(()), File::sync_data).map_err(|e| e.to_string())),
            Err(e) => Err(e),
        };
        told(&done, &mut failed);
    }
}

/// Checkpoints in the given mode. `NOOP` only tells how long the log is, `PASSIVE` waits for nobody.
fn log(conn: &Connection, mode: &str) -> Result<Log, String> {
    conn.prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))
        .and_then(|mut statement| statement.query_row([], |row| Ok(Log { pages: row.get(1)?, copied: row.get(2)? })))
        .map_err(|e| e.to_string())
}

/// Once for every run of faults: leads are safe in the log, only it grows.
fn told(done: &Result<(), String>, failed: &mut bool) {
    match done {
        Err(e) if !*failed => warn!("the write-ahead log of the store cannot be copied back, it grows meanwhile: {e}"),
        _ => {}
    }
    *failed = done.is_err();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// A log of many pages, as a busy hour leaves it.
    fn grown(conn: &Connection, pages: usize) {
        conn.execute_batch("CREATE TABLE IF NOT EXISTS filler (x BLOB)").unwrap();
        conn.execute("INSERT INTO filler VALUES (zeroblob($1))", [pages * 4096]).unwrap();
    }

    fn measured(conn: &Connection) -> (i64, i64) {
        let Log { pages, copied } = log(conn, "NOOP").unwrap();
        (pages, copied)
    }

    #[test]
    fn a_long_log_is_copied_beside_the_writer_and_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::leads(folder.path());
        let conn = database.open().unwrap();
        let mut checkpointer = Checkpointer::start(database).unwrap();
        grown(&conn, 100);
        let (short, _) = measured(&conn);
        checkpointer.look_after(&conn);
        assert_eq!(measured(&conn), (short, 0), "a short log is left alone");
        grown(&conn, 2 * 4096);
        let (long, _) = measured(&conn);
        assert!(long > LONG, "{long}");
        checkpointer.look_after(&conn);
        let begun = Instant::now();
        while measured(&conn).1 < long {
            assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", measured(&conn));
            thread::yield_now();
        }
        grown(&conn, 100);
        assert!(measured(&conn).0 < long, "the log begins anew");
        checkpointer.end(&conn, false);
        assert_eq!(measured(&conn), (0, 0));
    }

    #[test]
    fn a_fault_is_told_once() {
        let (mut failed, fault) = (false, Err("disk I/O error".to_owned()));
        told(&fault, &mut failed);
        assert!(failed);
        told(&Ok(()), &mut failed);
        assert!(!failed);
    }
}
