//! One accepted connection, over a UNIX socket or TCP: octets in and out, and a peer that is gone is noticed.
//!
//! Knows no protocol. It counts as open until it is dropped.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};

use super::{Connections, presence::Presence};

/// A peer that is gone without a word is noticed after this and nine probes.
const KEEPALIVE: Duration = Duration::from_secs(120);

/// One accepted connection.
#[derive(Debug)]
pub struct Connection {
    io: Io,
    presence: Option<Presence>,
}

#[derive(Debug)]
enum Io {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Connection {
    /// A connection over a UNIX socket.
    pub fn unix(stream: UnixStream) -> Self {
        Self { io: Io::Unix(stream), presence: None }
    }

    /// A connection over TCP. Options that the system refuses only cost speed.
    pub fn tcp(stream: TcpStream) -> Self {
        let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(Duration::from_secs(30));
        drop(stream.set_nodelay(true));
        drop(SockRef::from(&stream).set_tcp_keepalive(&keepalive));
        Self { io: Io::Tcp(stream), presence: None }
    }

    /// Ties the count of open connections to this one's life.
    pub(super) fn counted(mut self, open: &Arc<Connections>) -> Self {
        self.presence = Some(Presence::new(open));
        self
    }

    /// Who is at the other end; a UNIX socket has no address.
    pub fn peer(&self) -> Option<SocketAddr> {
        match &self.io {
            Io::Unix(_) => None,
            Io::Tcp(stream) => stream.peer_addr().ok(),
        }
    }

    /// Closes it once its peer has taken nothing of what was sent for this long; over a UNIX socket nothing does.
    pub fn give_up_after(&self, time: Duration) {
        if let Io::Tcp(stream) = &self.io {
            drop(SockRef::from(stream).set_tcp_user_timeout(Some(time)));
        }
    }

    /// Lets the kernel acknowledge at once what was read, for a peer that waits for it with its next write. The kernel
    /// forgets this after a while, so it is said with every read.
    pub fn acknowledge(&self) {
        if let Io::Tcp(stream) = &self.io {
            drop(SockRef::from(stream).set_tcp_quickack(true));
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Io::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Unix(stream) => Pin::new(stream).poll_write(cx, octets),
            Io::Tcp(stream) => Pin::new(stream).poll_write(cx, octets),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Nothing is held back here.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Io::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
