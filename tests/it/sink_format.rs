//! The three forms of an event on the wire, and the signatures beside it, each checked over the bytes that were sent.

use base64::{Engine, engine::general_purpose::STANDARD};
use leadmilter::{
    clock::Millis,
    config::{self, Format},
    event::EventType,
    sinks::{Message, Sink, sample},
};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::{
    command::run,
    company::{Company, webhook},
    house::{self, Call, Receiver, SECRET, status},
};

const ID: &str = "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b33";

/// The sample event, with a subject that no header can carry as it is.
fn event() -> String {
    let event = sample::lead(ID, "mx1.company.ru", Millis(1_795_321_570_344)).unwrap();
    let mut event: Value = serde_json::from_str(&event).unwrap();
    event["subject"] = json!("инфо \"+5%\"@company.ru");
    event.to_string()
}

/// The call that a sink makes of an event.
async fn call_of(config: config::Sink, event: &str) -> Call {
    let mut receiver = Receiver::start(|_| status(204)).await;
    let config = config::Sink { url: Some(receiver.url.parse().unwrap()), ..config };
    let event_type = EventType::LeadReceived;
    let message = Message { event_id: ID, event_type, body: event, attempt: 1, doubt: false, note: None };
    let answer = Sink::open(&config).unwrap().deliver(&[message]).await.remove(0);
    assert_eq!(answer.error, None);
    receiver.next().await
}

/// Name and value of every header but those that vary, in order of names.
fn headers(call: &Call) -> Vec<(&str, &str)> {
    let varying = ["host", "webhook-timestamp", "webhook-signature"];
    let mut headers: Vec<_> =
        call.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    headers.retain(|(name, _)| !varying.contains(name));
    headers.sort_unstable();
    headers
}

#[tokio::test]
async fn each_format_is_told_by_its_headers_and_signed_as_it_was_sent() {
    let event = event();
    let parsed: Value = serde_json::from_str(&event).unwrap();
    let data = parsed["data"].to_string();
    let attribute = |name: &str| parsed[name].as_str().unwrap();
    let attributes = vec![
        ("ce-dataschema", "urn:leadmilter:schema:lead.received:1"),
        ("ce-id", ID),
        ("ce-partitionkey", attribute("partitionkey")),
        ("ce-recordedtime", "2026-11-22T04:26:10.344Z"),
        ("ce-sequence", attribute("sequence")),
        ("ce-source", "//mx1.company.ru/leadmilter"),
        ("ce-specversion", "1.0"),
        ("ce-subject", "%D0%B8%D0%BD%D1%84%D0%BE%20%22+5%25%22@company.ru"),
        ("ce-time", "2026-11-22T04:26:10.344Z"),
        ("ce-timestamp", "2026-11-22T04:26:10.344Z"),
        ("ce-type", "lead.received"),
    ];
    let rows = [
        (Format::Json, &event, "application/json", Vec::new()),
        (Format::CloudEvents, &event, "application/cloudevents+json", Vec::new()),
        (Format::CloudEventsBinary, &data, "application/json", attributes),
    ];
    for (format, body, content_type, attributes) in rows {
        let call = call_of(config::Sink { format, ..house::sink("crm", "http://127.0.0.1/") }, &event).await;
        let length = body.len().to_string();
        let usual = [
            ("accept", "*/*"),
            ("content-length", length.as_str()),
            ("content-type", content_type),
            ("user-agent", concat!("leadmilter/", env!("CARGO_PKG_VERSION"))),
            ("webhook-id", ID),
        ];
        let mut expected = [attributes.as_slice(), &usual].concat();
        expected.sort_unstable();
        assert_eq!(headers(&call), expected, "{format:?}");
        assert_eq!(
            (call.line.as_str(), &call.body[..]),
            ("POST /hooks/leads?key=hidden", body.as_bytes()),
            "{format:?}"
        );
        assert!(call.is_signed_with(SECRET), "{format:?}");
    }
}

#[tokio::test]
async fn the_config_knows_each_format_by_its_name() {
    let rows = [
        ("json", Format::Json),
        ("cloudevents", Format::CloudEvents),
        ("cloudevents-binary", Format::CloudEventsBinary),
    ];
    for (name, format) in rows {
        let company = Company::new("", &format!("{}format = \"{name}\"\n", webhook("crm", "http://127.0.0.1/")));
        assert_eq!(company.config().sinks[0].format, format);
    }
}

/// The public key that `sink secret` printed for the receiver.
fn public_key(out: &str) -> Vec<u8> {
    let line = out.lines().find_map(|line| line.strip_prefix("public key for the receiver: whpk_"));
    STANDARD.decode(line.unwrap_or_else(|| panic!("no key: {out}"))).unwrap()
}

#[tokio::test]
async fn a_key_in_the_secret_file_signs_beside_the_secret_whatever_the_format() {
    let company = Company::new("", &webhook("crm", "http://127.0.0.1/"));
    let file = company.path("crm.secret");
    let made = run(&company, &["sink", "secret", "--file", file.to_str().unwrap(), "--ed25519", "--rotate"]);
    let old = public_key(&made.out);
    let made = run(&company, &["sink", "secret", "--file", file.to_str().unwrap(), "--ed25519", "--rotate"]);
    let keys = [public_key(&made.out), old];
    let config = company.config().sinks.remove(0);
    let event = event();
    for format in [Format::Json, Format::CloudEventsBinary] {
        let call = call_of(config::Sink { format, ..config.clone() }, &event).await;
        let signed = [ID.as_bytes(), call.header("webhook-timestamp").as_bytes(), &call.body].join(&b'.');
        let signatures: Vec<_> = call.header("webhook-signature").split(' ').collect();
        let [v1, by_new, by_old] = signatures.as_slice() else { panic!("{signatures:?}") };
        assert!(v1.starts_with("v1,"), "{signatures:?}");
        for (signature, key) in [by_new, by_old].into_iter().zip(&keys) {
            let signature = STANDARD.decode(signature.strip_prefix("v1a,").unwrap()).unwrap();
            UnparsedPublicKey::new(&ED25519, key).verify(&signed, &signature).unwrap();
        }
    }
}
