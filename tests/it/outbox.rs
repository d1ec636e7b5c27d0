//! The outbox between a real store and receivers that fail: what arrives, how often, and what is written down.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use leadmilter::{
    clock::Millis,
    config,
    outbox::Outbox,
    sinks::Sink,
    store::{Commit, Delivery, DeliveryFilter, DeliveryState, NewLead, Pick, SinkCounts, Store},
};
use tokio::{
    net::TcpListener,
    sync::Semaphore,
    task::{JoinSet, yield_now},
};

use crate::{
    house::{self, Log, PATIENCE, Receiver, status, with_header},
    http_server::serve,
};

fn start(store: &Store, sinks: &[config::Sink]) -> Outbox {
    let opened = sinks.iter().map(|config| (config.clone(), Sink::open(config).unwrap())).collect();
    Outbox::start(store, opened, &house::conditions())
}

/// Records one lead for these sinks and gives back the event's id.
async fn record(store: &Store, sinks: &[&str]) -> String {
    let subscribers = sinks.iter().map(|sink| house::subscriber(sink)).collect();
    let lead = NewLead { subscribers, ..house::lead("client@client.test", "info+m11@company.ru") };
    store.record(lead, Commit::Durable).await.unwrap().unwrap().lead.lead_id
}

/// The deliveries of a sink, oldest first.
fn deliveries(store: &Store, sink: &str) -> Vec<Delivery> {
    let filter = DeliveryFilter { sink: Some(sink.to_owned()), limit: 10_000, ..DeliveryFilter::default() };
    let mut found = store.deliveries(&filter).unwrap();
    found.sort_by_key(|delivery| delivery.id);
    found
}

/// Waits until the store knows of `count` deliveries of a sink in this state.
async fn until(store: &Store, sink: &str, state: DeliveryState, count: usize) {
    let begun = Instant::now();
    while deliveries(store, sink).iter().filter(|delivery| delivery.state == state).count() < count {
        assert!(begun.elapsed() < PATIENCE, "{:?}", deliveries(store, sink));
        yield_now().await;
    }
}

/// Waits until the courier of a sink without due deliveries sleeps: the store answers in order, so after some answers
/// to us it has answered the courier's last look too.
async fn idle(store: &Store) {
    for _ in 0..5 {
        store.next_due("crm").await.unwrap();
    }
}

/// Number, status and error of every attempt of a delivery.
fn attempts(store: &Store, delivery: i64) -> Vec<(u32, Option<u16>, Option<String>)> {
    let (_, attempts, _) = store.delivery(delivery).unwrap().unwrap();
    attempts.into_iter().map(|attempt| (attempt.number, attempt.status, attempt.error)).collect()
}

/// A receiver that takes connections and never answers.
async fn hanging() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    (listener, url)
}

#[tokio::test]
async fn a_flapping_receiver_gets_the_event_in_the_end() {
    let mut receiver = Receiver::start(|call| match call {
        0 => status(500),
        1 => with_header(429, "retry-after", "0"),
        2 => with_header(503, "retry-after", "soon"),
        3 => status(408),
        _ => status(204),
    })
    .await;
    let (_folder, store) = house::store();
    let outbox = start(&store, &[house::sink("crm", &receiver.url)]);
    let event = record(&store, &["crm"]).await;

    let mut calls = Vec::new();
    for _ in 0..5 {
        calls.push(receiver.next().await);
    }
    outbox.stop(PATIENCE).await;

    assert!(calls.iter().all(|call| call.header("webhook-id") == event && call.body == calls[0].body));
    let delivery = deliveries(&store, "crm").remove(0);
    assert_eq!((delivery.state, delivery.attempts, delivery.last_status), (DeliveryState::Delivered, 5, Some(204)));
    let failed = |number, code: u16| (number, Some(code), Some(format!("receiver answered {code}")));
    let expected = [failed(1, 500), failed(2, 429), failed(3, 503), failed(4, 408), (5, Some(204), None)];
    assert_eq!(attempts(&store, delivery.id), expected);
}

#[tokio::test]
async fn a_receiver_that_stays_down_ends_in_a_dead_delivery_that_is_kept() {
    let mut receiver = Receiver::start(|_| status(500)).await;
    let (_folder, store) = house::store();
    let retry = vec![Duration::from_millis(20); 2];
    let outbox = start(&store, &[config::Sink { retry, ..house::sink("crm", &receiver.url) }]);
    record(&store, &["crm"]).await;
    until(&store, "crm", DeliveryState::Dead, 1).await;
    outbox.stop(PATIENCE).await;

    assert_eq!(receiver.rest().len(), 3);
    let delivery = deliveries(&store, "crm").remove(0);
    let last = (delivery.attempts, delivery.last_error.as_deref(), delivery.next_at);
    assert_eq!(last, (3, Some("receiver answered 500"), None));
}

#[tokio::test]
async fn a_refused_event_is_given_up_at_once() {
    let mut receiver = Receiver::start(|_| with_header(400, "webhook-delivery", "abort-message")).await;
    let (_folder, store) = house::store();
    let outbox = start(&store, &[house::sink("crm", &receiver.url)]);
    record(&store, &["crm"]).await;
    until(&store, "crm", DeliveryState::Dead, 1).await;
    outbox.stop(PATIENCE).await;
    assert_eq!(receiver.rest().len(), 1);
}

#[tokio::test]
async fn what_somebody_must_change_first_waits_five_minutes() {
    let mut receiver = Receiver::start(|_| with_header(302, "location", "/")).await;
    let (_folder, store) = house::store();
    let outbox = start(&store, &[house::sink("crm", &receiver.url)]);
    record(&store, &["crm"]).await;
    receiver.next().await;
    outbox.stop(PATIENCE).await;

    let delivery = deliveries(&store, "crm").remove(0);
    assert_eq!((delivery.state, delivery.last_status), (DeliveryState::Pending, Some(302)));
    let waits = delivery.created_at.until(delivery.next_at.unwrap());
    assert!((Duration::from_secs(300)..Duration::from_secs(300) + PATIENCE).contains(&waits), "{waits:?}");
}

#[tokio::test]
async fn a_receiver_that_asks_for_silence_gets_it_for_every_event() {
    let mut receiver = Receiver::start(|call| match call {
        0 => with_header(429, "retry-after", "1"),
        _ => status(204),
    })
    .await;
    let (_folder, store) = house::store();
    record(&store, &["crm"]).await;
    record(&store, &["crm"]).await;
    let outbox = start(&store, &[config::Sink { concurrency: 1, ..house::sink("crm", &receiver.url) }]);
    let (first, second, third) = (receiver.next().await, receiver.next().await, receiver.next().await);
    outbox.stop(PATIENCE).await;

    assert!(second.at - first.at >= Duration::from_millis(900), "{:?}", second.at - first.at);
    let ids = [first, second, third].map(|call| call.header("webhook-id").to_owned());
    assert_eq!(house::distinct(ids).len(), 2);
}

#[tokio::test]
async fn what_a_killed_process_had_leased_comes_again_under_the_same_id() {
    let mut receiver = Receiver::start(|_| status(204)).await;
    let (_folder, store) = house::store();
    let event = record(&store, &["crm"]).await;
    // A process that called and was killed before it could write back leaves exactly this.
    let now = Millis::now();
    let leased = store.lease("crm", Pick::Due(4), now, now.plus(Duration::from_millis(300))).await.unwrap();
    assert_eq!((leased[0].event_id.as_str(), leased[0].attempt), (event.as_str(), 1));

    let outbox = start(&store, &[house::sink("crm", &receiver.url)]);
    let call = receiver.next().await;
    outbox.stop(PATIENCE).await;

    assert!(Millis::now() >= now.plus(Duration::from_millis(300)), "came before the lease had passed");
    assert_eq!((call.header("webhook-id"), &call.body[..]), (event.as_str(), leased[0].body.as_bytes()));
    assert_eq!(attempts(&store, leased[0].delivery), [(2, Some(204), None)]);
}

#[tokio::test]
async fn a_hanging_sink_delays_no_other() {
    let (_listener, url) = hanging().await;
    let mut receiver = Receiver::start(|_| status(204)).await;
    let (_folder, store) = house::store();
    let sinks = [
        config::Sink { concurrency: 2, ..house::sink("dead", &url) },
        config::Sink { concurrency: 1, ..house::sink("crm", &receiver.url) },
    ];
    let outbox = start(&store, &sinks);
    for _ in 0..20 {
        record(&store, &["dead", "crm"]).await;
    }
    for _ in 0..20 {
        receiver.next().await;
    }
    until(&store, "crm", DeliveryState::Delivered, 20).await;
    let tried: Vec<u32> = deliveries(&store, "dead").iter().map(|delivery| delivery.attempts).collect();
    assert_eq!(tried, [[1; 2].as_slice(), &[0; 18]].concat());
    outbox.stop(Duration::ZERO).await;
}

#[tokio::test]
async fn a_stop_lets_open_calls_end_and_starts_no_more() {
    let gate = Arc::new(Semaphore::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (came, mut calls) = tokio::sync::mpsc::unbounded_channel();
    let opened = Arc::clone(&gate);
    let _server = serve(listener, move |_| {
        let (came, gate) = (came.clone(), Arc::clone(&opened));
        async move {
            came.send(()).unwrap();
            gate.acquire().await.unwrap().forget();
            status(204)
        }
    });

    let (_folder, store) = house::store();
    record(&store, &["crm"]).await;
    record(&store, &["crm"]).await;
    let outbox = start(&store, &[config::Sink { concurrency: 1, ..house::sink("crm", &url) }]);
    calls.recv().await.unwrap();
    let stopped = tokio::spawn(outbox.stop(PATIENCE));
    yield_now().await;
    gate.add_permits(2);
    stopped.await.unwrap();

    let ended: Vec<_> = deliveries(&store, "crm").iter().map(|delivery| (delivery.state, delivery.attempts)).collect();
    assert_eq!(ended, [(DeliveryState::Delivered, 1), (DeliveryState::Pending, 0)]);
}

#[tokio::test]
async fn a_stop_waits_no_longer_than_it_may() {
    let (listener, url) = hanging().await;
    let (_folder, store) = house::store();
    record(&store, &["crm"]).await;
    let outbox = start(&store, &[house::sink("crm", &url)]);
    let _connection = listener.accept().await.unwrap();
    let begun = Instant::now();
    outbox.stop(Duration::from_millis(50)).await;
    assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());

    let delivery = deliveries(&store, "crm").remove(0);
    assert_eq!((delivery.state, delivery.attempts, delivery.last_error), (DeliveryState::Pending, 1, None));
}

#[tokio::test]
async fn an_idle_outbox_wakes_for_a_new_event() {
    let mut receiver = Receiver::start(|_| status(204)).await;
    let (_folder, store) = house::store();
    let outbox = start(&store, &[house::sink("crm", &receiver.url)]);
    record(&store, &["crm"]).await;
    until(&store, "crm", DeliveryState::Delivered, 1).await;
    idle(&store).await;
    let begun = Instant::now();
    record(&store, &["crm"]).await;
    receiver.next().await;
    let call = receiver.next().await;
    outbox.stop(PATIENCE).await;
    // Without a wake, it would come five seconds after the last look.
    assert!(call.at - begun < Duration::from_millis(2500), "{:?}", call.at - begun);
}

#[tokio::test]
async fn deliveries_that_another_process_adds_are_found() {
    let mut receiver = Receiver::start(|_| status(204)).await;
    let (folder, store) = house::store();
    let outbox = start(&store, &[house::sink("crm", &receiver.url)]);
    record(&store, &["crm"]).await;
    until(&store, "crm", DeliveryState::Delivered, 1).await;
    receiver.next().await;
    idle(&store).await;

    let other = Store::open(folder.path()).unwrap();
    let event = record(&other, &["crm"]).await;
    assert_eq!(receiver.next().await.header("webhook-id"), event);
    outbox.stop(PATIENCE).await;
}

#[tokio::test]
async fn a_store_that_fails_is_waited_for() {
    let mut log = Log::catch();
    let mut receiver = Receiver::start(|_| status(204)).await;
    let (folder, store) = house::store();
    record(&store, &["crm"]).await;
    let file = rusqlite::Connection::open(folder.path().join("leads.db")).unwrap();
    file.execute_batch("ALTER TABLE delivery RENAME TO elsewhere").unwrap();

    let outbox = start(&store, &[house::sink("crm", &receiver.url)]);
    let line = log.line_with("outbox waits for the store").await;
    assert!(line.contains("ERROR") && line.contains(r#"sink="crm""#), "{line}");
    file.execute_batch("ALTER TABLE elsewhere RENAME TO delivery").unwrap();
    receiver.next().await;
    outbox.stop(PATIENCE).await;
    assert_eq!(log.told(), Vec::<String>::new());
}

#[tokio::test]
async fn the_log_tells_of_a_failing_sink_once_and_of_its_recovery_once() {
    let mut log = Log::catch();
    let mut receiver = Receiver::start(|call| if call < 3 { status(500) } else { status(204) }).await;
    let (_folder, store) = house::store();
    let outbox = start(&store, &[house::sink("crm", &receiver.url)]);
    let event = record(&store, &["crm"]).await;
    for _ in 0..4 {
        receiver.next().await;
    }
    outbox.stop(PATIENCE).await;
    let expected = [
        format!(
            r#"WARN leadmilter::outbox::log: sink takes no events, they are kept and tried again sink="crm" event="{event}" status=500 error="receiver answered 500""#
        ),
        format!(r#"INFO leadmilter::outbox::log: sink takes events again sink="crm" event="{event}""#),
    ];
    assert_eq!(log.told(), expected);
}

#[tokio::test]
async fn the_log_names_what_was_given_up() {
    let mut log = Log::catch();
    let receiver = Receiver::start(|_| with_header(400, "webhook-delivery", "abort-message")).await;
    let (_folder, store) = house::store();
    let outbox = start(&store, &[house::sink("crm", &receiver.url)]);
    let event = record(&store, &["crm"]).await;
    until(&store, "crm", DeliveryState::Dead, 1).await;
    outbox.stop(PATIENCE).await;
    let expected = format!(
        r#"ERROR leadmilter::outbox::log: event given up, it is kept as dead sink="crm" event="{event}" attempt=1 status=400 error="receiver answered 400: the receiver will never take this event""#
    );
    assert_eq!(log.told(), [expected]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_events_arrive_once_each() {
    let mut receiver = Receiver::start(|_| status(204)).await;
    let (_folder, store) = house::store();
    let mut recording = JoinSet::new();
    for _ in 0..1000 {
        let store = store.clone();
        recording.spawn(async move { record(&store, &["crm"]).await });
    }
    let recorded = recording.join_all().await;

    let outbox = start(&store, &[config::Sink { concurrency: 16, ..house::sink("crm", &receiver.url) }]);
    let mut came = BTreeMap::<String, u32>::new();
    let begun = Instant::now();
    for _ in 0..1000 {
        let call = receiver.next().await;
        *came.entry(call.header("webhook-id").to_owned()).or_default() += 1;
    }
    outbox.stop(PATIENCE).await;
    println!("1,000 events in {:?}", begun.elapsed());

    assert_eq!(came, recorded.into_iter().map(|event| (event, 1)).collect());
    assert_eq!(receiver.rest().len(), 0);
    let counts = SinkCounts { delivered: 1000, ..SinkCounts::default() };
    assert_eq!(store.sink_counts().unwrap(), BTreeMap::from([("crm".to_owned(), counts)]));
}
