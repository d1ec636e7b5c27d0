//! The period that a page is asked for: one of a menu, or from a day to a day, in the reader's zone.

use jiff::civil::Date;

use super::{Params, visitor::Visitor};
use crate::{
    clock::Millis,
    language::{Language, Text},
    report::Period,
};

/// The periods of a menu.
pub const MENU: [(&str, Text); 9] = [
    ("today", Text { en: "Today", ru: "Сегодня" }),
    ("yesterday", Text { en: "Yesterday", ru: "Вчера" }),
    ("7d", Text { en: "7 days", ru: "7 дней" }),
    ("30d", Text { en: "30 days", ru: "30 дней" }),
    ("90d", Text { en: "90 days", ru: "90 дней" }),
    ("month", Text { en: "This month", ru: "Этот месяц" }),
    ("last-month", Text { en: "Last month", ru: "Прошлый месяц" }),
    ("year", Text { en: "This year", ru: "Этот год" }),
    (ALL, Text { en: "All time", ru: "Всё время" }),
];

/// All time: what a page of leads shows that asks for no period.
const ALL: &str = "all";

/// An entry of a menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What stands in the URL.
    pub value: String,
    /// What people read.
    pub name: String,
    /// Whether it is the one.
    pub is_chosen: bool,
}

impl Choice {
    /// An entry.
    pub fn new(value: &str, name: impl Into<String>, chosen: Option<&str>) -> Self {
        Self { value: value.to_owned(), name: name.into(), is_chosen: chosen == Some(value) }
    }
}

/// The menu without all time, with the chosen one.
pub fn menu(asked: &Params, language: Language) -> Vec<Choice> {
    let chosen = asked.get("period");
    MENU.iter()
        .filter(|(value, _)| *value != ALL)
        .map(|(value, name)| Choice::new(value, name.of(language), chosen))
        .collect()
}

/// The period that `from` and `to`, or else `period` of the query name; `None` for all time. A text that is no period is one
/// that nobody asked for.
pub fn asked(asked: &Params, visitor: &Visitor) -> Option<Period> {
    let today = Millis::now().timestamp().to_zoned(visitor.zone.clone()).date();
    let (from, to) = (asked.read::<Date>("from"), asked.read::<Date>("to"));
    if from.is_none() && to.is_none() {
        return asked.get("period").filter(|name| *name != ALL).and_then(|name| Period::parse(name, today).ok());
    }
    let first = from.unwrap_or(Date::constant(1990, 1, 1));
    Some(Period { first, last: to.unwrap_or(today).max(first) })
}

/// When a period begins and ends, the end not included.
pub fn bounds(period: Period, visitor: &Visitor) -> (Option<Millis>, Option<Millis>) {
    let midnight = |day: Date| {
        let at = day.to_zoned(visitor.zone.clone()).ok()?;
        Some(Millis(at.timestamp().as_millisecond()))
    };
    (midnight(period.first), period.last.tomorrow().ok().and_then(midnight))
}
