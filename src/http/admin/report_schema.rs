//! The forms of reports in the OpenAPI document: what [`crate::report::export`] writes, named field by field.
#![expect(dead_code, reason = "schemas of what is written elsewhere")]

use std::collections::BTreeMap;

use utoipa::ToSchema;

/// A report.
#[derive(ToSchema)]
pub struct ReportBody {
    /// The query that makes the same report.
    query: String,
    /// The days.
    period: DaysBody,
    /// The days that it is compared with.
    #[schema(required)]
    before: Option<DaysBody>,
    /// The time zone that its days are of.
    zone: String,
    /// The currency that its money is in.
    currency: String,
    /// How the touches of a lead share it.
    model: String,
    /// Whether today, which is not over, is one of the days.
    is_partial: bool,
    /// What the numbers are.
    columns: Vec<ColumnBody>,
    /// One row for each value of the dimensions, in order.
    rows: Vec<RowBody>,
    /// All rows together, those that were left out among them; its key is empty.
    total: RowBody,
    /// Rows that `limit` left out.
    left_out: u64,
    /// What its readers must know of its money.
    money: MoneyBody,
}

/// Days, both included.
#[derive(ToSchema)]
pub struct DaysBody {
    /// The first.
    #[schema(format = Date)]
    first: String,
    /// The last.
    #[schema(format = Date)]
    last: String,
}

/// A number of each row.
#[derive(ToSchema)]
pub struct ColumnBody {
    /// Its name in `numbers`.
    name: String,
    /// The metric.
    metric: String,
    /// The model, if it has one of its own.
    #[schema(required)]
    model: Option<String>,
    /// `count`, `money`, `percent` (a part of one) or `seconds`.
    #[schema(pattern = "^(count|money|percent|seconds)$")]
    unit: String,
    /// Which way it is better: `more`, `less` or `neither`.
    #[schema(pattern = "^(more|less|neither)$")]
    better: String,
    /// Its name for people.
    label: String,
    /// Its formula, in names of other metrics.
    formula: String,
}

/// A row.
#[derive(ToSchema)]
pub struct RowBody {
    /// Values of the dimensions by name; null where one is not set.
    key: BTreeMap<String, Option<String>>,
    /// Exact decimals by the names of the columns; null where one is not known.
    numbers: BTreeMap<String, Option<f64>>,
    /// The same of the days that it is compared with.
    before: Option<BTreeMap<String, Option<f64>>>,
    /// True if money in a currency without a rate is left out.
    is_incomplete: Option<bool>,
}

/// Amounts by currency, as decimal text.
#[derive(ToSchema)]
pub struct MoneyBody {
    /// Currencies that were converted, at which rate.
    converted: BTreeMap<String, String>,
    /// What is not in revenue, since its currency has no rate.
    revenue_left_out: BTreeMap<String, String>,
    /// What is not in costs, for the same reason.
    cost_left_out: BTreeMap<String, String>,
    /// What was spent, in the report's currency, by whether the amounts hold value added tax: `included`, `excluded`,
    /// `unknown`. They are summed as they were told.
    cost_by_vat: BTreeMap<String, String>,
}

/// A metric.
#[derive(ToSchema)]
pub struct MetricBody {
    /// Its name in queries.
    name: String,
    /// `count`, `money`, `percent` (a part of one) or `seconds`.
    #[schema(pattern = "^(count|money|percent|seconds)$")]
    unit: String,
    /// Which way it is better: `more`, `less` or `neither`.
    #[schema(pattern = "^(more|less|neither)$")]
    better: String,
    /// Its name for people.
    label: String,
    /// Its formula, in names of other metrics.
    formula: String,
    /// What it tells.
    help: String,
}
