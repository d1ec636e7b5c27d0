//! People who may log in, and their sessions. A session ends with the person, with their password, and with time.

use std::time::Duration;

use rusqlite::{Connection, Row};

use super::{Store, audit, engine};
use crate::{
    clock::Millis,
    language::Language,
    store::{AuditEntry, IDLE, LONGEST_SESSION, Person, Role, SessionDigest, StoreError},
};

const DOING: &str = "keeping people of the dashboard";

/// How far `seen_at` of a session may lag behind: a write for every page would be a sync for every page.
const LAG: Duration = Duration::from_secs(60);

const COLUMNS: &str = "person.name, person.role, person.language, person.password IS NOT NULL, person.created_at";

/// What changes about a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonChange {
    /// What is kept of a new password; every session ends.
    Password(String),
    /// What they may do from now on.
    Role(Role),
    /// What they read from now on.
    Language(Option<Language>),
    /// They are gone, and their sessions.
    Removed,
}

impl Store {
    /// Adds a person with what is kept of their password; false if there is one of this name.
    pub async fn add_person(
        &self,
        person: Person,
        password: Option<String>,
        noted: AuditEntry,
    ) -> Result<bool, StoreError> {
        let work = move |conn: &Connection| {
            let Person { name, role, language, created_at, .. } = person;
            let language = language.map(Language::tag);
            let added = conn
                .execute(
                    "INSERT INTO person (name, role, password, language, created_at) VALUES ($1, $2, $3, $4, $5)
                     ON CONFLICT (name) DO NOTHING",
                    (name, role.as_str(), password, language, created_at.0),
                )
                .map_err(engine(DOING))?;
            note(conn, added > 0, &noted)
        };
        self.writer()?.write(work).await
    }

    /// Changes something about a person; false if there is none of this name.
    pub async fn change_person(&self, name: &str, change: PersonChange, noted: AuditEntry) -> Result<bool, StoreError> {
        let name = name.to_owned();
        let work = move |conn: &Connection| {
            let changed = match &change {
                PersonChange::Password(kept) => {
                    conn.execute("DELETE FROM session WHERE person = $1", [&name]).map_err(engine(DOING))?;
                    conn.execute("UPDATE person SET password = $1 WHERE name = $2", (kept, &name))
                }
                PersonChange::Role(role) => {
                    conn.execute("UPDATE person SET role = $1 WHERE name = $2", (role.as_str(), &name))
                }
                PersonChange::Language(language) => conn
                    .execute("UPDATE person SET language = $1 WHERE name = $2", (language.map(Language::tag), &name)),
                PersonChange::Removed => conn.execute("DELETE FROM person WHERE name = $1", [&name]),
            };
            note(conn, changed.map_err(engine(DOING))? > 0, &noted)
        };
        self.writer()?.write(work).await
    }

    /// Everybody, by name.
    pub fn people(&self) -> Result<Vec<Person>, StoreError> {
        self.list(&format!("SELECT {COLUMNS} FROM person ORDER BY name"), &[], person)
    }

    /// The person of this name.
    pub fn person(&self, name: &str) -> Result<Option<Person>, StoreError> {
        let found = self.list(&format!("SELECT {COLUMNS} FROM person WHERE name = $1"), &[&name], person)?;
        Ok(found.into_iter().next())
    }

    /// What is kept of a person's password.
    pub fn password_of(&self, name: &str) -> Result<Option<String>, StoreError> {
        let found: Vec<Option<String>> =
            self.list("SELECT password FROM person WHERE name = $1", &[&name], |row| row.get(0))?;
        Ok(found.into_iter().next().flatten())
    }

    /// Begins a session, and forgets those whose time is over.
    pub async fn begin_session(
        &self,
        digest: SessionDigest,
        name: &str,
        now: Millis,
        noted: AuditEntry,
    ) -> Result<bool, StoreError> {
        let name = name.to_owned();
        let work = move |conn: &Connection| {
            conn.execute("DELETE FROM session WHERE seen_at < $1 OR created_at < $2", ends(now))
                .map_err(engine(DOING))?;
            // Somebody may have removed the person since their password was looked at.
            let begun = conn
                .execute(
                    "INSERT INTO session (digest, person, created_at, seen_at)
                     SELECT $1, name, $2, $2 FROM person WHERE name = $3",
                    (digest.octets(), now.0, name),
                )
                .map_err(engine(DOING))?;
            note(conn, begun > 0, &noted)
        };
        self.writer()?.write(work).await
    }

    /// Who a session belongs to, and when it was last used; `None` if its time is over or it never was.
    pub fn session(&self, digest: &SessionDigest, now: Millis) -> Result<Option<(Person, Millis)>, StoreError> {
        let (idle, longest) = ends(now);
        let found = self.list(
            &format!(
                "SELECT {COLUMNS}, session.seen_at FROM session JOIN person ON person.name = session.person
                 WHERE session.digest = $1 AND session.seen_at >= $2 AND session.created_at >= $3"
            ),
            &[&digest.octets(), &idle, &longest],
            |row| Ok((person(row)?, Millis(row.get(5)?))),
        )?;
        Ok(found.into_iter().next())
    }

    /// Notes that a session was used, at most once a minute.
    pub async fn note_session(&self, digest: SessionDigest, last: Millis, now: Millis) -> Result<(), StoreError> {
        if now < last.plus(LAG) {
            return Ok(());
        }
        let work = move |conn: &Connection| {
            conn.execute("UPDATE session SET seen_at = $1 WHERE digest = $2", (now.0, digest.octets()))
                .map(drop)
                .map_err(engine(DOING))
        };
        self.writer()?.write(work).await
    }

    /// Ends a session.
    pub async fn end_session(&self, digest: SessionDigest, noted: AuditEntry) -> Result<bool, StoreError> {
        let work = move |conn: &Connection| {
            let ended = conn.execute("DELETE FROM session WHERE digest = $1", [digest.octets()]);
            note(conn, ended.map_err(engine(DOING))? > 0, &noted)
        };
        self.writer()?.write(work).await
    }
}

/// Notes what was done, if it was.
fn note(conn: &Connection, done: bool, noted: &AuditEntry) -> Result<bool, StoreError> {
    if done {
        audit::note(conn, noted)?;
    }
    Ok(done)
}

/// A session that was used or made before these is over.
fn ends(now: Millis) -> (i64, i64) {
    let before = |life: Duration| now.0.saturating_sub(i64::try_from(life.as_millis()).unwrap_or(i64::MAX));
    (before(IDLE), before(LONGEST_SESSION))
}

fn person(row: &Row<'_>) -> rusqlite::Result<Person> {
    let (role, language): (String, Option<String>) = (row.get(1)?, row.get(2)?);
    Ok(Person {
        name: row.get(0)?,
        // A role that a later version gave may do the least here.
        role: role.parse().unwrap_or(Role::Viewer),
        language: language.and_then(|tag| tag.parse().ok()),
        has_password: row.get(3)?,
        created_at: Millis(row.get(4)?),
    })
}
