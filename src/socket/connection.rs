//! One accepted connection, over a UNIX socket or TCP: octets in and out, and a peer that is gone is noticed.
//!
//! Knows no protocol. It counts as open until it is dropped. The system is asked to wake us for what comes in, and for
//! room to write only while there is none: each answer that the peer reads from a UNIX socket makes room, and to be
//! woken for that would cost as much as the next request.

use std::{
    io,
    net::SocketAddr,
    os::fd::OwnedFd,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use rustix::{
    io::Errno,
    net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown},
};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, unix::AsyncFd};

use super::{Connections, presence::Presence, watch};

/// A peer that is gone without a word is noticed after this and nine probes.
const KEEPALIVE: Duration = Duration::from_secs(120);

/// One accepted connection.
#[derive(Debug)]
pub struct Connection {
    socket: AsyncFd<OwnedFd>,
    /// The same socket, while its peer takes nothing.
    full: Option<AsyncFd<OwnedFd>>,
    /// Who is at the other end of TCP.
    peer: Option<SocketAddr>,
    presence: Option<Presence>,
}

impl Connection {
    /// Of a socket that does not block; `peer` is who connected over TCP. That is asked for where the connection is
    /// accepted: of one that has been reset the system no longer knows it, and nobody else must pass for a local one.
    pub fn new(socket: OwnedFd, peer: Option<SocketAddr>) -> io::Result<Self> {
        if peer.is_some() {
            // Options that the system refuses only cost speed.
            let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(Duration::from_secs(30));
            drop(SockRef::from(&socket).set_tcp_nodelay(true));
            drop(SockRef::from(&socket).set_tcp_keepalive(&keepalive));
        }
        let socket = watch(socket, Interest::READABLE)?;
        Ok(Self { socket, full: None, peer, presence: None })
    }

    /// Ties the count of open connections to this one's life.
    pub(super) fn counted(mut self, open: &Arc<Connections>) -> Self {
        self.presence = Some(Presence::new(open));
        self
    }

    /// Who is at the other end; a UNIX socket has no address.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Closes it once its peer has taken nothing of what was sent for this long; over a UNIX socket nothing does.
    pub fn give_up_after(&self, time: Duration) {
        if self.peer.is_some() {
            drop(SockRef::from(self.socket.get_ref()).set_tcp_user_timeout(Some(time)));
        }
    }

    /// Lets the kernel acknowledge at once what was read, for a peer that waits for it with its next write. The kernel
    /// forgets this after a while, so it is said with every read.
    pub fn acknowledge(&self) {
        if self.peer.is_some() {
            drop(SockRef::from(self.socket.get_ref()).set_tcp_quickack(true));
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut readable = ready!(self.socket.poll_read_ready(cx))?;
            let room = buf.initialize_unfilled();
            match readable.try_io(|socket| Ok(recv(socket, &mut *room, RecvFlags::empty())?)) {
                Ok(Ok((_, got))) => {
                    if got > 0 && got < room.len() {
                        // That was all: the next octets wake us anew, and to ask for them in vain is saved.
                        readable.clear_ready();
                    }
                    buf.advance(got);
                    return Poll::Ready(Ok(()));
                }
                Ok(Err(e)) => return Poll::Ready(Err(e)),
                Err(_nothing_came) => {}
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            if let Some(full) = &self.full {
                ready!(full.poll_write_ready(cx))?.clear_ready();
            }
            match send(self.socket.get_ref(), octets, SendFlags::NOSIGNAL) {
                Err(Errno::AGAIN) if self.full.is_some() => {}
                Err(Errno::AGAIN) => {
                    let same = self.socket.get_ref().try_clone()?;
                    self.full = Some(watch(same, Interest::WRITABLE)?);
                }
                sent => {
                    self.full = None;
                    return Poll::Ready(Ok(sent?));
                }
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Nothing is held back here.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(shutdown(self.socket.get_ref(), Shutdown::Write)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::UnixStream,
    };

    fn pair() -> (Connection, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Connection::new(ours.into_std().unwrap().into(), None).unwrap(), theirs)
    }

    #[tokio::test]
    async fn more_than_the_system_holds_waits_until_the_peer_takes_it() {
        let (mut ours, mut theirs) = pair();
        let sent: Vec<u8> = (0..4_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        let expected = sent.clone();
        let writing = tokio::spawn(async move {
            ours.write_all(&sent).await.unwrap();
            assert!(ours.full.is_none(), "there is room again");
            ours.shutdown().await.unwrap();
            ours
        });
        let mut received = Vec::new();
        theirs.read_to_end(&mut received).await.unwrap();
        assert!(received == expected);
        // The other direction is open still.
        theirs.write_all(b"c").await.unwrap();
        drop(theirs);
        let mut rest = Vec::new();
        writing.await.unwrap().read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"c");
    }

    #[tokio::test]
    async fn a_peer_that_goes_while_we_wait_for_it_is_an_error() {
        let (mut ours, theirs) = pair();
        let writing = tokio::spawn(async move { ours.write_all(&vec![0; 4_000_000]).await });
        while !matches!(theirs.try_read(&mut [0]), Ok(1)) {
            theirs.readable().await.unwrap();
        }
        drop(theirs);
        let broken = writing.await.unwrap().unwrap_err().kind();
        assert!(matches!(broken, io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset), "{broken}");
    }

    #[tokio::test]
    async fn what_did_not_fit_is_read_next() {
        let (mut ours, mut theirs) = pair();
        let mut octets = [0; 4];
        theirs.write_all(b"abcdefgh").await.unwrap();
        for sent in [b"abcd", b"efgh"] {
            assert_eq!(ours.read(&mut octets).await.unwrap(), 4);
            assert_eq!(&octets, sent);
        }
        let (read, ()) = tokio::join!(ours.read(&mut octets), async { theirs.write_all(b"i").await.unwrap() });
        assert_eq!((read.unwrap(), octets[0]), (1, b'i'));
    }
}
