//! Bodies of requests as JSON, and nothing but our own words where they are none.
//!
//! [`FromPage`] takes what pages send: their browsers ask for permission first unless the body calls itself plain text
//! (Fetch standard, "simple" requests). How long a body may be is said where the routes are.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{StatusCode, header},
};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::problem::Problem;

/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(5);

/// What a body may call itself, and what to do otherwise.
pub struct Types(&'static [&'static str], &'static str);

/// JSON, from programs.
pub const JSON: Types = Types(&["application/json"], "the body is JSON: send it as application/json");

/// JSON, from pages.
const JSON_OR_TEXT: Types =
    Types(&["application/json", "text/plain", ""], "the body is JSON: send it as application/json or text/plain");

/// A file of rows, from programs.
pub const ROWS: Types = Types(
    &["application/json", CSV],
    "the body is an array of JSON or a table: send it as application/json or text/csv",
);

const CSV: &str = "text/csv";

/// A body that a page sent.
pub struct FromPage<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for FromPage<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read(request, &JSON_OR_TEXT).await.map(Self)
    }
}

/// Reads the body of a request.
pub async fn read<T: DeserializeOwned>(request: Request, types: &Types) -> Result<T, Problem> {
    let (bytes, _) = octets(request, types).await?;
    serde_json::from_slice(&bytes).map_err(|e| Problem::bad_request(format!("the body is not as expected: {e}")))
}

/// The octets of the body of a request, and whether it calls itself a table.
pub async fn octets(request: Request, types: &Types) -> Result<(Bytes, bool), Problem> {
    let Types(known, remedy) = types;
    let given = request.headers().get(header::CONTENT_TYPE).map_or(Some(""), |value| value.to_str().ok());
    let essence = given.map(|given| given.split(';').next().unwrap_or_default().trim());
    if !essence.is_some_and(|essence| known.iter().any(|known| known.eq_ignore_ascii_case(essence))) {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, *remedy));
    }
    let is_table = essence.is_some_and(|essence| essence.eq_ignore_ascii_case(CSV));
    let arrived = timeout(ARRIVAL, Bytes::from_request(request, &())).await;
    let slow = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, format!("the body did not arrive within {ARRIVAL:?}"));
    Ok((arrived.map_err(slow)??, is_table))
}
