//! One lead as a fact: read from its row, its event and its outcomes.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};
use serde::Deserialize;

use super::{super::engine, dictionary::Dictionary};
use crate::{
    clock::Millis,
    lead::Kind,
    store::{Class, Fact, FactOutcome, FactTouch, StoreError, sqlite::unreadable},
};

const DOING: &str = "reading leads for reports";

/// Columns of [`Stored`].
pub const SELECT: &str = "SELECT lead.sequence, lead.received_at, lead.kind, lead.thread IS NOT NULL, lead.in_series,
    lead.series_first_id IS NULL, lead.substitute, lead.mailbox, lead.sender_domain, event.body
    FROM lead JOIN event ON event.sequence = lead.sequence";

/// A lead's row and its first event.
pub struct Stored {
    /// The lead's sequence.
    pub sequence: i64,
    at: i64,
    kind: Kind,
    is_reply: bool,
    in_series: bool,
    is_first: bool,
    substitute: String,
    mailbox: Option<String>,
    domain: Option<String>,
    body: String,
}

impl Stored {
    /// Reads a row of [`SELECT`].
    pub fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sequence: row.get(0)?,
            at: row.get(1)?,
            kind: row.get(2)?,
            is_reply: row.get(3)?,
            in_series: row.get(4)?,
            is_first: row.get(5)?,
            substitute: row.get(6)?,
            mailbox: row.get(7)?,
            domain: row.get(8)?,
            body: row.get(9)?,
        })
    }
}

/// What is read of an event.
#[derive(Deserialize)]
struct Body {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    channel: Option<ChannelId>,
    attribution: Origin,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Deserialize)]
struct ChannelId {
    id: String,
}

/// Where a lead came from, and each of its touches.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Origin {
    at: Option<Millis>,
    channel: Option<String>,
    source: Option<String>,
    medium: Option<String>,
    campaign: Option<String>,
    term: Option<String>,
    content: Option<String>,
    landing_page: Option<String>,
    referrer: Option<String>,
    visit_at: Option<Millis>,
    age_seconds: Option<u64>,
    touches: Vec<Origin>,
}

impl Origin {
    fn point(&self, channel: Option<&str>, dictionary: &mut Dictionary<'_>) -> Result<u32, StoreError> {
        let utm = [&self.source, &self.medium, &self.campaign, &self.term, &self.content];
        let [source, medium, campaign, term, content] = utm.map(|text| text.as_deref().unwrap_or_default());
        let [landing, referrer] = [&self.landing_page, &self.referrer].map(|text| text.as_deref().unwrap_or_default());
        let channel = channel.unwrap_or_default();
        dictionary.point([channel, source, medium, campaign, term, content, landing, referrer])
    }
}

/// Puts a fact together.
pub fn fact(stored: &Stored, leads: &Connection, dictionary: &mut Dictionary<'_>) -> Result<Fact, StoreError> {
    let body: Body = serde_json::from_str(&stored.body).map_err(unreadable(&stored.sequence.to_string()))?;
    let Data { channel, attribution, tags } = body.data;
    let mut touches = Vec::with_capacity(attribution.touches.len());
    for touch in &attribution.touches {
        let age = touch.at.map_or(0, |at| (stored.at - at.0).max(0));
        let hours = u32::try_from(age / 3_600_000).unwrap_or(u32::MAX);
        touches.push(FactTouch { point: touch.point(touch.channel.as_deref(), dictionary)?, hours });
    }
    let channel = channel.map(|channel| channel.id);
    if touches.is_empty() && (channel.is_some() || attribution.source.is_some()) {
        touches.push(FactTouch { point: attribution.point(channel.as_deref(), dictionary)?, hours: 0 });
    }
    Ok(Fact {
        sequence: stored.sequence,
        at: stored.at,
        class: Class::of(stored.kind, stored.is_reply, stored.in_series),
        is_unique: stored.in_series && stored.is_first,
        address: dictionary.text(&stored.substitute)?,
        mailbox: dictionary.text(stored.mailbox.as_deref().unwrap_or_default())?,
        domain: dictionary.text(stored.domain.as_deref().unwrap_or_default())?,
        tags: tags.iter().map(|tag| dictionary.text(tag)).collect::<Result<_, _>>()?,
        age: attribution.visit_at.and(attribution.age_seconds),
        touches,
        outcome: outcome(stored.sequence, leads, dictionary)?,
    })
}

/// What was told of one deal.
#[derive(Default)]
struct Deal {
    status: String,
    revenue: Option<(String, i64)>,
    refunds: Vec<(String, i64)>,
}

/// Sums up what was told of a lead, oldest first.
fn outcome(
    sequence: i64,
    leads: &Connection,
    dictionary: &mut Dictionary<'_>,
) -> Result<Option<FactOutcome>, StoreError> {
    let mut deals: BTreeMap<(String, String), Deal> = BTreeMap::new();
    let mut summed = FactOutcome::default();
    let mut read = || {
        let mut select = leads.prepare_cached(
            "SELECT system, deal_id, status, amount, currency FROM outcome WHERE lead = $1 ORDER BY occurred_at, id",
        )?;
        let mut rows = select.query([sequence])?;
        while let Some(row) = rows.next()? {
            let deal = deals.entry((row.get(0)?, row.get(1)?)).or_default();
            let status: String = row.get(2)?;
            let money: Option<(String, i64)> = row.get::<_, Option<String>>(4)?.zip(row.get::<_, Option<i64>>(3)?);
            summed.is_qualified |= status == "qualified" || status == "won";
            match money {
                Some((currency, amount)) if status == "refund" || (status == "won" && amount < 0) => {
                    // What is given back of a sale that has ended is no part of the next one.
                    if deal.revenue.is_none() || deal.status == "won" {
                        deal.refunds.push((currency, -amount.saturating_abs()));
                    }
                }
                money => {
                    if status == "won" {
                        deal.revenue = money.or(deal.revenue.take());
                    }
                    if status != "refund" {
                        if status != "won" && deal.revenue.is_some() {
                            // The sale has ended, and what was given back was of it: another one may follow.
                            deal.refunds.clear();
                        }
                        deal.status = status;
                    }
                }
            }
        }
        Ok(())
    };
    read().map_err(engine(DOING))?;
    if deals.is_empty() {
        return Ok(None);
    }
    let mut money: BTreeMap<String, i64> = BTreeMap::new();
    for deal in deals.into_values() {
        let is_won = deal.status == "won";
        summed.deals += u32::from(is_won);
        for (currency, amount) in deal.revenue.filter(|_| is_won).into_iter().chain(deal.refunds) {
            let sum = money.entry(currency).or_default();
            *sum = sum.saturating_add(amount);
        }
    }
    for (currency, amount) in money {
        summed.money.push((dictionary.text(&currency)?, amount));
    }
    Ok(Some(summed))
}
