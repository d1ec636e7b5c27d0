//! Fills a new store as fast as the disk takes it, for contrib/bench and for tests: the rows are those that the daemon
//! writes, by the same functions, in transactions of many.
//!
//! Nothing is synced and nothing could be rolled back: what breaks off half-way is no store.

use std::path::Path;

use rusqlite::Connection;

use super::{
    database::Database,
    engine, is_served, migrate, record,
    visits::{Claims, bulk},
};
use crate::{
    clock::Millis,
    store::{Commit, NewLead, Recorded, StoreError},
    visit::NewVisit,
};

const DOING: &str = "filling a store";

/// Rows of one transaction.
const MANY: u32 = 50_000;

/// A store that is being filled.
#[derive(Debug)]
pub struct Bulk {
    leads: Connection,
    visits: Connection,
    open: u32,
    /// Numbers of visits below this one are leased.
    leased: u64,
}

impl Bulk {
    /// Makes a store in a folder that has none.
    pub fn make(folder: &Path) -> Result<Self, StoreError> {
        let [leads, visits] = [Database::leads(folder), Database::visits(folder)];
        let (leads, visits) = (filling(leads, folder)?, filling(visits, folder)?);
        begin(&leads)?;
        begin(&visits)?;
        Ok(Self { leads, visits, open: 0, leased: 0 })
    }

    /// Records a lead.
    pub fn lead(&mut self, new: impl Into<Box<NewLead>>) -> Result<Option<Box<Recorded>>, StoreError> {
        self.breathe()?;
        record::record(&self.leads, new.into(), Commit::Durable)
    }

    /// Keeps a visit; their numbers grow.
    pub fn visit(&mut self, visit: &NewVisit) -> Result<(), StoreError> {
        self.breathe()?;
        bulk::visit(&self.visits, visit, &mut self.leased)
    }

    /// Counts a click.
    pub fn click(&mut self, claims: Claims, at: Millis) -> Result<(), StoreError> {
        bulk::click(&self.visits, claims, at)
    }

    /// Makes it a store that is written to by day.
    pub fn finish(self) -> Result<(), StoreError> {
        for conn in [self.leads, self.visits] {
            conn.execute_batch("COMMIT; PRAGMA journal_mode = WAL").map_err(engine(DOING))?;
        }
        Ok(())
    }

    fn breathe(&mut self) -> Result<(), StoreError> {
        self.open += 1;
        if self.open >= MANY {
            self.open = 0;
            for conn in [&self.leads, &self.visits] {
                conn.execute_batch("COMMIT").map_err(engine(DOING))?;
                begin(conn)?;
            }
        }
        Ok(())
    }
}

fn filling(database: Database, folder: &Path) -> Result<Connection, StoreError> {
    let of = if database.path() == Database::leads(folder).path() { migrate::LEADS } else { migrate::VISITS };
    database.make()?;
    let mut conn = database.open()?;
    migrate::migrate(&mut conn, of, || is_served(folder))?;
    conn.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000")
        .map_err(engine(DOING))?;
    Ok(conn)
}

fn begin(conn: &Connection) -> Result<(), StoreError> {
    conn.execute_batch("BEGIN IMMEDIATE").map_err(engine(DOING))
}
