//! Forgets texts and touchpoints that no fact names any more: their leads were deleted for age.

use rusqlite::{Connection, TransactionBehavior};
use rustc_hash::FxHashSet;

use super::{
    super::{database::Database, engine, scrub::cut_log},
    Facts, catch_up,
    coding::Decoder,
};
use crate::store::{StoreError, TextId};

const DOING: &str = "forgetting what reports count no more";

impl Facts {
    /// Catches up with what was deleted, and forgets what only that had named. Gives back how many texts; reads all facts,
    /// so it is not for a thread that others wait for.
    pub fn sweep(&self) -> Result<usize, StoreError> {
        let database = Database::facts(&self.folder);
        if !database.path().exists() {
            return Ok(0);
        }
        let leads = Database::leads(&self.folder).open_reader()?;
        let mut conn = self.open(&database)?;
        catch_up::catch_up(&mut conn, &leads, &mut |_, _| {})?;
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(engine(DOING))?;
        let gone = forget_unnamed(&tx)?;
        tx.commit().map_err(engine(DOING))?;
        if gone > 0 {
            // Pages that were split have copies of what moved; they are written anew.
            conn.execute_batch("VACUUM").map_err(engine(DOING))?;
        }
        drop(conn);
        // What an earlier sweep or a report has deleted may stand in it still.
        cut_log(&database)?;
        Ok(gone)
    }
}

fn forget_unnamed(facts: &Connection) -> Result<usize, StoreError> {
    let (mut texts, points) = named(facts)?;
    let mut unnamed = Vec::new();
    let mut look = || -> rusqlite::Result<()> {
        let mut select = facts.prepare(
            "SELECT id, channel, source, medium, campaign, term, content, landing_page, referrer FROM touchpoint",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let id: u32 = row.get(0)?;
            if !points.contains(&id) {
                unnamed.push(id);
                continue;
            }
            for place in 1..=8 {
                texts.insert(row.get(place)?);
            }
        }
        Ok(())
    };
    look().map_err(engine(DOING))?;
    delete(facts, "DELETE FROM touchpoint WHERE id = $1", &unnamed)?;
    let all: Vec<TextId> = facts
        .prepare("SELECT id FROM text")
        .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
        .map_err(engine(DOING))?;
    let unnamed: Vec<TextId> = all.into_iter().filter(|id| !texts.contains(id)).collect();
    delete(facts, "DELETE FROM text WHERE id = $1", &unnamed)?;
    Ok(unnamed.len())
}

/// The texts and the touchpoints that facts name.
fn named(facts: &Connection) -> Result<(FxHashSet<TextId>, FxHashSet<u32>), StoreError> {
    let (mut texts, mut points) = (FxHashSet::default(), FxHashSet::default());
    let mut look = || -> rusqlite::Result<()> {
        let mut select = facts.prepare("SELECT facts FROM chunk")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let mut decoder = Decoder::new(row.get_ref(0)?.as_blob()?);
            while let Some(fact) = decoder.next() {
                let currencies = fact.outcome.iter().flat_map(|outcome| outcome.money.iter().map(|(id, _)| *id));
                texts.extend([fact.address, fact.mailbox, fact.domain].into_iter().chain(currencies));
                texts.extend(&fact.tags);
                points.extend(fact.touches.iter().map(|touch| touch.point));
            }
        }
        Ok(())
    };
    look().map_err(engine(DOING))?;
    Ok((texts, points))
}

fn delete(facts: &Connection, sql: &str, ids: &[u32]) -> Result<(), StoreError> {
    let mut delete = facts.prepare(sql).map_err(engine(DOING))?;
    ids.iter().try_for_each(|id| delete.execute([id]).map(drop)).map_err(engine(DOING))
}
