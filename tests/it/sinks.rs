//! One call of a webhook, against receivers that behave in every way a receiver can.

use std::time::{Duration, SystemTime};

use axum::{body::Body, response::Response};
use leadmilter::{
    clock::Millis,
    config,
    event::EventType,
    sinks::{Answer, Message, Sink, Verdict},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::house::{self, OTHER_SECRET, Receiver, SECRET, status, with_header};

const BODY: &str = r#"{"type":"lead.received","data":{"message":{"subject":"Запрос цены"}}}"#;

const MESSAGE: Message<'static> = Message {
    event_id: "01939f0e-0000-7000-8000-000000000001",
    event_type: EventType::LeadReceived,
    body: BODY,
    attempt: 1,
    doubt: false,
    note: None,
};

async fn deliver(config: &config::Sink) -> Answer {
    Sink::open(config).unwrap().deliver(&[MESSAGE]).await.remove(0)
}

/// Verdict, status and error of one call.
async fn outcome(url: &str) -> (Verdict, Option<u16>, Option<String>) {
    let answer = deliver(&house::sink("crm", url)).await;
    (answer.verdict, answer.status, answer.error)
}

/// A server that takes one connection, reads the request and writes `bytes`, then closes.
async fn raw(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks/leads?key=hidden", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(BODY.as_bytes()) && stream.read_buf(&mut request).await.unwrap() > 0 {}
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    url
}

#[tokio::test]
async fn a_call_is_one_signed_post_of_the_bytes_as_they_are() {
    let mut receiver = Receiver::start(|_| status(204)).await;
    let before = Millis::now().seconds();
    let answer = deliver(&house::sink("crm", &receiver.url)).await;
    let duration = answer.duration;
    let (verdict, status) = (Verdict::Delivered, Some(204));
    let expected = Answer { verdict, status, error: None, fault: None, answer: None, duration, doubt: false, calls: 1 };
    assert_eq!(answer, expected);

    let call = receiver.next().await;
    assert_eq!(call.line, "POST /hooks/leads?key=hidden");
    assert_eq!(call.body, BODY);
    assert_eq!(call.header("content-type"), "application/json");
    assert_eq!(call.header("user-agent"), concat!("leadmilter/", env!("CARGO_PKG_VERSION")));
    assert_eq!(call.header("webhook-id"), MESSAGE.event_id);
    let stamp: i64 = call.header("webhook-timestamp").parse().unwrap();
    assert!((before..=Millis::now().seconds()).contains(&stamp), "{stamp}");
    assert!(call.headers.get("accept-encoding").is_none());
}

#[tokio::test]
async fn both_secrets_sign_while_they_are_changed() {
    let mut receiver = Receiver::start(|_| status(200)).await;
    let secrets = vec![house::secret(OTHER_SECRET), house::secret(SECRET)];
    deliver(&config::Sink { secrets, ..house::sink("crm", &receiver.url) }).await;
    let call = receiver.next().await;
    assert_eq!((call.is_signed_with(OTHER_SECRET), call.is_signed_with(SECRET)), (true, true));
    assert_eq!(call.header("webhook-signature").split(' ').count(), 2);
}

#[tokio::test]
async fn the_status_decides() {
    let retry = |seconds: Option<u64>| Verdict::Retry { floor: seconds.map(Duration::from_secs) };
    let rows = [
        (200, retry(None), None),
        (410, Verdict::Disabled, Some("receiver answered 410: the receiver wants no more events")),
        (500, retry(None), Some("receiver answered 500")),
        (
            401,
            Verdict::Misconfigured,
            Some("receiver answered 401: the receiver does not accept the signature or the call"),
        ),
        (429, retry(Some(7)), Some("receiver answered 429")),
    ];
    for (code, verdict, error) in rows {
        let receiver = Receiver::start(move |_| with_header(code, "retry-after", "7")).await;
        let verdict = if code == 200 { Verdict::Delivered } else { verdict };
        assert_eq!(outcome(&receiver.url).await, (verdict, Some(code), error.map(str::to_owned)), "{code}");
    }
}

#[tokio::test]
async fn a_date_in_retry_after_is_a_floor_too() {
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(600));
    let receiver = Receiver::start(move |_| with_header(503, "retry-after", &date)).await;
    let Verdict::Retry { floor: Some(floor) } = outcome(&receiver.url).await.0 else { panic!("no floor") };
    assert!((Duration::from_secs(580)..=Duration::from_secs(600)).contains(&floor), "{floor:?}");
}

#[tokio::test]
async fn a_redirect_is_neither_followed_nor_taken_for_success() {
    let mut target = Receiver::start(|_| status(200)).await;
    for code in [301, 302, 303, 307, 308] {
        let location = target.url.clone();
        let receiver = Receiver::start(move |_| with_header(code, "location", &location)).await;
        let error = format!("receiver answered {code}, a redirect, which is not followed");
        assert_eq!(outcome(&receiver.url).await, (Verdict::Misconfigured, Some(code), Some(error)));
    }
    assert!(target.rest().is_empty());
}

#[tokio::test]
async fn a_receiver_that_hangs_costs_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks/leads?key=hidden", listener.local_addr().unwrap());
    let config = config::Sink { timeout: Duration::from_millis(100), ..house::sink("crm", &url) };
    let answer = deliver(&config).await;
    assert_eq!(answer.verdict, Verdict::Retry { floor: None });
    assert_eq!(answer.error.as_deref(), Some("error sending request: operation timed out"));
    assert!(answer.duration >= Duration::from_millis(100));
}

#[tokio::test]
async fn a_delivered_event_stays_delivered_when_the_body_hangs() {
    let receiver = Receiver::start(|_| {
        Response::new(Body::from_stream(futures_util::stream::pending::<std::io::Result<String>>()))
    })
    .await;
    let config = config::Sink { timeout: Duration::from_millis(100), ..house::sink("crm", &receiver.url) };
    let answer = deliver(&config).await;
    assert_eq!((answer.verdict, answer.status, answer.error), (Verdict::Delivered, Some(200), None));
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let chunk = "Спасибо! ".repeat(1000);
    let receiver = Receiver::start(move |_| {
        let chunk = chunk.clone();
        let endless = futures_util::stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()));
        Response::new(Body::from_stream(endless))
    })
    .await;
    let answer = deliver(&house::sink("crm", &receiver.url)).await;
    assert_eq!((answer.verdict, answer.status), (Verdict::Delivered, Some(200)));
    assert_eq!(answer.answer.unwrap().chars().count(), 512);
    assert!(answer.duration < house::PATIENCE, "{:?}", answer.duration);
}

#[tokio::test]
async fn a_compressed_answer_is_not_unpacked() {
    let receiver = Receiver::start(|_| {
        Response::builder().header("content-encoding", "gzip").body(Body::from("as it came")).unwrap()
    })
    .await;
    let answer = deliver(&house::sink("crm", &receiver.url)).await;
    assert_eq!((answer.verdict, answer.answer.as_deref()), (Verdict::Delivered, Some("as it came")));
}

#[tokio::test]
async fn what_is_no_http_is_tried_again() {
    let rows: [(&[u8], &str); 4] = [
        (b"", "connection closed before message completed"),
        (b"220 mx1.company.ru ESMTP\r\n", "invalid HTTP version parsed"),
        (b"\x15\x03\x01\x00\x02\x02\x16", "invalid HTTP version parsed"),
        (b"HTTP/1.1 204", "connection closed before message completed"),
    ];
    for (bytes, cause) in rows {
        let error = format!("error sending request: client error (SendRequest): {cause}");
        assert_eq!(outcome(&raw(bytes).await).await, (Verdict::Retry { floor: None }, None, Some(error)), "{bytes:?}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_changes_nothing() {
    let url = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nthanks").await;
    let answer = deliver(&house::sink("crm", &url)).await;
    assert_eq!((answer.verdict, answer.error), (Verdict::Delivered, None));
}
