//! A door's socket: UNIX with mode and group set before anyone can connect, TCP, or the one passed by systemd.
//!
//! Given a [`Place`]; gives back a [`Socket`] that listens, or why there is none, in words of the door's own config keys.
//! An [`Acceptor`] makes [`Connection`]s of it, whatever accept(2) says, and bounds their number. A socket file that
//! nobody answers on is a leftover and is replaced; one that somebody answers on, or a file that is no socket, is left
//! alone and refused with a reason. Removes its own socket file when dropped, and no other's.

mod accept;
mod connection;
mod presence;

use std::{
    fs, io,
    net::SocketAddr,
    os::{
        fd::OwnedFd,
        unix::{
            fs::{FileTypeExt, MetadataExt, PermissionsExt, chown},
            net as unix,
        },
    },
    path::{Path, PathBuf},
    task::{Context, Poll, ready},
};

use nix::unistd::Group;
use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::{Domain, Protocol, SockRef, Type};
use tokio::io::{Interest, unix::AsyncFd};

pub use accept::Acceptor;
pub use connection::Connection;
pub use presence::Connections;

use crate::config::Listen;

/// Connections waiting for accept.
const BACKLOG: i32 = 1024;

/// What a door wants to listen on, as its config says it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Table of the config that says it, for the reader of a refusal: `milter`.
    pub table: &'static str,
    /// Key of that table: `listen`.
    pub key: &'static str,
    /// Where to listen.
    pub listen: &'a Listen,
    /// Mode of a UNIX socket.
    pub mode: u32,
    /// Group of a UNIX socket; the process's own if absent.
    pub group: Option<&'a str>,
}

/// A bound socket.
#[derive(Debug)]
pub struct Socket {
    listener: AsyncFd<OwnedFd>,
    /// Whether callers have addresses.
    is_tcp: bool,
    /// What is to be removed at the end.
    file: Option<SocketFile>,
    /// Table of the config that has the door's keys.
    table: &'static str,
}

/// A listening socket that does not block, what to remove at its end, and what to call it in an error.
struct Bound {
    socket: OwnedFd,
    file: Option<SocketFile>,
    listen: String,
}

/// Why a socket could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Somebody answers there.
    #[error("another process answers on {at}: stop it, or set another {key}")]
    InUse {
        /// The socket's file, or the address.
        at: String,
        /// The key that names it.
        key: String,
    },
    /// A file is in the way.
    #[error("{} exists and is no socket: remove it, or set another {key}", path.display())]
    NoSocket {
        /// The file.
        path: PathBuf,
        /// The key that names it.
        key: String,
    },
    /// No such group.
    #[error("group {group:?} of {table}.socket_group does not exist")]
    NoGroup {
        /// Its name.
        group: String,
        /// Table of the config that names it.
        table: &'static str,
    },
    /// systemd passed nothing.
    #[error("{0} is \"systemd\", and systemd passed no socket: start leadmilter.socket")]
    NotPassed(String),
    /// The system refused.
    #[error("cannot listen on {listen}")]
    System {
        /// Where.
        listen: String,
        /// The system's reason.
        source: io::Error,
    },
}

/// A socket file that is ours.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A successor may have bound the path meanwhile.
        if fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            drop(fs::remove_file(&self.path));
        }
    }
}

impl Place<'_> {
    fn name(&self) -> String {
        format!("{}.{}", self.table, self.key)
    }
}

impl Socket {
    /// Binds what the config names. systemd passes one socket, so one door at most can have it.
    pub fn bind(place: &Place<'_>) -> Result<Self, SocketError> {
        let Bound { socket, file, listen } = match place.listen {
            Listen::Unix(path) => bind_unix(path, place)?,
            Listen::Tcp(address) => bind_tcp(*address, place)?,
            Listen::Systemd => passed(place)?,
        };
        let system = |source| SocketError::System { listen: listen.clone(), source };
        let is_tcp = SockRef::from(&socket).local_addr().map_err(system)?.as_socket().is_some();
        let listener = watch(socket, Interest::READABLE).map_err(system)?;
        Ok(Self { listener, is_tcp, file, table: place.table })
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Connection>> {
        loop {
            let mut readable = ready!(self.listener.poll_read_ready(cx))?;
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            if let Ok(accepted) = readable.try_io(|listener| Ok(acceptfrom_with(listener, flags)?)) {
                let (socket, peer) = accepted?;
                let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
                if self.is_tcp && peer.is_none() {
                    // Whoever has no address counts as a process of this host.
                    return Poll::Ready(Err(io::Error::other("a caller over TCP has no address")));
                }
                return Poll::Ready(Connection::new(socket, peer));
            }
        }
    }

    /// Where it listens, for the log: the port is the bound one.
    pub fn name(&self) -> String {
        if let Some(file) = &self.file {
            return format!("unix:{}", file.path.display());
        }
        let Ok(address) = SockRef::from(self.listener.get_ref()).local_addr() else { return "inet:unknown".to_owned() };
        match address.as_socket() {
            Some(address @ SocketAddr::V4(_)) => format!("inet:{address}"),
            Some(address @ SocketAddr::V6(_)) => format!("inet6:{address}"),
            None => "systemd".to_owned(),
        }
    }
}

/// Lets the system wake us for this alone of what may happen to a socket.
#[expect(
    deprecated,
    reason = "it trusts that the number of a socket stays, as an OwnedFd's does; what replaces it is unsafe"
)]
fn watch(socket: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(socket, interest)
}

fn bind_unix(path: &Path, place: &Place<'_>) -> Result<Bound, SocketError> {
    let listen = format!("unix:{}", path.display());
    let system = |source| SocketError::System { listen: listen.clone(), source };
    clear(path, place)?;
    // Bound under another name first: mode and group are right from the first moment the real name exists.
    let mut early = path.as_os_str().to_owned();
    early.push(format!(".{}", std::process::id()));
    let early = PathBuf::from(early);
    clear(&early, place)?;
    let listener = unix::UnixListener::bind(&early).map_err(system)?;
    let mut file = SocketFile { path: early.clone(), inode: fs::symlink_metadata(&early).map_err(system)?.ino() };
    if let Some(name) = place.group {
        let group = Group::from_name(name).map_err(|e| system(e.into()))?;
        let group = group.ok_or_else(|| SocketError::NoGroup { group: name.to_owned(), table: place.table })?;
        chown(&early, None, Some(group.gid.as_raw())).map_err(system)?;
    }
    fs::set_permissions(&early, fs::Permissions::from_mode(place.mode)).map_err(system)?;
    fs::rename(&early, path).map_err(system)?;
    path.clone_into(&mut file.path);
    listener.set_nonblocking(true).map_err(system)?;
    Ok(Bound { socket: listener.into(), file: Some(file), listen })
}

/// Removes a socket file that nobody answers on.
fn clear(path: &Path, place: &Place<'_>) -> Result<(), SocketError> {
    let system = |source| SocketError::System { listen: format!("unix:{}", path.display()), source };
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(system(e)),
    };
    if !found.file_type().is_socket() {
        return Err(SocketError::NoSocket { path: path.to_owned(), key: place.name() });
    }
    match unix::UnixStream::connect(path) {
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(system),
        Err(e) => Err(system(e)),
        Ok(_) => Err(SocketError::InUse { at: path.display().to_string(), key: place.name() }),
    }
}

fn bind_tcp(address: SocketAddr, place: &Place<'_>) -> Result<Bound, SocketError> {
    let listen = || -> io::Result<OwnedFd> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    match listen() {
        Ok(socket) => Ok(Bound { socket, file: None, listen: address.to_string() }),
        Err(e) if e.kind() == io::ErrorKind::AddrInUse => {
            Err(SocketError::InUse { at: address.to_string(), key: place.name() })
        }
        Err(source) => Err(SocketError::System { listen: address.to_string(), source }),
    }
}

fn passed(place: &Place<'_>) -> Result<Bound, SocketError> {
    let listen = "the socket that systemd passed".to_owned();
    let mut passed = listenfd::ListenFd::from_env();
    let socket: OwnedFd = if let Ok(Some(listener)) = passed.take_unix_listener(0) {
        listener.into()
    } else if let Ok(Some(listener)) = passed.take_tcp_listener(0) {
        listener.into()
    } else {
        return Err(SocketError::NotPassed(place.name()));
    };
    match SockRef::from(&socket).set_nonblocking(true) {
        Ok(()) => Ok(Bound { socket, file: None, listen }),
        Err(source) => Err(SocketError::System { listen, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(path: &Path, group: Option<&str>) -> Result<Socket, SocketError> {
        let listen = Listen::Unix(path.to_owned());
        Socket::bind(&Place { table: "socketmap", key: "listen", listen: &listen, mode: 0o640, group })
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_removed_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.sock");
        drop(unix::UnixListener::bind(&path).unwrap());
        let socket = bind(&path, None).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode, socket.name()), (0o640, format!("unix:{}", path.display())));
        drop(socket);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_living_socket_is_refused_and_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.sock");
        let alive = unix::UnixListener::bind(&path).unwrap();
        let refused =
            format!("another process answers on {}: stop it, or set another socketmap.listen", path.display());
        assert_eq!(bind(&path, None).unwrap_err().to_string(), refused);
        assert!(path.exists());
        drop(alive);
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_refused_and_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.sock");
        fs::write(&path, "precious").unwrap();
        let refused = format!("{} exists and is no socket: remove it, or set another socketmap.listen", path.display());
        assert_eq!(bind(&path, None).unwrap_err().to_string(), refused);
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[tokio::test]
    async fn the_successors_socket_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.sock");
        let first = bind(&path, None).unwrap();
        fs::remove_file(&path).unwrap();
        let second = unix::UnixListener::bind(&path).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
    }

    #[tokio::test]
    async fn an_unknown_group_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.sock");
        assert_eq!(
            bind(&path, Some("no-such-group")).unwrap_err().to_string(),
            "group \"no-such-group\" of socketmap.socket_group does not exist"
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
