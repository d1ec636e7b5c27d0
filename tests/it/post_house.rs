//! The daemon as a process with letters that come by its milter socket, and no MTA: all that sinks are told is real.
//!
//! Given the sinks of the config; gives back the ids of the leads that its letters became. Commands run beside it.

use std::process::Command;

use indymilter_test::TestConnection;
use serde_json::Value;

use crate::{
    command::{self, Output},
    company::Company,
    milter_house::{self, Letter},
    postfix_house::{Daemon, wait_for},
};

/// The daemon and its company.
pub struct Post {
    pub daemon: Daemon,
    pub company: Company,
    letters: u32,
}

/// Keys of the config's beginning.
const TOP: &str = "log.target = \"stderr\"\nmilter.listen = \"unix:milter.sock\"\n";

impl Post {
    /// Starts the daemon of a company with these sinks.
    pub fn open(sinks: &str) -> Self {
        Self::open_with(company(sinks), &[])
    }

    /// Starts the daemon of a company with more in its environment.
    pub fn open_with(company: Company, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leadmilter"));
        command.args(["run", "--config"]).arg(company.config_file()).envs(environment.iter().copied());
        let daemon = Daemon::spawn(command);
        daemon.wait_log("ready");
        Self { daemon, company, letters: 0 }
    }

    /// Writes other sinks into the config.
    pub fn configure(&self, sinks: &str) {
        self.company.rewrite(TOP, sinks);
    }

    /// Sends a letter; gives back the id of the lead, which is on record.
    pub async fn letter(&mut self) -> String {
        self.letter_with(&[]).await
    }

    /// The same with more headers. Message-IDs are `<1@client.example>` and so on.
    pub async fn letter_with(&mut self, more: &[(&str, &str)]) -> String {
        self.letters += 1;
        let id = format!("<{}@client.example>", self.letters);
        let usual = [("From", "ivan@client.example"), ("Subject", "pumps"), ("Message-ID", id.as_str())];
        let headers = [&usual, more].concat();
        let letter =
            Letter { mail: &["<ivan@client.example>"], rcpts: &[&["<info+m11@company.ru>"]], headers: &headers };
        let mut mta = TestConnection::configure().open_unix(self.company.path("milter.sock")).await.unwrap();
        let inserted = milter_house::send_raw(&mut mta, &letter).await;
        inserted.into_iter().find(|(name, _)| name == "X-Lead-Id").expect("the letter is a lead").1
    }

    /// Runs a command, which has to do its work; gives back standard output.
    pub fn cli(&self, arguments: &[&str]) -> Output {
        let output = command::run(&self.company, arguments);
        assert_eq!((output.code, output.err.as_str()), (0, ""), "{arguments:?}");
        output
    }

    /// The deliveries of a sink, oldest first.
    pub fn deliveries(&self, sink: &str) -> Vec<Value> {
        let mut listed = self.cli(&["deliveries", "--json", "--limit", "1000", "--sink", sink]).json();
        listed.reverse();
        listed
    }

    /// Waits until the deliveries of a sink are in these states, oldest first.
    pub fn wait_states(&self, sink: &str, expected: &[&str]) -> Vec<Value> {
        let found = || {
            let found = self.deliveries(sink);
            let are = found.iter().map(|delivery| delivery["state"].as_str().unwrap()).eq(expected.iter().copied());
            are.then_some(found)
        };
        wait_for(&format!("{expected:?}"), found, || format!("{:#?}\n{}", self.deliveries(sink), self.daemon.log()))
    }
}

/// A company with these sinks whose milter listens beside its config.
pub fn company(sinks: &str) -> Company {
    Company::new(TOP, sinks)
}
