//! What the answers of a preset's system come to: verdicts, what people are told, and what nobody is told.

use std::time::Duration;

use axum::{body::Body, response::Response};
use leadmilter::{
    clock::Millis,
    sinks::{Sink, Verdict},
};
use serde_json::{Value, json};

use crate::crm_house::{Came, Crm, Event, KEY, Reply, came, deliver, event, event_at, says, text};

/// What one attempt came to, where the receiver answers like this.
async fn outcome(preset: &str, reply: impl Fn() -> Reply + Send + Sync + 'static) -> Came {
    let crm = Crm::start(move |_| reply()).await;
    came(deliver(&crm.sink(preset), &event("1", &json!({ "name": "Анна" }))).await)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn told(text: &str) -> Option<String> {
    Some(text.to_owned())
}

const RULES: &str = r#"
    [request]
    success = "answer.id"
    [[request.answer]]
    when = "answer.status == 'known'"
    verdict = "delivered"
    [[request.answer]]
    status = [503, 200]
    when = "answer.error == 'QUERY_LIMIT_EXCEEDED'"
    verdict = "retry"
    doubt = false
    after = "10m"
    [[request.answer]]
    when = "answer.error == 'OPERATION_TIME_LIMIT'"
    verdict = "retry"
    [[request.answer]]
    when = "answer.error == 'NO_AUTH_FOUND'"
    verdict = "misconfigured"
    why = "renew the key: {{ answer.error_description }}"
    [[request.answer]]
    status = [422]
    verdict = "refused"
    why = "{{ answer.errors | join(', ') }}"
    [[request.answer]]
    when = "headers['x-portal'] == 'closed'"
    verdict = "disabled"
    why = "portal is {{ headers['x-portal'] }}"
    [[request.answer]]
    status = [202]
    verdict = "again"
    after = "2m"
    note = "{{ answer.upload }}/{{ attempt }}"
    [[request.answer]]
    when = "text == 'no visit'"
    verdict = "skipped"
    why = "{{ data.name }}: {{ text }}"
    [[request.answer]]
    when = "status == 418"
    verdict = "skipped"
"#;

#[tokio::test]
async fn each_answer_means_what_the_first_rule_that_fits_says() {
    let retry = |floor| Verdict::Retry { floor };
    let again = |after| Verdict::Again { after, note: "77/1".to_owned() };
    let skipped = |reason: &str| Verdict::Skipped { reason: reason.to_owned() };
    let answered = |code: u16| told(&format!("receiver answered {code}"));
    let limit = r#"{"error":"QUERY_LIMIT_EXCEEDED"}"#;
    let slow = r#"{"error":"OPERATION_TIME_LIMIT"}"#;
    let expired = r#"{"error":"NO_AUTH_FOUND","error_description":"it is\nexpired"}"#;
    let not_taken = told("receiver answered 200, but not that it took the event");
    let needs_auth = told("renew the key: it is expired");
    let unfit = told("no mail, no phone");
    let no_entry = told("receiver answered 403: the receiver does not accept the signature or the call");
    type Row = (u16, &'static [(&'static str, &'static str)], &'static str, Verdict, Option<String>, bool);
    let rows: Vec<Row> = vec![
        (201, &[], r#"{"id":7}"#, Verdict::Delivered, None, false),
        (409, &[], r#"{"status":"known"}"#, Verdict::Delivered, None, false),
        (200, &[], r#"{"id":null}"#, Verdict::Misconfigured, not_taken.clone(), true),
        (200, &[], "<html>", Verdict::Misconfigured, not_taken, true),
        (503, &[], limit, retry(Some(seconds(600))), answered(503), false),
        (503, &[("retry-after", "7")], limit, retry(Some(seconds(600))), answered(503), false),
        (503, &[("retry-after", "700")], limit, retry(Some(seconds(700))), answered(503), false),
        (200, &[], limit, retry(Some(seconds(600))), told("receiver did not take the event"), false),
        (500, &[("retry-after", "9")], slow, retry(Some(seconds(9))), answered(500), true),
        (503, &[("retry-after", "7")], "{}", retry(Some(seconds(7))), answered(503), true),
        (401, &[], expired, Verdict::Misconfigured, needs_auth, false),
        (422, &[], r#"{"errors":["no mail","no phone"]}"#, Verdict::Refused, unfit, false),
        (403, &[("x-portal", "closed")], "{}", Verdict::Disabled, told("portal is closed"), false),
        (202, &[], r#"{"upload":77}"#, again(seconds(120)), None, false),
        (202, &[("retry-after", "300")], r#"{"upload":77}"#, again(seconds(300)), None, false),
        (400, &[], "no visit", skipped("Анна: no visit"), None, false),
        (418, &[], "", skipped("receiver answered 418"), None, false),
        (403, &[], "{}", Verdict::Misconfigured, no_entry, false),
    ];
    for (code, headers, body, verdict, error, doubt) in rows {
        let reply = move || {
            let answer = Response::builder().status(code);
            let answer = headers.iter().fold(answer, |answer, (name, value)| answer.header(*name, *value));
            Reply::Now(answer.body(Body::from(body)).unwrap())
        };
        let shown = Some(body.replace('\n', " ")).filter(|body| !body.is_empty());
        assert_eq!(
            outcome(RULES, reply).await,
            (verdict, Some(code), error, shown, doubt),
            "{code} {headers:?} {body}"
        );
    }
}

#[tokio::test]
async fn an_event_that_the_receiver_could_make_nothing_of_is_not_sent() {
    let crm = Crm::patient().await;
    let sink = crm.sink(
        r#"
        max_age = "72h"
        [[skip]]
        when = "data.test"
        reason = "a test"
        [[skip]]
        unless = "data.ga or data.ym"
        reason = "no client id"
        [request]
        "#,
    );
    let hours = |hours: i64| Millis(Millis::now().0 - hours * 3_600_000);
    let rows = [
        (event("1", &json!({ "ga": "1" })), None),
        (event("1", &json!({ "ym": "1", "test": false })), None),
        (event("1", &json!({ "ga": "1", "test": true })), Some("a test")),
        (event("1", &json!({ "test": true })), Some("a test")),
        (event("1", &json!({ "ga": null })), Some("no client id")),
        (event_at("1", hours(71), &json!({ "ga": "1" })), None),
        (
            event_at("1", hours(73), &json!({ "ga": "1" })),
            Some("the event is older than the 72 hours that the receiver looks back"),
        ),
    ];
    for (event, expected) in rows {
        let verdict = expected.map_or(Verdict::Delivered, |reason| Verdict::Skipped { reason: reason.to_owned() });
        let status = if expected.is_none() { Some(200) } else { None };
        let shown = status.and(told("{}"));
        assert_eq!(came(deliver(&sink, &event).await), (verdict, status, None, shown, false), "{}", event.body);
        assert_eq!(crm.calls().len(), usize::from(expected.is_none()), "{}", event.body);
    }
}

#[tokio::test]
async fn a_template_that_fails_names_its_place_and_no_value() {
    let failing = "{{ data.name | unix }}";
    let why = "\"data.name | unix\" fails: invalid operation";
    let request = |part: &str| format!("[request]\n{part}");
    let body = |part: &str| format!("[request]\nencoding = \"{part}\"\nbody = {{ a = \"{failing}\" }}");
    let batch = |part: &str| format!("batch = {{ size = 9, every = \"1m\" }}\n[request]\nencoding = \"csv\"\n{part}");
    let skip = "[[skip]]\nwhen = \"data.name | unix\"\nreason = \"x\"\n[request]".to_owned();
    let rows = [
        (request(&format!("path = [\"{failing}\"]")), format!("path of the request: {why}")),
        (request(&format!("query = {{ a = \"{failing}\" }}")), format!("query of the request: {why}")),
        (request(&format!("headers = {{ a = \"{failing}\" }}")), format!("headers of the request: {why}")),
        (request(&format!("auth = {{ bearer = \"{failing}\" }}")), format!("auth of the request: {why}")),
        (body("json"), format!("body of the request: {why}")),
        (body("form"), format!("body of the request: {why}")),
        (batch(&format!("columns = {{ a = \"{failing}\" }}")), format!("file of the request: {why}")),
        (skip, format!("preset: {why}")),
        (
            request("headers = { a = \"{{ data.name }}\" }"),
            "headers of the request: a value that no header may have".into(),
        ),
    ];
    let crm = Crm::patient().await;
    for (preset, expected) in rows {
        let came = came(deliver(&crm.sink(&preset), &event("1", &json!({ "name": "Анна\n" }))).await);
        assert_eq!(came, (Verdict::Misconfigured, None, Some(expected), None, false), "{preset}");
    }
    assert_eq!(crm.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn an_expression_that_fails_on_an_answer_leaves_a_doubt() {
    let rows = [
        "success = \"answer.at | unix > 0\"",
        "[[request.answer]]\nwhen = \"answer.at | unix > 0\"\nverdict = \"delivered\"",
        "[[request.answer]]\nverdict = \"retry\"\nwhy = \"{{ answer.at | unix }}\"",
    ];
    for rule in rows {
        let came = outcome(&format!("[request]\n{rule}"), || says(200, &json!({ "at": "hunter2" }))).await;
        let (verdict, status, error, _, doubt) = came;
        let error = error.unwrap();
        assert_eq!((verdict, status, doubt), (Verdict::Misconfigured, Some(200), true), "{rule}: {error}");
        assert!(error.starts_with("preset: \"answer.at | unix") && !error.contains("hunter2"), "{error}");
    }
}

const SECRETIVE: &str = r#"
    secret = "API key"
    [request]
    auth = { user = "api", password = "{{ secret }}" }
    [[request.answer]]
    status = [418]
    verdict = "skipped"
    why = "{{ text }}"
    [[request.answer]]
    status = [400]
    verdict = "misconfigured"
    why = "{{ text }}"
"#;

/// The secret as an answer may spell it: as it is, in JSON, in JSON of PHP, in a path, and in a query or a form.
fn spellings() -> [String; 5] {
    let pairs = url::form_urlencoded::Serializer::new(String::new()).append_pair("", KEY).finish();
    let mut url = url::Url::parse("http://crm.company.test/").unwrap();
    url.path_segments_mut().unwrap().push(KEY);
    [
        KEY.to_owned(),
        json!(KEY).to_string().trim_matches('"').to_owned(),
        json!(KEY).to_string().trim_matches('"').replace('/', "\\/"),
        url.path().trim_start_matches('/').to_owned(),
        pairs.trim_start_matches('=').to_owned(),
    ]
}

#[tokio::test]
async fn a_secret_that_the_receiver_echoes_is_masked() {
    for secret in spellings() {
        let said = format!("bad key {secret}, again {secret}");
        let masked = told("bad key ***, again ***");
        let reply = |code| {
            let said = said.clone();
            move || text(code, &said)
        };
        let expected = (Verdict::Misconfigured, Some(400), masked.clone(), masked.clone(), false);
        assert_eq!(outcome(SECRETIVE, reply(400)).await, expected);
        let skipped = Verdict::Skipped { reason: masked.clone().unwrap() };
        assert_eq!(outcome(SECRETIVE, reply(418)).await, (skipped, Some(418), None, masked.clone(), false));
        assert_eq!(outcome(SECRETIVE, reply(200)).await, (Verdict::Delivered, Some(200), None, masked, false));
    }
}

#[tokio::test]
async fn a_secret_where_a_text_is_cut_off_leaves_no_half() {
    for before in [295, 299, 505, 511] {
        let said = format!("{}{KEY}", "x".repeat(before));
        let (_, _, error, shown, _) = outcome(SECRETIVE, move || text(400, &said)).await;
        for shown in [error.unwrap(), shown.unwrap()] {
            let rest = shown.trim_start_matches('x');
            assert!("***".starts_with(rest), "{before}: {rest}");
        }
    }
}

#[tokio::test]
async fn a_sink_prints_no_secret() {
    let crm = Crm::patient().await;
    let fetch = "[[fetch]]\nname = \"a\"\npath = [\"{{ secret }}\"]\ntake = \"text\"";
    let config = crm.config(&format!("{SECRETIVE}\n{fetch}"));
    let sink = Sink::open(&config).unwrap();
    deliver(&sink, &event("1", &json!({}))).await;
    let printed = format!("{config:?} {sink:?}");
    assert!(!printed.contains("k3y"), "{printed}");
    assert_eq!(crm.calls().len(), 2);
}

/// What `sink test` gets, or nothing if the preset has no such call.
async fn tested(preset: &str, answer: Value) -> Option<(Came, Vec<String>)> {
    let crm = Crm::start(move |_| says(200, &answer)).await;
    let sample: Event = event("1", &json!({}));
    let answer = crm.sink(preset).test(sample.message()).await?;
    Some((came(answer), crm.lines()))
}

#[tokio::test]
async fn a_test_call_is_the_presets_own() {
    let preset =
        "[request]\npath = [\"add\"]\n[test]\nmethod = \"GET\"\npath = [\"profile\"]\nsuccess = \"answer.admin\"";
    let line = || vec!["GET /base/profile".to_owned()];
    let good = (Verdict::Delivered, Some(200), None, told("{\"admin\":true}"), false);
    assert_eq!(tested(preset, json!({ "admin": true })).await, Some((good, line())));
    let (bad, lines) = tested(preset, json!({ "admin": false })).await.unwrap();
    assert_eq!((bad.0, lines), (Verdict::Misconfigured, line()));
    assert_eq!(tested("[request]\npath = [\"add\"]", json!({})).await, None);
}
