//! Erases visitors: every visit of theirs, with ids and pages. Their tokens stay known as ours, as those of old visits do.

use rusqlite::Connection;

use super::super::engine;
use crate::{store::StoreError, token::VisitId, visit::Details};

const DOING: &str = "erasing a visitor";

/// A shorter id may be anything.
const TELLING: usize = 8;

/// How many visits there are of these visitors.
pub fn count(conn: &Connection, visitors: &[VisitId]) -> Result<u64, StoreError> {
    let mut count = 0;
    for visitor in visitors {
        count += conn
            .prepare_cached("SELECT count(*) FROM visit WHERE id = $1 OR visitor = $1")
            .and_then(|mut found| found.query_row([visitor.0], |row| row.get::<_, u64>(0)))
            .map_err(engine(DOING))?;
    }
    Ok(count)
}

/// Deletes the visits of a visitor. Gives back how many, and the ids that told whose they were.
pub fn erase(conn: &Connection, visitor: VisitId) -> Result<(u64, Vec<String>), StoreError> {
    let gone: Vec<Option<String>> = conn
        .prepare_cached("DELETE FROM visit WHERE id = $1 OR visitor = $1 RETURNING details")
        .and_then(|mut statement| statement.query_map([visitor.0], |row| row.get(0))?.collect())
        .map_err(engine(DOING))?;
    let details = gone.iter().flatten().filter_map(|details| serde_json::from_str::<Details>(details).ok());
    let ids = details.flat_map(|details| details.click_ids.into_values().chain(details.client_ids.into_values()));
    Ok((gone.len() as u64, ids.filter(|id| id.len() >= TELLING).collect()))
}
