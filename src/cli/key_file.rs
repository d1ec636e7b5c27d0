//! Files that hold keys: made so that nobody else can read them at any moment, and replaced whole or not at all.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use anyhow::Context;

/// A new file of one line, readable by its owner and the group of its folder: by that group the daemon reads it, as it
/// reads the config beside it.
pub fn create(file: &Path, line: &str) -> anyhow::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let group = fs::metadata(folder).with_context(|| format!("cannot look into {}", folder.display()))?.gid();
    write(file, &format!("{line}\n"), group, 0o640)
}

/// Whole or not at all, under the same owner, group and mode.
pub fn replace(file: &Path, lines: &[String]) -> anyhow::Result<()> {
    let as_before = fs::metadata(file)?;
    let mut early = file.as_os_str().to_owned();
    early.push(format!(".{}", std::process::id()));
    let early = PathBuf::from(early);
    write(&early, &(lines.join("\n") + "\n"), as_before.gid(), as_before.mode())?;
    let replaced = chown(&early, Some(as_before.uid()), None).and_then(|()| fs::rename(&early, file));
    if replaced.is_err() {
        drop(fs::remove_file(&early));
    }
    replaced.with_context(|| format!("cannot replace {}", file.display()))
}

/// A new file with a group and a mode; nobody else can read it at any moment.
fn write(file: &Path, text: &str, group: u32, mode: u32) -> anyhow::Result<()> {
    let make = || {
        let mut made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
        chown(file, None, Some(group))?;
        made.set_permissions(fs::Permissions::from_mode(mode & 0o7777))?;
        made.write_all(text.as_bytes())?;
        made.sync_all()
    };
    make().with_context(|| format!("cannot make {}", file.display()))
}
