//! The socket of one session: connecting, and writing in the pieces in which Postfix writes.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::SocketAddr,
    os::fd::OwnedFd,
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, bail};
use mio::{
    Interest, Registry, Token,
    net::{TcpStream, UnixStream},
};
use socket2::{Domain, SockAddr, Type};

/// Postfix's stream buffer: when it is full it is written, whole.
const BUFFER: usize = 4096;

/// Over TCP, Postfix makes the buffer twice the segment size, which on loopback is nearly this.
const TCP_BUFFER: usize = 128 * 1024;

/// Longest wait for room in a backlog.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the filter listens.
#[derive(Clone, Debug)]
pub enum Address {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

/// A connection to the filter.
#[derive(Debug)]
pub enum Socket {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Address {
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        match text.split_once(':') {
            Some(("unix", path)) => Ok(Self::Unix(path.into())),
            Some(("inet", rest)) => {
                rest.parse().map(Self::Tcp).with_context(|| format!("--socket {text}: write inet:127.0.0.1:8891"))
            }
            _ => bail!("--socket {text}: write unix:PATH or inet:ADDRESS:PORT"),
        }
    }

    /// Connects; tells whether the backlog was full.
    ///
    /// A UNIX socket whose peer's backlog is full refuses at once and gives no event when there is room: only a blocking
    /// connect waits for that, and it is what Postfix does. Other sessions wait, too, which is why it is counted.
    pub fn connect(&self) -> io::Result<(Socket, bool)> {
        match self {
            Self::Tcp(address) => Ok((Socket::Tcp(TcpStream::connect(*address)?), false)),
            Self::Unix(path) => {
                let address = SockAddr::unix(path)?;
                let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
                let full = match socket.connect(&address) {
                    Err(e) if e.kind() == ErrorKind::WouldBlock => true,
                    other => other.map(|()| false)?,
                };
                if full {
                    socket.set_nonblocking(false)?;
                    socket.set_write_timeout(Some(PATIENCE))?;
                    socket.connect(&address)?;
                    socket.set_nonblocking(true)?;
                }
                let connected = std::os::unix::net::UnixStream::from(OwnedFd::from(socket));
                Ok((Socket::Unix(UnixStream::from_std(connected)), full))
            }
        }
    }
}

impl Socket {
    /// Octets that are written in one go.
    fn buffer(&self) -> usize {
        match self {
            Self::Unix(_) => BUFFER,
            Self::Tcp(_) => TCP_BUFFER,
        }
    }

    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        match self {
            Self::Unix(stream) => registry.register(stream, token, interest),
            Self::Tcp(stream) => registry.register(stream, token, interest),
        }
    }

    pub fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.read(into),
            Self::Tcp(stream) => stream.read(into),
        }
    }

    /// Writes what comes before `cut`, then full buffers, and with `flush` the rest; takes what was written out of `out`.
    /// `false` if the peer has to read first.
    pub fn write(&mut self, out: &mut Vec<u8>, cut: &mut usize, flush: bool) -> io::Result<bool> {
        let buffer = self.buffer();
        let mut at = 0;
        let mut all = true;
        while at < out.len() && (at < *cut || flush || out.len() - at >= buffer) {
            let end = if at < *cut { *cut } else { out.len() };
            match self.write_piece(&out[at..end.min(at + buffer)]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(octets) => at += octets,
                // A TCP connection that is still being made says so here.
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {
                    all = false;
                    break;
                }
                Err(e) => return Err(e),
            }
        }
        out.drain(..at);
        *cut = cut.saturating_sub(at);
        Ok(all)
    }

    fn write_piece(&mut self, piece: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.write(piece),
            Self::Tcp(stream) => stream.write(piece),
        }
    }
}
