//! The store: leads, events and deliveries, durable before anyone is told so.
//!
//! One method per question, answered by the embedded SQLite engine; a PostgreSQL engine can stand beside it, since no
//! SQL and no engine type leaves this folder. Writes go through one thread that commits them in groups; reads use a
//! connection of their own. Never calls the network.

mod sqlite;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::Serialize;

pub use sqlite::{Store, file_in};

use crate::{
    clock::Millis,
    config::Privacy,
    event::EventType,
    lead::{Basis, Lead, Repeat},
};

/// A lead on its way into the store.
#[derive(Clone, Debug)]
pub struct NewLead {
    /// The lead; its `repeat` is decided by the store.
    pub lead: Lead,
    /// Keys of the message, one per substitute. A message that shares one with a recorded lead is that lead.
    pub keys: Vec<DedupeKey>,
    /// What makes two inquiries one person's.
    pub basis: Basis,
    /// How long after the last inquiry a sender counts as known; `None` for ever.
    pub window: Option<Duration>,
    /// The host named in the event.
    pub host: String,
    /// What leaves in the event.
    pub privacy: Privacy,
    /// Ids of the sinks that get the event.
    pub sinks: Vec<String>,
    /// Whether the lead's id is that of an earlier recording, which may be here still.
    pub is_recovered: bool,
    /// Whether the lead is kept if nobody waits for the answer any more: yes where the mail went on, no where the
    /// client was asked to come again.
    pub keep_late: bool,
}

/// A digest that two copies of one message share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DedupeKey {
    /// SHA-256 over what identifies the message for one substitute.
    pub digest: [u8; 32],
    /// When the key stops to count; `None` for ever. Messages with neither Message-ID nor Date: expire, since two
    /// letters of one web form are otherwise the same.
    pub expires_at: Option<Millis>,
}

/// Whether a record is written or only computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// Written and synced before the answer.
    Durable,
    /// Computed and rolled back.
    Dry,
}

/// What the store made of a new lead.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The lead's id: the recorded one's for a duplicate.
    pub lead_id: String,
    /// New or repeat, as frozen.
    pub repeat: Repeat,
    /// Whether the message was known already, and nothing was written.
    pub duplicate: bool,
    /// The event's JSON.
    pub event: String,
}

/// A delivery that this process may attempt now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leased {
    /// The delivery's id.
    pub delivery: i64,
    /// The event's id, stable over every retry.
    pub event_id: String,
    /// The event's type.
    pub event_type: EventType,
    /// The event's bytes, sent unchanged.
    pub body: String,
    /// Number of this attempt, from 1.
    pub attempt: u32,
}

/// One try of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// When the call began.
    pub at: Millis,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// HTTP status, if an answer came.
    pub status: Option<u16>,
    /// What went wrong, on one line; `None` when delivered.
    pub error: Option<String>,
    /// First bytes of the answer's body, for a person to read.
    pub answer: Option<String>,
}

/// What becomes of a delivery after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It arrived.
    Delivered,
    /// Tried again at this time.
    Again(Millis),
    /// Given up: kept and shown, not tried again.
    Dead,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// Due now or later.
    Pending,
    /// Arrived.
    Delivered,
    /// Given up.
    Dead,
}

/// A delivery as listings show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// The delivery's id.
    pub id: i64,
    /// The sink's id.
    pub sink: String,
    /// The event's id.
    pub event_id: String,
    /// The event's type.
    pub event_type: EventType,
    /// The lead that the event tells about.
    pub lead_id: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// Attempts made.
    pub attempts: u32,
    /// When it was put into the outbox.
    pub created_at: Millis,
    /// When it is due; null unless pending.
    pub next_at: Option<Millis>,
    /// Status of the last attempt.
    pub last_status: Option<u16>,
    /// Error of the last attempt.
    pub last_error: Option<String>,
}

/// Which leads a listing shows; empty fields let everything pass.
#[derive(Clone, Debug, Default)]
pub struct LeadFilter {
    /// Only this channel.
    pub channel: Option<String>,
    /// Only this sender, folded.
    pub sender: Option<String>,
    /// Received at or after.
    pub since: Option<Millis>,
    /// Received before.
    pub until: Option<Millis>,
    /// At most so many, newest first.
    pub limit: u32,
}

/// Which deliveries a listing shows; empty fields let everything pass.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Only this sink.
    pub sink: Option<String>,
    /// Only this state.
    pub state: Option<DeliveryState>,
    /// Only this lead.
    pub lead_id: Option<String>,
    /// At most so many, newest first.
    pub limit: u32,
}

/// Deliveries of one sink by state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SinkCounts {
    /// Due now or later.
    pub pending: u64,
    /// Arrived.
    pub delivered: u64,
    /// Given up.
    pub dead: u64,
    /// When the oldest pending one was put into the outbox.
    pub oldest_pending_at: Option<Millis>,
}

/// Counts by sink id.
pub type CountsBySink = BTreeMap<String, SinkCounts>;

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
