//! A company's desk in this process: letters come in by the milter door, and what is told to sinks is read from the
//! outbox.
//!
//! No sink runs, so deliveries stay as they were put there. Every event that is read is checked against the schema.

use indymilter_test::TestConnection;
use leadmilter::{event::EventType, lead::Lead, store::DeliveryFilter};
use serde_json::Value;

use crate::{
    command::{Output, run},
    company::webhook,
    milter_house::{Door, Letter, send},
    told::faults,
};

/// The substitute of the billboard.
pub const M11: &str = "<info+m11@company.ru>";

/// The substitute of Yandex Direct, for the same mailbox.
pub const YD: &str = "<info+yd@company.ru>";

/// The mailbox itself.
pub const INFO: &str = "<info@company.ru>";

/// A door, one session through it, and the number of the last letter.
pub struct Desk {
    pub door: Door,
    mta: TestConnection,
}

/// An event in the outbox.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    pub event: EventType,
    pub lead: String,
    pub kind: String,
}

impl Desk {
    /// Opens it with these keys at the config's beginning.
    pub async fn open(top: &str) -> Self {
        let door = Door::open(top);
        let mta = door.connect().await;
        Self { door, mta }
    }

    /// The same with sinks: an id, and the keys that say what it takes.
    pub async fn with_sinks(top: &str, sinks: &[(&str, &str)]) -> Self {
        let sinks: String = sinks.iter().map(|(id, keys)| webhook(id, "http://127.0.0.1:9/") + keys + "\n").collect();
        Self::open(&format!("{top}\n{sinks}")).await
    }

    /// A letter under the Message-ID `<id@client.example>`; gives back the edits.
    pub async fn letter(&mut self, id: &str, from: &str, to: &str, more: &[(&str, &str)]) -> Vec<String> {
        self.letter_to(id, from, &[to], more).await
    }

    /// The same to several recipients.
    pub async fn letter_to(&mut self, id: &str, from: &str, to: &[&str], more: &[(&str, &str)]) -> Vec<String> {
        let (id, sender) = (format!("<{id}@client.example>"), format!("<{from}>"));
        let mut headers = vec![
            ("From", from),
            ("Subject", "pumps"),
            ("Date", "Sun, 22 Nov 2026 07:26:07 +0300"),
            ("Message-ID", id.as_str()),
        ];
        headers.extend(more);
        let recipients: Vec<[&str; 1]> = to.iter().map(|recipient| [*recipient]).collect();
        let rcpts: Vec<&[&str]> = recipients.iter().map(<[&str; 1]>::as_slice).collect();
        send(&mut self.mta, &Letter { mail: &[&sender], rcpts: &rcpts, headers: &headers }).await
    }

    /// The letter that was recorded last.
    pub fn last(&self) -> Lead {
        self.door.leads().pop().expect("something was recorded")
    }

    /// How many letters were recorded.
    pub fn recorded(&self) -> usize {
        self.door.leads().len()
    }

    /// What a sink is told, in order.
    pub fn told(&self, sink: &str) -> Vec<Told> {
        let events = self.events(sink);
        let text = |event: &Value, at: &str| event.pointer(at).and_then(Value::as_str).unwrap().to_owned();
        let told = |event: &Value| Told {
            event: EventType::parse(&text(event, "/type")).unwrap(),
            lead: text(event, "/data/lead_id"),
            kind: text(event, "/data/kind"),
        };
        events.iter().map(told).collect()
    }

    /// The same, as whole events.
    pub fn events(&self, sink: &str) -> Vec<Value> {
        let filter = DeliveryFilter { sink: Some(sink.to_owned()), limit: 1000, ..DeliveryFilter::default() };
        let mut deliveries = self.door.store.deliveries(&filter).unwrap();
        deliveries.reverse();
        let bodies = deliveries.iter().map(|delivery| self.door.store.delivery(delivery.id).unwrap().unwrap().2);
        let events: Vec<Value> = bodies.map(|body| serde_json::from_str(&body).unwrap()).collect();
        for event in &events {
            assert_eq!(faults(event), Vec::<String>::new(), "{event:#}");
        }
        events
    }

    /// Runs the command on this desk's config.
    pub fn run(&self, arguments: &[&str]) -> Output {
        run(&self.door.company, arguments)
    }

    /// The same; it has to succeed. Gives back standard output.
    pub fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!((output.code, output.err.as_str()), (0, ""), "{arguments:?}");
        output.out
    }
}

/// The value of an attribution header among the edits.
pub fn header(edits: &[String], name: &str) -> Option<String> {
    let start = format!("X-Lead-{name}: ");
    edits.iter().find_map(|edit| edit.split_once(&start).map(|(_, value)| value.to_owned()))
}
