//! The socket map of a running daemon, and an MTA's side of its protocol, octet by octet; addresses issued to visits.

use std::{
    io::{Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    path::Path,
};

use leadmilter::{
    clock::Millis,
    intake::Intake,
    store::Store,
    token::{Claim, Token},
    visit::{Details, NewVisit, Touchpoint},
};

use crate::{
    company::Company,
    postfix_house::{Daemon, PATIENCE},
};

/// A connection to the socket map.
pub struct Map<S>(S);

impl Map<UnixStream> {
    /// Over a UNIX socket.
    pub fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }
}

impl Map<TcpStream> {
    /// Over TCP, where the daemon said that it listens.
    pub fn connect_tcp(daemon: &Daemon) -> Self {
        let log = daemon.log();
        let (_, rest) = log.split_once("is served at ").unwrap();
        let address = rest.lines().next().unwrap().split_once(':').unwrap().1;
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }
}

impl<S: Read + Write> Map<S> {
    /// Sends octets as they are.
    pub fn write(&mut self, octets: &[u8]) {
        self.0.write_all(octets).unwrap();
    }

    /// The payload of the next reply.
    pub fn reply(&mut self) -> String {
        let mut length = String::new();
        let mut octet = [0];
        while octet != *b":" {
            self.0.read_exact(&mut octet).unwrap();
            length.push(char::from(octet[0]));
        }
        let mut payload = vec![0; length.trim_end_matches(':').parse::<usize>().unwrap() + 1];
        self.0.read_exact(&mut payload).unwrap();
        assert_eq!(payload.pop(), Some(b','));
        String::from_utf8(payload).unwrap()
    }

    /// Asks for a key of `lead-alias`.
    pub fn ask(&mut self, key: &str) -> String {
        self.write(&netstring(&format!("lead-alias {key}")));
        self.reply()
    }

    /// What still comes until the daemon closes the connection.
    pub fn rest(mut self) -> String {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => {}
            // Closed with our octets unread.
            Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::ConnectionReset, "{e}"),
        }
        String::from_utf8(rest).unwrap()
    }
}

/// A request as it goes over the wire.
pub fn netstring(payload: &str) -> Vec<u8> {
    format!("{}:{payload},", payload.len()).into_bytes()
}

/// Records a visit that came through Yandex Direct, as the daemon would, which must not run yet; gives back its token.
pub fn issue(company: &Company) -> Token {
    let config = company.config();
    let store = Store::open_for(&config).unwrap();
    let intake = Intake::new(config);
    let visits = store.visits().unwrap();
    let tokens = intake.table.tokens().unwrap();
    let issued = async {
        loop {
            let id = visits.next_id().await.unwrap();
            let Some(token) = tokens.mint(id) else { continue };
            let claim = Claim { id, key: tokens.mark() };
            let touchpoint = Touchpoint { channel: Some("yandex-direct".to_owned()), ..Touchpoint::default() };
            let at = Millis::now();
            visits
                .record(NewVisit {
                    claim,
                    at,
                    visitor: None,
                    is_ordered: false,
                    touchpoint,
                    details: Details::default(),
                })
                .await
                .unwrap();
            return token;
        }
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(issued)
}

/// A token with one symbol changed.
pub fn forged(token: &Token) -> String {
    let token = token.to_string();
    let (rest, last) = token.split_at(token.len() - 1);
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}
