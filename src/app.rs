//! The daemon: opens the store, the sinks and the doors' sockets, serves until told to stop, and reloads in between.
//!
//! [`run`] is given a checked config, a way to load it anew, and a channel of signals; tests start it as `main` does.
//! Ends in an order that loses nothing: no new sessions, open ones drain, calls to sinks end, the store syncs.

mod mailing;
mod retention;
mod web;

use std::{io, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::{
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use self::web::{Parts, Web};
use crate::{
    config::{Config, Faults, Loaded},
    http::server,
    intake::Intake,
    maillog::chain,
    metrics::Metrics,
    milter::{self, Closing, Listener, Milter},
    outbox::{Conditions, Outbox},
    signals::Signal,
    sinks::{Sink, SinkError},
    socket::SocketError,
    socketmap,
    store::{Store, StoreError},
    thread::{Priority, Thread},
};

/// How long calls to sinks may take to end, and the store to sync, when the daemon stops.
const LAST_WORK: Duration = Duration::from_secs(10);

/// The same, for an operator who does not want to wait.
const HURRY: Duration = Duration::from_millis(500);

/// How soon the thread that serves mail has to show that it lives.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Reads the config again.
pub type Load = Box<dyn Fn() -> Result<Loaded, Faults> + Send + Sync>;

/// Why the daemon cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A door's socket cannot be had.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// A sink cannot be made ready.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The system gives no thread.
    #[error("cannot start the milter's thread")]
    Thread(#[source] io::Error),
    /// The milter door ended by itself.
    #[error("milter ended")]
    Milter(#[source] io::Error),
}

/// Serves until a shutdown signal.
pub async fn run(config: Config, load: Load, mut signals: mpsc::Receiver<Signal>) -> Result<(), AppError> {
    let mut store = Store::open_for(&config)?;
    let sinks = open_sinks(&config)?;
    let thread = Thread::start("milter", Priority::Normal).map_err(AppError::Thread)?;
    let socket = thread.open(|| milter::bind(&config.milter))?;
    match store.release_leases(&config.store.folder).await {
        Ok(0) => {}
        Ok(count) => info!("{count} deliveries were under way when the last process died: they are sent again"),
        // Leases end by themselves, only later.
        Err(e) => warn!("deliveries of a process that died wait for their leases: {}", chain(&e)),
    }
    let name = socket.name();
    let metrics = Arc::new(Metrics::default());
    let closing = Closing { stop: CancellationToken::new(), drain: config.milter.drain, cut: CancellationToken::new() };
    let listener = Listener::new(socket, config.milter.max_connections, Arc::clone(&metrics), closing.stop.clone());
    let intake = Arc::new(ArcSwap::from_pointee(Intake::new(config)));
    let map = socketmap::Door::open(&intake, &metrics)?;
    let web = Web::start(Parts {
        intake: &intake,
        store: &store,
        metrics: &metrics,
        sessions: listener.sessions(),
        closing: server::Closing { stop: closing.stop.clone(), cut: closing.cut.clone() },
    })?;
    let conditions = Conditions::new(&intake.load().config.hostname, Arc::clone(&metrics));
    let outbox = Outbox::start(&store, sinks, &conditions);
    let milter = Arc::new(Milter::new(Arc::clone(&intake), store.clone(), Arc::clone(&metrics)));
    let door = thread.spawn(milter::run(listener, milter, closing.clone()));
    info!("ready: listening on {name}, {}", inventory(&intake.load().config));
    notify(&[sd_notify::NotifyState::Ready]);

    tokio::spawn(retention::run(store.clone(), Arc::clone(&intake), closing.stop.clone()));
    tokio::spawn(mailing::run(store.clone(), Arc::clone(&intake), closing.stop.clone()));
    let mut app = App { intake, web, outbox, retired: JoinSet::new(), store, metrics, load };
    let ended = app.serve(door, &thread, &mut signals, &closing).await;
    // The milter door may have ended by itself.
    closing.stop.cancel();
    // Sessions that were left behind hold the store: with their thread they are gone.
    drop(thread);
    if let Some(map) = map {
        map.close().await;
    }
    notify(&[sd_notify::NotifyState::Stopping]);
    let within = if closing.cut.is_cancelled() { HURRY } else { LAST_WORK };
    tokio::select! {
        () = app.end(within) => {}
        () = told_again(&mut signals) => warn!("told to stop twice: calls to sinks are cut off"),
    }
    ended
}

/// Waits for an operator who does not want to wait.
async fn told_again(signals: &mut mpsc::Receiver<Signal>) {
    while let Some(signal) = signals.recv().await {
        if signal == Signal::Shutdown {
            return;
        }
    }
    std::future::pending().await
}

/// What the daemon holds while it runs.
struct App {
    intake: Arc<ArcSwap<Intake>>,
    web: Web,
    outbox: Outbox,
    /// Outboxes of former configs, whose last calls are ending.
    retired: JoinSet<()>,
    store: Store,
    metrics: Arc<Metrics>,
    load: Load,
}

impl App {
    /// Waits for signals until the milter door has ended.
    async fn serve(
        &mut self,
        mut door: JoinHandle<io::Result<()>>,
        thread: &Thread,
        signals: &mut mpsc::Receiver<Signal>,
        closing: &Closing,
    ) -> Result<(), AppError> {
        let mut deaf = false;
        let mut heartbeat = tokio::time::interval(watchdog_period());
        loop {
            tokio::select! {
                ended = &mut door => {
                    return ended.unwrap_or_else(|e| Err(io::Error::other(e))).map_err(AppError::Milter);
                }
                signal = signals.recv(), if !deaf => match signal {
                    Some(Signal::Reload) => self.reload(),
                    Some(Signal::Report) => info!("counters: {}", self.metrics.summary()),
                    Some(Signal::Shutdown) if closing.stop.is_cancelled() => {
                        warn!("told to stop twice: open sessions are cut off");
                        closing.cut.cancel();
                    }
                    Some(Signal::Shutdown) | None => {
                        info!("shutting down");
                        closing.stop.cancel();
                        deaf = signal.is_none();
                    }
                },
                _ = heartbeat.tick() => {
                    if thread.answers(HEARTBEAT).await {
                        notify(&[sd_notify::NotifyState::Watchdog]);
                    } else {
                        error!("the milter's thread has not answered within {HEARTBEAT:?}");
                    }
                }
            }
        }
    }

    /// Takes a new config as a whole, or keeps the old one and says why.
    fn reload(&mut self) {
        let loaded = match (self.load)() {
            Ok(loaded) => loaded,
            Err(faults) => {
                for fault in &faults.faults {
                    error!("{fault}");
                }
                error!("config not reloaded, the old one stays in force");
                return;
            }
        };
        let old = self.intake.load_full();
        let mut config = loaded.config;
        for warning in &loaded.warnings {
            warn!("{warning}");
        }
        keep_fixed(&old.config, &mut config);
        if config.dynamic.is_some()
            && let Err(e) = self.store.open_visits(&config.store.folder)
        {
            error!("config not reloaded, the old one stays in force: {}", chain(&e));
            return;
        }
        if config.sinks != old.config.sinks {
            let sinks = match open_sinks(&config) {
                Ok(sinks) => sinks,
                Err(e) => {
                    error!("config not reloaded, the old one stays in force: {}", chain(&e));
                    return;
                }
            };
            let conditions = Conditions::new(&config.hostname, Arc::clone(&self.metrics));
            let outbox = Outbox::start(&self.store, sinks, &conditions);
            // Both may run for a moment: leases keep a delivery in one hand. Nothing waits for a slow receiver here.
            let former = std::mem::replace(&mut self.outbox, outbox);
            self.retired.spawn(former.stop(LAST_WORK));
        }
        let inventory = inventory(&config);
        let intake = Arc::new(Intake::new(config));
        self.web.renew(&intake, &self.store);
        self.intake.store(intake);
        info!("config reloaded: {inventory}");
    }

    async fn end(mut self, within: Duration) {
        self.retired.spawn(self.outbox.stop(within));
        self.web.end().await;
        while tokio::time::timeout(within, self.retired.join_next()).await.is_ok_and(|ended| ended.is_some()) {}
        self.store.close(within).await;
        info!("stopped: {}", self.metrics.summary());
    }
}

/// Puts back what a running daemon cannot change, and names it.
fn keep_fixed(old: &Config, new: &mut Config) {
    fn keep<T: Clone + PartialEq>(key: &str, old: &T, new: &mut T) {
        if old != new {
            warn!("{key} was changed: it takes effect after a restart");
            new.clone_from(old);
        }
    }
    keep("milter.listen", &old.milter.listen, &mut new.milter.listen);
    keep("milter.socket_mode", &old.milter.socket_mode, &mut new.milter.socket_mode);
    keep("milter.socket_group", &old.milter.socket_group, &mut new.milter.socket_group);
    keep("milter.max_connections", &old.milter.max_connections, &mut new.milter.max_connections);
    keep("milter.drain", &old.milter.drain, &mut new.milter.drain);
    keep("socketmap", &old.socketmap, &mut new.socketmap);
    keep("http.public", &old.http.public, &mut new.http.public);
    keep("http.admin", &old.http.admin, &mut new.http.admin);
    keep("store.url", &old.store, &mut new.store);
    keep("log", &old.log, &mut new.log);
}

fn open_sinks(config: &Config) -> Result<Vec<(crate::config::Sink, Sink)>, SinkError> {
    config.sinks.iter().map(|sink| Ok((sink.clone(), Sink::open(sink)?))).collect()
}

fn inventory(config: &Config) -> String {
    let addresses: usize = config.channels.iter().map(|channel| channel.addresses.len()).sum();
    let dry_run = if config.milter.dry_run { ", dry run" } else { "" };
    format!(
        "mailboxes={}, channels={}, addresses={addresses}, sinks={}{dry_run}",
        config.mailboxes.len(),
        config.channels.len(),
        config.sinks.len(),
    )
}

/// Tells systemd, if it is there.
fn notify(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(e) = sd_notify::notify(states) {
        warn!("systemd could not be told: {e}");
    }
}

/// Half of what systemd asks for, or seldom if it does not.
fn watchdog_period() -> Duration {
    sd_notify::watchdog_enabled().map_or(Duration::from_secs(3600), |period| period / 2).max(Duration::from_millis(100))
}
