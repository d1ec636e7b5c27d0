//! One message from its envelope to its verdict, the same for a milter session and for a file on disk.
//!
//! A door makes a [`Letter`] with [`Intake::letter`], tells it recipients and headers as they come, and hands it to
//! [`Intake::finish`], which answers with the [`Changes`] the message needs and the [`Finding`] to log. An `Intake` is
//! one snapshot of the config: a session keeps the one it began with. Knows no milter, never calls the network, and
//! waits for nothing but the store.

mod changes;
mod dedupe;
mod draft;
mod headers;
mod letter;
mod read;

use std::time::Duration;

pub use changes::{Changes, NewRecipient};
pub use letter::{Letter, MAX_RECIPIENTS, Via};

use crate::{
    attribution::{self, Seal},
    clock::Millis,
    config::{Config, OnError, Strip},
    event::EventType,
    lead::{Lead, Repeat},
    resolve::Table,
    store::{Commit, NewLead, Recorded, Store, StoreError},
};

/// A config snapshot and the table made from it.
#[derive(Debug)]
pub struct Intake {
    /// The config.
    pub config: Config,
    /// Its addresses.
    pub table: Table,
    /// Sinks that get `lead.received`.
    sinks: Vec<String>,
}

/// What the door knows of a message beside envelope and headers.
#[derive(Clone, Debug, Default)]
pub struct Arrival {
    /// When the message was accepted.
    pub at: Millis,
    /// The MTA's queue id.
    pub queue_id: Option<String>,
    /// Octets of the message.
    pub size: Option<u64>,
    /// What headers of our own fleet mean here.
    pub second_pass: SecondPass,
}

/// What headers of our own fleet mean, once their signature has been found valid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondPass {
    /// The lead was recorded on the first pass: they are kept, and nothing is recorded.
    #[default]
    Keep,
    /// The store may have been lost since: the lead is recorded again under its old id, if it is not there.
    Recover,
}

/// What a message needs and what was made of it.
#[derive(Debug)]
pub struct Outcome {
    /// Edits of the message; none if it was untracked.
    pub changes: Changes,
    /// For logs, counters and listings.
    pub finding: Finding,
}

/// What was made of a message.
#[derive(Debug)]
pub enum Finding {
    /// No recipient is tracked.
    Untracked,
    /// Our own headers, signed by this fleet: kept, and no second lead.
    Trusted,
    /// A lead, new or known.
    Lead(Box<LeadFinding>),
    /// The lead could not be recorded. The only change is that forged headers go.
    Fault {
        /// Why.
        cause: StoreError,
        /// Tells the operator which message it was.
        message_id: Option<String>,
    },
}

/// A lead as it was recorded.
#[derive(Debug)]
pub struct LeadFinding {
    /// Its id.
    pub id: String,
    /// The channel's id.
    pub channel: Option<String>,
    /// New or repeat.
    pub repeat: Repeat,
    /// Whether the message was known already.
    pub duplicate: bool,
    /// Substitutes written to.
    pub touches: usize,
    /// The event's JSON.
    pub event: String,
}

impl Intake {
    /// Makes the table of a config.
    pub fn new(config: Config) -> Self {
        let table = Table::new(&config.mailboxes, &config.channels);
        let wants = |sink: &&crate::config::Sink| sink.events.contains(&EventType::LeadReceived);
        let sinks = config.sinks.iter().filter(wants).map(|sink| sink.id.clone()).collect();
        Self { config, table, sinks }
    }

    /// A message that begins with this MAIL FROM argument.
    pub fn letter(&self, sender: &[u8]) -> Letter {
        Letter::new(sender)
    }

    /// Whether the rest of the message is of interest, once all recipients are known.
    pub fn wants_headers(&self, letter: &Letter) -> bool {
        letter.is_tracked() || self.config.headers.strip == Strip::All
    }

    /// Judges a whole message. With [`Commit::Dry`] nothing is recorded, and the id is only an example.
    pub async fn finish(&self, letter: Letter, arrival: Arrival, store: &Store, commit: Commit) -> Outcome {
        let forged = letter.headers.forged();
        if !letter.is_tracked() {
            return Outcome { changes: Changes::only_deleting(forged), finding: Finding::Untracked };
        }
        let reading = read::read(&letter.headers, &self.config.leads.default_charset);
        let signed_id = self.signed_id(&letter, reading.message_id.as_deref());
        if signed_id.is_some() && arrival.second_pass == SecondPass::Keep {
            let changes = changes::rewritten(&letter, Changes::default());
            return Outcome { changes, finding: Finding::Trusted };
        }
        let is_recovered = signed_id.is_some();
        let mut lead = draft::lead(&letter, &reading, &arrival, &self.config);
        lead.lead_id = signed_id.unwrap_or(lead.lead_id);
        let message_id = reading.message_id.clone();
        let new = NewLead {
            keys: dedupe::keys(&letter, &reading, arrival.at),
            lead: lead.clone(),
            basis: self.config.leads.unique_by,
            window: self.config.leads.unique_window,
            host: self.config.hostname.clone(),
            privacy: self.config.privacy,
            sinks: self.sinks.clone(),
            is_recovered,
            keep_late: self.config.milter.on_error == OnError::Accept,
        };
        match within(self.config.milter.budget, store.record(new, commit)).await {
            Ok(recorded) => {
                let insert = self.fields(&lead, &recorded, message_id.as_deref());
                let changes = Changes { insert, ..Changes::only_deleting(forged) };
                let finding = Finding::Lead(Box::new(LeadFinding {
                    channel: lead.channel.map(|channel| channel.id),
                    touches: lead.attribution.touches.len(),
                    id: recorded.lead_id,
                    repeat: recorded.repeat,
                    duplicate: recorded.duplicate,
                    event: recorded.event,
                }));
                Outcome { changes: changes::rewritten(&letter, changes), finding }
            }
            Err(cause) => {
                Outcome { changes: Changes::only_deleting(forged), finding: Finding::Fault { cause, message_id } }
            }
        }
    }

    fn fields(&self, lead: &Lead, recorded: &Recorded, message_id: Option<&str>) -> Vec<attribution::Field> {
        let prefix = &self.config.headers.prefix;
        let mut fields = attribution::fields(prefix, lead, &recorded.lead_id, &recorded.repeat);
        if let Some(key) = &self.config.headers.key {
            fields.push(attribution::sign(key, Seal { prefix, message_id }, &fields));
        }
        fields
    }

    /// The lead's id, where the headers are of our own fleet: signed with our key for this very message and for a
    /// substitute it was sent to.
    fn signed_id(&self, letter: &Letter, message_id: Option<&str>) -> Option<String> {
        let key = self.config.headers.key.as_ref()?;
        let prefix = self.config.headers.prefix.as_str();
        let found = letter.headers.attribution_fields()?;
        let field = |wanted: &str| {
            let is_wanted = |name: &str| name.get(prefix.len()..).is_some_and(|tail| tail.eq_ignore_ascii_case(wanted));
            found.iter().find(|(name, _)| is_wanted(name))
        };
        let (name, body) = field(attribution::SUBSTITUTE)?;
        let names_recipient = letter.tracked().iter().any(|tracked| {
            let ours = attribution::field_body(name.len(), tracked.substitute.address.as_str());
            body.split_ascii_whitespace().eq(ours.split_ascii_whitespace())
        });
        let pairs = found.iter().map(|(name, body)| (name.as_str(), body.as_str()));
        let is_ours = names_recipient && attribution::verify(key, Seal { prefix, message_id }, pairs);
        let (_, id) = field(attribution::ID)?;
        is_ours.then(|| id.trim().to_owned())
    }
}

async fn within<T>(budget: Duration, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(budget, answer).await.unwrap_or(Err(StoreError::Timeout(budget)))
}
