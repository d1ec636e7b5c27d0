//! Answers what a token stands for.

use rusqlite::{Connection, OptionalExtension, Row};

use super::{super::engine, Claims};
use crate::{
    channel::Utm,
    clock::Millis,
    lead::limit,
    store::StoreError,
    token::{Claim, KeyMark, VisitId},
    visit::{Details, Known, Touchpoint, Visit},
};

const DOING: &str = "looking for a visit";

/// A whole visit.
const SELECT: &str =
    "SELECT visit.id, visit.key, visit.at, visit.visitor, visit.ordered, channel, source, medium, campaign,
    term, content, landing_page, referrer, visit.details
    FROM visit JOIN touchpoint ON touchpoint.id = visit.touchpoint";

/// The same without details, which the touches of a lead do not tell.
const BARE: &str =
    "SELECT visit.id, visit.key, visit.at, visit.visitor, visit.ordered, channel, source, medium, campaign,
    term, content, landing_page, referrer, NULL
    FROM visit JOIN touchpoint ON touchpoint.id = visit.touchpoint";

/// What is known of a token, with the visitor's visits until a time.
pub fn find(conn: &Connection, claims: Claims, until: Millis) -> Result<Option<Known>, StoreError> {
    if let Some(visit) = named(conn, claims)? {
        let visits = visits_of(conn, &visit, until)?;
        return Ok(Some(Known { issued_at: visit.at, visit: Some(visit), visits }));
    }
    for claim in claims.into_iter().flatten() {
        // Under another key it would be there; so it is gone, if it ever was.
        if by_id(conn, claim.id)?.is_none()
            && let Some(issued_at) = leased_at(conn, claim.id)?
        {
            return Ok(Some(Known { issued_at, visit: None, visits: Vec::new() }));
        }
    }
    Ok(None)
}

/// The latest visit of the visitor that a token names.
pub fn latest_of(conn: &Connection, claims: Claims) -> Result<Option<Visit>, StoreError> {
    // Whoever has an ordered address is not its visitor.
    let Some(visit) = named(conn, claims)?.filter(|visit| !visit.is_ordered) else { return Ok(None) };
    let latest = conn
        .prepare_cached(&format!("{SELECT} WHERE visit.visitor = $1 ORDER BY visit.id DESC LIMIT 1"))
        .and_then(|mut found| found.query_row([visit.visitor.0], read).optional())
        .map_err(engine(DOING))?;
    match latest {
        Some(latest) => Ok(Some(latest)),
        None => by_id(conn, visit.visitor).map(|first| first.or(Some(visit))),
    }
}

/// Whether visits can be read at all.
pub fn ping(conn: &Connection) -> Result<(), StoreError> {
    conn.query_row("SELECT count(*) FROM (SELECT id FROM visit LIMIT 1)", [], |_| Ok(())).map_err(engine(DOING))
}

/// The visit whose token was made under the key that verified it.
fn named(conn: &Connection, claims: Claims) -> Result<Option<Visit>, StoreError> {
    for claim in claims.into_iter().flatten() {
        if let Some(visit) = by_id(conn, claim.id)?.filter(|visit| visit.claim == claim) {
            return Ok(Some(visit));
        }
    }
    Ok(None)
}

fn by_id(conn: &Connection, id: VisitId) -> Result<Option<Visit>, StoreError> {
    conn.prepare_cached(&format!("{SELECT} WHERE visit.id = $1"))
        .and_then(|mut found| found.query_row([id.0], read).optional())
        .map_err(engine(DOING))
}

/// The visitor's first visit, and of the others as many of the latest as a lead can tell.
fn visits_of(conn: &Connection, of: &Visit, until: Millis) -> Result<Vec<Visit>, StoreError> {
    let visitor = of.visitor;
    let later = limit::TOUCHES - 1;
    let mut visits = conn
        .prepare_cached(&format!(
            "{BARE} WHERE visit.visitor = $1 AND visit.at <= $2 ORDER BY visit.id DESC LIMIT {later}"
        ))
        .and_then(|mut found| found.query_map((visitor.0, until.0), read)?.collect::<rusqlite::Result<Vec<_>>>())
        .map_err(engine(DOING))?;
    // A clock that was put back, or another host's: what the letter names came before it all the same.
    if of.claim.id != visitor && visits.iter().all(|visit| visit.claim.id != of.claim.id) {
        visits.insert(0, Visit { details: Details::default(), ..of.clone() });
        visits.truncate(later);
    }
    let first = if of.claim.id == visitor { Some(of.clone()) } else { by_id(conn, visitor)? };
    visits.extend(first.map(|first| Visit { details: Details::default(), ..first }));
    visits.reverse();
    Ok(visits)
}

/// When the block of a number was leased, if the number was ever given out.
fn leased_at(conn: &Connection, id: VisitId) -> Result<Option<Millis>, StoreError> {
    conn.prepare_cached("SELECT at FROM lease WHERE first <= $1 AND until > $1 ORDER BY first DESC LIMIT 1")
        .and_then(|mut found| found.query_row([id.0], |row| row.get(0).map(Millis)).optional())
        .map_err(engine(DOING))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Visit> {
    let id = VisitId(row.get(0)?);
    let details: Option<String> = row.get(13)?;
    Ok(Visit {
        claim: Claim { id, key: KeyMark(row.get(1)?) },
        at: Millis(row.get(2)?),
        visitor: row.get::<_, Option<u64>>(3)?.map_or(id, VisitId),
        is_ordered: row.get(4)?,
        touchpoint: Touchpoint {
            channel: row.get(5)?,
            utm: Utm {
                source: row.get(6)?,
                medium: row.get(7)?,
                campaign: row.get(8)?,
                term: row.get(9)?,
                content: row.get(10)?,
            },
            landing_page: row.get(11)?,
            referrer: row.get(12)?,
        },
        details: details.and_then(|details| serde_json::from_str(&details).ok()).unwrap_or_default(),
    })
}
