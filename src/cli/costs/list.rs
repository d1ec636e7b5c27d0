//! `leadmilter costs list`: what was spent, and where it belongs.

use serde::Serialize;

use super::super::{
    exit, open_read,
    output::{json_lines, or_dash, table},
};
use crate::{
    clock::Day,
    config::Config,
    feedback::costs::Matching,
    store::{CostFilter, CostRow},
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// From this day on
    #[arg(long, value_name = "DAY")]
    from: Option<Day>,

    /// To this day, which is included
    #[arg(long, value_name = "DAY")]
    to: Option<Day>,

    /// Only what this provider told: google_ads, yandex_direct, ga4, metrika, manual, or a name of your own
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,

    /// Only what belongs to this channel
    #[arg(long, value_name = "ID", conflicts_with = "unmatched")]
    channel: Option<String>,

    /// Only what belongs to no channel
    #[arg(long)]
    unmatched: bool,

    /// Print one JSON object a line; `costs import` reads it
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    row: CostRow,
    /// The channel that it belongs to.
    matched_channel: Option<String>,
}

pub fn run(config: &Config, args: &Args) -> anyhow::Result<u8> {
    let filter = CostFilter { from: args.from, to: args.to, provider: args.provider.clone() };
    let matching = Matching::new(config);
    let listed = open_read(config)?.costs(&filter)?.into_iter().map(|row| {
        let matched_channel = matching.channel_of(&row.cost);
        Listed { row, matched_channel }
    });
    let is_wanted = |listed: &Listed| match (&args.channel, &listed.matched_channel) {
        (None, found) => !args.unmatched || found.is_none(),
        (wanted, found) => wanted == found,
    };
    let listed: Vec<Listed> = listed.filter(is_wanted).collect();
    if args.json {
        json_lines(&listed)?;
        return Ok(exit::OK);
    }
    let headings = ["DAY", "PROVIDER", "CHANNEL", "SOURCE", "MEDIUM", "CAMPAIGN", "CLICKS", "AMOUNT", "VAT"];
    table(&headings, listed.iter().map(row).collect(), "no costs")?;
    Ok(exit::OK)
}

fn row(listed: &Listed) -> Vec<String> {
    let cost = &listed.row.cost;
    let known = |text: &String| or_dash(Some(text).filter(|text| !text.is_empty()));
    // A row with the id and one without it are two places, which look alike but for this.
    let campaign = match (cost.campaign.as_str(), cost.campaign_id.as_str()) {
        ("", _) | (_, "") => known(&cost.utm().campaign),
        (name, id) => format!("{name} ({id})"),
    };
    vec![
        cost.day.to_string(),
        cost.provider.clone(),
        or_dash(listed.matched_channel.as_ref()),
        known(&cost.source),
        known(&cost.medium),
        campaign,
        or_dash(cost.clicks),
        format!("{} {}", cost.amount, cost.currency),
        or_dash(cost.has_vat.map(|has| if has { "included" } else { "excluded" })),
    ]
}
