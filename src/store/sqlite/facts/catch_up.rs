//! Brings the facts up to what the leads are: those that have changed are read again, new ones are added.
//!
//! Leads are numbered in the order in which they were recorded, and `lead_change` lists what became of them later, so what
//! is missing is found without looking at what is not. Facts of another store, or of one that was set back to an older
//! copy, are thrown away.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use tracing::warn;

use super::{
    super::engine,
    coding::{Decoder, encode},
    dictionary::Dictionary,
    told::{self, Stored},
};
use crate::store::{Fact, StoreError};

const DOING: &str = "reading leads for reports";

/// Sequences of one chunk.
const CHUNK: i64 = 4096;

/// Leads that are added before what is done so far is kept.
const STEP: usize = 50_000;

/// What of which store has been read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    /// When the store was made.
    born: i64,
    /// The last lead.
    lead: i64,
    /// The last change.
    change: i64,
    /// Made of the last lead's id and of the last change's lead: a store that was set back to an older copy and has gone on
    /// from there has others at their places.
    seal: i64,
}

/// Catches up; `progress` is told how many of the leads that are missing are read.
pub fn catch_up(
    facts: &mut Connection,
    leads: &Connection,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), StoreError> {
    // Several steps read the leads as they were at the first.
    leads.execute_batch("BEGIN").map_err(engine(DOING))?;
    let caught_up = steps(facts, leads, progress);
    leads.execute_batch("COMMIT").map_err(engine(DOING))?;
    caught_up
}

fn steps(facts: &mut Connection, leads: &Connection, progress: &mut dyn FnMut(u64, u64)) -> Result<(), StoreError> {
    let mut now = newest(leads)?;
    if read(facts)? == now {
        return Ok(());
    }
    let (mut done, mut of) = (0, None);
    loop {
        let tx = facts.transaction_with_behavior(TransactionBehavior::Immediate).map_err(engine(DOING))?;
        // Another program may have done it meanwhile.
        let mut past = read(&tx)?;
        if past.born != now.born || past.seal != seal(leads, past)? {
            // And may have seen more than was there when we began.
            leads.execute_batch("COMMIT; BEGIN").map_err(engine(DOING))?;
            now = newest(leads)?;
        }
        if past.born != now.born || past.seal != seal(leads, past)? {
            tx.execute_batch("DELETE FROM chunk; DELETE FROM touchpoint; DELETE FROM text").map_err(engine(DOING))?;
            past = Progress { born: now.born, change: now.change, ..Progress::default() };
        }
        if past.change < now.change {
            changes(&tx, leads, past, now)?;
            past.change = now.change;
        }
        let of = match of {
            Some(of) => of,
            None => *of.insert(missing(leads, past, now)?),
        };
        let added = added(&tx, leads, &mut past, now, &mut |more| progress(done + more, of))?;
        done += added;
        past.seal = seal(leads, past)?;
        write(&tx, past)?;
        tx.commit().map_err(engine(DOING))?;
        if past == now {
            return Ok(());
        }
    }
}

/// Reads those again that have changed.
fn changes(facts: &Connection, leads: &Connection, past: Progress, now: Progress) -> Result<(), StoreError> {
    let read = || -> rusqlite::Result<BTreeSet<i64>> {
        let sql =
            "SELECT DISTINCT lead FROM lead_change WHERE number > $1 AND number <= $2 AND lead <= $3 ORDER BY lead";
        leads.prepare(sql)?.query_map((past.change, now.change, past.lead), |row| row.get(0))?.collect()
    };
    let changed = read().map_err(engine(DOING))?;
    let mut by_chunk: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for lead in changed {
        by_chunk.entry(lead / CHUNK).or_default().push(lead);
    }
    let mut dictionary = Dictionary::new(facts);
    for (chunk, changed) in by_chunk {
        let mut held: BTreeMap<i64, Fact> = load(facts, chunk)?.into_iter().map(|fact| (fact.sequence, fact)).collect();
        for lead in changed {
            let stored = leads
                .prepare_cached(&format!("{} WHERE lead.sequence = $1", told::SELECT))
                .and_then(|mut found| found.query_row([lead], Stored::read).optional())
                .map_err(engine(DOING))?;
            match stored {
                Some(stored) => match read_fact(&stored, leads, &mut dictionary)? {
                    Some(fact) => drop(held.insert(lead, fact)),
                    None => drop(held.remove(&lead)),
                },
                None => drop(held.remove(&lead)),
            }
        }
        save(facts, chunk, &held.into_values().collect::<Vec<_>>())?;
    }
    Ok(())
}

/// Adds new ones, as many as a step takes; gives back how many.
fn added(
    facts: &Connection,
    leads: &Connection,
    past: &mut Progress,
    now: Progress,
    progress: &mut dyn FnMut(u64),
) -> Result<u64, StoreError> {
    let mut dictionary = Dictionary::new(facts);
    let mut chunk = past.lead / CHUNK;
    let mut held = load(facts, chunk)?;
    let mut select = leads
        .prepare_cached(&format!(
            "{} WHERE lead.sequence > $1 AND lead.sequence <= $2 ORDER BY lead.sequence",
            told::SELECT
        ))
        .map_err(engine(DOING))?;
    let mut rows = select.query((past.lead, now.lead)).map_err(engine(DOING))?;
    let mut added = 0;
    while let Some(row) = rows.next().map_err(engine(DOING))? {
        if added == STEP {
            save(facts, chunk, &held)?;
            return Ok(added as u64);
        }
        let stored = Stored::read(row).map_err(engine(DOING))?;
        if stored.sequence / CHUNK != chunk {
            save(facts, chunk, &held)?;
            (chunk, held) = (stored.sequence / CHUNK, Vec::new());
        }
        past.lead = stored.sequence;
        held.extend(read_fact(&stored, leads, &mut dictionary)?);
        added += 1;
        if added.is_multiple_of(1000) {
            progress(added as u64);
        }
    }
    save(facts, chunk, &held)?;
    past.lead = now.lead;
    Ok(added as u64)
}

/// A lead whose event cannot be read is told of and counts nowhere: all others still do.
fn read_fact(stored: &Stored, leads: &Connection, dictionary: &mut Dictionary<'_>) -> Result<Option<Fact>, StoreError> {
    match told::fact(stored, leads, dictionary) {
        Err(e @ StoreError::Event { .. }) => {
            warn!("reports leave a lead out: {}", e.with_cause());
            Ok(None)
        }
        fact => fact.map(Some),
    }
}

fn load(facts: &Connection, chunk: i64) -> Result<Vec<Fact>, StoreError> {
    let octets: Option<Vec<u8>> = facts
        .prepare_cached("SELECT facts FROM chunk WHERE id = $1")
        .and_then(|mut found| found.query_row([chunk], |row| row.get(0)).optional())
        .map_err(engine(DOING))?;
    let octets = octets.unwrap_or_default();
    let mut decoder = Decoder::new(&octets);
    Ok(std::iter::from_fn(|| decoder.next().cloned()).collect())
}

fn save(facts: &Connection, chunk: i64, held: &[Fact]) -> Result<(), StoreError> {
    let times = || held.iter().map(|fact| fact.at);
    let saved = match times().min().zip(times().max()) {
        Some((first, last)) => facts
            .prepare_cached("INSERT OR REPLACE INTO chunk (id, first_at, last_at, facts) VALUES ($1, $2, $3, $4)")
            .and_then(|mut insert| insert.execute((chunk, first, last, encode(held)))),
        None => facts.prepare_cached("DELETE FROM chunk WHERE id = $1").and_then(|mut gone| gone.execute([chunk])),
    };
    saved.map(drop).map_err(engine(DOING))
}

/// What there is to read.
fn newest(leads: &Connection) -> Result<Progress, StoreError> {
    let number = |sql| leads.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).map_err(engine(DOING));
    let now = Progress {
        born: number("SELECT min(applied_at) FROM migration")?.unwrap_or(0),
        lead: number("SELECT max(sequence) FROM lead")?.unwrap_or(0),
        change: number("SELECT max(number) FROM lead_change")?.unwrap_or(0),
        seal: 0,
    };
    Ok(Progress { seal: seal(leads, now)?, ..now })
}

fn seal(leads: &Connection, of: Progress) -> Result<i64, StoreError> {
    let text = |sql, number: i64| {
        let found = leads.query_row(sql, [number], |row| row.get::<_, String>(0)).optional();
        found.map(Option::unwrap_or_default).map_err(engine(DOING))
    };
    let lead = text("SELECT id FROM lead WHERE sequence = $1", of.lead)?;
    let change = text("SELECT CAST(lead AS TEXT) FROM lead_change WHERE number = $1", of.change)?;
    let mut hash = DefaultHasher::new();
    (lead, change).hash(&mut hash);
    Ok(hash.finish().cast_signed())
}

fn missing(leads: &Connection, past: Progress, now: Progress) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM lead WHERE sequence > $1 AND sequence <= $2";
    leads.query_row(sql, (past.lead, now.lead), |row| row.get(0)).map_err(engine(DOING))
}

fn read(facts: &Connection) -> Result<Progress, StoreError> {
    let number = |name: &str| {
        facts
            .prepare_cached("SELECT value FROM progress WHERE name = $1")
            .and_then(|mut found| found.query_row([name], |row| row.get(0)).optional())
            .map(Option::unwrap_or_default)
            .map_err(engine(DOING))
    };
    Ok(Progress { born: number("born")?, lead: number("lead")?, change: number("change")?, seal: number("seal")? })
}

fn write(facts: &Connection, progress: Progress) -> Result<(), StoreError> {
    let Progress { born, lead, change, seal } = progress;
    for (name, value) in [("born", born), ("lead", lead), ("change", change), ("seal", seal)] {
        facts
            .prepare_cached("INSERT OR REPLACE INTO progress (name, value) VALUES ($1, $2)")
            .and_then(|mut insert| insert.execute((name, value)))
            .map_err(engine(DOING))?;
    }
    Ok(())
}
