//! What is deleted for its age or because a person asked for it, and what cannot be.
//!
//! Plain data.

use std::time::Duration;

use serde::Serialize;

use super::AuditEntry;
use crate::{clock::Millis, token::VisitId};

/// How much was deleted, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// Leads, and other messages that were recorded.
    pub leads: u64,
    /// Events.
    pub events: u64,
    /// Deliveries of them.
    pub deliveries: u64,
    /// Deliveries among these that had not arrived and are given up.
    pub pending: u64,
    /// Attempts of these, with the receivers' answers.
    pub attempts: u64,
    /// What became of leads.
    pub outcomes: u64,
    /// Ids under which other systems know leads.
    pub external_ids: u64,
    /// Senders that wrote to a canary.
    pub harvesters: u64,
    /// Visits of web sites.
    pub visits: u64,
    /// Entries of the audit log.
    pub audit: u64,
}

impl Forgotten {
    /// Adds what one more step did.
    pub fn add(&mut self, step: Self) {
        self.leads += step.leads;
        self.events += step.events;
        self.deliveries += step.deliveries;
        self.pending += step.pending;
        self.attempts += step.attempts;
        self.outcomes += step.outcomes;
        self.external_ids += step.external_ids;
        self.harvesters += step.harvesters;
        self.visits += step.visits;
        self.audit += step.audit;
    }
}

/// What the store keeps of a sender.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traces {
    /// Recorded messages, oldest first.
    pub letters: Vec<Trace>,
    /// Sinks that were told of them.
    pub receivers: Vec<Receiver>,
    /// How much there is.
    pub counts: Forgotten,
}

impl Traces {
    /// Visitors that the letters name, each once.
    pub fn visitors(&self) -> Vec<VisitId> {
        let mut visitors: Vec<_> = self.letters.iter().filter_map(|letter| letter.visitor).collect();
        visitors.sort_unstable();
        visitors.dedup();
        visitors
    }
}

/// One recorded message: what finds it again where it was not ours to delete.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trace {
    /// The lead's id.
    pub lead_id: String,
    /// When the message was accepted.
    pub received_at: Millis,
    /// The mailbox that it went to; null if none.
    pub mailbox: Option<String>,
    /// The address that it was written to.
    pub substitute: String,
    /// Its Message-ID.
    pub message_id: Option<String>,
    /// The mail server's queue id.
    pub queue_id: Option<String>,
    /// Its place among the events.
    #[serde(skip)]
    pub sequence: i64,
    /// The visitor that its address names.
    #[serde(skip)]
    pub visitor: Option<VisitId>,
}

/// A sink that was told of a sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Receiver {
    /// The sink's id.
    pub sink: String,
    /// Events that arrived there.
    pub events: u64,
    /// When the first one arrived.
    pub first_at: Option<Millis>,
    /// When the last one arrived.
    pub last_at: Option<Millis>,
    /// Events that may have arrived, though no answer told so.
    pub doubtful: u64,
}

/// How a sender is erased.
#[derive(Clone, Debug)]
pub struct Erasure {
    /// The address, as it was given and as the store writes it.
    pub addresses: Vec<String>,
    /// The entry of the audit log; `what` stands for the address from then on, there and in older entries.
    pub noted: AuditEntry,
    /// How long a copy of an erased letter is still known to be one; `None` for ever.
    pub remember: Option<Duration>,
}
