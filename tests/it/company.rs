//! The company that most tests are about: its config, with one mailbox rewritten and one not, and three channels.

use std::{
    fs,
    path::{Path, PathBuf},
};

use leadmilter::config::{self, Config};

use crate::house::SECRET;

/// Mailboxes and channels. `info` keeps its substitutes as recipients, `sales` takes their place.
const ADDRESSES: &str = r#"
[[mailbox]]
address = "info@company.ru"
separators = "+.-"

[[mailbox]]
address = "sales@company.ru"
separators = "+"
rewrite = true

[[channel]]
id = "billboard-m11"
name = "Щит на М11"
mailbox = "info@company.ru"
addresses = ["info+m11@company.ru", "info.m11@company.ru", "info-m11@company.ru", "m11@promo.company.ru"]
utm = { source = "outdoor", medium = "offline", campaign = "м11-весна", term = "", content = "щит 3×6" }
tags = ["offline", "outdoor"]

[[channel]]
id = "yandex-direct"
name = "Яндекс Директ"
mailbox = "info@company.ru"
addresses = ["info+yd@company.ru", "yd@leads.company.ru", "инфо+реклама@company.ru"]
utm = { source = "yandex", medium = "cpc", campaign = "pumps-msk" }

[[channel]]
id = "newsletter"
name = "Newsletter"
mailbox = "sales@company.ru"
addresses = ["sales+news@company.ru", "Sales+Autumn@company.ru"]
utm = { source = "newsletter", medium = "email", campaign = "autumn" }
tags = ["email"]
"#;

/// Addresses for visitors, for the beginning of the config.
pub const DYNAMIC: &str = "[dynamic]\nmailbox = \"info@company.ru\"\nkey_file = \"token.key\"\n\
                           domain = \"leads.company.ru\"\n";

/// A config in a folder of its own.
pub struct Company {
    folder: tempfile::TempDir,
}

impl Company {
    /// Writes a config: `top` are keys and tables of the file's beginning, such as `[milter]`; `sinks` follow the
    /// channels. The store is the folder `store` beside the config.
    pub fn new(top: &str, sinks: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("company").tempdir().unwrap();
        let company = Self { folder };
        fs::write(company.path("crm.secret"), format!("{SECRET}\n")).unwrap();
        fs::write(company.path("header.key"), "0123456789abcdef0123456789abcdef\n").unwrap();
        fs::write(company.path("token.key"), format!("{}\n", "0f".repeat(32))).unwrap();
        company.rewrite(top, sinks);
        company
    }

    /// Writes the config anew.
    pub fn rewrite(&self, top: &str, sinks: &str) {
        let store = if top.contains("[store]") { "" } else { "[store]\nurl = \"sqlite:store\"\n" };
        let own = "hostname = \"mx1.company.ru\"\ndomains = [\"company.ru\"]\n";
        fs::write(self.config_file(), format!("{own}{top}\n{store}{ADDRESSES}{sinks}")).unwrap();
    }

    /// The config file.
    pub fn config_file(&self) -> PathBuf {
        self.path("config.toml")
    }

    /// The config, checked.
    pub fn config(&self) -> Config {
        config::load(&self.config_file()).unwrap().config
    }

    /// A file beside the config.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A sink of the config file, in a hurry: tried again after 50 ms.
pub fn webhook(id: &str, url: &str) -> String {
    format!(
        "[[sink]]\nid = \"{id}\"\nurl = \"{url}\"\nsecret_file = \"crm.secret\"\ntimeout = \"5s\"\nretry = [\"50ms\", \"50ms\", \"200ms\", \"1s\", \"1s\", \"1s\"]\n"
    )
}
