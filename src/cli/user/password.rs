//! Reads a password: from a file, from standard input, or twice from a terminal that does not show it.

use std::{
    fs::File,
    io::{BufRead, BufReader, IsTerminal, Read, stdin},
    path::Path,
};

use anyhow::Context;
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

use super::super::exit::Wrong;
use crate::store::{LONGEST_PASSWORD, SHORTEST_PASSWORD};

/// The password for `name`, on the first line of what is read.
pub fn read(file: Option<&Path>, name: &str) -> anyhow::Result<String> {
    let password = match file {
        Some(file) if file != Path::new("-") => {
            let cannot = || format!("cannot read {}", file.display());
            first_line(File::open(file).with_context(cannot)?).with_context(cannot)?
        }
        None if stdin().is_terminal() => typed(name)?,
        _ => first_line(stdin())?,
    };
    fit(&password, name)?;
    Ok(password)
}

fn fit(password: &str, name: &str) -> Result<(), Wrong> {
    let wrong = |what: String| Err(Wrong::Data(what));
    if password.chars().count() < SHORTEST_PASSWORD {
        return wrong(format!("the password is shorter than {SHORTEST_PASSWORD} characters: choose a longer one"));
    }
    if password.len() > LONGEST_PASSWORD {
        return wrong(format!("the password is longer than {LONGEST_PASSWORD} octets: choose a shorter one"));
    }
    if password.to_lowercase() == name.to_lowercase() {
        return wrong("the password is the name: choose another one".to_owned());
    }
    Ok(())
}

fn first_line(from: impl Read) -> anyhow::Result<String> {
    let mut line = String::new();
    // A line that does not end within a little more than a password may have is none.
    BufReader::new(from.take(2 * LONGEST_PASSWORD as u64)).read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Asked for twice, since nobody sees what they type.
fn typed(name: &str) -> anyhow::Result<String> {
    let hidden = Hidden::new()?;
    let mut lines = stdin().lock().lines();
    let mut ask = |question: String| {
        eprint!("{question}");
        let line = lines.next().unwrap_or_else(|| Ok(String::new()));
        eprintln!();
        line
    };
    let (first, second) = (ask(format!("Password for {name}: "))?, ask("The same again: ".to_owned())?);
    drop(hidden);
    if first != second {
        return Err(Wrong::Data("these were two different passwords: try again".to_owned()).into());
    }
    Ok(first)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn new() -> anyhow::Result<Self> {
        let shown = tcgetattr(stdin())?;
        let mut hidden = shown.clone();
        hidden.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(stdin(), SetArg::TCSAFLUSH, &hidden)?;
        Ok(Self(shown))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // The shell puts it right where this fails.
        tcsetattr(stdin(), SetArg::TCSAFLUSH, &self.0).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line_and_not_too_weak() {
        assert_eq!(first_line("long enough\r\nsecond".as_bytes()).unwrap(), "long enough");
        let told = |password: &str| fit(password, "anna-petrova").map_err(|e| e.to_string());
        assert_eq!(told("correct horse"), Ok(()));
        assert_eq!(told("пароль"), Err("the password is shorter than 10 characters: choose a longer one".into()));
        assert_eq!(told("Anna-Petrova"), Err("the password is the name: choose another one".into()));
        let long = "x".repeat(1025);
        assert_eq!(told(&long), Err("the password is longer than 1024 octets: choose a shorter one".into()));
    }
}
