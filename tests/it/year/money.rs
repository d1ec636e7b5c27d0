//! What leads of the year became, and what its advertising cost.

use std::time::Duration;

use jiff::{ToSpan, civil::Date};
use leadmilter::{
    channel::Utm,
    clock::Millis,
    money::{Amount, Currency},
    outcome::{Outcome, OutcomeStatus},
};

use super::{
    business::{ASLEEP, ONLINE, Way},
    dice::Dice,
};

const DAY: u64 = 86_400;

/// What became of a lead: of four in ten something is told.
pub fn outcomes(received: Millis, number: u64, dice: &mut Dice) -> Vec<Outcome> {
    let mut told = Vec::new();
    if !dice.in_thousand(400) {
        return told;
    }
    let mut at = received.plus(Duration::from_secs(3600 + dice.few(3 * DAY)));
    let mut later = |dice: &mut Dice| {
        at = at.plus(Duration::from_secs(1 + dice.few(20 * DAY)));
        at
    };
    let one = |status, deal: &str, amount: Option<(Amount, Currency)>, at| Outcome {
        system: "crm".into(),
        deal_id: deal.into(),
        status,
        stage: None,
        amount: amount.map(|(amount, _)| amount),
        currency: amount.map(|(_, currency)| currency),
        occurred_at: at,
    };
    match dice.below(100) {
        0..15 => told.push(one(OutcomeStatus::InProgress, "", None, later(dice))),
        15..25 => told.push(one(OutcomeStatus::Lost, "", None, later(dice))),
        25..65 => told.push(one(OutcomeStatus::Qualified, "", None, later(dice))),
        _ => {
            told.push(one(OutcomeStatus::Qualified, "", None, later(dice)));
            for deal in 0..if dice.in_thousand(60) { 2 } else { 1 } {
                let deal = format!("D{number}-{deal}");
                let money = amount(dice);
                if dice.in_thousand(100) {
                    // Told too high at first: the newest amount counts.
                    told.push(one(OutcomeStatus::Won, &deal, Some((Amount(money.0.0 * 2), money.1)), later(dice)));
                }
                // Few are told without an amount.
                let known = (!dice.in_thousand(20)).then_some(money);
                told.push(one(OutcomeStatus::Won, &deal, known, later(dice)));
                match dice.below(1000) {
                    0..15 => told.push(one(OutcomeStatus::Refund, &deal, Some((half(money.0), money.1)), later(dice))),
                    15..20 => {
                        let negative = Amount(-money.0.0 / 3);
                        told.push(one(OutcomeStatus::Won, &deal, Some((negative, money.1)), later(dice)));
                    }
                    20..24 => {
                        // More than was paid: compensation.
                        let more = Amount(-money.0.0 - 1_000_000);
                        told.push(one(OutcomeStatus::Refund, &deal, Some((more, money.1)), later(dice)));
                    }
                    24..60 => told.push(one(OutcomeStatus::Lost, &deal, None, later(dice))),
                    _ => {}
                }
            }
        }
    }
    told
}

fn half(amount: Amount) -> Amount {
    Amount(amount.0 / 2)
}

fn amount(dice: &mut Dice) -> (Amount, Currency) {
    let currency = ["RUB", "USD", "EUR", "GBP"][dice.weighed(&[70, 15, 12, 3])];
    let units = if currency == "RUB" { 3_000 + dice.few(900_000) } else { 50 + dice.few(9_000) };
    let cents = units * 100 + dice.below(100);
    (Amount(i64::try_from(cents).unwrap_or_default() * 10_000), currency.parse().expect("a currency"))
}

/// A row of costs.
#[derive(Clone, Debug)]
pub struct Spent {
    pub day: Date,
    pub provider: &'static str,
    pub channel: String,
    pub utm: Utm,
    pub currency: Currency,
    pub amount: Amount,
}

/// What a hundred campaigns cost on each day.
pub fn costs(first: Date, last: Date, seed: u64) -> Vec<Spent> {
    let mut dice = Dice::new(seed ^ 0x636f_7374);
    let usd: Currency = "USD".parse().expect("a currency");
    let gbp: Currency = "GBP".parse().expect("a currency");
    let mut rows = Vec::new();
    let mut day = first;
    while day <= last {
        for campaign in 0..90 {
            let way = match campaign {
                0..70 => Some(Way(campaign)),
                70..80 => Some(Way(ASLEEP + campaign - 70)),
                _ => None,
            };
            let utm = way.map_or_else(|| unknown(campaign), Way::utm);
            let (provider, currency) = match campaign {
                _ if campaign == 69 => ("bing_ads", gbp),
                _ if campaign % 3 == 0 => ("google_ads", usd),
                _ => ("yandex_direct", Currency::RUB),
            };
            // A third of the campaigns is told by key phrase.
            let terms = if campaign % 3 == 1 { 2 } else { 1 };
            for term in 0..terms {
                let utm =
                    if terms > 1 { Utm { term: format!("buy a pump {term}"), ..utm.clone() } } else { utm.clone() };
                let cents = i64::try_from(1_000 + dice.few(900_000)).unwrap_or_default();
                let amount = Amount(if currency == Currency::RUB { cents } else { cents / 90 } * 10_000);
                rows.push(Spent { day, provider, channel: String::new(), utm, currency, amount });
            }
        }
        // A correction of the day before, once a month.
        if day.day() == 3 {
            let amount = Amount(-12_345_670_000);
            let (channel, utm) = (String::new(), Way(1).utm());
            rows.push(Spent { day, provider: "correction", channel, utm, currency: Currency::RUB, amount });
        }
        day = day.saturating_add(1.day());
    }
    monthly(first, last, &mut rows);
    rows
}

/// Billboards and the agency are paid by the month, and spread over its days.
fn monthly(first: Date, last: Date, rows: &mut Vec<Spent>) {
    let mut month = first;
    while month <= last {
        let until = month.last_of_month().min(last);
        let days = u32::try_from(month.until(until).map_or(0, |span| span.get_days())).unwrap_or_default() + 1;
        let paid = (0..7).map(|place| Way(ONLINE + place)).map(|way| ("billboards", way.id(), Amount(100_000_010_000)));
        for (provider, channel, amount) in paid.chain([("agency", String::new(), Amount(300_000_000_000))]) {
            let mut day = month;
            for amount in amount.spread(days, Currency::RUB) {
                let channel = channel.clone();
                let utm = Utm::default();
                rows.push(Spent { day, provider, channel, utm, currency: Currency::RUB, amount });
                day = day.saturating_add(1.day());
            }
        }
        month = until.saturating_add(1.day());
    }
}

/// UTM values that are no channel's.
fn unknown(campaign: u64) -> Utm {
    Utm { source: "old".into(), medium: "cpc".into(), campaign: format!("old-{campaign}"), ..Utm::default() }
}
