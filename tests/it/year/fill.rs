//! Writes a year into a new store, and the config and key beside it.

use std::{error::Error, fs, path::Path};

use jiff::civil::Date;
use leadmilter::{clock::Millis, outcome::Outcome, store::Bulk};
use rusqlite::{Connection, params};

use super::{
    Plan,
    business::{config, token_key},
    money::{Spent, costs},
};

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    pub letters: u64,
    pub visits: u64,
    pub outcomes: u64,
    pub costs: u64,
}

/// Writes the year of a plan below `folder`: `config.toml`, `token.key`, `store`. `top` are lines for the config's
/// beginning; `progress` is told after every thousand letters.
pub fn fill(folder: &Path, top: &str, plan: Plan, mut progress: impl FnMut(u64)) -> Result<Filled, Box<dyn Error>> {
    fs::write(folder.join("config.toml"), config(top))?;
    fs::write(folder.join("token.key"), format!("{}\n", token_key()))?;
    let store = folder.join("store");
    let mut bulk = Bulk::make(&store)?;
    let (mut filled, mut told) = (Filled::default(), Vec::new());
    let mut year = plan.year();
    while let Some(entry) = year.next() {
        for (visit, click) in year.visiting.made.drain(..) {
            bulk.visit(&visit)?;
            if let Some(at) = click {
                bulk.click([Some(visit.claim), None], at)?;
            }
            filled.visits += 1;
        }
        let id = entry.new.lead.lead_id.clone();
        bulk.lead(entry.new)?.ok_or("a letter that is not recorded")?;
        if !entry.outcomes.is_empty() {
            told.push((id, entry.outcomes));
        }
        filled.letters += 1;
        if filled.letters.is_multiple_of(1000) {
            progress(filled.letters);
        }
    }
    bulk.finish()?;
    let mut conn = Connection::open(store.join("leads.db"))?;
    conn.execute_batch("PRAGMA synchronous = OFF")?;
    filled.outcomes = outcomes(&mut conn, &told, plan.end())?;
    filled.costs = spent(&mut conn, &costs(plan.first(), plan.last, plan.seed), plan.end())?;
    conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(filled)
}

/// As the CRM told them, each once.
fn outcomes(conn: &mut Connection, told: &[(String, Vec<Outcome>)], now: Millis) -> Result<u64, Box<dyn Error>> {
    let (tx, mut count) = (conn.transaction()?, 0);
    let mut insert = tx.prepare(
        "INSERT INTO outcome (lead, system, deal_id, status, stage, amount, currency, occurred_at, recorded_at)
         SELECT sequence, $1, $2, $3, $4, $5, $6, $7, $8 FROM lead WHERE id = $9",
    )?;
    for (id, outcomes) in told {
        for outcome in outcomes {
            let Outcome { system, deal_id, status, stage, amount, currency, occurred_at } = outcome;
            let (amount, currency) = (amount.map(|amount| amount.0), currency.map(|currency| currency.to_string()));
            let (status, at) = (status.as_str(), occurred_at.0);
            count += insert.execute(params![system, deal_id, status, stage, amount, currency, at, now.0, id])?;
        }
    }
    drop(insert);
    tx.commit()?;
    Ok(count as u64)
}

fn spent(conn: &mut Connection, rows: &[Spent], now: Millis) -> Result<u64, Box<dyn Error>> {
    let tx = conn.transaction()?;
    let mut insert = tx.prepare(
        "INSERT INTO cost (day, provider, channel, source, medium, campaign, term, content, campaign_id, currency, amount,
                           has_vat, imported_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', $9, $10, $11, $12)",
    )?;
    for Spent { day, provider, channel, utm, currency, amount } in rows {
        let day = Date::constant(1970, 1, 1).until(*day)?.get_days();
        let (currency, amount) = (currency.as_str(), amount.0);
        insert.execute(params![
            day,
            provider,
            channel,
            utm.source,
            utm.medium,
            utm.campaign,
            utm.term,
            utm.content,
            currency,
            amount,
            // Advertising systems tell what is to be paid, companies' own files what is not paid back.
            [Some(true), Some(false), None][provider.len() % 3],
            now.0
        ])?;
    }
    drop(insert);
    tx.commit()?;
    Ok(rows.len() as u64)
}
