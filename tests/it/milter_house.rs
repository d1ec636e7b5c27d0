//! The milter door in this process, and an MTA's side of the protocol to talk to it.
//!
//! Edits come back as lines of text, so that a test compares all of them at once; `X-Lead-Id` reads `LEAD`.

use std::{path::PathBuf, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use indymilter_test::{EomAction, EomActions, MacroStage, ProtoOpts, Status, TestConnection, TestConnectionBuilder};
use leadmilter::{
    intake::Intake,
    lead::Lead,
    metrics::Metrics,
    milter::{self, Closing, Listener, Milter},
    store::{LeadFilter, Store},
};
use tokio_util::sync::CancellationToken;

use crate::company::Company;

/// A running milter door.
pub struct Door {
    pub company: Company,
    pub store: Store,
    pub intake: Arc<ArcSwap<Intake>>,
    pub metrics: Arc<Metrics>,
    pub socket: PathBuf,
}

/// A message as a client sends it.
pub struct Letter<'a> {
    /// MAIL arguments.
    pub mail: &'a [&'a str],
    /// RCPT arguments, one list a recipient.
    pub rcpts: &'a [&'a [&'a str]],
    /// Header fields.
    pub headers: &'a [(&'a str, &'a str)],
}

/// Header fields of a plain letter.
pub const HEADERS: &[(&str, &str)] = &[
    ("From", "Ivan <ivan@client.example>"),
    ("Subject", "pumps"),
    ("Date", "Sun, 22 Nov 2026 07:26:07 +0300"),
    ("Message-ID", "<1@client.example>"),
];

/// A plain letter to one recipient.
pub fn to<'a>(rcpts: &'a [&'a [&'a str]]) -> Letter<'a> {
    Letter { mail: &["<ivan@client.example>"], rcpts, headers: HEADERS }
}

impl Door {
    /// Opens it with `top` in the config's beginning; see [`Company::new`].
    pub fn open(top: &str) -> Self {
        let listen = "[milter]\nlisten = \"unix:milter.sock\"\n";
        let top =
            if top.contains("[milter]") { top.replacen("[milter]\n", listen, 1) } else { format!("{top}\n{listen}") };
        Self::of(Company::new(&top, ""))
    }

    /// Opens that of a company whose milter listens on the UNIX socket `milter.sock`.
    pub fn of(company: Company) -> Self {
        let config = company.config();
        let store = Store::open_for(&config).unwrap();
        let metrics = Arc::new(Metrics::default());
        let socket = milter::bind(&config.milter).unwrap();
        let [stop, cut] = [(); 2].map(|()| CancellationToken::new());
        let closing = Closing { stop, drain: config.milter.drain, cut };
        let limit = config.milter.max_connections;
        let listener = Listener::new(socket, limit, Arc::clone(&metrics), closing.stop.clone());
        let intake = Arc::new(ArcSwap::from_pointee(Intake::new(config)));
        let milter = Milter::new(Arc::clone(&intake), store.clone(), Arc::clone(&metrics));
        tokio::spawn(milter::run(listener, Arc::new(milter), closing));
        let socket = company.path("milter.sock");
        Self { company, store, intake, metrics, socket }
    }

    /// An MTA that offers everything.
    pub async fn connect(&self) -> TestConnection {
        self.connect_as(TestConnection::configure()).await
    }

    /// An MTA of one's own make.
    pub async fn connect_as(&self, mta: TestConnectionBuilder) -> TestConnection {
        mta.read_timeout(Duration::from_secs(10)).open_unix(&self.socket).await.unwrap()
    }

    /// Leads so far, oldest first.
    pub fn leads(&self) -> Vec<Lead> {
        let mut leads = self.store.leads(&LeadFilter { limit: 1000, ..LeadFilter::default() }).unwrap();
        leads.reverse();
        leads
    }
}

/// Sends a letter within a session; gives back the edits, or `accepted` if its headers were not wanted.
pub async fn send(mta: &mut TestConnection, letter: &Letter<'_>) -> Vec<String> {
    if envelope(mta, letter).await == Status::Accept {
        return vec!["accepted at DATA".to_owned()];
    }
    for (name, value) in letter.headers {
        mta.header(*name, *value).await.unwrap();
    }
    let (edits, status) = end(mta).await;
    assert_eq!(status, Status::Continue);
    edits.actions.iter().map(line).collect()
}

/// Sends a letter; gives back the inserted headers as they are.
pub async fn send_raw(mta: &mut TestConnection, letter: &Letter<'_>) -> Vec<(String, String)> {
    assert_eq!(envelope(mta, letter).await, Status::Continue);
    for (name, value) in letter.headers {
        mta.header(*name, *value).await.unwrap();
    }
    let inserted = |action| match action {
        EomAction::InsertHeader { name, value, .. } => {
            Some((name.into_string().unwrap(), value.into_string().unwrap()))
        }
        _ => None,
    };
    end(mta).await.0.actions.into_iter().filter_map(inserted).collect()
}

/// End of header and end of message.
pub async fn end(mta: &mut TestConnection) -> (EomActions, Status) {
    if !mta.negotiated_opts().contains(ProtoOpts::NO_EOH) {
        mta.eoh().await.unwrap();
    }
    if !mta.negotiated_opts().contains(ProtoOpts::NO_BODY) {
        // Nobody asked for it, and some send it all the same.
        assert_eq!(mta.body("What do they cost?\r\n").await.unwrap(), Status::Continue);
    }
    mta.eom().await.unwrap()
}

/// MAIL, RCPT and DATA; gives back the answer to the last.
pub async fn envelope(mta: &mut TestConnection, letter: &Letter<'_>) -> Status {
    mta.mail(letter.mail.iter().copied()).await.unwrap();
    for rcpt in letter.rcpts {
        mta.rcpt(rcpt.iter().copied()).await.unwrap();
    }
    mta.macros(MacroStage::Data, [("i", "4XyZ1a2B3c")]).await.unwrap();
    mta.data().await.unwrap()
}

fn line(action: &EomAction) -> String {
    let text = |value: &std::ffi::CString| value.to_str().unwrap().to_owned();
    match action {
        EomAction::InsertHeader { index, name, value } => {
            let (name, value) = (text(name), text(value));
            let value = if name == "X-Lead-Id" { "LEAD".to_owned() } else { value };
            format!("insert {index} {name}: {value}")
        }
        EomAction::DeleteHeader { name, index } => format!("delete {} {index}", text(name)),
        EomAction::DeleteRecipient { rcpt } => format!("remove {}", text(rcpt)),
        EomAction::AddRecipient { rcpt, args } => {
            let args = args.as_ref().map(text).unwrap_or_default();
            format!("add {} {args}", text(rcpt)).trim().to_owned()
        }
        other => panic!("an edit that nobody asked for: {other:?}"),
    }
}
