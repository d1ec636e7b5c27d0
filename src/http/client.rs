//! Who asks: the address of a client, as far as it can be believed.
//!
//! Given the peer of a connection, the request's `X-Forwarded-For` and the networks of the site's own proxies; gives
//! back the network that a rate is kept for. A header is a stranger's text, so it is read from its end, where our own
//! proxies have written, and only as long as each hop is one of them. Addresses are kept in memory for the rate
//! alone, and where logging in failed, in the audit log.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use axum::http::HeaderMap;
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// An address.
    Address(IpAddr),
    /// A process of this host, by a UNIX socket: whoever may write to that is trusted.
    Local,
}

/// Who keeps one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    /// An IPv4 address, an IPv6 network of 64 bits, or this host where no address is known.
    network: Option<IpAddr>,
    /// Whether that is our own proxy, which does not say for whom it asks.
    pub is_proxy: bool,
}

impl Client {
    /// The client behind `peer`.
    pub fn of(peer: Peer, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let is_ours = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
        let mut nearest = match peer {
            Peer::Local => None,
            Peer::Address(address) if !is_ours(&address.to_canonical()) => return Self::at(Some(address), false),
            Peer::Address(address) => Some(address),
        };
        // What a client wrote of it may be no text at all, and our proxy's word stands behind it.
        let fields = headers.get_all(FORWARDED_FOR).into_iter();
        let hops: Vec<&[u8]> = fields.flat_map(|value| value.as_bytes().split(|octet| *octet == b',')).collect();
        let mut is_proxy = true;
        for hop in hops.into_iter().rev() {
            // What is no address was not written by a proxy that can be believed any further.
            let Some(address) = std::str::from_utf8(hop).ok().and_then(|hop| parse(hop.trim())) else { break };
            nearest = Some(address);
            is_proxy = false;
            if !is_ours(&address) {
                break;
            }
        }
        Self::at(nearest, is_proxy)
    }

    fn at(address: Option<IpAddr>, is_proxy: bool) -> Self {
        let network = address.map(|address| match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        });
        Self { network, is_proxy }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.network {
            Some(network @ IpAddr::V4(_)) => write!(f, "{network}"),
            Some(network @ IpAddr::V6(_)) => write!(f, "{network}/64"),
            None => f.write_str("this host"),
        }
    }
}

/// `192.0.2.1`, `192.0.2.1:50000`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:50000`.
fn parse(hop: &str) -> Option<IpAddr> {
    let bare = match hop.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => hop.split_once(':').filter(|(_, port)| !port.contains(':')).map_or(hop, |(address, _)| address),
    };
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    /// The client's network, `-` for none, with a `!` behind it where it is a proxy.
    fn client(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            // A character is an octet.
            let octets: Vec<u8> = value.chars().map(|octet| u8::try_from(octet).unwrap()).collect();
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(&octets).unwrap());
        }
        let trusted = ["127.0.0.1/32", "::1/128", "10.0.0.0/8"].map(|network| network.parse().unwrap());
        let peer = if peer.is_empty() { Peer::Local } else { Peer::Address(peer.parse().unwrap()) };
        let client = Client::of(peer, &headers, &trusted);
        let network = client.network.map_or("-".to_owned(), |network| network.to_string());
        if client.is_proxy { network + "!" } else { network }
    }

    #[test]
    fn the_rightmost_hop_that_is_none_of_our_proxies_is_the_client() {
        let rows: [(&str, &[&str], &str); 19] = [
            ("192.0.2.9", &[], "192.0.2.9"),
            ("192.0.2.9", &["198.51.100.7"], "192.0.2.9"),
            ("127.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("127.0.0.1", &["1.2.3.4, 198.51.100.7"], "198.51.100.7"),
            ("127.0.0.1", &["1.2.3.4", "198.51.100.7, 10.1.1.1"], "198.51.100.7"),
            ("::1", &["1.2.3.4,198.51.100.7,10.1.1.1,10.2.2.2"], "198.51.100.7"),
            ("127.0.0.1", &["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
            ("127.0.0.1", &["1.2.3.4, unknown"], "127.0.0.1!"),
            ("127.0.0.1", &["1.2.3.4, evil, 10.1.1.1"], "10.1.1.1"),
            ("127.0.0.1", &["\u{ff}, 198.51.100.7"], "198.51.100.7"),
            ("127.0.0.1", &[""], "127.0.0.1!"),
            ("127.0.0.1", &[], "127.0.0.1!"),
            ("::ffff:127.0.0.1", &["::ffff:198.51.100.7"], "198.51.100.7"),
            ("127.0.0.1", &["198.51.100.7:50000"], "198.51.100.7"),
            ("127.0.0.1", &["[2001:db8:1:2:3:4:5:6]:443"], "2001:db8:1:2::"),
            ("127.0.0.1", &["2001:db8:1:2::7"], "2001:db8:1:2::"),
            ("2001:db8:1:2:ffff::1", &[], "2001:db8:1:2::"),
            ("", &["1.2.3.4, 198.51.100.7"], "198.51.100.7"),
            ("", &[], "-!"),
        ];
        for (peer, forwarded, expected) in rows {
            assert_eq!(client(peer, forwarded), expected, "{peer} {forwarded:?}");
        }
    }

    proptest! {
        #[test]
        fn a_stranger_cannot_choose_who_they_are(forged in "[ -~\u{80}-\u{ff}]{0,60}") {
            let forwarded = format!("{forged}, 198.51.100.7");
            prop_assert_eq!(client("127.0.0.1", &[&forwarded]), "198.51.100.7");
            prop_assert_eq!(client("192.0.2.9", &[&forged]), "192.0.2.9");
        }
    }
}
