//! `POST /v1/visit`: which address this visitor is shown.
//!
//! The answer can always be used: whoever is no person, does not want to be known or asks too often gets the address
//! that the channel shows everybody, and where there is none, the page stays as it is.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::{
    super::{body::FromPage, client::Peer, problem::Problem},
    Open, Public, Snapshot,
    ask::{Asked, VisitAsk},
    bots, cookie, origin, refuses,
};
use crate::{
    clock::Millis,
    issuing::{self, Answer, Reason, Request},
};

/// How long a page waits for the store, before it is shown what needs none.
pub const STORE: Duration = Duration::from_secs(3);

/// Which addresses this visitor is shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"visitor": "9gdkczyba0", "addresses": {"info@company.ru": "info+9gdkczyba0@company.ru"},
    "kind": "dynamic", "reason": null, "channel": "yandex-direct"}))]
pub struct VisitAnswer {
    /// Who the visitor is, to be told with the next visit; null where nobody is to be known.
    #[schema(required, pattern = "^[0-9a-hjkmnp-tv-z]{10}$")]
    visitor: Option<String>,
    /// The substitute for each address that the page shows; the others stay.
    addresses: BTreeMap<String, String>,
    /// Whose the addresses are.
    kind: Kind,
    /// Why they are not the visitor's own, or why there are none.
    #[schema(required)]
    reason: Option<Why>,
    /// Id of the channel that led here.
    #[schema(required)]
    channel: Option<String>,
}

/// Whose addresses are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// The visitor's own.
    Dynamic,
    /// The channel's.
    Static,
    /// There are none.
    None,
}

/// Why addresses are not the visitor's own.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Why {
    /// A program asks.
    Bot,
    /// The visitor does not want to be known.
    Consent,
    /// The client asks too often.
    Rate,
    /// The site has had as many addresses as it may have in a minute.
    Budget,
    /// The site shows visitors of this channel none.
    Channel,
    /// The site shows visitors of this landing page none.
    Page,
    /// A fault of ours, which the log tells of.
    Fault,
}

/// Say which addresses a visitor is shown
///
/// Never an error for who the visitor is: `kind` and `reason` say what became of it.
#[utoipa::path(
    post, path = "/v1/visit", operation_id = "visit", tag = "pages",
    request_body(content((VisitAsk = "application/json"), (VisitAsk = "text/plain"))),
    responses((status = 200, description = "The addresses, and a cookie `lm` where they are the visitor's own",
        content((VisitAnswer = "application/json")))),
)]
pub async fn visit(
    State(door): State<Arc<Public>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    FromPage(ask): FromPage<VisitAsk>,
) -> Result<Response, Problem> {
    let snapshot = door.snapshot();
    let open = snapshot.site(&ask.key)?;
    let is_plain_http = origin::demand(&open.site, &headers)?;
    let known = cookie::visitor(&headers);
    let asked = ask.of(known);
    let refused = refusal(&door, &snapshot, peer, &headers, &asked);
    let answer = issued(&door, &snapshot, open, asked, refused).await;
    count(&door, &answer);
    let forgets = answer.reason == Some(Reason::Consent) && known.is_some();
    let set_cookie = match &answer {
        Answer { kind: issuing::Kind::Dynamic, visitor: Some(visitor), .. } => {
            cookie::remember(visitor.as_str(), is_plain_http)
        }
        _ => forgets.then(cookie::forget),
    };
    let body = serde_json::to_string(&VisitAnswer::from(answer)).unwrap_or_default();
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.extend(set_cookie.map(|cookie| (header::SET_COOKIE, cookie)));
    Ok(response)
}

/// Why this visitor gets no address of their own, as far as the door can tell.
fn refusal(door: &Public, snapshot: &Snapshot, peer: Peer, headers: &HeaderMap, asked: &Asked) -> Option<Reason> {
    // Asked first, so that nobody gets around the rate by another refusal.
    let is_within_rate = door.admits(snapshot, peer, headers);
    let user_agent = headers.get(header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    // What is no known word is no consent.
    let is_denied =
        asked.consent.get("analytics").is_some_and(|consent| !matches!(consent.as_str(), "granted" | "unknown"));
    if refuses(headers) || is_denied {
        Some(Reason::Consent)
    } else if bots::is_program(user_agent.as_deref()) {
        Some(Reason::Bot)
    } else {
        (!is_within_rate).then_some(Reason::Rate)
    }
}

async fn issued(door: &Public, snapshot: &Snapshot, open: &Open, asked: Asked, refused: Option<Reason>) -> Answer {
    let Some(issuer) = &snapshot.issuer else {
        let reason = Some(Reason::Fault);
        return Answer { visitor: None, addresses: BTreeMap::new(), kind: issuing::Kind::None, reason, channel: None };
    };
    let budget = || door.affords(open);
    let request = |asked: Asked, refused| Request {
        visitor: asked.visitor,
        landing: asked.landing,
        page: asked.page,
        referrer: asked.referrer,
        addresses: asked.addresses,
        client: asked.client,
        consent: asked.consent,
        custom: asked.custom,
        refused,
        budget: &budget,
    };
    let now = Millis::now();
    match timeout(STORE, issuer.issue(&open.site, request(asked.clone(), refused), now)).await {
        Ok(answer) => answer,
        // What is refused asks nothing of the store.
        Err(_) => issuer.issue(&open.site, request(asked, Some(Reason::Fault)), now).await,
    }
}

fn count(door: &Public, answer: &Answer) {
    let metrics = &door.metrics;
    match answer.kind {
        issuing::Kind::Dynamic => metrics.visits_dynamic.one(),
        issuing::Kind::Static => metrics.visits_static.one(),
        issuing::Kind::None => metrics.visits_unchanged.one(),
    }
    match answer.reason {
        Some(Reason::Bot) => metrics.visits_bot.one(),
        Some(Reason::Consent) => metrics.visits_consent.one(),
        Some(Reason::Rate) => metrics.visits_rate.one(),
        Some(Reason::Budget) => metrics.visits_budget.one(),
        Some(Reason::Channel) => metrics.visits_channel.one(),
        Some(Reason::Page) => metrics.visits_page.one(),
        Some(Reason::Fault) => metrics.visits_fault.one(),
        None => {}
    }
}

impl From<Answer> for VisitAnswer {
    fn from(answer: Answer) -> Self {
        let reason = answer.reason.map(|reason| match reason {
            Reason::Bot => Why::Bot,
            Reason::Consent => Why::Consent,
            Reason::Rate => Why::Rate,
            Reason::Budget => Why::Budget,
            Reason::Channel => Why::Channel,
            Reason::Page => Why::Page,
            Reason::Fault => Why::Fault,
        });
        let kind = match answer.kind {
            issuing::Kind::Dynamic => Kind::Dynamic,
            issuing::Kind::Static => Kind::Static,
            issuing::Kind::None => Kind::None,
        };
        let visitor = answer.visitor.map(|visitor| visitor.to_string());
        Self { visitor, addresses: answer.addresses, kind, reason, channel: answer.channel }
    }
}
