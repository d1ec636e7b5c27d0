//! `GET /v1/resolve`: what an address turned out to be, as `leadmilter explain --json` says it.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, Uri, header},
    response::IntoResponse,
};
use tracing::error;
use url::form_urlencoded;
use utoipa::ToSchema;

use super::{super::problem::Problem, Admin, bearer};
use crate::{clock::Millis, maillog::chain, store::Scope};

/// Octets of an address at most; the longest path that an envelope carries is shorter.
const LONGEST: usize = 512;

/// What an address turned out to be.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what `resolve` says")]
pub struct Resolved {
    /// The address as asked.
    address: String,
    /// `channel`, `visit`, `mailbox`, `expired`, `unknown` or `foreign`.
    resolution: &'static str,
    /// How a substitute differs from its mailbox.
    #[schema(required)]
    pattern: Option<String>,
    /// The mailbox that gets the mail.
    #[schema(required)]
    mailbox: Option<String>,
    /// The channel's id.
    #[schema(required)]
    channel: Option<String>,
    /// The rule that decided, in words.
    rule: String,
}

/// Say what an address resolves to
#[utoipa::path(
    get, path = "/v1/resolve", operation_id = "resolve", tag = "addresses", security(("token" = ["resolve"])),
    params(("address" = String, Query, description = "An address in any spelling that an envelope may carry",
        min_length = 1, max_length = 512, example = "info+m11@company.ru")),
    responses((status = 200, description = "What it is", content((Resolved = "application/json")))),
)]
pub async fn resolve(
    State(door): State<Arc<Admin>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<impl IntoResponse, Problem> {
    bearer::demand(&door, &headers, Scope::Resolve).await?;
    let query = uri.query().unwrap_or_default();
    let address =
        form_urlencoded::parse(query.as_bytes()).find_map(|(name, value)| (name == "address").then_some(value));
    let address = address.filter(|address| !address.is_empty() && address.len() <= LONGEST);
    let address = address.ok_or_else(|| {
        Problem::bad_request("the query names no address of 1 to 512 octets: ?address=info%2Bm11@company.ru")
    })?;
    let intake = door.intake.load_full();
    let found = intake.explain(&address, door.store.visits(), Millis::now()).await.map_err(|e| {
        error!("an address could not be looked up: {}", chain(&e));
        Problem::unavailable("the visits cannot be read")
    })?;
    let body = serde_json::to_string(&found).unwrap_or_default();
    Ok(([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body))
}
