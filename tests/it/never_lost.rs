//! Events on their way when something dies: a daemon between the receiver's answer and its own commit, a daemon with a long queue,
//! one receiver of three. Nothing is lost, what comes twice has the same id, and one sink's trouble is no other's.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Instant,
};

use leadmilter::{
    config,
    event::EventType,
    outbox::{Conditions, Outbox},
    sinks::Sink,
    store::{CircuitState, DeliveryState, Store},
};
use rusqlite::Connection;

use crate::{
    company::{Company, webhook},
    house::{self, PATIENCE, Receiver, status},
    postfix_house::{Daemon, wait_for},
    stopped_clock::{record, states},
};

fn start(store: &Store, sinks: &[config::Sink]) -> Outbox {
    start_under(store, sinks, &house::conditions())
}

fn start_under(store: &Store, sinks: &[config::Sink], conditions: &Conditions) -> Outbox {
    let opened = sinks.iter().map(|config| (config.clone(), Sink::open(config).unwrap())).collect();
    Outbox::start(store, opened, conditions)
}

/// The ids of the next calls, in their order.
async fn ids(receiver: &mut Receiver, count: usize) -> Vec<String> {
    let mut ids = Vec::with_capacity(count);
    for _ in 0..count {
        ids.push(receiver.next_unchecked().await.header("webhook-id").to_owned());
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_the_answer_and_the_commit_sends_the_event_again_under_its_id() {
    // While the receiver answers, another connection holds the store's lock: the daemon hears 204 and cannot write it down.
    let lock = Arc::new(Mutex::new(None));
    let store_file = Arc::new(Mutex::new(None::<PathBuf>));
    let (held, file) = (Arc::clone(&lock), Arc::clone(&store_file));
    let mut receiver = Receiver::start(move |call| {
        if call == 0 {
            let conn = Connection::open(file.lock().unwrap().as_ref().unwrap()).unwrap();
            conn.execute_batch("BEGIN IMMEDIATE").unwrap();
            *held.lock().unwrap() = Some(conn);
        }
        status(204)
    })
    .await;
    let top = "log.target = \"stderr\"\nmilter.listen = \"inet:127.0.0.1:0\"";
    let company = Company::new(top, &webhook("crm", &receiver.url));
    *store_file.lock().unwrap() = Some(company.path("store/leads.db"));
    let store = Store::open(&company.path("store")).unwrap();
    record(&store, &["crm"]).await;
    store.close(PATIENCE).await;

    let daemon = Daemon::start(&company.config_file());
    let first = receiver.next().await;
    wait_for("the lock", || lock.lock().unwrap().is_some().then_some(()), || daemon.log());
    daemon.kill9();
    drop(lock.lock().unwrap().take());
    let daemon = Daemon::start(&company.config_file());
    let second = receiver.next().await;
    let store = Store::open_read(&company.path("store")).unwrap();
    let delivered = || states(&store, "crm").contains(&DeliveryState::Delivered).then_some(());
    wait_for("the delivery", delivered, || daemon.log());

    assert_eq!(second.header("webhook-id"), first.header("webhook-id"));
    assert_eq!(second.body, first.body);
    let (_, attempts, _) = store.delivery(1).unwrap().unwrap();
    // The first attempt is the one that nobody wrote down.
    let told: Vec<_> = attempts.iter().map(|attempt| (attempt.number, attempt.status)).collect();
    assert_eq!(told, [(2, Some(204))]);
}

/// A store with so many queued deliveries, each due at its own moment of the past, in no order.
fn queued(store: &Path, count: u32) {
    let conn = Connection::open(store.join("leads.db")).unwrap();
    conn.execute_batch(&format!(
        "BEGIN;
         WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {count})
         INSERT INTO event (sequence, id, type, lead_id, created_at, body)
         SELECT n, printf('event-%06d', n), 'lead.received', '', 0, '{{}}' FROM number;
         INSERT INTO delivery (event, sink, state, attempts, created_at, next_at)
         SELECT sequence, 'crm', 0, 0, 0, 1 + (sequence * 7919) % 1000003 FROM event;
         COMMIT"
    ))
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_queued_events_survive_restarts_and_drain_in_order_of_due_time() {
    const QUEUED: u32 = 100_000;
    const OF_EACH_RUN: usize = 400;
    let mut receiver = Receiver::start(|_| status(204)).await;
    let (folder, store) = house::store();
    queued(folder.path(), QUEUED);
    let mut expected: Vec<u32> = (1..=QUEUED).collect();
    expected.sort_by_key(|n| (u64::from(*n) * 7919) % 1_000_003);

    let sink = config::Sink { concurrency: 1, ..house::sink("crm", &receiver.url) };
    let begun = Instant::now();
    let mut came = Vec::new();
    let mut open = Some(store);
    for run in 0..3 {
        let store = match open.take() {
            Some(store) => store,
            None => Store::open(folder.path()).unwrap(),
        };
        let outbox = start(&store, std::slice::from_ref(&sink));
        came.extend(ids(&mut receiver, OF_EACH_RUN).await);
        outbox.stop(PATIENCE).await;
        // Those that were on their way when it was told to stop.
        came.extend(receiver.rest().iter().map(|call| call.header("webhook-id").to_owned()));
        println!("run {run}: {} of {QUEUED} in {:?}", came.len(), begun.elapsed());
        store.close(PATIENCE).await;
    }
    let expected: Vec<_> = expected.iter().take(came.len()).map(|n| format!("event-{n:06}")).collect();
    assert_eq!(came, expected);
    let counts = Store::open_read(folder.path()).unwrap().sink_counts().unwrap().remove("crm").unwrap();
    assert_eq!((counts.delivered, counts.pending), (came.len() as u64, u64::from(QUEUED) - came.len() as u64));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_dead_sink_among_three_delays_neither_of_the_others_and_is_told_to_them() {
    let dead = Receiver::start(|_| status(500)).await;
    let (mut crm, mut stock) = (Receiver::start(|_| status(204)).await, Receiver::start(|_| status(204)).await);
    let (_folder, store) = house::store();
    let told = vec![EventType::LeadReceived, EventType::SinkSuspended];
    let sinks = [
        config::Sink { suspend_after: 3, ..house::sink("dead", &dead.url) },
        config::Sink { events: told, ..house::sink("crm", &crm.url) },
        house::sink("stock", &stock.url),
    ];
    let conditions = house::conditions();
    let outbox = start_under(&store, &sinks, &conditions);
    for _ in 0..50 {
        record(&store, &["dead", "crm", "stock"]).await;
    }
    let mut types = BTreeMap::<String, usize>::new();
    let mut suspended = None;
    for _ in 0..51 {
        let call = crm.next().await;
        let event: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
        let r#type = event["type"].as_str().unwrap().to_owned();
        if r#type == "sink.suspended" {
            suspended = Some(event);
        }
        *types.entry(r#type).or_default() += 1;
    }
    assert_eq!(ids(&mut stock, 50).await.len(), 50);
    outbox.stop(PATIENCE).await;

    assert_eq!(types, BTreeMap::from([("lead.received".to_owned(), 50), ("sink.suspended".to_owned(), 1)]));
    let event = suspended.unwrap();
    let data = &event["data"];
    let said = ["sink", "state", "reason"].map(|name| data[name].as_str().unwrap());
    assert_eq!(said, ["dead", "suspended", "receiver answered 500"]);
    assert_eq!((event["subject"].as_str(), data["waiting"].as_u64().is_some()), (Some("dead"), true));
    let circuit = store.circuit("dead").await.unwrap().unwrap();
    assert_eq!((circuit.state, circuit.reason.as_str()), (CircuitState::Suspended, "receiver answered 500"));
    assert_eq!(states(&store, "dead"), vec![DeliveryState::Pending; 50]);
    assert_eq!(conditions.metrics.outbox_suspended.get(), 1);
    assert_eq!(conditions.metrics.outbox_delivered.get(), 101);
}

#[tokio::test]
async fn an_ordered_sink_sends_nothing_past_an_event_that_waits() {
    let mut receiver = Receiver::start(|call| status(if matches!(call, 1 | 2 | 4) { 500 } else { 204 })).await;
    let (_folder, store) = house::store();
    let sink = config::Sink { ordered: true, concurrency: 1, ..house::sink("crm", &receiver.url) };
    for _ in 0..4 {
        record(&store, &["crm"]).await;
    }
    let outbox = start(&store, std::slice::from_ref(&sink));
    let mut came = ids(&mut receiver, 3).await;
    // The second event has failed twice; a restart does not let the third one past it.
    outbox.stop(PATIENCE).await;
    let outbox = start(&store, &[sink]);
    came.extend(ids(&mut receiver, 4).await);
    outbox.stop(PATIENCE).await;
    let order: Vec<_> = came.iter().map(|id| came.iter().position(|other| other == id).unwrap()).collect();
    // Each event by the place of its first call.
    assert_eq!(order, [0, 1, 1, 1, 4, 4, 6]);
    assert_eq!(states(&store, "crm"), [DeliveryState::Delivered; 4]);
}
