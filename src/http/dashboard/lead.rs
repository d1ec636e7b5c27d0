//! One lead's whole story: who wrote, where they came from, what the letter was given, and where its events went.
//!
//! Whoever looks at it is noted. Editors correct what it was taken for.

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    response::{Redirect, Response},
    routing::{get, post},
};

use super::{
    Dashboard, Fault, Frame, Params, Visitor,
    ask::Form,
    deliveries::{DeliveryRow, row},
    entry, kinds,
    nav::Place,
    period::Choice,
    show,
    story::{Fact, Step, Story},
};
use crate::{
    language::{Text, words},
    lead::{Kind, Lead, bounded, limit},
    outcome::Outcome,
    store::{Attempt, Delivery, DeliveryFilter, Mark, Role, Store, StoreError},
    text::shown,
};

/// Deliveries of one lead that are shown.
const DELIVERIES: u32 = 50;

words! {
    /// Texts of the page.
    LeadWords {
        title: "Lead of", "Лид от";
        nobody: "an unknown sender", "неизвестного отправителя";
        back: "All leads", "Все лиды";
        letter: "The letter", "Письмо";
        way: "Where it came from", "Откуда пришёл";
        touches: "Touches, oldest first", "Касания, сначала ранние";
        no_touches: "No touch is known.", "Касания неизвестны.";
        headers: "Headers that the letter carries", "Заголовки, добавленные в письмо";
        deliveries: "Deliveries", "Доставка событий";
        region: "Table of deliveries", "Таблица доставок";
        no_deliveries: "No sink wants events about this lead. Sinks are set up in the config: see [[sink]].",
            "Ни одна интеграция не подписана на события этого лида. Интеграции задаются в конфигурации: [[sink]].";
        sink: "Sink", "Интеграция";
        event: "Event", "Событие";
        state: "State", "Состояние";
        attempts: "Attempts", "Попытки";
        next: "Next attempt", "Следующая попытка";
        answer: "Last answer", "Последний ответ";
        again: "Send again", "Отправить снова";
        actions: "Correct", "Исправить";
        kind: "It is", "Это";
        reason: "Why", "Причина";
        mark: "Save", "Сохранить";
        outcomes: "What became of it", "Что стало с лидом";
        outcomes_region: "Table of outcomes", "Таблица результатов";
        no_outcomes: "Nobody has said yet. A CRM tells it by POST /v1/outcomes, a file by leadmilter outcomes import.",
            "Пока неизвестно. CRM сообщает это через POST /v1/outcomes, файл загружает leadmilter outcomes import.";
        at: "When", "Когда";
        system: "System", "Система";
        deal: "Deal", "Сделка";
        stage: "Stage", "Этап";
        amount: "Amount", "Сумма";
        others: "All letters of this sender", "Все письма этого отправителя";
        of_thread: "First letter of the thread", "Первое письмо переписки";
        of_series: "First lead of this sender", "Первый лид этого отправителя";
    }
}

#[derive(Template)]
#[template(path = "lead.html", config = "src/http/dashboard/askama.toml")]
struct LeadPage {
    frame: Frame,
    say: LeadWords,
    id: String,
    standing: &'static str,
    tone: &'static str,
    letter: Vec<Fact>,
    way: Vec<Fact>,
    touches: Vec<Step>,
    headers: Vec<(String, String)>,
    outcomes: Vec<OutcomeRow>,
    deliveries: Vec<DeliveryRow>,
    is_editor: bool,
    kinds: Vec<Choice>,
    others: Option<String>,
    thread: Option<String>,
    series: Option<String>,
    /// Where a form of a delivery leads back to.
    back: String,
}

/// An outcome in the table.
struct OutcomeRow {
    at: String,
    status: &'static str,
    tone: &'static str,
    system: String,
    deal: String,
    stage: String,
    amount: String,
}

/// The pages.
pub fn routes() -> Router<Arc<Dashboard>> {
    Router::new().route("/leads/{id}", get(page)).route("/leads/{id}/mark", post(mark))
}

/// A lead and what became of its events.
struct Found {
    lead: Lead,
    outcomes: Vec<Outcome>,
    deliveries: Vec<(Delivery, Vec<Attempt>)>,
}

fn find(store: &Store, id: &str) -> Result<Option<Found>, StoreError> {
    let Some(lead) = store.lead(id)? else { return Ok(None) };
    let filter = DeliveryFilter { lead_id: Some(id.to_owned()), limit: DELIVERIES, ..DeliveryFilter::default() };
    let mut deliveries = Vec::new();
    for listed in store.deliveries(&filter)? {
        let attempts = store.attempts(listed.id)?;
        deliveries.push((listed, attempts));
    }
    Ok(Some(Found { lead, outcomes: store.outcomes_of(id)?, deliveries }))
}

async fn page(
    State(door): State<Arc<Dashboard>>,
    visitor: Visitor,
    Path(id): Path<String>,
    asked: Params,
) -> Result<Response, Fault> {
    let Found { lead, outcomes, deliveries } = door.read(move |store| find(store, &id)).await?.ok_or(Fault::Missing)?;
    door.note(&visitor, "lead.viewed", &lead.lead_id, None).await?;
    let language = visitor.language;
    let say = LeadWords::of(language);
    let known = lead.sender.name.as_deref().or(lead.sender.address.as_deref());
    let title = format!("{} {}", say.title, known.map_or_else(|| say.nobody.to_owned(), shown));
    let notice = match asked.get("done") {
        Some("marked") => Some(Text {
            en: "Saved. Sinks that want to know are told.",
            ru: "Сохранено. Интеграции оповещены.",
        }),
        Some("replayed") => {
            Some(Text { en: "It is sent again now.", ru: "Событие отправляется снова." })
        }
        Some("underway") => {
            Some(Text { en: "It is under way already.", ru: "Событие уже отправляется." })
        }
        _ => None,
    };
    let (standing, tone) = kinds::standing(&lead);
    let intake = door.config();
    let story = Story::of(&lead, &intake.config.channels, &visitor);
    let fields = intake.fields(&lead, lead.message.message_id.as_deref());
    let other = |id: &Option<String>| id.as_ref().map(|id| format!("/leads/{id}"));
    let sender = lead.sender.address.as_deref();
    show(&LeadPage {
        frame: Frame::new(&door, &visitor, Place::Leads, title).saying(notice, language),
        say,
        standing: standing.of(language),
        tone,
        letter: story.letter,
        way: story.way,
        touches: story.touches,
        headers: fields.into_iter().map(|field| (field.name, field.body.replace('\n', ""))).collect(),
        outcomes: outcomes.iter().map(|outcome| outcome_row(outcome, &visitor)).collect(),
        deliveries: deliveries.iter().map(|(of, attempts)| row(of, attempts, &visitor)).collect(),
        is_editor: visitor.is_editor(),
        kinds: offered(&lead, &visitor),
        others: sender.map(|sender| Params::of(&[("kind", "all"), ("sender", sender)]).href("/leads", &[])),
        thread: other(&lead.in_thread_of),
        series: other(&lead.repeat.first_lead_id),
        back: format!("/leads/{}", lead.lead_id),
        id: lead.lead_id,
    })
}

fn outcome_row(outcome: &Outcome, visitor: &Visitor) -> OutcomeRow {
    let (status, tone) = kinds::outcome(outcome.status);
    let amount = outcome.amount.map(|amount| {
        let currency = outcome.currency.map(|currency| currency.to_string()).unwrap_or_default();
        format!("{}\u{a0}{currency}", visitor.language.number(i128::from(amount.0), 6, 2))
    });
    OutcomeRow {
        at: visitor.language.moment(outcome.occurred_at, &visitor.zone),
        status: status.of(visitor.language),
        tone,
        system: shown(&outcome.system),
        deal: shown(&outcome.deal_id),
        stage: outcome.stage.as_deref().map(shown).unwrap_or_default(),
        amount: amount.unwrap_or_default(),
    }
}

/// What it can be corrected to: spam first where it is a lead, else a lead first.
fn offered(lead: &Lead, visitor: &Visitor) -> Vec<Choice> {
    let likely = if lead.kind == Kind::Lead { Kind::Spam } else { Kind::Lead };
    let choice =
        |kind: &Kind| Choice::new(kind.as_str(), kinds::kind(*kind).of(visitor.language), Some(likely.as_str()));
    Kind::ALL.iter().map(choice).collect()
}

async fn mark(
    State(door): State<Arc<Dashboard>>,
    visitor: Visitor,
    Path(id): Path<String>,
    Form(fields): Form,
) -> Result<Redirect, Fault> {
    visitor.demand(Role::Editor)?;
    let wrong = Text { en: "There is no such kind of message.", ru: "Такого вида писем нет." };
    let kind = fields.get("kind").and_then(Kind::parse).ok_or(Fault::Wrong(wrong))?;
    let reason = fields.get("reason").and_then(|reason| bounded(reason, limit::TEXT));
    let reason = reason.unwrap_or_else(|| format!("marked by {}", visitor.person));
    let intake = door.intake.load_full();
    let mark = Mark {
        lead_id: id.clone(),
        kind,
        reason,
        counting: intake.counting(),
        host: intake.config.hostname.clone(),
        subscribers: Arc::clone(&intake.subscribers),
    };
    let marked = door.store.mark(mark).await?;
    let marked = marked.ok_or(Fault::Missing)?;
    let noted = entry(&visitor.person, "lead.marked", &marked.lead_id, Some(kind.as_str().to_owned()));
    door.store.note_audit(noted).await?;
    Ok(Redirect::to(&format!("/leads/{}?done=marked", marked.lead_id)))
}

/// Ids by the system that gave them.
pub fn ids(map: &BTreeMap<String, String>) -> Option<String> {
    let pairs: Vec<_> = map.iter().map(|(system, id)| format!("{system}: {id}")).collect();
    (!pairs.is_empty()).then(|| pairs.join("\n"))
}
