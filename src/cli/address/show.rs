//! `leadmilter address show`: what one address is, whom it was shown to, and whether it counts.

use std::path::PathBuf;

use serde::Serialize;

use super::{
    super::{
        exit, explain, open_read,
        output::{json_lines, local, or_dash, printable, table, text},
    },
    noted_as, qr, state,
};
use crate::{
    clock::Millis,
    config::Config,
    intake::Intake,
    issuing,
    resolve::Explanation,
    store::AddressNote,
    visit::{Known, Visit},
};

/// Show one address: its channel, or the visits of whom it was shown to, and whether it counts
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The address, or the token of a dynamic one
    address: String,
    /// Write a QR code of the address to this SVG file; - for stdout
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    qr: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    explanation: Explanation,
    note: Option<AddressNote>,
    issued_at: Option<Millis>,
    visits: Vec<Told>,
}

/// A visit as the listing tells it.
#[derive(Serialize)]
struct Told {
    at: Millis,
    channel: Option<String>,
    source: String,
    medium: String,
    campaign: String,
    landing_page: Option<String>,
    referrer: Option<String>,
}

pub fn run(config: Config, args: &Args) -> anyhow::Result<u8> {
    let intake = Intake::new(config);
    let config = &intake.config;
    let address = spelled_out(&intake, &args.address);
    let noted_as = noted_as(&intake, &args.address)?;
    if let Some(file) = &args.qr {
        qr::write(file, &address)?;
        return Ok(exit::OK);
    }
    let note = open_read(config)?.address_note(&noted_as)?;
    let visits = explain::open_visits(config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let explanation = runtime.block_on(intake.explain(&address, visits.as_ref(), Millis::now()))?;
    let known = match (intake.token_in(&address), &visits) {
        (Some(verified), Some(visits)) => runtime.block_on(visits.find(verified.claims, Millis::now()))?,
        _ => None,
    };
    let (issued_at, visits) = match known {
        Some(Known { issued_at, visits, .. }) => (Some(issued_at), visits.into_iter().map(told).collect()),
        None => (None, Vec::new()),
    };
    let report = Report { explanation, note, issued_at, visits };
    if args.json {
        json_lines(&[report])?;
    } else {
        print(&report, config)?;
    }
    Ok(exit::OK)
}

/// A token alone as the address that it stands in.
fn spelled_out(intake: &Intake, given: &str) -> String {
    let own = || {
        let verified = intake.token_in(given).filter(|_| !given.contains('@'))?;
        let dynamic = intake.config.dynamic.as_ref()?;
        issuing::own(intake.table.mailbox(&dynamic.mailbox)?, verified.token, dynamic)
    };
    own().unwrap_or_else(|| given.to_owned())
}

fn told(visit: Visit) -> Told {
    let utm = visit.touchpoint.utm;
    Told {
        at: visit.at,
        channel: visit.touchpoint.channel,
        source: utm.source,
        medium: utm.medium,
        campaign: utm.campaign,
        landing_page: visit.touchpoint.landing_page,
        referrer: visit.touchpoint.referrer,
    }
}

fn print(report: &Report, config: &Config) -> anyhow::Result<()> {
    text(&explain::sentence(&report.explanation))?;
    if let Some(note) = &report.note {
        let reason = note.reason.as_ref().map(|reason| format!(": {}", printable(reason))).unwrap_or_default();
        text(&format!("{} since {}{reason}", state(note.state), local(note.since, config)))?;
    }
    if !report.visits.is_empty() {
        let row = |visit: &Told| {
            let utm =
                [&visit.source, &visit.medium, &visit.campaign].map(|of| or_dash(Some(of).filter(|of| !of.is_empty())));
            let mut row = vec![local(visit.at, config), or_dash(visit.channel.as_ref())];
            row.extend(utm);
            row.push(or_dash(visit.landing_page.as_ref()));
            row
        };
        let headings = ["VISIT", "CHANNEL", "SOURCE", "MEDIUM", "CAMPAIGN", "LANDING PAGE"];
        table(&headings, report.visits.iter().map(row).collect(), "")?;
    }
    Ok(())
}
