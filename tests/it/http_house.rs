//! A daemon with both HTTP doors open, and a client that shows what travels: requests as text, answers whole.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::{fs::PermissionsExt, net::UnixStream},
    process::Command,
};

use serde_json::{Value, json};

use crate::{
    command,
    company::Company,
    fault_house::{letter_from, wait_line},
    postfix_house::{Daemon, PATIENCE},
};

/// A browser's name.
pub const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

/// Where the pages of [`SITE`] are.
pub const ORIGIN: &str = "https://company.ru";

/// A site without limits that a test could meet.
pub const SITE: &str = "[[site]]\nkey = \"company\"\norigins = [\"https://company.ru\", \"http://localhost:8000\"]\n";

/// The company with a site, and its doors.
pub struct Web {
    pub company: Company,
    pub daemon: Daemon,
    /// `127.0.0.1:PORT`
    pub public: String,
    /// `127.0.0.1:PORT`
    pub admin: String,
}

impl Web {
    /// Both doors on free ports; `http` are further keys of `[http]`.
    pub fn open(http: &str, sites: &str) -> Self {
        let company = company(http, sites);
        let daemon = Daemon::start(&company.config_file());
        let [public, admin] = ["public", "admin"].map(|door| port(&daemon, door));
        Self { company, daemon, public, admin }
    }

    /// What becomes of a visit.
    pub fn visit(&self, body: &Value) -> Answer {
        self.asks(&[], body)
    }

    /// The same, with header fields beside those of a browser on [`ORIGIN`]; one that is given replaces it.
    pub fn asks(&self, fields: &[(&str, &str)], body: &Value) -> Answer {
        send(&self.public, &page("/v1/visit", fields, body))
    }

    /// Counters by name, as the admin door tells them, without those that are zero.
    pub fn counters(&self) -> Vec<(String, u64)> {
        let text = send(&self.admin, "GET /metrics HTTP/1.1\r\n").body;
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let counts =
            lines.map(|line| line.rsplit_once(' ').unwrap()).map(|(name, count)| (name, count.parse().unwrap()));
        let named = counts.filter_map(|(name, count)| {
            Some((name.strip_prefix("leadmilter_")?.strip_suffix("_total")?.to_owned(), count))
        });
        named.filter(|(_, count)| *count > 0).collect()
    }

    /// Records a letter from ivan@client.example to the billboard's address, and gives back its lead's id.
    pub fn lead(&self) -> String {
        let letter = letter_from("ivan@client.example", "1");
        let arguments = ["ingest", "--recipient", "info+m11@company.ru", "--json"];
        let taken = command::run_with(&self.company, &arguments, &letter).json();
        taken[0]["event"]["data"]["lead_id"].as_str().unwrap().to_owned()
    }

    /// Makes a token, and gives back what it is.
    pub fn token(&self, scope: &str) -> String {
        let made = command::run(&self.company, &["token", "new", "--scope", scope]);
        assert_eq!((made.code, made.err.as_str()), (0, ""));
        made.out.trim().to_owned()
    }
}

/// The company's files, with both doors on free ports.
pub fn company(http: &str, sites: &str) -> Company {
    let company = Company::new("", "");
    fs::write(company.path("token.key"), format!("{}\n", "0f".repeat(32))).unwrap();
    fs::set_permissions(company.path("token.key"), fs::Permissions::from_mode(0o600)).unwrap();
    configure(&company, http, sites);
    company
}

/// Writes the config anew.
pub fn configure(company: &Company, http: &str, sites: &str) {
    let door = |key, address| if http.contains(key) { String::new() } else { format!("{key} = \"{address}\"\n") };
    // The same address for both would be a fault, whatever port 0 comes to.
    let (public, admin) = (door("public", "127.0.0.1:0"), door("admin", "127.0.0.2:0"));
    let dynamic = "[dynamic]\nmailbox = \"info@company.ru\"\nkey_file = \"token.key\"\n";
    let web = format!("{dynamic}[http]\n{public}{admin}{http}\n{sites}");
    company.rewrite("[milter]\nlisten = \"unix:milter.sock\"", &web);
}

/// Where a door listens.
pub fn port(daemon: &Daemon, door: &str) -> String {
    let line = wait_line(daemon, &[&format!("http.{door}: listening on inet")]);
    line.split_once(" on inet:").unwrap().1.to_owned()
}

/// A JSON request of a browser on a page.
pub fn page(path: &str, fields: &[(&str, &str)], body: &Value) -> String {
    let mut all = vec![("Origin", ORIGIN), ("User-Agent", BROWSER), ("Content-Type", "text/plain;charset=UTF-8")];
    all.retain(|(name, _)| !fields.iter().any(|(given, _)| given == name));
    all.extend_from_slice(fields);
    let body = body.to_string();
    let length = body.len().to_string();
    all.push(("Content-Length", &length));
    let fields: String =
        all.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("POST {path} HTTP/1.1\r\n{fields}\r\n{body}")
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// In the order in which they came, names in lower case, without `date`.
    pub fields: Vec<(String, String)>,
    pub body: String,
    /// The body, as the octets that came.
    pub octets: Vec<u8>,
}

impl Answer {
    /// Reads one whole answer.
    pub fn of(octets: &[u8]) -> Self {
        let end = octets.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_else(|| {
            panic!("no head: {:?}", String::from_utf8_lossy(octets));
        });
        let head = String::from_utf8(octets[..end].to_vec()).unwrap();
        let octets = octets[end + 4..].to_vec();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let fields = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let ours = fields.filter(|(name, _)| !["date", "connection"].contains(&name.as_str()));
        Self { status, fields: ours.collect(), body: String::from_utf8_lossy(&octets).into_owned(), octets }
    }

    /// The value of a header field; empty if there is none.
    pub fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The body.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// Status, sort and detail of a problem, which must be a whole one.
    pub fn problem(&self) -> (u16, String) {
        let body = self.json();
        let title = body["title"].as_str().unwrap_or_default();
        assert_eq!(self.field("content-type"), "application/problem+json", "{self:?}");
        let detail = body["detail"].as_str().unwrap_or_default();
        let expected = json!({"type": "about:blank", "title": title, "status": self.status, "detail": detail});
        assert_eq!((&body, title.is_empty(), detail.is_empty()), (&expected, false, false));
        (self.status, detail.to_owned())
    }
}

/// Sends a request, which may leave out the end of its head, and reads the answer.
pub fn send(to: &str, request: &str) -> Answer {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    converse(&mut stream, request)
}

/// The same over a UNIX socket.
pub fn send_local(to: &std::path::Path, request: &str) -> Answer {
    let mut stream = UnixStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    converse(&mut stream, request)
}

fn converse(stream: &mut (impl Read + Write), request: &str) -> Answer {
    stream.write_all(closing(request).as_bytes()).unwrap();
    let mut octets = Vec::new();
    stream.read_to_end(&mut octets).unwrap();
    Answer::of(&octets)
}

/// The request of one who wants no more than one answer.
fn closing(request: &str) -> String {
    let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request.trim_end(), ""));
    let (line, fields) = head.split_once("\r\n").unwrap_or((head, ""));
    let fields = if fields.is_empty() { String::new() } else { format!("{fields}\r\n") };
    format!("{line}\r\nHost: leadmilter\r\nConnection: close\r\n{fields}\r\n{body}")
}

/// Nice values of the daemon's threads, by name.
pub fn nice_values(daemon: &Daemon) -> Vec<(String, i32)> {
    let tasks = fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap();
    let of = |task: fs::DirEntry| {
        let name = fs::read_to_string(task.path().join("comm")).ok()?.trim().to_owned();
        let stat = fs::read_to_string(task.path().join("stat")).ok()?;
        // The name in brackets may hold blanks; nice is the 17th number behind it.
        let nice = stat.rsplit_once(") ")?.1.split(' ').nth(16)?.parse().ok()?;
        Some((name, nice))
    };
    let mut values: Vec<_> = tasks.map(Result::unwrap).filter_map(of).collect();
    values.sort();
    values
}

/// A command that becomes the daemon.
pub fn daemon_command(company: &Company) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadmilter"));
    command.args(["run", "--config"]).arg(company.config_file());
    command
}
