//! Numbers of visits, leased in blocks: a block is written and synced before its first number is used, so that none comes
//! twice, whenever the process dies.
//!
//! Blocks are small, since the time of a visit that was deleted is known from its block alone, and grow while they are
//! used up within a minute.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::super::engine;
use crate::{clock::Millis, store::StoreError, token::VisitId};

const DOING: &str = "leasing numbers of visits";

/// Numbers in a block.
const SMALLEST: u64 = 64;
const LARGEST: u64 = 8192;

/// A block that is used up sooner was too small.
const SOON: Duration = Duration::from_secs(60);

/// The block in use.
#[derive(Debug)]
pub struct Lease {
    /// A connection of its own, which syncs.
    conn: Mutex<Connection>,
    block: Mutex<Block>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Block {
    next: u64,
    until: u64,
    size: u64,
    at: Millis,
}

impl Block {
    fn take(&mut self) -> Option<VisitId> {
        let id = self.next;
        (id < self.until).then(|| {
            self.next += 1;
            VisitId(id)
        })
    }
}

impl Lease {
    /// Leases over a connection that syncs every commit.
    pub fn new(conn: Connection) -> Self {
        Self { conn: Mutex::new(conn), block: Mutex::default() }
    }

    /// A number of the block in use, if one is left.
    pub fn at_hand(&self) -> Option<VisitId> {
        unpoisoned(&self.block).take()
    }

    /// A number, from a new block if need be.
    pub fn next(&self, now: Millis) -> Result<VisitId, StoreError> {
        let mut conn = unpoisoned(&self.conn);
        // Whoever waited here for the connection may find what the one before has leased.
        if let Some(id) = self.at_hand() {
            return Ok(id);
        }
        let used_up = *unpoisoned(&self.block);
        let is_busy = used_up.size > 0 && used_up.at.until(now) < SOON;
        let size = if is_busy { (used_up.size * 2).min(LARGEST) } else { SMALLEST };
        let mut block = lease(&mut conn, size, now)?;
        let id = block.take().ok_or(StoreError::Closed)?;
        *unpoisoned(&self.block) = block;
        Ok(id)
    }

    /// A commit that is synced syncs all before it.
    pub fn sync(&self, now: Millis) -> Result<(), StoreError> {
        unpoisoned(&self.conn)
            .execute(
                "INSERT INTO progress (name, id) VALUES ('synced', $1) ON CONFLICT (name) DO UPDATE SET id = excluded.id",
                [now.0],
            )
            .map(drop)
            .map_err(engine("syncing the visits"))
    }
}

fn lease(conn: &mut Connection, size: u64, now: Millis) -> Result<Block, StoreError> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(engine(DOING))?;
    let last: Option<u64> = tx
        .query_row("SELECT until FROM lease ORDER BY first DESC LIMIT 1", [], |row| row.get(0))
        .optional()
        .map_err(engine(DOING))?;
    let first = last.unwrap_or(0);
    let until = (first + size).min(VisitId::END);
    tx.execute("INSERT INTO lease (first, until, at) VALUES ($1, $2, $3)", (first, until, now.0))
        .map_err(engine(DOING))?;
    tx.commit().map_err(engine(DOING))?;
    Ok(Block { next: first, until, size, at: now })
}

/// Both hold nothing half done.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::super::{database::Database, migrate};
    use super::*;

    fn at(seconds: i64) -> Millis {
        Millis::from_seconds(seconds)
    }

    fn lease_in(folder: &std::path::Path) -> Lease {
        let database = Database::visits(folder).synced();
        let mut conn = database.open().unwrap();
        migrate::migrate(&mut conn, migrate::VISITS, || false).unwrap();
        Lease::new(conn)
    }

    #[test]
    fn numbers_go_on_behind_the_block_of_a_process_that_died() {
        let folder = tempfile::tempdir().unwrap();
        let first = lease_in(folder.path());
        assert_eq!(
            (first.at_hand(), first.next(at(0)).unwrap(), first.at_hand()),
            (None, VisitId(0), Some(VisitId(1)))
        );
        drop(first);
        assert_eq!(lease_in(folder.path()).next(at(1)).unwrap(), VisitId(64));
    }

    #[test]
    fn blocks_grow_while_they_are_used_up_within_a_minute() {
        let folder = tempfile::tempdir().unwrap();
        let lease = lease_in(folder.path());
        let mut taken = 0;
        let mut sizes = Vec::new();
        for now in [0, 10, 20, 90, 91] {
            assert_eq!(lease.next(at(now)).unwrap(), VisitId(taken));
            let rest = std::iter::from_fn(|| lease.at_hand()).count() as u64;
            sizes.push(1 + rest);
            taken += 1 + rest;
        }
        assert_eq!(sizes, [64, 128, 256, 64, 128]);
    }

    #[test]
    fn two_processes_on_one_file_share_no_number() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (lease_in(folder.path()), lease_in(folder.path()));
        let firsts = [&one, &other, &one].map(|lease| {
            let first = lease.next(at(0)).unwrap();
            while lease.at_hand().is_some() {}
            first.0
        });
        assert_eq!(firsts, [0, 64, 128]);
    }

    #[test]
    fn the_last_number_is_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let lease = lease_in(folder.path());
        let last = VisitId::END - 1;
        unpoisoned(&lease.conn).execute("INSERT INTO lease VALUES (0, $1, 0)", [last]).unwrap();
        assert_eq!(lease.next(at(0)).unwrap(), VisitId(last));
        assert!(lease.next(at(0)).is_err());
    }
}
