//! The milter protocol as bytes: an MTA that says exactly what it is told, and a tap between an MTA and the milter.
//!
//! Shares no code with the library under test or its own test client, so that an offer may be as odd as it likes.
//! Frames come back as lines of text, so that a test compares a whole session at once.

use std::{
    io::{self, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use crate::postfix_house::wait_for;

/// A command or answer: its letter, and what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame(pub char, pub Vec<u8>);

impl Frame {
    /// The next one; none at the end of the stream.
    fn read(mut from: impl Read) -> io::Result<Option<Self>> {
        let mut length = [0; 4];
        match from.read_exact(&mut length) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let mut bytes = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        from.read_exact(&mut bytes)?;
        let data = bytes.split_off(1);
        Ok(Some(Self(char::from(bytes[0]), data)))
    }

    /// Version, actions and options of an offer, and of the answer to it.
    pub fn numbers(&self) -> [u32; 3] {
        [0, 4, 8].map(|at| u32::from_be_bytes(self.1[at..at + 4].try_into().unwrap()))
    }

    /// The bytes of it.
    fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.1.len() + 1).unwrap().to_be_bytes();
        [length.as_slice(), &[u8::try_from(self.0).unwrap()], &self.1].concat()
    }

    /// As text: numbers of an offer in hexadecimal, macros as name=value, the rest with bars in the places of NUL.
    pub fn line(&self) -> String {
        let Self(command, data) = self;
        let text = match command {
            'O' => {
                let [version, actions, options] = self.numbers();
                format!("{version} {actions:#x} {options:#x}{}", stages(&data[12..]))
            }
            'D' => {
                let fields: Vec<_> = fields(&data[1..]);
                let pairs: Vec<_> = fields.chunks(2).map(|pair| pair.join("=")).collect();
                format!("{} {}", char::from(data[0]), pairs.join(" "))
            }
            // An index comes first.
            'i' | 'm' => {
                format!("{} {}", u32::from_be_bytes(data[..4].try_into().unwrap()), fields(&data[4..]).join("|"))
            }
            _ => fields(data).join("|"),
        };
        format!("{command} {text}").trim_end().to_owned()
    }
}

fn fields(data: &[u8]) -> Vec<String> {
    let data = data.strip_suffix(b"\0").unwrap_or(data);
    data.split(|&byte| byte == 0).map(|field| String::from_utf8_lossy(field).into_owned()).collect()
}

/// The macros that a milter asks for, by stage.
fn stages(mut macros: &[u8]) -> String {
    let mut out = String::new();
    while let Some((stage, rest)) = macros.split_at_checked(4) {
        let end = rest.iter().position(|&byte| byte == 0).unwrap();
        let stage = u32::from_be_bytes(stage.try_into().unwrap());
        out.push_str(&format!(" {stage}:[{}]", String::from_utf8_lossy(&rest[..end])));
        macros = &rest[end + 1..];
    }
    out
}

/// An MTA that sends what it is told.
pub struct RawMta(UnixStream);

impl RawMta {
    /// Connects, and says nothing.
    pub fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self(stream)
    }

    /// Sends a frame.
    pub fn send(&mut self, command: char, data: &[u8]) {
        self.0.write_all(&Frame(command, data.to_vec()).bytes()).unwrap();
    }

    /// Hears a frame; panics if the milter closed the connection.
    pub fn hear(&mut self) -> Frame {
        Frame::read(&self.0).unwrap().expect("the milter ended the session")
    }
}

/// Stands between an MTA and the milter, and writes down what they say to one another.
pub struct Tap(Arc<Mutex<Vec<String>>>);

impl Tap {
    /// Listens at `socket`, and passes everything on to `milter`.
    pub fn between(socket: &Path, milter: &Path) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let milter = milter.to_owned();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let tap = Self(Arc::clone(&heard));
        thread::spawn(move || {
            for mta in listener.incoming().map_while(Result::ok) {
                let milter = UnixStream::connect(&milter).unwrap();
                for (name, from, to) in [("mta", &mta, &milter), ("milter", &milter, &mta)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let heard = Arc::clone(&heard);
                    thread::spawn(move || pass(name, &from, &to, &heard));
                }
            }
        });
        tap
    }

    /// What was said in a session, once the MTA has quit it.
    pub fn whole_session(&self) -> Vec<String> {
        let ended = || Some(self.0.lock().unwrap()).filter(|heard| heard.last().is_some_and(|line| line == "mta Q"));
        let mut heard = wait_for("the MTA to quit", ended, || self.0.lock().unwrap().join("\n"));
        std::mem::take(&mut *heard)
    }
}

fn pass(name: &str, from: &UnixStream, mut to: &UnixStream, heard: &Mutex<Vec<String>>) {
    while let Ok(Some(frame)) = Frame::read(from) {
        // Written down before it is passed on: an answer never stands above its question.
        heard.lock().unwrap().push(format!("{name} {}", frame.line()));
        if to.write_all(&frame.bytes()).is_err() {
            break;
        }
    }
    // Who hears the end, ends too.
    drop(to.shutdown(std::net::Shutdown::Write));
}
