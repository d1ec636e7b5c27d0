//! A web site: a real nginx with the pages that a test writes, and behind `/_m/` whatever the test names.
//!
//! The site's configuration holds contrib/site/nginx.conf, as web masters are told to include it. Every host is served
//! over TLS: `https://company.ru/` are the company's pages, and all others those of [`Nginx::write_elsewhere`].
#![allow(dead_code, reason = "a house of tools: each test takes those it needs")]

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rcgen::CertifiedKey;
use serde_json::Value;

use crate::{postfix_house::wait_for, served::json_lines};

/// The script tag that a web master is told to put into each page.
pub const TAG: &str =
    r#"<script async src="/_m/s.js" data-key="company" data-emails="info@company.ru sales@company.ru"></script>"#;

/// nginx takes the socket that listens already as its descriptor 3, so nobody else can come by its port.
const START: &str = r#"exec nginx -p "$1" -c "$1/nginx.conf" 3<&0 </dev/null"#;

/// A running nginx.
pub struct Nginx {
    nginx: Child,
    folder: tempfile::TempDir,
    /// Its port of 127.0.0.1.
    pub port: u16,
}

impl Nginx {
    /// Starts it before a daemon whose public door is here: `127.0.0.1:8880`.
    pub fn start(door: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("web").tempdir().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let at = folder.path();
        for name in ["pages/strict", "others"] {
            fs::create_dir_all(at.join(name)).unwrap();
        }
        let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["company.ru".to_owned()]).unwrap();
        fs::write(at.join("site.pem"), cert.pem()).unwrap();
        fs::write(at.join("site.key"), signing_key.serialize_pem()).unwrap();
        let shipped = read("contrib/site/nginx.conf");
        assert!(shipped.contains("http://127.0.0.1:8880/"));
        fs::write(at.join("site.conf"), shipped.replace("127.0.0.1:8880", door)).unwrap();
        let conf = read("tests/browser/nginx.conf").replace("@FOLDER@", &at.display().to_string());
        fs::write(at.join("nginx.conf"), conf.replace("@PORT@", &port.to_string())).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", START, "sh"]).arg(at).env("NGINX", "3;").stdin(Stdio::from(OwnedFd::from(listener)));
        let nginx = command.stderr(fs::File::create(at.join("error.log")).unwrap()).spawn().unwrap();
        let site = Self { nginx, folder, port };
        // This socket is bound last.
        let up = || UnixStream::connect(site.folder.path().join("pages.sock")).ok();
        wait_for("nginx", up, || site.log());
        site
    }

    /// Writes a page of the company's site: `contacts.html` is `https://company.ru/contacts.html`.
    pub fn write(&self, name: &str, page: &str) {
        fs::write(self.pages().join(name), page).unwrap();
    }

    /// Writes a page of all other sites.
    pub fn write_elsewhere(&self, name: &str, page: &str) {
        fs::write(self.folder.path().join("others").join(name), page).unwrap();
    }

    /// What came to the door, once there are so many calls: path, content type, cookies, and the body.
    pub fn sent(&self, count: usize) -> Vec<Value> {
        let all = || {
            let mut sent = json_lines(&self.folder.path().join("sent.log"));
            for sent in &mut sent {
                sent["body"] = serde_json::from_str(sent["body"].as_str().unwrap()).unwrap_or_default();
            }
            Some(sent).filter(|sent| sent.len() >= count)
        };
        wait_for(&format!("{count} calls"), all, || self.log())
    }

    /// The folder of the company's pages.
    pub fn pages(&self) -> PathBuf {
        self.folder.path().join("pages")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("log of nginx:\n{}", self.log());
        }
        // Told to end, for its workers would outlive a master that is killed.
        let pid = self.nginx.id().to_string();
        let told = Command::new("sh").args(["-c", "kill \"$1\"", "sh", &pid]).status();
        if !told.is_ok_and(|status| status.success()) || self.nginx.wait().is_err() {
            eprintln!("nginx {pid} was left behind");
        }
    }
}

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}
