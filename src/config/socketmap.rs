//! `[socketmap]`: where an MTA may ask for substitute addresses.

use super::Listen;

/// `[socketmap]`: the socket that the MTA asks whether an address is a substitute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socketmap {
    /// Where to listen; never `systemd`, whose socket is the milter's.
    pub listen: Listen,
    /// Mode of a UNIX socket.
    pub socket_mode: u32,
    /// Group of a UNIX socket; the process's own if absent.
    pub socket_group: Option<String>,
    /// Connections at a time; one more is closed at once.
    pub max_connections: usize,
}
