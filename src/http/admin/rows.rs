//! Files of rows that programs send: how long they may be, and what is answered where some cannot be used.

use std::sync::Arc;

use axum::{extract::DefaultBodyLimit, http::StatusCode};
use tokio::task::spawn_blocking;
use tracing::error;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    super::problem::{Problem, RowError},
    Admin, costs, outcomes,
};
use crate::feedback::{Format, Refusals, Unreadable};

/// Octets of costs at most.
const COSTS: usize = 8 * 1024 * 1024;

/// Octets of outcomes at most: of those that are signed, the signature is known behind the last.
const OUTCOMES: usize = 1024 * 1024;

/// What takes files of rows.
pub fn routes() -> OpenApiRouter<Arc<Admin>> {
    let costs = OpenApiRouter::new().routes(routes!(costs::import)).layer(DefaultBodyLimit::max(COSTS));
    let outcomes = OpenApiRouter::new().routes(routes!(outcomes::record)).layer(DefaultBodyLimit::max(OUTCOMES));
    costs.merge(outcomes)
}

/// The form of a body.
pub fn format(is_table: bool) -> Format {
    if is_table { Format::Csv } else { Format::JsonArray }
}

/// Reads a file where other requests need not wait for it.
pub async fn look<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Unreadable> + Send + 'static,
) -> Result<T, Problem> {
    let looked = spawn_blocking(work).await.map_err(|e| {
        error!("what was sent could not be looked at: {e}");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "a fault of ours, which the log tells of")
    })?;
    looked.map_err(|why| wrong(format!("what was sent {why}")))
}

/// What was asked for cannot be done.
pub fn wrong(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

/// Some rows cannot be used, so that nothing was done.
pub fn refused(refusals: &Refusals) -> Problem {
    let rows = if refusals.count() == 1 { "1 row".to_owned() } else { format!("{} rows", refusals.count()) };
    let errors = refusals.told().iter().map(|of| RowError { line: of.line, detail: of.detail.clone() });
    wrong(format!("nothing was imported: {rows} refused")).of_rows(errors.collect())
}
