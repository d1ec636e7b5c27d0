//! Which tag rules of the config fit a letter.
//!
//! [`fired`] is for the mail path: it looks at no more conditions than it has to and allocates nothing. [`judged`] is
//! for people: every rule with each of its conditions, the values it was held against, and whether it was met. Both ask
//! the same question, [`is_met`], so that `explain` tells what happens. Pure: knows no milter, no store, no header.

mod condition;

use serde::Serialize;

pub use condition::{Condition, Facts, Spelled, To};

use self::condition::{Asked, is_met};
use crate::config::{TagMatch, TagRule};

/// A rule that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fired<'r> {
    /// Its place in the file, from 0.
    pub index: usize,
    /// Its tag.
    pub tag: &'r str,
}

/// A rule, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// `tag[2]`, as faults of the config name it.
    pub rule: String,
    /// Its tag.
    pub tag: String,
    /// What came of it.
    pub verdict: Verdict,
    /// Its conditions.
    pub conditions: Vec<Condition>,
}

/// What came of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The letter carries its tag.
    Fired,
    /// A condition is not met.
    Unmet,
    /// It fits, and an earlier one fired first.
    TooLate,
}

/// The rules that count, in the order of the file.
pub fn fired<'r>(rules: &'r [TagRule], which: TagMatch, facts: &Facts<'_>) -> impl Iterator<Item = Fired<'r>> {
    let most = match which {
        TagMatch::All => usize::MAX,
        TagMatch::First => 1,
    };
    let fitting = rules.iter().enumerate().filter(|(_, rule)| fits(rule, facts));
    fitting.map(|(index, rule)| Fired { index, tag: rule.tag.as_str() }).take(most)
}

/// Every rule, and why it counts or does not.
pub fn judged(rules: &[TagRule], which: TagMatch, facts: &Facts<'_>) -> Vec<Judged> {
    let mut has_fired = false;
    let judge = |(index, rule): (usize, &TagRule)| {
        let conditions: Vec<Condition> = Asked::ALL.iter().filter_map(|asked| asked.told(rule, facts)).collect();
        let verdict = match conditions.iter().all(|condition| condition.met) {
            false => Verdict::Unmet,
            true if has_fired && which == TagMatch::First => Verdict::TooLate,
            true => Verdict::Fired,
        };
        has_fired |= verdict == Verdict::Fired;
        Judged { rule: format!("tag[{index}]"), tag: rule.tag.clone(), verdict, conditions }
    };
    rules.iter().enumerate().map(judge).collect()
}

/// The cheapest conditions are asked first: a rule of another channel costs one comparison.
fn fits(rule: &TagRule, facts: &Facts<'_>) -> bool {
    Asked::ALL.iter().all(|asked| is_met(*asked, rule, facts) != Some(false))
}

#[cfg(test)]
mod tests;
