//! `leadmilter outcomes list`: what became of leads.

use super::super::{
    exit,
    leads::time,
    open_read,
    output::{json_lines, local, or_dash, table},
};
use crate::{
    config::Config,
    outcome::OutcomeStatus,
    store::{OutcomeFilter, OutcomeRow},
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only of this lead
    #[arg(long, value_name = "ID")]
    lead: Option<String>,

    /// Only what this system told
    #[arg(long, value_name = "NAME")]
    system: Option<String>,

    /// Only of this status: new, in_progress, qualified, won, lost, spam, refund
    #[arg(long, value_name = "STATUS")]
    status: Option<OutcomeStatus>,

    /// Only what happened at or after this time: 2026-11-22 or 2026-11-22T04:26:10Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,

    /// Only what happened before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,

    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,

    /// Print one JSON object a line; `outcomes import` reads it
    #[arg(long)]
    json: bool,
}

pub fn run(config: &Config, args: &Args) -> anyhow::Result<u8> {
    let filter = OutcomeFilter {
        lead_id: args.lead.clone(),
        system: args.system.clone(),
        status: args.status.map(OutcomeStatus::as_str),
        since: time("--since", args.since.as_deref(), config)?,
        until: time("--until", args.until.as_deref(), config)?,
        limit: args.limit,
    };
    let outcomes = open_read(config)?.outcomes(&filter)?;
    if args.json {
        json_lines(&outcomes)?;
        return Ok(exit::OK);
    }
    let row = |OutcomeRow { lead_id, outcome, .. }: &OutcomeRow| {
        let known = |text: &String| or_dash(Some(text).filter(|text| !text.is_empty()));
        let amount = outcome.amount.zip(outcome.currency).map(|(amount, currency)| format!("{amount} {currency}"));
        vec![
            local(outcome.occurred_at, config),
            lead_id.clone(),
            outcome.status.to_string(),
            or_dash(outcome.stage.as_ref()),
            or_dash(amount),
            known(&outcome.system),
            known(&outcome.deal_id),
        ]
    };
    let headings = ["OCCURRED", "LEAD", "STATUS", "STAGE", "AMOUNT", "SYSTEM", "DEAL"];
    table(&headings, outcomes.iter().map(row).collect(), "no outcomes")?;
    Ok(exit::OK)
}
