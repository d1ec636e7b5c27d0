//! The disk is full, or cannot be written at all: mail goes on, the log says which lead is missing, and `ingest` brings
//! it in afterwards, once.
//!
//! A full disk is a small tmpfs, and a read-only one has the immutable flag on the store's files. Where the host allows
//! neither (a container without capabilities), a limit on the size of the daemon's files stands in for both.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    fault_house::{Receivers, Site, letter, message_id, patient_sink, wait_line},
    house::distinct,
    postfix_house::Daemon,
};

/// Runs a program as root, which the private Postfix wants as well; says whether it did its work.
fn as_root(program: &str, arguments: &[&str]) -> bool {
    let mut command = if nix::unistd::geteuid().is_root() {
        Command::new(program)
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", program]);
        sudo
    };
    let output = command.args(arguments).output().unwrap();
    if !output.status.success() {
        eprintln!("{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}

/// Limits the size of every file that the daemon writes from now on.
fn limit_files(daemon: &Daemon, octets: &str) {
    let (pid, limit) = (daemon.pid().to_string(), format!("--fsize={octets}:"));
    assert!(Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap().success());
}

/// Lets writes beyond a limit fail like other writes, instead of ending the process.
const NO_SIGNAL: &str = "trap '' XFSZ";

/// A disk of one megabyte for the store.
struct SmallDisk {
    folder: tempfile::TempDir,
    mounted: bool,
}

impl SmallDisk {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("disk").tempdir().unwrap();
        let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
        let options = format!("size=1m,mode=0700,uid={uid},gid={gid}");
        let mounted = as_root("mount", &["-t", "tmpfs", "-o", &options, "leads", folder.path().to_str().unwrap()]);
        Self { folder, mounted }
    }

    /// Keys of the config that put the store here.
    fn store(&self) -> String {
        format!("[store]\nurl = \"sqlite:{}\"\n", self.folder.path().display())
    }

    /// Leaves no room; gives back what SQLite says of it.
    fn fill(&self, daemon: &Daemon) -> &'static str {
        if !self.mounted {
            let log = fs::metadata(self.folder.path().join("leads.db-wal")).unwrap().len();
            limit_files(daemon, &log.to_string());
            return "disk I/O error";
        }
        let mut file = File::create(self.folder.path().join("backup.tar")).unwrap();
        for size in [4096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        "database or disk is full"
    }

    fn free(&self, daemon: &Daemon) {
        if self.mounted {
            fs::remove_file(self.folder.path().join("backup.tar")).unwrap();
        } else {
            limit_files(daemon, "unlimited");
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the daemon may be dropped after its disk.
        if self.mounted && !as_root("umount", &["--lazy", self.folder.path().to_str().unwrap()]) {
            eprintln!("{} stays mounted", self.folder.path().display());
        }
    }
}

/// Files that even their owner cannot write, through descriptors that are open as well.
struct ReadOnly {
    files: Vec<PathBuf>,
    immutable: bool,
}

impl ReadOnly {
    /// Makes the store's folder read-only for a daemon that runs.
    fn set(store: &Path, daemon: &Daemon) -> Self {
        let immutable = Self::holds(store);
        let mut files: Vec<_> = fs::read_dir(store).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.push(store.to_owned());
        let read_only = Self { files, immutable };
        if immutable {
            assert!(read_only.flag("+i"));
        } else {
            limit_files(daemon, "0");
        }
        read_only
    }

    /// Whether this file system heeds the flag, for a file that is open.
    fn holds(store: &Path) -> bool {
        let path = store.join("probe");
        let mut open = OpenOptions::new().append(true).create(true).open(&path).unwrap();
        let mut probe = Self { files: vec![path], immutable: true };
        let holds = probe.flag("+i") && open.write_all(b"x").is_err();
        probe.immutable = !probe.flag("-i");
        fs::remove_file(&probe.files[0]).unwrap();
        holds
    }

    fn flag(&self, flag: &str) -> bool {
        let files = self.files.iter().map(|file| file.to_str().unwrap());
        as_root("chattr", &[flag].into_iter().chain(files).collect::<Vec<_>>())
    }

    fn unset(mut self, daemon: &Daemon) {
        if !std::mem::take(&mut self.immutable) {
            limit_files(daemon, "unlimited");
        } else {
            assert!(self.flag("-i"));
        }
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        // A test that failed in between: the folder must still be removable.
        if self.immutable && !self.flag("-i") {
            eprintln!("{:?} stay immutable", self.files);
        }
    }
}

/// A letter passes as it was sent, and the log names it by queue id and Message-ID; gives back the cause.
fn assert_passes_unrecorded(site: &Site, daemon: &Daemon, name: &str) -> String {
    let queue_id = site.send(name).queue_id().unwrap();
    let start = format!("{queue_id}: lead not recorded, message passed unchanged: message-id={}: ", message_id(name));
    let line = wait_line(daemon, &["ERROR", &start]);
    let mails = site.postfix.mails("info@company.ru", 1);
    let mail = mails.iter().map(|mail| String::from_utf8(mail.clone()).unwrap());
    let mail = mail.into_iter().find(|mail| mail.contains(&message_id(name))).unwrap();
    assert_eq!(mail.get(mail.find("From: ").unwrap()..).unwrap().as_bytes(), letter(name));
    assert!(!mail.to_lowercase().contains("x-lead"), "{mail}");
    line.split_once(&start).unwrap().1.to_owned()
}

/// A letter is recorded, and told so by its headers; gives back the lead's id.
fn assert_recorded(site: &Site, name: &str) -> String {
    assert!(site.send(name).queue_id().is_some());
    let id = site.lead_id(name);
    let lead = site.leads().into_iter().find(|(letter, _)| *letter == message_id(name)).map(|(_, lead)| lead);
    assert!(lead.is_some());
    assert_eq!(id, lead);
    lead.unwrap()
}

#[test]
fn a_full_disk_holds_up_no_mail_and_its_leads_are_ingested_once() {
    let receivers = Receivers::new();
    let mut receiver = receivers.start();
    let disk = SmallDisk::new();
    let site = Site::new(&disk.store(), &patient_sink(&receiver.url, "2s"));
    let daemon = site.daemon_after(NO_SIGNAL);
    let mut ids = vec![assert_recorded(&site, "before")];
    assert_eq!(receivers.next_id(&mut receiver), ids[0]);
    site.drain_outbox();

    let cause = format!("store could not write: {}", disk.fill(&daemon));
    for name in ["lost one", "lost two"] {
        assert_eq!(assert_passes_unrecorded(&site, &daemon, name), cause);
    }
    assert_eq!(site.leads().len(), 1);
    disk.free(&daemon);
    ids.push(assert_recorded(&site, "after"));

    assert_eq!(site.ingest("info@company.ru"), "2 leads recorded, 2 known already, 0 messages without a lead");
    assert_eq!(site.ingest("info@company.ru"), "0 leads recorded, 4 known already, 0 messages without a lead");
    let leads = site.leads();
    assert_eq!(leads.len(), 4);
    let told: Vec<_> = (0..3).map(|_| receivers.next_id(&mut receiver)).collect();
    site.drain_outbox();
    assert_eq!(receiver.rest().len(), 0);
    ids.extend(told);
    assert_eq!(distinct(ids), distinct(leads.into_iter().map(|(_, lead)| lead)));
    assert_eq!(daemon.terminate().0.code(), Some(0));
}

#[test]
fn a_read_only_store_holds_up_no_mail_and_its_leads_are_ingested_once() {
    let site = Site::new("", "");
    let daemon = site.daemon_after(NO_SIGNAL);
    assert_recorded(&site, "before");
    let read_only = ReadOnly::set(&site.company.path("store"), &daemon);
    for name in ["lost one", "lost two"] {
        let cause = assert_passes_unrecorded(&site, &daemon, name);
        assert!(cause.starts_with("store could not write: "), "{cause}");
    }
    read_only.unset(&daemon);
    // Without a restart, and without one more letter that is lost.
    assert_recorded(&site, "after");
    assert_eq!(site.ingest("info@company.ru"), "2 leads recorded, 2 known already, 0 messages without a lead");
    assert_eq!(site.ingest("info@company.ru"), "0 leads recorded, 4 known already, 0 messages without a lead");
    assert_eq!(daemon.terminate().0.code(), Some(0));
}

#[test]
fn with_tempfail_a_store_that_cannot_be_written_defers_mail_and_its_retry_is_recorded_once() {
    let site = Site::new("on_error = \"tempfail\"\n", "");
    let daemon = site.daemon_after(NO_SIGNAL);
    assert_recorded(&site, "before");
    let read_only = ReadOnly::set(&site.company.path("store"), &daemon);
    for _ in 0..2 {
        let reply = site.send("deferred").data.unwrap();
        assert_eq!((reply.code, &*reply.text), (451, "4.3.0 lead store is not available, try again later"));
    }
    let start =
        format!("lead not recorded, message deferred: message-id={}: store could not write", message_id("deferred"));
    wait_line(&daemon, &["ERROR", &start]);
    // What is no lead is no matter of the store.
    assert!(site.send_in(&mut site.postfix.session(), "other", "ivan@company.ru").queue_id().is_some());
    read_only.unset(&daemon);
    assert_eq!(site.leads().len(), 1);
    assert_recorded(&site, "deferred");
    assert_eq!(site.leads().len(), 2);
    assert_eq!(site.ingest("info@company.ru"), "0 leads recorded, 2 known already, 0 messages without a lead");
}

#[test]
fn a_daemon_that_cannot_open_its_store_says_so_and_mail_passes() {
    let site = Site::new("[store]\nurl = \"sqlite:config.toml/store\"\n", "");
    let (status, told) = site.spawn().wait();
    let folder = site.company.path("config.toml/store");
    let expected =
        format!("leadmilter: store folder {} cannot be used: Not a directory (os error 20)\n", folder.display());
    assert_eq!((status.code(), told), (Some(69), expected));
    assert!(site.send("missed").queue_id().is_some());
    assert_eq!(site.lead_id("missed"), None);
    site.configure("", "");
    assert_eq!(site.ingest("info@company.ru"), "1 lead recorded, 0 known already, 0 messages without a lead");
}
