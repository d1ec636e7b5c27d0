//! A store of an older version: nothing that it knew is lost when this version opens it.

use std::path::Path;

use leadmilter::{
    event::{Event, EventType},
    lead::{Kind, Lead},
    store::{Commit, LeadFilter, Store, file_in},
};
use rusqlite::Connection;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{company::Company, house, told};

const IVAN: &str = "ivan@client.example";
const ID: &str = "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b33";

const SCHEMAS: [(i64, &str, &str); 2] = [
    (1, "leads", include_str!("../../src/store/sqlite/migrations/0001_leads.sql")),
    (2, "kinds", include_str!("../../src/store/sqlite/migrations/0002_kinds.sql")),
];

/// A store in which one event has been counted.
fn old_store(folder: &Path, schemas: &[(i64, &str, &str)]) -> Connection {
    std::fs::create_dir(folder).unwrap();
    let conn = Connection::open(file_in(folder)).unwrap();
    let sql = "CREATE TABLE migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 BLOB NOT NULL,
                                       applied_at INTEGER NOT NULL) STRICT";
    conn.execute_batch(sql).unwrap();
    for (number, name, sql) in schemas {
        conn.execute_batch(sql).unwrap();
        let digest = Sha256::digest(sql).to_vec();
        conn.execute("INSERT INTO migration VALUES ($1, $2, $3, 0)", (number, name, digest)).unwrap();
    }
    conn.execute_batch("UPDATE counter SET value = 1").unwrap();
    conn
}

fn place(lead: &Lead) -> Option<(bool, u32)> {
    lead.repeat.counts().then_some((lead.repeat.unique, lead.repeat.count))
}

/// An event as version 0.1 wrote it, before there were kinds and threads.
fn old_event(id: &str) -> String {
    let new = house::lead(IVAN, "info+m11@company.ru");
    let mut event = serde_json::to_value(Event::of_lead(
        EventType::LeadReceived,
        id.to_owned(),
        Lead { lead_id: id.to_owned(), test: false, ..new.lead },
        "mx1.company.ru",
        1,
        leadmilter::clock::Millis::now(),
    ))
    .unwrap();
    for name in ["kind_reason", "in_thread_of"] {
        event["data"].as_object_mut().unwrap().remove(name);
    }
    event.to_string()
}

#[tokio::test]
async fn a_store_of_the_first_schema_keeps_its_leads_and_their_series() {
    let company = Company::new("", "");
    let folder = company.path("store");
    let conn = old_store(&folder, &SCHEMAS[..1]);
    conn.execute("INSERT INTO event VALUES (1, $1, 'lead.received', $1, 0, $2)", (ID, old_event(ID))).unwrap();
    conn.execute(
        "INSERT INTO lead VALUES (1, $1, $2, 0, $3, 'billboard-m11', 'info+m11@company.ru', 'info@company.ru', 1,
                                  NULL, NULL, NULL)",
        (ID, leadmilter::clock::Millis::now().0, IVAN),
    )
    .unwrap();
    drop(conn);

    let store = Store::open(&folder).unwrap();
    let old = store.lead(ID).unwrap().unwrap();
    assert_eq!(
        (old.kind, &old.kind_reason, &old.in_thread_of, place(&old)),
        (Kind::Lead, &None, &None, Some((true, 1)))
    );
    let next = store.record(house::lead(IVAN, "info+yd@company.ru"), Commit::Durable).await.unwrap().unwrap();
    assert_eq!((place(&next.lead), next.lead.repeat.first_lead_id.as_deref()), (Some((false, 2)), Some(ID)));
    let event: serde_json::Value = serde_json::from_str(&next.event).unwrap();
    assert_eq!((&event["sequence"], told::faults(&event)), (&json!("00000000000000000002"), Vec::new()));
    let listed = store.leads(&LeadFilter { sender: Some(IVAN.into()), limit: 10, ..LeadFilter::default() }).unwrap();
    assert_eq!(listed.len(), 2);
    store.close(std::time::Duration::from_secs(5)).await;
    let marked = crate::command::run(&company, &["leads", "mark", ID, "spam"]);
    assert_eq!((marked.code, marked.out), (0, format!("{ID}: spam (marked by hand)\n")));
    let rest = crate::command::run(&company, &["leads", "--json"]).json();
    assert_eq!((rest.len(), &rest[0]["repeat"]["unique"]), (1, &json!(true)));
}

#[tokio::test]
async fn copies_and_answers_of_letters_of_the_second_schema_are_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("store");
    let (letter, form) = (house::lead(IVAN, "info+m11@company.ru"), house::lead(IVAN, "info+m11@company.ru"));
    let conn = old_store(&folder, &SCHEMAS);
    conn.execute("INSERT INTO event VALUES (1, $1, 'lead.received', $1, 0, $2)", (ID, old_event(ID))).unwrap();
    conn.execute(
        "INSERT INTO lead (sequence, id, received_at, kind, sender, sender_key, sender_domain, channel, substitute,
                           mailbox, series_count)
         VALUES (1, $1, $2, 0, $3, $3, 'client.example', 'billboard-m11', 'info+m11@company.ru', 'info@company.ru', 1)",
        (ID, leadmilter::clock::Millis::now().0, IVAN),
    )
    .unwrap();
    let past = letter.lead.received_at.0 - 1;
    for (key, expires_at) in [(letter.keys[0], None), (form.keys[0], Some(past))] {
        conn.execute("INSERT INTO dedupe VALUES ($1, $2, $3)", (key.digest, ID, expires_at)).unwrap();
    }
    conn.execute("INSERT INTO message_id VALUES ($1, $2)", (letter.message_id.unwrap(), ID)).unwrap();
    drop(conn);

    let store = Store::open(&folder).unwrap();
    let answer = {
        let mut answer = house::lead("anna@client.example", "info+m11@company.ru");
        answer.refers_to = vec![letter.message_id.unwrap()];
        answer
    };
    let (second, third) = (form.lead.lead_id.clone(), answer.lead.lead_id.clone());
    let mut made = Vec::new();
    for new in [letter, form, answer] {
        let recorded = store.record(new, Commit::Durable).await.unwrap().unwrap();
        made.push((recorded.lead.lead_id, recorded.duplicate, recorded.lead.in_thread_of));
    }
    let expected = [(ID.to_owned(), true, None), (second, false, None), (third, false, Some(ID.to_owned()))];
    assert_eq!(made, expected);
}

#[test]
fn a_store_that_an_older_daemon_serves_is_left_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("store");
    drop(old_store(&folder, &SCHEMAS));
    let lock = std::fs::File::create(folder.join("outbox.lock")).unwrap();
    lock.lock().unwrap();
    let refused = Store::open(&folder).unwrap_err().to_string();
    let expected = "store is to be brought up to date, and an older leadmilter is at work on it: restart that first";
    assert_eq!(refused, expected);
    drop(lock);
    Store::open(&folder).unwrap();
}
