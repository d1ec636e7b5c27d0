//! The public door: what pages of the web sites ask for, through the site's own proxy.
//!
//! Everybody may knock, so nothing here grows with what a stranger sends, and nothing says more than a page has to
//! know. `ask` is what pages send, `origin` which pages may, `bots` who is no person, `cookie` who was here before,
//! `visit` and `click` the answers, `../asset` the snippet. The door has a thread of its own, which gives way to mail.

mod ask;
mod bots;
mod click;
mod cookie;
mod files;
mod origin;
mod visit;

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwap;
use axum::{
    Extension, Router,
    extract::DefaultBodyLimit,
    http::{HeaderMap, HeaderValue, header},
    middleware,
};
use ipnet::IpNet;
use tracing::warn;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::asset::Asset;
use super::{
    client::{Client, Peer},
    document::{self, Text},
    limit::{Cell, Clock, Rate, Table},
    problem::{self, Problem},
};
use crate::{
    config::{Config, Site},
    issuing::Issuer,
    metrics::Metrics,
};

/// Octets of a body at most.
const BODY: usize = 8 * 1024;

#[derive(OpenApi)]
#[openapi(components(schemas(problem::Body)))]
struct Base;

/// What all requests share.
#[derive(Debug)]
pub struct Public {
    config: ArcSwap<Snapshot>,
    clients: Table,
    clock: Clock,
    metrics: Arc<Metrics>,
    snippet: Asset,
    debug: Asset,
    /// Whether the operator has been warned of a proxy that names no clients: once, not with every call.
    told_of_proxy: AtomicBool,
}

/// A config as this door needs it.
#[derive(Debug)]
struct Snapshot {
    sites: BTreeMap<String, Open>,
    /// Origins of all sites.
    origins: HashSet<Vec<u8>>,
    trusted: Vec<IpNet>,
    rate: Rate,
    issuer: Option<Arc<Issuer>>,
}

/// A site that may ask.
#[derive(Debug)]
struct Open {
    site: Site,
    /// Outlives a reload.
    spent: Arc<Cell>,
}

impl Snapshot {
    fn new(config: &Config, issuer: Option<Arc<Issuer>>, former: Option<&Self>) -> Self {
        let open = |site: &Site| {
            let spent = former.and_then(|former| former.sites.get(&site.key)).map(|open| Arc::clone(&open.spent));
            (site.key.clone(), Open { site: site.clone(), spent: spent.unwrap_or_default() })
        };
        let origins = config.sites.iter().flat_map(|site| &site.origins);
        Self {
            sites: config.sites.iter().map(open).collect(),
            origins: origins.map(|origin| origin.as_bytes().to_vec()).collect(),
            trusted: config.http.trusted_proxies.clone(),
            rate: Rate::per_minute(config.http.rate),
            issuer,
        }
    }

    fn lists(&self, origin: &[u8]) -> bool {
        self.origins.contains(origin)
    }

    fn site(&self, key: &str) -> Result<&Open, Problem> {
        self.sites.get(key).ok_or_else(|| Problem::not_found("no [[site]] has this key"))
    }
}

impl Public {
    /// Puts together what requests share.
    pub fn new(config: &Config, issuer: Option<Arc<Issuer>>, metrics: Arc<Metrics>) -> Self {
        Self {
            config: ArcSwap::from_pointee(Snapshot::new(config, issuer, None)),
            clients: Table::default(),
            clock: Clock::start(),
            metrics,
            snippet: Asset::snippet(include_bytes!("snippet/s.min.js")),
            debug: Asset::snippet(include_bytes!("snippet/debug.js")),
            told_of_proxy: AtomicBool::new(false),
        }
    }

    /// Answers what comes from now on by another config. Rates and budgets go on.
    pub fn renew(&self, config: &Config, issuer: Option<Arc<Issuer>>) {
        let former = self.config.load_full();
        self.config.store(Arc::new(Snapshot::new(config, issuer, Some(&former))));
    }

    /// What answers, and what it says of itself.
    pub fn routes(self: Arc<Self>) -> Router {
        let routes = OpenApiRouter::with_openapi(Base::openapi())
            .routes(routes!(visit::visit))
            .routes(routes!(click::click))
            .routes(routes!(files::snippet))
            .routes(routes!(files::pinned))
            .routes(routes!(files::debug))
            .routes(routes!(files::document));
        let (router, document) = routes.split_for_parts();
        let errors: [document::Errors<'_>; 3] = [
            ("/v1/visit", &[400, 403, 404, 408, 413, 415, 500, 503]),
            ("/v1/click", &[400, 403, 404, 408, 413, 415, 500, 503]),
            ("/{file}", &[404]),
        ];
        let description = "What pages of the web sites ask for. See contrib/http/README.md.";
        let document = document::complete(document, "leadmilter, public door", description, &errors);
        router
            .fallback(Problem::no_such_path)
            .method_not_allowed_fallback(Problem::no_such_method)
            .layer(DefaultBodyLimit::max(BODY))
            .layer(Extension(Text::of(&document)))
            .layer(middleware::from_fn_with_state(Arc::clone(&self), origin::share))
            .with_state(self)
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.config.load_full()
    }

    /// Whether the client keeps to its rate.
    fn admits(&self, snapshot: &Snapshot, peer: Peer, headers: &HeaderMap) -> bool {
        let client = Client::of(peer, headers, &snapshot.trusted);
        let admits = self.clients.admits(&client, snapshot.rate, self.clock.now());
        if !admits && client.is_proxy && !self.told_of_proxy.swap(true, Ordering::Relaxed) {
            warn!("http.public: the rate is used up, and the proxy names no client: let it add X-Forwarded-For");
        }
        admits
    }

    /// Whether one more address is within the site's budget.
    fn affords(&self, open: &Open) -> bool {
        open.site.budget > 0 && open.spent.admits(Rate::per_minute(open.site.budget), self.clock.now())
    }
}

/// Whether a person does not want to be known: Global Privacy Control, or Do Not Track.
fn refuses(headers: &HeaderMap) -> bool {
    let says_one = |name| headers.get(name).is_some_and(|value: &HeaderValue| value.as_bytes() == b"1");
    says_one("sec-gpc") || says_one(header::DNT.as_str())
}
