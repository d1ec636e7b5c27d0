//! The leads: filtered, newest or oldest first, a page at a time.

use std::sync::Arc;

use askama::Template;
use axum::{Router, extract::State, response::Response, routing::get};

use super::{
    Dashboard, Fault, Frame, Params, Visitor, kinds,
    nav::Place,
    period::{self, Choice},
    show,
};
use crate::{
    config::Config,
    language::words,
    lead::{Kind, Lead},
    store::{LeadQuery, Order},
    text::shown,
};

/// Leads of one page.
const PAGE: u32 = 50;

words! {
    /// Texts of the page.
    LeadsWords {
        title: "Leads", "Лиды";
        filters: "Which leads", "Какие лиды";
        period: "Period", "Период";
        all_time: "All time", "За всё время";
        from: "From", "С";
        to: "To", "По";
        channel: "Channel", "Канал";
        all_channels: "All channels", "Все каналы";
        kind: "Kind", "Вид";
        all_kinds: "All kinds", "Все виды";
        sender: "Sender", "Отправитель";
        sender_hint: "address or a part of it", "адрес или его часть";
        replies: "Also replies", "Вместе с ответами";
        show: "Show", "Показать";
        reset: "Reset", "Сбросить";
        received: "Received", "Получен";
        subject: "Subject", "Тема";
        source: "Source", "Источник";
        standing: "Standing", "Статус";
        open: "Open the lead of", "Открыть лид от";
        no_subject: "(no subject)", "(без темы)";
        no_sender: "(no sender)", "(без отправителя)";
        next: "Next page", "Следующая страница";
        first: "First page", "Первая страница";
        newest: "newest first", "сначала новые";
        oldest: "oldest first", "сначала старые";
        sort: "Sort the other way round", "Изменить порядок";
        region: "Table of leads", "Таблица лидов";
        nothing: "No lead fits these filters.", "Ни один лид не подходит под эти условия.";
        nothing_yet: "No leads yet. Print or show a substitute address, write a letter to it, and it appears here within a second.",
            "Лидов пока нет. Опубликуйте подменный адрес и напишите на него: письмо появится здесь через секунду.";
        to_addresses: "Show the addresses", "Показать адреса";
    }
}

#[derive(Template)]
#[template(path = "leads.html", config = "src/http/dashboard/askama.toml")]
struct LeadsPage {
    frame: Frame,
    say: LeadsWords,
    periods: Vec<Choice>,
    channels: Vec<Choice>,
    kinds: Vec<Choice>,
    is_any_kind: bool,
    from: String,
    to: String,
    sender: String,
    replies: bool,
    is_filtered: bool,
    rows: Vec<Row>,
    is_oldest: bool,
    sort: String,
    first: Option<String>,
    next: Option<String>,
}

/// A lead in the table.
struct Row {
    id: String,
    at: String,
    name: Option<String>,
    address: String,
    subject: Option<String>,
    channel: String,
    source: String,
    standing: &'static str,
    tone: &'static str,
}

/// The page.
pub fn routes() -> Router<Arc<Dashboard>> {
    Router::new().route("/leads", get(page))
}

async fn page(State(door): State<Arc<Dashboard>>, visitor: Visitor, asked: Params) -> Result<Response, Fault> {
    let query = query(&asked, &visitor);
    let wanted = query.clone();
    let page = door.read(move |store| store.lead_page(&wanted)).await?;
    let count = page.leads.len().to_string();
    door.note(&visitor, "leads.listed", &count, asked.noted()).await?;
    let say = LeadsWords::of(visitor.language);
    let frame = Frame::new(&door, &visitor, Place::Leads, say.title);
    let (is_oldest, turned) = match query.order {
        Order::Newest => (false, "oldest"),
        Order::Oldest => (true, "newest"),
    };
    let text = |name| asked.get(name).unwrap_or_default().to_owned();
    let filters = ["period", "from", "to", "channel", "kind", "sender", "replies", "beyond"];
    let beyond = page.beyond.map(|place| place.to_string());
    show(&LeadsPage {
        periods: period::menu(&asked, visitor.language),
        channels: channels(&door.config().config, &asked),
        kinds: kinds(&asked, &visitor),
        is_any_kind: query.kind.is_none(),
        from: text("from"),
        to: text("to"),
        sender: text("sender"),
        replies: asked.get("replies").is_some(),
        is_filtered: filters.iter().any(|name| asked.get(name).is_some()),
        rows: page.leads.iter().map(|lead| row(lead, &visitor)).collect(),
        is_oldest,
        sort: asked.href("/leads", &[("order", Some(turned)), ("beyond", None)]),
        first: query.beyond.map(|_| asked.href("/leads", &[("beyond", None)])),
        next: beyond.map(|place| asked.href("/leads", &[("beyond", Some(&place))])),
        frame,
        say,
    })
}

fn query(asked: &Params, visitor: &Visitor) -> LeadQuery {
    let (since, until) = period::asked(asked, visitor).map_or((None, None), |asked| period::bounds(asked, visitor));
    let kind = match asked.get("kind") {
        Some("all") => None,
        name => Some(name.and_then(Kind::parse).unwrap_or(Kind::Lead)),
    };
    LeadQuery {
        channel: asked.get("channel").map(str::to_owned),
        sender: asked.get("sender").map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty()),
        kind,
        own_only: kind == Some(Kind::Lead) && asked.get("replies").is_none(),
        since,
        until,
        order: if asked.get("order") == Some("oldest") { Order::Oldest } else { Order::Newest },
        beyond: asked.read("beyond"),
        limit: PAGE,
    }
}

/// Channels of the config, and the one that is asked for even if it is none of them any more.
fn channels(config: &Config, asked: &Params) -> Vec<Choice> {
    let chosen = asked.get("channel");
    let mut choices: Vec<_> =
        config.channels.iter().map(|channel| Choice::new(&channel.id, channel.name.as_str(), chosen)).collect();
    if let Some(gone) = chosen.filter(|id| !choices.iter().any(|choice| choice.value == *id)) {
        choices.push(Choice::new(gone, shown(gone), chosen));
    }
    choices
}

fn kinds(asked: &Params, visitor: &Visitor) -> Vec<Choice> {
    let chosen = asked.get("kind").or(Some("lead"));
    Kind::ALL.iter().map(|kind| Choice::new(kind.as_str(), kinds::kind(*kind).of(visitor.language), chosen)).collect()
}

fn row(lead: &Lead, visitor: &Visitor) -> Row {
    let (standing, tone) = kinds::standing(lead);
    let of = &lead.attribution;
    let source: Vec<&str> = [&of.source, &of.medium].into_iter().flatten().map(String::as_str).collect();
    Row {
        id: lead.lead_id.clone(),
        at: visitor.language.moment(lead.received_at, &visitor.zone),
        name: lead.sender.name.as_deref().map(shown),
        address: lead.sender.address.as_deref().map(shown).unwrap_or_default(),
        subject: lead.message.subject.as_deref().map(shown),
        channel: lead.channel.as_ref().map(|channel| shown(&channel.name)).unwrap_or_default(),
        source: shown(&source.join(" / ")),
        standing: standing.of(visitor.language),
        tone,
    }
}
