//! A door's socket: UNIX with mode and group set before anyone can connect, TCP, or the one passed by systemd.
//!
//! Given a [`Place`]; gives back a [`Socket`] that listens, or why there is none, in words of the door's own config keys.
//! An [`Acceptor`] makes [`Connection`]s of it, whatever accept(2) says, and bounds their number. A socket file that nobody answers on is a leftover and is replaced; one that somebody answers on, or a file that is
//! no socket, is left alone and refused with a reason. Removes its own socket file when dropped, and no other's.

mod accept;
mod connection;
mod presence;

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt, chown},
        net as unix,
    },
    path::{Path, PathBuf},
    task::{Context, Poll, ready},
};

use nix::unistd::Group;
use socket2::{Domain, Protocol, Type};
use tokio::net::{TcpListener, UnixListener};

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
    io: Io,
    /// Table of the config that has the door's keys.
    table: &'static str,
}

#[derive(Debug)]
enum Io {
    /// A UNIX socket, and the file to remove at the end.
    Unix(UnixListener, Option<SocketFile>),
    /// A TCP socket.
    Tcp(TcpListener),
}

/// Why a socket could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Somebody answers there.
    #[error("another process answers on {}: stop it, or set another {key}", path.display())]
    InUse {
        /// The socket's file.
        path: PathBuf,
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
        let io = match place.listen {
            Listen::Unix(path) => bind_unix(path, place),
            Listen::Tcp(address) => bind_tcp(*address),
            Listen::Systemd => passed(place),
        };
        Ok(Self { io: io?, table: place.table })
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Connection>> {
        Poll::Ready(match &self.io {
            Io::Unix(listener, _) => ready!(listener.poll_accept(cx)).map(|(stream, _)| Connection::unix(stream)),
            Io::Tcp(listener) => ready!(listener.poll_accept(cx)).map(|(stream, _)| Connection::tcp(stream)),
        })
    }

    /// Where it listens, for the log: the port is the bound one.
    pub fn name(&self) -> String {
        match &self.io {
            Io::Unix(_, Some(file)) => format!("unix:{}", file.path.display()),
            Io::Unix(_, None) => "systemd".to_owned(),
            Io::Tcp(listener) => match listener.local_addr() {
                Ok(address @ SocketAddr::V4(_)) => format!("inet:{address}"),
                Ok(address) => format!("inet6:{address}"),
                Err(_) => "inet:unknown".to_owned(),
            },
        }
    }
}

fn bind_unix(path: &Path, place: &Place<'_>) -> Result<Io, SocketError> {
    let system = |source| SocketError::System { listen: format!("unix:{}", path.display()), source };
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
    let listener = UnixListener::from_std(listener).map_err(system)?;
    Ok(Io::Unix(listener, Some(file)))
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
        Ok(_) => Err(SocketError::InUse { path: path.to_owned(), key: place.name() }),
    }
}

fn bind_tcp(address: SocketAddr) -> Result<Io, SocketError> {
    let system = |source| SocketError::System { listen: address.to_string(), source };
    let listen = || {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into())
    };
    listen().map(Io::Tcp).map_err(system)
}

fn passed(place: &Place<'_>) -> Result<Io, SocketError> {
    let system = |source| SocketError::System { listen: "the socket that systemd passed".into(), source };
    let mut passed = listenfd::ListenFd::from_env();
    if let Ok(Some(listener)) = passed.take_unix_listener(0) {
        listener.set_nonblocking(true).map_err(system)?;
        return UnixListener::from_std(listener).map(|listener| Io::Unix(listener, None)).map_err(system);
    }
    let Ok(Some(listener)) = passed.take_tcp_listener(0) else { return Err(SocketError::NotPassed(place.name())) };
    listener.set_nonblocking(true).map_err(system)?;
    TcpListener::from_std(listener).map(Io::Tcp).map_err(system)
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
