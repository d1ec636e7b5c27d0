//! Adding up: each letter, cost and visit goes into the rows that it belongs to, once for each model.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{
    ToSpan,
    civil::{Date, DateTime},
};
use leadmilter::report::{Dimension, Model, Of, Period, Query, Vat};

use super::books::{Books, Clocks, Letter, Parts, Sort, Touch};

/// The values of a row's dimensions.
pub type Key = Vec<Option<String>>;

/// Sums of a row by one model; leads in basis points.
#[derive(Clone, Default)]
pub struct Sums {
    pub leads: i128,
    pub new: i128,
    pub attributed: i128,
    pub visited: i128,
    pub age: i128,
    pub qualified: i128,
    pub won: i128,
    pub customers: i128,
    pub deals: i128,
    pub revenue: i128,
    pub others: BTreeMap<Sort, i128>,
    pub cost: Option<i128>,
    pub overhead: Option<i128>,
    pub visits: i128,
    pub clicks: i128,
    pub is_incomplete: bool,
}

/// A period, counted.
#[derive(Default)]
pub struct Counted {
    pub rows: BTreeMap<Key, BTreeMap<Model, Sums>>,
    pub total: BTreeMap<Model, Sums>,
    pub has_outcomes: bool,
    pub converted: BTreeSet<String>,
    pub revenue_left_out: BTreeMap<String, i128>,
    pub cost_left_out: BTreeMap<String, i128>,
    pub cost_by_vat: BTreeMap<Vat, i128>,
}

impl Counted {
    fn add(&mut self, keys: &[Key], model: Model, add: impl Fn(&mut Sums)) {
        for key in keys {
            add(self.rows.entry(key.clone()).or_default().entry(model).or_default());
        }
        add(self.total.entry(model).or_default());
    }
}

pub fn count(books: &Books, query: &Query, period: Period, clocks: &Clocks) -> Counted {
    let mut counted = Counted::default();
    for model in query.models() {
        counted.total.insert(model, Sums::default());
    }
    for (letter, local) in books.letters.iter().zip(&clocks.letters) {
        if period.contains(local.date()) {
            count_letter(&mut counted, books, query, letter, *local);
        }
    }
    // Costs and visits make rows only where a column tells of them.
    let asked = |of: &[&str]| query.columns.iter().any(|column| of.contains(&column.metric.as_str()));
    let has = |is: fn(Dimension) -> bool| query.filters.iter().all(|filter| is(filter.dimension));
    if has(Dimension::has_costs) && asked(&["cost", "cpl", "cpl_unique", "profit", "roi", "romi", "drr", "cac"]) {
        count_costs(&mut counted, books, query, period);
    }
    if has(Dimension::has_visits) && asked(&["visits", "clicks", "click_rate", "click_to_letter"]) {
        count_visits(&mut counted, books, query, period, clocks);
    }
    counted
}

/// Where something beside leads goes: its row, or the total alone where the report's dimensions say nothing of it.
fn rows_beside(query: &Query, key: Key, is_known: fn(Dimension) -> bool) -> Vec<Key> {
    if query.by.iter().all(|by| is_known(*by)) { vec![key] } else { Vec::new() }
}

fn count_costs(counted: &mut Counted, books: &Books, query: &Query, period: Period) {
    // Marketing, overhead, and whether something is left out.
    type Spent = (Option<i128>, Option<i128>, bool);
    let mut by_row: BTreeMap<Vec<Key>, Spent> = BTreeMap::new();
    for cost in books.costs.iter().filter(|cost| period.contains(cost.day)) {
        let Some(key) = key_beside(query, &cost.parts, cost.day.at(0, 0, 0, 0)) else { continue };
        let (marketing, overhead, is_incomplete) =
            by_row.entry(rows_beside(query, key, Dimension::has_costs)).or_default();
        match books.converted(&cost.currency, cost.amount) {
            Some(amount) => {
                let sum = if books.overhead.contains(&cost.provider) { overhead } else { marketing };
                *sum.get_or_insert_default() += amount;
                let vat = match cost.has_vat {
                    None => Vat::Unknown,
                    Some(has) => [Vat::Excluded, Vat::Included][usize::from(has)],
                };
                *counted.cost_by_vat.entry(vat).or_default() += amount;
                if cost.currency != books.currency {
                    counted.converted.insert(cost.currency.clone());
                }
            }
            None => {
                *is_incomplete = true;
                *counted.cost_left_out.entry(cost.currency.clone()).or_default() += cost.amount;
            }
        }
    }
    for model in query.models() {
        for (keys, (marketing, overhead, is_incomplete)) in &by_row {
            counted.add(keys, model, |sums| {
                for (sum, more) in [(&mut sums.cost, marketing), (&mut sums.overhead, overhead)] {
                    if let Some(more) = more {
                        *sum.get_or_insert_default() += more;
                    }
                }
                sums.is_incomplete |= is_incomplete;
            });
        }
    }
}

fn count_visits(counted: &mut Counted, books: &Books, query: &Query, period: Period, clocks: &Clocks) {
    let mut by_row: BTreeMap<Vec<Key>, (i128, i128)> = BTreeMap::new();
    for (visit, local) in books.visits.iter().zip(&clocks.visits).filter(|(_, local)| period.contains(local.date())) {
        let Some(key) = key_beside(query, &visit.parts, *local) else { continue };
        let (visits, clicks) = by_row.entry(rows_beside(query, key, Dimension::has_visits)).or_default();
        *visits += 1;
        *clicks += i128::from(visit.is_clicked);
    }
    for model in query.models() {
        for (keys, (visits, clicks)) in &by_row {
            counted.add(keys, model, |sums| {
                sums.visits += visits;
                sums.clicks += clicks;
            });
        }
    }
}

fn count_letter(counted: &mut Counted, books: &Books, query: &Query, letter: &Letter, local: DateTime) {
    let of_letter = |dimension: Dimension| match dimension.of() {
        Of::Touch => None,
        Of::Time => Some(vec![Some(of_time(dimension, local))]),
        Of::Lead => Some(of_lead(dimension, letter)),
    };
    if !fits(query, of_letter) {
        return;
    }
    let is_lead = letter.sort == Sort::Lead;
    let outcome = letter.outcome.as_ref().filter(|_| is_lead);
    let (mut worth, mut left_out) = (0, BTreeMap::new());
    for (currency, amount) in outcome.iter().flat_map(|outcome| &outcome.money) {
        match books.converted(currency, *amount) {
            Some(amount) => worth += amount,
            None => drop(left_out.insert(currency.clone(), *amount)),
        }
        if books.rates.contains_key(currency) {
            counted.converted.insert(currency.clone());
        }
    }
    counted.has_outcomes |= outcome.is_some();
    let is_attributed = letter.touches.iter().any(|touch| !touch.parts[0].is_empty() || !touch.parts[1].is_empty());
    // What is left out is told once, by the query's model if any column is.
    let main = query.models().into_iter().find(|model| *model == query.model).unwrap_or(query.models()[0]);
    for model in query.models() {
        let credits = credits(model, &letter.touches);
        let mut before = 0;
        for (touch, credit) in letter.touches.iter().zip(credits) {
            let after = before + credit;
            let share = |amount: i128| amount * after / 10_000 - amount * before / 10_000;
            let of_touch =
                |dimension: Dimension| (dimension.of() == Of::Touch).then(|| vec![of_parts(dimension, &touch.parts)]);
            if credit > 0 && fits(query, of_touch) {
                let keys = keys(query, letter, touch, local);
                counted.add(&keys, model, |sums| {
                    if !is_lead {
                        *sums.others.entry(letter.sort).or_default() += credit;
                        return;
                    }
                    let part = |is: bool| if is { credit } else { 0 };
                    sums.leads += credit;
                    sums.new += part(letter.is_new);
                    sums.attributed += part(is_attributed);
                    sums.visited += part(letter.age.is_some());
                    sums.age += letter.age.unwrap_or(0) * credit;
                    if let Some(outcome) = outcome {
                        sums.qualified += part(outcome.is_qualified);
                        sums.won += part(outcome.deals > 0);
                        sums.customers += part(outcome.deals > 0 && letter.is_new);
                        sums.deals += outcome.deals * credit;
                        sums.revenue += share(worth);
                        sums.is_incomplete |= !left_out.is_empty();
                    }
                });
                if model == main {
                    for (currency, amount) in &left_out {
                        *counted.revenue_left_out.entry(currency.clone()).or_default() += share(*amount);
                    }
                }
            }
            before = after;
        }
    }
}

impl Books {
    /// An amount in the accounting currency, rounded half away from zero.
    fn converted(&self, currency: &str, amount: i128) -> Option<i128> {
        if currency == self.currency {
            return Some(amount);
        }
        let exact = amount * self.rates.get(currency)?;
        Some((exact.abs() + 500_000) / 1_000_000 * exact.signum())
    }
}

/// The basis points of each touch.
fn credits(model: Model, touches: &[Touch]) -> Vec<i128> {
    let last = touches.len() - 1;
    let all_to = |place: usize| (0..touches.len()).map(|at| if at == place { 1 } else { 0 }).collect::<Vec<i128>>();
    let weights: Vec<i128> = match model {
        Model::First => all_to(0),
        Model::Last => all_to(last),
        Model::LastNonDirect => all_to(touches.iter().rposition(|touch| !touch.is_direct).unwrap_or(last)),
        Model::Linear => vec![1; touches.len()],
        Model::Position if last < 2 => vec![1; touches.len()],
        // 40 % and 40 %; the 20 % between are shared by the others.
        Model::Position => {
            let between = last as i128 - 1;
            (0..=last).map(|at| if at == 0 || at == last { 2 * between } else { 1 }).collect()
        }
        Model::Decay => touches.iter().map(|touch| weight(touch.hours)).collect(),
    };
    let sum: i128 = weights.iter().sum();
    if sum == 0 {
        return all_to(last).into_iter().map(|part| part * 10_000).collect();
    }
    let mut credits: Vec<i128> = weights.iter().map(|weight| weight * 10_000 / sum).collect();
    // What is left over goes to who lost most by rounding, of equals to the later.
    let mut by_loss: Vec<usize> = (0..touches.len()).collect();
    by_loss.sort_by_key(|at| (weights[*at] * 10_000 % sum, *at));
    let left = 10_000 - credits.iter().sum::<i128>();
    for at in by_loss.into_iter().rev().take(usize::try_from(left).unwrap()) {
        credits[at] += 1;
    }
    credits
}

/// Halved every seven days, exact to a millionth, nothing after twenty of them.
fn weight(hours: i64) -> i128 {
    let halvings = hours / 168;
    if halvings >= 20 {
        return 0;
    }
    let whole = ((hours % 168) as f64 / -168.0).exp2() * f64::from(1 << 20);
    (whole.round() as i128) << (20 - halvings)
}

/// Whether each dimension that a filter names has one of the values that are wanted.
fn fits(query: &Query, values: impl Fn(Dimension) -> Option<Vec<Option<String>>>) -> bool {
    query.filters.iter().all(|filter| {
        let Some(values) = values(filter.dimension) else { return true };
        let of_it = query.filters.iter().filter(|other| other.dimension == filter.dimension);
        of_it.into_iter().any(|wanted| values.contains(&wanted.value))
    })
}

fn keys(query: &Query, letter: &Letter, touch: &Touch, local: DateTime) -> Vec<Key> {
    let mut keys: Vec<Key> = vec![Vec::new()];
    for by in &query.by {
        let values = match by.of() {
            Of::Touch => vec![of_parts(*by, &touch.parts)],
            Of::Time => vec![Some(of_time(*by, local))],
            Of::Lead => of_lead(*by, letter),
        };
        let with =
            |key: &Key| values.iter().map(|value| [key.clone(), vec![value.clone()]].concat()).collect::<Vec<_>>();
        keys = keys.iter().flat_map(with).collect();
    }
    keys
}

/// The row of a cost or a visit, if it fits; dimensions of leads have nothing to say of it.
fn key_beside(query: &Query, parts: &Parts, local: DateTime) -> Option<Key> {
    let value = |dimension: Dimension| match dimension.of() {
        Of::Touch => of_parts(dimension, parts),
        Of::Time => Some(of_time(dimension, local)),
        Of::Lead => None,
    };
    let fits = fits(query, |dimension| (dimension.of() != Of::Lead).then(|| vec![value(dimension)]));
    fits.then(|| query.by.iter().map(|by| value(*by)).collect())
}

fn present(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

fn of_parts(dimension: Dimension, parts: &Parts) -> Option<String> {
    let names = ["channel", "source", "medium", "campaign", "term", "content", "landing_page", "referrer"];
    present(&parts[names.iter().position(|name| *name == dimension.as_str()).unwrap()])
}

fn of_lead(dimension: Dimension, letter: &Letter) -> Vec<Option<String>> {
    match dimension {
        Dimension::Address => vec![present(&letter.address)],
        Dimension::Mailbox => vec![present(&letter.mailbox)],
        Dimension::SenderDomain => vec![present(&letter.domain)],
        Dimension::Unique => vec![Some(if letter.is_new { "new" } else { "repeat" }.to_owned())],
        _ if letter.tags.is_empty() => vec![None],
        _ => letter.tags.iter().map(|tag| present(tag)).collect(),
    }
}

pub fn of_time(dimension: Dimension, local: DateTime) -> String {
    let day = local.date();
    match dimension {
        Dimension::Day => day.to_string(),
        Dimension::Week => monday(day).to_string(),
        Dimension::Month => day.strftime("%Y-%m").to_string(),
        Dimension::Hour => format!("{:02}", local.hour()),
        _ => day.weekday().to_monday_one_offset().to_string(),
    }
}

pub fn monday(day: Date) -> Date {
    day - i64::from(day.weekday().to_monday_zero_offset()).days()
}
