//! `[[arrival]]`: which channel a visit belongs to; and channels that nothing leads to.

use std::collections::HashSet;

use toml::Spanned;

use super::{
    super::{
        ArrivalRule, From, UtmPatterns,
        fault::Wrong,
        file,
        findings::{Findings, Key},
        patterns,
    },
    channel::Ids,
};
use crate::{
    channel::Channel,
    click::{self, CLICKS},
};

/// Rules of one config: every visit is held against each of them, until one fits.
const RULES: usize = 1000;

/// Checks every `[[arrival]]`, and that something leads to each channel.
pub(super) fn arrivals(
    file: &file::File,
    channels: &[Channel],
    ids: &Ids<'_>,
    findings: &mut Findings,
) -> Vec<ArrivalRule> {
    let list_key = Key::Root.name("arrival");
    if let Some(first) = file.arrival.first().filter(|_| file.dynamic.is_none()) {
        let wrong =
            Wrong::new("no visit is ever recorded: there is no [dynamic]", "add [dynamic], or remove the rules");
        findings.warn(&list_key.item(0), Some(&first.span()), wrong);
    }
    if let Some(beyond) = file.arrival.get(RULES) {
        let what = format!("there are {} rules", file.arrival.len());
        let wrong = Wrong::new(what, format!("write at most {RULES}; a pattern can stand for many values"));
        findings.fault(&list_key, Some(&beyond.span()), wrong);
    }
    let rules = file.arrival.iter().take(RULES).enumerate();
    let rules: Vec<ArrivalRule> =
        rules.filter_map(|(index, entry)| rule(entry, ids, &list_key.item(index), findings)).collect();
    if rules.len() == file.arrival.len() && channels.len() == file.channel.len() {
        unreachable(file, channels, &rules, findings);
    }
    rules
}

fn rule(entry: &Spanned<file::Arrival>, ids: &Ids<'_>, key: &Key<'_>, findings: &mut Findings) -> Option<ArrivalRule> {
    let given = entry.get_ref();
    let utm = [&given.utm_source, &given.utm_medium, &given.utm_campaign, &given.utm_term, &given.utm_content];
    let others = [&given.click_id, &given.referrer, &given.landing];
    let has_none = || utm.iter().chain(&others).all(|condition| condition.is_none());
    // A misspelled key may be the condition.
    if has_none() && !findings.has_below(key) {
        let remedy = "add one: utm_source, click_id, referrer or landing; landing = \"*\" is every visit";
        let wrong = Wrong::new("this rule has no condition, so it would take every visit", remedy);
        findings.fault(key, Some(&entry.span()), wrong);
    }
    let channel = ids.read(given.channel.0.as_ref(), &key.name("channel"), findings);
    let mut pattern =
        |name: &str, given: &Option<file::Text>| findings.read(&key.name(name), given.as_ref(), patterns::value);
    let utm = UtmPatterns {
        source: pattern("utm_source", &given.utm_source),
        medium: pattern("utm_medium", &given.utm_medium),
        campaign: pattern("utm_campaign", &given.utm_campaign),
        term: pattern("utm_term", &given.utm_term),
        content: pattern("utm_content", &given.utm_content),
    };
    Some(ArrivalRule {
        utm,
        click_id: findings.read(&key.name("click_id"), given.click_id.as_ref(), click_id),
        referrer: findings.read(&key.name("referrer"), given.referrer.as_ref(), referrer),
        landing: findings.read(&key.name("landing"), given.landing.as_ref(), patterns::path),
        channel: channel?,
    })
}

fn click_id(text: &str) -> Result<String, Wrong> {
    let known = || CLICKS.map(|click| click.key).join(", ");
    click::find(text)
        .map(|click| click.key.to_owned())
        .ok_or_else(|| Wrong::value(text, "is no key that a visit keeps", format!("write one of {}", known())))
}

fn referrer(text: &str) -> Result<From, Wrong> {
    Ok(match text {
        "search" => From::Search,
        "social" => From::Social,
        "referral" => From::Referral,
        "direct" => From::Direct,
        host => {
            let pattern = patterns::value(host)?;
            if pattern.is_bare() && (!host.contains('.') || host.contains(['/', ':'])) {
                let remedy = "write search, social, referral, direct, or a host as \"avito.ru\"";
                return Err(Wrong::value(text, "is neither a host nor one of the choices", remedy));
            }
            From::Host(pattern)
        }
    })
}

/// Warns of channels that no address, no rule and no UTM value leads to.
fn unreachable(file: &file::File, channels: &[Channel], rules: &[ArrivalRule], findings: &mut Findings) {
    let named: HashSet<&str> = rules.iter().map(|rule| rule.channel.as_str()).collect();
    let list_key = Key::Root.name("channel");
    let (what, remedy) = match file.dynamic {
        Some(_) => (
            "nothing leads to this channel: it has no address and no utm.source, and no [[arrival]] names it",
            "list its substitute addresses, or say which visits are its own",
        ),
        None => (
            "nothing leads to this channel: it has no address, and there is no [dynamic] to record visits",
            "list its substitute addresses, or add [dynamic]",
        ),
    };
    for (index, (channel, entry)) in channels.iter().zip(&file.channel).enumerate() {
        let has_visits = || !channel.utm.source.is_empty() || named.contains(channel.id.as_str());
        if channel.addresses.is_empty() && !(file.dynamic.is_some() && has_visits()) {
            let place = entry.get_ref().addresses.as_ref().map_or_else(|| entry.span(), Spanned::span);
            findings.warn(&list_key.item(index).name("addresses"), Some(&place), Wrong::new(what, remedy));
        }
    }
}
