//! An error as HTTP clients read it: `application/problem+json` after RFC 9457, whatever went wrong.
//!
//! Given a status and a sentence for the person who reads it; gives back a response. The sentence says what to
//! change, and holds nothing of ours that a stranger must not know. Whatever a library would have said in plain text
//! is said here.

use axum::{
    extract::rejection::BytesRejection,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of RFC 9457.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// An error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    header: Option<(HeaderName, HeaderValue)>,
    /// Boxed, since every refusal carries its room.
    errors: Box<[RowError]>,
}

/// What is wrong with one row of what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RowError {
    /// The line of a table, or the number of an object; from 1.
    #[schema(minimum = 1)]
    pub line: u64,
    /// What is wrong with it, for people.
    pub detail: String,
}

/// An error after RFC 9457.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Body<'a> {
    /// `about:blank`: the status says which sort of error it is.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    of_type: &'static str,
    /// The name of the status.
    #[schema(example = "Bad Request")]
    title: &'static str,
    /// The status.
    #[schema(minimum = 400, maximum = 599, example = 400)]
    status: u16,
    /// What is wrong, for people.
    detail: &'a str,
    /// What is wrong with each row of what was sent; a thousand at most.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [RowError],
}

impl Problem {
    /// An error with this status.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), header: None, errors: Box::default() }
    }

    /// The request cannot be read.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// Nothing is there.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// Something of ours fails; the log says what.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// With a header.
    #[must_use]
    pub fn with(self, name: HeaderName, value: HeaderValue) -> Self {
        Self { header: Some((name, value)), ..self }
    }

    /// With what is wrong with each row.
    #[must_use]
    pub fn of_rows(self, errors: Vec<RowError>) -> Self {
        Self { errors: errors.into(), ..self }
    }

    /// For paths that nothing answers on.
    pub async fn no_such_path() -> Self {
        Self::not_found("there is nothing under this path: /openapi.json lists what there is")
    }

    /// For methods that a path does not take; axum adds `Allow`.
    pub async fn no_such_method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "this path takes other methods: see the header Allow")
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than this path takes")
            }
            _ => Self::bad_request("the body broke off"),
        }
    }
}

/// The name of a status after RFC 9110, which has given two of them new ones.
pub fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Content Too Large",
        StatusCode::UNPROCESSABLE_ENTITY => "Unprocessable Content",
        _ => status.canonical_reason().unwrap_or("Error"),
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = title(self.status);
        let (status, detail, errors) = (self.status.as_u16(), &*self.detail, &*self.errors);
        let body = Body { of_type: "about:blank", title, status, detail, errors };
        let body = serde_json::to_string(&body).unwrap_or_default();
        let headers = [(header::CONTENT_TYPE, MEDIA_TYPE), (header::CACHE_CONTROL, "no-store")];
        let mut response = (self.status, headers, body).into_response();
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
