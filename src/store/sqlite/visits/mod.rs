//! Visits, in a file of their own: a storm of new addresses takes neither the lock nor the writer that leads need.
//!
//! `write` keeps what is issued, `read` answers for the mail path and for returning visitors, `lease` gives out numbers that
//! never come twice, `tally` counts them for reports, `retain` drops what is old, `erase` what a person asks for. Reads have
//! a thread of their own, so that a slow disk holds up no other session.

pub(super) mod bulk;
mod erase;
mod lease;
mod read;
mod reader;
mod retain;
pub(super) mod tally;
mod write;

use std::{path::Path, sync::Arc};

use self::{lease::Lease, reader::Reader};
use super::{database::Database, is_served, migrate, scrub, writer::Writer};
use crate::{
    clock::Millis,
    store::StoreError,
    token::{Claim, VisitId},
    visit::{Details, Known, NewVisit, Visit},
};

pub use self::retain::{Retained, Retention};

/// A token that passed the check says one thing, by a rare chance two.
pub type Claims = [Option<Claim>; 2];

/// A handle on the visits; clones share one writer and one reader.
#[derive(Clone, Debug)]
pub struct Visits {
    /// For mail and listings.
    reader: Reader,
    /// For web pages, of which there may be any number.
    pages: Reader,
    writing: Option<Writing>,
}

#[derive(Clone, Debug)]
struct Writing {
    writer: Writer,
    lease: Arc<Lease>,
    database: Database,
}

impl Visits {
    /// Opens or makes the visits of `folder`.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let database = Database::visits(folder);
        database.make()?;
        let mut conn = database.open()?;
        migrate::migrate(&mut conn, migrate::VISITS, || is_served(folder))?;
        let cannot = |source| StoreError::Folder { folder: folder.to_owned(), source };
        let reader = Reader::start(database.open_reader()?).map_err(cannot)?;
        let pages = Reader::start(database.open_reader()?).map_err(cannot)?;
        let lease = Arc::new(Lease::new(database.synced().open()?));
        let (writer, _thread) = Writer::start(conn, database.clone()).map_err(cannot)?;
        let writing = Writing { writer, lease, database };
        Ok(Self { reader, pages, writing: Some(writing) })
    }

    /// Brings visits that nothing asks for any more up to date: reports still count them.
    pub fn bring_up_to_date(folder: &Path) -> Result<(), StoreError> {
        let database = Database::visits(folder);
        if !database.path().exists() {
            return Ok(());
        }
        migrate::migrate(&mut database.open()?, migrate::VISITS, || is_served(folder))
    }

    /// Opens those that are there for listings; it refuses to write.
    pub fn open_read(folder: &Path) -> Result<Self, StoreError> {
        let database = Database::visits(folder);
        if !database.path().exists() {
            return Err(StoreError::Missing(folder.to_owned()));
        }
        let conn = database.open_reader()?;
        migrate::demand_current(&conn, migrate::VISITS)?;
        let cannot = |source| StoreError::Folder { folder: folder.to_owned(), source };
        let reader = Reader::start(conn).map_err(cannot)?;
        Ok(Self { pages: reader.clone(), reader, writing: None })
    }

    /// A number that was never given out and never will be again.
    pub async fn next_id(&self) -> Result<VisitId, StoreError> {
        let lease = Arc::clone(&self.writing()?.lease);
        if let Some(id) = lease.at_hand() {
            return Ok(id);
        }
        tokio::task::spawn_blocking(move || lease.next(Millis::now())).await.unwrap_or(Err(StoreError::Closed))
    }

    /// Keeps a visit.
    pub async fn record(&self, visit: NewVisit) -> Result<(), StoreError> {
        self.writing()?.writer.write(move |conn| write::record(conn, &visit)).await
    }

    /// Syncs what was kept so far: for an address that is printed, and not asked for again.
    pub async fn sync(&self) -> Result<(), StoreError> {
        let lease = Arc::clone(&self.writing()?.lease);
        tokio::task::spawn_blocking(move || lease.sync(Millis::now())).await.unwrap_or(Err(StoreError::Closed))
    }

    /// Adds what became known of a visit later.
    pub async fn add_details(&self, id: VisitId, details: Details) -> Result<(), StoreError> {
        self.writing()?.writer.write(move |conn| write::add_details(conn, id, details)).await
    }

    /// Counts that the visitor clicked or copied the address.
    pub async fn click(&self, claims: Claims, at: Millis) -> Result<(), StoreError> {
        self.writing()?.writer.write(move |conn| write::click(conn, claims, at)).await
    }

    /// What is known of a token: its visit, and the visitor's visits until then. `None` for a number that was never given
    /// out under this key: the token is a forgery by chance.
    pub async fn find(&self, claims: Claims, until: Millis) -> Result<Option<Known>, StoreError> {
        self.reader.ask(move |conn| read::find(conn, claims, until)).await
    }

    /// The latest visit of the visitor that a token names.
    pub async fn latest_of(&self, claims: Claims) -> Result<Option<Visit>, StoreError> {
        self.pages.ask(move |conn| read::latest_of(conn, claims)).await
    }

    /// Whether visits can be read at all.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.reader.ask(read::ping).await
    }

    /// Drops what is old, a little at a time, so that new visits need not wait for it.
    pub async fn retain(&self, retention: Retention, now: Millis) -> Result<Retained, StoreError> {
        let writer = &self.writing()?.writer;
        let mut retained = Retained::default();
        loop {
            let step = writer.in_turn(move |conn| retain::step(conn, retention, now)).await?;
            retained.add(step);
            if step == Retained::default() {
                return Ok(retained);
            }
        }
    }

    /// How many visits of these visitors are kept.
    pub(super) async fn count(&self, visitors: Vec<VisitId>) -> Result<u64, StoreError> {
        self.reader.ask(move |conn| erase::count(conn, &visitors)).await
    }

    /// Erases visitors, from free space and the log, too; gives back how many visits that were.
    pub(super) async fn erase(&self, visitors: Vec<VisitId>) -> Result<u64, StoreError> {
        let Writing { writer, database, .. } = self.writing()?;
        let (mut gone, mut ids) = (0, Vec::new());
        for visitor in visitors {
            let (visits, told) = writer.in_turn(move |conn| erase::erase(conn, visitor)).await?;
            gone += visits;
            ids.extend(told);
        }
        // What else has such an id is somebody's who uses the same device, and is not asked for here.
        scrub::scrub(writer, database, ids).await?;
        Ok(gone)
    }

    fn writing(&self) -> Result<&Writing, StoreError> {
        self.writing.as_ref().ok_or(StoreError::Closed)
    }
}
