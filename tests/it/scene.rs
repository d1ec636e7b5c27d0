//! The whole product at work: the private Postfix, and an [`Office`] behind it.
//!
//! Given further keys of the config and options of Postfix; gives back what was delivered and what was told, checked
//! where it must vary and compared by the test where it must not. Nothing here knows what the right answer is.

use std::{
    io::Write,
    ops::{Deref, DerefMut},
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::{
    office::Office,
    postfix_house::{Postfix, SHIPPED_MILTER},
};

/// Postfix and what is behind it, which end in this order.
pub struct Scene {
    pub postfix: Postfix,
    office: Office,
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
        let office = |listen: &str| Office::open(listen, setup.keys, setup.addresses);
        if setup.listen.is_empty() {
            let postfix = Postfix::start(SHIPPED_MILTER, setup.options);
            let office = office(&format!("unix:{}", postfix.socket().display()));
            return Self { postfix, office };
        }
        let office = office(setup.listen);
        let named = office.listens_on();
        assert_eq!(named.split(':').next(), setup.listen.split(':').next(), "{named}");
        // Postfix has one word for both families.
        let postfix = Postfix::start(&named.replacen("inet6:", "inet:", 1), setup.options);
        Self { postfix, office }
    }

    /// Sends one letter in a session of its own and gives back its queue id.
    pub fn send(&self, mail: &str, rcpts: &[&str], letter: &[u8]) -> String {
        let answers = self.postfix.send(mail, rcpts, letter);
        answers.queue_id().unwrap_or_else(|| panic!("{answers:?}"))
    }
}

impl Deref for Scene {
    type Target = Office;

    fn deref(&self) -> &Office {
        &self.office
    }
}

impl DerefMut for Scene {
    fn deref_mut(&mut self) -> &mut Office {
        &mut self.office
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
