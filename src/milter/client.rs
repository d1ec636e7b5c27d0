//! What the MTA tells about a message in macros, whichever MTA it is and whatever it leaves out.

use std::{ffi::CStr, net::IpAddr};

use indymilter::Macros;

use crate::classify::Origin;

const QUEUE_ID: &CStr = c"i";
const CLIENT_ADDRESS: &CStr = c"{client_addr}";
const AUTHENTICATED: &CStr = c"{auth_authen}";
const DAEMON: &CStr = c"{daemon_name}";

/// Whether a macro of that name is the queue id, which the library finds in both forms.
pub fn is_queue_id(name: &[u8]) -> bool {
    matches!(name, b"i" | b"{i}")
}

/// Whether a macro of that name is read here.
pub fn is_read(name: &[u8]) -> bool {
    is_queue_id(name) || [CLIENT_ADDRESS, AUTHENTICATED, DAEMON].iter().any(|read| read.to_bytes() == name)
}

/// The queue id, if the MTA has given one yet.
pub fn queue_id(macros: &Macros) -> Option<String> {
    text(macros, QUEUE_ID).map(str::to_owned)
}

/// The client's address: Sendmail writes `IPv6:2001:db8::1`, and an IPv4 client of an IPv6 socket may come as
/// `::ffff:192.0.2.1`.
pub fn client_address(macros: &Macros) -> Option<IpAddr> {
    text(macros, CLIENT_ADDRESS).and_then(parse_address)
}

/// How the message came in. Postfix and Sendmail set `{auth_authen}` for clients that authenticated themselves; a
/// submission service is given ORIGINATING as its name by `milter_macro_daemon_name`.
pub fn origin(macros: &Macros) -> Origin {
    Origin {
        client: client_address(macros),
        authenticated: text(macros, AUTHENTICATED).is_some(),
        originating: text(macros, DAEMON) == Some("ORIGINATING"),
    }
}

fn text<'a>(macros: &'a Macros, name: &CStr) -> Option<&'a str> {
    macros.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
}

fn parse_address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let (start, rest) = bare.split_at_checked(5).unwrap_or(("", bare));
    let bare = if start.eq_ignore_ascii_case("IPv6:") { rest } else { bare };
    bare.parse().ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn client_addresses_of_both_mtas_are_read() {
        let rows = [
            ("192.0.2.1", Some("192.0.2.1")),
            ("IPv6:2001:db8:0:0:0:0:0:1", Some("2001:db8::1")),
            ("IPv6:::1", Some("::1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("[192.0.2.1]", Some("192.0.2.1")),
            ("unknown", None),
            ("", None),
            ("IPv6:", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_address(text).map(|address| address.to_string()).as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(IPv6:|ipv6|\\[|::ffff:)?\\PC{0,20}|[\\[\\]:.0-9a-f]{0,40}") {
            let _unused = parse_address(&text);
        }

        #[test]
        fn every_address_is_read_in_both_forms(address in any::<std::net::IpAddr>()) {
            prop_assert_eq!(parse_address(&address.to_string()), Some(address.to_canonical()));
            prop_assert_eq!(parse_address(&format!("[IPv6:{address}]")), Some(address.to_canonical()));
            prop_assert_eq!(parse_address(&format!("IPv6:{address}")), Some(address.to_canonical()));
        }
    }
}
