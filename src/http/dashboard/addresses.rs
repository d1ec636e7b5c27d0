//! Substitute addresses of the channels: what each brings, whether it was harvested, and its QR code for print.

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{Dashboard, Fault, Frame, Params, Visitor, nav::Place, show};
use crate::{
    config::Config,
    issuing::qr,
    language::words,
    store::{AddressNote, AddressState, AddressTally},
    text::shown,
};

words! {
    /// Texts of the page.
    AddressesWords {
        title: "Addresses", "Адреса";
        region: "Table of addresses", "Таблица адресов";
        caption: "Static substitute addresses of the channels", "Постоянные подменные адреса каналов";
        address: "Address", "Адрес";
        channel: "Channel", "Канал";
        mailbox: "Mailbox", "Ящик";
        leads: "Leads", "Лиды";
        last: "Last lead", "Последний лид";
        state: "State", "Состояние";
        counted: "Counted", "Учитывается";
        trusted: "Trusted", "Доверенный";
        leaked: "Leaked", "Утёк";
        since: "since", "с";
        qr: "QR code", "QR-код";
        qr_of: "QR code of", "QR-код адреса";
        save: "Save as SVG", "Сохранить SVG";
        all_leads: "Leads of this channel", "Лиды этого канала";
        nothing: "No channel has an address yet. Add one to the config: a [[channel]] with addresses, then reload. leadmilter check says whether all is well.",
            "Ни у одного канала пока нет адреса. Добавьте в конфигурацию раздел [[channel]] с addresses и перезагрузите её; проверить поможет leadmilter check.";
        without: "Channels without an address of their own, which only visits belong to:",
            "Каналы без собственного адреса, к которым относятся только визиты:";
        others: "Other addresses that are leaked or trusted", "Другие утёкшие и доверенные адреса";
        others_region: "Table of other addresses", "Таблица других адресов";
        reason: "Why", "Причина";
        dynamic: "Visitors of the web site are shown addresses of their own, which stand for", "Посетителям сайта показываются личные адреса вместо";
    }
}

#[derive(Template)]
#[template(path = "addresses.html", config = "src/http/dashboard/askama.toml")]
struct AddressesPage {
    frame: Frame,
    say: AddressesWords,
    rows: Vec<Row>,
    without: Vec<String>,
    others: Vec<Other>,
    dynamic: Option<String>,
}

/// An address of a channel.
struct Row {
    address: String,
    channel: String,
    mailbox: String,
    leads: String,
    last: String,
    state: &'static str,
    tone: &'static str,
    why: Option<String>,
    href: String,
    qr: String,
}

/// An address beside those of the config.
struct Other {
    address: String,
    state: &'static str,
    tone: &'static str,
    since: String,
    reason: String,
}

/// The pages.
pub fn routes() -> Router<Arc<Dashboard>> {
    Router::new().route("/addresses", get(page)).route("/addresses/qr.svg", get(code))
}

/// Addresses of the config, in its order.
fn listed(config: &Config) -> Vec<String> {
    config.channels.iter().flat_map(|channel| channel.addresses.iter().map(ToString::to_string)).collect()
}

async fn page(State(door): State<Arc<Dashboard>>, visitor: Visitor) -> Result<Response, Fault> {
    let intake = door.intake.load_full();
    let config = &intake.config;
    let addresses = listed(config);
    let (tallies, notes) = door
        .read(move |store| {
            let tallies =
                addresses.iter().map(|address| store.address_tally(address)).collect::<Result<Vec<_>, _>>()?;
            Ok((tallies, store.address_notes()?))
        })
        .await?;
    let say = AddressesWords::of(visitor.language);
    let mut tallies = tallies.into_iter();
    let mut rows = Vec::new();
    for channel in &config.channels {
        for address in channel.addresses.iter().map(ToString::to_string) {
            let tally = tallies.next().unwrap_or_default();
            let note = notes.iter().find(|note| note.address == address);
            let (state, tone) = state(note, &say);
            rows.push(Row {
                channel: channel.name.clone(),
                mailbox: channel.mailbox.to_string(),
                href: Params::of(&[("channel", &channel.id)]).href("/leads", &[]),
                qr: Params::of(&[("address", &address)]).href("/addresses/qr.svg", &[]),
                why: note.map(|note| why(note, &say, &visitor)),
                state,
                tone,
                address,
                ..tallied(tally, &visitor)
            });
        }
    }
    let bare = config.channels.iter().filter(|channel| channel.addresses.is_empty());
    let known = listed(config);
    let others = notes.iter().filter(|note| !known.contains(&note.address));
    show(&AddressesPage {
        frame: Frame::new(&door, &visitor, Place::Addresses, say.title),
        rows,
        without: bare.map(|channel| channel.name.clone()).collect(),
        others: others.map(|note| other(note, &say, &visitor)).collect(),
        dynamic: config.dynamic.as_ref().map(|dynamic| dynamic.mailbox.to_string()),
        say,
    })
}

fn tallied(tally: AddressTally, visitor: &Visitor) -> Row {
    let last = tally.last_at.map(|at| visitor.language.moment(at, &visitor.zone));
    Row {
        leads: visitor.language.number(i128::from(tally.leads), 0, 0),
        last: last.unwrap_or_default(),
        address: String::new(),
        channel: String::new(),
        mailbox: String::new(),
        state: "",
        tone: "",
        why: None,
        href: String::new(),
        qr: String::new(),
    }
}

fn state(note: Option<&AddressNote>, say: &AddressesWords) -> (&'static str, &'static str) {
    match note.map(|note| note.state) {
        None => (say.counted, "good"),
        Some(AddressState::Trusted) => (say.trusted, "good"),
        Some(AddressState::Leaked) => (say.leaked, "bad"),
    }
}

fn why(note: &AddressNote, say: &AddressesWords, visitor: &Visitor) -> String {
    let reason = note.reason.as_deref().map(|reason| format!(": {}", shown(reason))).unwrap_or_default();
    format!("{} {}{reason}", say.since, visitor.language.moment(note.since, &visitor.zone))
}

fn other(note: &AddressNote, say: &AddressesWords, visitor: &Visitor) -> Other {
    let (state, tone) = state(Some(note), say);
    Other {
        address: shown(&note.address),
        state,
        tone,
        since: visitor.language.moment(note.since, &visitor.zone),
        reason: note.reason.as_deref().map(shown).unwrap_or_default(),
    }
}

async fn code(State(door): State<Arc<Dashboard>>, _: Visitor, asked: Params) -> Result<Response, Fault> {
    let address = asked.get("address").unwrap_or_default();
    if !listed(&door.config().config).iter().any(|known| known == address) {
        return Err(Fault::Missing);
    }
    let svg = qr(address).ok_or(Fault::Missing)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("image/svg+xml")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=86400")),
    ];
    Ok((headers, svg).into_response())
}
