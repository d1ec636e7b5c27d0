//! Binds the milter's socket: UNIX with mode and group set before anyone can connect, TCP, or one passed by systemd.
//!
//! A socket file that nobody answers on is a leftover and is replaced; one that somebody answers on, or a file that is
//! no socket, is left alone and refused with a reason. Removes its own socket file when dropped, and no other's.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt, chown},
        net as unix,
    },
    path::{Path, PathBuf},
};

use nix::unistd::Group;
use socket2::{Domain, Protocol, Type};
use tokio::net::{TcpListener, UnixListener};

use crate::config::{Listen, Milter};

/// Connections waiting for accept.
const BACKLOG: i32 = 1024;

/// A bound socket.
#[derive(Debug)]
pub enum Socket {
    /// A UNIX socket, and the file to remove at the end.
    Unix(UnixListener, Option<SocketFile>),
    /// A TCP socket.
    Tcp(TcpListener),
}

/// Why a socket could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Somebody answers there.
    #[error("another process answers on {}: stop it, or set another milter.listen", .0.display())]
    InUse(PathBuf),
    /// A file is in the way.
    #[error("{} exists and is no socket: remove it, or set another milter.listen", .0.display())]
    NoSocket(PathBuf),
    /// No such group.
    #[error("group {0:?} of milter.socket_group does not exist")]
    NoGroup(String),
    /// systemd passed nothing.
    #[error("milter.listen is \"systemd\", and systemd passed no socket: start leadmilter.socket")]
    NotPassed,
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

impl Socket {
    /// Binds what the config names.
    pub fn bind(config: &Milter) -> Result<Self, SocketError> {
        match &config.listen {
            Listen::Unix(path) => bind_unix(path, config),
            Listen::Tcp(address) => bind_tcp(*address),
            Listen::Systemd => passed(),
        }
    }

    /// Where it listens, for the log: the port is the bound one.
    pub fn name(&self) -> String {
        match self {
            Self::Unix(_, Some(file)) => format!("unix:{}", file.path.display()),
            Self::Unix(_, None) => "systemd".to_owned(),
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address @ SocketAddr::V4(_)) => format!("inet:{address}"),
                Ok(address) => format!("inet6:{address}"),
                Err(_) => "inet:unknown".to_owned(),
            },
        }
    }
}

fn bind_unix(path: &Path, config: &Milter) -> Result<Socket, SocketError> {
    let system = |source| SocketError::System { listen: format!("unix:{}", path.display()), source };
    clear(path)?;
    // Bound under another name first: mode and group are right from the first moment the real name exists.
    let mut early = path.as_os_str().to_owned();
    early.push(format!(".{}", std::process::id()));
    let early = PathBuf::from(early);
    clear(&early)?;
    let listener = unix::UnixListener::bind(&early).map_err(system)?;
    let mut file = SocketFile { path: early.clone(), inode: fs::symlink_metadata(&early).map_err(system)?.ino() };
    if let Some(name) = &config.socket_group {
        let group = Group::from_name(name).map_err(|e| system(e.into()))?;
        let group = group.ok_or_else(|| SocketError::NoGroup(name.clone()))?;
        chown(&early, None, Some(group.gid.as_raw())).map_err(system)?;
    }
    fs::set_permissions(&early, fs::Permissions::from_mode(config.socket_mode)).map_err(system)?;
    fs::rename(&early, path).map_err(system)?;
    path.clone_into(&mut file.path);
    listener.set_nonblocking(true).map_err(system)?;
    let listener = UnixListener::from_std(listener).map_err(system)?;
    Ok(Socket::Unix(listener, Some(file)))
}

/// Removes a socket file that nobody answers on.
fn clear(path: &Path) -> Result<(), SocketError> {
    let system = |source| SocketError::System { listen: format!("unix:{}", path.display()), source };
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(system(e)),
    };
    if !found.file_type().is_socket() {
        return Err(SocketError::NoSocket(path.to_owned()));
    }
    match unix::UnixStream::connect(path) {
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(system),
        Err(e) => Err(system(e)),
        Ok(_) => Err(SocketError::InUse(path.to_owned())),
    }
}

fn bind_tcp(address: SocketAddr) -> Result<Socket, SocketError> {
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
    listen().map(Socket::Tcp).map_err(system)
}

fn passed() -> Result<Socket, SocketError> {
    let system = |source| SocketError::System { listen: "the socket that systemd passed".into(), source };
    let mut passed = listenfd::ListenFd::from_env();
    if let Ok(Some(listener)) = passed.take_unix_listener(0) {
        listener.set_nonblocking(true).map_err(system)?;
        return UnixListener::from_std(listener).map(|listener| Socket::Unix(listener, None)).map_err(system);
    }
    let Ok(Some(listener)) = passed.take_tcp_listener(0) else { return Err(SocketError::NotPassed) };
    listener.set_nonblocking(true).map_err(system)?;
    TcpListener::from_std(listener).map(Socket::Tcp).map_err(system)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(path: &Path) -> Milter {
        Milter {
            listen: Listen::Unix(path.to_owned()),
            socket_mode: 0o640,
            socket_group: None,
            on_error: crate::config::OnError::Accept,
            max_connections: 1,
            dry_run: false,
            budget: std::time::Duration::from_secs(1),
            drain: std::time::Duration::from_secs(1),
        }
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_removed_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("milter.sock");
        drop(unix::UnixListener::bind(&path).unwrap());
        let socket = Socket::bind(&config(&path)).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode, socket.name()), (0o640, format!("unix:{}", path.display())));
        drop(socket);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_living_socket_is_refused_and_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("milter.sock");
        let alive = unix::UnixListener::bind(&path).unwrap();
        assert!(matches!(Socket::bind(&config(&path)), Err(SocketError::InUse(_))));
        assert!(path.exists());
        drop(alive);
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_refused_and_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("milter.sock");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(Socket::bind(&config(&path)), Err(SocketError::NoSocket(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[tokio::test]
    async fn the_successors_socket_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("milter.sock");
        let first = Socket::bind(&config(&path)).unwrap();
        fs::remove_file(&path).unwrap();
        let second = unix::UnixListener::bind(&path).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
    }

    #[tokio::test]
    async fn an_unknown_group_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("milter.sock");
        let config = Milter { socket_group: Some("no-such-group".into()), ..config(&path) };
        assert_eq!(
            Socket::bind(&config).unwrap_err().to_string(),
            "group \"no-such-group\" of milter.socket_group does not exist"
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
