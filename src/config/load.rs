//! The two ways into the config: a file, and a text.
//!
//! Both give back a checked [`Config`] with its warnings, or every fault at once. Faults of syntax stand alone, since
//! what the rest of a broken file means is a guess.

use std::{fs, path::Path};

use super::{
    Config, Fault, Faults,
    check::check,
    fault::Wrong,
    findings::{Findings, Key},
    read::read,
};

/// A config that may be used, and what is odd about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The config.
    pub config: Config,
    /// What is rarely meant, in the order of the file.
    pub warnings: Vec<Fault>,
}

/// Loads the file at `path`. Relative paths in it start at its folder.
pub fn load(path: &Path) -> Result<Loaded, Faults> {
    let bytes = fs::read(path).map_err(|error| {
        let what = format!("the file cannot be read ({error})");
        whole_file(path, Wrong::new(what, "name another one with --config, or let this user read it"))
    })?;
    let text = std::str::from_utf8(&bytes).map_err(|error| not_utf8(path, &bytes, error.valid_up_to()))?;
    // Absolute, so that the config stays true when the daemon changes its folder.
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    parse(text, path, whole.parent().unwrap_or(Path::new("/")))
}

/// Checks `text` as the contents of `path`; relative paths in it start at `base`.
pub fn parse(text: &str, path: &Path, base: &Path) -> Result<Loaded, Faults> {
    let mut findings = Findings::new(path, text);
    let config = read(text, &mut findings).map(|file| check(&file, base, &mut findings));
    match (config, findings.finish()) {
        (Some(config), (faults, warnings)) if faults.is_empty() => Ok(Loaded { config, warnings }),
        (_, (faults, _)) => Err(Faults { file: path.to_owned(), faults }),
    }
}

fn whole_file(path: &Path, wrong: Wrong) -> Faults {
    let mut findings = Findings::new(path, "");
    findings.fault(&Key::Root, None, wrong);
    Faults { file: path.to_owned(), faults: findings.finish().0 }
}

fn not_utf8(path: &Path, bytes: &[u8], at: usize) -> Faults {
    let mut findings = Findings::new(path, &String::from_utf8_lossy(bytes.get(..at).unwrap_or_default()));
    let wrong = Wrong::new("this is not UTF-8", "save the file as UTF-8");
    findings.fault(&Key::Root, Some(&(at..at)), wrong);
    Faults { file: path.to_owned(), faults: findings.finish().0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_utf8_are_named_with_their_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, b"# a\n# b\n# \xd9\xf2\n").unwrap();
        let faults = load(&path).unwrap_err().to_string();
        assert_eq!(faults, format!("{}:3: this is not UTF-8: save the file as UTF-8", path.display()));
    }

    #[test]
    fn a_file_that_is_not_there_is_a_fault_without_a_line() {
        let faults = load(Path::new("/nonexistent/config.toml")).unwrap_err().to_string();
        let expected = "/nonexistent/config.toml: the file cannot be read (No such file or directory (os error 2)): \
                        name another one with --config, or let this user read it";
        assert_eq!(faults, expected);
    }
}
