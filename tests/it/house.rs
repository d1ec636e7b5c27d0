//! What several tests need: leads, sinks, a store, the log.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{
        Arc, Mutex, Once, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use leadmilter::{
    address::Address,
    channel::Pattern,
    clock::Millis,
    config::{self, Format, Leak, Privacy, SenderPrivacy, SubjectPrivacy},
    event::EventType,
    lead::{
        AddressKind, Attribution, Basis, ChannelName, Confidence, Kind, Lead, Message, Mta, Recipient, Repeat, Sender,
        Status,
    },
    metrics::Metrics,
    outbox::Conditions,
    preset::Preset,
    secret::Secret,
    store::{Counting, DedupeKey, MessageDigest, NewLead, Store, Subscriber, Way},
};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tracing::subscriber::DefaultGuard;

pub use crate::http_server::{Call, Receiver, status, with_header};

/// Longer than anything that works takes: a test fails by it, and never waits for it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// One for all tests that look at it at a time. The last of them takes it down: nothing else ends what a static holds, and
/// a daemon would outlive the tests.
pub fn shared<T>(kept: &Mutex<Weak<T>>, make: impl FnOnce() -> T) -> Arc<T> {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    kept.upgrade().unwrap_or_else(|| {
        let made = Arc::new(make());
        *kept = Arc::downgrade(&made);
        made
    })
}

/// The secret that [`sink`] signs with.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Another secret.
pub const OTHER_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// A secret's key.
pub fn secret(text: &str) -> Secret {
    Secret::new(STANDARD.decode(text.strip_prefix("whsec_").unwrap()).unwrap())
}

/// A webhook that is tried again after 20 ms, five times.
pub fn sink(id: &str, url: &str) -> config::Sink {
    config::Sink {
        id: id.to_owned(),
        secrets: vec![secret(SECRET)],
        retry: vec![Duration::from_millis(20); 5],
        ..preset_sink("webhook", url, "", &[])
    }
}

/// A sink of a built-in preset, with the preset's own defaults, as a config would make it.
pub fn preset_sink(preset: &str, url: &str, secret: &str, settings: &[(&str, &str)]) -> config::Sink {
    sink_of(Preset::built_in(preset).unwrap(), url, secret, settings)
}

/// A sink of any preset.
pub fn sink_of(preset: Preset, url: &str, secret: &str, settings: &[(&str, &str)]) -> config::Sink {
    let defaults = preset.settings.iter().filter_map(|(name, of)| Some((name.clone(), of.default.clone()?)));
    let given = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    config::Sink {
        id: preset.name.clone(),
        settings: defaults.chain(given).collect(),
        url: Some(url.parse().unwrap()),
        secrets: Vec::new(),
        signing_keys: Vec::new(),
        token: Some(secret).filter(|secret| !secret.is_empty()).map(|secret| Secret::new(secret.as_bytes().to_vec())),
        format: Format::Json,
        journal: None,
        events: vec![EventType::LeadReceived],
        kinds: vec![Kind::Lead],
        connect_timeout: Duration::from_secs(5),
        timeout: PATIENCE,
        concurrency: if preset.batch.is_some() { 1 } else { preset.concurrency.unwrap_or(4) },
        rate: preset.rate,
        ordered: false,
        suspend_after: 0,
        retry: vec![Duration::from_millis(20); 5],
        ca: None,
        proxy: None,
        only_public: false,
        preset: Arc::new(preset),
    }
}

/// Surroundings of an outbox.
pub fn conditions() -> Conditions {
    Conditions::new("mx1.company.ru", Arc::new(Metrics::default()))
}

/// A lead of a letter that no other test and no other call has sent.
pub fn lead(sender: &str, substitute: &str) -> NewLead {
    static LETTER: AtomicU64 = AtomicU64::new(1);
    let letter = LETTER.fetch_add(1, Ordering::Relaxed);
    let message_id = format!("<{letter}@client.test>");
    let sender = Address::parse(sender).unwrap();
    NewLead {
        keys: vec![DedupeKey { digest: Sha256::digest(&message_id).into(), expires_at: None }],
        copies: Vec::new(),
        message_id: Some(message_digest(&message_id)),
        refers_to: Vec::new(),
        sender_key: Some(sender.to_string()),
        visitor: None,
        lead: new_lead(&sender, &Address::parse(substitute).unwrap(), message_id),
        way: Way::Substitute,
        counting: Counting {
            basis: Basis::Sender,
            window: None,
            requires_dmarc: false,
            leak: Leak { domains: 0, window: Duration::from_secs(600), spam: 0 },
        },
        host: "mx1.company.ru".to_owned(),
        privacy: Privacy { sender: SenderPrivacy::Plain, subject: SubjectPrivacy::Plain, retention: None },
        subscribers: [subscriber("crm")].into(),
        is_recovered: false,
        keep_late: true,
    }
}

/// A sink that takes leads.
pub fn subscriber(sink: &str) -> Subscriber {
    Subscriber { sink: sink.to_owned(), events: vec![EventType::LeadReceived], kinds: vec![Kind::Lead] }
}

/// A Message-ID, as the store knows it.
pub fn message_digest(message_id: &str) -> MessageDigest {
    Sha256::digest(message_id)[..16].try_into().unwrap()
}

fn new_lead(sender: &Address, substitute: &Address, message_id: String) -> Lead {
    Lead {
        lead_id: uuid::Uuid::now_v7().to_string(),
        kind: Kind::Lead,
        kind_reason: None,
        in_thread_of: None,
        received_at: Millis::now(),
        test: true,
        repeat: Repeat {
            unique: true,
            count: 1,
            basis: Basis::Sender,
            window_days: None,
            first_lead_id: None,
            first_received_at: None,
        },
        sender: Sender {
            address: Some(sender.to_string()),
            domain: Some(sender.domain().to_owned()),
            envelope_from: Some(sender.to_string()),
            ..Sender::default()
        },
        recipient: Recipient {
            substitute: substitute.to_string(),
            real: Some("info@company.ru".to_owned()),
            kind: AddressKind::Static,
            pattern: Pattern::Plus,
            token: None,
        },
        message: Message {
            message_id: Some(message_id),
            subject: Some("Запрос цены".to_owned()),
            ..Message::default()
        },
        channel: Some(ChannelName { id: "billboard-m11".to_owned(), name: "Щит на М11".to_owned() }),
        attribution: attribution(),
        tags: vec!["offline".to_owned()],
        value: None,
        outcome: None,
        mta: Some(Mta { host: "mx1.company.ru".to_owned(), queue_id: None }),
    }
}

fn attribution() -> Attribution {
    Attribution {
        status: Status::Channel,
        confidence: Confidence::Exact,
        age_seconds: None,
        touches: Vec::new(),
        source: Some("outdoor".to_owned()),
        medium: Some("offline".to_owned()),
        campaign: Some("m11-spring".to_owned()),
        term: None,
        content: None,
        campaign_id: None,
        landing_page: None,
        page: None,
        referrer: None,
        visit_at: None,
        issued_at: None,
        click_ids: BTreeMap::new(),
        client_ids: BTreeMap::new(),
        consent: None,
        custom: BTreeMap::new(),
    }
}

/// A store in a folder that vanishes with the test.
pub fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    (folder, store)
}

/// Log lines of this test's thread, as they are written.
pub struct Log {
    lines: mpsc::UnboundedReceiver<String>,
    _guard: DefaultGuard,
}

impl Log {
    /// Catches what this thread logs, down to debug.
    pub fn catch() -> Self {
        // Where no thread but one listens, a place that logs for the first time on another may be taken for one that nobody
        // listens to, for as long as the process lives.
        static LISTENS: Once = Once::new();
        LISTENS.call_once(|| drop(tracing::subscriber::set_global_default(tracing_subscriber::registry())));
        let (sender, lines) = mpsc::unbounded_channel();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_ansi(false)
            .without_time()
            .with_writer(move || LineWriter(sender.clone()))
            .finish();
        Self { lines, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// Waits for a line that holds `text`.
    pub async fn line_with(&mut self, text: &str) -> String {
        loop {
            let line = tokio::time::timeout(PATIENCE, self.lines.recv()).await;
            let line = line.unwrap_or_else(|_| panic!("no log line with {text:?}")).unwrap();
            if line.contains(text) {
                return line;
            }
        }
    }

    /// The lines so far of leadmilter's own, without those of debug level.
    pub fn told(&mut self) -> Vec<String> {
        let lines = std::iter::from_fn(|| self.lines.try_recv().ok());
        lines.filter(|line| line.contains("leadmilter::") && !line.contains("DEBUG")).collect()
    }
}

struct LineWriter(mpsc::UnboundedSender<String>);

impl io::Write for LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        drop(self.0.send(String::from_utf8_lossy(line).trim().to_owned()));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The distinct values of a list.
pub fn distinct<T: Ord>(values: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    values.into_iter().collect()
}
