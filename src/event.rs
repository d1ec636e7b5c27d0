//! The lead event: one JSON body that is both a CloudEvents 1.0 structured event and a Standard Webhooks payload.
//!
//! Given a lead and the numbers that the store alone knows, gives back the bytes that every sink sends unchanged.

use serde::{Deserialize, Serialize};

use crate::{
    clock::Millis,
    lead::{Lead, bounded, limit},
};

/// The version of `data` lives in this name, not in `type`.
pub const LEAD_SCHEMA: &str = "urn:leadmilter:schema:lead.received:1";

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EventType {
    /// An inquiry was recorded.
    #[serde(rename = "lead.received")]
    LeadReceived,
    /// A letter in the thread of a lead.
    #[serde(rename = "lead.replied")]
    LeadReplied,
    /// A person corrected the kind of a message.
    #[serde(rename = "lead.marked")]
    LeadMarked,
    /// What became of a lead was told.
    #[serde(rename = "lead.outcome")]
    LeadOutcome,
    /// A sink is not called as usual any more.
    #[serde(rename = "sink.suspended")]
    SinkSuspended,
    /// A person asked whether the sink works.
    #[serde(rename = "webhook.ping")]
    WebhookPing,
}

impl EventType {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LeadReceived => "lead.received",
            Self::LeadReplied => "lead.replied",
            Self::LeadMarked => "lead.marked",
            Self::LeadOutcome => "lead.outcome",
            Self::SinkSuspended => "sink.suspended",
            Self::WebhookPing => "webhook.ping",
        }
    }

    /// The type of that name on the wire.
    pub fn parse(name: &str) -> Option<Self> {
        let known = [
            Self::LeadReceived,
            Self::LeadReplied,
            Self::LeadMarked,
            Self::LeadOutcome,
            Self::SinkSuspended,
            Self::WebhookPing,
        ];
        known.into_iter().find(|known| known.as_str() == name)
    }
}

/// The event's envelope around its `data`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event<D> {
    /// Always `1.0` (CloudEvents).
    pub specversion: String,
    /// Stable over every retry and replay; the same as `webhook-id`.
    pub id: String,
    /// The host that saw it: `//mx1.company.ru/leadmilter`.
    pub source: String,
    /// What happened.
    pub r#type: EventType,
    /// The substitute address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
    /// When it happened.
    pub time: Millis,
    /// The same, under the name of Standard Webhooks.
    pub timestamp: Millis,
    /// When it was written down.
    pub recordedtime: Millis,
    /// Order among the events of one store: 20 digits, so that text sorts as numbers do.
    pub sequence: String,
    /// What keeps related events together in a stream: the token, else the channel.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub partitionkey: Option<String>,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// Names the schema of `data`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dataschema: Option<String>,
    /// What it is about.
    pub data: D,
}

impl Event<Lead> {
    /// An event about a lead, which the store is about to write under `sequence`.
    pub fn of_lead(r#type: EventType, id: String, lead: Lead, host: &str, sequence: i64, recorded: Millis) -> Self {
        let time = match (r#type, &lead.outcome) {
            (EventType::LeadMarked, _) => recorded,
            (EventType::LeadOutcome, Some(outcome)) => outcome.occurred_at,
            _ => lead.received_at,
        };
        Self {
            subject: bounded(&lead.recipient.substitute, limit::SUBJECT),
            partitionkey: partition_key(&lead),
            dataschema: Some(LEAD_SCHEMA.to_owned()),
            ..Event::new(r#type, id, host, sequence, time, recorded, lead)
        }
    }
}

fn partition_key(lead: &Lead) -> Option<String> {
    lead.recipient.token.clone().or_else(|| lead.channel.as_ref().map(|channel| channel.id.clone()))
}

impl<D: Serialize> Event<D> {
    /// The bytes that sinks get.
    pub fn to_json(&self) -> serde_json::Result<String> {
        // Most events are some two thousand octets: their room is taken once.
        let mut out = Vec::with_capacity(3 * 1024);
        serde_json::to_writer(&mut out, self)?;
        String::from_utf8(out).map_err(serde::ser::Error::custom)
    }
}

impl<D> Event<D> {
    /// An event without the optional attributes.
    pub fn new(
        r#type: EventType,
        id: String,
        host: &str,
        sequence: i64,
        time: Millis,
        recorded: Millis,
        data: D,
    ) -> Self {
        Self {
            specversion: "1.0".to_owned(),
            id,
            source: ["//", host, "/leadmilter"].concat(),
            r#type,
            subject: None,
            time,
            timestamp: time,
            recordedtime: recorded,
            sequence: format!("{sequence:020}"),
            partitionkey: None,
            datacontenttype: "application/json".to_owned(),
            dataschema: None,
            data,
        }
    }
}
