//! The journal: one line of JSON for each event, in a file of this host or on standard output.
//!
//! Given events, appends and syncs them before they count as delivered. A file that has grown to its size is put aside as
//! `leads.jsonl.1`, and what was put aside before moves up by one. The file is opened by name for every call, so that another
//! program may rotate it, too. A line that a crash cut off is ended before the next one is written.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, fchown},
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Instant,
};

use nix::unistd::geteuid;

use super::{Answer, Message, Verdict};
use crate::config;

/// Whoever writes to a path has its lock: two outboxes may run for a moment while the config is read anew.
static TURNS: LazyLock<Mutex<HashMap<Option<PathBuf>, Arc<Turn>>>> = LazyLock::new(Mutex::default);

type Turn = tokio::sync::Mutex<()>;

/// A file that events are appended to.
#[derive(Debug)]
pub struct Journal {
    config: Arc<config::Journal>,
    turn: Arc<Turn>,
}

impl Journal {
    /// Takes the config; opens nothing.
    pub fn new(config: config::Journal) -> Self {
        let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = Arc::clone(turns.entry(config.path.clone()).or_default());
        Self { config: Arc::new(config), turn }
    }

    /// Appends events; all of them, or none is told to have arrived.
    pub async fn deliver(&self, messages: &[Message<'_>]) -> Vec<Answer> {
        let begun = Instant::now();
        let lines: String = messages.iter().flat_map(|message| [message.body, "\n"]).collect();
        // A write that hangs, as on a network that is gone, must not take one thread after the other.
        let written = match Arc::clone(&self.turn).try_lock_owned() {
            Ok(turn) => {
                let config = Arc::clone(&self.config);
                let writing = tokio::task::spawn_blocking(move || {
                    let _turn = turn;
                    write(&config, lines.as_bytes())
                });
                writing.await.unwrap_or_else(|broken| Err(io::Error::other(broken)))
            }
            Err(_) => Err(io::Error::other("the write before has not ended")),
        };
        let (verdict, error) = match written {
            Ok(()) => (Verdict::Delivered, None),
            Err(error) => (Verdict::Retry { floor: None }, Some(format!("journal cannot be written: {error}"))),
        };
        let (fault, doubt, duration) = (error.clone(), error.is_some(), begun.elapsed());
        let answer = Answer { verdict, status: None, error, fault, answer: None, duration, doubt, calls: 1 };
        messages.iter().map(|_| answer.clone()).collect()
    }
}

fn write(config: &config::Journal, lines: &[u8]) -> io::Result<()> {
    let Some(path) = &config.path else {
        let mut out = io::stdout().lock();
        out.write_all(lines)?;
        return out.flush();
    };
    if fs::metadata(path).is_ok_and(|file| file.len() >= config.max_size) {
        put_aside(path, config.keep)?;
    }
    let mut file = open(path)?;
    if is_cut_off(&mut file)? {
        file.write_all(b"\n")?;
    }
    file.write_all(lines)?;
    file.sync_data()
}

fn open(path: &Path) -> io::Result<File> {
    // Events are personal data: nobody but the service's user and group reads them.
    let mut options = OpenOptions::new();
    options.read(true).append(true).mode(0o640);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let file = options.create_new(true).open(path)?;
            // Made by `sink test` as root, it has to be the service's all the same: as the folder is.
            if geteuid().is_root()
                && let Some(folder) = path.parent().and_then(|folder| fs::metadata(folder).ok())
            {
                fchown(&file, Some(folder.uid()), Some(folder.gid()))?;
            }
            Ok(file)
        }
        opened => opened,
    }
}

fn is_cut_off(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Renames `leads.jsonl.1` to `.2` and so on, the oldest first, then the file itself to `.1`.
fn put_aside(path: &Path, keep: u32) -> io::Result<()> {
    if keep == 0 {
        return fs::remove_file(path);
    }
    for number in (1..keep).rev() {
        let from = numbered(path, number);
        if from.exists() {
            fs::rename(from, numbered(path, number + 1))?;
        }
    }
    fs::rename(path, numbered(path, 1))
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventType;

    fn journal(folder: &Path, max_size: u64, keep: u32) -> Journal {
        Journal::new(config::Journal { path: Some(folder.join("leads.jsonl")), max_size, keep })
    }

    fn message(body: &str) -> Message<'_> {
        let event_type = EventType::LeadReceived;
        Message { event_id: "e", event_type, body, attempt: 1, doubt: false, note: None }
    }

    fn files(folder: &Path) -> Vec<(String, String)> {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        files.sort();
        files
    }

    #[tokio::test]
    async fn events_are_lines_and_a_full_file_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal(folder.path(), 8, 2);
        for pair in [["{1}", "{2}"], ["{3}", "{4}"], ["{5}", "{6}"], ["{7}", "{8}"]] {
            let answers = journal.deliver(&pair.map(message)).await;
            assert!(answers.iter().all(|answer| answer.verdict == Verdict::Delivered), "{answers:?}");
        }
        let expected =
            [("leads.jsonl", "{7}\n{8}\n"), ("leads.jsonl.1", "{5}\n{6}\n"), ("leads.jsonl.2", "{3}\n{4}\n")];
        assert_eq!(files(folder.path()), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }

    #[tokio::test]
    async fn a_line_that_was_cut_off_stays_a_line_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("leads.jsonl"), "{1}\n{\"cut").unwrap();
        journal(folder.path(), 1000, 1).deliver(&[message("{2}")]).await;
        assert_eq!(files(folder.path()), [("leads.jsonl".to_owned(), "{1}\n{\"cut\n{2}\n".to_owned())]);
    }

    #[tokio::test]
    async fn a_write_that_hangs_costs_the_next_one_an_attempt_and_no_thread() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal(folder.path(), 1000, 1);
        let other = Journal::new((*journal.config).clone());
        let held = Arc::clone(&other.turn).try_lock_owned().unwrap();
        let error = journal.deliver(&[message("{}")]).await[0].error.clone();
        assert_eq!(error.as_deref(), Some("journal cannot be written: the write before has not ended"));
        drop(held);
        assert_eq!(journal.deliver(&[message("{}")]).await[0].verdict, Verdict::Delivered);
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_a_failure_to_try_again() {
        let answers = journal(Path::new("/nonexistent"), 1000, 1).deliver(&[message("{}")]).await;
        assert_eq!(answers[0].verdict, Verdict::Retry { floor: None });
        let error = answers[0].error.as_deref();
        assert_eq!(error, Some("journal cannot be written: No such file or directory (os error 2)"));
    }
}
