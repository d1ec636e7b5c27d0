//! Deliveries as the outbox and the listings see them, and how sinks are called.
//!
//! Plain data. A delivery is one event on its way to one sink; an attempt is one try of it; a circuit says whether a sink is
//! called at all.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{clock::Millis, event::EventType, lead::Kind};

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
    /// Attempts before that the schedule does not count.
    pub spared: u32,
    /// Whether an attempt before may have arrived although no answer told so.
    pub doubt: bool,
    /// What the attempt before has left.
    pub note: Option<String>,
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

/// What became of an attempt, to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The delivery's id.
    pub delivery: i64,
    /// The attempt.
    pub attempt: Attempt,
    /// What becomes of the delivery.
    pub next: Next,
    /// Whether the schedule does not count it.
    pub spared: bool,
    /// Whether the event may have arrived all the same.
    pub doubt: bool,
    /// What the next attempt is to find.
    pub note: Option<String>,
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
    /// Not for this receiver: kept and shown, not sent.
    Skipped,
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
    /// Not sent, since the receiver can make nothing of it.
    Skipped,
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
    /// The lead that the event tells about; null if about none.
    pub lead_id: Option<String>,
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

/// What is to be sent again, or for the first time.
#[derive(Clone, Debug)]
pub enum Replay {
    /// These deliveries, whatever their state.
    These(Vec<i64>),
    /// Those of one sink in one state.
    OfSink {
        /// The sink's id.
        sink: String,
        /// The state.
        state: DeliveryState,
        /// Put into the outbox at or after.
        since: Option<Millis>,
        /// Put into the outbox before.
        until: Option<Millis>,
    },
    /// Events that a sink wants and was never given.
    Missing {
        /// The sink's id.
        sink: String,
        /// Types of event that it wants.
        events: Vec<EventType>,
        /// Kinds of message that it wants.
        kinds: Vec<Kind>,
        /// Written at or after.
        since: Option<Millis>,
        /// Written before.
        until: Option<Millis>,
    },
}

/// A sink that is not called as usual.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Circuit {
    /// How it is called.
    pub state: CircuitState,
    /// Since when.
    pub since: Millis,
    /// When the next probe is sent; null if none is.
    pub probe_at: Option<Millis>,
    /// Why, for people.
    pub reason: String,
}

/// How a sink is called that is not called as usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CircuitState {
    /// As usual again: a person said so, and its courier has not heard it yet.
    Resumed,
    /// It failed too often: one probe now and then.
    Suspended,
    /// It wants no more events, or a person paused it: not at all.
    Disabled,
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
    /// Not sent, since the receiver can make nothing of them.
    pub skipped: u64,
    /// When the oldest pending one was put into the outbox.
    pub oldest_pending_at: Option<Millis>,
}

/// What has not arrived at a sink.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Backlog {
    /// Due now or later.
    pub pending: u64,
    /// When the oldest pending one was put into the outbox.
    pub oldest_at: Option<Millis>,
    /// Given up.
    pub dead: u64,
}

/// Counts by sink id.
pub type CountsBySink = BTreeMap<String, SinkCounts>;
