//! Style sheet and script, under names that never change their contents.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
    routing::get,
};

use super::{Dashboard, Fault};

/// The files.
pub fn routes() -> Router<Arc<Dashboard>> {
    Router::new().route("/files/{name}", get(file))
}

async fn file(
    State(door): State<Arc<Dashboard>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let hash = name.strip_prefix("dashboard.").ok_or(Fault::Missing)?;
    let found = match hash.rsplit_once('.') {
        Some((hash, "css")) => door.style.under(hash, &headers),
        Some((hash, "js")) => door.script.under(hash, &headers),
        _ => None,
    };
    found.ok_or(Fault::Missing)
}
