//! What the columns of a report mean, for readers who do not know.

use crate::report::{Metric, Report, Wording};

/// What a metric means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// Its name.
    pub name: &'static str,
    /// What it tells.
    pub help: &'static str,
    /// How it is computed.
    pub formula: &'static str,
}

/// What the columns mean, each metric once.
pub fn meanings(report: &Report, wording: &Wording) -> Vec<Meaning> {
    let mut metrics: Vec<Metric> = Vec::new();
    for column in &report.query.columns {
        if !metrics.contains(&column.metric) {
            metrics.push(column.metric);
        }
    }
    let say = |metric: Metric| {
        let entry = metric.entry();
        Meaning { name: wording.say(entry.label), help: wording.say(entry.help), formula: entry.formula }
    };
    metrics.into_iter().map(say).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        language::Language,
        model::Model,
        report::{Period, Preset},
    };

    #[test]
    fn each_metric_is_explained_once() {
        let day = jiff::civil::date(2026, 11, 26);
        let query = Preset::Models.query(Period { first: day, last: day }, Model::Linear);
        let row = crate::report::Row::default();
        let money = crate::report::MoneyNote::default();
        let report = Report {
            query,
            before: None,
            zone: "UTC".to_owned(),
            currency: "RUB".parse().unwrap(),
            rows: Vec::new(),
            total: row,
            left_out: 0,
            is_partial: false,
            money,
        };
        let meanings = meanings(&report, &Wording::with_channels(Language::Ru, []));
        let leads = Metric::Leads.entry();
        let expected = Meaning { name: "Лиды", help: leads.help.ru, formula: leads.formula };
        assert_eq!((report.query.columns.len(), meanings), (6, vec![expected]));
    }
}
