//! Faults of a config file, as the administrator reads them.
//!
//! A [`Fault`] is one line: place, key, what is wrong, remedy. [`Faults`] are all of one file, in the order of its
//! lines. [`Wrong`] is what the readers of single values say; they know neither key nor line. A fault's text never holds
//! a control character, and never the contents of a secret.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// One fault, or one warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The config file, as it was named to us.
    pub file: Arc<Path>,
    /// Line of the file, from 1; none where the whole file or an absent key is meant.
    pub line: Option<usize>,
    /// Path of the key, `channel[2].addresses[0]`, counted from 0; empty where the file is no TOML.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}: {}", self.what, self.remedy)
    }
}

/// Every fault of a file that could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", one_a_line(.faults))]
pub struct Faults {
    /// The config file, as it was named to us.
    pub file: PathBuf,
    /// In the order of the file's lines; never empty.
    pub faults: Vec<Fault>,
}

fn one_a_line(faults: &[Fault]) -> String {
    faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n")
}

/// Why a value is refused, and what to write in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) what: String,
    pub(super) remedy: String,
}

impl Wrong {
    pub(super) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: one_line(what.into()), remedy: one_line(remedy.into()) }
    }

    /// `"0999" is no octal mode`, and the remedy.
    pub(super) fn value(text: &str, is: &str, remedy: impl Into<String>) -> Self {
        Self::new(format!("{} {is}", quoted(text)), remedy)
    }
}

/// Longer values are cut in faults.
const SHOWN: usize = 80;

/// A value of the file in quotes, escaped and of bounded length.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((cut, _)) => format!("{:?}", format!("{}…", text.get(..cut).unwrap_or_default())),
        None => format!("{text:?}"),
    }
}

fn one_line(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    text.chars()
        .map(|char| if char.is_control() { char.escape_debug().to_string() } else { char.to_string() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(line: Option<usize>, key: &str) -> Fault {
        Fault {
            file: Path::new("config.toml").into(),
            line,
            key: key.to_owned(),
            what: "\"0999\" is no octal mode".to_owned(),
            remedy: "write it as \"0660\"".to_owned(),
        }
    }

    #[test]
    fn a_fault_is_one_line_and_names_what_it_knows() {
        let rows = [
            (Some(14), "milter.socket_mode", "config.toml:14: milter.socket_mode: "),
            (Some(14), "", "config.toml:14: "),
            (None, "hostname", "config.toml: hostname: "),
            (None, "", "config.toml: "),
        ];
        for (line, key, start) in rows {
            let expected = format!("{start}\"0999\" is no octal mode: write it as \"0660\"");
            assert_eq!(fault(line, key).to_string(), expected);
        }
    }

    #[test]
    fn faults_print_one_a_line() {
        let faults = Faults { file: "config.toml".into(), faults: vec![fault(Some(1), "a"), fault(Some(2), "b")] };
        let lines: Vec<String> = faults.to_string().lines().map(str::to_owned).collect();
        assert_eq!(lines, [fault(Some(1), "a").to_string(), fault(Some(2), "b").to_string()]);
    }

    #[test]
    fn a_value_is_shown_escaped_and_bounded() {
        assert_eq!(quoted("a\nb\u{1b}"), "\"a\\nb\\u{1b}\"");
        assert_eq!(quoted(&"я".repeat(100)), format!("\"{}…\"", "я".repeat(80)));
        assert_eq!(Wrong::new("a\nb", "c").what, "a\\nb");
    }
}
