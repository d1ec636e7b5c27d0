//! `POST /v1/click`: a visitor clicked or copied an address that they were shown.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::time::timeout;

use super::{
    super::{body::FromPage, client::Peer, problem::Problem},
    Public,
    ask::{self, ClickAsk},
    cookie, origin, refuses,
    visit::STORE,
};
use crate::clock::Millis;

/// Note that a visitor clicked or copied an address
///
/// Never an error for who the visitor is: what is of nobody known, or comes too often, is not noted.
#[utoipa::path(
    post, path = "/v1/click", operation_id = "click", tag = "pages",
    request_body(content((ClickAsk = "application/json"), (ClickAsk = "text/plain"))),
    responses((status = 204, description = "Heard")),
)]
pub async fn click(
    State(door): State<Arc<Public>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    FromPage(ask): FromPage<ClickAsk>,
) -> Result<Response, Problem> {
    let snapshot = door.snapshot();
    let open = snapshot.site(&ask.key)?;
    origin::demand(&open.site, &headers)?;
    let visitor = ask::visitor(cookie::visitor(&headers), ask.visitor);
    if !door.admits(&snapshot, peer, &headers) {
        door.metrics.clicks_rate.one();
    } else if let (Some(visitor), Some(issuer), false) = (visitor, &snapshot.issuer, refuses(&headers)) {
        // It is written down all the same, only later.
        drop(timeout(STORE, issuer.click(&visitor, Millis::now())).await);
        door.metrics.clicks.one();
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
