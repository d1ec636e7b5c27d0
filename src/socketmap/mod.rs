//! The socket map door: an MTA asks here whether an address is a substitute, and of which mailbox.
//!
//! Speaks the protocol of Postfix's socketmap_table(5) and of Sendmail's map class `socket`: `netstring` is its framing,
//! `session` one connection. [`answer`] knows the one map, `lead-alias`. Whatever is no substitute of ours is answered with
//! NOTFOUND at once, and nothing is ever answered with TEMP: mail to other addresses must not suffer from this door.
//! Answers come from the table of the config in force, so nothing here waits for anything but the peer.

mod netstring;
mod session;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use arc_swap::ArcSwap;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use netstring::{Decoder, Garbage};

use crate::{
    address::Address,
    config,
    intake::Intake,
    metrics::Metrics,
    resolve::{Resolution, Table},
    socket::{Acceptor, Place, Socket, SocketError},
};

/// The map that leads substitute addresses to their mailboxes.
const MAP: &str = "lead-alias";

/// What it may be asked for by: Sendmail's names hold no hyphen, and its virtusertable is always called `virtuser`.
const NAMES: [&str; 3] = [MAP, "lead_alias", "virtuser"];

/// The open door.
#[derive(Debug)]
pub struct Door {
    stop: CancellationToken,
    ended: JoinHandle<()>,
}

/// What every connection shares.
#[derive(Debug)]
struct Shared {
    intake: Arc<ArcSwap<Intake>>,
    metrics: Arc<Metrics>,
    /// Whether the operator has been told of an MTA that asks for another map: once, not with every letter.
    told_unknown: AtomicBool,
}

/// What a request is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The address stands for this mailbox, spelled as configured.
    Mailbox(String),
    /// Not a substitute address of ours.
    NotFound,
    /// There is no such map.
    NoMap,
}

impl Answer {
    /// The reply's payload.
    pub fn payload(&self) -> String {
        match self {
            Self::Mailbox(mailbox) => format!("OK {mailbox}"),
            Self::NotFound | Self::NoMap => "NOTFOUND ".to_owned(),
        }
    }
}

/// Answers a request's payload: `lead-alias info+m11@company.ru`.
///
/// Postfix asks with the letter case of the client, and Sendmail for `@company.ru` too, which is no address.
pub fn answer(table: &Table, request: &[u8]) -> Answer {
    let mut parts = request.splitn(2, |octet| *octet == b' ');
    let (map, key) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if !NAMES.iter().any(|name| name.as_bytes() == map) {
        return Answer::NoMap;
    }
    let Some(address) = std::str::from_utf8(key).ok().and_then(Address::parse) else { return Answer::NotFound };
    match table.resolve(&address) {
        Resolution::Channel(substitute) | Resolution::Visit(substitute) => {
            Answer::Mailbox(substitute.mailbox.spelled.clone())
        }
        // The mailbox itself too: an alias that leads to itself would be a loop.
        Resolution::Mailbox(_) | Resolution::Unknown { .. } | Resolution::Foreign => Answer::NotFound,
    }
}

impl Door {
    /// Opens it, where the config wants one.
    pub fn open(intake: &Arc<ArcSwap<Intake>>, metrics: &Arc<Metrics>) -> Result<Option<Self>, SocketError> {
        let held = intake.load();
        let Some(config::Socketmap { listen, socket_mode, socket_group, max_connections }) = &held.config.socketmap
        else {
            return Ok(None);
        };
        let group = socket_group.as_deref();
        let socket = Socket::bind(&Place { table: "socketmap", key: "listen", listen, mode: *socket_mode, group })?;
        info!("socket map {MAP} is served at {}", socket.name());
        let acceptor = Acceptor::new(socket, *max_connections, Arc::clone(metrics));
        let (intake, metrics) = (Arc::clone(intake), Arc::clone(metrics));
        let shared = Arc::new(Shared { intake, metrics, told_unknown: AtomicBool::new(false) });
        let stop = CancellationToken::new();
        Ok(Some(Self { ended: tokio::spawn(accept(acceptor, shared, stop.clone())), stop }))
    }

    /// Closes it: connections end, and the socket's file is removed.
    pub async fn close(self) {
        self.stop.cancel();
        // A panic has told itself.
        drop(self.ended.await);
    }
}

async fn accept(mut acceptor: Acceptor, shared: Arc<Shared>, stop: CancellationToken) {
    loop {
        tokio::select! {
            connection = acceptor.accept() => {
                let (shared, stop) = (Arc::clone(&shared), stop.clone());
                tokio::spawn(stop.run_until_cancelled_owned(async move { session::serve(connection, &shared).await }));
            }
            () = stop.cancelled() => return,
        }
    }
}

impl Shared {
    /// The reply to a request.
    fn reply(&self, request: &[u8]) -> String {
        let answer = answer(&self.intake.load().table, request);
        self.metrics.map_lookups.one();
        match &answer {
            Answer::Mailbox(_) => self.metrics.map_found.one(),
            Answer::NoMap if !self.told_unknown.swap(true, Ordering::Relaxed) => {
                let map: Vec<u8> = request.iter().copied().take_while(|octet| *octet != b' ').take(64).collect();
                let map = String::from_utf8_lossy(&map);
                warn!("the mail server asks for the socket map {map:?}, and there is only {MAP}");
            }
            Answer::NotFound | Answer::NoMap => {}
        }
        answer.payload()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{Channel, Mailbox, Utm};
    use proptest::prelude::*;

    fn table() -> Table {
        let mailbox = Mailbox {
            address: Address::parse("info@company.ru").unwrap(),
            spelled: "Info@Company.ru".into(),
            separators: "+.-".into(),
            rewrite: false,
        };
        let channel = Channel {
            id: "m11".into(),
            name: "m11".into(),
            mailbox: mailbox.address.clone(),
            addresses: ["info+m11@company.ru", "m11@leads.company.ru", "ад@компания.рф"]
                .map(|text| Address::parse(text).unwrap())
                .to_vec(),
            utm: Utm::default(),
            tags: Vec::new(),
        };
        Table::new(&[mailbox], &[channel])
    }

    #[test]
    fn a_substitute_is_answered_with_its_mailbox_and_all_else_is_not_found() {
        let found = || Answer::Mailbox("Info@Company.ru".to_owned());
        let rows = [
            ("lead-alias info+m11@company.ru", found()),
            ("lead_alias m11@leads.company.ru", found()),
            ("virtuser M11@LEADS.Company.RU", found()),
            ("lead-alias \"info+m11\"@company.ru", found()),
            ("lead-alias ад@xn--80aqeigdi5k.xn--p1ai", found()),
            ("lead-alias info@company.ru", Answer::NotFound),
            ("lead-alias info+other@company.ru", Answer::NotFound),
            ("lead-alias m12@leads.company.ru", Answer::NotFound),
            ("lead-alias ivan@elsewhere.example", Answer::NotFound),
            ("virtuser @company.ru", Answer::NotFound),
            ("virtuser @leads.company.ru", Answer::NotFound),
            ("lead-alias  info+m11@company.ru", Answer::NotFound),
            ("lead-alias info+m11@company.ru ", Answer::NotFound),
            ("lead-alias info", Answer::NotFound),
            ("lead-alias ", Answer::NotFound),
            ("lead-alias", Answer::NotFound),
            ("Lead-Alias info+m11@company.ru", Answer::NoMap),
            ("lead-aliases info+m11@company.ru", Answer::NoMap),
            (" info+m11@company.ru", Answer::NoMap),
            ("", Answer::NoMap),
        ];
        for (request, expected) in rows {
            assert_eq!(answer(&table(), request.as_bytes()), expected, "{request}");
        }
        assert_eq!(answer(&table(), b"lead-alias info+m11\xff@company.ru"), Answer::NotFound);
    }

    #[test]
    fn a_request_that_was_cut_short_names_no_address() {
        let key = format!("info+m11@company.ru{}", " ".repeat(netstring::KEPT));
        let request = format!("lead_alias {key}");
        assert_eq!(answer(&table(), &request.as_bytes()[..netstring::KEPT]), Answer::NotFound);
    }

    proptest! {
        #[test]
        fn no_request_panics_and_no_reply_is_an_error(request in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(matches!(answer(&table(), &request), Answer::NotFound | Answer::NoMap));
            prop_assert!(matches!(answer(&table(), &[b"lead-alias ", &request[..]].concat()), Answer::NotFound));
        }
    }
}
