//! The formulas, each as the product tells it.

use super::count::Sums;

/// What decides beside a row's sums whether a number is known.
#[derive(Clone, Copy)]
pub struct Known {
    /// Leads of the whole report.
    pub leads: i128,
    pub outcomes: bool,
    pub costs: bool,
    pub visits: bool,
}

/// A number by the name of its metric: counts in ten-thousandths, money and percents in millionths, seconds whole.
pub fn number(metric: &str, sums: &Sums, known: Known) -> Option<i128> {
    let one = |metric| number(metric, sums, known);
    let others = |sort: &str| {
        let of_sort = sums.others.iter().filter(|(known, _)| format!("{known:?}") == sort);
        Some(of_sort.map(|(_, count)| count).sum())
    };
    let told = |number: i128| known.outcomes.then_some(number);
    let all_cost = || {
        let all = [sums.cost, sums.overhead];
        (known.costs && all.iter().any(Option::is_some)).then(|| all.into_iter().flatten().sum::<i128>())
    };
    let money = ["cpl", "cpl_unique", "average_deal", "profit", "roi", "romi", "drr", "cac"];
    if sums.is_incomplete && money.contains(&metric) {
        return None;
    }
    match metric {
        "leads" => Some(sums.leads),
        "unique" => Some(sums.new),
        "repeat" => Some(sums.leads - sums.new),
        "others" => Some(sums.others.values().sum::<i128>() - others("Other(\"test\")")?),
        "replies" => others("Reply"),
        "spam" => others("Other(\"spam\")"),
        "bounces" => others("Other(\"bounce\")"),
        "share" => part(sums.leads, known.leads),
        "cost" => sums.cost.filter(|_| known.costs),
        "cpl" => each(one("cost")?, sums.leads),
        "cpl_unique" => each(one("cost")?, sums.new),
        "qualified" => told(sums.qualified),
        "deals" => told(sums.deals),
        "conversion" => part(told(sums.won)?, sums.leads),
        "revenue" => told(sums.revenue),
        "average_deal" => each(one("revenue")?, sums.deals),
        "profit" => Some(one("revenue")? - all_cost()?),
        "roi" => part(one("revenue")? - all_cost()?, all_cost()?),
        "romi" => part(one("revenue")? - one("cost")?, one("cost")?),
        "drr" => part(one("cost")?, one("revenue")?),
        "cac" => each(one("cost")?, told(sums.customers)?),
        "coverage" => part(sums.attributed, sums.leads),
        "visit_to_letter" => (sums.visited > 0).then(|| rounded(sums.age, sums.visited)),
        "visits" => known.visits.then_some(sums.visits * 10_000),
        "clicks" => known.visits.then_some(sums.clicks * 10_000),
        "click_rate" => part(one("clicks")?, one("visits")?),
        "click_to_letter" => part(sums.visited, one("clicks")?),
        _ => panic!("no formula for {metric}"),
    }
}

/// A part of one, unknown without a whole.
fn part(of: i128, whole: i128) -> Option<i128> {
    (whole > 0).then(|| rounded(of * 1_000_000, whole))
}

/// Money for each of so many ten-thousandths.
fn each(money: i128, count: i128) -> Option<i128> {
    (count > 0).then(|| rounded(money * 10_000, count))
}

/// Half away from zero.
fn rounded(value: i128, by: i128) -> i128 {
    (2 * value.abs() + by) / (2 * by) * value.signum()
}
