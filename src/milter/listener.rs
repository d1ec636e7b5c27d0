//! Accepts connections and survives whatever accept(2) says: the library ends with the first error it sees.
//!
//! Errors are waited out with a growing pause. A connection beyond the bound is closed at once, so that the MTA goes on
//! without us instead of waiting in the backlog. Told to stop, the socket is closed and its file removed: new
//! connections are refused at once while open sessions go on.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tracing::{info, warn};

use super::{
    presence::{Presence, Sessions},
    screen::Screen,
    stream::Stream,
};
use crate::{intake::Intake, metrics::Metrics, socket::Socket};

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Between two warnings of one sort.
const QUIET: Duration = Duration::from_secs(60);

/// The listening end of the milter door.
pub struct Listener {
    /// `None` once told to stop.
    socket: Option<Socket>,
    sessions: Arc<Sessions>,
    max_connections: usize,
    metrics: Arc<Metrics>,
    /// What the screens of connections are made from.
    intake: Option<Arc<ArcSwap<Intake>>>,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
    pause: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    warned: Option<Instant>,
}

impl Listener {
    /// Serves `socket` until `stop`.
    pub fn new(socket: Socket, max_connections: usize, metrics: Arc<Metrics>, stop: CancellationToken) -> Self {
        Self {
            socket: Some(socket),
            sessions: Arc::default(),
            max_connections,
            metrics,
            intake: None,
            stop: Box::pin(stop.cancelled_owned()),
            pause: FIRST_PAUSE,
            sleep: None,
            warned: None,
        }
    }

    /// Puts a screen before each connection.
    pub fn screened(mut self, intake: Arc<ArcSwap<Intake>>) -> Self {
        self.intake = Some(intake);
        self
    }

    /// The sessions that come in here.
    pub fn sessions(&self) -> Arc<Sessions> {
        Arc::clone(&self.sessions)
    }

    fn poll_socket(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Stream>> {
        let accepted = match &self.socket {
            Some(Socket::Unix(listener, _)) => ready!(listener.poll_accept(cx)).map(|(stream, _)| Stream::unix(stream)),
            Some(Socket::Tcp(listener)) => ready!(listener.poll_accept(cx)).map(|(stream, _)| Stream::tcp(stream)),
            None => return Poll::Pending,
        };
        Poll::Ready(accepted)
    }

    /// At most one warning a minute, whatever comes in.
    fn may_warn(&mut self) -> bool {
        let due = self.warned.is_none_or(|at| at.elapsed() >= QUIET);
        if due {
            self.warned = Some(Instant::now());
        }
        due
    }

    fn admit(&mut self, stream: Stream) -> Option<Stream> {
        let live = self.sessions.live();
        if live >= self.max_connections {
            self.metrics.connections_refused.one();
            if self.may_warn() {
                warn!("{live} sessions are open, which is max_connections: one more was closed");
            }
            return None;
        }
        if (live + 1) * 5 >= self.max_connections * 4 && self.may_warn() {
            warn!("{} of {} sessions are open: raise milter.max_connections in time", live + 1, self.max_connections);
        }
        self.metrics.sessions.one();
        let stream = stream.with(Presence::new(&self.sessions));
        Some(match &self.intake {
            Some(intake) => stream.screened(Screen::new(Arc::clone(intake))),
            None => stream,
        })
    }
}

impl indymilter::Listener for Listener {
    type Io = Stream;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Stream>> {
        loop {
            if self.socket.is_some() && self.stop.as_mut().poll(cx).is_ready() {
                self.socket = None;
                info!("no longer accepting connections");
            }
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            match ready!(self.poll_socket(cx)) {
                Ok(stream) => {
                    self.pause = FIRST_PAUSE;
                    if let Some(admitted) = self.admit(stream) {
                        return Poll::Ready(Ok(admitted));
                    }
                }
                Err(e) => {
                    self.metrics.accept_errors.one();
                    if self.may_warn() {
                        warn!("accept failed, trying again: {e}");
                    }
                    self.sleep = Some(Box::pin(tokio::time::sleep(self.pause)));
                    self.pause = (self.pause * 2).min(LAST_PAUSE);
                }
            }
        }
    }
}
