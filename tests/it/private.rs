//! A mail server of one's own: a folder, and the script `contrib/KIND/private` that starts one in it and ends it.
//!
//! Given the kind and what the script is to be told; gives back what it prints. Any number of them run side by side, each on
//! free ports, and each is gone when dropped. If a test fails, its log is shown.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    net::{Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    process::Command,
    thread,
};

use crate::smtp_client::Smtp;

/// One of them.
pub struct Private {
    kind: &'static str,
    log: &'static str,
    folder: tempfile::TempDir,
    facts: BTreeMap<String, String>,
}

impl Private {
    /// An empty folder for one of this kind, which will write this file as its log.
    pub fn folder(kind: &'static str, log: &'static str) -> Self {
        let folder = tempfile::Builder::new().prefix(kind).tempdir().unwrap();
        Self { kind, log, folder, facts: BTreeMap::new() }
    }

    /// Starts it.
    pub fn start<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        let output = self.command("start").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let facts = String::from_utf8(output.stdout).unwrap();
        let pairs = facts.lines().filter_map(|line| line.split_once('='));
        self.facts = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        self
    }

    /// `contrib/KIND/private VERB DIR`
    pub fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(format!("{}/contrib/{}/private", env!("CARGO_MANIFEST_DIR"), self.kind));
        command.arg(verb).arg(self.folder.path());
        command
    }

    /// What the script tells.
    pub fn fact(&self, name: &str) -> &str {
        &self.facts[name]
    }

    /// A file of its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Its log.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.path(self.log)).unwrap_or_default()).into_owned()
    }

    /// An SMTP session over IPv4.
    pub fn session(&self) -> Smtp {
        Smtp::connect((Ipv4Addr::LOCALHOST, self.fact("port").parse().unwrap()).into())
    }

    /// An SMTP session over IPv6; none, and it says so, where the host has no IPv6, as in many containers.
    pub fn session_v6(&self) -> Option<Smtp> {
        let Ok(port) = self.fact("port6").parse::<u16>() else {
            eprintln!("not tried over IPv6: this host has none");
            return None;
        };
        Some(Smtp::connect((Ipv6Addr::LOCALHOST, port).into()))
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("log of {}:\n{}", self.kind, self.log());
        }
        match self.command("stop").status() {
            Ok(status) if status.success() => {}
            other => eprintln!("private stop: {other:?}"),
        }
    }
}
