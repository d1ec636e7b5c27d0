//! What reports count, in a file of its own that is computed from the leads and may be deleted at any time.
//!
//! Nothing of it stands in the mail path: a report first catches up with what was recorded since the last one, then reads
//! facts, which are a fiftieth of what the leads are. `told` makes a fact of a lead, `coding` packs them, `dictionary`
//! numbers their texts, `sweep` forgets those of deleted leads, `beside` reads costs and touchpoints of visits.

mod beside;
mod catch_up;
mod coding;
mod dictionary;
mod sweep;
mod told;

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use self::coding::Decoder;
use super::{Store, database::Database, engine, file_in, scrub::cut_log, visits::tally};
use crate::{
    clock::Millis,
    store::{Fact, Point, Spent, StoreError, Tally, TextId},
};

/// The form of the file; another one is thrown away and made anew.
const FORM: i64 = 2;

/// Where the facts of a store are.
#[derive(Clone, Debug)]
pub struct Facts {
    folder: PathBuf,
}

impl Store {
    /// The facts of the store in `folder`.
    pub fn facts(folder: &Path) -> Facts {
        Facts { folder: folder.to_owned() }
    }
}

impl Facts {
    /// Catches up with the leads, and gives what there is as it stands now. `progress` is told how many of the leads that
    /// were missing are read.
    pub fn snapshot(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Snapshot, StoreError> {
        if !file_in(&self.folder).exists() {
            return Err(StoreError::Missing(self.folder.clone()));
        }
        let leads = Database::leads(&self.folder).open_reader()?;
        super::migrate::demand_current(&leads, super::migrate::LEADS)?;
        let database = Database::facts(&self.folder);
        let mut facts = self.open(&database)?;
        catch_up::catch_up(&mut facts, &leads, progress)?;
        drop(facts);
        let facts = database.open_reader()?;
        facts.execute_batch("BEGIN").map_err(engine("opening what reports count"))?;
        leads.execute_batch("BEGIN").map_err(engine("opening what reports count"))?;
        let visits = Database::visits(&self.folder);
        let visits = if visits.path().exists() { Some(visits.open_reader()?) } else { None };
        // Those of an older version are brought up to date when a daemon starts.
        let is_current = |conn: &Connection| super::migrate::demand_current(conn, super::migrate::VISITS).is_ok();
        let visits = visits.filter(is_current);
        if let Some(visits) = &visits {
            visits.execute_batch("BEGIN").map_err(engine("opening what reports count"))?;
        }
        Ok(Snapshot { facts, leads, visits: visits.map(|visits| Visited(Mutex::new(visits))) })
    }

    /// Forgets all, since texts of leads that are erased stand in it; the next report reads the leads anew. Others may be at
    /// work on the file, so it stays where it is.
    pub fn forget(&self) -> Result<(), StoreError> {
        let database = Database::facts(&self.folder);
        if !database.path().exists() {
            return Ok(());
        }
        let mut conn = self.open(&database)?;
        let doing = "forgetting what reports count";
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(engine(doing))?;
        tx.execute_batch("DELETE FROM chunk; DELETE FROM touchpoint; DELETE FROM text; DELETE FROM progress")
            .map_err(engine(doing))?;
        tx.commit().map_err(engine(doing))?;
        drop(conn);
        cut_log(&database)
    }

    /// Opens the file, made if it is not there or of another form.
    fn open(&self, database: &Database) -> Result<Connection, StoreError> {
        let doing = "opening what reports count";
        if let Ok(conn) = Connection::open_with_flags(database.path(), OpenFlags::SQLITE_OPEN_READ_WRITE) {
            let form: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(engine(doing))?;
            if form == FORM {
                drop(conn);
                return database.open();
            }
        }
        database.make()?;
        let mut conn = database.open()?;
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(engine(doing))?;
        let form: i64 = tx.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(engine(doing))?;
        if form != FORM {
            tx.execute_batch(
                "DROP TABLE IF EXISTS progress; DROP TABLE IF EXISTS text; DROP TABLE IF EXISTS touchpoint;
                 DROP TABLE IF EXISTS chunk",
            )
            .and_then(|()| tx.execute_batch(include_str!("schema.sql")))
            .and_then(|()| tx.pragma_update(None, "user_version", FORM))
            .map_err(engine(doing))?;
        }
        tx.commit().map_err(engine(doing))?;
        Ok(conn)
    }
}

/// Facts, costs and counts of visits, each as they are at one moment, however often they are read.
#[derive(Debug)]
pub struct Snapshot {
    facts: Connection,
    leads: Connection,
    visits: Option<Visited>,
}

/// Counts of visits, to be read by a thread of their own, beside the facts.
#[derive(Debug)]
pub struct Visited(Mutex<Connection>);

impl Visited {
    /// Shows how many visits there were in each quarter of an hour from `from` on and before `until`, some in two parts.
    pub fn tallies(&self, from: Millis, until: Millis, each: impl FnMut(Tally)) -> Result<(), StoreError> {
        tally::each(&self.conn(), from, until, each)
    }

    /// Shows every touchpoint: its number, and channel, source, medium, campaign, term, content, landing page and referrer,
    /// empty where there is none.
    pub fn touchpoints(&self, each: impl FnMut(i64, [&str; 8])) -> Result<(), StoreError> {
        beside::touchpoints(&self.conn(), each)
    }

    fn conn(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Snapshot {
    /// Shows each fact of a message that was received from `from` on and before `until`.
    pub fn scan(&self, from: Millis, until: Millis, mut each: impl FnMut(&Fact)) -> Result<(), StoreError> {
        let doing = engine("reading what reports count");
        let mut select = self
            .facts
            .prepare_cached("SELECT facts FROM chunk WHERE last_at >= $1 AND first_at < $2 ORDER BY id")
            .map_err(&doing)?;
        let mut rows = select.query((from.0, until.0)).map_err(&doing)?;
        while let Some(row) = rows.next().map_err(&doing)? {
            let octets = row.get_ref(0).and_then(|value| Ok(value.as_blob()?)).map_err(&doing)?;
            let mut decoder = Decoder::new(octets);
            while let Some(fact) = decoder.next() {
                if (from.0..until.0).contains(&fact.at) {
                    each(fact);
                }
            }
        }
        Ok(())
    }

    /// Every touchpoint, at the place of its number.
    pub fn points(&self) -> Result<Vec<Point>, StoreError> {
        dictionary::points(&self.facts)
    }

    /// The text of a number.
    pub fn text(&self, id: TextId) -> Result<String, StoreError> {
        self.facts
            .prepare_cached("SELECT value FROM text WHERE id = $1")
            .and_then(|mut found| found.query_row([id], |row| row.get(0)))
            .map_err(engine("reading what reports count"))
    }

    /// Shows every text with its number.
    pub fn texts(&self, mut each: impl FnMut(TextId, &str)) -> Result<(), StoreError> {
        let doing = engine("reading what reports count");
        let mut select = self.facts.prepare_cached("SELECT id, value FROM text").map_err(&doing)?;
        let mut rows = select.query([]).map_err(&doing)?;
        while let Some(row) = rows.next().map_err(&doing)? {
            let text = row.get_ref(1).and_then(|value| Ok(value.as_str()?)).map_err(&doing)?;
            each(row.get(0).map_err(&doing)?, text);
        }
        Ok(())
    }

    /// Shows the numbers of all texts in the order of the texts, for as long as `each` wants more.
    pub fn in_order(&self, descending: bool, mut each: impl FnMut(TextId) -> bool) -> Result<(), StoreError> {
        let doing = engine("reading what reports count");
        let order = if descending { "DESC" } else { "ASC" };
        let mut select =
            self.facts.prepare_cached(&format!("SELECT id FROM text ORDER BY value {order}")).map_err(&doing)?;
        let mut rows = select.query([]).map_err(&doing)?;
        while let Some(row) = rows.next().map_err(&doing)? {
            if !each(row.get(0).map_err(&doing)?) {
                break;
            }
        }
        Ok(())
    }

    /// The number of a text.
    pub fn text_id(&self, text: &str) -> Result<Option<TextId>, StoreError> {
        if text.is_empty() { Ok(Some(0)) } else { dictionary::find(&self.facts, text) }
    }

    /// Costs of the days from `first` to `last`.
    pub fn spent(&self, first: i32, last: i32) -> Result<Vec<Spent>, StoreError> {
        beside::spent(&self.leads, first, last)
    }

    /// Counts of visits, if any are kept.
    pub fn visits(&self) -> Option<&Visited> {
        self.visits.as_ref()
    }
}
