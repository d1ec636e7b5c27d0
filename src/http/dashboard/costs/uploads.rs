//! Files that wait for a person's word before they are imported: in memory alone, bounded, for ten minutes.
//!
//! Each belongs to the person who sent it and is known by a number that nobody guesses. Another file of the same person takes
//! its place.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::body::Bytes;
use uuid::Uuid;

use crate::{
    feedback::costs::{Options, Preview},
    store::{Cost, Imported},
};

/// How long a file waits.
pub const KEPT: Duration = Duration::from_secs(600);

/// Octets of a file at most; the command line takes larger ones.
pub const LARGEST: usize = 8 * 1024 * 1024;

/// Octets of all files together at most: the oldest gives way.
const ALL: usize = 32 * 1024 * 1024;

/// The files.
#[derive(Debug, Default)]
pub struct Uploads(Mutex<Vec<Upload>>);

/// A file, and what is known of it.
#[derive(Clone, Debug)]
pub struct Upload {
    /// What its URL has.
    pub id: String,
    person: String,
    /// Its name, as the browser says it.
    pub name: String,
    /// What stands in it; empty once it is being imported.
    pub octets: Bytes,
    /// What was said of it.
    pub options: Options,
    /// What an import would keep, but for the rows.
    pub preview: Arc<Preview>,
    /// The first of the rows.
    pub sample: Arc<Vec<Cost>>,
    /// How far it is.
    pub state: State,
    since: Instant,
}

/// How far a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has said that it is to be imported.
    Waiting,
    /// It is being imported.
    Importing,
    /// It is imported.
    Done(Imported),
    /// It is not, and the log says why.
    Failed,
}

impl Uploads {
    /// Keeps a file; gives back its number.
    pub fn keep(
        &self,
        person: &str,
        (name, octets): (String, Bytes),
        options: Options,
        mut preview: Preview,
    ) -> String {
        let mut costs = std::mem::take(&mut preview.costs);
        costs.truncate(SAMPLE);
        costs.shrink_to_fit();
        let upload = Upload {
            id: Uuid::now_v7().simple().to_string(),
            person: person.to_owned(),
            name,
            octets,
            options,
            preview: Arc::new(preview),
            sample: Arc::new(costs),
            state: State::Waiting,
            since: Instant::now(),
        };
        let id = upload.id.clone();
        let mut all = self.lock();
        all.retain(|other| other.person != person || other.state == State::Importing);
        all.push(upload);
        let size = |all: &[Upload]| all.iter().map(|upload| upload.octets.len()).sum::<usize>();
        while size(&all) > ALL {
            let oldest = all.iter().position(|upload| upload.state != State::Importing && upload.id != id);
            let Some(oldest) = oldest else { break };
            all.remove(oldest);
        }
        id
    }

    /// A person's file; none once it is gone.
    pub fn of(&self, person: &str, id: &str) -> Option<Upload> {
        self.lock().iter().find(|upload| upload.person == person && upload.id == id).cloned()
    }

    /// A person's file that waits: from now on it is being imported, once.
    pub fn begin(&self, person: &str, id: &str) -> Option<Upload> {
        let mut all = self.lock();
        let upload = all.iter_mut().find(|upload| upload.person == person && upload.id == id)?;
        if upload.state != State::Waiting || !upload.preview.refused.is_empty() {
            return None;
        }
        let taken = upload.clone();
        (upload.state, upload.octets) = (State::Importing, Bytes::new());
        Some(taken)
    }

    /// Says what has come of an import.
    pub fn end(&self, id: &str, state: State) {
        if let Some(upload) = self.lock().iter_mut().find(|upload| upload.id == id) {
            (upload.state, upload.since) = (state, Instant::now());
        }
    }

    /// What is too old goes whenever somebody looks.
    fn lock(&self) -> MutexGuard<'_, Vec<Upload>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|upload| upload.state == State::Importing || upload.since.elapsed() < KEPT);
        all
    }
}

/// Rows that a preview shows.
const SAMPLE: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::parse, feedback::costs};

    fn keep(uploads: &Uploads, person: &str, name: &str, text: &str) -> String {
        let config = parse("", "config.toml".as_ref(), "/".as_ref()).unwrap().config;
        let preview = costs::preview(text.as_bytes(), &Options::default(), &config, &mut |_| ()).unwrap();
        uploads.keep(person, (name.to_owned(), Bytes::from(text.to_owned())), Options::default(), preview)
    }

    const FILE: &str = "date,channel,amount\n2026-11-01,m11,10\n2026-11-02,m11,20\n";

    #[test]
    fn a_file_is_its_persons_alone_and_imported_once() {
        let uploads = Uploads::default();
        let id = keep(&uploads, "boris", "a.csv", FILE);
        assert_eq!((uploads.of("vera", &id).is_none(), uploads.begin("vera", &id).is_none()), (true, true));
        let upload = uploads.of("boris", &id).unwrap();
        assert_eq!((upload.name.as_str(), upload.sample.len(), upload.preview.summary.rows), ("a.csv", 2, 2));
        assert_eq!(uploads.begin("boris", &id).unwrap().octets, FILE);
        assert!(uploads.begin("boris", &id).is_none());
        uploads.end(&id, State::Done(Imported { added: 2, ..Imported::default() }));
        assert_eq!(uploads.of("boris", &id).unwrap().state, State::Done(Imported { added: 2, ..Imported::default() }));
    }

    #[test]
    fn another_file_takes_the_place_of_the_one_before() {
        let uploads = Uploads::default();
        let (first, other) = (keep(&uploads, "boris", "a", FILE), keep(&uploads, "vera", "b", FILE));
        let second = keep(&uploads, "boris", "c", FILE);
        let names = [("boris", first), ("vera", other), ("boris", second)].map(|(person, id)| uploads.of(person, &id));
        assert_eq!(names.map(|upload| upload.map(|upload| upload.name)), [None, Some("b".into()), Some("c".into())]);
    }

    #[test]
    fn a_file_with_refused_rows_is_never_imported() {
        let uploads = Uploads::default();
        let id = keep(&uploads, "boris", "a.csv", "date,channel,amount\n2026-11-01,m11,ten\n");
        assert_eq!((uploads.begin("boris", &id).is_none(), uploads.of("boris", &id).is_some()), (true, true));
    }

    #[test]
    fn all_files_together_are_bounded() {
        let uploads = Uploads::default();
        let text = format!("{FILE}{}", "\n".repeat(LARGEST - FILE.len()));
        let ids: Vec<_> = (0..6).map(|person| keep(&uploads, &person.to_string(), "a", &text)).collect();
        let kept = ids.iter().enumerate().filter(|(person, id)| uploads.of(&person.to_string(), id).is_some());
        assert_eq!(kept.map(|(person, _)| person).collect::<Vec<_>>(), [2, 3, 4, 5]);
    }
}
