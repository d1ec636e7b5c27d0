//! `leadmilter user`: people who may log in to the dashboard.

mod password;

use std::{path::PathBuf, time::Duration};

use clap::Subcommand;

use super::{
    audit,
    exit::{self, Wrong},
    open_read,
    output::{json_lines, local, or_dash, printable, table, text},
};
use crate::{
    clock::Millis,
    config::Config,
    language::Language,
    store::{Person, PersonChange, Role, Store, StoreError, hash_password, person_name},
};

/// Let people into the dashboard, change what they may do, and let them out again
///
/// The dashboard is at `http.admin`. A viewer sees reports and leads; an editor also corrects leads, sends deliveries again and brings in
/// costs; an admin also sees people, tokens and the audit log. A running daemon knows of every change at once.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leadmilter user add anna --role admin
  leadmilter user add boris --role viewer --language ru --password-file boris.password
  leadmilter user add vera --role editor --no-password
  leadmilter user list
  leadmilter user role boris editor
  leadmilter user passwd boris
  leadmilter user remove boris")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add a person; the password is asked for, or read from standard input or a file
    Add {
        /// What they log in as
        name: String,
        /// What they may do: viewer, editor or admin
        #[arg(long, value_name = "ROLE")]
        role: Role,
        /// What they read: en or ru; what their browser asks for if not said
        #[arg(long, value_name = "LANGUAGE")]
        language: Option<Language>,
        /// A file with the password on its first line; - is standard input
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// No password: a proxy says who they are (dashboard.login = "header")
        #[arg(long, conflicts_with = "password_file")]
        no_password: bool,
    },
    /// List people with their roles
    List {
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Set a new password, and end every session of theirs
    Passwd {
        /// Who
        name: String,
        /// A file with the password on its first line; - is standard input
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Change what a person may do, at once
    Role {
        /// Who
        name: String,
        /// What they may do: viewer, editor or admin
        role: Role,
    },
    /// Remove a person, and end every session of theirs
    Remove {
        /// Who
        name: String,
    },
}

pub fn run(config: &Config, args: &Args) -> anyhow::Result<u8> {
    match &args.command {
        Command::Add { name, role, language, password_file, no_password } => {
            let kept = match no_password {
                true => None,
                false => Some(hash_password(&password::read(password_file.as_deref(), name)?)?),
            };
            add(config, name, *role, *language, kept)
        }
        Command::List { json } => list(config, *json),
        Command::Passwd { name, password_file } => {
            // Nobody types a password for a person who is not there.
            let known = open_read(config)?.person(name)?.ok_or_else(|| nobody(name))?;
            let kept = hash_password(&password::read(password_file.as_deref(), &known.name)?)?;
            change(config, name, PersonChange::Password(kept), ("person.password_set", None), "new password")
        }
        Command::Role { name, role } => {
            let told = role.as_str();
            change(config, name, PersonChange::Role(*role), ("person.role_set", Some(told)), told)
        }
        Command::Remove { name } => change(config, name, PersonChange::Removed, ("person.removed", None), "removed"),
    }
}

fn add(
    config: &Config,
    given: &str,
    role: Role,
    language: Option<Language>,
    kept: Option<String>,
) -> anyhow::Result<u8> {
    let Some(name) = person_name(given) else {
        let remedy = "write 1 to 100 characters on one line";
        return Err(Wrong::Usage(format!("{given:?} is no name: {remedy}")).into());
    };
    let has_password = kept.is_some();
    let person = Person { name: name.clone(), role, language, has_password, created_at: Millis::now() };
    let noted = audit::entry("person.added", &name, Some(role.to_string()));
    if !write(config, async |store| store.add_person(person, kept, noted).await)? {
        let remedy = "`leadmilter user role` and `user passwd` change who is there";
        return Err(Wrong::Data(format!("there is a person {name:?} already: {remedy}")).into());
    }
    text(&format!("{}: added as {role}", printable(&name)))?;
    Ok(exit::OK)
}

fn list(config: &Config, json: bool) -> anyhow::Result<u8> {
    let people = open_read(config)?.people()?;
    if json {
        json_lines(&people)?;
        return Ok(exit::OK);
    }
    let row = |person: &Person| {
        vec![
            person.name.clone(),
            person.role.to_string(),
            or_dash(person.language.map(Language::tag)),
            if person.has_password { "yes".to_owned() } else { "no".to_owned() },
            local(person.created_at, config),
        ]
    };
    let empty = "nobody may log in: `leadmilter user add NAME --role admin` adds the first person";
    table(&["NAME", "ROLE", "LANGUAGE", "PASSWORD", "ADDED"], people.iter().map(row).collect(), empty)?;
    Ok(exit::OK)
}

fn change(
    config: &Config,
    name: &str,
    change: PersonChange,
    (did, details): (&str, Option<&str>),
    told: &str,
) -> anyhow::Result<u8> {
    let noted = audit::entry(did, name, details.map(str::to_owned));
    if !write(config, async |store| store.change_person(name, change, noted).await)? {
        return Err(nobody(name).into());
    }
    text(&format!("{}: {told}", printable(name)))?;
    Ok(exit::OK)
}

fn nobody(name: &str) -> Wrong {
    Wrong::Data(format!("there is no person {name:?}: see `leadmilter user list`"))
}

fn write<T>(config: &Config, work: impl AsyncFnOnce(&Store) -> Result<T, StoreError>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let store = Store::open(&config.store.folder)?;
    let done = runtime.block_on(work(&store));
    runtime.block_on(store.close(Duration::from_secs(10)));
    Ok(done?)
}
