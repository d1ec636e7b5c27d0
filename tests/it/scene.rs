//! The whole product at work: the private Postfix, the daemon in front of it, a receiver of its webhooks.
//!
//! Given further keys of the config and options of Postfix; gives back what was delivered and what was told, checked
//! where it must vary and compared by the test where it must not. Nothing here knows what the right answer is.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{
    company::{Company, webhook},
    house::{Receiver, status},
    postfix_house::{Daemon, Postfix, SHIPPED_MILTER, wait_for},
    told::Told,
};

/// A key of the signature header.
pub const HEADER_KEY: &str = "1e7a0c4b9d2f8e6a5b3c1d0f4e8a7b6c";

/// Postfix, daemon and receiver, which end in this order.
pub struct Scene {
    pub postfix: Postfix,
    daemon: Option<Daemon>,
    pub company: Company,
    receiver: Receiver,
    runtime: Runtime,
}

/// What a scene is made of.
#[derive(Clone, Copy, Default)]
pub struct Setup<'a> {
    /// `inet:127.0.0.1:0` or `inet6:[::1]:0`; a UNIX socket in Postfix's queue folder if empty.
    pub listen: &'a str,
    /// Lines of the config's beginning, dotted: `milter.dry_run = true`.
    pub keys: &'a str,
    /// Mailboxes and channels beside those of the company.
    pub addresses: &'a str,
    /// Options of the private Postfix.
    pub options: &'a [&'a str],
}

impl Scene {
    /// The company as it is, with further lines of the config's beginning.
    pub fn start(keys: &str) -> Self {
        Self::set(Setup { keys, ..Setup::default() })
    }

    /// Starts everything.
    pub fn set(setup: Setup<'_>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let receiver = runtime.block_on(Receiver::start(|_| status(204)));
        let company = |listen: &str| {
            let top = format!("log.target = \"stderr\"\nmilter.listen = \"{listen}\"\n{}\n", setup.keys);
            let company = Company::new(&top, &format!("{}{}", setup.addresses, webhook("crm", &receiver.url)));
            std::fs::write(company.path("header.key"), format!("{HEADER_KEY}\n")).unwrap();
            company
        };
        if setup.listen.is_empty() {
            let postfix = Postfix::start(SHIPPED_MILTER, setup.options);
            let company = company(&format!("unix:{}", postfix.socket().display()));
            let daemon = Some(Daemon::start(&company.config_file()));
            return Self { postfix, daemon, company, receiver, runtime };
        }
        let company = company(setup.listen);
        let daemon = Daemon::start(&company.config_file());
        let log = daemon.log();
        let named = log.split_once("listening on ").unwrap().1.split(',').next().unwrap();
        assert_eq!(named.split(':').next(), setup.listen.split(':').next(), "{log}");
        // Postfix has one word for both families.
        let postfix = Postfix::start(&named.replacen("inet6:", "inet:", 1), setup.options);
        Self { postfix, daemon: Some(daemon), company, receiver, runtime }
    }

    /// The running daemon.
    pub fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().unwrap()
    }

    /// Ends the daemon in order and starts it again.
    pub fn restart(&mut self) {
        let (status, log) = self.daemon.take().unwrap().terminate();
        assert!(status.success(), "{log}");
        self.daemon = Some(Daemon::start(&self.company.config_file()));
    }

    /// Sends one letter in a session of its own and gives back its queue id.
    pub fn send(&self, mail: &str, rcpts: &[&str], letter: &[u8]) -> String {
        let answers = self.postfix.send(mail, rcpts, letter);
        answers.queue_id().unwrap_or_else(|| panic!("{answers:?}"))
    }

    /// The next event: well signed, valid by the published schema.
    pub fn told(&mut self) -> Told {
        Told::of(&self.runtime.block_on(self.receiver.next()))
    }

    /// The events of these letters, by queue id, in that order: sinks get events side by side, hence in any order.
    pub fn told_of(&mut self, queue_ids: &[String]) -> Vec<Told> {
        let mut told: Vec<_> = queue_ids.iter().map(|_| self.told()).collect();
        let place = |told: &Told| queue_ids.iter().position(|id| Some(id) == told.queue_id.as_ref());
        told.sort_by_key(|told| place(told).unwrap_or_else(|| panic!("nobody sent {}", told.body)));
        told
    }

    /// All leads, oldest first, as `leadmilter leads` lists them. Leads and their deliveries are committed before a
    /// letter is answered, so what is not there once its letter is taken never comes.
    pub fn leads(&self) -> Vec<Value> {
        let mut leads = self.listing(&["leads", "--json", "--limit", "1000"]);
        leads.reverse();
        leads
    }

    /// Checks that there are exactly these leads, each as its event told it, and one delivery of each.
    pub fn assert_recorded(&self, told: &[&Told]) {
        let expected: Vec<_> = told.iter().map(|told| told.raw["data"].clone()).collect();
        assert_eq!(self.leads(), expected, "leads");
        let deliveries = self.listing(&["deliveries", "list", "--json"]);
        assert_eq!(deliveries.len(), told.len(), "{deliveries:?}");
    }

    /// The counters, by SIGUSR1.
    pub fn counters(&self) -> String {
        let told =
            |log: &str| log.split("counters: ").skip(1).map(|rest| rest.lines().next().unwrap().to_owned()).collect();
        let before: Vec<String> = told(&self.daemon().log());
        self.daemon().signal("USR1");
        let more = || told(&self.daemon().log()).into_iter().nth(before.len());
        wait_for("counters", more, || self.daemon().log())
    }

    fn listing(&self, arguments: &[&str]) -> Vec<Value> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leadmilter"));
        let output = command.arg("--config").arg(self.company.config_file()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// What a Python script prints, given `stdin`: an opinion that shares no code with ours.
pub fn python(script: &str, stdin: &[u8]) -> String {
    let mut command = Command::new("python3");
    let mut child =
        command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3 runs");
    child.stdin.take().unwrap().write_all(stdin).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{script}");
    String::from_utf8(output.stdout).unwrap()
}

/// Where the published schema of events lies.
pub fn schema_file() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/schema/lead.received.v1.schema.json"))
}
