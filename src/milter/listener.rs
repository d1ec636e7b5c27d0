//! The milter's connections as the library takes them: the acceptor survives, since the library ends with the first
//! error that it sees.
//!
//! Told to stop, the socket is closed and its file removed: new connections are refused at once while open sessions go
//! on.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use arc_swap::ArcSwap;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tracing::info;

use super::{screen::Screen, stream::Stream};
use crate::{
    intake::Intake,
    metrics::Metrics,
    socket::{Acceptor, Connections, Socket},
};

/// The listening end of the milter door.
pub struct Listener {
    /// `None` once told to stop.
    acceptor: Option<Acceptor>,
    sessions: Arc<Connections>,
    metrics: Arc<Metrics>,
    /// What the screens of connections are made from.
    intake: Option<Arc<ArcSwap<Intake>>>,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Listener {
    /// Serves `socket` until `stop`.
    pub fn new(socket: Socket, max_connections: usize, metrics: Arc<Metrics>, stop: CancellationToken) -> Self {
        let acceptor = Acceptor::new(socket, max_connections, Arc::clone(&metrics));
        Self {
            sessions: acceptor.connections(),
            acceptor: Some(acceptor),
            metrics,
            intake: None,
            stop: Box::pin(stop.cancelled_owned()),
        }
    }

    /// Puts a screen before each connection.
    pub fn screened(mut self, intake: Arc<ArcSwap<Intake>>) -> Self {
        self.intake = Some(intake);
        self
    }

    /// The sessions that come in here.
    pub fn sessions(&self) -> Arc<Connections> {
        Arc::clone(&self.sessions)
    }
}

impl indymilter::Listener for Listener {
    type Io = Stream;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Stream>> {
        if self.acceptor.is_some() && self.stop.as_mut().poll(cx).is_ready() {
            self.acceptor = None;
            info!("no longer accepting connections");
        }
        let Some(acceptor) = &mut self.acceptor else { return Poll::Pending };
        let stream = Stream::new(ready!(acceptor.poll_accept(cx)));
        self.metrics.sessions.one();
        Poll::Ready(Ok(match &self.intake {
            Some(intake) => stream.screened(Screen::new(Arc::clone(intake))),
            None => stream,
        }))
    }
}
