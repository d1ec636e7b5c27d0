//! The daemon as a process, with a receiver of its webhooks: all of the product but the MTA in front of it.
//!
//! Given further keys of the config; gives back what was told and what is on record. Whatever the MTA, a test asks
//! here.

use std::process::Command;

use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{
    company::{Company, webhook},
    house::{Receiver, status},
    postfix_house::{Daemon, wait_for},
    told::Told,
};

/// A key of the signature header.
pub const HEADER_KEY: &str = "1e7a0c4b9d2f8e6a5b3c1d0f4e8a7b6c";

/// The daemon and the receiver, which end in this order.
pub struct Office {
    daemon: Option<Daemon>,
    pub company: Company,
    receiver: Receiver,
    runtime: Runtime,
}

impl Office {
    /// Starts both: `listen` is the milter's socket, `keys` are lines of the config's beginning, dotted, and
    /// `addresses` mailboxes and channels beside those of the company.
    pub fn open(listen: &str, keys: &str, addresses: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let receiver = runtime.block_on(Receiver::start(|_| status(204)));
        let top = format!("log.target = \"stderr\"\nmilter.listen = \"{listen}\"\n{keys}\n");
        let company = Company::new(&top, &format!("{addresses}{}", webhook("crm", &receiver.url)));
        std::fs::write(company.path("header.key"), format!("{HEADER_KEY}\n")).unwrap();
        let daemon = Some(Daemon::start(&company.config_file()));
        Self { daemon, company, receiver, runtime }
    }

    /// Where the milter listens, by its own word: `inet:127.0.0.1:43211`.
    pub fn listens_on(&self) -> String {
        let log = self.daemon().log();
        log.split_once("listening on ").unwrap().1.split(',').next().unwrap().to_owned()
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

    /// The counters of mail, by SIGUSR1. Those of the outbox grow when its calls end, and no letter waits for that.
    pub fn counters(&self) -> String {
        let told =
            |log: &str| log.split("counters: ").skip(1).map(|rest| rest.lines().next().unwrap().to_owned()).collect();
        let before: Vec<String> = told(&self.daemon().log());
        self.daemon().signal("USR1");
        let more = || told(&self.daemon().log()).into_iter().nth(before.len());
        let told = wait_for("counters", more, || self.daemon().log());
        told.split(' ').filter(|counter| !counter.starts_with("outbox_")).collect::<Vec<_>>().join(" ")
    }

    fn listing(&self, arguments: &[&str]) -> Vec<Value> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leadmilter"));
        let output = command.arg("--config").arg(self.company.config_file()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
