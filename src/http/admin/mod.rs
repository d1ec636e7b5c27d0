//! The admin door: what programs and people of the company ask for.
//!
//! Not for the public: whether it may be reached is up to where it listens. `health` and `exposition` tell how it is to
//! whoever reaches it, everything else wants a token of a scope (`bearer`).

mod addresses;
mod bearer;
mod costs;
mod exposition;
mod health;
mod leads;
mod outcomes;
mod query;
mod report_schema;
mod reports;
mod resolve;
mod rows;

use std::{fmt, sync::Arc};

use arc_swap::{ArcSwap, ArcSwapOption};
use axum::{Extension, Router, extract::DefaultBodyLimit, response::Response};
use tokio::sync::Semaphore;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    document::{self, Text},
    problem::{self, Problem},
};
use crate::{intake::Intake, issuing::Issuer, metrics::Metrics, store::Store};

/// Octets of a body at most.
const BODY: usize = 8 * 1024;

#[derive(OpenApi)]
#[openapi(components(schemas(problem::Body)), modifiers(&Base))]
struct Base;

impl Modify for Base {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = Http::builder().scheme(HttpAuthScheme::Bearer).bearer_format("lm_...");
        let bearer = bearer.description(Some("A token that `leadmilter token new --scope SCOPE` has made.")).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        let signature =
            "Standard Webhooks, with a secret of `outcomes.secret_file`; webhook-id and webhook-timestamp go along.";
        let signature = ApiKeyValue::with_description("webhook-signature", signature);
        components.add_security_scheme("signature", SecurityScheme::ApiKey(ApiKey::Header(signature)));
    }
}

/// What all requests share.
pub struct Admin {
    /// The config in force, and what it resolves addresses to.
    intake: Arc<ArcSwap<Intake>>,
    /// Issues addresses, where there is `[dynamic]`.
    issuer: ArcSwapOption<Issuer>,
    store: Store,
    metrics: Arc<Metrics>,
    /// Counts milter sessions that are open.
    sessions: Box<dyn Fn() -> usize + Send + Sync>,
    /// Whose turn it is to have a report counted.
    reports: Arc<Semaphore>,
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

impl Admin {
    /// Puts together what requests share.
    pub fn new(
        intake: Arc<ArcSwap<Intake>>,
        issuer: Option<Arc<Issuer>>,
        store: Store,
        metrics: Arc<Metrics>,
        sessions: Box<dyn Fn() -> usize + Send + Sync>,
    ) -> Self {
        let (issuer, reports) = (ArcSwapOption::new(issuer), Arc::new(Semaphore::new(1)));
        Self { intake, issuer, store, metrics, sessions, reports }
    }

    /// Issues addresses by another config from now on.
    pub fn renew(&self, issuer: Option<Arc<Issuer>>) {
        self.issuer.store(issuer);
    }

    /// What answers, and what it says of itself.
    pub fn routes(self: Arc<Self>) -> Router {
        let routes = OpenApiRouter::with_openapi(Base::openapi())
            .routes(routes!(health::health))
            .routes(routes!(health::readiness))
            .routes(routes!(exposition::metrics))
            .routes(routes!(addresses::order))
            .routes(routes!(resolve::resolve))
            .routes(routes!(reports::report))
            .routes(routes!(reports::metrics))
            .routes(routes!(leads::leads))
            .merge(rows::routes())
            .routes(routes!(self_description));
        let (router, document) = routes.split_for_parts();
        let errors: [document::Errors<'_>; 8] = [
            ("/readyz", &[503]),
            ("/v1/addresses", &[400, 401, 403, 404, 408, 413, 415, 422, 500, 503]),
            ("/v1/resolve", &[400, 401, 403, 500, 503]),
            ("/v1/costs", &[400, 401, 403, 408, 413, 415, 422, 500, 503]),
            ("/v1/outcomes", &[400, 401, 403, 408, 413, 415, 422, 500, 503]),
            ("/v1/reports", &[400, 401, 403, 422, 500, 503]),
            ("/v1/reports/metrics", &[400, 401, 403, 422, 500, 503]),
            ("/v1/leads", &[400, 401, 403, 422, 500, 503]),
        ];
        let description = "What programs and people of the company ask for. See contrib/http/README.md.";
        let document = document::complete(document, "leadmilter, admin door", description, &errors);
        router
            .fallback(Problem::no_such_path)
            .method_not_allowed_fallback(Problem::no_such_method)
            .layer(DefaultBodyLimit::max(BODY))
            .layer(Extension(Text::of(&document)))
            .with_state(self)
    }

    fn sinks(&self) -> Vec<String> {
        self.intake.load().config.sinks.iter().map(|sink| sink.id.clone()).collect()
    }
}

/// This document
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "document", tag = "operation",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json", body = serde_json::Value)),
)]
async fn self_description(Extension(document): Extension<Text>) -> Response {
    document.answer()
}
