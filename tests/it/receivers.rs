//! The receivers that are shipped to be copied, each fed by the real outbox and by forgers.

use std::{fs, io::Write};

use leadmilter::{clock::Millis, config::Format};
use serde_json::Value;

use crate::{
    house::{OTHER_SECRET, SECRET},
    push_house::{caught, in_form, push, signed_with, with_key},
    request::Request,
    shipped::{LANGUAGES, Shipped, entry, lossy_relay},
};

/// One more than the receivers take.
const TOO_LONG: usize = 1024 * 1024 + 1;

/// A request of the outbox that no receiver has seen yet.
async fn genuine() -> Request {
    caught(|url| signed_with(&[SECRET], url)).await.0
}

/// The status of a request whose timestamp is `off` seconds from a clock that does not move on meanwhile: a second that
/// passed would bring a time ahead back within what is allowed.
async fn status_at(shipped: &Shipped, request: &Request, id: &str, off: i64) -> u16 {
    for attempt in 0..100 {
        let now = Millis::now().seconds();
        let status = shipped.send(&request.clone().signed(SECRET, &format!("{id}-{attempt}"), now + off)).await;
        if Millis::now().seconds() == now {
            return status;
        }
    }
    panic!("no request ended in the second that it began in");
}

#[tokio::test]
async fn an_event_arrives_as_it_is_and_its_duplicate_is_noted() {
    for language in LANGUAGES {
        let folder = tempfile::tempdir().unwrap();
        let mut shipped = Shipped::start(language, folder.path(), &[SECRET]).await;
        let relay = lossy_relay(&shipped.served.url).await;
        let pushed = push(&signed_with(&[SECRET], &relay)).await;
        assert_eq!(pushed.statuses, [None, Some(204)], "{language:?}");
        let (id, event) = (&pushed.id, &pushed.event);
        assert_eq!(shipped.kept(), [entry(id, false, event), entry(id, true, event)], "{language:?}");
        assert_eq!(event["data"]["message"]["subject"], "Запрос цены");

        assert_eq!(shipped.served.line_with("lead.received ").await, format!("lead.received {id}"), "{language:?}");
        assert!(shipped.served.line_with("Щит на М11").await.starts_with(' '), "{language:?}");
        assert_eq!(shipped.served.line_with("lead.received ").await, format!("lead.received {id} (came before)"));
    }
}

#[tokio::test]
async fn every_form_of_an_event_is_taken() {
    for language in LANGUAGES {
        let folder = tempfile::tempdir().unwrap();
        let mut shipped = Shipped::start(language, folder.path(), &[SECRET]).await;
        let mut expected = Vec::new();
        for format in [Format::Json, Format::CloudEvents, Format::CloudEventsBinary] {
            let pushed = push(&in_form(format, signed_with(&[SECRET], &shipped.served.url))).await;
            assert_eq!(pushed.statuses, [Some(204)], "{language:?} {format:?}");
            let body = if format == Format::CloudEventsBinary { &pushed.event["data"] } else { &pushed.event };
            expected.push(entry(&pushed.id, false, body));
            let printed = shipped.served.line_with("lead.received ").await;
            assert_eq!(printed, format!("lead.received {}", pushed.id), "{language:?} {format:?}");
        }
        assert_eq!(shipped.kept(), expected, "{language:?}");
    }
}

#[tokio::test]
async fn what_is_not_genuine_is_refused_and_leaves_no_trace() {
    let request = genuine().await;
    let id = request.header("webhook-id").to_owned();
    let tampered = request.text().replace("outdoor", "indoors");
    assert_ne!(tampered, request.text());
    let now = Millis::now().seconds();
    let signature = request.header("webhook-signature").to_owned();
    let again = || request.clone();
    let rows = [
        ("tampered body", again().with_body(&tampered), 401),
        ("one more blank", again().with_body(&format!("{} ", request.text())), 401),
        ("foreign secret", again().signed(OTHER_SECRET, &id, now), 401),
        ("other id", again().with("webhook-id", "01939f0e-0000-7000-8000-000000000001"), 401),
        ("no id", again().without("webhook-id"), 401),
        ("no timestamp", again().without("webhook-timestamp"), 401),
        ("no signature", again().without("webhook-signature"), 401),
        ("empty signature", again().with("webhook-signature", ""), 401),
        ("half a signature", again().with("webhook-signature", &signature[..20]), 401),
        ("no scheme", again().with("webhook-signature", signature.strip_prefix("v1,").unwrap()), 401),
        ("other scheme", again().with("webhook-signature", &signature.replace("v1,", "v1a,")), 401),
        ("id with a full stop", again().signed(SECRET, "01939f0e.7000", now), 401),
        ("timestamp with a fraction", again().with("webhook-timestamp", &format!("{now}.5")), 401),
        ("endless timestamp", again().with("webhook-timestamp", &"9".repeat(5000)), 401),
        ("too long a body", again().with_body(&" ".repeat(TOO_LONG)).signed(SECRET, &id, now), 413),
    ];
    for language in LANGUAGES {
        let folder = tempfile::tempdir().unwrap();
        let shipped = Shipped::start(language, folder.path(), &[SECRET]).await;
        let mut answers = Vec::new();
        for (name, request, _) in &rows {
            answers.push((*name, shipped.send(request).await));
        }
        assert_eq!(answers, rows.each_ref().map(|(name, _, status)| (*name, *status)), "{language:?}");
        assert_eq!(shipped.kept(), Vec::<Value>::new(), "{language:?}");

        assert_eq!(shipped.send(&request).await, 204, "{language:?}");
        let event = serde_json::from_str(request.text()).unwrap();
        assert_eq!(shipped.kept(), [entry(&id, false, &event)], "{language:?}");
    }
}

#[tokio::test]
async fn a_clock_may_be_five_minutes_off_and_no_second_more() {
    let request = genuine().await;
    for language in LANGUAGES {
        let folder = tempfile::tempdir().unwrap();
        let shipped = Shipped::start(language, folder.path(), &[SECRET]).await;
        let mut answers = Vec::new();
        for off in [-301, -300, 300, 301] {
            answers.push((off, status_at(&shipped, &request, &format!("off{off}"), off).await));
        }
        assert_eq!(answers, [(-301, 401), (-300, 204), (300, 204), (301, 401)], "{language:?}");
    }
}

#[tokio::test]
async fn secrets_are_changed_without_losing_an_event() {
    for language in LANGUAGES {
        for known in [vec![SECRET], vec![OTHER_SECRET, SECRET]] {
            let folder = tempfile::tempdir().unwrap();
            let shipped = Shipped::start(language, folder.path(), &known).await;
            let mut expected = Vec::new();
            let signing = |secrets| signed_with(secrets, &shipped.served.url);
            let both = [signing(&[OTHER_SECRET, SECRET]), signing(&[SECRET, OTHER_SECRET])];
            for sink in [signing(&[SECRET]), with_key(signing(&[SECRET]))].into_iter().chain(both) {
                let pushed = push(&sink).await;
                assert_eq!(pushed.statuses, [Some(204)], "{language:?}");
                expected.push(entry(&pushed.id, false, &pushed.event));
            }
            assert_eq!(shipped.kept(), expected, "{language:?}");
        }
    }
}

#[tokio::test]
async fn a_restart_forgets_no_event_and_drops_half_a_line() {
    let (first, second) = (genuine().await, genuine().await);
    for language in LANGUAGES {
        let folder = tempfile::tempdir().unwrap();
        let shipped = Shipped::start(language, folder.path(), &[SECRET]).await;
        assert_eq!(shipped.send(&first).await, 204, "{language:?}");
        shipped.kill().await;
        let mut file = fs::OpenOptions::new().append(true).open(folder.path().join("events.jsonl")).unwrap();
        let half = format!(r#"{{"id": "{}", "dupli"#, second.header("webhook-id"));
        file.write_all(half.as_bytes()).unwrap();

        let shipped = Shipped::start(language, folder.path(), &[SECRET]).await;
        let answers = [shipped.send(&second).await, shipped.send(&first).await, shipped.send(&second).await];
        assert_eq!(answers, [204; 3], "{language:?}");
        let line = |request: &Request, duplicate| {
            entry(request.header("webhook-id"), duplicate, &serde_json::from_str(request.text()).unwrap())
        };
        let expected = [line(&first, false), line(&second, false), line(&first, true), line(&second, true)];
        assert_eq!(shipped.kept(), expected, "{language:?}");
    }
}

#[test]
fn the_vector_to_check_oneself_with_is_right() {
    let readme = include_str!("../../contrib/receivers/README.md");
    let value = |name: &str| {
        let line = readme.lines().find_map(|line| line.strip_prefix(&format!("| {name} | `")));
        line.unwrap_or_else(|| panic!("no {name}")).trim_end_matches("` |").to_owned()
    };
    let webhook = standardwebhooks::Webhook::new(&value("secret")).unwrap();
    let timestamp = value("`webhook-timestamp`").parse().unwrap();
    let signature = webhook.sign(&value("`webhook-id`"), timestamp, value("body").as_bytes()).unwrap();
    assert_eq!(signature, value("`webhook-signature`"));
}
