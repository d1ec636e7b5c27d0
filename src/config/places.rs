//! Readers of places outside: doors' sockets, the store's folder, URLs of sinks.
//!
//! Given the text of a value, and the folder that relative paths start from; gives back the place, or why it is refused
//! and what to write. Opens nothing. The URL of a sink may hold secrets in its path and query, so no fault quotes it.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

use url::{Host, Url};

use super::{HttpListen, Listen, fault::Wrong};

/// Octets of a UNIX socket's path, without its final NUL (`sun_path` of Linux).
const SOCKET_PATH: usize = 107;

/// A door that the MTA comes to, with the socket that is proposed where another is refused.
#[derive(Clone, Copy)]
pub(super) struct Door {
    /// What is spoken there.
    pub(super) protocol: &'static str,
    file: &'static str,
    port: u16,
    /// Whether it may have the socket that systemd passes: one door at most can have it.
    systemd: bool,
}

/// `[milter]`
pub(super) const MILTER: Door = Door { protocol: "milter", file: "milter.sock", port: 8891, systemd: true };

/// `[socketmap]`
pub(super) const SOCKETMAP: Door = Door { protocol: "socketmap", file: "map.sock", port: 8892, systemd: false };

/// The socket of a door.
pub(super) fn listen(text: &str, base: &Path, door: Door) -> Result<Listen, Wrong> {
    let Door { file, port, systemd, .. } = door;
    if text == "systemd" && systemd {
        return Ok(Listen::Systemd);
    }
    if let Some(path) = text.strip_prefix("unix:") {
        return unix(text, path, base, file).map(Listen::Unix);
    }
    let tcp = if let Some(rest) = text.strip_prefix("inet:") {
        tcp(rest, IpAddr::V4(Ipv4Addr::LOCALHOST)).filter(SocketAddr::is_ipv4)
    } else if let Some(rest) = text.strip_prefix("inet6:") {
        tcp(rest, IpAddr::V6(Ipv6Addr::LOCALHOST)).filter(SocketAddr::is_ipv6)
    } else {
        let mut forms = vec![
            format!("\"unix:/run/leadmilter/{file}\""),
            format!("\"inet:127.0.0.1:{port}\""),
            format!("\"inet6:[::1]:{port}\""),
        ];
        forms.extend(systemd.then(|| "\"systemd\"".to_owned()));
        let last = forms.pop().unwrap_or_default();
        return Err(Wrong::value(text, "is no socket", format!("write {} or {last}", forms.join(", "))));
    };
    tcp.map(Listen::Tcp).ok_or_else(|| {
        let remedy = format!(
            "write an IP address or localhost, then the port, as \"inet:127.0.0.1:{port}\" or \"inet6:[::1]:{port}\""
        );
        Wrong::value(text, "is no address and port", remedy)
    })
}

fn unix(text: &str, path: &str, base: &Path, file: &str) -> Result<PathBuf, Wrong> {
    if path.is_empty() || path.ends_with('/') || path.contains('\0') {
        return Err(Wrong::value(text, "names no socket", format!("write \"unix:/run/leadmilter/{file}\"")));
    }
    let path = base.join(path);
    if path.as_os_str().len() > SOCKET_PATH {
        return Err(Wrong::value(text, "is longer than the 107 octets that a socket's path may have", "shorten it"));
    }
    Ok(path)
}

fn tcp(text: &str, localhost: IpAddr) -> Option<SocketAddr> {
    let (host, port) = text.rsplit_once(':')?;
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let port = port.parse().ok()?;
    if host == "localhost" {
        return Some(SocketAddr::new(localhost, port));
    }
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let address = match bracketed {
        Some(host) => IpAddr::V6(host.parse().ok()?),
        None => IpAddr::V4(host.parse().ok()?),
    };
    Some(SocketAddr::new(address, port))
}

/// Where an HTTP door listens.
pub(super) fn door(text: &str, base: &Path) -> Result<HttpListen, Wrong> {
    let remedy = "write \"127.0.0.1:8880\", \"[::1]:8880\" or \"unix:/run/leadmilter/http.sock\"";
    if let Some(path) = text.strip_prefix("unix:") {
        return unix(text, path, base, "http.sock").map(HttpListen::Unix);
    }
    let address = text.parse().ok().or_else(|| tcp(text, IpAddr::V4(Ipv4Addr::LOCALHOST)));
    address.map(HttpListen::Tcp).ok_or_else(|| Wrong::value(text, "is no address and port", remedy))
}

/// An origin as browsers write it: scheme, host and, if it is not the scheme's own, port (RFC 6454, section 6.1).
pub(super) fn origin(text: &str) -> Result<String, Wrong> {
    let url = Url::parse(text).ok().filter(|url| {
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        matches!(url.scheme(), "http" | "https") && bare && url.password().is_none()
    });
    let remedy = "write scheme and host, as \"https://company.ru\"";
    url.map(|url| url.origin().ascii_serialization()).ok_or_else(|| Wrong::value(text, "is no origin", remedy))
}

/// The folder of the embedded store.
pub(super) fn store(text: &str, base: &Path) -> Result<PathBuf, Wrong> {
    let remedy = "write \"sqlite:\" and a folder, as \"sqlite:/var/lib/leadmilter\"";
    if text.starts_with("postgresql:") || text.starts_with("postgres:") {
        // Without the value: such a URL may hold a password.
        return Err(Wrong::new("this version does not have PostgreSQL yet", remedy));
    }
    let Some(folder) = text.strip_prefix("sqlite:") else {
        return Err(Wrong::new("this is no store", remedy));
    };
    if folder.is_empty() || folder.starts_with("//") || folder.contains('\0') {
        return Err(Wrong::value(text, "names no folder", remedy));
    }
    Ok(base.join(folder))
}

/// Where a sink posts to.
pub(super) fn destination(text: &str) -> Result<Url, Wrong> {
    let remedy = "write it as \"https://crm.company.ru/hooks/leads\"";
    let url = Url::parse(text).map_err(|error| Wrong::new(format!("this is no URL ({error})"), remedy))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Wrong::new("this URL is neither http nor https", remedy));
    }
    if url.host().is_none() {
        return Err(Wrong::new("this URL has no host", remedy));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let remedy = "remove the part before the @: the receiver knows us by the signature that secret_file makes";
        return Err(Wrong::new("this URL holds a user or a password", remedy));
    }
    Ok(url)
}

/// The proxy of a sink.
pub(super) fn proxy(text: &str) -> Result<Url, Wrong> {
    let remedy = "write it as \"http://proxy.company.ru:3128\"";
    let url = Url::parse(text).map_err(|error| Wrong::new(format!("this is no URL ({error})"), remedy))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(Wrong::new("this is no proxy for HTTP", remedy));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Wrong::new("this URL holds a user or a password", "let the proxy know this host by its address"));
    }
    Ok(url)
}

/// Whether a URL leads to this host only.
pub(super) fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_have_three_forms() {
        let unix = |path: &str| Some(Listen::Unix(path.into()));
        let tcp = |text: &str| Some(Listen::Tcp(text.parse().unwrap()));
        let rows = [
            ("unix:/run/leadmilter/milter.sock", unix("/run/leadmilter/milter.sock")),
            ("unix:milter.sock", unix("/etc/leadmilter/milter.sock")),
            ("inet:127.0.0.1:8891", tcp("127.0.0.1:8891")),
            ("inet:0.0.0.0:0", tcp("0.0.0.0:0")),
            ("inet:localhost:8891", tcp("127.0.0.1:8891")),
            ("inet6:[::1]:8891", tcp("[::1]:8891")),
            ("inet6:localhost:8891", tcp("[::1]:8891")),
            ("systemd", Some(Listen::Systemd)),
            ("unix:", None),
            ("unix:/run/leadmilter/", None),
            ("/run/leadmilter/milter.sock", None),
            ("inet:8891@localhost", None),
            ("inet:mx1.company.ru:8891", None),
            ("inet:127.0.0.1", None),
            ("inet:127.0.0.1:", None),
            ("inet:127.0.0.1:+1", None),
            ("inet:127.0.0.1:65536", None),
            ("inet:[::1]:8891", None),
            ("inet6:::1:8891", None),
            ("inet6:127.0.0.1:8891", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(listen(text, Path::new("/etc/leadmilter"), MILTER).ok(), expected, "{text}");
        }
        assert!(listen(&format!("unix:/{}", "a".repeat(107)), Path::new("/"), MILTER).is_err());
        assert!(listen("systemd", Path::new("/"), SOCKETMAP).is_err());
    }

    #[test]
    fn a_store_is_a_folder() {
        let rows = [
            ("sqlite:/var/lib/leadmilter", Some("/var/lib/leadmilter")),
            ("sqlite:leads", Some("/etc/leadmilter/leads")),
            ("sqlite:", None),
            ("sqlite://var/lib/leadmilter", None),
            ("/var/lib/leadmilter", None),
        ];
        for (text, expected) in rows {
            assert_eq!(store(text, Path::new("/etc/leadmilter")).ok(), expected.map(PathBuf::from), "{text}");
        }
    }

    #[test]
    fn no_fault_quotes_what_may_be_secret() {
        let base = Path::new("/");
        let faults = [
            store("postgresql://lead:hunter2@db/leads", base).unwrap_err(),
            store("mysql://lead:hunter2@db/leads", base).unwrap_err(),
            destination("https://lead:hunter2@crm.company.ru/").unwrap_err(),
            destination("https://[hunter2/").unwrap_err(),
            destination("ftp://crm.company.ru/hunter2").unwrap_err(),
            destination("hunter2").unwrap_err(),
        ];
        for fault in faults {
            assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
        }
    }

    #[test]
    fn only_this_host_is_local() {
        let rows = [
            ("http://localhost:8080/", true),
            ("http://127.1.2.3/", true),
            ("http://[::1]/", true),
            ("http://crm.localhost/", true),
            ("http://crm.company.ru/", false),
            ("http://192.0.2.1/", false),
            ("http://localhost.company.ru/", false),
        ];
        for (text, local) in rows {
            assert_eq!(is_local(&destination(text).unwrap()), local, "{text}");
        }
    }
}
