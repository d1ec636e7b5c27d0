//! Real events on their way out: recorded by a store, pushed by an outbox to whoever is to judge them.

use std::time::Instant;

use base64::{Engine, engine::general_purpose::STANDARD};
use leadmilter::{
    config::{self, Format},
    outbox::Outbox,
    secret::Secret,
    sinks::Sink,
    store::{Commit, DeliveryFilter, DeliveryState, NewLead, Store},
};
use serde_json::Value;
use tokio::task::yield_now;

use crate::{
    house::{self, PATIENCE, Receiver},
    request::Request,
};

/// A substitute that no ASCII can spell: it is the event's `subject`.
pub const SUBSTITUTE: &str = "инфо+реклама@company.ru";

/// The same where a header has to hold it (CloudEvents, HTTP Protocol Binding, section 3.1.3.2).
pub const ENCODED: &str = "%D0%B8%D0%BD%D1%84%D0%BE+%D1%80%D0%B5%D0%BA%D0%BB%D0%B0%D0%BC%D0%B0@company.ru";

/// Seed and public key of an Ed25519 key that Svix published for tests.
const KEY: &str = "6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";

/// An event as it was pushed.
#[derive(Debug)]
pub struct Pushed {
    /// Its id.
    pub id: String,
    /// What the store holds of it.
    pub body: String,
    /// The same, read.
    pub event: Value,
    /// The status of each attempt, `None` where no answer came.
    pub statuses: Vec<Option<u16>>,
}

/// Records a lead and has the outbox push it to this sink, until it is delivered.
pub async fn push(sink: &config::Sink) -> Pushed {
    let (_folder, store) = house::store();
    let id = record(&store, &sink.id).await;
    let outbox = Outbox::start(&store, vec![(sink.clone(), Sink::open(sink).unwrap())], &house::conditions());
    let begun = Instant::now();
    let filter = DeliveryFilter { sink: Some(sink.id.clone()), limit: 1, ..DeliveryFilter::default() };
    let delivered = loop {
        let delivery = store.deliveries(&filter).unwrap().remove(0);
        if delivery.state == DeliveryState::Delivered {
            break delivery;
        }
        assert!(begun.elapsed() < PATIENCE && delivery.state == DeliveryState::Pending, "{delivery:?}");
        yield_now().await;
    };
    outbox.stop(PATIENCE).await;
    let (_, attempts, body) = store.delivery(delivered.id).unwrap().unwrap();
    let statuses = attempts.into_iter().map(|attempt| attempt.status).collect();
    Pushed { id, event: serde_json::from_str(&body).unwrap(), body, statuses }
}

/// The request that the outbox makes of an event to a sink like this one, and the event.
pub async fn caught(sink: impl FnOnce(&str) -> config::Sink) -> (Request, Value) {
    let mut receiver = Receiver::start(|_| house::status(204)).await;
    let pushed = push(&sink(&receiver.url)).await;
    (Request::again(&receiver.next_unchecked().await), pushed.event)
}

/// A sink that signs with these secrets.
pub fn signed_with(secrets: &[&str], url: &str) -> config::Sink {
    let secrets = secrets.iter().map(|text| house::secret(text)).collect();
    config::Sink { secrets, ..house::sink("crm", url) }
}

/// The same sink, signing with a private key too.
pub fn with_key(sink: config::Sink) -> config::Sink {
    let seed = STANDARD.decode(KEY).unwrap()[..32].to_vec();
    config::Sink { signing_keys: vec![Secret::new(seed)], ..sink }
}

/// The public key to what [`with_key`] signs with.
pub fn public_key() -> String {
    STANDARD.encode(&STANDARD.decode(KEY).unwrap()[32..])
}

/// The same sink with another form of events.
pub fn in_form(format: Format, sink: config::Sink) -> config::Sink {
    config::Sink { format, ..sink }
}

async fn record(store: &Store, sink: &str) -> String {
    let subscribers = [house::subscriber(sink)].into();
    let lead = NewLead { subscribers, ..house::lead("client@client.test", SUBSTITUTE) };
    store.record(lead, Commit::Durable).await.unwrap().unwrap().lead.lead_id
}
