//! What the targets share: a company to write to, and what must hold of every event and header field.
//!
//! A claim that fails panics, and the engine writes the input down.

use std::path::Path;

use leadmilter::{
    attribution::Field,
    config::{self, Config},
    lead::{Lead, limit},
    text::is_deceptive,
};
use serde_json::Value;

const COMPANY: &str = r#"
hostname = "mx1.company.ru"
domains = ["company.ru"]

[milter]
listen = "unix:milter.sock"

[store]
url = "sqlite:store"

[headers]
key_file = "header.key"

[[mailbox]]
address = "info@company.ru"
separators = "+.-"

[[mailbox]]
address = "sales@company.ru"
separators = "+"
rewrite = true

[[channel]]
id = "billboard-m11"
name = "Щит на М11"
mailbox = "info@company.ru"
addresses = ["info+m11@company.ru", "инфо+реклама@company.ru"]
utm = { source = "outdoor", medium = "offline", campaign = "м11-весна", content = "щит 3×6" }
tags = ["offline", "outdoor"]

[[channel]]
id = "newsletter"
name = "Newsletter"
mailbox = "sales@company.ru"
addresses = ["sales+news@company.ru"]
utm = { source = "newsletter", medium = "email", campaign = "autumn" }
"#;

/// Writes a company's config and key into `folder`, and loads it.
pub fn company(folder: &Path) -> Config {
    let file = folder.join("config.toml");
    std::fs::write(folder.join("header.key"), "0123456789abcdef0123456789abcdef\n").unwrap();
    std::fs::write(&file, COMPANY).unwrap();
    config::load(&file).unwrap().config
}

/// A folder in memory where the host has such a place.
pub fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("leadmilter-fuzz").tempdir_in(place).unwrap()
}

/// An event is what its schema promises: every text is bounded and one clean line.
pub fn check_event(text: &str) {
    assert!(!text.contains(['\n', '\r']), "an event is one line");
    let event: Value = serde_json::from_str(text).unwrap();
    check_value("", &event);
    check_lead(&event["data"]);
}

/// A lead keeps its limits.
pub fn check_lead(data: &Value) {
    check_value("", data);
    let lead: Lead = serde_json::from_value(data.clone()).unwrap();
    let longest = |text: &Option<String>| text.as_ref().map_or(0, |text| text.chars().count());
    let (sender, message) = (&lead.sender, &lead.message);
    assert!(longest(&sender.address) <= limit::ADDRESS && longest(&sender.envelope_from) <= limit::ADDRESS);
    for text in [&sender.name, &message.subject, &message.message_id, &message.in_reply_to] {
        assert!(longest(text) <= limit::TEXT);
        assert_ne!(text.as_deref(), Some(""), "what is absent is null");
    }
    if let Some(address) = &sender.address {
        let (local, domain) = address.rsplit_once('@').unwrap();
        assert!(!local.is_empty() && Some(domain) == sender.domain.as_deref());
        assert!(domain.is_ascii(), "a domain is A-labels");
        assert_eq!(sender.address_sha256.as_ref().map(String::len), Some(64));
    }
    if let Some(id) = &message.in_reply_to {
        assert!(id.starts_with('<'));
    }
    assert!(lead.attribution.touches.len() <= limit::TOUCHES && lead.tags.len() <= limit::TAGS);
}

fn check_value(key: &str, value: &Value) {
    match value {
        Value::String(text) => check_text(key, text),
        Value::Array(values) => values.iter().for_each(|value| check_value(key, value)),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| check_value(key, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn check_text(key: &str, text: &str) {
    let bad =
        text.chars().find(|char| char.is_control() || is_deceptive(*char) || matches!(char, '\u{2028}' | '\u{2029}'));
    assert_eq!(bad, None, "{key}: {text:?}");
}

/// A field can be handed to an MTA: known name, ASCII, folded by LF and a blank, no line longer than 78.
pub fn check_field(field: &Field) {
    assert!(
        field.name.starts_with("X-Lead-")
            && field.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    );
    check_body(field.name.len(), &field.body);
}

/// The same of a body under a name of that length.
pub fn check_body(name_len: usize, body: &str) {
    for (number, line) in body.split('\n').enumerate() {
        let taken = if number == 0 { name_len + 2 } else { 0 };
        assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{body:?}");
        assert!(taken + line.len() <= 78, "{body:?}");
        assert!(number == 0 || line.starts_with(' ') && line.len() > 1, "a fold needs its blank and a word: {body:?}");
    }
}
