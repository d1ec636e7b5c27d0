//! A private Postfix, and the daemon as a process.
//!
//! [`Postfix::start`] runs `contrib/postfix/private`, whose main.cf is made of the snippets that administrators are told to
//! use. Nothing here sleeps to synchronise: everything waits for a fact, and panics with the logs if it does not come in
//! time.
#![allow(dead_code, reason = "a house of tools: each test takes those it needs")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    ops::Deref,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::private::Private;
pub use crate::smtp_client::{Answers, Reply, Smtp};

/// Long enough for a loaded machine; nothing waits this long unless a test is about to fail.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The milter of `main.cf.leadmilter`: the socket is [`Postfix::socket`].
pub const SHIPPED_MILTER: &str = "unix:leadmilter/milter.sock";

/// Polls until `fact` gives a value; after [`PATIENCE`], panics with what `otherwise` tells.
pub fn wait_for<T>(what: &str, mut fact: impl FnMut() -> Option<T>, otherwise: impl FnOnce() -> String) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = fact() {
            return value;
        }
        if Instant::now() > deadline {
            panic!("waited {PATIENCE:?} for {what}\n{}", otherwise());
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// A running Postfix of one's own.
pub struct Postfix {
    private: Private,
    queued: Mutex<Vec<String>>,
}

impl Postfix {
    /// Starts one with `milter` (`none`, [`SHIPPED_MILTER`], `inet:127.0.0.1:8891`) and further options of
    /// `contrib/postfix/private`: `["--mailbox", "a@b.example", "--option", "smtputf8_enable=no"]`.
    pub fn start(milter: &str, options: &[&str]) -> Self {
        let private = Private::folder("postfix", "mail.log").start([&["--milter", milter], options].concat());
        Self { private, queued: Mutex::default() }
    }

    /// Where a milter listens to be reached as [`SHIPPED_MILTER`]: within the chroot of Postfix's services.
    pub fn socket(&self) -> PathBuf {
        self.path("queue/leadmilter/milter.sock")
    }

    /// Sends one letter in an IPv4 session of its own; see [`Smtp::transaction`].
    pub fn send(&self, mail: &str, rcpts: &[&str], letter: &[u8]) -> Answers {
        self.send_in(&mut self.session(), mail, rcpts, letter)
    }

    /// Sends one letter within `session`, and remembers that it is on its way.
    pub fn send_in(&self, session: &mut Smtp, mail: &str, rcpts: &[&str], letter: &[u8]) -> Answers {
        let answers = session.transaction(mail, rcpts, letter);
        self.queued.lock().unwrap().extend(answers.queue_id());
        answers
    }

    /// Submits a letter through sendmail(1), with its arguments.
    pub fn sendmail(&self, arguments: &[&str], letter: &[u8]) {
        let mut command = self.command("run");
        let mut child = command.arg("sendmail").args(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(letter).unwrap();
        let status = child.wait().unwrap();
        assert!(status.success(), "sendmail: {status}\n{}", self.log());
    }

    /// Runs a program of Postfix on this instance (`postqueue -p`, `postsuper -r ALL`) and gives back what it printed.
    pub fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.command("run").arg(program).args(arguments).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// All letters in a mailbox, once there are `count` of them and every letter that was sent by [`Postfix::send`] has
    /// left the queue: a letter delivered twice is seen here. They come in the order in which they were sent, which is
    /// seldom the order of delivery; those that came by another way follow.
    pub fn mails(&self, mailbox: &str, count: usize) -> Vec<Vec<u8>> {
        self.drain();
        let what = format!("{count} letters in {mailbox}");
        wait_for(&what, || Some(self.delivered(mailbox)).filter(|mails| mails.len() >= count), || self.log())
    }

    /// Waits until every letter sent by [`Postfix::send`] has left the queue.
    pub fn drain(&self) {
        let queued = self.queued.lock().unwrap();
        let gone = || {
            let log = self.log();
            queued.iter().all(|id| log.contains(&format!(" {id}: removed"))).then_some(())
        };
        wait_for("letters to leave the queue", gone, || self.log());
    }

    /// What a mailbox holds now.
    fn delivered(&self, mailbox: &str) -> Vec<Vec<u8>> {
        let Ok(entries) = fs::read_dir(self.path(&format!("mail/{mailbox}/new"))) else {
            return Vec::new();
        };
        let mut mails: Vec<_> = entries.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
        let queued = self.queued.lock().unwrap();
        mails.sort_by_cached_key(|mail| {
            let id = queue_id(mail);
            let sent = queued.iter().position(|queued| *queued == id).unwrap_or(usize::MAX);
            // Copies of one letter are told apart by Delivered-To and X-Original-To above the rest.
            (sent, mail.clone())
        });
        mails
    }
}

impl Deref for Postfix {
    type Target = Private;

    fn deref(&self) -> &Private {
        &self.private
    }
}

/// The queue id under which this Postfix took a delivered letter: it stands in the uppermost Received: header.
pub fn queue_id(mail: &[u8]) -> String {
    let text = String::from_utf8_lossy(mail);
    let received = text.split_once("\nReceived: ").unwrap().1;
    let id = received.split_ascii_whitespace().skip_while(|word| *word != "id").nth(1).unwrap();
    id.trim_end_matches(';').to_owned()
}

/// `leadmilter run` as a process of its own.
pub struct Daemon {
    child: Child,
    log: Arc<(Mutex<String>, Condvar)>,
}

impl Daemon {
    /// Starts it and waits until it says that it is ready.
    pub fn start(config: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leadmilter"));
        command.args(["run", "--config"]).arg(config);
        let daemon = Self::spawn(command);
        daemon.wait_log("ready");
        daemon
    }

    /// Starts `command`, which becomes the daemon sooner or later.
    pub fn spawn(mut command: Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::new((Mutex::new(String::new()), Condvar::new()));
        let lines = BufReader::new(child.stderr.take().unwrap()).split(b'\n');
        let writer = Arc::clone(&log);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                writer.0.lock().unwrap().push_str(&format!("{}\n", String::from_utf8_lossy(&line)));
                writer.1.notify_all();
            }
            writer.0.lock().unwrap().push_str(END_OF_LOG);
            writer.1.notify_all();
        });
        Self { child, log }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        self.log.0.lock().unwrap().clone()
    }

    /// Waits until `word` stands in its log, as a whole word, and gives back the log up to now.
    pub fn wait_log(&self, word: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut log = self.log.0.lock().unwrap();
        while !log.split(|c: char| !c.is_alphanumeric()).any(|found| found == word) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !log.ends_with(END_OF_LOG), "leadmilter never said {word:?}:\n{log}");
            log = self.log.1.wait_timeout(log, left).unwrap().0;
        }
        log.clone()
    }

    /// SIGHUP; what came of it stands in the log.
    pub fn reload(&self) {
        self.signal("HUP");
    }

    /// SIGTERM, and waits for the end.
    pub fn terminate(self) -> (ExitStatus, String) {
        self.signal("TERM");
        self.wait()
    }

    /// Waits for the end of a process that has been told to end, or does so by itself.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let log = Arc::clone(&self.log);
        let status = wait_for("leadmilter to end", || self.child.try_wait().unwrap(), || log.0.lock().unwrap().clone());
        (status, self.whole_log())
    }

    /// SIGKILL, and waits for the end.
    pub fn kill9(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.whole_log()
    }

    /// Sends a signal by name; by the shell, whose `kill` is always there.
    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let status = Command::new("sh").args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &pid]).status().unwrap();
        assert!(status.success(), "kill -s {name}: {status}\n{}", self.log());
    }

    /// The log of a process that has ended.
    fn whole_log(&self) -> String {
        let ended = || Some(self.log()).filter(|log| log.ends_with(END_OF_LOG));
        let log = wait_for("the end of the log", ended, || self.log());
        log.strip_suffix(END_OF_LOG).unwrap_or(&log).to_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let ended = self.child.try_wait().is_ok_and(|status| status.is_some());
        if !ended && (self.child.kill().is_err() || self.child.wait().is_err()) {
            eprintln!("leadmilter {} was left behind", self.pid());
        }
        if thread::panicking() {
            // The panic that is under way may have poisoned the lock.
            let log = self.log.0.lock().unwrap_or_else(PoisonError::into_inner);
            eprintln!("log of leadmilter:\n{log}");
        }
    }
}

/// Written by the reading thread when the daemon closes its standard error.
const END_OF_LOG: &str = "\u{4}";
