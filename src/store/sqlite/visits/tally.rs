//! Counts of visits and first clicks by quarter of an hour and touchpoint: what reports read instead of every visit.
//!
//! Visits are counted in rows. Hours that are over are packed, each into one row: a year is read in a moment then. A late
//! click counts in a row again until its hour is packed the next time, so whoever reads adds both.

use std::{collections::BTreeMap, time::Duration};

use rusqlite::{Connection, OptionalExtension};

use super::super::{
    engine,
    varint::{put, take},
};
use crate::{
    clock::Millis,
    store::{StoreError, Tally},
};

/// Hours are left in rows for so long: most clicks come soon.
const REST: Duration = Duration::from_hours(48);

/// Rows that are packed in one step: some milliseconds.
const STEP: u32 = 2000;

/// Quarters of an hour.
const QUARTERS: i64 = 4;

/// Visits and clicks of one hour, by touchpoint and quarter.
type Cells = BTreeMap<(i64, i64), (i64, i64)>;

/// The quarter of an hour of a time, counted from 1970. Every time zone's day begins with one.
pub fn quarter(at: Millis) -> i64 {
    at.0.div_euclid(900_000)
}

/// Counts visits and first clicks.
pub fn count(conn: &Connection, at: Millis, touchpoint: i64, (visits, clicks): (i64, i64)) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO tally (quarter, touchpoint, visits, clicks) VALUES ($1, $2, $3, $4)
         ON CONFLICT (quarter, touchpoint)
         DO UPDATE SET visits = visits + excluded.visits, clicks = clicks + excluded.clicks",
    )
    .and_then(|mut statement| statement.execute((quarter(at), touchpoint, visits, clicks)))
    .map(drop)
    .map_err(engine("counting a visit"))
}

/// Packs rows of hours that are over, a few at a time. Gives back how many; none once all are packed.
pub fn pack(conn: &Connection, now: Millis) -> Result<usize, StoreError> {
    let doing = engine("packing counts of visits");
    let over = quarter(now.minus(REST)).div_euclid(QUARTERS) * QUARTERS;
    let rows: Vec<Tally> = conn
        .prepare_cached(
            "SELECT quarter, touchpoint, visits, clicks FROM tally WHERE quarter < $1
             ORDER BY quarter, touchpoint LIMIT $2",
        )
        .and_then(|mut select| select.query_map((over, STEP), read)?.collect())
        .map_err(&doing)?;
    let Some(last) = rows.last() else { return Ok(0) };
    for rows in rows.chunk_by(|one, other| hour(one.quarter) == hour(other.quarter)) {
        let Some(hour) = rows.first().map(|row| hour(row.quarter)) else { continue };
        let packed: Option<Vec<u8>> = conn
            .prepare_cached("SELECT cells FROM tally_hour WHERE hour = $1")
            .and_then(|mut found| found.query_row([hour], |row| row.get(0)).optional())
            .map_err(&doing)?;
        let mut cells = Cells::new();
        let known = packed.iter().flat_map(|octets| unpack(hour, octets));
        for Tally { quarter, touchpoint, visits, clicks } in known.chain(rows.iter().copied()) {
            let cell = cells.entry((touchpoint, quarter.rem_euclid(QUARTERS))).or_default();
            *cell = (cell.0 + visits, cell.1 + clicks);
        }
        conn.prepare_cached("INSERT OR REPLACE INTO tally_hour (hour, cells) VALUES ($1, $2)")
            .and_then(|mut insert| insert.execute((hour, packed_of(&cells))))
            .map_err(&doing)?;
    }
    conn.prepare_cached("DELETE FROM tally WHERE (quarter, touchpoint) <= ($1, $2)")
        .and_then(|mut delete| delete.execute((last.quarter, last.touchpoint)))
        .map_err(&doing)
}

/// Shows the counts from `from` on and before `until`; those of a quarter and touchpoint may come in two parts. To be
/// called within a transaction, since packing moves them from one table to the other.
pub fn each(conn: &Connection, from: Millis, until: Millis, mut each: impl FnMut(Tally)) -> Result<(), StoreError> {
    let quarters = quarter(from)..quarter(until);
    let mut read_all = || -> rusqlite::Result<()> {
        let mut select = conn.prepare("SELECT hour, cells FROM tally_hour WHERE hour >= $1 AND hour <= $2")?;
        let mut rows = select.query((hour(quarters.start), hour(quarters.end)))?;
        while let Some(row) = rows.next()? {
            let within = |tally: &Tally| quarters.contains(&tally.quarter);
            unpack(row.get(0)?, row.get_ref(1)?.as_blob()?).filter(within).for_each(&mut each);
        }
        let mut select =
            conn.prepare("SELECT quarter, touchpoint, visits, clicks FROM tally WHERE quarter >= $1 AND quarter < $2")?;
        for tally in select.query_map((quarters.start, quarters.end), read)? {
            each(tally?);
        }
        Ok(())
    };
    read_all().map_err(engine("reading visits for reports"))
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Tally> {
    Ok(Tally { quarter: row.get(0)?, touchpoint: row.get(1)?, visits: row.get(2)?, clicks: row.get(3)? })
}

fn hour(quarter: i64) -> i64 {
    quarter.div_euclid(QUARTERS)
}

/// Of each cell, how far its touchpoint is from the one before and its quarter, its visits, and its clicks.
fn packed_of(cells: &Cells) -> Vec<u8> {
    let (mut out, mut before) = (Vec::with_capacity(cells.len() * 4), 0);
    for ((touchpoint, quarter), (visits, clicks)) in cells {
        let step = (touchpoint - before) * QUARTERS + quarter;
        before = *touchpoint;
        [step, *visits, *clicks].into_iter().for_each(|number| put(&mut out, number.cast_unsigned()));
    }
    out
}

/// Up to the end, or to where the octets are not what [`packed_of`] has written.
fn unpack(hour: i64, mut octets: &[u8]) -> impl Iterator<Item = Tally> + '_ {
    let mut touchpoint = 0i64;
    std::iter::from_fn(move || {
        let mut number = || take(&mut octets).map(u64::cast_signed);
        let (step, visits, clicks) = (number()?, number()?, number()?);
        touchpoint = touchpoint.wrapping_add(step.div_euclid(QUARTERS));
        let quarter = hour * QUARTERS + step.rem_euclid(QUARTERS);
        Some(Tally { quarter, touchpoint, visits, clicks })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::migrate;

    const HOUR: i64 = 3_600_000;

    fn store() -> Connection {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate::migrate(&mut conn, migrate::VISITS, || false).unwrap();
        conn
    }

    /// Everything between, by quarter and touchpoint.
    fn all(conn: &Connection, from: i64, until: i64) -> BTreeMap<(i64, i64), (i64, i64)> {
        let mut all = BTreeMap::new();
        each(conn, Millis(from), Millis(until), |tally| {
            let sum: &mut (i64, i64) = all.entry((tally.quarter, tally.touchpoint)).or_default();
            *sum = (sum.0 + tally.visits, sum.1 + tally.clicks);
        })
        .unwrap();
        all
    }

    fn rows(conn: &Connection) -> (i64, i64) {
        let count = |sql| conn.query_row(sql, [], |row| row.get(0)).unwrap();
        (count("SELECT count(*) FROM tally"), count("SELECT count(*) FROM tally_hour"))
    }

    fn pack_all(conn: &Connection, now: i64) {
        while pack(conn, Millis(now)).unwrap() > 0 {}
    }

    #[test]
    fn packed_hours_say_what_their_rows_said() {
        let conn = store();
        for number in 0..5000 {
            let at = Millis(number * 7 % 400 * 15 * 60_000 + 1);
            count(&conn, at, number % 613 + 1, (1, number % 3 / 2)).unwrap();
        }
        let until = 100 * HOUR;
        let before = all(&conn, 0, until);
        assert_eq!(before.values().map(|(visits, _)| visits).sum::<i64>(), 5000);
        let part = all(&conn, HOUR / 2, 7 * HOUR / 4);
        assert!(!part.is_empty() && part.len() < before.len());

        // What is younger than two days stays in rows.
        pack_all(&conn, 48 * HOUR + 60 * HOUR + 1);
        let (loose, packed) = rows(&conn);
        assert!(loose > 0 && packed == 60, "{loose} rows, {packed} hours");
        assert_eq!((all(&conn, 0, until), all(&conn, HOUR / 2, 7 * HOUR / 4)), (before, part));
    }

    #[test]
    fn a_late_click_is_counted_where_the_visit_was() {
        let conn = store();
        count(&conn, Millis(5), 9, (2, 0)).unwrap();
        count(&conn, Millis(5), 300, (1, 1)).unwrap();
        pack_all(&conn, 60 * HOUR);
        assert_eq!(rows(&conn), (0, 1));
        for clicks in 1..3 {
            count(&conn, Millis(7), 9, (0, 1)).unwrap();
            let expected = BTreeMap::from([((0, 9), (2, clicks)), ((0, 300), (1, 1))]);
            assert_eq!(all(&conn, 0, HOUR), expected);
            pack_all(&conn, 60 * HOUR);
            assert_eq!((rows(&conn), all(&conn, 0, HOUR)), ((0, 1), expected));
        }
    }

    #[test]
    fn foreign_octets_are_no_panic() {
        let conn = store();
        conn.execute("INSERT INTO tally_hour (hour, cells) VALUES (0, $1)", [vec![0xff; 200]]).unwrap();
        conn.execute("INSERT INTO tally_hour (hour, cells) VALUES (1, $1)", [vec![0x83, 1, 5]]).unwrap();
        assert_eq!(all(&conn, 0, 2 * HOUR), BTreeMap::new());
        assert_eq!(
            unpack(7, &[0x86, 1, 5, 2]).collect::<Vec<_>>(),
            [Tally { quarter: 30, touchpoint: 33, visits: 5, clicks: 2 }]
        );
    }
}
