//! An SMTP and LMTP client that says exactly what it is told.
//!
//! Addresses, parameters and letters go over the wire byte for byte, however odd; every reply comes back whole. It hides
//! nothing and retries nothing, and panics where the server breaks the session off.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::{
    io::{BufRead, BufReader, Write},
    net::{IpAddr, SocketAddr, TcpStream},
};

use crate::postfix_house::PATIENCE;

/// A session of SMTP that sends each argument byte for byte as it is given.
pub struct Smtp {
    stream: BufReader<TcpStream>,
}

/// An SMTP reply; the lines of a long one are joined by a line feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub code: u16,
    pub text: String,
}

/// The replies of one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    pub mail: Reply,
    pub rcpts: Vec<Reply>,
    /// To the final dot; to DATA where that was refused; none if no recipient was taken.
    pub data: Option<Reply>,
}

impl Answers {
    /// The queue id under which the letter was taken, in the words of Postfix or of Sendmail.
    pub fn queue_id(&self) -> Option<String> {
        let reply = self.data.as_ref().filter(|reply| reply.code == 250)?;
        let queue_id = match reply.text.split_once("queued as ") {
            Some((_, queue_id)) => queue_id,
            None => reply.text.strip_prefix("2.0.0 ")?.strip_suffix(" Message accepted for delivery")?,
        };
        Some(queue_id.to_owned())
    }
}

impl Smtp {
    /// Connects, hears the greeting and says EHLO.
    pub fn connect(address: SocketAddr) -> Self {
        Self::greet(address, "EHLO")
    }

    /// The same for LMTP (RFC 2033).
    pub fn connect_lmtp(address: SocketAddr) -> Self {
        Self::greet(address, "LHLO")
    }

    fn greet(address: SocketAddr, hello: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut smtp = Self { stream: BufReader::new(stream) };
        assert_eq!(smtp.reply().code, 220);
        assert_eq!(smtp.command(&format!("{hello} client.example")).code, 250);
        smtp
    }

    /// The client's own address.
    pub fn client(&self) -> IpAddr {
        self.stream.get_ref().local_addr().unwrap().ip()
    }

    /// Sends one line and hears the reply.
    pub fn command(&mut self, line: &str) -> Reply {
        self.write(format!("{line}\r\n").as_bytes());
        self.reply()
    }

    /// One letter. `mail` and `rcpts` are what follows `MAIL FROM:` and `RCPT TO:`, brackets and parameters included:
    /// `<info+m11@company.ru> NOTIFY=NEVER`. Line feeds of `letter` become CRLF, and leading dots are doubled.
    pub fn transaction(&mut self, mail: &str, rcpts: &[&str], letter: &[u8]) -> Answers {
        let mail = self.command(&format!("MAIL FROM:{mail}"));
        let rcpts: Vec<_> = rcpts.iter().map(|rcpt| self.command(&format!("RCPT TO:{rcpt}"))).collect();
        if !rcpts.iter().any(|reply| reply.code / 100 == 2) {
            self.command("RSET");
            return Answers { mail, rcpts, data: None };
        }
        let mut data = self.command("DATA");
        if data.code == 354 {
            self.write(&wire_form(letter));
            data = self.reply();
        }
        Answers { mail, rcpts, data: Some(data) }
    }

    /// One letter over LMTP, with `mail` and `rcpts` as above, all of which are taken. After the letter every recipient has
    /// an answer of its own.
    pub fn delivery(&mut self, mail: &str, rcpts: &[&str], letter: &[u8]) -> Vec<Reply> {
        assert_eq!(self.command(&format!("MAIL FROM:{mail}")).code, 250);
        for rcpt in rcpts {
            assert_eq!(self.command(&format!("RCPT TO:{rcpt}")).code, 250);
        }
        assert_eq!(self.command("DATA").code, 354);
        self.write(&wire_form(letter));
        rcpts.iter().map(|_| self.reply()).collect()
    }

    /// Sends bytes as they are, and awaits nothing.
    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    /// Hears one reply.
    pub fn reply(&mut self) -> Reply {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).unwrap();
            let line = line.strip_suffix("\r\n").expect("the server closed the session");
            let (code, rest) = line.split_at(3);
            lines.push(rest.get(1..).unwrap_or_default().to_owned());
            if !rest.starts_with('-') {
                return Reply { code: code.parse().unwrap(), text: lines.join("\n") };
            }
        }
    }
}

/// A letter as it goes over the wire, with the final dot.
fn wire_form(letter: &[u8]) -> Vec<u8> {
    let letter = letter.strip_suffix(b"\n").unwrap_or(letter);
    let mut wire = Vec::with_capacity(letter.len() + 128);
    for line in letter.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b".") {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b".\r\n");
    wire
}
