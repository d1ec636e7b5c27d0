//! What of a file cannot be used, for the person who has to mend it.

use serde::Serialize;

/// Refusals that are told one by one; of the others, how many there are.
const TOLD: usize = 1000;

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The line of a table, from 1; of JSON, the number of the object, from 1.
    pub line: u64,
    /// What is wrong, and what to write.
    pub detail: String,
}

/// Every row of a file that cannot be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    told: Vec<Refusal>,
    count: u64,
}

impl Refusals {
    /// One more.
    pub fn add(&mut self, line: u64, detail: impl Into<String>) {
        self.count += 1;
        if self.told.len() < TOLD {
            let at = self.told.partition_point(|known| known.line <= line);
            self.told.insert(at, Refusal { line, detail: detail.into() });
        }
    }

    /// A thousand of them at most, by line.
    pub fn told(&self) -> &[Refusal] {
        &self.told
    }

    /// All of them.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether the file can be used.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// Why a file cannot be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

impl Unreadable {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}
