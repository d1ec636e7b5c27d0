//! Accepts a door's connections and survives whatever accept(2) says.
//!
//! Errors are waited out with a growing pause. A connection beyond the bound is closed at once, so that its caller goes
//! on without us instead of waiting in the backlog. Dropped, the socket is closed and its file removed: new connections
//! are refused at once while open ones go on.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use tokio::time::Sleep;
use tracing::warn;

use super::{Connection, Connections, Socket};
use crate::metrics::Metrics;

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Between two warnings of one door.
const QUIET: Duration = Duration::from_secs(60);

/// The listening end of a door.
#[derive(Debug)]
pub struct Acceptor {
    socket: Socket,
    open: Arc<Connections>,
    max_connections: usize,
    /// Whether the config can raise it.
    is_fixed: bool,
    metrics: Arc<Metrics>,
    pause: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    warned: Option<Instant>,
}

impl Acceptor {
    /// Accepts on `socket`, so many connections at a time.
    pub fn new(socket: Socket, max_connections: usize, metrics: Arc<Metrics>) -> Self {
        let open = Arc::default();
        Self { socket, open, max_connections, is_fixed: false, metrics, pause: FIRST_PAUSE, sleep: None, warned: None }
    }

    /// For a door whose bound is no key of the config.
    #[must_use]
    pub fn fixed(self) -> Self {
        Self { is_fixed: true, ..self }
    }

    /// The connections that are open.
    pub fn connections(&self) -> Arc<Connections> {
        Arc::clone(&self.open)
    }

    /// The next connection. Nothing is lost if this is given up and called again.
    pub async fn accept(&mut self) -> Connection {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// The next connection.
    pub fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Connection> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            match ready!(self.socket.poll_accept(cx)) {
                Ok(connection) => {
                    self.pause = FIRST_PAUSE;
                    if self.admits() {
                        return Poll::Ready(connection.counted(&self.open));
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

    /// Whether one more is within the bound.
    fn admits(&mut self) -> bool {
        let (live, max, table) = (self.open.live(), self.max_connections, self.socket.table);
        if live >= max {
            self.metrics.connections_refused.one();
            match (self.may_warn(), self.is_fixed) {
                (true, false) => {
                    warn!("{live} connections are open, which is {table}.max_connections: one more was closed");
                }
                (true, true) => warn!("{live} connections are open at a door of {table}: one more was closed"),
                (false, _) => {}
            }
            return false;
        }
        if !self.is_fixed && (live + 1) * 5 >= max * 4 && self.may_warn() {
            warn!("{} of {max} connections are open: raise {table}.max_connections in time", live + 1);
        }
        true
    }

    /// At most one warning a minute, whatever comes in.
    fn may_warn(&mut self) -> bool {
        let due = self.warned.is_none_or(|at| at.elapsed() >= QUIET);
        if due {
            self.warned = Some(Instant::now());
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Listen, socket::Place};
    use socket2::SockRef;
    use tokio::{io::AsyncReadExt, net::UnixStream};

    #[tokio::test]
    async fn one_connection_too_many_is_closed_and_the_next_is_served_once_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.sock");
        let listen = Listen::Unix(path.clone());
        let place = Place { table: "socketmap", key: "listen", listen: &listen, mode: 0o600, group: None };
        let metrics = Arc::new(Metrics::default());
        let mut acceptor = Acceptor::new(Socket::bind(&place).unwrap(), 1, Arc::clone(&metrics));
        let _first = UnixStream::connect(&path).await.unwrap();
        let served = acceptor.accept().await;
        let mut second = UnixStream::connect(&path).await.unwrap();
        let mut octet = [0];
        tokio::select! {
            _ = acceptor.accept() => panic!("beyond the bound"),
            read = second.read(&mut octet) => assert_eq!(read.unwrap(), 0),
        }
        drop(served);
        let _third = UnixStream::connect(&path).await.unwrap();
        let third = acceptor.accept().await;
        assert_eq!((acceptor.connections().live(), metrics.connections_refused.get()), (1, 1));
        drop(third);
        acceptor.connections().none_left().await;
        drop(acceptor);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_caller_that_has_reset_its_connection_is_no_local_one() {
        let listen = Listen::Tcp("127.0.0.1:0".parse().unwrap());
        let place = Place { table: "http", key: "admin", listen: &listen, mode: 0o600, group: None };
        let socket = Socket::bind(&place).unwrap();
        let address = socket.name().split_once(':').unwrap().1.to_owned();
        let mut acceptor = Acceptor::new(socket, 1, Arc::default());
        let caller = std::net::TcpStream::connect(address).unwrap();
        let called_from = caller.local_addr().unwrap();
        // Closed like this, it sends RST.
        SockRef::from(&caller).set_linger(Some(Duration::ZERO)).unwrap();
        drop(caller);
        assert_eq!(acceptor.accept().await.peer(), Some(called_from));
    }
}
