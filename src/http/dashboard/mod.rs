//! The dashboard: pages for people of the company, on the admin door.
//!
//! Rendered on the server, in the reader's language, without anything from elsewhere. `visitor` knows who asks, `gate` is
//! what every request passes, `page` is the frame of every page, `ask` reads what a page is asked for; a page is one file
//! with its words and its template. Reads use connections of their own (`readers`): nobody's mail and no sink waits for a
//! page.

mod addresses;
mod ask;
mod audit;
mod chart;
mod cookie;
mod costs;
mod deliveries;
mod fault;
mod files;
mod gate;
mod kinds;
mod lead;
mod leads;
mod login;
mod nav;
mod page;
mod period;
mod readers;
mod report;
mod same_origin;
mod settings;
mod story;
mod visitor;

use std::{fmt, path::Path, sync::Arc};

use arc_swap::ArcSwap;
use axum::{Router, extract::DefaultBodyLimit, middleware};
use tokio::sync::Semaphore;

use self::{
    ask::Params,
    fault::Fault,
    page::{Frame, show},
    readers::Readers,
    visitor::Visitor,
};
use super::{
    asset::Asset,
    limit::{Clock, Table},
    problem::Problem,
};
use crate::{
    clock::Millis,
    intake::Intake,
    store::{AuditEntry, Store, StoreError},
};

/// Octets of a form at most; what takes more, as an upload, says so where its route is.
const FORM: usize = 64 * 1024;

/// The style sheet of the pages, of the charts on them, and of reports.
const STYLE: &str =
    concat!(include_str!("files/dashboard.css"), include_str!("chart/chart.css"), include_str!("report/report.css"));

/// What all pages share.
pub struct Dashboard {
    /// The config in force.
    intake: Arc<ArcSwap<Intake>>,
    /// What changes go to.
    store: Store,
    readers: Readers,
    engine: report::engine::Engine,
    uploads: costs::uploads::Uploads,
    /// Attempts to log in, by client and by name.
    attempts: Table,
    clock: Clock,
    /// One password is looked at a time: each takes tens of megabytes.
    passwords: Semaphore,
    style: Asset,
    script: Asset,
}

impl fmt::Debug for Dashboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dashboard").finish_non_exhaustive()
    }
}

impl Dashboard {
    /// Puts together what pages share.
    pub fn new(intake: Arc<ArcSwap<Intake>>, store: Store, folder: &Path) -> Result<Self, StoreError> {
        let readers = Readers::open(&store, folder)?;
        Ok(Self {
            intake,
            store,
            readers,
            engine: report::engine::Engine::default(),
            uploads: costs::uploads::Uploads::default(),
            attempts: Table::default(),
            clock: Clock::start(),
            passwords: Semaphore::new(1),
            style: Asset::own("text/css; charset=utf-8", STYLE.as_bytes()),
            script: Asset::own("text/javascript; charset=utf-8", include_bytes!("files/dashboard.js")),
        })
    }

    /// Puts the pages beside `others`, and answers people in their own words wherever those fail.
    pub fn beside(self: Arc<Self>, others: Router) -> Router {
        let pages = Router::new()
            .merge(leads::routes())
            .merge(lead::routes())
            .merge(addresses::routes())
            .merge(deliveries::routes())
            .merge(settings::routes())
            .merge(audit::routes())
            .merge(login::routes())
            .merge(files::routes())
            .merge(report::routes())
            .merge(costs::routes())
            .method_not_allowed_fallback(Problem::no_such_method)
            .layer(DefaultBodyLimit::max(FORM))
            .route_layer(middleware::from_fn(same_origin::demand))
            .with_state(Arc::clone(&self));
        others.merge(pages).layer(middleware::from_fn_with_state(self, gate::pass))
    }

    /// The config in force.
    fn config(&self) -> arc_swap::Guard<Arc<Intake>> {
        self.intake.load()
    }

    /// Reads the store on a thread that may wait, by a connection that nobody else waits for.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Fault> {
        self.readers.read(work).await.map_err(Fault::from)
    }

    /// Notes what a visitor did.
    async fn note(&self, visitor: &Visitor, did: &str, what: &str, details: Option<String>) -> Result<(), Fault> {
        Ok(self.store.note_audit(entry(&visitor.person, did, what, details)).await?)
    }
}

/// What a person did now.
fn entry(person: &str, did: &str, what: &str, details: Option<String>) -> AuditEntry {
    let who = format!("person:{person}");
    AuditEntry { at: Millis::now(), who, did: did.to_owned(), what: what.to_owned(), details }
}
