//! What a preset asks its system for beside the call itself: fetches, lookups, checks, and batches.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use axum::response::Response;
use leadmilter::{
    config,
    sinks::{Sink, Verdict},
};
use serde_json::{Value, json};

use crate::{
    crm_house::{Crm, Event, Reply, came, deliver, deliver_all, event, says, text},
    house::Call,
};

/// What a receiver answers, and what that comes to: verdict, status, error.
type Row = (fn() -> Reply, Verdict, Option<u16>, &'static str);

const RETRY: Verdict = Verdict::Retry { floor: None };

fn is(call: &Call, part: &str) -> bool {
    call.line.split([' ', '?']).nth(1).unwrap().ends_with(part)
}

fn lead(id: &str, source: &str) -> Event {
    event(id, &json!({ "source": source }))
}

fn body(call: &Call) -> Value {
    serde_json::from_slice(&call.body).unwrap()
}

fn told(text: &str) -> Option<String> {
    Some(text.to_owned())
}

const FETCHING: &str = r#"
    [[fetch]]
    name = "source_id"
    when = "data.source"
    method = "GET"
    path = ["sources"]
    query = { name = "{{ data.source }}" }
    take = "answer[0].id"
    [request]
    path = ["leads"]
    body = { id = "{{ id }}", source = "{{ fetched.source_id }}" }
"#;

#[tokio::test]
async fn what_was_fetched_is_asked_for_once() {
    let crm = Crm::start(|call| says(200, &if is(call, "sources") { json!([{ "id": 7 }]) } else { json!({}) })).await;
    let sink = crm.sink(FETCHING);
    for (id, source) in [("1", "yandex"), ("2", "yandex"), ("3", "google"), ("4", "yandex")] {
        assert_eq!(deliver(&sink, &lead(id, source)).await.verdict, Verdict::Delivered);
    }
    deliver(&sink, &event("5", &json!({}))).await;
    let calls: Vec<_> = crm.calls().iter().map(|call| (call.line.clone(), call.body.clone())).collect();
    let asked = |name| (format!("GET /base/sources?name={name}"), String::new());
    let sent = |id, source: Value| {
        let body = if source.is_null() { json!({ "id": id }) } else { json!({ "id": id, "source": source }) };
        ("POST /base/leads".to_owned(), body.to_string())
    };
    let expected = [
        asked("yandex"),
        sent("1", json!(7)),
        sent("2", json!(7)),
        asked("google"),
        sent("3", json!(7)),
        sent("4", json!(7)),
        sent("5", Value::Null),
    ];
    assert_eq!(calls, expected.map(|(line, body)| (line, body.into())));
}

#[tokio::test]
async fn what_was_fetched_is_asked_for_again_once_an_event_was_refused() {
    let count = AtomicUsize::new(0);
    let crm = Crm::start(move |call| match is(call, "sources") {
        true => says(200, &json!([{ "id": count.fetch_add(1, Ordering::Relaxed) }])),
        false if body(call)["source"] == 0 && body(call)["id"] == "2" => says(400, &json!({ "error": "no source 0" })),
        false => says(200, &json!({})),
    })
    .await;
    let sink = crm.sink(FETCHING);
    let mut verdicts = Vec::new();
    for id in ["1", "2", "2", "3"] {
        verdicts.push(deliver(&sink, &lead(id, "yandex")).await.verdict);
    }
    assert_eq!(verdicts, [Verdict::Delivered, Verdict::Misconfigured, Verdict::Delivered, Verdict::Delivered]);
    let sources: Vec<_> =
        crm.calls().iter().filter(|call| is(call, "leads")).map(|call| body(call)["source"].clone()).collect();
    assert_eq!(sources, [0, 0, 1, 1]);
}

#[tokio::test]
async fn a_fetch_that_fails_is_the_attempts_outcome_and_leaves_no_doubt() {
    let rows: [Row; 5] = [
        (|| text(500, "oops"), RETRY, Some(500), "source_id: receiver answered 500"),
        (
            || text(404, "oops"),
            Verdict::Misconfigured,
            Some(404),
            "source_id: receiver answered 404: nothing takes events at this address",
        ),
        (
            || text(410, "oops"),
            Verdict::Disabled,
            Some(410),
            "source_id: receiver answered 410: the receiver wants no more events",
        ),
        (|| text(200, "oops"), Verdict::Delivered, Some(200), ""),
        (|| says(200, &json!([])), Verdict::Delivered, Some(200), ""),
    ];
    for (reply, verdict, status, error) in rows {
        let crm = Crm::start(move |call| if is(call, "sources") { reply() } else { text(200, "oops") }).await;
        let came = came(deliver(&crm.sink(FETCHING), &lead("1", "yandex")).await);
        let error = Some(error.to_owned()).filter(|error| !error.is_empty());
        let is_sent = error.is_none();
        assert_eq!(came, (verdict, status, error, told("oops"), false));
        assert_eq!(crm.calls().iter().filter(|call| is(call, "leads")).count(), usize::from(is_sent));
    }
}

const LOOKING: &str = r#"
    [lookup]
    method = "GET"
    path = ["find"]
    query = { key = "{{ id }}" }
    found = "answer.items[0]"
    [request]
    path = ["leads"]
"#;

#[tokio::test]
async fn an_event_in_doubt_is_looked_up_before_it_is_sent_again() {
    let found = |items: Value| move |call: &Call| if is(call, "find") { says(200, &items) } else { text(200, "ok") };
    let (find, send) = ("GET /base/find?key=1", "POST /base/leads");
    let crm = Crm::start(found(json!({ "items": [{ "id": 7 }] }))).await;
    let sink = crm.sink(LOOKING);
    let sent = (Verdict::Delivered, Some(200), None, told("ok"), false);
    assert_eq!(came(deliver(&sink, &lead("1", "")).await), sent);
    assert_eq!(crm.lines(), [send]);
    assert_eq!(came(deliver(&sink, &lead("1", "").in_doubt()).await), (Verdict::Delivered, None, None, None, false));
    assert_eq!(crm.lines(), [find]);
    let crm = Crm::start(found(json!({ "items": [] }))).await;
    assert_eq!(came(deliver(&crm.sink(LOOKING), &lead("1", "").in_doubt()).await), sent);
    assert_eq!(crm.lines(), [find, send]);
}

#[tokio::test]
async fn a_lookup_that_brings_no_answer_leaves_the_doubt_and_sends_nothing() {
    let rows: [Row; 3] = [
        (|| text(503, "busy"), RETRY, Some(503), "lookup: receiver answered 503"),
        (
            || text(401, "busy"),
            Verdict::Misconfigured,
            Some(401),
            "lookup: receiver answered 401: the receiver does not accept the signature or the call",
        ),
        (|| Reply::Never, RETRY, None, "lookup: error sending request: operation timed out"),
    ];
    for (reply, verdict, status, error) in rows {
        let crm = Crm::start(move |_| reply()).await;
        let config = config::Sink { timeout: Duration::from_millis(200), ..crm.config(LOOKING) };
        let came = came(deliver(&Sink::open(&config).unwrap(), &lead("1", "").in_doubt()).await);
        assert_eq!(came, (verdict, status, told(error), status.and(told("busy")), true));
        assert_eq!(crm.lines(), ["GET /base/find?key=1"]);
    }
}

#[tokio::test]
async fn half_an_answer_is_no_answer_to_a_lookup_or_a_fetch() {
    let long = format!("{{\"items\":[{{\"id\":7}}],\"rest\":\"{}\"}}", "x".repeat(270_000));
    for (preset, name, doubt) in [(LOOKING, "lookup", true), (FETCHING, "source_id", false)] {
        let said = long.clone();
        let crm = Crm::start(move |_| text(200, &said)).await;
        let (verdict, status, error, _, doubtful) = came(deliver(&crm.sink(preset), &lead("1", "ya").in_doubt()).await);
        let expected = (RETRY, Some(200), Some(format!("{name}: answer broke off, or is longer than 256 KiB")), doubt);
        assert_eq!((verdict, status, error, doubtful), expected);
        assert_eq!(crm.calls().len(), 1);
    }
}

const CHECKING: &str = r#"
    [request]
    path = ["upload"]
    [[request.answer]]
    status = [202]
    verdict = "again"
    after = "1m"
    note = "{{ answer.upload }}"
    [check]
    method = "GET"
    path = ["uploads", "{{ note }}"]
    [[check.answer]]
    when = "answer.state == 'working'"
    verdict = "again"
    after = "2m"
    note = "{{ note }}"
"#;

#[tokio::test]
async fn a_note_turns_the_call_into_a_check() {
    let crm = Crm::start(|call| match () {
        () if is(call, "upload") => says(202, &json!({ "upload": 77 })),
        () if is(call, "77") => says(200, &json!({ "state": "working" })),
        () => says(200, &json!({ "state": "done" })),
    })
    .await;
    let sink = crm.sink(CHECKING);
    let again = |minutes: u64| Verdict::Again { after: Duration::from_secs(60 * minutes), note: "77".to_owned() };
    let rows = [
        (lead("1", ""), again(1), "POST /base/upload"),
        (lead("1", "").noted("77"), again(2), "GET /base/uploads/77"),
        (lead("1", "").noted("78"), Verdict::Delivered, "GET /base/uploads/78"),
    ];
    for (event, verdict, line) in rows {
        assert_eq!(deliver(&sink, &event).await.verdict, verdict);
        assert_eq!(crm.lines(), [line]);
    }
}

const BATCHING: &str = r#"
    batch = { size = 100, every = "1m" }
    [[skip]]
    unless = "data.ym"
    reason = "no client id"
    [request]
    path = ["upload"]
    encoding = "csv"
    columns = { Id = "{{ id }}", Time = "{{ data.at | unix }}" }
    [[request.answer]]
    status = [202]
    verdict = "again"
    after = "1m"
    note = "{{ answer.upload }}"
    [check]
    method = "GET"
    path = ["uploads", "{{ note }}"]
"#;

#[tokio::test]
async fn a_batch_sends_what_is_fresh_asks_once_for_each_note_and_leaves_the_rest() {
    let crm = Crm::start(|call| match () {
        () if is(call, "upload") => says(202, &json!({ "upload": 79 })),
        () if is(call, "77") => text(200, "done"),
        () => text(500, "oops"),
    })
    .await;
    let of = |id: &str, ym: bool, at: &str| event(id, &json!({ "ym": if ym { Some(1) } else { None }, "at": at }));
    let time = "2026-11-22T04:26:10Z";
    let events = [
        of("1", true, time),
        of("2", false, time),
        of("3", true, time).noted("77"),
        of("4", true, time).noted("78"),
        of("5", true, time).noted("77"),
        of("6", true, "hunter2"),
        of("7", true, time),
    ];
    let answers: Vec<_> = deliver_all(&crm.sink(BATCHING), &events).await.into_iter().map(came).collect();
    let again = Verdict::Again { after: Duration::from_secs(60), note: "79".to_owned() };
    let sent = (again, Some(202), None, told("{\"upload\":79}"), false);
    let skipped = (Verdict::Skipped { reason: "no client id".to_owned() }, None, None, None, false);
    let done = (Verdict::Delivered, Some(200), None, told("done"), false);
    let failed = (RETRY, Some(500), told("receiver answered 500"), told("oops"), true);
    let wrong = told("file of the request: \"data.at | unix\" fails: invalid operation");
    let unfit = (Verdict::Misconfigured, None, wrong, None, false);
    assert_eq!(answers, [sent.clone(), skipped, done.clone(), failed, done, unfit, sent]);
    let calls = crm.calls();
    let lines: Vec<_> = calls.iter().map(|call| call.line.as_str()).collect();
    assert_eq!(lines, ["GET /base/uploads/77", "GET /base/uploads/78", "POST /base/upload"]);
    let file = String::from_utf8_lossy(&calls[2].body);
    assert!(file.contains("\r\n\r\nId,Time\n1,1795321570\n7,1795321570\n\r\n--"), "{file}");
}

#[tokio::test]
async fn a_batch_of_which_nothing_is_sent_makes_no_call() {
    let crm = Crm::patient().await;
    let events = [event("1", &json!({})), event("2", &json!({ "ym": 1, "at": "hunter2" }))];
    let answers = deliver_all(&crm.sink(BATCHING), &events).await;
    let verdicts: Vec<_> = answers.into_iter().map(|answer| answer.verdict).collect();
    assert_eq!(verdicts, [Verdict::Skipped { reason: "no client id".to_owned() }, Verdict::Misconfigured]);
    assert_eq!(crm.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn all_calls_of_one_attempt_share_the_timeout() {
    let (short, long) = (Duration::from_millis(200), Duration::from_secs(2));
    let crm = Crm::start(|_| Reply::Never).await;
    let config = config::Sink { timeout: short, ..crm.config(FETCHING) };
    let came_of = came(deliver(&Sink::open(&config).unwrap(), &lead("1", "yandex")).await);
    let error = told("source_id: error sending request: operation timed out");
    assert_eq!((came_of, crm.calls().len()), ((RETRY, None, error, None, false), 1));

    // The fetch takes three quarters of the time, so that the call has the fourth.
    let crm = Crm::start(move |call| match is(call, "sources") {
        true => Reply::After(long * 3 / 4, Response::new("[{\"id\":7}]".into())),
        false => Reply::Never,
    })
    .await;
    let config = config::Sink { timeout: long, ..crm.config(FETCHING) };
    let begun = Instant::now();
    let came_of = came(deliver(&Sink::open(&config).unwrap(), &lead("1", "yandex")).await);
    let error = told("error sending request: operation timed out");
    assert_eq!((came_of, crm.calls().len()), ((RETRY, None, error, None, true), 2));
    assert!((long..long * 3 / 2).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}
