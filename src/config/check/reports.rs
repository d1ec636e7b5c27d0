//! `[reports]`: in which currency and by which model reports count.

use std::collections::BTreeMap;

use super::super::{
    Reports,
    fault::Wrong,
    file,
    findings::{Findings, Key},
};
use crate::{
    model::Model,
    money::{Amount, Currency},
};

/// Checks `[reports]`.
pub(super) fn reports(given: &file::Reports, findings: &mut Findings) -> Reports {
    let section = Key::Root.name("reports");
    let default = Reports::default();
    let currency = findings.read(&section.name("currency"), given.currency.as_ref(), currency);
    let currency = currency.unwrap_or(default.currency);
    let model = findings.read(&section.name("model"), given.model.as_ref(), model);
    let language = findings.read(&section.name("language"), given.language.as_ref(), |text| {
        text.parse().map_err(|_| Wrong::value(text, "is no language that we speak", "write \"en\" or \"ru\""))
    });
    let overhead = given.overhead.iter().map(|name| name.get_ref().clone()).collect();
    Reports {
        rates: rates(given, currency, &section, findings),
        currency,
        model: model.unwrap_or(default.model),
        language: language.unwrap_or(default.language),
        overhead,
    }
}

const MODELS: &str = "write first, last, last_non_direct, linear, position or decay";

/// An attribution model.
pub(super) fn model(text: &str) -> Result<Model, Wrong> {
    text.parse().map_err(|_| Wrong::value(text, "is no attribution model", MODELS))
}

fn currency(text: &str) -> Result<Currency, Wrong> {
    let remedy = "write three letters of ISO 4217, such as \"RUB\"";
    text.parse().map_err(|_| Wrong::value(text, "is no currency", remedy))
}

fn rates(
    given: &file::Reports,
    accounting: Currency,
    section: &Key<'_>,
    findings: &mut Findings,
) -> BTreeMap<Currency, Amount> {
    let mut rates = BTreeMap::new();
    let Some(given) = &given.rates else { return rates };
    let table = section.name("rates");
    for (name, text) in given.get_ref() {
        let key = table.name(name);
        let of = match currency(name) {
            Ok(of) if of != accounting => of,
            Ok(_) => {
                let wrong = Wrong::new("this is the accounting currency itself", "remove it");
                findings.fault(&key, Some(&text.span()), wrong);
                continue;
            }
            Err(wrong) => {
                findings.fault(&key, Some(&text.span()), wrong);
                continue;
            }
        };
        let rate = findings.read(&key, Some(text), |text| {
            let rate = text.parse::<Amount>().ok().filter(|rate| rate.0 > 0);
            rate.ok_or_else(|| Wrong::value(text, "is no rate above zero", "write one such as \"92.50\""))
        });
        if let Some(rate) = rate {
            rates.insert(of, rate);
        }
    }
    rates
}
