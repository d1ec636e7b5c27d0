//! A file of costs: looked at, then imported or not.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{
    extract::{Multipart, Path, State},
    response::{IntoResponse, Redirect, Response},
};
use tokio::{task::spawn_blocking, time::timeout};
use tracing::error;

use super::{
    super::{Dashboard, Fault, Frame, Visitor, nav::Place, show},
    ask::Sent,
    list::{Because, list},
    uploads::{State as Stage, Upload},
    words::CostWords,
};
use crate::{
    feedback::costs,
    language::Language,
    maillog::chain,
    money::{Amount, Currency},
    store::{Cost, Role, Store},
    text::shown,
};

/// How long an answer waits for an import; a longer one goes on, and its page says so.
const PATIENCE: Duration = Duration::from_secs(5);

/// Refused rows that are shown.
const REFUSED: usize = 100;

#[derive(Template)]
#[template(path = "costs_preview.html", config = "src/http/dashboard/askama.toml")]
struct PreviewPage {
    frame: Frame,
    say: CostWords,
    stage: Stage,
    id: String,
    facts: Vec<(&'static str, String)>,
    places: Vec<NoChannel>,
    unread: Vec<String>,
    refused: Vec<(u64, String)>,
    more_refused: Option<String>,
    sample: Vec<Sample>,
    may_import: bool,
}

/// A place that belongs to no channel.
struct NoChannel {
    channel: String,
    source: String,
    medium: String,
    campaign: String,
    rows: String,
}

/// A row that would be kept.
struct Sample {
    day: String,
    provider: String,
    channel: String,
    source: String,
    medium: String,
    campaign: String,
    amount: String,
}

/// Takes a file and leads to its preview.
pub async fn upload(State(door): State<Arc<Dashboard>>, visitor: Visitor, form: Multipart) -> Result<Response, Fault> {
    visitor.demand(Role::Editor)?;
    let wrong = |wrong: String, sent: Sent| Because { wrong: Some(wrong), is_gone: false, sent };
    let mut sent = match Sent::read(form).await {
        Ok(sent) => sent,
        Err(why) => return list(&door, &visitor, wrong(why, Sent::default())).await,
    };
    let Some((name, octets)) = sent.file.take() else {
        return list(&door, &visitor, wrong(String::new(), sent)).await;
    };
    let intake = door.intake.load_full();
    let options = match sent.options(&intake.config) {
        Ok(options) => options,
        Err(why) => return list(&door, &visitor, wrong(why, sent)).await,
    };
    let (file, said) = (octets.clone(), options.clone());
    let looked = spawn_blocking(move || costs::preview(&file, &said, &intake.config, &mut |_| ())).await;
    match looked.map_err(|_| Fault::Unavailable)? {
        Ok(preview) => {
            let id = door.uploads.keep(&visitor.person, (name, octets), options, preview);
            Ok(Redirect::to(&format!("/costs/preview/{id}")).into_response())
        }
        Err(why) => list(&door, &visitor, wrong(why.to_string(), sent)).await,
    }
}

/// What is in a file, or what has come of it.
pub async fn page(
    State(door): State<Arc<Dashboard>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    match door.uploads.of(&visitor.person, &id) {
        Some(upload) => show(&preview(&door, &visitor, &upload)),
        None => list(&door, &visitor, Because { is_gone: true, ..Because::default() }).await,
    }
}

/// Imports a file.
pub async fn import(
    State(door): State<Arc<Dashboard>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    visitor.demand(Role::Editor)?;
    let Some(upload) = door.uploads.begin(&visitor.person, &id) else {
        return match door.uploads.of(&visitor.person, &id) {
            Some(_) => Ok(Redirect::to(&format!("/costs/preview/{id}")).into_response()),
            None => list(&door, &visitor, Because { is_gone: true, ..Because::default() }).await,
        };
    };
    let (background, who) = (Arc::clone(&door), format!("person:{}", visitor.person));
    // It goes on when nobody waits for it any more: half an import there is none.
    let work = tokio::spawn(async move {
        let id = upload.id.clone();
        let stage = keep(&background, upload, who).await;
        background.uploads.end(&id, stage);
    });
    drop(timeout(PATIENCE, work).await);
    Ok(Redirect::to(&format!("/costs/preview/{id}")).into_response())
}

/// The config may have changed since the preview, so the file is read again.
async fn keep(door: &Dashboard, upload: Upload, who: String) -> Stage {
    let intake = door.intake.load_full();
    let (octets, options) = (upload.octets.clone(), upload.options.clone());
    let looked = spawn_blocking(move || costs::preview(&octets, &options, &intake.config, &mut |_| ())).await;
    let Ok(Ok(looked)) = looked else { return Stage::Failed };
    if !looked.refused.is_empty() {
        return Stage::Failed;
    }
    let store: &Store = &door.store;
    match costs::import(store, looked.costs, &looked.summary, who, &upload.name).await {
        Ok(imported) => Stage::Done(imported),
        Err(e) => {
            error!("costs were not imported: {}", chain(&e));
            Stage::Failed
        }
    }
}

fn preview(door: &Dashboard, visitor: &Visitor, upload: &Upload) -> PreviewPage {
    let (language, say) = (visitor.language, CostWords::of(visitor.language));
    let found = &upload.preview;
    let count = |count: u64| language.number(count.into(), 0, 0);
    let summary = &found.summary;
    let mut facts = vec![(say.name, shown(&upload.name)), (say.read, count(found.read))];
    match &upload.state {
        Stage::Done(imported) => {
            let told = [imported.added, imported.replaced, imported.unchanged].map(count);
            facts.extend([say.added, say.replaced, say.unchanged].into_iter().zip(told));
        }
        _ => facts.push((say.would_keep, count(summary.rows))),
    }
    if let (Some(from), Some(to)) = (summary.from, summary.to) {
        let days = format!("{} – {} ({})", language.day(from.date()), language.day(to.date()), count(summary.days));
        facts.push((say.period, days));
    }
    facts.extend(summary.sums.iter().map(|sum| (say.sum, money(language, sum.amount, sum.currency))));
    facts.extend([(say.matched, count(summary.matched)), (say.unmatched, count(summary.unmatched))]);
    let told = found.refused.told();
    let more = found.refused.count().saturating_sub(told.len().min(REFUSED) as u64);
    PreviewPage {
        frame: Frame::new(door, visitor, Place::Costs, say.preview),
        stage: upload.state.clone(),
        id: upload.id.clone(),
        facts,
        places: summary
            .unmatched_places
            .iter()
            .map(|place| NoChannel {
                channel: shown(&place.channel),
                source: shown(&place.utm.source),
                medium: shown(&place.utm.medium),
                campaign: shown(&place.utm.campaign),
                rows: count(place.rows),
            })
            .collect(),
        unread: found.unread.iter().map(|heading| shown(heading)).collect(),
        refused: told.iter().take(REFUSED).map(|row| (row.line, shown(&row.detail))).collect(),
        more_refused: (more > 0).then(|| count(more)),
        sample: upload.sample.iter().map(|cost| sample(cost, language)).collect(),
        may_import: upload.state == Stage::Waiting && found.refused.is_empty() && visitor.is_editor(),
        say,
    }
}

fn sample(cost: &Cost, language: Language) -> Sample {
    let campaign = if cost.campaign.is_empty() { &cost.campaign_id } else { &cost.campaign };
    Sample {
        day: language.day(cost.day.date()),
        provider: shown(&cost.provider),
        channel: shown(&cost.channel),
        source: shown(&cost.source),
        medium: shown(&cost.medium),
        campaign: shown(campaign),
        amount: money(language, cost.amount, cost.currency),
    }
}

fn money(language: Language, amount: Amount, currency: Currency) -> String {
    format!("{}\u{a0}{currency}", language.number(amount.0.into(), 6, 2))
}
