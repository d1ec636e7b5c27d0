//! The store: leads, events and deliveries, durable before anyone is told so.
//!
//! One method per question, answered by the embedded SQLite engine; a PostgreSQL engine can stand beside it, since no
//! SQL and no engine type leaves this folder. Writes go through one thread that commits them in groups; reads use a
//! connection of their own. Never calls the network.

mod api_token;
mod audit;
mod cost;
mod delivery;
mod error;
mod fact;
mod forgotten;
mod lead_page;
mod outcome;
mod password;
mod person;
mod sqlite;

use std::{sync::Arc, time::Duration};

use serde::Serialize;

pub use api_token::{ApiToken, Scope, TokenDigest, make_token};
pub use audit::{AuditEntry, AuditFilter, Audited};
pub use cost::{Cost, CostFilter, CostMonth, CostRow, Imported};
pub use delivery::{
    Attempt, Backlog, Circuit, CircuitState, CountsBySink, Delivery, DeliveryFilter, DeliveryState, Ended, Leased,
    Next, Replay, SinkCounts,
};
pub use error::StoreError;
pub use fact::{Class, Fact, FactOutcome, FactTouch, Point, Spent, Tally, TextId};
pub use forgotten::{Erasure, Forgotten, Receiver, Trace, Traces};
pub use lead_page::{AddressTally, LeadPage, LeadQuery, Order};
pub use outcome::{LeadRef, NewOutcome, NewOutcomes, OutcomeFilter, OutcomeRow, OutcomesRecorded, RefusedOutcome};
pub use password::{LONGEST_PASSWORD, SHORTEST_PASSWORD, hash_password, is_password};
pub use person::{IDLE, LONGEST_SESSION, Person, Role, SessionDigest, make_session, person_name};
#[doc(hidden)] // public for contrib/bench and tests alone
pub use sqlite::Bulk;
pub use sqlite::{
    Claims, Facts, Foreseen, PersonChange, Pick, Retained, Retention, Snapshot, Store, Visited, Visits, file_in,
};

use crate::{
    clock::Millis,
    config::{Direct, Leak, Privacy},
    event::EventType,
    lead::{Basis, Kind, Lead},
    token::VisitId,
};

/// A letter on its way into the store.
#[derive(Clone, Debug)]
pub struct NewLead {
    /// The lead as drawn up; the store decides its `repeat`, and what it knows of thread, sender and address.
    pub lead: Lead,
    /// Keys of the message, one per substitute. A message that shares one with a recorded lead is that lead.
    pub keys: Vec<DedupeKey>,
    /// Keys under which copies may come later that are no letters of their own: remembered, not looked for.
    pub copies: Vec<DedupeKey>,
    /// The Message-ID.
    pub message_id: Option<MessageDigest>,
    /// Message-IDs that the letter refers to, the closest first.
    pub refers_to: Vec<MessageDigest>,
    /// What makes two addresses one sender.
    pub sender_key: Option<String>,
    /// The visitor that a dynamic address names.
    pub visitor: Option<VisitId>,
    /// Whether the letter came to a substitute, to a mailbox itself, or to an address that no human sees.
    pub way: Way,
    /// How leads are counted.
    pub counting: Counting,
    /// The host named in the event.
    pub host: String,
    /// What leaves in the event.
    pub privacy: Privacy,
    /// Who gets the event.
    pub subscribers: Arc<[Subscriber]>,
    /// Whether the lead's id is that of an earlier recording, which may be here still.
    pub is_recovered: bool,
    /// Whether the lead is kept if nobody waits for the answer any more: yes where the mail went on, no where the
    /// client was asked to come again.
    pub keep_late: bool,
}

/// By which address a letter came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A substitute.
    Substitute,
    /// A mailbox itself: recorded only if the store knows enough of the letter.
    Direct(Direct),
    /// A canary.
    Canary,
}

/// How leads are counted, from the config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counting {
    /// What makes two inquiries one person's.
    pub basis: Basis,
    /// How long after the last inquiry a sender counts as known; `None` for ever.
    pub window: Option<Duration>,
    /// Whether only senders that pass DMARC count.
    pub requires_dmarc: bool,
    /// When an address counts as leaked.
    pub leak: Leak,
}

/// A sink's wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// The sink's id.
    pub sink: String,
    /// Types of event.
    pub events: Vec<EventType>,
    /// Kinds of message.
    pub kinds: Vec<Kind>,
}

impl Subscriber {
    /// Whether the sink wants this event.
    pub fn wants(&self, event: EventType, kind: Kind) -> bool {
        self.events.contains(&event) && self.kinds.contains(&kind)
    }
}

/// A Message-ID, as the store knows it.
pub type MessageDigest = [u8; 16];

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

/// What the store made of a letter.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The lead as its event tells it; an earlier recording's for a duplicate.
    pub lead: Lead,
    /// Whether the message was known already, and nothing was written.
    pub duplicate: bool,
    /// The event's JSON.
    pub event: String,
}

/// Which leads a listing shows; empty fields let everything pass.
#[derive(Clone, Debug, Default)]
pub struct LeadFilter {
    /// Only this channel.
    pub channel: Option<String>,
    /// Only this sender, folded.
    pub sender: Option<String>,
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only leads of their own, no letters in the thread of another.
    pub own_only: bool,
    /// Received at or after.
    pub since: Option<Millis>,
    /// Received before.
    pub until: Option<Millis>,
    /// At most so many, newest first.
    pub limit: u32,
}

/// A correction by hand.
#[derive(Clone, Debug)]
pub struct Mark {
    /// The lead's id.
    pub lead_id: String,
    /// What the message is.
    pub kind: Kind,
    /// Why, for people.
    pub reason: String,
    /// How leads are counted.
    pub counting: Counting,
    /// The host named in the event.
    pub host: String,
    /// Who gets events.
    pub subscribers: Arc<[Subscriber]>,
}

/// What is known of an address beside the config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AddressNote {
    /// The address, folded.
    pub address: String,
    /// Its state.
    pub state: AddressState,
    /// Since when.
    pub since: Millis,
    /// Why.
    pub reason: Option<String>,
}

/// The state of a static address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressState {
    /// Harvested: its leads do not count.
    Leaked,
    /// Its leads count, whatever comes: an administrator said so.
    Trusted,
}
