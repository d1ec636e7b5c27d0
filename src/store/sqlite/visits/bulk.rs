//! Keeps many visits at once, as [`super::super::Bulk`] does.

use rusqlite::Connection;

use super::{super::engine, Claims, write};
use crate::{clock::Millis, store::StoreError, visit::NewVisit};

/// Numbers of a block: as small as those of a site with few visitors.
const BLOCK: u64 = 64;

/// Keeps a visit; numbers up to `leased` need no new block.
pub fn visit(conn: &Connection, visit: &NewVisit, leased: &mut u64) -> Result<(), StoreError> {
    let id = visit.claim.id.0;
    if id >= *leased {
        let until = id + BLOCK;
        conn.prepare_cached("INSERT INTO lease (first, until, at) VALUES ($1, $2, $3)")
            .and_then(|mut statement| statement.execute((id, until, visit.at.0)))
            .map_err(engine("leasing numbers of visits"))?;
        *leased = until;
    }
    write::record(conn, visit)
}

/// Counts a click.
pub fn click(conn: &Connection, claims: Claims, at: Millis) -> Result<(), StoreError> {
    write::click(conn, claims, at)
}
