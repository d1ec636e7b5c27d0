//! A milter connection that gives the library only what is read, and sends the edits of a message in one write.
//!
//! The library flushes every packet. Edits are held here until the answer that follows them: one system call instead of
//! ten, and over TCP no stall between Nagle's algorithm and the peer's delayed acknowledgement. What is held is bounded;
//! beyond the bound it is sent early. Bundles become the edits that they stand for, and what comes in goes through the
//! screen.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use indymilter::ProtoOpts;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    bundle,
    screen::{self, Screen},
    wire,
};
use crate::socket::Connection;

/// Octets held at most.
const HELD: usize = 64 * 1024;

/// One accepted connection.
#[derive(Debug)]
pub struct Stream {
    connection: Connection,
    out: Vec<u8>,
    /// Where the whole packets in `out` end.
    whole: usize,
    /// Whether they are edits, every one.
    edits_only: bool,
    screen: Option<Screen>,
}

impl Stream {
    /// An accepted connection.
    pub fn new(connection: Connection) -> Self {
        Self { connection, out: Vec::new(), whole: 0, edits_only: true, screen: None }
    }

    /// Leaves out what nobody reads of what comes in.
    pub fn screened(mut self, screen: Screen) -> Self {
        self.screen = Some(screen);
        self
    }

    /// Looks at the packets that have become whole since the last call.
    fn scan(&mut self) {
        while let Some(head) = self.out.get(self.whole..).and_then(wire::head) {
            let end = self.whole + head.length;
            let Some(payload) = self.out.get(self.whole + wire::HEAD..end) else { return };
            self.edits_only &= wire::is_edit(head.command);
            match head.command {
                wire::NEGOTIATION => self.agreed(end),
                wire::INSERT if bundle::is_bundle(payload) => self.unpack(end),
                command => {
                    if command == wire::ACCEPT
                        && let Some(screen) = &mut self.screen
                    {
                        screen.accepted();
                    }
                    self.whole = end;
                }
            }
        }
    }

    /// Reads which options were agreed: they stand behind the version and the actions.
    fn agreed(&mut self, end: usize) {
        let options = self.out.get(self.whole + wire::HEAD + 8..end).and_then(<[u8]>::first_chunk);
        if let (Some(screen), Some(options)) = (&mut self.screen, options) {
            screen.agreed(ProtoOpts::from_bits_truncate(u32::from_be_bytes(*options)));
        }
        self.whole = end;
    }

    fn unpack(&mut self, end: usize) {
        let behind = self.out.split_off(end);
        let packet = self.out.split_off(self.whole);
        bundle::unpack(packet.get(wire::HEAD..).unwrap_or_default(), &mut self.out);
        self.whole = self.out.len();
        self.out.extend_from_slice(&behind);
    }

    fn must_hold(&mut self) -> bool {
        self.scan();
        self.edits_only && self.out.len() < HELD
    }

    /// Sends the whole packets.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(whole) = self.out.get(..self.whole).filter(|whole| !whole.is_empty()) {
            let sent = ready!(Pin::new(&mut self.connection).poll_write(cx, whole))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.drain(..sent);
            self.whole -= sent;
        }
        if self.out.is_empty() {
            // An idle connection keeps no buffer.
            self.out = Vec::new();
        }
        self.edits_only = true;
        Poll::Ready(Ok(()))
    }
}

fn read(connection: &mut Connection, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
    ready!(Pin::new(&mut *connection).poll_read(cx, buf))?;
    // With replies masked, the MTA's second write waits for our acknowledgement.
    connection.acknowledge();
    Poll::Ready(Ok(()))
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { connection, screen, .. } = self.get_mut();
        let Some(screen) = screen else { return read(connection, cx, buf) };
        let start = buf.filled().len();
        // An answer without any octet would look like the end of the stream: where all is left out, more is read.
        loop {
            // The library's buffer is twice as long as what may be held back.
            if buf.remaining() <= screen::LONGEST {
                screen.stop();
            }
            if screen.is_stopped() {
                let held = screen.release(buf.remaining());
                if held.is_empty() {
                    return read(connection, cx, buf);
                }
                buf.put_slice(&held);
                return Poll::Ready(Ok(()));
            }
            buf.put_slice(screen.held());
            let before = buf.filled().len();
            let got = read(connection, cx, buf);
            let kept = match &got {
                Poll::Ready(Ok(())) if buf.filled().len() > before => {
                    screen.sift(buf.filled_mut().get_mut(start..).unwrap_or_default())
                }
                _ => 0,
            };
            let is_end = buf.filled().len() == before;
            buf.set_filled(start + kept);
            match got {
                Poll::Ready(Ok(())) if is_end && !screen.held().is_empty() => screen.stop(),
                Poll::Ready(Ok(())) if kept == 0 && !is_end => {}
                got => return got,
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
        this.scan();
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.connection).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::UnixStream,
    };

    fn connection(stream: UnixStream) -> Connection {
        Connection::new(stream.into_std().unwrap().into(), None).unwrap()
    }

    fn packet(command: u8, payload: usize) -> Vec<u8> {
        let mut packet = u32::try_from(payload + 1).unwrap().to_be_bytes().to_vec();
        packet.push(command);
        packet.resize(payload + wire::HEAD, b'x');
        packet
    }

    /// What the peer can read at once after these packets were written and flushed one by one.
    async fn arrived(packets: &[Vec<u8>]) -> Vec<u8> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        for end in [&ours, &theirs] {
            end.set_nonblocking(true).unwrap();
        }
        let mut stream = Stream::new(Connection::new(ours.into(), None).unwrap());
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

    #[tokio::test]
    async fn a_bundle_is_sent_as_its_fields_even_if_it_comes_in_pieces() {
        let mut insert = Vec::new();
        wire::push(&mut insert, wire::INSERT, &[b"\0\0\0\0\x01\0X-Lead-Id\x011\x01X-Lead-Tags\x01a\x01\0"]);
        let mut expected = Vec::new();
        wire::push(&mut expected, wire::INSERT, &[b"\0\0\0\0X-Lead-Id\x001\0"]);
        wire::push(&mut expected, wire::INSERT, &[b"\0\0\0\x01X-Lead-Tags\0a\0"]);
        expected.extend(packet(b'c', 0));
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut stream = Stream::new(connection(ours));
        // Deletions fill the bound, so that what is there is sent between the pieces.
        let many: Vec<_> = (0..70).map(|_| packet(b'm', 1000)).collect();
        for octets in [&many.concat(), &insert[..9], &insert[9..], &packet(b'c', 0)] {
            stream.write_all(octets).await.unwrap();
        }
        stream.flush().await.unwrap();
        drop(stream);
        let mut received = Vec::new();
        theirs.read_to_end(&mut received).await.unwrap();
        assert_eq!(received.split_at(many.concat().len()), (&many.concat()[..], &expected[..]));
    }

    #[tokio::test]
    async fn what_is_left_out_does_not_look_like_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "hostname = \"mx1.company.ru\"\n").unwrap();
        let intake = crate::intake::Intake::new(crate::config::load(&path).unwrap().config);
        let screen = Screen::new(std::sync::Arc::new(arc_swap::ArcSwap::from_pointee(intake)));
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut stream = tokio::io::BufReader::new(Stream::new(connection(ours)).screened(screen));
        let nothing_new = [4_u32.to_be_bytes().as_slice(), b"DM\0\0"].concat();
        let peer = tokio::spawn(async move {
            for octets in [&nothing_new, &packet(b'E', 0), &nothing_new, &b"\0\0\0".to_vec()] {
                theirs.write_all(octets).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
        peer.await.unwrap();
        // What the peer left unfinished is the library's to judge.
        assert_eq!(received, [packet(b'E', 0), b"\0\0\0".to_vec()].concat());
    }
}
