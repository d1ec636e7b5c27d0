//! A runtime whose clock stands still between real calls over real sockets, and a receiver that misbehaves as told.

use std::{
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use leadmilter::{
    clock::Millis,
    config,
    outbox::{Clock, Conditions, Outbox},
    sinks::Sink,
    store::{Attempt, Commit, Delivery, DeliveryFilter, DeliveryState, NewLead, Store},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::yield_now,
    time::advance,
};

use crate::house::{self, PATIENCE};

/// What a receiver does with one call.
#[derive(Clone, Copy, Debug)]
pub enum Does {
    /// Writes these bytes once it has the request, and closes.
    Says(&'static str),
    /// Reads the request and never answers.
    Hangs,
    /// Reads the request and ends the connection as a crashed program does.
    Resets,
    /// Reads the request and closes.
    Closes,
    /// Answers with this status line and a body of 1 GiB, as fast as it is read.
    Floods(&'static str),
    /// Writes bytes that are no TLS, and closes.
    SpeaksNoTls,
}

/// A receiver, an outbox, and a clock that only this moves.
pub struct Stage {
    pub store: Store,
    outbox: Option<Outbox>,
    conditions: Conditions,
    began: Millis,
    config: config::Sink,
    /// One message for each call that was read, with the octets that its answer came to.
    calls: UnboundedReceiver<usize>,
    _folder: tempfile::TempDir,
    /// A blocking task keeps the runtime's clock from moving by itself while it lives.
    _still: mpsc::Sender<()>,
}

impl Stage {
    /// One event waits for a sink whose receiver does this with one call after the other, the last for ever.
    pub async fn set(scheme: &str, script: &[Does], sink: impl FnOnce(config::Sink) -> config::Sink) -> Self {
        tokio::time::pause();
        let (still, held) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || held.recv());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{scheme}://{}/hooks", listener.local_addr().unwrap());
        let (told, calls) = unbounded_channel();
        let script = script.to_vec();
        tokio::spawn(async move {
            for call in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let told = told.clone();
                // A hanging call must not keep the next one out.
                tokio::spawn(act(stream, *script.get(call).or(script.last()).unwrap(), told));
            }
        });
        let (folder, store) = house::store();
        let config = sink(house::sink("crm", &url));
        // Recorded by the system's clock, so that it is due when the stopped one begins.
        record(&store, &["crm"]).await;
        let conditions = Conditions { clock: Clock::of_runtime(), luck: || 0.5, ..house::conditions() };
        let began = conditions.clock.now();
        let mut stage = Self { store, outbox: None, conditions, began, config, calls, _folder: folder, _still: still };
        stage.start();
        stage
    }

    /// Sends couriers out; the former ones have to be stopped.
    pub fn start(&mut self) {
        let sinks = vec![(self.config.clone(), Sink::open(&self.config).unwrap())];
        self.outbox = Some(Outbox::start(&self.store, sinks, &self.conditions));
    }

    /// Lets the outbox end.
    pub async fn stop(&mut self) {
        self.outbox.take().unwrap().stop(PATIENCE).await;
    }

    /// Waits until the receiver has read a call; gives back the octets that it answered.
    pub async fn call(&mut self) -> usize {
        let begun = Instant::now();
        loop {
            if let Ok(octets) = self.calls.try_recv() {
                return octets;
            }
            assert!(begun.elapsed() < PATIENCE, "no call came");
            yield_now().await;
        }
    }

    /// Waits until so many attempts are written down; gives back the last, and how its delivery stands then.
    pub async fn attempt(&self, number: usize) -> (Attempt, Delivery) {
        let begun = Instant::now();
        loop {
            let (_, attempts, _) = self.store.delivery(1).unwrap().unwrap();
            if let Some(attempt) = attempts.get(number - 1) {
                // Read after the attempt was seen: both are written together.
                return (attempt.clone(), self.store.delivery(1).unwrap().unwrap().0);
            }
            assert!(begun.elapsed() < PATIENCE, "no attempt {number}: {attempts:?}");
            yield_now().await;
        }
    }

    /// Waits until the courier sleeps: the store answers in order, so after some answers to us it has answered the courier's
    /// last look, too.
    pub async fn settle(&self) {
        for _ in 0..10 {
            self.store.next_due("crm").await.unwrap();
            yield_now().await;
        }
    }

    /// Moves the clock, once everybody sleeps.
    pub async fn wait_for(&self, due: Millis) {
        self.settle().await;
        // Due times are cut to milliseconds, and timers fire behind theirs.
        advance(self.conditions.clock.now().until(due) + Duration::from_millis(5)).await;
    }

    /// Every attempt of the first delivery: when, counted from the beginning and rounded to a second, status, error.
    pub fn table(&self) -> Vec<String> {
        let (_, attempts, _) = self.store.delivery(1).unwrap().unwrap();
        let row = |of: Attempt| {
            let seconds = (self.began.until(of.at).as_millis() + 500) / 1000;
            let at = format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
            let status = of.status.map_or("-".to_owned(), |status| status.to_string());
            format!("{at} {status} {}", of.error.unwrap_or_default()).trim_end().to_owned()
        };
        attempts.into_iter().map(row).collect()
    }

    /// The clock.
    pub fn now(&self) -> Millis {
        self.conditions.clock.now()
    }
}

/// Records one lead for these sinks.
pub async fn record(store: &Store, sinks: &[&str]) {
    let subscribers: Arc<[_]> = sinks.iter().map(|sink| house::subscriber(sink)).collect();
    let lead = NewLead { subscribers, ..house::lead("client@client.test", "info+m11@company.ru") };
    store.record(lead, Commit::Durable).await.unwrap().unwrap();
}

/// The states of a sink's deliveries, oldest first.
pub fn states(store: &Store, sink: &str) -> Vec<DeliveryState> {
    let filter = DeliveryFilter { sink: Some(sink.to_owned()), limit: 10_000, ..DeliveryFilter::default() };
    store.deliveries(&filter).unwrap().into_iter().rev().map(|delivery| delivery.state).collect()
}

async fn act(mut stream: TcpStream, does: Does, told: tokio::sync::mpsc::UnboundedSender<usize>) {
    let mut request = Vec::new();
    if matches!(does, Does::SpeaksNoTls) {
        drop(stream.read_buf(&mut request).await);
    } else {
        while !is_whole(&request) && stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {}
    }
    match does {
        Does::Says(answer) => drop(stream.write_all(answer.as_bytes()).await),
        Does::SpeaksNoTls => drop(stream.write_all(b"220 mx1.company.ru ESMTP\r\n").await),
        Does::Hangs => {
            told.send(0).unwrap_or_default();
            // Until the client gives up.
            drop(stream.read_buf(&mut request).await);
            return;
        }
        Does::Resets => socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap(),
        Does::Closes => {}
        Does::Floods(status) => {
            let length = 1024 * 1024 * 1024;
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n");
            let (mut sent, chunk) = (0, [b'x'; 16 * 1024]);
            drop(stream.write_all(head.as_bytes()).await);
            while sent < length && stream.write_all(&chunk).await.is_ok() {
                sent += chunk.len();
            }
            told.send(sent).unwrap_or_default();
            return;
        }
    }
    told.send(0).unwrap_or_default();
}

/// Whether a request has come with its whole body.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    request.len() >= head.len() + 4 + length.unwrap_or(0)
}
