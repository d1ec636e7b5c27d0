//! `GET /v1/leads`: leads as `leadmilter leads` lists them, page by page.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, Uri, header},
    response::{IntoResponse, Response},
};
use tokio::task::spawn_blocking;
use tracing::error;

use super::{super::problem::Problem, Admin, bearer, query::Pairs};
use crate::{
    address::Address,
    clock::Millis,
    intake::sender_digest,
    lead::{Kind, Lead, limit},
    maillog::chain,
    store::{AuditEntry, LeadFilter, Scope, StoreError},
    text::bounded,
};

const KNOWN: [&str; 9] = ["channel", "sender", "kind", "replies", "since", "until", "limit", "after", "format"];

/// Leads of a page, if nobody says how many, and at most.
const PAGE: u32 = 100;
const LARGEST: u32 = 1000;

/// List recorded leads, the last recorded first
///
/// Inquiries only, without letters in a thread, unless the query says otherwise. Where more follow, the header `Link` has the
/// address of the next page (RFC 8288, `rel="next"`). Each page is noted in the audit log.
#[utoipa::path(
    get, path = "/v1/leads", operation_id = "leads", tag = "leads", security(("token" = ["leads"])),
    params(
        ("channel" = Option<String>, Query, description = "Only leads of this channel", min_length = 1,
            example = "billboard-m11"),
        ("sender" = Option<String>, Query, description = "Only leads of this sender", format = "email",
            example = "ivan@client.example"),
        ("kind" = Option<String>, Query, description = "Letters of this kind instead of leads",
            pattern = "^(lead|auto_reply|bounce|complaint|receipt|list|spam|internal|test|all)$"),
        ("replies" = Option<bool>, Query, description = "Also letters in the thread of a lead"),
        ("since" = Option<String>, Query, description = "Received at or after this time, or from this day on: 2026-11-22",
            format = DateTime, example = "2026-11-22T04:26:10Z"),
        ("until" = Option<String>, Query, description = "Received before this time, or this day", format = DateTime,
            example = "2026-11-22T04:26:10Z"),
        ("limit" = Option<u32>, Query, description = "Leads of a page at most; 100 if not said", minimum = 1, maximum = 1000),
        ("after" = Option<String>, Query, description = "Only those that a listing shows after the lead of this id, whether \
            that is still there or not", pattern = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
            example = "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b33"),
        ("format" = Option<String>, Query, description = "ndjson for one object a line, as `Accept: application/x-ndjson` \
            asks for, too", pattern = "^(json|ndjson)$"),
    ),
    responses((status = 200, description = "Leads in the form of the event's `data`, as \
        contrib/schema/lead.received.v1.schema.json has it", content(
        (Vec<serde_json::Value> = "application/json"),
        (String = "application/x-ndjson"),
    ))),
)]
pub async fn leads(State(door): State<Arc<Admin>>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let who = bearer::demand(&door, &headers, Scope::Leads).await?;
    let pairs = Pairs::of(&uri, &KNOWN)?;
    let intake = door.intake.load_full();
    let filter = filter(&pairs, &intake.config.timezone)?;
    let is_lines = is_lines(&pairs, &headers)?;
    let id = |text: &str| text.parse::<uuid::Uuid>().ok().map(|id| id.to_string()).filter(|id| *id == text);
    let (limit, after) = (filter.limit, pairs.read("after", id, "the id of a lead")?);
    // A person who is erased is to stand in the audit log no more: a sender is noted by digest.
    let told = pairs.without(&["limit", "format"]).map(|(name, value)| match name {
        "sender" => format!("sender={}", sender_digest(value)),
        _ => format!("{name}={value}"),
    });
    let what = bounded(&told.collect::<Vec<_>>().join(" "), limit::TEXT).unwrap_or_default();
    let noted = AuditEntry { at: Millis::now(), who, did: "leads.read".to_owned(), what, details: None };
    door.store.note_audit(noted).await.map_err(failed)?;
    let (store, folder) = (door.store.clone(), intake.config.store.folder.clone());
    let read = spawn_blocking(move || {
        let reader = store.beside(&folder)?;
        let after = after.map(|id| reader.place_of_lead(&id)).transpose()?.flatten();
        // One more than was asked for tells whether more follow.
        let page = reader.leads_after(&LeadFilter { limit: limit + 1, ..filter }, after)?;
        Ok(page.into_iter().map(|(_, lead)| lead).collect::<Vec<Lead>>())
    });
    let mut page = read.await.unwrap_or(Err(StoreError::Closed)).map_err(failed)?;
    let has_more = page.len() > limit as usize;
    page.truncate(limit as usize);
    let (body, media_type) = if is_lines {
        let lines = page.iter().map(|lead| serde_json::to_string(lead).unwrap_or_default() + "\n");
        (lines.collect(), "application/x-ndjson")
    } else {
        (serde_json::to_string(&page).unwrap_or_default(), "application/json")
    };
    let fields = [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "no-store")];
    let mut response = (fields, body).into_response();
    if let Some(last) = page.last().filter(|_| has_more) {
        let next = format!("</v1/leads?{}>; rel=\"next\"", pairs.with("after", &last.lead_id));
        if let Ok(next) = HeaderValue::from_str(&next) {
            response.headers_mut().insert(header::LINK, next);
        }
    }
    Ok(response)
}

fn filter(pairs: &Pairs, zone: &str) -> Result<LeadFilter, Problem> {
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let time = |name| {
        let read = |text: &str| {
            let moment = text.parse::<jiff::Timestamp>().ok();
            let day = || Some(text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(zone.clone()).ok()?.timestamp());
            moment.or_else(day).map(|at| Millis(at.as_millisecond()))
        };
        pairs.read(name, read, "2026-11-22 or 2026-11-22T04:26:10Z")
    };
    let kind = |name: &str| if name == "all" { Some(None) } else { Kind::parse(name).map(Some) };
    let kinds = format!("{} or all", Kind::ALL.map(Kind::as_str).join(", "));
    let kind = pairs.read("kind", kind, &kinds)?.unwrap_or(Some(Kind::Lead));
    let replies = pairs.read("replies", |text| text.parse::<bool>().ok(), "true or false")?.unwrap_or(false);
    let limit = |text: &str| text.parse().ok().filter(|limit| (1..=LARGEST).contains(limit));
    Ok(LeadFilter {
        channel: pairs.get("channel").map(str::to_owned),
        sender: pairs.read("sender", Address::parse, "an address")?.map(|address| address.to_string()),
        kind,
        own_only: kind == Some(Kind::Lead) && !replies,
        since: time("since")?,
        until: time("until")?,
        limit: pairs.read("limit", limit, "a number from 1 to 1000")?.unwrap_or(PAGE),
    })
}

fn is_lines(pairs: &Pairs, headers: &HeaderMap) -> Result<bool, Problem> {
    let form = |name: &str| match name {
        "json" => Some(false),
        "ndjson" => Some(true),
        _ => None,
    };
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Ok(pairs.read("format", form, "json or ndjson")?.unwrap_or_else(|| accepts.contains("application/x-ndjson")))
}

fn failed(fault: StoreError) -> Problem {
    error!("leads could not be read: {}", chain(&fault));
    Problem::unavailable("the leads cannot be read")
}
