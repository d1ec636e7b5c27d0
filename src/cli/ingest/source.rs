//! Finds messages: a file is one message, or an mbox if it begins with `From `; a folder is a Maildir or holds messages.

use std::{
    fs,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use anyhow::Context;
use mail_parser::mailbox::mbox::MessageIterator;

use crate::cli::exit::Wrong;

/// Octets of one message; what an MTA accepts is far less.
pub const LARGEST: u64 = 256 * 1024 * 1024;

/// A place with one or more messages.
#[derive(Debug)]
pub enum Item {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

/// A message's name for people, and its bytes.
pub type Named = (String, io::Result<Vec<u8>>);

/// All places under `paths`, in the order given and by name within a folder.
pub fn find(paths: &[PathBuf]) -> anyhow::Result<Vec<Item>> {
    if paths.is_empty() {
        return Ok(vec![Item::Stdin]);
    }
    let mut items = Vec::new();
    for path in paths {
        let found = fs::metadata(path).map_err(|e| Wrong::Data(format!("cannot read {}: {e}", path.display())))?;
        if found.is_dir() {
            let maildir = path.join("cur").is_dir();
            let folders = if maildir { vec![path.join("new"), path.join("cur")] } else { vec![path.clone()] };
            for folder in folders {
                items.extend(files(&folder)?.into_iter().map(Item::File));
            }
        } else {
            items.push(Item::File(path.clone()));
        }
    }
    Ok(items)
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
            Self::Stdin => Box::new(std::iter::once_with(|| ("-".to_owned(), stdin()))),
            Self::File(path) => {
                let name = path.display().to_string();
                match is_mbox(&path) {
                    Ok(true) => mbox(&path, name),
                    Ok(false) => {
                        Box::new(std::iter::once_with(move || (name, fs::File::open(&path).and_then(bounded))))
                    }
                    Err(e) => Box::new(std::iter::once((name, Err(e)))),
                }
            }
        }
    }
}

/// One message from standard input.
pub fn stdin() -> io::Result<Vec<u8>> {
    bounded(io::stdin().lock())
}

fn bounded(source: impl Read) -> io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    source.take(LARGEST + 1).read_to_end(&mut raw)?;
    if raw.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("message is larger than {LARGEST} octets")));
    }
    Ok(raw)
}

fn is_mbox(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    fs::File::open(path)?.take(5).read_to_end(&mut start)?;
    Ok(start == b"From ")
}

fn mbox(path: &Path, name: String) -> Box<dyn Iterator<Item = Named>> {
    match fs::File::open(path) {
        Ok(file) => {
            let messages = MessageIterator::new(BufReader::new(file)).enumerate();
            Box::new(messages.map(move |(number, message)| {
                (format!("{name}:{}", number + 1), message.map(|message| message.unwrap_contents()))
            }))
        }
        Err(e) => Box::new(std::iter::once((name, Err(e)))),
    }
}
