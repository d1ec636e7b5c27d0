//! One message from its envelope to its verdict, the same for a milter session and for a file on disk.
//!
//! A door makes a [`Letter`] with [`Intake::letter`], tells it recipients and headers as they come, and hands it to
//! [`Intake::finish`], which answers with the [`Changes`] the message needs and the [`Finding`] to log. An `Intake` is
//! one snapshot of the config: a session keeps the one it began with. Knows no milter, never calls the network, and
//! waits for nothing but the store.

mod addresses;
mod attributed;
mod authentication;
mod changes;
mod dedupe;
mod draft;
mod explained;
mod headers;
mod lead_id;
mod letter;
mod message_id;
mod read;
mod second_pass;
mod sender;
mod sha256;
mod tagged;
mod words;

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

pub use addresses::table;
pub use changes::{Changes, NewRecipient};
pub use letter::{Letter, MAX_RECIPIENTS, Via};
pub use message_id::message_digest;
pub use sender::{digest as sender_digest, key as sender_key};

use self::{headers::Names, read::Reading};
use crate::{
    attribution::{self, Seal},
    classify::{self, Class, Facts, Origin},
    clock::Millis,
    config::{Config, Direct, OnError, Strip},
    lead::{Lead, limit},
    resolve::Table,
    store::{Commit, Counting, NewLead, Recorded, Store, StoreError, Subscriber, Visits, Way},
    tagging::{self, Judged},
};

/// A config snapshot and the table made from it.
#[derive(Debug)]
pub struct Intake {
    /// The config.
    pub config: Config,
    /// Its addresses.
    pub table: Table,
    /// Who gets which events.
    pub subscribers: Arc<[Subscriber]>,
    /// Header fields to keep.
    names: Names,
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
    /// How it came in.
    pub origin: Origin,
    /// Who gets events by a later config than the one that the message is judged by.
    pub subscribers: Option<Arc<[Subscriber]>>,
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
    /// No recipient is tracked, or the letter is not to be kept.
    Untracked,
    /// Our own headers, signed by this fleet: kept, and no second lead.
    Trusted,
    /// A lead, new or known.
    Lead(Box<Recorded>),
    /// The lead could not be recorded. The only change is that forged headers go.
    Fault {
        /// Why.
        cause: StoreError,
        /// Tells the operator which message it was.
        message_id: Option<String>,
    },
}

/// A message before the store is asked.
#[derive(Debug)]
pub enum Drawn {
    /// Nothing to record, whatever the store knows.
    Untracked,
    /// Our own headers, signed by this fleet.
    Trusted,
    /// A lead, unless the store knows better.
    Lead(Box<NewLead>),
}

impl Intake {
    /// Makes the table of a config.
    pub fn new(config: Config) -> Self {
        let table = table(&config);
        let subscriber = |sink: &crate::config::Sink| Subscriber {
            sink: sink.id.clone(),
            events: sink.events.clone(),
            kinds: sink.kinds.clone(),
        };
        let subscribers = config.sinks.iter().map(subscriber).collect();
        let of_spam = config.classify.spam_headers.iter().map(|rule| rule.name.as_str());
        let names = Names::new(of_spam.chain(tagged::fields(&config.tags)));
        Self { config, table, subscribers, names }
    }

    /// A message that begins with this MAIL FROM argument; `None` where nobody noted it.
    pub fn letter(&self, sender: Option<&[u8]>) -> Letter {
        Letter::new(sender, self.names.clone())
    }

    /// Whether a header field of that name is of any use; a door need not hand over the others.
    pub fn wants_field(&self, name: &[u8]) -> bool {
        self.is_attribution(name) || self.names.hold(name)
    }

    /// Whether a header field of that name is ours, or forged to look so.
    pub fn is_attribution(&self, name: &[u8]) -> bool {
        headers::is_attribution(&self.config.headers.prefix, name)
    }

    /// Whether the rest of the message is of interest, once all recipients are known.
    pub fn wants_headers(&self, letter: &Letter) -> bool {
        self.way(letter).is_some() || self.config.headers.strip == Strip::All
    }

    /// Whether the store has to be asked: a letter to a mailbox that answers nothing is none of its business, unless
    /// senders are followed.
    pub fn may_record(&self, letter: &Letter) -> bool {
        match self.way(letter) {
            Some(Way::Direct(direct)) if direct < Direct::Senders => {
                ["In-Reply-To", "References"].iter().any(|name| letter.headers.first(name).is_some())
            }
            way => way.is_some(),
        }
    }

    /// Judges a whole message. With [`Commit::Dry`] nothing is recorded, and the id is only an example.
    pub async fn finish(&self, mut letter: Letter, arrival: Arrival, store: &Store, commit: Commit) -> Outcome {
        let without_forged = letter.without_forged();
        let budget = Budget::begin(self.config.milter.budget);
        // Another host of the fleet recorded the lead, and this one need not know the visit.
        let is_own = arrival.second_pass == SecondPass::Keep && self.is_signed(&letter);
        if !is_own && let Err(cause) = budget.wait(self.learn(&mut letter, arrival.at, store.visits())).await {
            let reading = read::read(&letter.headers, &self.config.leads.default_charset);
            let finding = Finding::Fault { cause, message_id: reading.message_id };
            return Outcome { changes: without_forged, finding };
        }
        let new = match self.draw_up(&letter, &arrival) {
            Drawn::Untracked => return Outcome { changes: without_forged, finding: Finding::Untracked },
            Drawn::Trusted => {
                let changes = changes::rewritten(&letter, Changes::default());
                return Outcome { changes, finding: Finding::Trusted };
            }
            Drawn::Lead(new) => new,
        };
        let message_id = new.lead.message.message_id.clone();
        match budget.wait(store.record(new, commit)).await {
            Ok(Some(recorded)) => {
                let insert = self.fields(&recorded.lead, message_id.as_deref());
                let changes = Changes { insert, ..without_forged };
                Outcome { changes: changes::rewritten(&letter, changes), finding: Finding::Lead(recorded) }
            }
            Ok(None) => Outcome { changes: changes::rewritten(&letter, without_forged), finding: Finding::Untracked },
            Err(cause) => Outcome { changes: without_forged, finding: Finding::Fault { cause, message_id } },
        }
    }

    /// Asks what the tokens of a letter stand for.
    pub async fn learn(&self, letter: &mut Letter, at: Millis, visits: Option<&Visits>) -> Result<(), StoreError> {
        for (index, verified) in letter.tokens().into_iter().enumerate() {
            // A lead has no room for more, and nobody writes to more visitors at once.
            if index >= limit::TOUCHES {
                letter.learn(verified.token, None);
                continue;
            }
            let visits = visits.ok_or(StoreError::Closed)?;
            letter.learn(verified.token, visits.find(verified.claims, at).await?);
        }
        Ok(())
    }

    /// What becomes of a message as far as the store is not asked; `explain --message` tells it.
    pub fn draw_up(&self, letter: &Letter, arrival: &Arrival) -> Drawn {
        let Some(way) = self.way(letter) else { return Drawn::Untracked };
        let reading = read::read(&letter.headers, &self.config.leads.default_charset);
        let signed_id = self.signed_id(letter, reading.message_id.as_deref());
        if signed_id.is_some() && arrival.second_pass == SecondPass::Keep {
            return Drawn::Trusted;
        }
        if matches!(way, Way::Direct(direct) if direct < Direct::Senders) && reading.refers_to.is_empty() {
            return Drawn::Untracked;
        }
        Drawn::Lead(Box::new(self.new_lead(letter, &reading, arrival, way, signed_id)))
    }

    /// What each tag rule makes of a message, and why.
    pub fn judge_tags(&self, letter: &Letter, arrival: &Arrival) -> Vec<Judged> {
        let reading = read::read(&letter.headers, &self.config.leads.default_charset);
        let shown = attributed::shown(letter, self);
        let facts = tagged::facts(letter, &shown, &reading, arrival, &self.config);
        tagging::judged(&self.config.tags, self.config.leads.tag_match, &facts)
    }

    fn classify(&self, letter: &Letter, reading: &Reading, origin: &Origin) -> Class {
        let sender = letter.sender.as_deref().map(String::from_utf8_lossy);
        let facts = Facts {
            envelope_from: sender.as_deref(),
            from: reading.from.as_ref(),
            subject: reading.subject.as_deref(),
            fields: &letter.headers,
            origin,
            domains: &self.config.domains,
        };
        classify::classify(&facts, &self.config.classify)
    }

    /// How the config counts leads.
    pub fn counting(&self) -> Counting {
        let leads = &self.config.leads;
        Counting {
            basis: leads.unique_by,
            window: leads.unique_window,
            requires_dmarc: leads.unique_requires_dmarc,
            leak: self.config.leak,
        }
    }

    /// By which address the letter came, if it is to be looked at.
    fn way(&self, letter: &Letter) -> Option<Way> {
        let direct = self.config.leads.direct;
        if letter.canary().is_some() {
            Some(Way::Canary)
        } else if letter.is_tracked() {
            Some(Way::Substitute)
        } else if direct != Direct::Ignore && letter.first_mailbox().is_some() {
            Some(Way::Direct(direct))
        } else {
            None
        }
    }

    fn new_lead(
        &self,
        letter: &Letter,
        reading: &Reading,
        arrival: &Arrival,
        way: Way,
        signed_id: Option<String>,
    ) -> NewLead {
        let leads = &self.config.leads;
        let class = self.classify(letter, reading, &arrival.origin);
        let mut lead = draft::lead(letter, reading, arrival, class, self);
        let is_recovered = signed_id.is_some();
        lead.lead_id = signed_id.unwrap_or(lead.lead_id);
        let address = draft::author(letter, reading);
        NewLead {
            keys: dedupe::keys(letter, reading, arrival.at),
            copies: dedupe::copies(letter, reading, arrival.at),
            message_id: reading.message_id.as_deref().map(message_id::digest),
            refers_to: reading.refers_to.iter().map(|id| message_id::digest(id)).collect(),
            sender_key: address.map(|address| sender::key(address, leads.normalize)),
            visitor: attributed::visitor(letter),
            way,
            counting: self.counting(),
            host: self.config.hostname.clone(),
            privacy: self.config.privacy,
            subscribers: Arc::clone(arrival.subscribers.as_ref().unwrap_or(&self.subscribers)),
            is_recovered,
            keep_late: self.config.milter.on_error == OnError::Accept,
            lead,
        }
    }

    /// The headers that a recorded lead's message gets.
    pub fn fields(&self, lead: &Lead, message_id: Option<&str>) -> Vec<attribution::Field> {
        let prefix = &self.config.headers.prefix;
        let mut fields = attribution::fields(prefix, lead);
        if let Some(key) = &self.config.headers.key {
            fields.push(attribution::sign(key, Seal { prefix, message_id }, &fields));
        }
        fields
    }
}

/// How long the end of one message may wait for the store, in all.
struct Budget {
    whole: Duration,
    ends: Instant,
}

impl Budget {
    fn begin(whole: Duration) -> Self {
        Self { whole, ends: Instant::now() + whole }
    }

    async fn wait<T>(&self, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        tokio::time::timeout_at(self.ends, answer).await.unwrap_or(Err(StoreError::Timeout(self.whole)))
    }
}
