//! Metrics: one entry each, with name, unit, formula and meaning in both languages.
//!
//! A ratio is a ratio of sums, never a mean of ratios. Without its denominator a number is unknown: never 0, never 100 %.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::sums::{Scope, Sums};
use crate::{language::Text, model::WHOLE, store::Class};

/// How a number is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Things, in ten-thousandths: models share leads out.
    Count,
    /// The accounting currency, in millionths.
    Money,
    /// Parts of one, in millionths.
    Percent,
    /// Whole seconds.
    Seconds,
}

impl Unit {
    /// A whole one is 10 to the power of this.
    pub fn scale(self) -> u32 {
        match self {
            Self::Count => 4,
            Self::Money | Self::Percent => 6,
            Self::Seconds => 0,
        }
    }
}

/// Which way a number is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// More is better.
    More,
    /// Less is better.
    Less,
    /// Neither.
    Neither,
}

/// A number of a report; none if it is unknown.
pub type Number = Option<i128>;

/// What a metric is.
pub struct Entry {
    /// Its name in queries.
    pub id: &'static str,
    /// Its name for people.
    pub label: Text,
    /// What it tells.
    pub help: Text,
    /// Its formula, in names of other metrics.
    pub formula: &'static str,
    /// How it is counted.
    pub unit: Unit,
    /// Which way it is better.
    pub better: Better,
    compute: fn(&Sums, &Scope) -> Number,
}

/// A metric.
#[derive(Clone, Copy)]
pub struct Metric(&'static Entry);

/// Defines the metrics: one constant for each, and the list of all.
macro_rules! metrics {
    ($($name:ident $id:literal $unit:ident $better:ident
        $en:literal $ru:literal, $help_en:literal $help_ru:literal,
        $formula:literal $compute:expr;)*) => {
        #[expect(missing_docs, reason = "each entry says what it is, in two languages")]
        #[expect(non_upper_case_globals, reason = "they read as variants of an enum do")]
        impl Metric {
            $(pub const $name: Self = Self(&Entry {
                id: $id, label: Text { en: $en, ru: $ru }, help: Text { en: $help_en, ru: $help_ru },
                formula: $formula, unit: Unit::$unit, better: Better::$better, compute: $compute,
            });)*
            /// Every metric.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

metrics! {
    Leads "leads" Count More
        "Leads" "Лиды",
        "Inquiries that count." "Обращения, которые учитываются.",
        "number of inquiries" |sums, _| count(sums.leads);
    Unique "unique" Count More
        "New" "Новые",
        "Leads of senders who were not known." "Лиды от отправителей, которых ещё не было.",
        "leads that begin a series" |sums, _| count(sums.unique);
    Repeat "repeat" Count Neither
        "Repeat" "Повторные",
        "Leads of senders who were known." "Лиды от уже известных отправителей.",
        "leads - unique" |sums, _| count(sums.leads - sums.unique);
    Others "others" Count Neither
        "Other mail" "Прочие письма",
        "Letters that are no counted leads: answers, auto-replies, bounces, lists, spam and their kin; no tests."
        "Письма, которые не считаются лидами: ответы, автоответы, недоставки, рассылки, спам и подобные; без тестовых.",
        "replies + not counted + auto-replies + bounces + complaints + receipts + lists + spam + internal"
        |sums, _| count(sums.beside().others.iter().sum::<i64>() - others(sums, Class::Test));
    Replies "replies" Count Neither
        "Replies" "Ответы",
        "Letters in the thread of a lead." "Письма в переписке с лидом.",
        "letters in threads" |sums, _| count(others(sums, Class::Reply));
    Spam "spam" Count Less
        "Spam" "Спам",
        "Letters that a filter, a person or the CRM calls spam." "Письма, которые фильтр, человек или CRM назвали спамом.",
        "letters of kind spam" |sums, _| count(others(sums, Class::Spam));
    Bounces "bounces" Count Less
        "Bounces" "Недоставки",
        "Reports that a letter could not be delivered." "Отчёты о том, что письмо не доставлено.",
        "letters of kind bounce" |sums, _| count(others(sums, Class::Bounce));
    Share "share" Percent Neither
        "Share" "Доля",
        "Part of all leads of the report." "Часть всех лидов отчёта.",
        "leads / leads of the whole report" |sums, scope| ratio(sums.leads, scope.leads);
    Cost "cost" Money Neither
        "Cost" "Расход",
        "Spent on marketing; unknown where nobody told a cost." "Потрачено на рекламу; неизвестно, если расход никто не сообщил.",
        "sum of costs" cost;
    Cpl "cpl" Money Less
        "Cost per lead" "Цена лида",
        "What a lead cost (CPL)." "Сколько стоил лид (CPL).",
        "cost / leads" |sums, scope| money_each(cost(sums, scope)?, sums.leads);
    CplUnique "cpl_unique" Money Less
        "Cost per new lead" "Цена нового лида",
        "What a lead of a new sender cost." "Сколько стоил лид от нового отправителя.",
        "cost / unique" |sums, scope| money_each(cost(sums, scope)?, sums.unique);
    Qualified "qualified" Count More
        "Qualified" "Целевые",
        "Leads that were qualified or won." "Лиды, признанные целевыми или ставшие сделкой.",
        "leads with status qualified or won" |sums, scope| told(scope, sums.qualified);
    Deals "deals" Count More
        "Deals" "Сделки",
        "Deals that were won." "Выигранные сделки.",
        "deals whose last status is won, refunds aside" |sums, scope| told(scope, sums.deals);
    Conversion "conversion" Percent More
        "Conversion" "Конверсия",
        "Part of the leads that became a deal." "Часть лидов, ставших сделкой.",
        "leads with a deal / leads" |sums, scope| scope.has_outcomes.then(|| ratio(sums.won, sums.leads))?;
    Revenue "revenue" Money More
        "Revenue" "Выручка",
        "Amounts of deals, less refunds." "Суммы сделок за вычетом возвратов.",
        "sum of deals - refunds" revenue;
    AverageDeal "average_deal" Money More
        "Average deal" "Средний чек",
        "Revenue of one deal." "Выручка на одну сделку.",
        "revenue / deals" |sums, scope| money_each(revenue(sums, scope)?, sums.deals);
    Profit "profit" Money More
        "Profit" "Прибыль",
        "What is left of revenue after all costs." "Что осталось от выручки после всех расходов.",
        "revenue - cost - overhead" |sums, scope| Some(revenue(sums, scope)? - all_cost(sums, scope)?);
    Roi "roi" Percent More
        "ROI" "ROI",
        "Return on all costs, overhead among them." "Окупаемость всех расходов, включая накладные.",
        "(revenue - all cost) / all cost" |sums, scope| gain(revenue(sums, scope)?, all_cost(sums, scope)?);
    Romi "romi" Percent More
        "ROMI" "ROMI",
        "Return on marketing." "Окупаемость рекламы.",
        "(revenue - cost) / cost" |sums, scope| gain(revenue(sums, scope)?, cost(sums, scope)?);
    Drr "drr" Percent Less
        "Cost share of revenue" "ДРР",
        "Part of revenue that marketing cost (ДРР)." "Доля рекламных расходов в выручке.",
        "cost / revenue" |sums, scope| positive_ratio(cost(sums, scope)?, revenue(sums, scope)?, 1);
    Cac "cac" Money Less
        "Cost per customer" "CAC",
        "What a new customer cost (CAC): a new sender with a deal." "Сколько стоил новый клиент: новый отправитель со сделкой.",
        "cost / unique leads with a deal"
        |sums, scope| scope.has_outcomes.then(|| money_each(cost(sums, scope)?, sums.customers))?;
    Coverage "coverage" Percent More
        "Coverage" "Охват",
        "Part of the leads of which channel or source are known." "Часть лидов, у которых известен канал или источник.",
        "attributed leads / leads" |sums, _| ratio(sums.attributed, sums.leads);
    VisitToLetter "visit_to_letter" Seconds Less
        "Visit to letter" "От визита до письма",
        "Mean time from the visit to the letter, over leads whose visit is known."
        "Среднее время от визита до письма по лидам с известным визитом.",
        "sum of times / leads with a visit"
        |sums, _| (sums.visited > 0).then(|| divided(sums.age, i128::from(sums.visited)));
    Visits "visits" Count More
        "Addresses shown" "Показы адреса",
        "Visits that were shown an address of their own." "Визиты, которым показан собственный адрес.",
        "number of visits" |sums, scope| scope.has_visits.then(|| i128::from(sums.beside().visits * WHOLE));
    Clicks "clicks" Count More
        "Clicks on the address" "Клики по адресу",
        "Visits whose visitor clicked or copied the address." "Визиты, в которых адрес нажали или скопировали.",
        "visits with a click" |sums, scope| scope.has_visits.then(|| i128::from(sums.beside().clicks * WHOLE));
    ClickRate "click_rate" Percent More
        "Click rate" "Доля кликов",
        "Part of the visits with a click on the address." "Часть визитов с кликом по адресу.",
        "clicks / visits" |sums, scope| scope.has_visits.then(|| ratio(sums.beside().clicks, sums.beside().visits))?;
    ClickToLetter "click_to_letter" Percent More
        "Letters per click" "Писем на клик",
        "Leads with a visit for each visit with a click; a letter can come without one, so it may pass 100 %."
        "Лиды с визитом на каждый визит с кликом; письмо приходит и без клика, поэтому бывает больше 100 %.",
        "leads with a visit / clicks"
        |sums, scope| scope.has_visits.then(|| ratio(sums.visited, sums.beside().clicks * WHOLE))?;
}

impl Metric {
    /// Its entry.
    pub fn entry(self) -> &'static Entry {
        self.0
    }

    /// Its name in queries.
    pub fn as_str(self) -> &'static str {
        self.entry().id
    }

    /// How it is counted.
    pub fn unit(self) -> Unit {
        self.entry().unit
    }

    /// Whether it is made of costs.
    pub fn has_costs(self) -> bool {
        [Self::Cost, Self::Cpl, Self::CplUnique, Self::Profit, Self::Roi, Self::Romi, Self::Drr, Self::Cac]
            .contains(&self)
    }

    /// Whether it is made of visits.
    pub fn has_visits(self) -> bool {
        [Self::Visits, Self::Clicks, Self::ClickRate, Self::ClickToLetter].contains(&self)
    }

    /// Whether it is reckoned from money: a part that is left out would make it wrong.
    fn is_of_all_money(self) -> bool {
        [Self::Cpl, Self::CplUnique, Self::AverageDeal, Self::Profit, Self::Roi, Self::Romi, Self::Drr, Self::Cac]
            .contains(&self)
    }

    /// Its value for these sums.
    pub fn of(self, sums: &Sums, scope: &Scope) -> Number {
        if sums.is_incomplete && self.is_of_all_money() { None } else { (self.entry().compute)(sums, scope) }
    }
}

fn count(basis_points: i64) -> Number {
    Some(i128::from(basis_points))
}

fn told(scope: &Scope, basis_points: i64) -> Number {
    scope.has_outcomes.then(|| i128::from(basis_points))
}

fn others(sums: &Sums, class: Class) -> i64 {
    sums.beside().others.get(class as usize).copied().unwrap_or_default()
}

fn cost(sums: &Sums, scope: &Scope) -> Number {
    sums.beside().cost.filter(|_| scope.has_costs)
}

fn all_cost(sums: &Sums, scope: &Scope) -> Number {
    let known = sums.beside().cost.is_some() || sums.beside().overhead.is_some();
    (known && scope.has_costs).then(|| sums.beside().cost.unwrap_or(0) + sums.beside().overhead.unwrap_or(0))
}

fn revenue(sums: &Sums, scope: &Scope) -> Number {
    scope.has_outcomes.then_some(sums.revenue)
}

/// A part of one in millionths.
fn ratio(part: i64, whole: i64) -> Number {
    positive_ratio(i128::from(part), i128::from(whole), 1)
}

fn positive_ratio(part: i128, whole: i128, times: i128) -> Number {
    (whole > 0).then(|| divided(part.saturating_mul(1_000_000 * times), whole))
}

/// Money for each of so many basis points of a whole.
fn money_each(money: i128, basis_points: i64) -> Number {
    (basis_points > 0).then(|| divided(money.saturating_mul(i128::from(WHOLE)), i128::from(basis_points)))
}

fn gain(revenue: i128, cost: i128) -> Number {
    positive_ratio(revenue - cost, cost, 1)
}

/// Rounded half away from zero; the divisor is positive.
fn divided(value: i128, by: i128) -> i128 {
    (value + value.signum() * by / 2) / by
}

impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Metric {}

impl fmt::Debug for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Metric {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|metric| metric.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|metric| metric.as_str()).collect();
            format!("{text:?} is no metric: known are {}", known.join(", "))
        })
    }
}
