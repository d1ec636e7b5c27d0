//! A private Dovecot that gives every letter to leadmilter, and the company whose mail it delivers.
//!
//! [`Dovecot::start`] runs `contrib/sieve/private`, which installs the very scripts and settings that administrators are
//! told to use. A letter is delivered when the answer to it has come, so nothing here waits but for the log.

use std::{ffi::OsString, fs, net::Ipv4Addr, ops::Deref, os::unix::fs::PermissionsExt, process::Command};

use serde_json::Value;

use crate::{command::run, company::Company, postfix_house::wait_for, private::Private, smtp_client::Smtp};

/// A running Dovecot of one's own.
pub struct Dovecot {
    private: Private,
    /// The company whose config the filter reads; it belongs to the filter's user.
    pub company: Company,
}

/// A letter in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its folder.
    pub folder: String,
    /// Its flags, in the order of the alphabet.
    pub flags: Vec<String>,
    /// What stands above the trace headers of Dovecot.
    pub added: String,
    /// Those: what the filter was given above the letter.
    pub trace: String,
    /// The letter as it stands below.
    pub letter: String,
}

impl Stored {
    /// A letter in the inbox that nothing was done to.
    pub fn untouched(letter: &str) -> (String, Vec<String>, String, String) {
        ("INBOX".into(), Vec::new(), String::new(), letter.into())
    }

    /// All but the trace headers, which have times and ids.
    pub fn told(self) -> (String, Vec<String>, String, String) {
        (self.folder, self.flags, self.added, self.letter)
    }
}

impl Dovecot {
    /// Starts one, with further settings: `["plugin/sieve_before=@DIR@/sieve/sort-leads.sieve"]`, where `@DIR@` is its
    /// folder.
    pub fn start(company: Company, settings: &[&str]) -> Self {
        let private = Private::folder("sieve", "mail.log");
        let mut arguments: Vec<OsString> = vec![env!("CARGO_BIN_EXE_leadmilter").into(), company.config_file().into()];
        for setting in settings {
            let setting = setting.replace("@DIR@", private.path("").to_str().unwrap().trim_end_matches('/'));
            arguments.extend(["--option".into(), setting.into()]);
        }
        let dovecot = Self { private: private.start(arguments), company };
        dovecot.hand_over(dovecot.fact("user"));
        dovecot
    }

    /// Gives config and store to `user`; a user that may not is that user already.
    pub fn hand_over(&self, user: &str) {
        let status = Command::new("chown").args(["-R", user]).arg(self.company.path("")).status().unwrap();
        assert!(status.success(), "chown: {status}");
    }

    /// An LMTP session.
    pub fn session(&self) -> Smtp {
        Smtp::connect_lmtp((Ipv4Addr::LOCALHOST, self.fact("port").parse().unwrap()).into())
    }

    /// Delivers one letter in a session of its own; `mail` and `rcpts` with brackets.
    pub fn deliver(&self, mail: &str, rcpts: &[&str], letter: &str) {
        for reply in self.session().delivery(mail, rcpts, letter.as_bytes()) {
            assert_eq!(reply.code, 250, "{}", reply.text);
        }
    }

    /// What a mailbox holds, folder by folder, in the order of delivery.
    pub fn mails(&self, mailbox: &str) -> Vec<Stored> {
        let fetched =
            self.run("doveadm", &["-f", "json", "fetch", "-u", mailbox, "mailbox flags text", "mailbox", "*", "all"]);
        let Value::Array(mails) = serde_json::from_str(&fetched).unwrap() else { panic!("{fetched}") };
        mails.iter().map(stored).collect()
    }

    /// What a mailbox holds, if it is one letter.
    pub fn mail(&self, mailbox: &str) -> Stored {
        let mut mails = self.mails(mailbox);
        assert_eq!(mails.len(), 1, "{mails:?}");
        mails.remove(0)
    }

    /// The leads of the company.
    pub fn leads(&self) -> Vec<Value> {
        run(&self.company, &["leads", "--kind", "all", "--json"]).json()
    }

    /// Runs a tool of Dovecot on this instance and gives back what it printed.
    pub fn run(&self, tool: &str, arguments: &[&str]) -> String {
        let output = self.command("run").arg(tool).args(arguments).output().unwrap();
        assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    }

    /// Puts a shell script into the place of leadmilter; none takes leadmilter away.
    pub fn replace_program(&self, script: Option<&str>) {
        let program = self.path("bin/leadmilter");
        fs::remove_file(&program).unwrap();
        if let Some(script) = script {
            fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    /// Waits until `text` stands in Dovecot's log, which another process writes than the one that delivers.
    pub fn wait_log(&self, text: &str) {
        wait_for(text, || self.log().contains(text).then_some(()), || self.log());
    }
}

impl Deref for Dovecot {
    type Target = Private;

    fn deref(&self) -> &Private {
        &self.private
    }
}

fn stored(fetched: &Value) -> Stored {
    let value = |name: &str| fetched[name].as_str().unwrap();
    let mut flags: Vec<_> = value("flags").split(' ').filter(|flag| !["", "\\Recent"].contains(flag)).collect();
    flags.sort_unstable();
    let text = value("text");
    let (added, below) = text.split_at(text.find("Return-Path:").unwrap());
    // The trace ends with the last line of Received.
    let received = below.find("\nReceived:").unwrap() + 1;
    let lines = below[received..].split_inclusive('\n');
    let folds = lines.skip(1).take_while(|line| line.starts_with('\t')).map(str::len).sum::<usize>();
    let first = below[received..].find('\n').unwrap() + 1;
    let (trace, letter) = below.split_at(received + first + folds);
    Stored {
        folder: value("mailbox").into(),
        flags: flags.into_iter().map(str::to_owned).collect(),
        added: added.into(),
        trace: trace.into(),
        letter: letter.into(),
    }
}
