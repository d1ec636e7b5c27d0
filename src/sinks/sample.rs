//! A lead that nobody wrote, to try a sink with.
//!
//! Gives back an event that has a value in every field, under a fresh id and marked as a test.

use serde_json::Value as Json;

use crate::clock::Millis;

/// The lead of the published example.
const EXAMPLE: &str = include_str!("../../contrib/schema/lead.received.v1.example.json");

/// The event's JSON.
pub fn lead(id: &str, host: &str, now: Millis) -> serde_json::Result<String> {
    let mut event: Json = serde_json::from_str(EXAMPLE)?;
    let time = serde_json::to_value(now)?;
    for (pointer, value) in [
        ("/id", id.into()),
        ("/source", format!("//{host}/leadmilter").into()),
        ("/time", time.clone()),
        ("/timestamp", time.clone()),
        ("/recordedtime", time.clone()),
        ("/data/lead_id", id.into()),
        ("/data/received_at", time),
        ("/data/test", true.into()),
    ] {
        if let Some(place) = event.pointer_mut(pointer) {
            *place = value;
        }
    }
    serde_json::to_string(&event)
}
