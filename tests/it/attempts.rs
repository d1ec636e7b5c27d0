//! When an event is tried, for every way in which a receiver can fail: the table of attempts that the manual promises.
//!
//! Sockets and calls are real, the clock stands still and is moved to each due time, so three days take a second. The jitter is
//! in its middle.

use std::time::{Duration, SystemTime};

use leadmilter::{
    clock::Millis,
    config,
    store::{Circuit, CircuitState, DeliveryState},
};

use crate::stopped_clock::{Does, Stage, record, states};

const OK: Does = Does::Says("HTTP/1.1 204 No Content\r\n\r\n");
const BROKEN: Does = Does::Says("HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n");

/// Schedule of the default config.
fn patient(sink: config::Sink) -> config::Sink {
    let seconds = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
    config::Sink { retry: seconds.map(Duration::from_secs).to_vec(), timeout: Duration::from_secs(20), ..sink }
}

/// Moves the clock from one attempt to the next; gives back all of them and how the delivery ended.
async fn table(stage: &mut Stage, most: usize) -> (Vec<String>, DeliveryState) {
    for number in 1.. {
        let (_, delivery) = stage.attempt(number).await;
        stage.settle().await;
        let probe = stage.store.circuit("crm").await.unwrap().and_then(|circuit| circuit.probe_at);
        match probe.or(delivery.next_at) {
            Some(due) if delivery.state == DeliveryState::Pending && number < most => stage.wait_for(due).await,
            _ => return (stage.table(), delivery.state),
        }
    }
    unreachable!("attempts end")
}

/// What `sink resume` writes.
fn resumed() -> Circuit {
    Circuit { state: CircuitState::Resumed, since: Millis::now(), probe_at: None, reason: String::new() }
}

async fn table_of(script: &[Does], most: usize) -> (Vec<String>, DeliveryState) {
    let mut stage = Stage::set("http", script, patient).await;
    let told = table(&mut stage, most).await;
    stage.stop().await;
    told
}

fn rows(rows: &[&str], state: DeliveryState) -> (Vec<String>, DeliveryState) {
    (rows.iter().map(|row| (*row).to_owned()).collect(), state)
}

#[tokio::test]
async fn a_receiver_that_stays_broken_is_tried_ten_times_in_three_days() {
    let fault = "500 receiver answered 500";
    let times = [
        "0:00:00", "0:00:05", "0:05:05", "0:35:05", "2:35:05", "7:35:05", "17:35:05", "31:35:05", "51:35:05",
        "75:35:05",
    ];
    let expected = times.map(|time| format!("{time} {fault}")).to_vec();
    assert_eq!(table_of(&[BROKEN], 99).await, (expected, DeliveryState::Dead));
}

#[tokio::test]
async fn a_flapping_receiver_gets_the_event_when_it_is_up() {
    let script = [
        BROKEN,
        Does::Says("HTTP/1.1 408 Slow\r\ncontent-length: 0\r\n\r\n"),
        Does::Says("HTTP/1.1 503 Full\r\ncontent-length: 0\r\nretry-after: soon\r\n\r\n"),
        OK,
    ];
    let expected = [
        "0:00:00 500 receiver answered 500",
        "0:00:05 408 receiver answered 408",
        "0:05:05 503 receiver answered 503",
        "0:35:05 204",
    ];
    assert_eq!(table_of(&script, 99).await, rows(&expected, DeliveryState::Delivered));
}

#[tokio::test]
async fn what_somebody_has_to_change_waits_five_minutes_at_least() {
    let redirect = Does::Says("HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n");
    let refused = Does::Says("HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n");
    let expected = [
        "0:00:00 302 receiver answered 302, a redirect, which is not followed",
        "0:05:00 401 receiver answered 401: the receiver does not accept the signature or the call",
        "0:10:00 302 receiver answered 302, a redirect, which is not followed",
        "0:40:00 204",
    ];
    assert_eq!(table_of(&[redirect, refused, redirect, OK], 99).await, rows(&expected, DeliveryState::Delivered));
}

#[tokio::test]
async fn a_wait_in_seconds_is_a_floor() {
    let script = [
        Does::Says("HTTP/1.1 429 Slow down\r\ncontent-length: 0\r\nretry-after: 120\r\n\r\n"),
        Does::Says("HTTP/1.1 503 Full\r\ncontent-length: 0\r\nretry-after: 2\r\n\r\n"),
        OK,
    ];
    let expected = ["0:00:00 429 receiver answered 429", "0:02:00 503 receiver answered 503", "0:07:00 204"];
    assert_eq!(table_of(&script, 99).await, rows(&expected, DeliveryState::Delivered));
}

#[tokio::test]
async fn a_wait_until_a_date_is_a_floor_too() {
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3600));
    let answer = format!("HTTP/1.1 429 Slow down\r\ncontent-length: 0\r\nretry-after: {date}\r\n\r\n");
    let (told, state) = table_of(&[Does::Says(answer.leak()), OK], 99).await;
    // The date has whole seconds, and some milliseconds have passed since it was written.
    assert_eq!((told[0].as_str(), state), ("0:00:00 429 receiver answered 429", DeliveryState::Delivered));
    assert!(["0:59:57 204", "0:59:58 204", "0:59:59 204", "1:00:00 204"].contains(&told[1].as_str()), "{told:?}");
}

#[tokio::test]
async fn a_receiver_that_hangs_costs_one_timeout_for_each_attempt() {
    let mut stage = Stage::set("http", &[Does::Hangs, Does::Hangs, OK], patient).await;
    for number in [1, 2] {
        stage.call().await;
        // Twenty seconds for the call; the two that a sink is cut off after have not passed.
        stage.wait_for(stage.now().plus(Duration::from_secs(20))).await;
        let (_, delivery) = stage.attempt(number).await;
        stage.wait_for(delivery.next_at.unwrap()).await;
    }
    stage.attempt(3).await;
    stage.stop().await;
    let timeout = "- error sending request: operation timed out";
    let expected = [format!("0:00:00 {timeout}"), format!("0:00:25 {timeout}"), "0:05:45 204".to_owned()];
    assert_eq!((stage.table(), states(&stage.store, "crm")), (expected.to_vec(), vec![DeliveryState::Delivered]));
}

#[tokio::test]
async fn connections_that_break_are_tried_again() {
    let reset =
        "error sending request: client error (SendRequest): connection error: Connection reset by peer (os error 104)";
    let closed = "error sending request: client error (SendRequest): connection closed before message completed";
    let (reset, closed) = (format!("0:00:00 - {reset}"), format!("0:00:05 - {closed}"));
    let told = table_of(&[Does::Resets, Does::Closes, OK], 99).await;
    assert_eq!(told, rows(&[&reset, &closed, "0:05:05 204"], DeliveryState::Delivered));
}

#[tokio::test]
async fn garbage_where_tls_is_expected_is_tried_again() {
    let mut stage = Stage::set("https", &[Does::SpeaksNoTls], patient).await;
    let told = table(&mut stage, 2).await;
    stage.stop().await;
    let fault = "error sending request: client error (Connect): received corrupt message of type InvalidContentType";
    let expected = [format!("0:00:00 - {fault}"), format!("0:00:05 - {fault}")];
    assert_eq!(told, (expected.to_vec(), DeliveryState::Pending));
}

#[tokio::test]
async fn of_a_flood_little_is_read_and_the_status_decides() {
    let mut stage = Stage::set("http", &[Does::Floods("500 Oh"), Does::Floods("200 OK")], patient).await;
    let expected = ["0:00:00 500 receiver answered 500", "0:00:05 200"];
    assert_eq!(table(&mut stage, 99).await, rows(&expected, DeliveryState::Delivered));
    let octets = [stage.call().await, stage.call().await];
    stage.stop().await;
    // 64 KiB, and what lies in the buffers of two sockets.
    assert!(octets.iter().all(|octets| *octets < 16 * 1024 * 1024), "{octets:?} octets were taken");
}

#[tokio::test]
async fn a_receiver_that_wants_no_more_events_is_left_alone_until_a_person_says_so() {
    let gone = Does::Says("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n");
    let mut stage = Stage::set("http", &[gone, OK], patient).await;
    let (attempt, delivery) = stage.attempt(1).await;
    let error = "receiver answered 410: the receiver wants no more events";
    assert_eq!((attempt.error.as_deref(), delivery.state), (Some(error), DeliveryState::Pending));
    stage.call().await;
    record(&stage.store, &["crm"]).await;
    // A restart changes nothing, and neither do ten days.
    stage.stop().await;
    stage.start();
    for _ in 0..10 {
        stage.wait_for(stage.now().plus(Duration::from_secs(86_400))).await;
        stage.store.next_due("crm").await.unwrap();
    }
    assert_eq!(states(&stage.store, "crm"), [DeliveryState::Pending; 2]);
    let circuit = stage.store.circuit("crm").await.unwrap().unwrap();
    assert_eq!((circuit.state, circuit.probe_at, circuit.reason.as_str()), (CircuitState::Disabled, None, error));

    stage.store.set_circuit("crm", resumed()).await.unwrap();
    stage.wait_for(stage.now().plus(Duration::from_secs(5))).await;
    stage.call().await;
    stage.call().await;
    stage.attempt(2).await;
    stage.stop().await;
    assert_eq!(states(&stage.store, "crm"), [DeliveryState::Delivered; 2]);
}

#[tokio::test]
async fn a_sink_that_fails_too_often_is_probed_and_gives_nothing_up() {
    let suspended = |sink| config::Sink { suspend_after: 3, ..patient(sink) };
    let mut stage = Stage::set("http", &[[BROKEN; 8].as_slice(), &[OK]].concat(), suspended).await;
    let told = table(&mut stage, 99).await;
    stage.stop().await;
    let fault = "500 receiver answered 500";
    // Two attempts of the schedule, the third suspends; then probes after 5, 10, 20, 40 and 60 minutes.
    let times = ["0:00:00", "0:00:05", "0:05:05", "0:10:05", "0:20:05", "0:40:05", "1:20:05", "2:20:05"];
    let mut expected: Vec<_> = times.iter().map(|time| format!("{time} {fault}")).collect();
    expected.push("3:20:05 204".to_owned());
    assert_eq!(told, (expected, DeliveryState::Delivered));
    assert_eq!(stage.store.circuit("crm").await.unwrap(), None);
}

#[tokio::test]
async fn a_poor_event_does_not_keep_a_suspended_sink_from_others() {
    // The first event is refused by a rule of the receiver's own; whatever else comes is taken.
    let bad = Does::Says("HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n");
    let suspended = |sink| config::Sink { suspend_after: 2, ..patient(sink) };
    let mut stage = Stage::set("http", &[bad, bad, OK, bad], suspended).await;
    let (_, delivery) = stage.attempt(1).await;
    stage.wait_for(delivery.next_at.unwrap()).await;
    let (_, delivery) = stage.attempt(2).await;
    record(&stage.store, &["crm"]).await;
    for _ in 0..3 {
        stage.call().await;
        if states(&stage.store, "crm")[1] == DeliveryState::Delivered {
            break;
        }
        stage.wait_for(delivery.next_at.unwrap()).await;
    }
    stage.stop().await;
    assert_eq!(states(&stage.store, "crm"), [DeliveryState::Pending, DeliveryState::Delivered]);
}

#[tokio::test]
async fn a_sink_that_keeps_its_order_gives_up_what_a_receiver_that_is_there_never_takes() {
    let bad = Does::Says("HTTP/1.1 422 Bad\r\ncontent-length: 0\r\n\r\n");
    let ordered = |sink| config::Sink { ordered: true, concurrency: 1, suspend_after: 10, ..patient(sink) };
    let mut stage = Stage::set("http", &[[bad; 10].as_slice(), &[OK]].concat(), ordered).await;
    record(&stage.store, &["crm"]).await;
    let (told, state) = table(&mut stage, 99).await;
    assert_eq!((told.len(), told[9].as_str(), state), (10, "75:40:00 422 receiver answered 422", DeliveryState::Dead));
    // Its tenth failure has suspended the sink, too: the next event is the probe.
    let probe = stage.store.circuit("crm").await.unwrap().unwrap().probe_at.unwrap();
    stage.wait_for(probe).await;
    for _ in 0..11 {
        stage.call().await;
    }
    stage.stop().await;
    assert_eq!(states(&stage.store, "crm"), [DeliveryState::Dead, DeliveryState::Delivered]);
    assert_eq!(stage.store.circuit("crm").await.unwrap(), None);
}

#[tokio::test]
async fn a_person_ends_the_silence_that_a_receiver_asked_for() {
    let quiet = Does::Says("HTTP/1.1 429 Slow down\r\ncontent-length: 0\r\nretry-after: 86400\r\n\r\n");
    let mut stage = Stage::set("http", &[quiet, OK], patient).await;
    stage.attempt(1).await;
    record(&stage.store, &["crm"]).await;
    stage.wait_for(stage.now().plus(Duration::from_secs(3600))).await;
    stage.settle().await;
    assert_eq!(states(&stage.store, "crm"), [DeliveryState::Pending; 2]);
    stage.store.set_circuit("crm", resumed()).await.unwrap();
    stage.wait_for(stage.now().plus(Duration::from_secs(6))).await;
    for _ in 0..2 {
        stage.call().await;
    }
    stage.stop().await;
    // What has failed waits as long as it was told to; what came since goes out.
    assert_eq!(states(&stage.store, "crm"), [DeliveryState::Pending, DeliveryState::Delivered]);
    assert_eq!(stage.store.circuit("crm").await.unwrap(), None);
}

#[tokio::test]
async fn a_pause_by_hand_outlives_the_failures_and_successes_of_that_moment() {
    let suspended = |sink| config::Sink { suspend_after: 1, ..patient(sink) };
    let mut stage = Stage::set("http", &[Does::Hangs, OK], suspended).await;
    stage.call().await;
    let pause =
        Circuit { state: CircuitState::Disabled, since: stage.now(), probe_at: None, reason: "moves".to_owned() };
    stage.store.set_circuit("crm", pause.clone()).await.unwrap();
    // The call that was open fails, which would suspend the sink.
    stage.wait_for(stage.now().plus(Duration::from_secs(20))).await;
    stage.attempt(1).await;
    for _ in 0..20 {
        stage.wait_for(stage.now().plus(Duration::from_secs(3600))).await;
    }
    stage.stop().await;
    assert_eq!(states(&stage.store, "crm"), [DeliveryState::Pending]);
    assert_eq!(stage.store.circuit("crm").await.unwrap(), Some(pause));
}
