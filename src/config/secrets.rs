//! Reads the files that the config names for keys and webhook secrets.
//!
//! Given a file's name as the config spells it, and the folder that relative names start from; gives back the keys and
//! whether every user of the host may read them. No fault holds a byte of such a file.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::fault::{Wrong, quoted};
use crate::secret::Secret;

/// More than any key has; what is longer is the wrong file.
const LARGEST: u64 = 64 * 1024;

/// Octets of the key of the signature header.
const KEY: usize = 32;

/// What a file held.
pub(super) struct Held<T> {
    pub(super) value: T,
    /// Its mode, if every user may read, write or run it.
    pub(super) exposed: Option<u32>,
}

/// The key of the signature header: the bytes of the file, without one line end.
pub(super) fn key(name: &str, base: &Path) -> Result<Held<Secret>, Wrong> {
    let Held { value: mut bytes, exposed } = contents(name, base)?;
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    if bytes.len() < KEY {
        let is = format!("holds {} bytes, and a key has at least {KEY}", bytes.len());
        return Err(Wrong::value(name, &is, "make one with `openssl rand -hex 32`"));
    }
    Ok(Held { value: Secret::new(bytes), exposed })
}

/// The secrets of a sink, newest first: one line each; blank lines and lines that start with `#` do not count.
pub(super) fn webhook(name: &str, base: &Path) -> Result<Held<Vec<Secret>>, Wrong> {
    let Held { value: bytes, exposed } = contents(name, base)?;
    let remedy = "make a secret with `leadmilter sink secret`";
    let text = std::str::from_utf8(&bytes).map_err(|_| Wrong::value(name, "is no text file", remedy))?;
    let mut secrets = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        secrets.push(secret(line).map_err(|wrong| {
            let Wrong { what, remedy } = wrong;
            Wrong::new(format!("line {} of {} {what}", index + 1, quoted(name)), remedy)
        })?);
    }
    match secrets.len() {
        0 => Err(Wrong::value(name, "holds no secret", remedy)),
        1 | 2 => Ok(Held { value: secrets, exposed }),
        more => {
            let is = format!("holds {more} secrets, and a rotation has two");
            Err(Wrong::value(name, &is, "keep the new one, and below it the one that is being replaced"))
        }
    }
}

/// `whsec_` and standard base64 of 24 to 64 bytes (Standard Webhooks).
fn secret(line: &str) -> Result<Secret, Wrong> {
    let remedy =
        "write one secret a line: whsec_ and the base64 of 24 to 64 bytes, as `leadmilter sink secret` makes it";
    if line.starts_with("v1,") {
        let remedy = "remove the \"v1,\": that is how signatures begin";
        return Err(Wrong::new("begins with \"v1,\", so receivers would not know its signatures", remedy));
    }
    let coded = line.strip_prefix("whsec_").ok_or_else(|| Wrong::new("does not begin with whsec_", remedy))?;
    let bytes = STANDARD.decode(coded).map_err(|_| Wrong::new("is no base64 after whsec_", remedy))?;
    if !(24..=64).contains(&bytes.len()) {
        return Err(Wrong::new(format!("holds {} bytes, and a secret has 24 to 64", bytes.len()), remedy));
    }
    Ok(Secret::new(bytes))
}

fn contents(name: &str, base: &Path) -> Result<Held<Vec<u8>>, Wrong> {
    if name.is_empty() {
        return Err(Wrong::value(name, "names no file", "write the path of a file"));
    }
    if name.starts_with("whsec_") || name.starts_with("v1,") {
        let remedy = "write the secret into a file that only leadmilter reads, and the file's path here";
        return Err(Wrong::new("this is a secret, where the path of a file is expected", remedy));
    }
    let unreadable = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => {
            Wrong::value(name, "does not exist", "make it; a relative path starts at the folder of this config file")
        }
        ErrorKind::PermissionDenied => {
            Wrong::value(name, "may not be read by this user", "let the user that runs leadmilter read it")
        }
        _ => Wrong::value(name, &format!("cannot be read ({error})"), "write the path of a file"),
    };
    let path = base.join(name);
    // Asked before it is opened, since opening a pipe would wait for its writer.
    let metadata = fs::metadata(&path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Wrong::value(name, "is no regular file", "write the path of a file"));
    }
    let file = File::open(&path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.is_empty() {
        return Err(Wrong::value(name, "is empty", "write the key or secret into it"));
    }
    if u64::try_from(bytes.len()).is_ok_and(|read| read > LARGEST) {
        return Err(Wrong::value(name, "is larger than 64 KiB", "write the path of a key file"));
    }
    let mode = metadata.permissions().mode() & 0o7777;
    Ok(Held { value: bytes, exposed: (mode & 0o007 != 0).then_some(mode) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn webhook_of(contents: &str) -> Result<Vec<usize>, Wrong> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("crm.secret"), contents).unwrap();
        let held = webhook("crm.secret", folder.path())?;
        Ok(held.value.iter().map(|secret| secret.reveal().len()).collect())
    }

    #[test]
    fn a_secret_file_has_one_or_two_secrets() {
        let long = |count: usize| format!("whsec_{}", STANDARD.encode(vec![7; count]));
        assert_eq!(webhook_of(SECRET), Ok(vec![24]));
        assert_eq!(webhook_of(&format!("# new\r\n{}\r\n\r\n  {SECRET}\r\n", long(64))), Ok(vec![64, 24]));
        for contents in [
            "",
            "# nothing\n\n",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_",
            "whsec_%%%",
            &long(23),
            &long(65),
            &format!("{SECRET}\n{SECRET}\n{SECRET}"),
        ] {
            assert!(webhook_of(contents).is_err(), "{contents}");
        }
    }

    #[test]
    fn a_key_is_the_files_bytes_without_one_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("header.key");
        let text = "0123456789abcdef0123456789abcdef";
        for (contents, expected) in [
            (format!("{text}\n"), Some(text.to_owned())),
            (format!("{text}\r\n"), Some(text.to_owned())),
            (format!("{text}\n\n"), Some(format!("{text}\n"))),
            (text.to_owned(), Some(text.to_owned())),
            ("0123456789abcdef0123456789abcde\n".to_owned(), None),
        ] {
            std::fs::write(&path, &contents).unwrap();
            let got = key("header.key", folder.path()).ok().map(|held| held.value);
            assert_eq!(got, expected.map(|text| Secret::new(text.into_bytes())), "{contents:?}");
        }
    }

    #[test]
    fn no_fault_holds_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("crm.secret"), "v1,whsec_hunter2").unwrap();
        for name in ["crm.secret", "whsec_hunter2", "v1,whsec_hunter2"] {
            let wrong = webhook(name, folder.path()).map(|_| ()).unwrap_err();
            assert!(!format!("{wrong:?}").contains("hunter2"), "{wrong:?}");
        }
    }
}
