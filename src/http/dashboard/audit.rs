//! The audit log: who saw and changed what, for admins.

use std::sync::Arc;

use askama::Template;
use axum::{Router, extract::State, response::Response, routing::get};

use super::{
    Dashboard, Fault, Frame, Params, Visitor,
    nav::Place,
    period::{self, Choice},
    show,
};
use crate::{
    language::words,
    store::{AuditFilter, Audited, Role},
    text::shown,
};

/// Entries of one page.
const PAGE: u32 = 100;

words! {
    /// Texts of the page.
    AuditWords {
        title: "Audit log", "Журнал действий";
        filters: "Which entries", "Какие записи";
        region: "Table of entries", "Таблица записей";
        caption: "Who saw and changed what, newest first", "Кто что видел и менял, сначала новые";
        period: "Period", "Период";
        all_time: "All time", "За всё время";
        at: "When", "Когда";
        who: "Who", "Кто";
        who_hint: "person:anna", "person:anna";
        did: "Did", "Действие";
        did_hint: "lead.viewed", "lead.viewed";
        what: "What", "Что";
        details: "Details", "Подробности";
        show: "Show", "Показать";
        reset: "Reset", "Сбросить";
        nothing: "Nothing fits these filters.", "Под эти условия ничего не подходит.";
        first: "First page", "Первая страница";
        next: "Next page", "Следующая страница";
    }
}

#[derive(Template)]
#[template(path = "audit.html", config = "src/http/dashboard/askama.toml")]
struct AuditPage {
    frame: Frame,
    say: AuditWords,
    periods: Vec<Choice>,
    who: String,
    did: String,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
}

struct Row {
    at: String,
    who: String,
    did: String,
    what: String,
    lead: Option<String>,
    details: String,
}

/// The page.
pub fn routes() -> Router<Arc<Dashboard>> {
    Router::new().route("/audit", get(page))
}

async fn page(State(door): State<Arc<Dashboard>>, visitor: Visitor, asked: Params) -> Result<Response, Fault> {
    visitor.demand(Role::Admin)?;
    let (since, until) = period::asked(&asked, &visitor).map_or((None, None), |asked| period::bounds(asked, &visitor));
    let filter = AuditFilter {
        who: asked.get("who").map(str::to_owned),
        did: asked.get("did").map(str::to_owned),
        since,
        until,
        before: asked.read("beyond"),
        limit: PAGE + 1,
    };
    let is_later = filter.before.is_some();
    let mut entries = door.read(move |store| store.audit(&filter)).await?;
    let has_more = entries.len() > PAGE as usize;
    entries.truncate(PAGE as usize);
    let beyond = entries.last().filter(|_| has_more).map(|last| last.id.to_string());
    let say = AuditWords::of(visitor.language);
    let text = |name| asked.get(name).unwrap_or_default().to_owned();
    show(&AuditPage {
        frame: Frame::new(&door, &visitor, Place::Audit, say.title),
        say,
        periods: period::menu(&asked, visitor.language),
        who: text("who"),
        did: text("did"),
        rows: entries.iter().map(|audited| row(audited, &visitor)).collect(),
        first: is_later.then(|| asked.href("/audit", &[("beyond", None)])),
        next: beyond.map(|place| asked.href("/audit", &[("beyond", Some(&place))])),
    })
}

fn row(Audited { entry, .. }: &Audited, visitor: &Visitor) -> Row {
    let is_of_lead = ["lead.viewed", "lead.marked"].contains(&entry.did.as_str());
    Row {
        at: visitor.language.moment(entry.at, &visitor.zone),
        who: shown(&entry.who),
        did: shown(&entry.did),
        what: shown(&entry.what),
        lead: is_of_lead.then(|| entry.what.clone()),
        details: entry.details.as_deref().map(shown).unwrap_or_default(),
    }
}
