//! Addresses that were harvested, and senders that harvest.
//!
//! An address of one channel is seen by people who do not know each other but come one by one; a list of harvested
//! addresses brings many unrelated senders at once, or spam. Mail goes on; only counting stops, until an administrator
//! says otherwise.

use std::time::Duration;

use rusqlite::{
    Connection, OptionalExtension, Params,
    types::{FromSql, FromSqlError, FromSqlResult, ValueRef},
};

use super::engine;
use crate::{
    clock::Millis,
    lead::{Kind, Lead},
    store::{AddressNote, AddressState, NewLead, StoreError, Way},
};

const DOING: &str = "judging an address";

/// How far back spam counts against an address.
const SPAM_WINDOW: Duration = Duration::from_secs(30 * 86_400);

/// Letters looked at: a judgement costs the same however many came.
const LETTERS: u32 = 1000;

/// The newest letters to an address; those who answer in a thread have not come from a list of addresses.
const NEWEST: &str = "FROM (SELECT kind, sender_domain FROM lead
    WHERE substitute = $1 AND received_at > $2 AND received_at <= $3 AND thread IS NULL
    ORDER BY received_at DESC LIMIT $4) AS newest";

/// Whether an address was harvested.
#[derive(PartialEq, Eq)]
pub enum Leak {
    /// Nothing tells so, or an administrator trusts it.
    None,
    /// It is known already.
    Known,
    /// This letter makes it so, for this reason.
    Found(String),
}

/// Whether the substitute counts as leaked from this letter on.
pub fn judge(conn: &Connection, new: &NewLead) -> Result<Leak, StoreError> {
    if new.way != Way::Substitute {
        return Ok(Leak::None);
    }
    match note(conn, key(&new.lead))?.map(|note| note.state) {
        Some(AddressState::Leaked) => Ok(Leak::Known),
        Some(AddressState::Trusted) => Ok(Leak::None),
        None => Ok(evidence(conn, new)?.map_or(Leak::None, Leak::Found)),
    }
}

/// Under which name an address is known: a token is one address, whatever mailbox it stands behind.
pub fn key(lead: &Lead) -> &str {
    lead.recipient.token.as_deref().unwrap_or(&lead.recipient.substitute)
}

fn evidence(conn: &Connection, new: &NewLead) -> Result<Option<String>, StoreError> {
    let leak = new.counting.leak;
    match new.lead.kind {
        Kind::Spam if leak.spam > 0 => {
            // One sender alone, whose mark of spam may be his own, takes no address out of the count. This letter is
            // not written yet.
            let senders =
                format!("SELECT count(DISTINCT sender_domain) {NEWEST} WHERE kind = 6 AND sender_domain IS NOT $5");
            let (address, from, until, _) = within(new, SPAM_WINDOW);
            let values = (address, from, until, LETTERS, &new.lead.sender.domain);
            let senders = ask::<u32>(conn, &senders, values)? + 1;
            Ok((senders >= leak.spam).then(|| format!("spam of {senders} sender domains within 30 days")))
        }
        Kind::Lead if leak.domains > 0 => {
            // A domain that has written already changes no number; a flood comes from one, and ends here.
            let known = format!("SELECT EXISTS (SELECT 1 {NEWEST} WHERE kind = 0 AND sender_domain = $5)");
            let domain = &new.lead.sender.domain;
            let (address, from, until, _) = within(new, leak.window);
            if ask::<bool>(conn, &known, (address, from, until, LETTERS, domain))? {
                return Ok(None);
            }
            let domains = format!("SELECT count(DISTINCT sender_domain) {NEWEST} WHERE kind = 0");
            let domains = ask::<u32>(conn, &domains, within(new, leak.window))? + 1;
            Ok((domains >= leak.domains).then(|| format!("{domains} sender domains within {:?}", leak.window)))
        }
        _ => Ok(None),
    }
}

/// The letters to the address in the window that ends with this one: what is ingested late is judged by its own time.
fn within(new: &NewLead, window: Duration) -> (&str, i64, i64, u32) {
    let until = new.lead.received_at.0;
    (&new.lead.recipient.substitute, until.saturating_sub(Millis(0).plus(window).0), until, LETTERS)
}

fn ask<T: FromSql>(conn: &Connection, sql: &str, values: impl Params) -> Result<T, StoreError> {
    conn.prepare_cached(sql).and_then(|mut found| found.query_row(values, |row| row.get(0))).map_err(engine(DOING))
}

/// What is known of an address beside the config.
pub fn note(conn: &Connection, address: &str) -> Result<Option<AddressNote>, StoreError> {
    conn.prepare_cached("SELECT state, since, reason FROM address WHERE address = $1")
        .and_then(|mut found| {
            let read = |row: &rusqlite::Row<'_>| {
                let (state, since, reason) = (row.get(0)?, Millis(row.get(1)?), row.get(2)?);
                Ok(AddressNote { address: address.to_owned(), state, since, reason })
            };
            found.query_row([address], read).optional()
        })
        .map_err(engine(DOING))
}

/// Sets or forgets what is known of an address.
pub fn set(
    conn: &Connection,
    address: &str,
    state: Option<AddressState>,
    since: Millis,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    match state {
        Some(state) => conn.execute(
            "INSERT INTO address (address, state, since, reason) VALUES ($1, $2, $3, $4)
             ON CONFLICT (address) DO UPDATE SET state = excluded.state, since = excluded.since, reason = excluded.reason",
            (address, state.code(), since.0, reason),
        ),
        None => conn.execute("DELETE FROM address WHERE address = $1", [address]),
    }
    .map(drop)
    .map_err(engine(DOING))
}

/// Calls a letter spam if its sender has written to a canary, or does so now. Gives back whether it does so now.
pub fn judge_harvester(conn: &Connection, new: &mut NewLead) -> Result<bool, StoreError> {
    let sender = new.sender_key.as_deref();
    if new.way == Way::Canary {
        // A bounce comes here because a spammer took the address for his sender; a colleague tries whether it works.
        if !matches!(new.lead.kind, Kind::Lead | Kind::List | Kind::Spam) {
            return Ok(false);
        }
        let reason = format!("canary {}", new.lead.recipient.substitute);
        (new.lead.kind, new.lead.kind_reason) = (Kind::Spam, Some(reason));
        return Ok(true);
    }
    let Some(sender) = sender.filter(|_| new.lead.kind == Kind::Lead) else { return Ok(false) };
    let canary: Option<String> = conn
        .prepare_cached("SELECT canary FROM harvester WHERE sender = $1")
        .and_then(|mut found| found.query_row([sender], |row| row.get(0)).optional())
        .map_err(engine(DOING))?;
    if let Some(canary) = canary {
        (new.lead.kind, new.lead.kind_reason) = (Kind::Spam, Some(format!("sender wrote to canary {canary}")));
    }
    Ok(false)
}

/// Remembers the sender of a letter to a canary. A sender that is perhaps forged is only a victim: the caller asks first.
pub fn remember_harvester(conn: &Connection, new: &NewLead) -> Result<(), StoreError> {
    let Some(sender) = &new.sender_key else { return Ok(()) };
    conn.prepare_cached(
        "INSERT INTO harvester (sender, canary, since) VALUES ($1, $2, $3) ON CONFLICT (sender) DO NOTHING",
    )
    .and_then(|mut statement| statement.execute((sender, &new.lead.recipient.substitute, new.lead.received_at.0)))
    .map(drop)
    .map_err(engine(DOING))
}

impl AddressState {
    /// The number in the store: fixed for ever.
    fn code(self) -> i64 {
        match self {
            Self::Leaked => 1,
            Self::Trusted => 2,
        }
    }
}

impl FromSql for AddressState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            1 => Ok(Self::Leaked),
            2 => Ok(Self::Trusted),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}
