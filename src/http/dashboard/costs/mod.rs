//! The pages of costs: what is known of them, and files that bring more.
//!
//! A file is looked at before it is kept: `ask` reads the form, `uploads` holds the file while its person looks at the
//! preview, and only a second word imports it. Whoever may change things may upload.

mod ask;
mod list;
mod preview;
pub mod uploads;
mod words;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};

use super::Dashboard;

/// Octets of a form beside its file.
const FORM: usize = 64 * 1024;

/// The pages.
pub fn routes() -> Router<Arc<Dashboard>> {
    Router::new()
        .route("/costs", get(list::page))
        .route("/costs/upload", post(preview::upload).layer(DefaultBodyLimit::max(uploads::LARGEST + FORM)))
        .route("/costs/preview/{id}", get(preview::page))
        .route("/costs/import/{id}", post(preview::import))
}
