//! How events get to the sinks: what waits, what was given up, and why; editors send it again.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{Redirect, Response},
    routing::{get, post},
};
use tracing::error;

use super::{Dashboard, Fault, Frame, Params, Visitor, ask::Form, entry, kinds, nav::Place, show};
use crate::{
    clock::Millis,
    language::{Text, words},
    maillog::chain,
    store::{Attempt, Backlog, Circuit, Delivery, DeliveryState, Replay, Role, Store, StoreError},
    text::shown,
};

/// Deliveries of each list.
const LISTED: u32 = 50;

/// Between two slices of a long replay, so that mail gets at the store.
const BREATH: Duration = Duration::from_millis(150);

words! {
    /// Texts of the page.
    DeliveriesWords {
        title: "Deliveries", "Доставка событий";
        sinks: "Sinks", "Интеграции";
        sinks_region: "Table of sinks", "Таблица интеграций";
        no_sinks: "Events go nowhere yet. A [[sink]] in the config sends them to a CRM or an analytics system; leadmilter sink presets lists what is ready made.",
            "События пока никуда не отправляются. Раздел [[sink]] в конфигурации отправит их в CRM или аналитику; готовые варианты покажет leadmilter sink presets.";
        sink: "Sink", "Интеграция";
        circuit: "State", "Состояние";
        pending: "Waiting", "Ждут";
        oldest: "Oldest since", "Самое давнее с";
        dead: "Given up", "Не доставлены";
        replay_all: "Send all again", "Отправить все снова";
        sure: "Send everything again that was given up?", "Отправить снова всё, что не доставлено?";
        failing: "Waiting for another attempt", "Ждут новой попытки";
        failing_region: "Table of deliveries that wait", "Таблица ожидающих доставок";
        none_failing: "Nothing waits for another attempt.", "Ничего не ждёт повторной попытки.";
        given_up: "Given up", "Не доставлены";
        given_up_region: "Table of deliveries that were given up", "Таблица недоставленных событий";
        none_dead: "Nothing was given up.", "Недоставленных событий нет.";
        lead: "Lead", "Лид";
        event: "Event", "Событие";
        since: "Since", "С";
        attempts: "Attempts", "Попытки";
        next: "Next attempt", "Следующая попытка";
        answer: "Last answer", "Последний ответ";
        again: "Send again", "Отправить снова";
        open: "Open", "Открыть";
        gone: "no longer in the config", "больше нет в конфигурации";
        action: "Action", "Действие";
    }
}

#[derive(Template)]
#[template(path = "deliveries.html", config = "src/http/dashboard/askama.toml")]
struct DeliveriesPage {
    frame: Frame,
    say: DeliveriesWords,
    sinks: Vec<SinkRow>,
    failing: Vec<DeliveryRow>,
    dead: Vec<DeliveryRow>,
    is_editor: bool,
}

/// A sink in the table.
struct SinkRow {
    id: String,
    is_gone: bool,
    circuit: &'static str,
    tone: &'static str,
    reason: Option<String>,
    pending: String,
    oldest: String,
    dead: String,
    has_dead: bool,
}

/// A delivery in a table.
pub struct DeliveryRow {
    /// Its id.
    pub id: i64,
    /// The sink's.
    pub sink: String,
    /// The event's type.
    pub event: &'static str,
    /// The lead's id.
    pub lead: Option<String>,
    /// When it was put into the outbox.
    pub since: String,
    /// Where it stands, and how that looks.
    pub state: &'static str,
    /// See above.
    pub tone: &'static str,
    /// Attempts made.
    pub attempts: u32,
    /// When it is tried next.
    pub next: String,
    /// Status and error of the last attempt.
    pub answer: String,
    /// Every attempt, on one line each.
    pub history: Vec<String>,
}

/// The pages.
pub fn routes() -> Router<Arc<Dashboard>> {
    Router::new().route("/deliveries", get(page)).route("/deliveries/replay", post(replay))
}

type Health = (BTreeMap<String, Backlog>, Vec<(String, Circuit)>, Vec<Delivery>, Vec<Delivery>);

fn health(store: &Store) -> Result<Health, StoreError> {
    let list = |state| store.failing(state, LISTED);
    Ok((store.backlogs()?, store.circuits()?, list(DeliveryState::Pending)?, list(DeliveryState::Dead)?))
}

async fn page(State(door): State<Arc<Dashboard>>, visitor: Visitor, asked: Params) -> Result<Response, Fault> {
    let (mut backlogs, circuits, failing, dead) = door.read(health).await?;
    let language = visitor.language;
    let say = DeliveriesWords::of(language);
    let notice = match asked.get("done") {
        Some("replayed") => Some(Text { en: "It is sent again now.", ru: "Отправляется снова." }),
        Some("underway") => Some(Text { en: "It is under way already.", ru: "Уже отправляется." }),
        _ => None,
    };
    let known: Vec<String> = door.config().config.sinks.iter().map(|sink| sink.id.clone()).collect();
    let mut sinks = Vec::new();
    for id in &known {
        sinks.push(sink(id, &backlogs.remove(id).unwrap_or_default(), &circuits, false, &visitor));
    }
    sinks.extend(backlogs.iter().map(|(id, backlog)| sink(id, backlog, &circuits, true, &visitor)));
    let rows = |list: &[Delivery]| list.iter().map(|delivery| row(delivery, &[], &visitor)).collect();
    show(&DeliveriesPage {
        frame: Frame::new(&door, &visitor, Place::Deliveries, say.title).saying(notice, language),
        say,
        sinks,
        failing: rows(&failing),
        dead: rows(&dead),
        is_editor: visitor.is_editor(),
    })
}

fn sink(id: &str, backlog: &Backlog, circuits: &[(String, Circuit)], is_gone: bool, visitor: &Visitor) -> SinkRow {
    let circuit = circuits.iter().find(|(sink, _)| sink == id).map(|(_, circuit)| circuit);
    let (state, tone) = kinds::circuit(circuit.map(|circuit| circuit.state));
    let number = |count: u64| visitor.language.number(i128::from(count), 0, 0);
    SinkRow {
        id: id.to_owned(),
        is_gone,
        circuit: state.of(visitor.language),
        tone,
        reason: circuit.map(|circuit| shown(&circuit.reason)),
        pending: number(backlog.pending),
        oldest: moment(backlog.oldest_at, visitor),
        dead: number(backlog.dead),
        has_dead: backlog.dead > 0,
    }
}

fn moment(at: Option<Millis>, visitor: &Visitor) -> String {
    at.map(|at| visitor.language.moment(at, &visitor.zone)).unwrap_or_default()
}

/// A delivery for people.
pub fn row(delivery: &Delivery, attempts: &[Attempt], visitor: &Visitor) -> DeliveryRow {
    let (state, tone) = kinds::delivery(delivery.state);
    let line = |attempt: &Attempt| {
        let at = visitor.language.moment(attempt.at, &visitor.zone);
        let told = answer(attempt.status, attempt.error.as_deref());
        let body = attempt.answer.as_deref().map(|body| format!(": {}", shown(body))).unwrap_or_default();
        format!("{}. {at}, {} ms, {told}{body}", attempt.number, attempt.duration_ms)
    };
    DeliveryRow {
        id: delivery.id,
        sink: delivery.sink.clone(),
        event: delivery.event_type.as_str(),
        lead: delivery.lead_id.clone(),
        since: moment(Some(delivery.created_at), visitor),
        state: state.of(visitor.language),
        tone,
        attempts: delivery.attempts,
        next: moment(delivery.next_at, visitor),
        answer: answer(delivery.last_status, delivery.last_error.as_deref()),
        history: attempts.iter().map(line).collect(),
    }
}

fn answer(status: Option<u16>, error: Option<&str>) -> String {
    let status = status.map(|status| status.to_string());
    [status, error.map(shown)].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

async fn replay(State(door): State<Arc<Dashboard>>, visitor: Visitor, Form(fields): Form) -> Result<Redirect, Fault> {
    visitor.demand(Role::Editor)?;
    let ids: Vec<i64> = fields.all("id").filter_map(|id| id.parse().ok()).collect();
    let back = fields.get("back").filter(|path| path.starts_with("/leads/")).unwrap_or("/deliveries");
    let (replay, what) = match fields.get("sink") {
        None if ids.is_empty() => return Err(Fault::Missing),
        None => {
            let what = ids.iter().map(i64::to_string).collect::<Vec<_>>().join(" ");
            (Replay::These(ids), what)
        }
        Some(sink) => {
            let is_known = door.config().config.sinks.iter().any(|known| known.id == sink);
            let sink = Some(sink.to_owned()).filter(|_| is_known).ok_or(Fault::Missing)?;
            let all = Replay::OfSink { sink: sink.clone(), state: DeliveryState::Dead, since: None, until: None };
            (all, sink)
        }
    };
    let noted = entry(&visitor.person, "delivery.replayed", &what, None);
    door.store.note_audit(noted).await?;
    let done = match replay {
        Replay::These(_) => {
            let slice = door.read(move |store| store.replay_slice(&replay, 0)).await?;
            if door.store.replay(None, slice).await? > 0 { "replayed" } else { "underway" }
        }
        _ => {
            // A day's worth takes longer than a request may.
            let all = replay_all(Arc::clone(&door), replay);
            tokio::spawn(async move {
                if let Err(e) = all.await {
                    error!("a replay broke off: {}", chain(&e));
                }
            });
            "replayed"
        }
    };
    Ok(Redirect::to(&format!("{back}?done={done}")))
}

async fn replay_all(door: Arc<Dashboard>, replay: Replay) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let of = replay.clone();
        let slice = door.readers.read(move |store| store.replay_slice(&of, after)).await?;
        if slice.last() == after {
            return Ok(());
        }
        after = slice.last();
        door.store.replay(None, slice).await?;
        tokio::time::sleep(BREATH).await;
    }
}
