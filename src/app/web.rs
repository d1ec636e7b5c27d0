//! The HTTP doors while the daemon runs: started with it, renewed with its config, closed with it.
//!
//! Each has a thread that gives way to mail. A door that ends by itself is told of and takes nothing else with it:
//! mail goes on.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::task::JoinHandle;
use tracing::{error, info};

use super::AppError;
use crate::{
    config::{HttpListen, Listen},
    http::{
        admin::Admin,
        dashboard::Dashboard,
        public::Public,
        server::{self, Closing, Door},
    },
    intake::Intake,
    issuing::Issuer,
    metrics::Metrics,
    socket::{Connections, Place, Socket},
    store::Store,
    thread::{Priority, Thread},
};

/// Connections of the public door at a time: those of a proxy, which keeps few of them open.
const PUBLIC: usize = 512;

/// Connections of the admin door at a time.
const ADMIN: usize = 64;

/// The doors that there are.
pub struct Web {
    public: Option<Arc<Public>>,
    admin: Option<Arc<Admin>>,
    open: Vec<(&'static str, JoinHandle<()>)>,
    _threads: Vec<Thread>,
}

/// What doors are made of.
pub struct Parts<'a> {
    /// The config in force.
    pub intake: &'a Arc<ArcSwap<Intake>>,
    /// Leads, visits and tokens.
    pub store: &'a Store,
    /// Counters.
    pub metrics: &'a Arc<Metrics>,
    /// Open milter sessions.
    pub sessions: Arc<Connections>,
    /// When doors close.
    pub closing: Closing,
}

impl Web {
    /// Starts the doors that the config names.
    pub fn start(parts: Parts<'_>) -> Result<Self, AppError> {
        let Parts { intake, store, metrics, sessions, closing } = parts;
        let mut web = Self { public: None, admin: None, open: Vec::new(), _threads: Vec::new() };
        let door = |name, router, connections| Door { name, router, connections, metrics: Arc::clone(metrics) };
        let now = intake.load_full();
        let (config, issuer) = (&now.config, issuer(&now, store));
        if let Some(listen) = &config.http.public {
            let public = Arc::new(Public::new(config, issuer.clone(), Arc::clone(metrics)));
            let door = door("http.public", Arc::clone(&public).routes(), PUBLIC);
            // Any process of the host may reach it, as the public does.
            web.serve(listen, ("public", 0o666), door, &closing)?;
            web.public = Some(public);
        }
        if let Some(listen) = &config.http.admin {
            let sessions = Box::new(move || sessions.live());
            let admin = Admin::new(Arc::clone(intake), issuer, store.clone(), Arc::clone(metrics), sessions);
            let admin = Arc::new(admin);
            let dashboard = Dashboard::new(Arc::clone(intake), store.clone(), &config.store.folder)?;
            let routes = Arc::new(dashboard).beside(Arc::clone(&admin).routes());
            let door = door("http.admin", routes, ADMIN);
            web.serve(listen, ("admin", 0o660), door, &closing)?;
            web.admin = Some(admin);
        }
        Ok(web)
    }

    fn serve(
        &mut self,
        listen: &HttpListen,
        (key, mode): (&'static str, u32),
        door: Door,
        closing: &Closing,
    ) -> Result<(), AppError> {
        let listen = match listen {
            HttpListen::Unix(path) => Listen::Unix(path.clone()),
            HttpListen::Tcp(address) => Listen::Tcp(*address),
        };
        let name = door.name;
        let thread = Thread::start(name, Priority::GivesWay).map_err(AppError::Thread)?;
        let place = Place { table: "http", key, listen: &listen, mode, group: None };
        let socket = thread.open(|| Socket::bind(&place))?;
        info!("{name}: listening on {}", socket.name());
        self.open.push((name, thread.spawn(server::serve(socket, door, closing.clone()))));
        self._threads.push(thread);
        Ok(())
    }

    /// Answers what comes from now on by another config.
    pub fn renew(&self, intake: &Arc<Intake>, store: &Store) {
        let issuer = issuer(intake, store);
        if let Some(public) = &self.public {
            public.renew(&intake.config, issuer.clone());
        }
        if let Some(admin) = &self.admin {
            admin.renew(issuer);
        }
    }

    /// Waits until the requests under way are answered, once the doors have been told to close.
    pub async fn end(self) {
        for (name, open) in self.open {
            if let Err(e) = open.await {
                error!("{name} ended by itself: {e}");
            }
        }
    }
}

/// Issues addresses, where there is `[dynamic]`.
fn issuer(intake: &Arc<Intake>, store: &Store) -> Option<Arc<Issuer>> {
    Issuer::new(Arc::clone(intake), store.visits()?.clone()).map(Arc::new)
}
