//! Programs and libraries that others made to receive events with, and what they make of ours.
//!
//! `contrib/test` installs them below `target/clients`, from the lists in `tests/clients`.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use leadmilter::{clock::Millis, config::Format};
use serde_json::{Value, json};

use crate::{
    house::{OTHER_SECRET, SECRET},
    push_house::{ENCODED, SUBSTITUTE, caught, in_form, public_key, signed_with, with_key},
    request::Request,
};

/// Where they are installed.
pub fn clients(what: &str) -> PathBuf {
    installed(&format!("clients/{what}"))
}

/// What `contrib/test` installs below `target`.
pub fn installed(what: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join(what);
    assert!(path.exists(), "{} is missing: contrib/test installs it", path.display());
    path
}

/// What the libraries of Python and of Node.js say about each request: `question` is `signatures` or `events`.
fn judged(question: &str, cases: &[(&str, Request)]) -> [Vec<Value>; 2] {
    let mut python = Command::new(clients("python/bin/python"));
    python.arg("-B").arg(script("judge.py")).arg(question);
    [answers(python, cases), judged_by_node(question, cases)]
}

/// The same from Node.js alone, which knows a third question: `keys`.
fn judged_by_node(question: &str, cases: &[(&str, Request)]) -> Vec<Value> {
    let mut node = Command::new("node");
    node.env("NODE_PATH", clients("node/node_modules")).arg(script("judge.js")).arg(question);
    answers(node, cases)
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

fn answers(mut command: Command, cases: &[(&str, Request)]) -> Vec<Value> {
    let cases: Vec<Value> = cases
        .iter()
        .map(|(secret, request)| json!({"secret": secret, "headers": request.headers(), "body": request.text()}))
        .collect();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(&serde_json::to_vec(&cases).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn libraries_of_others_know_what_is_genuine() {
    let (one, _) = caught(|url| signed_with(&[SECRET], url)).await;
    let (both, _) = caught(|url| signed_with(&[SECRET, OTHER_SECRET], url)).await;
    let (mixed, _) = caught(|url| with_key(signed_with(&[SECRET], url))).await;
    let [(_, v1), (_, v1a)] = schemes(&mixed);
    let turned = mixed.clone().with("webhook-signature", &format!("{v1a} {v1}"));
    let key_alone = mixed.clone().with("webhook-signature", &v1a);
    let tampered = one.text().replace("Щит на М11", "Щит на М12");
    assert_ne!(tampered, one.text());
    let id = one.header("webhook-id").to_owned();
    let now = Millis::now().seconds();

    let unknown = "No matching signature found";
    let rows = [
        ("one secret", SECRET, one.clone(), "genuine"),
        ("rotation, the first", SECRET, both.clone(), "genuine"),
        ("rotation, the second", OTHER_SECRET, both, "genuine"),
        ("two schemes", SECRET, mixed, "genuine"),
        ("two schemes, the other way round", SECRET, turned, "genuine"),
        ("foreign secret", OTHER_SECRET, one.clone(), unknown),
        ("tampered body", SECRET, one.clone().with_body(&tampered), unknown),
        ("other id", SECRET, one.clone().with("webhook-id", "01939f0e-0000-7000-8000-000000000001"), unknown),
        ("a key alone", SECRET, key_alone, unknown),
        ("too old", SECRET, one.clone().signed(SECRET, &id, now - 301), "Message timestamp too old"),
        ("too new", SECRET, one.signed(SECRET, &id, now + 310), "Message timestamp too new"),
    ];
    let cases = rows.each_ref().map(|(_, secret, request, _)| (*secret, request.clone()));
    for verdicts in judged("signatures", &cases) {
        let told: Vec<_> = rows.iter().map(|(name, ..)| *name).zip(verdicts).collect();
        let expected =
            rows.each_ref().map(|(name, .., verdict)| (*name, json!({"standardwebhooks": verdict, "svix": verdict})));
        assert_eq!(told, expected);
    }
}

/// The values of `webhook-signature`, which are of two schemes, each with its scheme.
fn schemes(request: &Request) -> [(String, String); 2] {
    let values = request.header("webhook-signature").split(' ');
    let named = values.map(|value| (value.split_once(',').unwrap().0.to_owned(), value.to_owned()));
    let schemes: [_; 2] = named.collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(schemes.each_ref().map(|(scheme, _)| scheme.as_str()), ["v1", "v1a"]);
    schemes
}

#[tokio::test]
async fn a_public_key_is_enough_to_know_what_is_genuine() {
    let (request, _) = caught(|url| with_key(signed_with(&[SECRET], url))).await;
    let key = public_key();
    let tampered = request.clone().with_body(&request.text().replace("Щит на М11", "Щит на М12"));
    let other_id = request.clone().with("webhook-id", "01939f0e-0000-7000-8000-000000000001");
    let later = request.clone().with("webhook-timestamp", &(Millis::now().seconds() + 60).to_string());
    let cases = [request, tampered, other_id, later].map(|request| (key.as_str(), request));
    assert_eq!(judged_by_node("keys", &cases), [true, false, false, false]);
}

/// The event as an SDK of CloudEvents tells it.
fn told(event: &Value) -> Value {
    let mut attributes = event.as_object().unwrap().clone();
    let data = attributes.remove("data").unwrap();
    json!({"attributes": attributes, "data": data})
}

#[tokio::test]
async fn sdks_of_cloudevents_read_the_same_event_in_each_form() {
    let mut cases = Vec::new();
    let mut expected = Vec::new();
    for format in [Format::Json, Format::CloudEvents, Format::CloudEventsBinary] {
        let (request, event) = caught(|url| in_form(format, signed_with(&[SECRET], url))).await;
        assert_eq!(event["subject"], SUBSTITUTE);
        cases.push((SECRET, request));
        expected.push(told(&event));
    }
    let [python, node] = judged("events", &cases);
    assert_eq!(python, expected);
    // The content type is all that this SDK knows a whole event by, and it leaves headers as they are.
    expected[0] = json!("no cloud event detected");
    expected[2]["attributes"]["subject"] = json!(ENCODED);
    assert_eq!(node, expected);
}
