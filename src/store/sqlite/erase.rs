//! Finds what is kept of a sender, and erases it.
//!
//! Finding reads on a connection that holds up nobody; erasing works in short commits between which the mail of a running
//! daemon goes on. What would be needed to find the rest again goes last, so that an erasure that was cut off is finished by
//! doing it again. Afterwards neither free space nor the write-ahead log has anything left of it (`scrub`).

use rusqlite::Connection;

use super::{
    Store, audit,
    database::Database,
    engine,
    forget::{EVENTS, forget},
    purge::{Key, forget_samples},
    scrub, standing,
};
use crate::{
    clock::Millis,
    store::{AuditEntry, Erasure, Forgotten, Receiver, StoreError, Trace, Traces},
};

/// Rows looked at in one go.
const SLICE: i64 = 20_000;

/// Leads, or rows of which one is all that goes, of one commit.
const STEP: usize = 32;

const DOING: &str = "erasing a sender";

impl Store {
    /// What is kept of a sender, in all spellings that `is_sender` takes for one.
    pub async fn traces(&self, is_sender: impl Fn(&str) -> bool) -> Result<Traces, StoreError> {
        let mut traces = Traces::default();
        for sequence in self.leads_of(&is_sender)? {
            traces.letters.extend(self.trace(sequence, &mut traces.receivers, &mut traces.counts)?);
        }
        traces.receivers.sort_by(|one, other| one.sink.cmp(&other.sink));
        if let Some(visits) = self.visits() {
            traces.counts.visits = visits.count(traces.visitors()).await?;
        }
        traces.counts.harvesters = self.harvesters(&is_sender)?.len() as u64;
        Ok(traces)
    }

    /// Ids of leads whose events tell an address, at most so many.
    pub fn leads_that_tell(&self, address: &str, limit: u32) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT DISTINCT lead_id FROM event WHERE instr(body, $1) > 0 AND lead_id <> '' LIMIT $2";
        self.list(sql, &[&address, &limit], |row| row.get(0))
    }

    /// Erases what was found, and remembers of its letters only that they are not to be recorded again. Gives back how much
    /// that was, and how often the address still stands somewhere: another's letter may tell it.
    pub async fn erase(
        &self,
        traces: &Traces,
        is_sender: impl Fn(&str) -> bool,
        erasure: Erasure,
    ) -> Result<(Forgotten, u64), StoreError> {
        let writer = self.writer()?;
        let mut gone = Forgotten::default();
        if let Some(visits) = self.visits() {
            gone.visits = visits.erase(traces.visitors()).await?;
        }
        let leads: Vec<_> = traces.letters.iter().map(|letter| letter.sequence).collect();
        let until = erasure.remember.map_or(Millis(i64::MAX), |time| Millis::now().plus(time));
        for keys in self.known_of(&leads)?.chunks(STEP) {
            let keys = keys.to_vec();
            writer.in_turn(move |conn| remember(conn, &keys, until)).await?;
        }
        let harvesters = self.harvesters(&is_sender)?;
        let mut addresses = erasure.addresses.clone();
        addresses.extend(self.addresses_of(&leads, &is_sender)?.into_iter().chain(harvesters.iter().cloned()));
        addresses.sort_unstable();
        addresses.dedup();
        for leads in leads.chunks(STEP) {
            let leads = leads.to_vec();
            gone.add(writer.in_turn(move |conn| forget(conn, &leads)).await?);
        }
        let told = addresses.clone();
        gone.add(writer.in_turn(move |conn| conclude(conn, &harvesters, &told, &erasure, gone)).await?);
        // Domain, pages and referrers of the leads stand there, too.
        if gone.leads > 0 {
            let facts = Self::facts(&self.folder);
            tokio::task::spawn_blocking(move || facts.forget()).await.unwrap_or(Err(StoreError::Closed))?;
        }
        let needles = addresses.into_iter().chain(traces.letters.iter().map(|letter| letter.lead_id.clone()));
        let left = scrub::scrub(writer, &Database::leads(&self.folder), needles.collect()).await?;
        Ok((gone, left))
    }

    /// Sequences of the sender's leads, oldest first.
    fn leads_of(&self, is_sender: &impl Fn(&str) -> bool) -> Result<Vec<i64>, StoreError> {
        let sql = "SELECT sequence, sender, sender_key FROM lead WHERE sequence > $1 ORDER BY sequence LIMIT $2";
        let (mut after, mut found) = (0, Vec::new());
        loop {
            let slice = self.list(sql, &[&after, &SLICE], |row| {
                Ok((row.get::<_, i64>(0)?, [row.get::<_, Option<String>>(1)?, row.get(2)?]))
            })?;
            let Some((last, _)) = slice.last() else { return Ok(found) };
            after = *last;
            let is_theirs = |names: &[Option<String>; 2]| names.iter().flatten().any(|name| is_sender(name));
            found.extend(slice.into_iter().filter_map(|(sequence, names)| is_theirs(&names).then_some(sequence)));
        }
    }

    /// How the sender is written in the rows of these leads.
    fn addresses_of(&self, leads: &[i64], is_sender: &impl Fn(&str) -> bool) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        for lead in leads {
            let sql = "SELECT sender, sender_key FROM lead WHERE sequence = $1";
            let rows = self.list(sql, &[lead], |row| Ok([row.get::<_, Option<String>>(0)?, row.get(1)?]))?;
            found.extend(rows.into_iter().flatten().flatten().filter(|name| is_sender(name)));
        }
        Ok(found)
    }

    fn harvesters(&self, is_sender: &impl Fn(&str) -> bool) -> Result<Vec<String>, StoreError> {
        let all: Vec<String> = self.list("SELECT sender FROM harvester", &[], |row| row.get(0))?;
        Ok(all.into_iter().filter(|sender| is_sender(sender)).collect())
    }

    fn trace(
        &self,
        sequence: i64,
        receivers: &mut Vec<Receiver>,
        counts: &mut Forgotten,
    ) -> Result<Option<Trace>, StoreError> {
        let Some(standing) = standing::find_at(&self.reader(), sequence)? else { return Ok(None) };
        counts.leads += 1;
        for event in self.list(EVENTS, &[&sequence], |row| row.get::<_, i64>(0))? {
            counts.events += 1;
            let sql = "SELECT sink, state, next_at, doubt,
                           (SELECT count(*) FROM attempt WHERE attempt.delivery = delivery.id)
                       FROM delivery WHERE event = $1";
            let deliveries = self.list(sql, &[&event], |row| {
                Ok((row.get(0)?, row.get::<_, i64>(1)?, Millis(row.get(2)?), row.get(3)?, row.get::<_, u64>(4)?))
            })?;
            for (sink, state, at, doubt, attempts) in deliveries {
                counts.deliveries += 1;
                counts.pending += u64::from(state == 0);
                counts.attempts += attempts;
                note(receivers, sink, (state == 1).then_some(at), doubt);
            }
        }
        counts.outcomes += self.count("SELECT count(*) FROM outcome WHERE lead = $1", sequence)?;
        counts.external_ids += self.count("SELECT count(*) FROM external_id WHERE lead = $1", sequence)?;
        let lead = standing.lead;
        Ok(Some(Trace {
            lead_id: lead.lead_id,
            received_at: lead.received_at,
            mailbox: lead.recipient.real,
            substitute: lead.recipient.substitute,
            message_id: lead.message.message_id,
            queue_id: lead.mta.and_then(|mta| mta.queue_id),
            sequence,
            visitor: standing.visitor,
        }))
    }

    fn count(&self, sql: &str, of: i64) -> Result<u64, StoreError> {
        Ok(self.list(sql, &[&of], |row| row.get(0))?.into_iter().next().unwrap_or_default())
    }

    /// Keys under which these leads' messages are known.
    fn known_of(&self, leads: &[i64]) -> Result<Vec<Key>, StoreError> {
        let leads: std::collections::BTreeSet<_> = leads.iter().copied().collect();
        let sql = "SELECT message, digest, lead FROM known WHERE (message, digest) > ($1, $2)
                   ORDER BY message, digest LIMIT $3";
        let (mut after, mut found) = (Key::default(), Vec::new());
        while !leads.is_empty() {
            let slice = self.list(sql, &[&after.0, &after.1, &SLICE], |row| {
                Ok(((row.get(0)?, row.get(1)?), row.get::<_, i64>(2)?))
            })?;
            let Some((last, _)) = slice.last() else { break };
            after = last.clone();
            found.extend(slice.into_iter().filter_map(|(key, lead)| leads.contains(&lead).then_some(key)));
        }
        Ok(found)
    }
}

/// Notes what a sink was told.
fn note(receivers: &mut Vec<Receiver>, sink: String, arrived_at: Option<Millis>, doubt: bool) {
    if arrived_at.is_none() && !doubt {
        return;
    }
    let place = receivers.iter().position(|receiver| receiver.sink == sink).unwrap_or_else(|| {
        receivers.push(Receiver { sink, events: 0, first_at: None, last_at: None, doubtful: 0 });
        receivers.len() - 1
    });
    let Some(receiver) = receivers.get_mut(place) else { return };
    match arrived_at {
        Some(at) => {
            receiver.events += 1;
            receiver.first_at = Some(receiver.first_at.map_or(at, |first| first.min(at)));
            receiver.last_at = receiver.last_at.max(Some(at));
        }
        None => receiver.doubtful += 1,
    }
}

/// Copies stay known, threads do not: an answer to an erased letter belongs to nothing.
fn remember(conn: &Connection, keys: &[Key], until: Millis) -> Result<(), StoreError> {
    for (message, digest) in keys {
        let sql = match digest.is_empty() {
            true => "DELETE FROM known WHERE message = $1 AND digest = $2 AND $3 IS NOT NULL",
            false => "UPDATE known SET expires_at = coalesce(expires_at, $3) WHERE message = $1 AND digest = $2",
        };
        conn.prepare_cached(sql)
            .and_then(|mut statement| statement.execute((message, digest, until.0)))
            .map_err(engine(DOING))?;
    }
    Ok(())
}

/// What stands outside the leads, and the note that somebody was erased, which does not tell who.
fn conclude(
    conn: &Connection,
    harvesters: &[String],
    addresses: &[String],
    erasure: &Erasure,
    gone: Forgotten,
) -> Result<Forgotten, StoreError> {
    let mut more = Forgotten::default();
    for sender in harvesters {
        let done = conn.execute("DELETE FROM harvester WHERE sender = $1", [sender]).map_err(engine(DOING))?;
        more.harvesters += done as u64;
    }
    for address in addresses {
        let sql = "UPDATE audit SET what = replace(what, $1, $2), details = replace(details, $1, $2)
                   WHERE instr(what, $1) > 0 OR instr(details, $1) > 0";
        more.audit += conn.execute(sql, (address, &erasure.noted.what)).map_err(engine(DOING))? as u64;
    }
    forget_samples(conn)?;
    let Forgotten { leads, events, deliveries, visits, .. } = gone;
    let details = format!("leads={leads} events={events} deliveries={deliveries} visits={visits}");
    audit::note(conn, &AuditEntry { details: Some(details), ..erasure.noted.clone() })?;
    Ok(more)
}
