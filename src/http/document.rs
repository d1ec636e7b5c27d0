//! OpenAPI documents: what routes do not say of themselves, since it is the same for all of them.
//!
//! Given the document that a door's routes make up; gives it back with a title and with the errors that each of them
//! may answer with.

use axum::{
    body::Bytes,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, Ref, RefOr, ResponseBuilder, path::Operation,
};

use super::problem;

/// A path, and the errors that whoever asks there may hear.
pub type Errors<'a> = (&'a str, &'a [u16]);

/// Completes a document.
pub fn complete(mut document: OpenApi, title: &str, description: &str, errors: &[Errors<'_>]) -> OpenApi {
    document.info = InfoBuilder::new()
        .title(title)
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(description))
        .license(Some(LicenseBuilder::new().name("GPL-3.0-or-later").identifier(Some("GPL-3.0-or-later")).build()))
        .build();
    for (path, statuses) in errors {
        let Some(item) = document.paths.paths.get_mut(*path) else { continue };
        for operation in [&mut item.get, &mut item.post, &mut item.options].into_iter().flatten() {
            statuses.iter().for_each(|status| add(operation, *status));
        }
    }
    document
}

fn add(operation: &mut Operation, status: u16) {
    let name = StatusCode::from_u16(status).map_or("Error", problem::title);
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = ResponseBuilder::new().description(name).content(problem::MEDIA_TYPE, problem).build();
    operation.responses.responses.insert(status.to_string(), RefOr::T(response));
}

/// A document as it is served.
#[derive(Clone, Debug)]
pub struct Text(Bytes);

impl Text {
    /// As JSON.
    pub fn of(document: &OpenApi) -> Self {
        Self(serde_json::to_vec(document).unwrap_or_default().into())
    }

    /// The answer to who asks for it.
    pub fn answer(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}
