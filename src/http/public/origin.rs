//! Which pages may ask: the origins that sites list, as browsers name them (RFC 6454, Fetch standard).
//!
//! A browser tells where a page is from, and lets no page read an answer that does not name it. A request without an
//! origin is no page's, and there is nothing to protect it from. Answers name one origin, so caches keep them apart
//! by it.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{super::problem::Problem, Public};
use crate::config::Site;

/// Seconds for which a browser need not ask again.
const MAX_AGE: HeaderValue = HeaderValue::from_static("86400");

/// Answers a browser that asks for permission, and names the page's origin in every answer if a site lists it.
pub async fn share(State(door): State<Arc<Public>>, request: Request, next: Next) -> Response {
    // Files are the same for every page.
    if !request.uri().path().starts_with("/v1/") {
        return next.run(request).await;
    }
    let headers = request.headers();
    let origin = headers.get(header::ORIGIN).cloned();
    let listed = origin.filter(|origin| door.snapshot().lists(origin.as_bytes()));
    let asks = request.method() == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match (asks, &listed) {
        (false, _) => next.run(request).await,
        (true, None) => no_such_origin().into_response(),
        (true, Some(_)) => {
            let mut allowed = StatusCode::NO_CONTENT.into_response();
            let answer = allowed.headers_mut();
            answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
            answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
            answer.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
            allowed
        }
    };
    let answer = response.headers_mut();
    answer.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = listed {
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        answer.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    response
}

/// Refuses a page of another site. `true` for a page without TLS.
pub fn demand(site: &Site, headers: &HeaderMap) -> Result<bool, Problem> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(false) };
    let is_listed = site.origins.iter().any(|listed| listed.as_bytes() == origin.as_bytes());
    let is_plain_http = origin.as_bytes().starts_with(b"http://");
    is_listed.then_some(is_plain_http).ok_or_else(no_such_origin)
}

fn no_such_origin() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "the page's origin is not listed: add it to origins of its [[site]]")
}
