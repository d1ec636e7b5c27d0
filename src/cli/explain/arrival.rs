//! `leadmilter explain --arrival`: how a visit with this landing page and referrer came, which channel it belongs to, and
//! why.

use serde::Serialize;
use url::Url;

use crate::{
    arrival::{Arrivals, Explanation, Judged},
    cli::output::{self, printable},
    config::Config,
};

/// One JSON object a line.
#[derive(Serialize)]
struct Told<'a> {
    /// The page as it was asked.
    arrival: &'a str,
    #[serde(flatten)]
    found: Explanation,
}

/// Explains one visit.
pub fn explain(config: &Config, landing: &str, referrer: Option<&str>, as_json: bool) -> anyhow::Result<()> {
    // Of the site that the page belongs to; a page's own host is never a referrer anyhow.
    let origin = Url::parse(landing).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    let site = config.sites.iter().find(|site| site.origins.contains(&origin));
    let origins = site.map(|site| site.origins.as_slice()).unwrap_or_default();
    let found = Arrivals::new(config).explain(landing, referrer, origins);
    if as_json {
        return output::json_lines(&[Told { arrival: landing, found }]);
    }
    print(landing, &found)
}

fn print(landing: &str, found: &Explanation) -> anyhow::Result<()> {
    output::text(&format!("{}:", printable(landing)))?;
    let line = |name: &str, value: &str| output::text(&format!("{name:<12}{}", printable(value)));
    let utm = &found.utm;
    for (name, value) in [
        ("source", &utm.source),
        ("medium", &utm.medium),
        ("campaign", &utm.campaign),
        ("term", &utm.term),
        ("content", &utm.content),
        ("told by", &found.told_by),
    ] {
        if !value.is_empty() {
            line(name, value)?;
        }
    }
    for (key, id) in &found.click_ids {
        line("click id", &format!("{key} {id}"))?;
    }
    for (name, page) in [("landing", &found.landing_page), ("referrer", &found.referrer)] {
        if let Some(page) = page {
            line(name, page)?;
        }
    }
    for rule in &found.rules {
        line("rule", &judged(rule))?;
    }
    line("channel", &format!("{} ({})", found.channel.as_deref().unwrap_or("none"), found.rule))
}

/// For a rule that fits, what was met; else what was not.
fn judged(of: &Judged) -> String {
    let said = if of.fits { "fits" } else { "does not fit" };
    let told = of.conditions.iter().filter(|condition| condition.met == of.fits).map(ToString::to_string);
    format!("{} {}: {said}: {}", of.rule, of.channel, told.collect::<Vec<_>>().join(", "))
}
