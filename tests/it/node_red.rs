//! A whole program that people receive events with: Node-RED, and what its flows see of ours.

use std::path::Path;

use leadmilter::config::Format;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    clients::clients,
    house::{OTHER_SECRET, SECRET},
    push_house::{ENCODED, caught, in_form, push, signed_with},
    served::{Served, json_lines},
};

/// Its headers that begin with `ce-`, where those hold the event's attributes.
fn attributes(event: &Value) -> Value {
    let mut attributes = serde_json::Map::new();
    for (name, value) in event.as_object().unwrap() {
        if !["data", "datacontenttype"].contains(&name.as_str()) {
            attributes.insert(format!("ce-{name}"), value.clone());
        }
    }
    attributes["ce-subject"] = json!(ENCODED);
    attributes.into()
}

#[tokio::test]
async fn node_red_sees_events_as_they_are_and_knows_what_is_genuine() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("seen.jsonl");
    let mut command = Command::new("node");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/node_red.js")).arg(folder.path());
    command.env("NODE_PATH", clients("node/node_modules")).env("SECRET", SECRET).env("OUT", &out);
    let node_red = Served::start(command).await;
    let url = |path: &str| format!("{}{path}", node_red.url);

    let mut expected = Vec::new();
    for path in ["plain", "signed"] {
        for format in [Format::Json, Format::CloudEvents, Format::CloudEventsBinary] {
            let pushed = push(&in_form(format, signed_with(&[OTHER_SECRET, SECRET], &url(path)))).await;
            assert_eq!(pushed.statuses, [Some(204)], "{path} {format:?}");
            let (content_type, attributes, payload) = match format {
                Format::Json => ("application/json", json!({}), pushed.event),
                // A type that it does not know is text, for a `json` node to read.
                Format::CloudEvents if path == "plain" => {
                    ("application/cloudevents+json", json!({}), Value::String(pushed.body))
                }
                Format::CloudEvents => ("application/cloudevents+json", json!({}), pushed.event),
                Format::CloudEventsBinary => {
                    ("application/json", attributes(&pushed.event), pushed.event["data"].clone())
                }
            };
            let path = format!("/{path}");
            expected.push(json!({"path": path, "type": content_type, "attributes": attributes, "payload": payload}));
        }
    }
    let (foreign, _) = caught(|url| signed_with(&[OTHER_SECRET], url)).await;
    assert_eq!(foreign.send(&url("signed")).await, 401);
    assert_eq!(json_lines(&out), expected);
}
