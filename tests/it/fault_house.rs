//! A company with its own Postfix, the daemon behind it, and the command line beside it, for the tests of faults.
//!
//! [`Site`] holds what stays when the daemon dies; letters are plain text under a Message-ID of their own, and are read
//! back from the Maildirs by that name.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::{path::PathBuf, process::Command};

use serde_json::Value;

use crate::{
    command::{self, Output},
    company::Company,
    house::Receiver,
    postfix_house::{Answers, Daemon, Postfix, SHIPPED_MILTER, Smtp, wait_for},
};

/// Postfix, and a config whose milter listens where that Postfix looks for it.
pub struct Site {
    pub postfix: Postfix,
    pub company: Company,
}

impl Site {
    /// `milter` are keys of `[milter]`, followed by further sections if need be.
    pub fn new(milter: &str, sinks: &str) -> Self {
        let site = Self { postfix: Postfix::start(SHIPPED_MILTER, &[]), company: Company::new("", "") };
        site.configure(milter, sinks);
        site
    }

    /// Writes the config anew.
    pub fn configure(&self, milter: &str, sinks: &str) {
        let socket = self.postfix.socket();
        self.company.rewrite(&format!("[milter]\nlisten = \"unix:{}\"\n{milter}", socket.display()), sinks);
    }

    /// Starts the daemon.
    pub fn daemon(&self) -> Daemon {
        Daemon::start(&self.company.config_file())
    }

    /// Starts a daemon that may never be ready.
    pub fn spawn(&self) -> Daemon {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leadmilter"));
        command.args(["run", "--config"]).arg(self.company.config_file());
        Daemon::spawn(command)
    }

    /// Starts the daemon from a shell, after `before`: `ulimit -n 40`.
    pub fn daemon_after(&self, before: &str) -> Daemon {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{before}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_leadmilter")]);
        command.args(["run", "--config"]).arg(self.company.config_file());
        let daemon = Daemon::spawn(command);
        daemon.wait_log("ready");
        daemon
    }

    /// Runs a command of leadmilter that does its work, and gives back what it printed.
    pub fn cli(&self, arguments: &[&str]) -> Output {
        let output = command::run(&self.company, arguments);
        assert_eq!(output.code, 0, "{arguments:?}: {}", output.err);
        output
    }

    /// Runs a listing and gives back its objects.
    pub fn listing(&self, arguments: &[&str]) -> Vec<Value> {
        self.cli(&[arguments, &["--json"]].concat()).json()
    }

    /// Message-ID and id of every recorded lead, oldest first.
    pub fn leads(&self) -> Vec<(String, String)> {
        let mut leads = self.listing(&["leads", "--limit", "1000000"]);
        leads.reverse();
        let text = |lead: &Value, pointer: &str| lead.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        leads.iter().map(|lead| (text(lead, "/message/message_id"), text(lead, "/lead_id"))).collect()
    }

    /// The Maildir of a mailbox.
    pub fn maildir(&self, mailbox: &str) -> PathBuf {
        self.postfix.socket().ancestors().nth(3).unwrap().join("mail").join(mailbox)
    }

    /// Takes in a Maildir, and gives back the last line: how many leads were recorded, known, untracked.
    pub fn ingest(&self, mailbox: &str) -> String {
        let told = self.cli(&["ingest", self.maildir(mailbox).to_str().unwrap()]);
        told.out.lines().last().unwrap().to_owned()
    }

    /// Sends a letter to `info+m11@company.ru`.
    pub fn send(&self, name: &str) -> Answers {
        self.postfix.send("<anna@client.example>", &["<info+m11@company.ru>"], &letter(name))
    }

    /// The same within a session.
    pub fn send_in(&self, session: &mut Smtp, name: &str, rcpt: &str) -> Answers {
        self.postfix.send_in(session, "<anna@client.example>", &[&format!("<{rcpt}>")], &letter(name))
    }

    /// `X-Lead-Id` of a letter that has arrived at `info@company.ru`, once all that were sent have arrived somewhere.
    pub fn lead_id(&self, name: &str) -> Option<String> {
        let mails = self.postfix.mails("info@company.ru", 0);
        let of = |mail: &&Vec<u8>| header(mail, "Message-ID").is_some_and(|id| id == message_id(name));
        let found: Vec<_> = mails.iter().filter(of).collect();
        assert_eq!(found.len(), 1, "copies of {name}");
        header(found[0], "X-Lead-Id")
    }

    /// Waits until no delivery is pending.
    pub fn drain_outbox(&self) {
        let pending = || self.listing(&["deliveries", "--state", "pending", "--limit", "1000000"]);
        wait_for("the outbox to drain", || pending().is_empty().then_some(()), || format!("{:#?}", pending()));
    }
}

/// A sink `crm` that does not give up within a test.
pub fn patient_sink(url: &str, timeout: &str) -> String {
    let retry = ["\"300ms\""; 32].join(", ");
    format!(
        "[[sink]]\nid = \"crm\"\nurl = \"{url}\"\nsecret_file = \"crm.secret\"\ntimeout = \"{timeout}\"\nretry = [{retry}]\n"
    )
}

/// A letter under a Message-ID made of `name`.
pub fn letter(name: &str) -> Vec<u8> {
    letter_from("anna@client.example", name)
}

/// The same from another sender.
pub fn letter_from(sender: &str, name: &str) -> Vec<u8> {
    let id = message_id(name);
    format!("From: <{sender}>\nTo: info@company.ru\nSubject: pumps\nMessage-ID: {id}\n\nHello.\n").into_bytes()
}

/// The Message-ID of [`letter`].
pub fn message_id(name: &str) -> String {
    format!("<{name}@client.example>")
}

/// The value of the first field of this name; `None` if there is none.
pub fn header(mail: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(mail);
    let fields = text.split_once("\n\n").map_or(&*text, |(fields, _)| fields);
    let found =
        fields.lines().find(|line| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)));
    found.and_then(|line| line.get(name.len()..)?.strip_prefix(": ")).map(str::to_owned)
}

/// Waits until a line of the daemon's log holds every one of `parts`, and gives that line back.
pub fn wait_line(daemon: &Daemon, parts: &[&str]) -> String {
    let line = || {
        let log = daemon.log();
        log.lines().find(|line| parts.iter().all(|part| line.contains(part))).map(str::to_owned)
    };
    wait_for(&format!("a log line with {parts:?}"), line, || daemon.log())
}

/// Asks for a reload and waits for its end, whatever it is; gives back what was logged meanwhile.
pub fn reload(daemon: &Daemon) -> String {
    let before = daemon.log().len();
    daemon.reload();
    let told = || {
        let log = daemon.log().get(before..).unwrap().to_owned();
        (log.contains("config reloaded") || log.contains("config not reloaded")).then_some(log)
    };
    wait_for("a reload", told, || daemon.log())
}

/// A runtime with webhook receivers, for tests that do nothing else with one.
pub struct Receivers(tokio::runtime::Runtime);

impl Receivers {
    pub fn new() -> Self {
        Self(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap())
    }

    /// One that takes everything.
    pub fn start(&self) -> Receiver {
        self.0.block_on(Receiver::start(|_| crate::house::status(204)))
    }

    /// The id of the event that came next, with its bytes checked.
    pub fn next_id(&self, receiver: &mut Receiver) -> String {
        self.0.block_on(receiver.next()).header("webhook-id").to_owned()
    }

    /// Runs what needs a runtime.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.0.block_on(work)
    }
}
