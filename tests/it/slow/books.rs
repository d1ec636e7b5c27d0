//! What was recorded, as plain text and numbers: letters with their touches and outcomes, costs, visits.

use std::{collections::BTreeMap, path::Path};

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use leadmilter::{
    clock::Millis,
    config::Config,
    lead::{Kind, Lead},
    store::{LeadFilter, Store},
};
use rusqlite::Connection;

/// Channel, source, medium, campaign, term, content, landing page, referrer; empty where there is none.
pub type Parts = [String; 8];

pub struct Touch {
    pub parts: Parts,
    pub is_direct: bool,
    pub hours: i64,
}

/// What a letter is counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    Lead,
    Reply,
    Uncounted,
    Other(&'static str),
}

pub struct Letter {
    pub at: Timestamp,
    pub sort: Sort,
    pub is_new: bool,
    pub address: String,
    pub mailbox: String,
    pub domain: String,
    pub tags: Vec<String>,
    /// Seconds from the visit to the letter.
    pub age: Option<i128>,
    pub touches: Vec<Touch>,
    pub outcome: Option<Outcome>,
}

/// What became of a lead.
#[derive(Default)]
pub struct Outcome {
    pub is_qualified: bool,
    pub deals: i128,
    /// Revenue less refunds, in millionths.
    pub money: BTreeMap<String, i128>,
}

pub struct Cost {
    pub day: Date,
    pub provider: String,
    pub parts: Parts,
    pub currency: String,
    pub amount: i128,
    pub has_vat: Option<bool>,
}

pub struct Visit {
    pub at: Timestamp,
    pub parts: Parts,
    pub is_clicked: bool,
}

pub struct Books {
    pub letters: Vec<Letter>,
    pub costs: Vec<Cost>,
    pub visits: Vec<Visit>,
    /// What a unit of a currency is in the accounting currency, in millionths.
    pub rates: BTreeMap<String, i128>,
    pub currency: String,
    pub overhead: Vec<String>,
}

/// When everything happened, by the clocks of one time zone: letters and visits in the order of the books.
pub struct Clocks {
    pub letters: Vec<DateTime>,
    pub visits: Vec<DateTime>,
}

impl Books {
    pub fn clocks(&self, zone: &str) -> Clocks {
        let zone = TimeZone::get(zone).unwrap();
        let local = |at: Timestamp| at.to_zoned(zone.clone()).datetime();
        Clocks {
            letters: self.letters.iter().map(|letter| local(letter.at)).collect(),
            visits: self.visits.iter().map(|visit| local(visit.at)).collect(),
        }
    }

    pub fn read(config: &Config) -> Self {
        let folder = &config.store.folder;
        let store = Store::open_read(folder).unwrap();
        let leads = store.leads(&LeadFilter { limit: 1_000_000, ..LeadFilter::default() }).unwrap();
        let mut told = outcomes(folder);
        let letters = leads.into_iter().map(|lead| letter(&lead, told.remove(&lead.lead_id))).collect();
        assert_eq!(told.len(), 0);
        let text = |currency: &leadmilter::money::Currency| currency.to_string();
        Self {
            letters,
            costs: costs(config),
            visits: visits(folder),
            rates: config.reports.rates.iter().map(|(of, rate)| (text(of), rate.0.into())).collect(),
            currency: text(&config.reports.currency),
            overhead: config.reports.overhead.clone(),
        }
    }
}

fn letter(lead: &Lead, outcome: Option<Outcome>) -> Letter {
    let of = &lead.attribution;
    let touches = of.touches.iter().map(|touch| {
        let texts = [
            &touch.channel,
            &touch.source,
            &touch.medium,
            &touch.campaign,
            &touch.term,
            &touch.content,
            &touch.landing_page,
            &touch.referrer,
        ];
        self::touch(texts.map(|text| text.clone().unwrap_or_default()), touch.at, lead.received_at)
    });
    let mut touches: Vec<_> = touches.collect();
    if touches.is_empty() {
        let channel = lead.channel.as_ref().map(|channel| channel.id.clone());
        let texts =
            [&channel, &of.source, &of.medium, &of.campaign, &of.term, &of.content, &of.landing_page, &of.referrer];
        touches.push(touch(texts.map(|text| text.clone().unwrap_or_default()), lead.received_at, lead.received_at));
    }
    let sort = match lead.kind {
        Kind::Lead if lead.in_thread_of.is_some() => Sort::Reply,
        Kind::Lead if !lead.repeat.unique && lead.repeat.first_lead_id.is_none() => Sort::Uncounted,
        Kind::Lead => Sort::Lead,
        other => Sort::Other(other.as_str()),
    };
    Letter {
        at: lead.received_at.timestamp(),
        sort,
        is_new: lead.repeat.unique,
        address: lead.recipient.substitute.clone(),
        mailbox: lead.recipient.real.clone().unwrap_or_default(),
        domain: lead.sender.domain.clone().unwrap_or_default(),
        tags: lead.tags.clone(),
        age: of.visit_at.and(of.age_seconds).map(i128::from),
        touches,
        outcome,
    }
}

fn touch(parts: Parts, at: Millis, received: Millis) -> Touch {
    let is_direct = parts[1] == "(direct)" || (parts[0].is_empty() && parts[1].is_empty());
    Touch { parts, is_direct, hours: (received.0 - at.0) / 3_600_000 }
}

/// Status, amount and currency of what was told, the oldest first.
type Told = Vec<(String, Option<i128>, Option<String>)>;

/// What became of each lead, by its id.
fn outcomes(folder: &Path) -> BTreeMap<String, Outcome> {
    let conn = Connection::open(folder.join("leads.db")).unwrap();
    let mut select = conn
        .prepare(
            "SELECT lead.id, system, deal_id, status, amount, currency FROM outcome JOIN lead ON lead.sequence = outcome.lead
             ORDER BY occurred_at, outcome.id",
        )
        .unwrap();
    let mut deals: BTreeMap<String, BTreeMap<(String, String), Told>> = BTreeMap::new();
    let mut rows = select.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let deal = (row.get(1).unwrap(), row.get(2).unwrap());
        let amount: Option<i64> = row.get(4).unwrap();
        let told = (row.get(3).unwrap(), amount.map(i128::from), row.get(5).unwrap());
        deals.entry(row.get(0).unwrap()).or_default().entry(deal).or_default().push(told);
    }
    deals.into_iter().map(|(lead, deals)| (lead, outcome(deals.into_values()))).collect()
}

fn outcome(deals: impl Iterator<Item = Told>) -> Outcome {
    let mut outcome = Outcome::default();
    for told in deals {
        let is_refund = |(status, amount, _): &(String, Option<i128>, Option<String>)| {
            amount.is_some() && (status == "refund" || (status == "won" && amount.unwrap() < 0))
        };
        outcome.is_qualified |= told.iter().any(|(status, ..)| status == "won" || status == "qualified");
        let newest = told.iter().rev().find(|told| !is_refund(told) && told.0 != "refund");
        if newest.is_some_and(|(status, ..)| status == "won") {
            outcome.deals += 1;
            let paid = told.iter().rev().find(|told| told.0 == "won" && told.1.is_some() && !is_refund(told));
            if let Some((_, amount, currency)) = paid {
                *outcome.money.entry(currency.clone().unwrap()).or_default() += amount.unwrap();
            }
        }
        let is_paid =
            |told: &(String, Option<i128>, Option<String>)| told.0 == "won" && told.1.is_some() && !is_refund(told);
        let is_status = |told: &&(String, Option<i128>, Option<String>)| told.0 != "refund" && !is_refund(told);
        for (at, (_, amount, currency)) in told.iter().enumerate().filter(|(_, told)| is_refund(told)) {
            // Of a sale that had ended before, or has ended since.
            let had_ended = told[..at].iter().any(is_paid)
                && told[..at].iter().rev().find(is_status).is_some_and(|(status, ..)| status != "won");
            let ends = (at..told.len())
                .any(|later| told[later].0 != "won" && is_status(&&told[later]) && told[..later].iter().any(is_paid));
            if had_ended || ends {
                continue;
            }
            *outcome.money.entry(currency.clone().unwrap()).or_default() -= amount.unwrap().abs();
        }
    }
    outcome
}

fn costs(config: &Config) -> Vec<Cost> {
    let conn = Connection::open(config.store.folder.join("leads.db")).unwrap();
    let sql =
        "SELECT day, provider, channel, source, medium, campaign, term, content, currency, amount, campaign_id, has_vat
               FROM cost";
    let mut select = conn.prepare(sql).unwrap();
    let read = |row: &rusqlite::Row<'_>| {
        let text = |place| row.get::<_, String>(place).unwrap();
        let mut parts: Parts = Default::default();
        for (place, part) in (2..).zip(&mut parts[..6]) {
            *part = text(place);
        }
        // Links are tagged with a campaign's name or with its id.
        if parts[3].is_empty() {
            parts[3] = text(10);
        }
        // What names nothing but a channel has the channel's UTM values.
        if let Some(channel) = config.channels.iter().find(|channel| channel.id == parts[0])
            && parts[1..6].iter().all(String::is_empty)
        {
            let utm = &channel.utm;
            let all = [&utm.source, &utm.medium, &utm.campaign, &utm.term, &utm.content];
            parts[1..6].iter_mut().zip(all).for_each(|(part, value)| value.clone_into(part));
        }
        if parts[0].is_empty() {
            // The channel with the same UTM values, of which only term and content may be more exact.
            let found = config.channels.iter().find(|channel| {
                let utm = &channel.utm;
                !utm.source.is_empty() && [&utm.source, &utm.medium, &utm.campaign] == [&parts[1], &parts[2], &parts[3]]
            });
            parts[0] = found.map(|channel| channel.id.clone()).unwrap_or_default();
        }
        let day = Date::constant(1970, 1, 1) + row.get::<_, i64>(0).unwrap().days();
        let amount = i128::from(row.get::<_, i64>(9).unwrap());
        Ok(Cost { day, provider: text(1), parts, currency: text(8), amount, has_vat: row.get(11)? })
    };
    select.query_map([], read).unwrap().map(Result::unwrap).collect()
}

fn visits(folder: &Path) -> Vec<Visit> {
    let conn = Connection::open(folder.join("visits.db")).unwrap();
    let mut select = conn
        .prepare(
            "SELECT at, clicks, channel, source, medium, campaign, term, content, landing_page, referrer
             FROM visit JOIN touchpoint ON touchpoint.id = visit.touchpoint WHERE ordered = 0",
        )
        .unwrap();
    let read = |row: &rusqlite::Row<'_>| {
        let mut parts: Parts = Default::default();
        for (place, part) in (2..).zip(&mut parts) {
            *part = row.get::<_, Option<String>>(place).unwrap().unwrap_or_default();
        }
        let at = Millis(row.get(0).unwrap()).timestamp();
        Ok(Visit { at, parts, is_clicked: row.get::<_, i64>(1).unwrap() > 0 })
    };
    select.query_map([], read).unwrap().map(Result::unwrap).collect()
}
