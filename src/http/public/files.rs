//! `GET /s.js`, its name with a hash, `/debug.js` and `/openapi.json`.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
};

use super::{
    super::{document::Text, problem::Problem},
    Public,
};

/// The snippet of today
#[utoipa::path(
    get, path = "/s.js", operation_id = "snippet", tag = "files",
    responses(
        (status = 200, description = "The script", content_type = "text/javascript", body = String),
        (status = 304, description = "The script that is held already"),
    ),
)]
pub async fn snippet(State(door): State<Arc<Public>>, headers: HeaderMap) -> Response {
    door.snippet.of_today(&headers)
}

/// The snippet under a name that never changes its contents
///
/// The hash is the ETag of `/s.js`. The hash of another version leads to the script of today, which is not to be kept.
#[utoipa::path(
    get, path = "/{file}", operation_id = "pinned_snippet", tag = "files",
    params(("file" = String, Path, description = "`s.HASH.js`", pattern = r"^s\.[0-9a-f]{16}\.js$")),
    responses(
        (status = 200, description = "The script", content_type = "text/javascript", body = String),
        (status = 304, description = "The script that is held already"),
    ),
)]
pub async fn pinned(State(door): State<Arc<Public>>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let hash = uri.path().strip_prefix("/s.").and_then(|rest| rest.strip_suffix(".js"));
    match hash.and_then(|hash| door.snippet.under(hash, &headers)) {
        Some(response) => Ok(response),
        None => Err(Problem::no_such_path().await),
    }
}

/// What `?lm_debug` of a page loads beside the snippet
#[utoipa::path(
    get, path = "/debug.js", operation_id = "debug", tag = "files",
    responses(
        (status = 200, description = "The script", content_type = "text/javascript", body = String),
        (status = 304, description = "The script that is held already"),
    ),
)]
pub async fn debug(State(door): State<Arc<Public>>, headers: HeaderMap) -> Response {
    door.debug.of_today(&headers)
}

/// This document
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "document", tag = "files",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json", body = serde_json::Value)),
)]
pub async fn document(Extension(document): Extension<Text>) -> Response {
    document.answer()
}
