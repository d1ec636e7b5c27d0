//! `GET /healthz` and `GET /readyz`: whether the process lives, and whether it can do its work.

use std::{sync::Arc, time::Duration};

use axum::{extract::State, http::header, response::IntoResponse};
use serde::Serialize;
use tokio::time::timeout;
use tracing::warn;
use utoipa::ToSchema;

use super::{super::problem::Problem, Admin};
use crate::maillog::chain;

/// How long the thread that writes to the store may take to get to something new.
const WRITER: Duration = Duration::from_secs(3);

/// How it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`
    #[schema(pattern = "^ok$")]
    status: &'static str,
}

/// Say that the process lives
#[utoipa::path(
    get, path = "/healthz", operation_id = "health", tag = "operation",
    responses((status = 200, description = "It lives", body = Health)),
)]
pub async fn health() -> impl IntoResponse {
    ok()
}

/// Say whether leads can be recorded
///
/// Asks the stores of leads and visits for something to read, and the writer to get to new work. What is wrong stands in the log.
#[utoipa::path(
    get, path = "/readyz", operation_id = "readiness", tag = "operation",
    responses((status = 200, description = "They can", body = Health)),
)]
pub async fn readiness(State(door): State<Arc<Admin>>) -> Result<impl IntoResponse, Problem> {
    if let Err(e) = door.store.ping() {
        warn!("not ready: {}", chain(&e));
        return Err(Problem::unavailable("the store cannot be read"));
    }
    if let Some(visits) = door.store.visits() {
        let readable = timeout(WRITER, visits.ping()).await;
        if !matches!(readable, Ok(Ok(()))) {
            warn!("not ready: visits cannot be read: {readable:?}");
            return Err(Problem::unavailable("visits cannot be read"));
        }
    }
    match timeout(WRITER, door.store.writes()).await {
        Ok(Ok(())) => Ok(ok()),
        Ok(Err(e)) => {
            warn!("not ready: {}", chain(&e));
            Err(Problem::unavailable("the store cannot be written"))
        }
        Err(_) => {
            warn!("not ready: the store's writer has not got to new work within {WRITER:?}");
            Err(Problem::unavailable("the store does not answer"))
        }
    }
}

fn ok() -> impl IntoResponse {
    let body = serde_json::to_string(&Health { status: "ok" }).unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body)
}
