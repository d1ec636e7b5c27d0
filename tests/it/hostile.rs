//! Letters made to break something, in `tests/mail`: each through `ingest`, its filter and the milter door.
//!
//! `expected.json` beside them says what a receiver of the event may read of each. Whatever stands in a letter, the two
//! doors tell the same lead, and the headers that it gets are those of its channel.

use std::{collections::BTreeMap, ffi::CString, fs, path::Path};

use indymilter_test::{EomAction, Status, TestConnection};
use leadmilter::lead::Lead;
use serde_json::{Value, json};

use crate::{
    command::{run, run_bytes},
    company::Company,
    milter_house::{Door, end, envelope, to},
};

const SUBSTITUTE: &str = "info+m11@company.ru";

/// Every letter by its name, in the order of names: those on disk and those too large for it.
fn letters() -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail");
    let found = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let on_disk = found.filter(|path| path.extension().is_some_and(|extension| extension == "eml"));
    let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    on_disk.map(|path| (name(&path), fs::read(path).unwrap())).chain(large()).collect()
}

fn large() -> impl Iterator<Item = (String, Vec<u8>)> {
    let own = |name: &str| {
        format!(
            "Return-Path: <bounce@client.example>\r\nX-Original-To: {SUBSTITUTE}\r\nMessage-ID: <{name}@client.example>\r\n"
        )
    };
    let recipients: Vec<String> = (0..10_000).map(|number| format!("a{number}@client.example")).collect();
    let crowd: String = (0..10_000).map(|number| format!("X-Lead-{number}: a\r\nX-{number}: b\r\n")).collect();
    [
        ("large-line-of-100-kb", format!("Subject: {}\r\n", "насос ".repeat(10_000))),
        ("large-line-without-blanks", format!("Subject: =?UTF-8?B?{}?=\r\n", "0L3Q".repeat(25_000))),
        ("large-crowd-of-fields", format!("{crowd}X-Lead-Channel: forged\r\nSubject: pumps\r\n")),
        ("large-crowd-of-recipients", format!("To: {}\r\nSubject: pumps\r\n", recipients.join(",\r\n "))),
        ("large-crowd-in-from", format!("From: {}\r\nSubject: pumps\r\n", recipients.join(",\r\n "))),
        ("large-references", format!("References: {}\r\nSubject: pumps\r\n", "<1@client.example>\r\n ".repeat(10_000))),
        (
            "large-nesting-of-comments",
            format!("From: {} <ivan@client.example>\r\nSubject: pumps\r\n", "(".repeat(8_000)),
        ),
    ]
    .into_iter()
    .map(move |(name, fields)| (name.to_owned(), format!("{}{fields}\r\nbody\r\n", own(name)).into_bytes()))
}

/// A letter as an MTA shows it: sender, header fields with LF before what continues a line, and what stands behind.
struct Shown<'a> {
    sender: String,
    fields: Vec<(CString, CString)>,
    body: &'a [u8],
}

/// Reads the wire form in the MTA's stead; a line that begins no field ends the header.
fn shown(raw: &[u8]) -> Shown<'_> {
    let mut fields: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut body = raw;
    for (number, line) in raw.split(|&byte| byte == b'\n').enumerate() {
        let length = line.len() + 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = line.iter().copied().filter(|&byte| byte != 0);
        let is_name = |name: &[u8]| !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
        match (line.first(), line.iter().position(|&byte| byte == b':'), fields.last_mut()) {
            (None, _, _) => break,
            (Some(b' ' | b'\t'), _, Some((_, value))) => value.extend([b'\n'].into_iter().chain(text)),
            (_, _, _) if number == 0 && line.starts_with(b"From ") => {}
            (_, Some(colon), _) if is_name(line[..colon].trim_ascii_end()) => {
                let value = line[colon + 1..].strip_prefix(b" ").unwrap_or(&line[colon + 1..]);
                let value = value.iter().copied().filter(|&byte| byte != 0).collect();
                fields.push((line[..colon].trim_ascii_end().to_vec(), value));
            }
            _ => break,
        }
        body = body.get(length..).unwrap_or_default();
    }
    let text = |bytes: Vec<u8>| CString::new(bytes).unwrap();
    let mut sender = String::new();
    let mut kept = Vec::new();
    for (name, value) in fields {
        match name.as_slice() {
            b"Return-Path" => sender = String::from_utf8(value).unwrap(),
            b"X-Original-To" => {}
            _ => kept.push((text(name), text(value))),
        }
    }
    Shown { sender, fields: kept, body }
}

/// What the milter door made of a letter: the lead's id, inserted fields without it, deleted ones.
async fn through_milter(mta: &mut TestConnection, raw: &[u8]) -> (String, Vec<String>, Vec<String>) {
    let Shown { sender, fields, .. } = shown(raw);
    let rcpt = format!("<{SUBSTITUTE}>");
    let status = envelope(mta, &crate::milter_house::Letter { mail: &[&sender], ..to(&[&[&rcpt]]) }).await;
    assert_eq!(status, Status::Continue);
    for (name, value) in fields {
        mta.header(name, value).await.unwrap();
    }
    let (edits, status) = end(mta).await;
    assert_eq!(status, Status::Continue);
    let (mut id, mut inserted, mut deleted) = (String::new(), Vec::new(), Vec::new());
    for action in edits.actions {
        match action {
            EomAction::InsertHeader { name, value, .. } if name.as_c_str() == c"X-Lead-Id" => {
                id = value.into_string().unwrap();
            }
            EomAction::InsertHeader { name, value, .. } => {
                inserted.push(format!("{}: {}", name.to_str().unwrap(), value.to_str().unwrap()));
            }
            EomAction::DeleteHeader { name, index } => deleted.push(format!("{} {index}", name.to_str().unwrap())),
            other => panic!("an edit that nobody asked for: {other:?}"),
        }
    }
    (id, inserted, deleted)
}

/// A lead without what differs from door to door.
fn comparable(mut lead: Value) -> Value {
    for pointer in ["", "/repeat", "/message", "/attribution/touches/0"] {
        let part = lead.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
        for key in ["lead_id", "received_at", "mta", "first_lead_id", "first_received_at", "size", "at"] {
            part.remove(key);
        }
    }
    let in_thread = lead["in_thread_of"].is_string();
    lead["in_thread_of"] = in_thread.into();
    lead
}

/// What a receiver may read of a letter's own words.
fn told(lead: &Value, deleted: &[String]) -> Value {
    let at = |pointer: &str| lead.pointer(pointer).unwrap();
    json!({
        "address": at("/sender/address"), "name": at("/sender/name"), "envelope_from": at("/sender/envelope_from"),
        "subject": at("/message/subject"), "date": at("/message/date"), "message_id": at("/message/message_id"),
        "in_reply_to": at("/message/in_reply_to"), "auto_submitted": at("/message/auto_submitted"),
        "deleted": if deleted.len() > 10 { json!(deleted.len()) } else { json!(deleted) },
    })
}

#[tokio::test]
async fn every_hard_letter_is_told_alike_by_both_doors_and_as_expected() {
    let letters = letters();
    assert!(letters.len() > 90, "{} letters", letters.len());
    let company = Company::new("", "");
    for (name, raw) in &letters {
        fs::write(company.path(name), raw).unwrap();
    }
    let names: Vec<&str> = letters.keys().map(String::as_str).collect();
    let output = run(&company, &[&["ingest", "--json"], names.as_slice()].concat());
    assert_eq!((output.code, output.err.as_str()), (0, ""));
    let lines = output.json();
    let door = Door::open("");
    let mut mta = door.connect().await;
    let mut ids = Vec::new();
    for (name, raw) in &letters {
        let (id, inserted, deleted) = through_milter(&mut mta, raw).await;
        assert_eq!(inserted.len(), 9, "{name}: {inserted:?}");
        ids.push((id, deleted));
    }
    let leads: BTreeMap<String, Lead> = door.leads().into_iter().map(|lead| (lead.lead_id.clone(), lead)).collect();
    assert_eq!((lines.len(), leads.len()), (letters.len(), letters.len()));
    let mut seen = serde_json::Map::new();
    for ((name, (id, deleted)), line) in letters.keys().zip(&ids).zip(lines) {
        let ingested = comparable(line["event"]["data"].clone());
        assert_eq!(ingested, comparable(serde_json::to_value(&leads[id]).unwrap()), "{name}");
        assert_eq!(ingested["recipient"]["substitute"], SUBSTITUTE, "{name}");
        seen.insert(name.clone(), told(&ingested, deleted));
    }
    let expected = include_str!("../mail/expected.json");
    let expected: serde_json::Map<String, Value> = serde_json::from_str(expected).unwrap();
    for (name, seen) in &seen {
        assert_eq!(Some(seen), expected.get(name), "{name}");
    }
    assert_eq!(seen.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
}

#[test]
fn a_filter_gives_every_hard_letter_back_with_our_headers_on_top() {
    let company = Company::new("", "");
    for (name, raw) in letters() {
        let arguments = ["ingest", "--filter", "--dry-run"];
        let output = run_bytes(&company, &arguments, &raw);
        let start = if raw.starts_with(b"From ") { raw.iter().position(|&byte| byte == b'\n').unwrap() + 1 } else { 0 };
        let (before, after) = (shown(&raw), shown(&output));
        assert!(output.starts_with(&raw[..start]) && output[start..].starts_with(b"X-Lead-Id: "), "{name}");
        assert_eq!(after.body, before.body, "{name}");
        let is_ours = |name: &CString| name.to_str().unwrap().to_ascii_lowercase().starts_with("x-lead-");
        let ours: Vec<_> = after.fields.iter().take_while(|(name, _)| is_ours(name)).collect();
        assert_eq!(ours.len(), 10, "{name}: {ours:?}");
        let others = |fields: &[(CString, CString)]| {
            fields.iter().filter(|(name, _)| !is_ours(name)).cloned().collect::<Vec<_>>()
        };
        assert_eq!(others(&after.fields), others(&before.fields), "{name}");
        assert_eq!(after.fields.iter().filter(|(name, _)| is_ours(name)).count(), 10, "{name}");
    }
}
