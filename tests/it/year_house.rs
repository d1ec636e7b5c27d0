//! A small year in a folder of its own: what is written into it once is asked for by many tests.

use std::{
    collections::HashMap,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::civil::Date;
use leadmilter::config::{self, Config};

use crate::{
    command::Output,
    year::{Plan, fill::fill},
};

/// The last day of every year here.
pub const LAST: Date = Date::constant(2026, 11, 26);

/// A company with a year behind it.
pub struct YearHouse {
    folder: tempfile::TempDir,
}

impl YearHouse {
    /// A year of so many letters; `top` are lines for the beginning of its config.
    pub fn new(letters: u32, top: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("year").tempdir().unwrap();
        let plan = Plan { seed: 7, letters, last: LAST, days: 365 };
        fill(folder.path(), top, plan, |_| {}).unwrap();
        std::fs::set_permissions(folder.path().join("token.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        Self { folder }
    }

    /// The same for all tests that only read it.
    pub fn shared(letters: u32) -> Arc<Self> {
        static MADE: Mutex<Option<HashMap<u32, Arc<YearHouse>>>> = Mutex::new(None);
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        let made = made.get_or_insert_default();
        let new = || Arc::new(Self::new(letters, "timezone = \"Europe/Moscow\"\n"));
        Arc::clone(made.entry(letters).or_insert_with(new))
    }

    /// A file beside the config.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The config in force.
    pub fn config(&self) -> Config {
        config::load(&self.path("config.toml")).unwrap().config
    }

    /// Runs `leadmilter --config FILE ARGUMENTS…` in its folder.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leadmilter"));
        command.arg("--config").arg(self.path("config.toml")).args(arguments).current_dir(self.folder.path());
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Output { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}
