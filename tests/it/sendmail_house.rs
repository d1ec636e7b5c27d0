//! A private Sendmail, and where its letters end up.
//!
//! [`Sendmail::start`] runs `contrib/sendmail/private`, whose sendmail.mc is made of the snippet that administrators
//! are told to use. Every letter goes to a sink in this process, which speaks LMTP and SMTP and keeps each transaction
//! whole: the envelope as it was said, and the letter. Nothing here sleeps to synchronise.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    ops::Deref,
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
};

use crate::{
    delivered::settled,
    postfix_house::{queue_id, wait_for},
    private::Private,
    smtp_client::Answers,
};

/// The milter of `leadmilter.mc`: the socket is [`Sendmail::socket`].
pub const SHIPPED_MILTER: &str = "local:/run/leadmilter/milter.sock";

/// A running Sendmail of one's own.
pub struct Sendmail {
    private: Private,
    kept: Kept,
}

/// What the sink has been given.
type Kept = Arc<Mutex<Vec<Delivery>>>;

/// One transaction of a delivery.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// `MAIL From:…` and each `RCPT To:…`, as said.
    pub said: Vec<String>,
    /// The letter, with line feeds.
    pub letter: Vec<u8>,
}

impl Delivery {
    /// The queue id under which Sendmail took the letter.
    pub fn queue_id(&self) -> String {
        queue_id(&[b"\n", self.letter.as_slice()].concat())
    }

    /// Envelope and letter as text, with words in the places of what must vary; see [`settled`].
    pub fn settled(&self, lead_id: &str) -> String {
        let letter = settled(&self.letter, &self.queue_id(), lead_id);
        format!("{}\n\n{}", self.said.join("\n"), without_version(&letter))
    }
}

/// Sendmail names its version, and the client by what /etc/hosts makes of a loopback address.
fn without_version(letter: &str) -> String {
    let letter = letter.replace(" (localhost [", " ([").replace(" (ip6-localhost [", " ([");
    let Some((above, below)) = letter.split_once("\tby mx1.company.ru (") else { return letter };
    let Some((version, below)) = below.split_once(')') else { return letter };
    let is_version = version.chars().all(|c| c.is_ascii_digit() || ".+/".contains(c));
    let version = if is_version { "VERSION" } else { version };
    format!("{above}\tby mx1.company.ru ({version}){below}")
}

impl Sendmail {
    /// Starts one with `milter` (`none`, [`SHIPPED_MILTER`], `inet:8891@127.0.0.1`) and further options of
    /// `contrib/sendmail/private`: `["--virtual", "help.m11@company.ru help@company.ru"]`.
    pub fn start(milter: &str, options: &[&str]) -> Self {
        let private = Private::folder("sendmail", "etc/traffic");
        let kept = Kept::default();
        let listener = UnixListener::bind(private.path("lmtp.sock")).unwrap();
        let sink = Arc::clone(&kept);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let sink = Arc::clone(&sink);
                thread::spawn(move || serve(stream, &sink));
            }
        });
        let milter: &[&str] = if milter == SHIPPED_MILTER { &[] } else { &["--milter", milter] };
        Self { private: private.start([options, milter].concat()), kept }
    }

    /// Where a milter listens to be reached as [`SHIPPED_MILTER`].
    pub fn socket(&self) -> PathBuf {
        self.path("milter.sock")
    }

    /// Sends one letter in an IPv4 session of its own; see [`Smtp::transaction`].
    pub fn send(&self, mail: &str, rcpts: &[&str], letter: &[u8]) -> Answers {
        self.session().transaction(mail, rcpts, letter)
    }

    /// What has been delivered since the last call, once the queue is empty: a letter delivered twice is seen here. A
    /// letter stands in the queue before it is answered for, until its last delivery is over.
    pub fn delivered(&self) -> Vec<Delivery> {
        let queue = self.path("queue");
        let is_empty = || fs::read_dir(&queue).unwrap().next().is_none().then_some(());
        wait_for("letters to leave the queue", is_empty, || self.log());
        std::mem::take(&mut *self.kept.lock().unwrap())
    }
}

impl Deref for Sendmail {
    type Target = Private;

    fn deref(&self) -> &Private {
        &self.private
    }
}

/// The sink's side of one connection.
fn serve(stream: UnixStream, kept: &Kept) {
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let say = |text: &str| (&stream).write_all(format!("{text}\r\n").as_bytes()).unwrap();
    let mut said: Vec<String> = Vec::new();
    let mut is_lmtp = false;
    say("220 sink");
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let line = line.trim_end();
        match line.split([' ', ':']).next().unwrap().to_ascii_uppercase().as_str() {
            hello @ ("LHLO" | "EHLO") => {
                is_lmtp = hello == "LHLO";
                say("250-sink\r\n250-8BITMIME\r\n250-DSN\r\n250 ENHANCEDSTATUSCODES");
            }
            "MAIL" | "RCPT" => {
                said.push(line.to_owned());
                say("250 2.0.0 ok");
            }
            "DATA" => {
                say("354 go on");
                let letter = letter(&mut lines);
                let answers = if is_lmtp { said.len() - 1 } else { 1 };
                kept.lock().unwrap().push(Delivery { said: std::mem::take(&mut said), letter });
                (0..answers).for_each(|_| say("250 2.0.0 ok"));
            }
            "RSET" => {
                said.clear();
                say("250 2.0.0 ok");
            }
            // QUIT, or the end.
            _ => return,
        }
    }
}

fn letter(lines: &mut impl BufRead) -> Vec<u8> {
    let mut letter = Vec::new();
    loop {
        let mut line = Vec::new();
        lines.read_until(b'\n', &mut line).unwrap();
        if line == b".\r\n" {
            return letter;
        }
        let line = line.strip_prefix(b".").unwrap_or(&line);
        letter.extend_from_slice(line.strip_suffix(b"\r\n").expect("a line ends in CRLF"));
        letter.push(b'\n');
    }
}
