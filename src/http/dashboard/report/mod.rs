//! The report pages: what leads cost and earn, as charts and tables.
//!
//! Every page is one query, and all of it stands in the URL (`asked`), so that a link says all. `engine` counts, `form` is what
//! can be chosen, `picture` draws, `table` writes the same numbers down, `export` makes files of them.

mod asked;
pub mod days;
pub mod engine;
mod export;
mod form;
mod meaning;
mod overview;
mod page;
mod picture;
mod table;
mod words;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, State},
    response::{Redirect, Response},
    routing::get,
};

use self::export::Form;
use super::{Dashboard, Fault, Params, Visitor};
use crate::report::Preset;

/// The pages.
pub fn routes() -> Router<Arc<Dashboard>> {
    Router::new()
        .route("/", get(overview::page))
        .route("/reports", get(async |_: Visitor| Redirect::to("/reports/channels")))
        .route("/reports/{name}", get(report))
}

/// A report as a page, or as a file if its name ends in a form of file.
async fn report(
    State(door): State<Arc<Dashboard>>,
    visitor: Visitor,
    Path(name): Path<String>,
    params: Params,
) -> Result<Response, Fault> {
    let (name, ending) = name.split_once('.').map_or((name.as_str(), None), |(name, ending)| (name, Some(ending)));
    let preset: Preset = name.parse().map_err(|_| Fault::Missing)?;
    match ending {
        None => page::page(door, visitor, preset, params).await,
        Some(ending) => {
            let form = Form::parse(ending).ok_or(Fault::Missing)?;
            export::file(door, visitor, (preset, form), params).await
        }
    }
}
