//! Finds messages: a file is one message, or an mbox if it begins with `From `; a folder is a Maildir or holds messages.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::head::{Head, Mbox};
use crate::cli::exit::Wrong;

/// Octets of one message that is held whole; what an MTA accepts is far less.
const LARGEST: u64 = 256 * 1024 * 1024;

/// A place with one or more messages.
#[derive(Debug)]
pub enum Item {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

/// A message's name for people, and what is read of it.
pub type Named = (String, io::Result<Head>);

/// All places under `paths`, in the order given; within a Maildir as the letters came, within another folder by name.
pub fn find(paths: &[PathBuf]) -> anyhow::Result<Vec<Item>> {
    if paths.is_empty() {
        return Ok(vec![Item::Stdin]);
    }
    let mut items = Vec::new();
    for path in paths {
        let found = fs::metadata(path).map_err(|e| Wrong::Data(format!("cannot read {}: {e}", path.display())))?;
        if found.is_dir() {
            items.extend(messages_in(path)?.into_iter().map(Item::File));
        } else {
            items.push(Item::File(path.clone()));
        }
    }
    Ok(items)
}

fn messages_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let [new, cur] = ["new", "cur"].map(|name| folder.join(name));
    if cur.is_dir() {
        let mut found = [files(&new)?, files(&cur)?].concat();
        // Who wrote first is new, and an answer belongs to what it answers.
        found.sort_by_key(|path| delivered(path));
        return Ok(found);
    }
    let found = files(folder)?;
    if found.is_empty()
        && let Some(inner) =
            fs::read_dir(folder)?.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).min()
    {
        let folder = folder.display();
        let text = format!("{folder} holds no messages but folders: name those, such as {}", inner.display());
        return Err(Wrong::Data(text).into());
    }
    Ok(found)
}

/// When a message of a Maildir was delivered: its name begins with the second.
fn delivered(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.split('.').next()?.parse().ok()
}

fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && entry.file_type()?.is_file() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

impl Item {
    /// The messages there, read one at a time.
    pub fn messages(self) -> Box<dyn Iterator<Item = Named>> {
        match self {
            Self::Stdin => Box::new(std::iter::once_with(|| ("-".to_owned(), Head::of(io::stdin().lock(), None)))),
            Self::File(path) => {
                let name = path.display().to_string();
                match open(&path) {
                    Ok(Opened { source, is_mbox: true, .. }) => {
                        let messages = Mbox::new(source).enumerate();
                        Box::new(messages.map(move |(number, head)| (format!("{name}:{}", number + 1), head)))
                    }
                    Ok(Opened { source, size, .. }) => Box::new(std::iter::once((name, Head::of(source, size)))),
                    Err(e) => Box::new(std::iter::once((name, Err(e)))),
                }
            }
        }
    }
}

/// One whole message from standard input.
pub fn stdin() -> io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    io::stdin().lock().take(LARGEST + 1).read_to_end(&mut raw)?;
    if raw.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("message is larger than {LARGEST} octets")));
    }
    Ok(raw)
}

struct Opened {
    source: Box<dyn BufRead>,
    is_mbox: bool,
    /// Of a regular file: its body need not be read.
    size: Option<u64>,
}

/// Opens a file once: a pipe gives its first bytes only once.
fn open(path: &Path) -> io::Result<Opened> {
    let mut file = fs::File::open(path)?;
    let found = file.metadata()?;
    let mut start = Vec::new();
    file.by_ref().take(5).read_to_end(&mut start)?;
    let is_mbox = start == b"From ";
    let size = found.is_file().then_some(found.len());
    Ok(Opened { source: Box::new(io::Cursor::new(start).chain(BufReader::new(file))), is_mbox, size })
}
