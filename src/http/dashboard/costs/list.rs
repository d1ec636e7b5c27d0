//! What is known of costs, by month, and the form that brings more.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::{
    super::{Dashboard, Fault, Frame, Visitor, nav::Place, report::days, show},
    ask::Sent,
    words::CostWords,
};
use crate::{
    report::{Dimension, Unit, Wording},
    store::CostMonth,
    text::shown,
};

#[derive(Template)]
#[template(path = "costs.html", config = "src/http/dashboard/askama.toml")]
struct CostsPage {
    frame: Frame,
    say: CostWords,
    rows: Vec<Row>,
    /// The channels that rows may be of; none where nothing may be changed.
    channels: Option<Vec<(String, String)>>,
    sent: Sent,
    /// What is wrong with the last file, in English.
    wrong: Option<String>,
    notice: Option<&'static str>,
}

/// What one provider told of a month, in one currency.
struct Row {
    month: String,
    report: String,
    provider: String,
    rows: String,
    days: String,
    amount: String,
    at: String,
}

/// Why the page is shown, if not because somebody asked for it.
#[derive(Clone, Debug, Default)]
pub struct Because {
    /// What is wrong with a file, in English; empty where none was chosen.
    pub wrong: Option<String>,
    /// Whether a file is gone.
    pub is_gone: bool,
    /// What was sent.
    pub sent: Sent,
}

/// The page.
pub async fn page(State(door): State<Arc<Dashboard>>, visitor: Visitor) -> Result<Response, Fault> {
    list(&door, &visitor, Because::default()).await
}

/// The same, with what it is shown for.
pub async fn list(door: &Dashboard, visitor: &Visitor, because: Because) -> Result<Response, Fault> {
    let months = door.read(|store| store.cost_months()).await?;
    let say = CostWords::of(visitor.language);
    let (wording, channels) = {
        let intake = door.config();
        let config = &intake.config;
        let channels = config.channels.iter().map(|channel| (channel.id.clone(), channel.name.clone()));
        (Wording::new(config, visitor.language), visitor.is_editor().then(|| channels.collect()))
    };
    let status = match (&because.wrong, because.is_gone) {
        (Some(_), _) => StatusCode::UNPROCESSABLE_ENTITY,
        (None, true) => StatusCode::GONE,
        (None, false) => StatusCode::OK,
    };
    let page = show(&CostsPage {
        frame: Frame::new(door, visitor, Place::Costs, say.title),
        rows: months.iter().map(|month| row(month, visitor, &wording)).collect(),
        channels,
        wrong: because.wrong.map(|wrong| if wrong.is_empty() { say.no_file.to_owned() } else { shown(&wrong) }),
        notice: because.is_gone.then_some(say.gone),
        sent: because.sent,
        say,
    })?;
    Ok((status, page).into_response())
}

fn row(month: &CostMonth, visitor: &Visitor, wording: &Wording) -> Row {
    let count = |count: u64| wording.language.number(count.into(), 0, 0);
    let amount = wording.number(Some(month.amount.0.into()), Unit::Money);
    Row {
        month: days::value(wording, Dimension::Month, Some(&month.month)),
        report: format!("/reports/channels?period={}", month.month),
        provider: shown(&month.provider),
        rows: count(month.rows),
        days: count(month.days),
        amount: format!("{amount}\u{a0}{}", month.currency),
        at: visitor.language.moment(month.imported_at, &visitor.zone),
    }
}
