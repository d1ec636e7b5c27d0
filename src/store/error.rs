//! Why the store could not answer, with the engine's own reason as the cause.

use std::{path::PathBuf, time::Duration};

/// Why the store could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder cannot be used.
    #[error("store folder {} cannot be used", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// There is nothing to read yet.
    #[error("no store in {}: it is made by the first `leadmilter run` or `ingest`", .0.display())]
    Missing(PathBuf),
    /// The engine refused.
    #[error("store failed while {doing}")]
    Engine {
        /// What was being done.
        doing: &'static str,
        /// The engine's reason.
        source: rusqlite::Error,
    },
    /// A group commit failed, and every lead in it.
    #[error("store could not write: {0}")]
    Write(String),
    /// More is waiting than the bound allows.
    #[error("store is behind: {0} writes are waiting")]
    Busy(usize),
    /// The answer did not come in time.
    #[error("store did not answer within {0:?}")]
    Timeout(Duration),
    /// A report has more rows than it can be counted in.
    #[error("the report has more than {0} rows: ask for fewer days, dimensions or models, or filter it")]
    TooManyRows(usize),
    /// The store is closed or its thread ended.
    #[error("store is closed")]
    Closed,
    /// The store was made by a newer version.
    #[error("store has schema {found}, this leadmilter knows up to {known}: install the newer version again")]
    TooNew {
        /// Schema of the store.
        found: i64,
        /// Newest schema known here.
        known: i64,
    },
    /// The store was made by an older version.
    #[error("store has schema {found}, this leadmilter reads {known}: restart the daemon, which brings it up to date")]
    TooOld {
        /// Schema of the store.
        found: i64,
        /// Schema known here.
        known: i64,
    },
    /// A daemon of an older version is at work on the store.
    #[error("store is to be brought up to date, and an older leadmilter is at work on it: restart that first")]
    Served,
    /// A migration that was applied reads otherwise today.
    #[error("store was made by another build: migration {0} differs from the one applied")]
    Altered(i64),
    /// A stored event cannot be read.
    #[error("stored event {id} cannot be read")]
    Event {
        /// The event's id.
        id: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl StoreError {
    /// What went wrong and the engine's reason, where a text has to do.
    pub(super) fn with_cause(&self) -> String {
        let cause = std::error::Error::source(self).map(|cause| format!(": {cause}"));
        format!("{self}{}", cause.unwrap_or_default())
    }
}
