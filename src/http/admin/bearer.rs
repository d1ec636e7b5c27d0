//! Who may do what: bearer tokens (RFC 6750), of which the store has the digests.
//!
//! Given a request's headers and the scope that it needs; lets it pass, or says why not in the words of the RFC. A
//! token in a URL is none: URLs stand in logs.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use tracing::{error, warn};

use super::{super::problem::Problem, Admin};
use crate::{
    clock::Millis,
    maillog::chain,
    store::{Scope, TokenDigest},
};

/// Lets a request pass that shows a token of this scope; gives back who it is in the words of the audit log.
pub async fn demand(door: &Admin, headers: &HeaderMap, scope: Scope) -> Result<String, Problem> {
    let Some(given) = headers.get(header::AUTHORIZATION) else {
        return Err(unauthorized("show a token: Authorization: Bearer lm_...", "Bearer realm=\"leadmilter\""));
    };
    let invalid = || {
        let challenge = "Bearer realm=\"leadmilter\", error=\"invalid_token\"";
        unauthorized("this token opens nothing: it is unknown, revoked or expired", challenge)
    };
    let shown = given.to_str().ok().and_then(|given| given.split_once(' '));
    let shown = shown.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, shown)| shown.trim());
    let digest = shown.and_then(TokenDigest::of).ok_or_else(invalid)?;
    let found = door.store.api_token(&digest).map_err(|e| {
        error!("a token could not be looked up: {}", chain(&e));
        Problem::unavailable("the store cannot be read")
    })?;
    let now = Millis::now();
    let token = found.filter(|token| !token.is_expired(now)).ok_or_else(invalid)?;
    if !token.scopes.contains(&scope) {
        let challenge = format!("Bearer realm=\"leadmilter\", error=\"insufficient_scope\", scope=\"{scope}\"");
        let problem = Problem::new(StatusCode::FORBIDDEN, format!("this token has not the scope {scope}"));
        return Err(match HeaderValue::from_str(&challenge) {
            Ok(challenge) => problem.with(header::WWW_AUTHENTICATE, challenge),
            Err(_) => problem,
        });
    }
    if let Err(e) = door.store.note_api_token(&token, now).await {
        warn!("the use of token {} was not noted: {}", token.id, chain(&e));
    }
    Ok(format!("token:{}", token.id))
}

pub fn unauthorized(detail: &str, challenge: &'static str) -> Problem {
    let challenge = HeaderValue::from_static(challenge);
    Problem::new(StatusCode::UNAUTHORIZED, detail).with(header::WWW_AUTHENTICATE, challenge)
}
