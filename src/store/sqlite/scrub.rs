//! Wipes the free space of pages that held what was deleted.
//!
//! SQLite overwrites what it deletes (`secure_delete`), yet a page that was split or written anew may still have copies of what
//! moved to its neighbour in the room between its cells, above all one that an older version wrote. Pages are read and written through
//! SQLite itself (`sqlite_dbpage`), so that this works beside a running daemon. In the end the write-ahead log is copied
//! back and cut.

use std::time::Duration;

use regex::bytes::Regex;
use rusqlite::{Connection, OptionalExtension};

use super::{database::Database, engine, writer::Writer};
use crate::store::StoreError;

const DOING: &str = "wiping free space";

/// Pages read in one go.
const SLICE: u32 = 4096;

/// How long the log's end may keep the writer waiting, and how often that is tried.
const PATIENCE: Duration = Duration::from_millis(200);
const TRIES: u32 = 100;

/// Kinds of pages of a b-tree, and the octets of their header.
const KINDS: [(u8, usize); 4] = [(2, 12), (5, 12), (10, 8), (13, 8)];

/// Wipes what free space has of these texts; gives back on how many pages they stand in what is kept.
pub async fn scrub(writer: &Writer, database: &Database, texts: Vec<String>) -> Result<u64, StoreError> {
    let texts: Vec<_> = texts.iter().filter(|text| !text.is_empty()).map(|text| regex::escape(text)).collect();
    let mut left = 0;
    if let Some(texts) = (!texts.is_empty()).then(|| Regex::new(&format!("(?i){}", texts.join("|"))).ok()).flatten() {
        let mut after = 0;
        loop {
            let (database, needle) = (database.clone(), texts.clone());
            let look = move || pages_with(&database.open_reader()?, &needle, after);
            let (found, last) = blocking(look).await?;
            for page in found {
                let needle = texts.clone();
                left += u64::from(writer.in_turn(move |conn| wipe(conn, page, &needle)).await?);
            }
            match last {
                Some(last) => after = last,
                None => break,
            }
        }
    }
    let database = database.clone();
    blocking(move || cut_log(&database)).await?;
    Ok(left)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Closed))
}

/// Pages behind `after` that hold a text, and the last page that was looked at; `None` at the end of the file.
fn pages_with(conn: &Connection, needle: &Regex, after: u32) -> Result<(Vec<u32>, Option<u32>), StoreError> {
    let count: u32 = conn.query_row("PRAGMA page_count", [], |row| row.get(0)).map_err(engine(DOING))?;
    let last = count.min(after.saturating_add(SLICE));
    let mut found = Vec::new();
    for page in after + 1..=last {
        if read(conn, page)?.is_some_and(|data| needle.is_match(&data)) {
            found.push(page);
        }
    }
    Ok((found, (last > after).then_some(last)))
}

fn read(conn: &Connection, page: u32) -> Result<Option<Vec<u8>>, StoreError> {
    conn.prepare_cached("SELECT data FROM sqlite_dbpage WHERE pgno = $1")
        .and_then(|mut found| found.query_row([page], |row| row.get(0)).optional())
        .map_err(engine(DOING))
}

/// Wipes the free space of a page; whether a text stands there all the same.
fn wipe(conn: &Connection, page: u32, needle: &Regex) -> Result<bool, StoreError> {
    let Some(data) = read(conn, page)? else { return Ok(false) };
    let wiped = wiped(&data, if page == 1 { 100 } else { 0 });
    if wiped != data {
        conn.prepare_cached("UPDATE sqlite_dbpage SET data = $1 WHERE pgno = $2")
            .and_then(|mut statement| statement.execute((&wiped, page)))
            .map_err(engine(DOING))?;
    }
    Ok(needle.is_match(&wiped))
}

/// A page whose header begins at `start` with zeros wherever no cell is (SQLite's file format, section 1.6); as it is if
/// it is no page of a b-tree.
fn wiped(page: &[u8], start: usize) -> Vec<u8> {
    let mut out = page.to_vec();
    let number =
        |at: usize| page.get(at..at + 2).map(|of| of.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)));
    let kind = page.get(start).and_then(|kind| KINDS.iter().find(|(known, _)| known == kind));
    let Some((_, header)) = kind else { return out };
    let (Some(mut block), Some(cells), Some(content)) = (number(start + 1), number(start + 3), number(start + 5))
    else {
        return out;
    };
    let content = if content == 0 { 65_536 } else { content };
    let mut zero = |from: usize, to: usize| {
        if let Some(free) = out.get_mut(from..to) {
            free.fill(0);
        }
    };
    zero(start + header + 2 * cells, content);
    // Blocks lie in the order of the page, each with the next one's place and its own size.
    while block != 0 {
        let (Some(next), Some(size)) = (number(block), number(block + 2)) else { break };
        zero(block + 4, block + size);
        block = if next > block { next } else { 0 };
    }
    out
}

/// Copies the log back, and cuts it to nothing. Another's read that lasts keeps it: then it is tried again, and the
/// writer, who would have to wait meanwhile, gets on in between.
pub fn cut_log(database: &Database) -> Result<(), StoreError> {
    let conn = database.open()?;
    conn.busy_timeout(PATIENCE).map_err(engine(DOING))?;
    for _ in 0..TRIES {
        let kept = |mode| conn.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get::<_, bool>(0));
        kept("PASSIVE").map_err(engine(DOING))?;
        if !kept("TRUNCATE").map_err(engine(DOING))? {
            return Ok(());
        }
        std::thread::sleep(PATIENCE);
    }
    Err(StoreError::Write("another program reads the store for long, and keeps what was erased in its log".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages with a text, as whoever reads the file finds them.
    fn found(conn: &Connection, needle: &Regex) -> Vec<u32> {
        let (mut found, mut after) = (Vec::new(), 0);
        while let (pages, Some(last)) = pages_with(conn, needle, after).unwrap() {
            found.extend(pages);
            after = last;
        }
        found
    }

    fn name(number: u32) -> String {
        format!("sender-{number}-of-letters@client.example")
    }

    #[test]
    fn pages_that_were_split_keep_copies_of_what_is_deleted_until_they_are_wiped() {
        let folder = tempfile::tempdir().unwrap();
        let conn = Database::leads(folder.path()).open().unwrap();
        // As an older version wrote.
        conn.execute_batch("PRAGMA secure_delete = OFF").unwrap();
        conn.execute_batch("CREATE TABLE filler (name TEXT PRIMARY KEY, other TEXT) WITHOUT ROWID").unwrap();
        let mut numbers: Vec<u32> = (0..20_000).collect();
        fastrand::Rng::with_seed(7).shuffle(&mut numbers);
        conn.execute_batch("BEGIN").unwrap();
        for number in numbers {
            conn.execute("INSERT INTO filler VALUES ($1, 'x')", [name(number)]).unwrap();
        }
        conn.execute_batch("COMMIT").unwrap();
        // Longer rows: pages are written anew, blocks within them get free.
        conn.execute("UPDATE filler SET other = 'longer' WHERE substr(name, 8, 1) = '3'", []).unwrap();
        conn.execute_batch("PRAGMA secure_delete = ON").unwrap();
        let gone: Vec<u32> = (0..20_000).filter(|number| number % 10 == 0).collect();
        for number in &gone {
            conn.execute("DELETE FROM filler WHERE name = $1", [name(*number)]).unwrap();
        }
        let names: Vec<_> = gone.iter().map(|number| regex::escape(&name(*number))).collect();
        let needle = Regex::new(&names.join("|")).unwrap();
        let pages = found(&conn, &needle);
        assert!(pages.len() > 3, "nothing to wipe: {pages:?}");
        for page in pages {
            assert!(!wipe(&conn, page, &needle).unwrap(), "what is deleted stands on page {page}");
        }
        assert_eq!(found(&conn, &needle), [0; 0]);
        let whole: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        let rows: usize = conn.query_row("SELECT count(*) FROM filler", [], |row| row.get(0)).unwrap();
        assert_eq!((whole.as_str(), rows), ("ok", 20_000 - gone.len()));
        let needle = Regex::new(&regex::escape(&name(1))).unwrap();
        let page = found(&conn, &needle)[0];
        assert!(wipe(&conn, page, &needle).unwrap(), "what is kept stays");
    }

    #[test]
    fn a_page_that_is_no_page_of_a_tree_stays_as_it_is() {
        for page in [vec![0x41; 4096], vec![0; 4096], vec![13, 255, 255, 255, 255, 255, 255], vec![13], Vec::new()] {
            assert_eq!(wiped(&page, 0), page);
        }
        // A chain of free blocks that turns back ends.
        let mut page = vec![0x42; 512];
        page[..8].copy_from_slice(&[13, 1, 0, 0, 0, 2, 0, 0]);
        page[256..260].copy_from_slice(&[0, 100, 0, 8]);
        let expected = [&page[..260], &[0; 4], &page[264..]].concat();
        assert_eq!(wiped(&page, 0)[8..], [&[0; 504][..]].concat()[..], "no cell: all is free");
        page[5..7].copy_from_slice(&[0, 8]);
        let mut expected = expected;
        expected[5..7].copy_from_slice(&[0, 8]);
        assert_eq!(wiped(&page, 0), expected);
    }
}
