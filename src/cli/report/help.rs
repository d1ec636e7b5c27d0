//! What `leadmilter report --help` says of presets, metrics and dimensions: taken from where they are defined.

use crate::{
    language::Language,
    report::{Dimension, Metric, Preset, Unit},
};

const EXAMPLES: &str = "\
Examples:
  leadmilter report
  leadmilter report --by channel --period 30d --compare previous --model linear
  leadmilter report calendar --period 2026-11 --filter channel=billboard-m11
  leadmilter report --by source,campaign --metrics leads,cost,cpl,romi --sort -cost --limit 20
  leadmilter report models --period year --csv --lang ru --out models.csv
  leadmilter report heatmap --xlsx heatmap.xlsx
  leadmilter report --json | jq -r '[.key.channel, .numbers.leads] | @tsv'
  leadmilter report metrics";

/// Presets, dimensions, metrics with their formulas, and examples.
pub fn text() -> String {
    let en = Language::En;
    let mut out = String::from("Presets:\n");
    for preset in Preset::ALL {
        out.push_str(&format!("  {:<17}{}\n", preset.as_str(), preset.label().of(en)));
    }
    out.push_str("\nMetrics:\n");
    for entry in Metric::ALL.iter().map(|metric| metric.entry()) {
        let formula = folded(entry.formula, 70).join(&format!("\n{:19}", ""));
        out.push_str(&format!("  {:<17}{formula}\n", entry.id));
    }
    out.push_str("\nDimensions:\n");
    for dimension in Dimension::ALL {
        out.push_str(&format!("  {:<17}{}\n", dimension.as_str(), dimension.label().of(en)));
    }
    format!("{out}\n{EXAMPLES}")
}

/// A text in lines of so many characters, unless a word is longer.
fn folded(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut().filter(|line| line.len() + 1 + word.len() <= width) {
            Some(line) => line.push_str(&format!(" {word}")),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// What a metric is counted in, for people.
pub fn unit(unit: Unit, language: Language) -> &'static str {
    let (en, ru) = match unit {
        Unit::Count => ("things", "штуки"),
        Unit::Money => ("money", "деньги"),
        Unit::Percent => ("percent", "проценты"),
        Unit::Seconds => ("seconds", "секунды"),
    };
    match language {
        Language::En => en,
        Language::Ru => ru,
    }
}
