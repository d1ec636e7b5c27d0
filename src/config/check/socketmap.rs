//! `[socketmap]`: where the MTA asks for substitute addresses, if it does.
//!
//! Without `listen` there is no such door, and other keys of the section are rarely meant.

use std::path::Path;

use super::{
    super::{
        Listen, Milter, Socketmap, defaults,
        fault::Wrong,
        file,
        findings::{Findings, Key},
        names, places, units,
    },
    CONNECTIONS, listen,
};

/// The door, if there is one.
pub(super) fn socketmap(
    given: &file::Socketmap,
    milter: &Milter,
    base: &Path,
    findings: &mut Findings,
) -> Option<Socketmap> {
    let section = Key::Root.name("socketmap");
    let listen = listen(&section, places::SOCKETMAP, given.listen.as_ref(), base, findings);
    // A port of 0 is another one each time.
    let is_free = !matches!(milter.listen, Listen::Tcp(address) if address.port() == 0);
    if let Some(text) = given.listen.as_ref().filter(|_| is_free && listen.as_ref() == Some(&milter.listen)) {
        let wrong = Wrong::value(text.get_ref(), "is the milter's socket", "give each of the two a socket of its own");
        findings.fault(&section.name("listen"), Some(&text.span()), wrong);
    }
    let mode = findings.read(&section.name("socket_mode"), given.socket_mode.as_ref(), units::mode);
    let socket_group = findings.read(&section.name("socket_group"), given.socket_group.as_ref(), names::group);
    let connections = findings.number(&section.name("max_connections"), given.max_connections.as_ref(), CONNECTIONS);
    let is_meant = given.socket_mode.is_some() || socket_group.is_some() || connections.is_some();
    if given.listen.is_none() && is_meant {
        let wrong = Wrong::new("without it there is no socket map", "add listen = \"unix:/run/leadmilter/map.sock\"");
        findings.warn(&section.name("listen"), None, wrong);
    }
    Some(Socketmap {
        listen: listen?,
        socket_mode: mode.unwrap_or(defaults::MAP_MODE),
        socket_group,
        max_connections: connections.unwrap_or(defaults::MAP_CONNECTIONS),
    })
}
