//! The words of a report for people: headings, values of dimensions, numbers with their units, and notes.
//!
//! Given a report; gives back text in one language. Values stay a stranger's text: whoever writes them somewhere makes
//! them fit for it.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    dimension::Dimension,
    metric::{Metric, Number, Unit},
    period::Compare,
    query::Column,
    table::{MoneyNote, Report, Row, Vat, change},
};
use crate::{
    config::Config,
    language::{Language, Text},
    money::{Amount, Currency},
};

/// Stands for a number that is not known.
pub const UNKNOWN: &str = "—";

const NOT_SET: Text = Text { en: "(not set)", ru: "(не указано)" };
const TOTAL: Text = Text { en: "Total", ru: "Итого" };
const CHANGE: Text = Text { en: "change", ru: "изменение" };
const BEFORE: Text = Text { en: "before", ru: "было" };
const WEEKDAYS: [Text; 7] = [
    Text { en: "Monday", ru: "понедельник" },
    Text { en: "Tuesday", ru: "вторник" },
    Text { en: "Wednesday", ru: "среда" },
    Text { en: "Thursday", ru: "четверг" },
    Text { en: "Friday", ru: "пятница" },
    Text { en: "Saturday", ru: "суббота" },
    Text { en: "Sunday", ru: "воскресенье" },
];

/// How a report reads in one language.
#[derive(Clone, Debug)]
pub struct Wording {
    /// The language.
    pub language: Language,
    /// Names of channels by id; of two that have one name, with their ids.
    channels: BTreeMap<String, String>,
}

impl Wording {
    /// In this language, with the names of the config's channels.
    pub fn new(config: &Config, language: Language) -> Self {
        Self::with_channels(
            language,
            config.channels.iter().map(|channel| (channel.id.as_str(), channel.name.as_str())),
        )
    }

    /// In this language, with channels by id and name.
    pub fn with_channels<'a>(language: Language, channels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let channels: Vec<_> = channels.into_iter().filter(|(_, name)| !name.is_empty()).collect();
        let is_shared = |name: &str| channels.iter().filter(|(_, other)| *other == name).count() > 1;
        let named = |(id, name): &(&str, &str)| {
            let name = if is_shared(name) { format!("{name} ({id})") } else { (*name).to_owned() };
            ((*id).to_owned(), name)
        };
        Self { language, channels: channels.iter().map(named).collect() }
    }

    /// A text in its language.
    pub fn say(&self, text: Text) -> &'static str {
        text.of(self.language)
    }

    /// A value of a dimension.
    pub fn value<'a>(&'a self, dimension: Dimension, value: Option<&'a str>) -> Cow<'a, str> {
        let Some(value) = value else { return self.say(NOT_SET).into() };
        match dimension {
            Dimension::Channel => self.channels.get(value).map_or(value, String::as_str).into(),
            Dimension::Weekday => {
                let place = value.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
                let name = place.and_then(|place| WEEKDAYS.get(place)).map(|name| self.say(*name));
                name.unwrap_or(value).into()
            }
            Dimension::Hour => format!("{value}:00").into(),
            Dimension::Unique if value == "new" => self.say(Text { en: "New", ru: "Новый" }).into(),
            Dimension::Unique => self.say(Text { en: "Repeat", ru: "Повторный" }).into(),
            _ => value.into(),
        }
    }

    /// The values of a row, in the order of the query's dimensions; of the total, one word in the first place.
    pub fn key<'a>(&'a self, report: &Report, row: &'a Row) -> Vec<Cow<'a, str>> {
        report.query.by.iter().zip(&row.key).map(|(by, value)| self.value(*by, value.as_deref())).collect()
    }

    /// What stands before the numbers of all rows together.
    pub fn total(&self) -> &'static str {
        self.say(TOTAL)
    }

    /// The heading of a number, with its model if it has one of its own.
    pub fn heading(&self, column: Column) -> String {
        let label = self.say(column.metric.entry().label);
        match column.model {
            Some(model) => format!("{label}: {}", self.say(model.label())),
            None => label.to_owned(),
        }
    }

    /// The same with its unit, where numbers stand without one.
    pub fn heading_with_unit(&self, column: Column, currency: Currency) -> String {
        let heading = self.heading(column);
        match column.metric.unit() {
            Unit::Count => heading,
            Unit::Money => format!("{heading}, {currency}"),
            Unit::Percent => format!("{heading}, %"),
            Unit::Seconds => format!("{heading}, {}", self.say(Text { en: "s", ru: "с" })),
        }
    }

    /// The heading of what a number was before.
    pub fn before(&self, heading: &str) -> String {
        format!("{heading} ({})", self.say(BEFORE))
    }

    /// The heading of how much a number has changed.
    pub fn change(&self, column: Column) -> String {
        format!("{} ({}, %)", self.heading(column), self.say(CHANGE))
    }

    /// A number with its unit, but for the currency.
    pub fn number(&self, number: Number, unit: Unit) -> String {
        let Some(number) = number else { return UNKNOWN.to_owned() };
        let (language, scale) = (self.language, unit.scale());
        match unit {
            Unit::Count => {
                let is_whole = number % 10_i128.pow(scale) == 0;
                language.number(number, scale, if is_whole { 0 } else { 2 })
            }
            Unit::Money => language.number(number, scale, 2),
            Unit::Percent => language.percent(number, scale, 1),
            Unit::Seconds => language.span(i64::try_from(number).unwrap_or(i64::MAX)),
        }
    }

    /// How much a number has changed: `+12.5%`; nothing where that is not known.
    pub fn changed(&self, now: Number, before: Number) -> Option<String> {
        let change = change(now, before)?;
        let sign = if change > 0 { "+" } else { "" };
        Some(format!("{sign}{}", self.language.percent(change, 6, 1)))
    }

    /// What a report is about, as names and values: days, zone, model, filters.
    pub fn about(&self, report: &Report) -> Vec<(&'static str, String)> {
        let query = &report.query;
        let mut about = vec![(self.say(Text { en: "Period", ru: "Период" }), query.period.to_string())];
        if let (Some(before), Some(compare)) = (report.before, query.compare) {
            let how = match compare {
                Compare::Previous => {
                    Text { en: "just before it", ru: "непосредственно перед ним" }
                }
                Compare::Year => Text { en: "a year before", ru: "годом раньше" },
            };
            let with = Text { en: "Compared with", ru: "В сравнении с" };
            about.push((self.say(with), format!("{before} ({})", self.say(how))));
        }
        about.push((self.say(Text { en: "Time zone", ru: "Часовой пояс" }), report.zone.clone()));
        about.push((
            self.say(Text { en: "Attribution model", ru: "Модель атрибуции" }),
            self.say(query.model.label()).to_owned(),
        ));
        about.push((self.say(Text { en: "Currency", ru: "Валюта" }), report.currency.to_string()));
        let only = self.say(Text { en: "Only", ru: "Только" });
        about.extend(query.filters.iter().map(|filter| {
            let value = self.value(filter.dimension, filter.value.as_deref());
            (only, format!("{}: {value}", self.say(filter.dimension.label())))
        }));
        about
    }

    /// What its readers must know beside the numbers.
    pub fn notes(&self, report: &Report) -> Vec<String> {
        let mut notes = Vec::new();
        let mut add = |en: String, ru: String| notes.push(if self.language == Language::En { en } else { ru });
        if report.is_partial {
            add(
                "Today is not over: its numbers will grow.".into(),
                "Сегодня ещё не закончилось: числа вырастут.".into(),
            );
        }
        if report.left_out > 0 {
            let (count, language) = (report.left_out, self.language);
            let rows = language.plural(count as u64, ["строка не показана", "строки не показаны", "строк не показано"]);
            let more = if count == 1 { "row is" } else { "rows are" };
            add(format!("{count} more {more} not shown."), format!("Ещё {count} {rows}."));
        }
        if report.query.by.contains(&Dimension::Tag) {
            add(
                "A lead with several tags stands in each of their rows, and once in the total.".into(),
                "Лид с несколькими тегами входит в строку каждого из них, а в итог — один раз.".into(),
            );
        }
        if !report.query.columns.iter().any(|column| is_of_money(column.metric)) {
            return notes;
        }
        let MoneyNote { converted, revenue_left_out, cost_left_out, cost_by_vat } = &report.money;
        if !converted.is_empty() {
            let currency = report.currency;
            let one = |(of, rate): (&Currency, &Amount)| format!("1 {of} = {} {currency}", self.amount(*rate));
            let rates = converted.iter().map(one).collect::<Vec<_>>().join(", ");
            add(
                format!("Several currencies, converted to {currency} by [reports] rates: {rates}."),
                format!("Несколько валют, пересчитаны в {currency} по [reports] rates: {rates}."),
            );
        }
        for (amounts, en, ru) in [(revenue_left_out, "revenue", "выручку"), (cost_left_out, "cost", "расход")]
        {
            if !amounts.is_empty() {
                let amounts = self.amounts(amounts);
                add(
                    format!(
                        "Not in {en}, since [reports] rates has no rate: {amounts}. What is reckoned from it is not known."
                    ),
                    format!(
                        "Не вошло в {ru}, так как в [reports] rates нет курса: {amounts}. Что считается по ней, неизвестно."
                    ),
                );
            }
        }
        if cost_by_vat.len() > 1 {
            let parts = cost_by_vat.iter().map(|(vat, amount)| {
                let how = self.say(match vat {
                    Vat::Included => Text { en: "with VAT", ru: "с НДС" },
                    Vat::Excluded => Text { en: "without VAT", ru: "без НДС" },
                    Vat::Unknown => Text { en: "of which nobody said", ru: "о которых не сказано" },
                });
                format!("{} {} {how}", self.amount(*amount), report.currency)
            });
            let parts = parts.collect::<Vec<_>>().join(", ");
            add(
                format!("Costs are summed as they were told: {parts}."),
                format!("Расходы сложены так, как указаны: {parts}."),
            );
        }
        notes
    }

    fn amounts(&self, amounts: &BTreeMap<Currency, Amount>) -> String {
        let one = |(currency, amount): (&Currency, &Amount)| format!("{} {currency}", self.amount(*amount));
        amounts.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// Two digits behind the point, or as many as it needs.
    fn amount(&self, amount: Amount) -> String {
        let scale = Unit::Money.scale();
        let needed = (2..scale).find(|digits| amount.0 % 10_i64.pow(scale - digits) == 0);
        self.language.number(amount.0.into(), scale, needed.unwrap_or(scale))
    }
}

/// Whether its number depends on money.
fn is_of_money(metric: Metric) -> bool {
    metric.unit() == Unit::Money || [Metric::Roi, Metric::Romi, Metric::Drr].contains(&metric)
}
