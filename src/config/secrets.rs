//! Reads the files that the config names for keys and secrets of sinks.
//!
//! Given a file's name as the config spells it, and the folder that relative names start from; gives back the keys and
//! whether every user of the host may read them. `credential:NAME` is a credential that systemd passed. No fault holds a byte
//! of such a file.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::fault::{Wrong, quoted};
use crate::{secret::Secret, token};

/// More than any key has; what is longer is the wrong file.
const LARGEST: u64 = 64 * 1024;

/// Octets of the key of the signature header.
const KEY: usize = 32;

/// What the name of a credential begins with.
const CREDENTIAL: &str = "credential:";

/// Where systemd says that it has put them.
const CREDENTIALS_FOLDER: &str = "CREDENTIALS_DIRECTORY";

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

/// Keys of tokens, newest first: one line each of 64 hexadecimal digits.
pub(super) fn token_keys(name: &str, base: &Path) -> Result<Held<Vec<Secret>>, Wrong> {
    let Held { value: bytes, exposed } = contents(name, base)?;
    let remedy = "make it with `leadmilter address key --file FILE`";
    let mut keys = Vec::new();
    for (number, line) in lines(name, &bytes, remedy)? {
        let octets = line.as_bytes().chunks(2).map(|pair| match pair {
            [high, low] => Some(hexadecimal(*high)? << 4 | hexadecimal(*low)?),
            _ => None,
        });
        let key: Vec<u8> = octets.collect::<Option<_>>().unwrap_or_default();
        if key.len() != token::KEY {
            let what = format!("line {number} of {} is no key of 64 hexadecimal digits", quoted(name));
            return Err(Wrong::new(what, remedy));
        }
        keys.push(Secret::new(key));
    }
    let is = match keys.len() {
        1 | 2 => return Ok(Held { value: keys, exposed }),
        0 => return Err(Wrong::value(name, "holds no key", remedy)),
        more => format!("holds {more} keys, and a rotation has two"),
    };
    Err(Wrong::value(name, &is, "keep the new one, and below it the one that is being replaced"))
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Keys of Standard Webhooks, newest first.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Signing {
    /// Scheme v1, HMAC-SHA256.
    pub(super) secrets: Vec<Secret>,
    /// Seeds of scheme v1a, Ed25519.
    pub(super) keys: Vec<Secret>,
}

/// The signing keys of a sink: one line each; blank lines and lines that start with `#` do not count.
pub(super) fn webhook(name: &str, base: &Path) -> Result<Held<Signing>, Wrong> {
    let Held { value: bytes, exposed } = contents(name, base)?;
    let remedy = "make a secret with `leadmilter sink secret`";
    let mut signing = Signing::default();
    for (number, line) in lines(name, &bytes, remedy)? {
        let in_line = |wrong: Wrong| {
            let Wrong { what, remedy } = wrong;
            Wrong::new(format!("line {number} of {} {what}", quoted(name)), remedy)
        };
        if line.starts_with("whsk_") || line.starts_with("whpk_") {
            signing.keys.push(signing_key(line).map_err(in_line)?);
        } else {
            signing.secrets.push(secret(line).map_err(in_line)?);
        }
    }
    let is = match (signing.secrets.len(), signing.keys.len()) {
        (0, _) => return Err(Wrong::value(name, "holds no secret", remedy)),
        (1 | 2, 0..=2) => return Ok(Held { value: signing, exposed }),
        (more @ 3.., _) => format!("holds {more} secrets, and a rotation has two"),
        (_, more) => format!("holds {more} keys, and a rotation has two"),
    };
    Err(Wrong::value(name, &is, "keep the new one, and below it the one that is being replaced"))
}

/// What requests of a preset show: the first line that counts.
pub(super) fn token(name: &str, base: &Path) -> Result<Held<Secret>, Wrong> {
    let Held { value: bytes, exposed } = contents(name, base)?;
    let remedy = "write the secret of that system into it, on one line";
    let found = lines(name, &bytes, remedy)?.next();
    let (_, line) = found.ok_or_else(|| Wrong::value(name, "holds no secret", remedy))?;
    if line.contains(|char: char| char.is_control()) {
        return Err(Wrong::value(name, "holds a control character in its first line", remedy));
    }
    Ok(Held { value: Secret::new(line.as_bytes().to_vec()), exposed })
}

/// Lines that count, with their numbers.
fn lines<'b>(name: &str, bytes: &'b [u8], remedy: &str) -> Result<impl Iterator<Item = (usize, &'b str)>, Wrong> {
    let text = std::str::from_utf8(bytes).map_err(|_| Wrong::value(name, "is no text file", remedy))?;
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    Ok(lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')))
}

/// `whsk_` and standard base64 of an Ed25519 seed of 32 bytes, with or without the public key behind it.
fn signing_key(line: &str) -> Result<Secret, Wrong> {
    let remedy = "write whsk_ and the base64 of a key, as `leadmilter sink secret --ed25519` makes it";
    let Some(coded) = line.strip_prefix("whsk_") else {
        return Err(Wrong::new("is the public key, which is for the receiver", remedy));
    };
    let bytes = STANDARD.decode(coded).map_err(|_| Wrong::new("is no base64 after whsk_", remedy))?;
    match bytes.get(..32) {
        Some(seed) if matches!(bytes.len(), 32 | 64) => Ok(Secret::new(seed.to_vec())),
        _ => Err(Wrong::new(format!("holds {} bytes, and a key has 32 or 64", bytes.len()), remedy)),
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

/// Whether a credential was meant for a service that this process is not: a listing by hand is given none, and needs none.
pub(super) fn is_for_the_service(name: &str) -> bool {
    name.strip_prefix(CREDENTIAL).is_some_and(is_credential) && std::env::var_os(CREDENTIALS_FOLDER).is_none()
}

fn is_credential(name: &str) -> bool {
    let plain = |char: char| char.is_ascii_alphanumeric() || "._-".contains(char);
    !name.is_empty() && name.chars().all(plain) && !name.starts_with('.')
}

/// Where systemd has put a credential for this process (systemd.exec(5), LoadCredential=).
fn credential_path(name: &str, credential: &str) -> Result<PathBuf, Wrong> {
    if !is_credential(credential) {
        return Err(Wrong::value(
            name,
            "is no name of a credential",
            "write \"credential:\" and letters, digits, . _ -",
        ));
    }
    let folder = std::env::var_os(CREDENTIALS_FOLDER).unwrap_or_default();
    Ok(Path::new(&folder).join(credential))
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
    let path = match name.strip_prefix(CREDENTIAL) {
        Some(credential) => credential_path(name, credential)?,
        None => base.join(name),
    };
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
        Ok(held.value.secrets.iter().map(|secret| secret.reveal().len()).collect())
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
