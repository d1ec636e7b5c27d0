//! The milter door: MTAs come in here, over a UNIX or TCP socket, and hear an answer whatever happens inside.
//!
//! One thread carries all sessions, `listener` takes them in. `stream` is one connection: `screen` and `macros`
//! leave out what nobody reads, `bundle` makes one packet of many edits, `wire` knows where packets end.
//! `negotiate` asks only for what the MTA offers, `callbacks` turns events into session calls and errors into milter
//! statuses (the only file that does), `session` is one connection's state, `client` reads macros. Cannot reach sinks or
//! HTTP: between the end of a message and its answer there is at most the store.

mod bundle;
mod callbacks;
mod client;
mod listener;
mod macros;
mod negotiate;
mod screen;
mod session;
mod stream;
mod wire;

use std::{
    io,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use listener::Listener;

use crate::{
    config,
    intake::Intake,
    metrics::Metrics,
    socket::{Place, Socket, SocketError},
    store::Store,
};

/// From the end of draining until sessions that still do not end are left behind.
const LAST_COMMAND: Duration = Duration::from_secs(5);

/// The same, where sessions were cut off.
const HASTE: Duration = Duration::from_millis(500);

/// What every session shares.
#[derive(Debug)]
pub struct Milter {
    /// The config in force; a session keeps the one it began with.
    pub intake: Arc<ArcSwap<Intake>>,
    /// Where leads go.
    pub store: Store,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Whether the operator has been warned of an MTA that offers too little: once, not with every session.
    told_missing: AtomicBool,
}

impl Milter {
    /// Puts together what sessions share.
    pub fn new(intake: Arc<ArcSwap<Intake>>, store: Store, metrics: Arc<Metrics>) -> Self {
        Self { intake, store, metrics, told_missing: AtomicBool::new(false) }
    }
}

/// When the milter door closes, and how long sessions may stay behind it.
#[derive(Clone, Debug)]
pub struct Closing {
    /// No new sessions from now on.
    pub stop: CancellationToken,
    /// How long open sessions may go on after that.
    pub drain: Duration,
    /// Open sessions end now.
    pub cut: CancellationToken,
}

/// Binds the milter's socket.
pub fn bind(config: &config::Milter) -> Result<Socket, SocketError> {
    let config::Milter { listen, socket_mode, socket_group, .. } = config;
    let group = socket_group.as_deref();
    Socket::bind(&Place { table: "milter", key: "listen", listen, mode: *socket_mode, group })
}

/// Serves `listener` until it is told to stop, then open sessions until the drain is over.
pub async fn run(listener: Listener, milter: Arc<Milter>, closing: Closing) -> io::Result<()> {
    let Closing { stop, drain, cut } = closing;
    let sessions = listener.sessions();
    let listener = listener.screened(Arc::clone(&milter.intake));
    let (told, hurry) = (stop.clone(), cut.clone());
    let drained = async move {
        told.cancelled().await;
        let live = sessions.live();
        if live > 0 {
            info!("draining: {live} sessions are open, waiting up to {drain:?}");
        }
        let drained = tokio::select! {
            drained = tokio::time::timeout(drain, sessions.none_left()) => drained.is_ok(),
            () = hurry.cancelled() => false,
        };
        if !drained {
            warn!("drain: {} sessions were cut off", sessions.live());
        }
    };
    // The listener bounds the number of sessions itself: the library would leave a caller waiting in the backlog, and
    // with it its mail.
    let config = indymilter::Config { max_connections: tokio::sync::Semaphore::MAX_PERMITS, ..Default::default() };
    // The library waits for the last session, and that one may wait for hours for a peer that reads nothing.
    let stuck = async {
        stop.cancelled().await;
        tokio::select! {
            () = tokio::time::sleep(drain.saturating_add(LAST_COMMAND)) => {}
            () = async { cut.cancelled().await; tokio::time::sleep(HASTE).await } => {}
        }
    };
    tokio::select! {
        ended = indymilter::run(listener, callbacks::callbacks(milter), config, drained) => ended,
        () = stuck => Ok(()),
    }
}
