//! A milter connection that sends the edits of a message in one write.
//!
//! The library flushes every packet. Edits are held here until the answer that follows them: one system call instead of
//! ten, and over TCP no stall between Nagle's algorithm and the peer's delayed acknowledgement. What is held is bounded;
//! beyond the bound it is sent early.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};

use super::presence::Presence;

/// Octets held at most.
const HELD: usize = 64 * 1024;

/// A peer that is gone without a word is noticed after this and nine probes.
const KEEPALIVE: Duration = Duration::from_secs(120);

/// Length and command of a packet.
const HEAD: usize = 5;

/// Packets that an answer follows: edits of headers, recipients, sender and body, and quarantine.
const EDITS: &[u8] = b"him+-2ebq";

/// One accepted connection.
#[derive(Debug)]
pub struct Stream {
    io: Io,
    out: Vec<u8>,
    /// Where the next packet in `out` begins.
    next: usize,
    /// Whether every whole packet in `out` is an edit.
    edits_only: bool,
    presence: Option<Presence>,
}

#[derive(Debug)]
enum Io {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    /// A connection over a UNIX socket.
    pub fn unix(stream: UnixStream) -> Self {
        Self::new(Io::Unix(stream))
    }

    /// A connection over TCP. Options that the system refuses only cost speed.
    pub fn tcp(stream: TcpStream) -> Self {
        let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(Duration::from_secs(30));
        drop(stream.set_nodelay(true));
        drop(SockRef::from(&stream).set_tcp_keepalive(&keepalive));
        Self::new(Io::Tcp(stream))
    }

    fn new(io: Io) -> Self {
        Self { io, out: Vec::new(), next: 0, edits_only: true, presence: None }
    }

    /// Ties the count of sessions to the connection's life.
    pub fn with(mut self, presence: Presence) -> Self {
        self.presence = Some(presence);
        self
    }

    /// Looks at the packets that have come since the last call.
    fn scan(&mut self) {
        while let Some(&[a, b, c, d, command]) = self.out.get(self.next..self.next + HEAD) {
            self.edits_only &= EDITS.contains(&command);
            self.next += 4 + u32::from_be_bytes([a, b, c, d]) as usize;
        }
    }

    fn must_hold(&mut self) -> bool {
        self.scan();
        self.edits_only && self.next == self.out.len() && self.out.len() < HELD
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let sent = match &mut self.io {
                Io::Unix(stream) => ready!(Pin::new(stream).poll_write(cx, &self.out))?,
                Io::Tcp(stream) => ready!(Pin::new(stream).poll_write(cx, &self.out))?,
            };
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.drain(..sent);
            self.next = self.next.saturating_sub(sent);
        }
        self.edits_only = true;
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Io::Tcp(stream) => {
                ready!(Pin::new(&mut *stream).poll_read(cx, buf))?;
                // With replies masked, the MTA's second write waits for our acknowledgement; the kernel forgets this
                // option, so it is set anew.
                drop(SockRef::from(&*stream).set_tcp_quickack(true));
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.out.len() >= HELD {
            this.scan();
            ready!(this.poll_send(cx))?;
        }
        this.out.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.must_hold() { Poll::Ready(Ok(())) } else { this.poll_send(cx) }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        match &mut this.io {
            Io::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Io::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use tokio::io::AsyncWriteExt;

    fn packet(command: u8, payload: usize) -> Vec<u8> {
        let mut packet = u32::try_from(payload + 1).unwrap().to_be_bytes().to_vec();
        packet.push(command);
        packet.resize(payload + HEAD, b'x');
        packet
    }

    /// What the peer can read at once after these packets were written and flushed one by one.
    async fn arrived(packets: &[Vec<u8>]) -> Vec<u8> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        for end in [&ours, &theirs] {
            end.set_nonblocking(true).unwrap();
        }
        let mut stream = Stream::unix(UnixStream::from_std(ours).unwrap());
        for packet in packets {
            stream.write_all(packet).await.unwrap();
            stream.flush().await.unwrap();
        }
        let early = available(&theirs);
        stream.shutdown().await.unwrap();
        assert_eq!([early.clone(), available(&theirs)].concat(), packets.concat(), "all is sent in the end");
        early
    }

    fn available(mut peer: &std::os::unix::net::UnixStream) -> Vec<u8> {
        let mut out = Vec::new();
        match peer.read_to_end(&mut out) {
            Err(e) if e.kind() != io::ErrorKind::WouldBlock => panic!("{e}"),
            _ => out,
        }
    }

    #[tokio::test]
    async fn edits_wait_for_the_answer() {
        assert_eq!(arrived(&[packet(b'i', 20), packet(b'-', 9)]).await, b"");
        let whole = [packet(b'i', 20), packet(b'm', 0), packet(b'c', 0)];
        assert_eq!(arrived(&whole).await, whole.concat());
    }

    #[tokio::test]
    async fn answers_and_progress_are_sent_at_once() {
        for command in *b"catrdOp" {
            assert_eq!(arrived(&[packet(command, 3)]).await, packet(command, 3));
        }
    }

    #[tokio::test]
    async fn what_is_held_is_bounded() {
        let many: Vec<_> = (0..200).map(|_| packet(b'i', 1000)).collect();
        assert!(arrived(&many).await.len() > many.concat().len() - HELD - 2000);
    }
}
