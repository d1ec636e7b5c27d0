//! A query: which numbers, broken down by what, of which letters and days.
//!
//! Read from pairs of names and values, which are the options of the command line and the query of a URL alike; written
//! back as such pairs, so that a link says all.

use jiff::civil::Date;
use serde::Serialize;

use super::{
    dimension::Dimension,
    metric::Metric,
    period::{Compare, Period},
    preset::Preset,
};
use crate::model::Model;

/// Dimensions of one report at most.
pub const DIMENSIONS: usize = 3;

/// Rows of one report at most: those that come first by its order.
pub const ROWS: usize = 100_000;

/// Filters of one report at most.
const FILTERS: usize = 16;

/// What a report is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The numbers, in order.
    pub columns: Vec<Column>,
    /// What they are broken down by; one row in all if nothing.
    pub by: Vec<Dimension>,
    /// Only what fits all of them; of those that name one dimension, one must fit.
    pub filters: Vec<Filter>,
    /// The days.
    pub period: Period,
    /// What they are compared with.
    pub compare: Option<Compare>,
    /// How leads are shared out, where a column says nothing else.
    pub model: Model,
    /// The order of the rows; by default time goes on, and what has most of the first number comes first.
    pub sort: Option<Sort>,
    /// Rows at most.
    pub limit: usize,
}

/// A number of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Which.
    pub metric: Metric,
    /// By which model, if not by the query's.
    pub model: Option<Model>,
}

impl Column {
    /// Its name in queries and answers: `leads`, `leads:linear`.
    pub fn name(self) -> String {
        match self.model {
            Some(model) => format!("{}:{model}", self.metric),
            None => self.metric.as_str().to_owned(),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((metric, model)) => Ok(Self { metric: metric.parse()?, model: Some(model.parse()?) }),
            None => Ok(Self { metric: text.parse()?, model: None }),
        }
    }
}

impl From<Metric> for Column {
    fn from(metric: Metric) -> Self {
        Self { metric, model: None }
    }
}

/// A condition: the dimension has this value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Filter {
    /// Of what.
    pub dimension: Dimension,
    /// The value; none for where it is not set.
    pub value: Option<String>,
}

/// An order of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub by: SortBy,
    /// Whether the largest comes first.
    pub descending: bool,
}

/// What rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortBy {
    /// A number, by its place among the columns.
    Column(usize),
    /// A dimension, by its place.
    Dimension(usize),
}

impl Query {
    /// The names of the pairs, for help.
    pub const NAMES: [&'static str; 9] =
        ["preset", "metrics", "by", "filter", "period", "compare", "model", "sort", "limit"];

    /// Reads pairs; what they do not say is as the preset has it, and without a preset as [`Preset::Channels`] has it. Names
    /// that it does not know are faults, empty values count as not said.
    pub fn read<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        today: Date,
        model: Model,
    ) -> Result<Self, String> {
        let pairs: Vec<_> = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let said = |wanted: &str| pairs.iter().rev().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
        if let Some((unknown, _)) = pairs.iter().find(|(name, _)| !Self::NAMES.contains(name)) {
            return Err(format!("there is no {unknown:?} here: known are {}", Self::NAMES.join(", ")));
        }
        let preset = said("preset").map_or(Ok(Preset::Channels), str::parse)?;
        let model = said("model").map_or(Ok(model), str::parse)?;
        let period = Period::parse(said("period").unwrap_or("30d"), today)?;
        let mut query = preset.query(period, model);
        if let Some(list) = said("metrics") {
            query.columns = list.split(',').map(|name| Column::parse(name.trim())).collect::<Result<_, _>>()?;
            query.sort = None;
        }
        if let Some(list) = said("by") {
            query.by = list
                .split(',')
                .filter(|name| *name != "none")
                .map(|name| name.trim().parse())
                .collect::<Result<_, _>>()?;
            query.sort = None;
            let mut seen = query.by.clone();
            seen.sort_unstable();
            seen.dedup();
            if query.by.len() > DIMENSIONS || seen.len() < query.by.len() {
                return Err(format!("by: at most {DIMENSIONS} dimensions, each once"));
            }
        }
        query.compare = said("compare").filter(|compare| *compare != "none").map(str::parse).transpose()?;
        let filters = pairs.iter().filter(|(name, _)| *name == "filter");
        query.filters = filters.map(|(_, text)| Filter::parse(text)).collect::<Result<_, _>>()?;
        if query.filters.len() > FILTERS {
            return Err(format!("filter: at most {FILTERS} of them"));
        }
        if let Some(text) = said("sort") {
            query.sort = Some(query.sort(text)?);
        }
        if let Some(text) = said("limit") {
            let limit = text.parse().ok().filter(|limit| (1..=ROWS).contains(limit));
            query.limit = limit.ok_or_else(|| format!("limit: {text:?} is no number from 1 to {ROWS}"))?;
        }
        if query.columns.is_empty() || query.columns.len() > 64 {
            return Err("metrics: name one to 64 of them".to_owned());
        }
        Ok(query)
    }

    /// `leads`, `-leads` for the largest first, or a dimension.
    fn sort(&self, text: &str) -> Result<Sort, String> {
        let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let column = self.columns.iter().position(|column| column.name() == name).map(SortBy::Column);
        let dimension = || self.by.iter().position(|by| by.as_str() == name).map(SortBy::Dimension);
        let by = column.or_else(dimension).ok_or_else(|| format!("sort: {name:?} is none of the report's columns"))?;
        Ok(Sort { by, descending })
    }

    /// The pairs that [`Query::read`] makes the same query of. The days are written out.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let join = |names: Vec<String>| if names.is_empty() { "none".to_owned() } else { names.join(",") };
        let mut pairs = vec![
            ("metrics", join(self.columns.iter().map(|column| column.name()).collect())),
            ("by", join(self.by.iter().map(ToString::to_string).collect())),
            ("period", self.period.to_string()),
            ("model", self.model.to_string()),
        ];
        pairs.extend(self.filters.iter().map(|filter| ("filter", filter.to_text())));
        if let Some(compare) = self.compare {
            pairs.push(("compare", if compare == Compare::Year { "year" } else { "previous" }.to_owned()));
        }
        if let Some(sort) = self.sort {
            let name = match sort.by {
                SortBy::Column(place) => self.columns.get(place).map(|column| column.name()),
                SortBy::Dimension(place) => self.by.get(place).map(ToString::to_string),
            };
            pairs.extend(name.map(|name| ("sort", if sort.descending { format!("-{name}") } else { name })));
        }
        pairs.push(("limit", self.limit.to_string()));
        pairs
    }

    /// The models that its columns need, each once.
    pub fn models(&self) -> Vec<Model> {
        let mut models: Vec<_> = self.columns.iter().map(|column| column.model.unwrap_or(self.model)).collect();
        models.sort_unstable();
        models.dedup();
        models
    }
}

impl Filter {
    /// `channel=billboard-m11`; `channel=` for where there is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (dimension, value) = text.split_once('=').ok_or_else(|| {
            format!("filter: {text:?} is no condition: write channel=billboard-m11, or channel= for none")
        })?;
        Ok(Self { dimension: dimension.trim().parse()?, value: (!value.is_empty()).then(|| value.to_owned()) })
    }

    /// As [`Filter::parse`] reads it.
    pub fn to_text(&self) -> String {
        format!("{}={}", self.dimension, self.value.as_deref().unwrap_or_default())
    }
}
