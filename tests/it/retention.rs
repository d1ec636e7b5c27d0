//! Old leads go with all that hangs on them, and nothing that is deleted comes back under another's number.

use std::{sync::Arc, time::Duration};

use leadmilter::{
    clock::Millis,
    store::{
        Attempt, AuditEntry, AuditFilter, Commit, DeliveryFilter, Ended, Forgotten, LeadFilter, NewLead, Next, Pick,
        Recorded, Store,
    },
};
use rusqlite::Connection;

use crate::house::{self, PATIENCE};

const DAY: Duration = Duration::from_secs(86_400);

/// A letter of so many days ago.
fn letter(sender: &str, days: u32) -> NewLead {
    let mut new = house::lead(sender, "info+m11@company.ru");
    new.lead.received_at = Millis::now().minus(DAY * days);
    new.privacy.retention = Some(DAY * 800);
    new
}

async fn record(store: &Store, new: &NewLead) -> Option<Box<Recorded>> {
    store.record(new.clone(), Commit::Durable).await.unwrap()
}

/// Records what is already too old by the clock of today: it came when it was not.
async fn record_old(store: &Store, sender: &str, days: u32) -> NewLead {
    let mut new = letter(sender, days);
    new.privacy.retention = None;
    record(store, &new).await.unwrap();
    new
}

fn senders(store: &Store) -> Vec<String> {
    let all = store.leads(&LeadFilter { limit: 100, ..LeadFilter::default() }).unwrap();
    all.into_iter().filter_map(|lead| lead.sender.address).collect()
}

fn deliveries(store: &Store) -> Vec<i64> {
    let all = store.deliveries(&DeliveryFilter { limit: 100, ..DeliveryFilter::default() }).unwrap();
    all.into_iter().map(|delivery| delivery.id).collect()
}

fn number(conn: &Connection, sql: &str) -> i64 {
    conn.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn cutoff() -> Millis {
    Millis::now().minus(DAY * 800)
}

/// Writes an attempt back.
fn ended(delivery: i64, number: u32, next: Next) -> Ended {
    let attempt = Attempt {
        number,
        at: Millis::now(),
        duration_ms: 1,
        status: Some(200),
        error: None,
        answer: Some("hello ivan".to_owned()),
    };
    Ended { delivery, attempt, next, spared: false, doubt: false, note: None }
}

#[tokio::test]
async fn what_is_older_than_kept_goes_and_the_rest_stays_as_it_was() {
    let (folder, store) = house::store();
    let old = record_old(&store, "ivan@client.example", 801).await;
    record_old(&store, "anna@client.example", 900).await;
    let young = record(&store, &letter("ivan@client.example", 799)).await.unwrap();
    let leased = store.lease("crm", Pick::This(1), Millis::now(), Millis::now().plus(DAY)).await.unwrap();
    store.finish(vec![ended(leased[0].delivery, 1, Next::Delivered)]).await.unwrap();
    let conn = Connection::open(folder.path().join("leads.db")).unwrap();
    conn.execute_batch(
        "INSERT INTO outcome (lead, system, deal_id, status, occurred_at, recorded_at) VALUES (1, '', '', 'won', 0, 0);
         INSERT INTO outcome (lead, system, deal_id, status, occurred_at, recorded_at) VALUES (3, '', '', 'won', 0, 0);
         INSERT INTO external_id VALUES ('crm', '77', 1), ('crm', '78', 3);
         INSERT INTO harvester VALUES ('spammer@client.example', 'trap@company.ru', 0);",
    )
    .unwrap();
    let noted = |days| AuditEntry {
        at: Millis::now().minus(DAY * days),
        who: "daemon".to_owned(),
        did: "lead.viewed".to_owned(),
        what: days.to_string(),
        details: None,
    };
    store.note_audit(noted(801)).await.unwrap();
    store.note_audit(noted(1)).await.unwrap();
    let changes = number(&conn, "SELECT count(*) FROM lead_change");

    let gone = store.purge(cutoff()).await.unwrap();
    let expected = Forgotten {
        leads: 2,
        events: 2,
        deliveries: 2,
        pending: 1,
        attempts: 1,
        outcomes: 1,
        external_ids: 1,
        harvesters: 1,
        audit: 1,
        visits: 0,
    };
    assert_eq!(gone, expected);
    assert_eq!(store.purge(cutoff()).await.unwrap(), Forgotten::default());
    assert_eq!((senders(&store), deliveries(&store)), (vec!["ivan@client.example".to_owned()], vec![3]));
    let left = store.lead(&young.lead.lead_id).unwrap().unwrap();
    assert_eq!(left.repeat, young.lead.repeat, "its place in the series is frozen");
    assert_eq!(left.repeat.first_lead_id.as_deref(), Some(old.lead.lead_id.as_str()));
    assert_eq!(number(&conn, "SELECT count(*) FROM outcome") + number(&conn, "SELECT count(*) FROM external_id"), 2);
    // One for each lead that went, and one for an outcome.
    assert_eq!(number(&conn, "SELECT count(*) FROM lead_change") - changes, 3);
    let audit = store.audit(&AuditFilter { limit: 10, ..AuditFilter::default() }).unwrap();
    assert_eq!(audit.iter().map(|audited| audited.entry.what.as_str()).collect::<Vec<_>>(), ["1"]);
}

#[tokio::test]
async fn the_next_inquiry_of_a_sender_of_whom_nothing_is_kept_is_new() {
    let (_folder, store) = house::store();
    record_old(&store, "ivan@client.example", 801).await;
    store.purge(cutoff()).await.unwrap();
    let next = record(&store, &letter("ivan@client.example", 0)).await.unwrap();
    assert!(next.lead.repeat.unique && next.lead.repeat.first_lead_id.is_none(), "{:?}", next.lead.repeat);
}

#[tokio::test]
async fn what_reports_count_names_nobody_who_is_gone() {
    let (folder, store) = house::store();
    let facts = Store::facts(folder.path());
    record_old(&store, "ivan@gone.example", 801).await;
    record(&store, &letter("anna@client.example", 1)).await;
    assert_eq!(facts.sweep().unwrap(), 0, "nobody has asked for a report");
    drop(facts.snapshot(&mut |_, _| {}).unwrap());
    let octets = || -> Vec<u8> {
        let files = ["reports.db", "reports.db-wal"].map(|name| std::fs::read(folder.path().join(name)));
        files.into_iter().flatten().flatten().collect()
    };
    let names_it = || octets().windows(12).any(|part| part == b"gone.example");
    let domains = || {
        let snapshot = facts.snapshot(&mut |_, _| {}).unwrap();
        let mut domains = Vec::new();
        let all = |fact: &leadmilter::store::Fact| domains.push(snapshot.text(fact.domain).unwrap());
        snapshot.scan(Millis(0), Millis::now(), all).unwrap();
        domains
    };
    assert_eq!(domains(), ["gone.example", "client.example"]);
    assert_eq!((facts.sweep().unwrap(), names_it()), (0, true));

    store.purge(cutoff()).await.unwrap();
    assert_eq!((facts.sweep().unwrap(), names_it()), (1, false));
    record(&store, &letter("olga@next.example", 0)).await.unwrap();
    assert_eq!(domains(), ["client.example", "next.example"]);
    assert_eq!(facts.sweep().unwrap(), 0);
}

#[tokio::test]
async fn no_number_of_what_is_deleted_comes_again() {
    let (_folder, store) = house::store();
    record(&store, &letter("anna@client.example", 1)).await;
    record_old(&store, "ivan@client.example", 801).await;
    // The call for the newest delivery is under way when its lead goes.
    let leased = store.lease("crm", Pick::This(2), Millis::now(), Millis::now().plus(DAY)).await.unwrap();
    assert_eq!(store.purge(cutoff()).await.unwrap().pending, 1);
    let next = record(&store, &letter("olga@client.example", 0)).await.unwrap();
    let event: serde_json::Value = serde_json::from_str(&next.event).unwrap();
    assert_eq!(event["sequence"], "00000000000000000003");
    store.finish(vec![ended(leased[0].delivery, 1, Next::Delivered)]).await.unwrap();
    assert_eq!(deliveries(&store), [3, 1]);
    let (delivery, attempts, _) = store.delivery(3).unwrap().unwrap();
    assert_eq!((delivery.attempts, attempts), (0, Vec::new()), "the answer was for another");
}

#[tokio::test]
async fn a_letter_that_is_older_than_kept_is_not_recorded() {
    let (_folder, store) = house::store();
    assert_eq!(record(&store, &letter("ivan@client.example", 801)).await, None);
    assert!(record(&store, &letter("ivan@client.example", 799)).await.is_some());
}

#[tokio::test]
async fn what_makes_a_message_known_goes_after_its_lead() {
    let (folder, store) = house::store();
    let old = record_old(&store, "ivan@client.example", 801).await;
    let young = letter("ivan@client.example", 1);
    record(&store, &young).await;
    let mut form = letter("form@client.example", 1);
    form.keys[0].expires_at = Some(form.lead.received_at.plus(Duration::from_secs(3600)));
    record(&store, &form).await;
    let conn = Connection::open(folder.path().join("leads.db")).unwrap();
    let known = || number(&conn, "SELECT count(*) FROM known");
    assert_eq!(known(), 6);
    store.purge(cutoff()).await.unwrap();
    let again = NewLead { privacy: house::lead("a@b.example", "c@d.example").privacy, ..old.clone() };
    assert_eq!(record(&store, &again).await, None, "until then, its copy is no new lead");
    assert_eq!(store.forget_known(Millis::now()).await.unwrap(), 3);
    assert_eq!(store.forget_known(Millis::now()).await.unwrap(), 0);
    assert_eq!(known(), 3);
    assert!(record(&store, &young).await.unwrap().duplicate);
}

#[tokio::test]
async fn notices_about_sinks_go_with_their_deliveries() {
    let (folder, store) = house::store();
    record(&store, &letter("anna@client.example", 1)).await;
    let conn = Connection::open(folder.path().join("leads.db")).unwrap();
    for (sequence, at) in [(2, 0), (3, Millis::now().0)] {
        let sql = "INSERT INTO event VALUES ($1, 'notice' || $1, 'sink.suspended', '', $2, '{}')";
        conn.execute(sql, (sequence, at)).unwrap();
        let sql =
            "INSERT INTO delivery (event, sink, state, attempts, created_at, next_at) VALUES ($1, 'crm', 0, 0, 0, 0)";
        conn.execute(sql, [sequence]).unwrap();
    }
    let gone = store.purge(cutoff()).await.unwrap();
    assert_eq!(gone, Forgotten { events: 1, deliveries: 1, pending: 1, ..Forgotten::default() });
    assert_eq!(deliveries(&store), [3, 1]);
}

#[tokio::test]
async fn letters_get_on_while_many_old_leads_go() {
    let (_folder, store) = house::store();
    let subscribers: Arc<[_]> = [house::subscriber("crm")].into();
    let mut recording = tokio::task::JoinSet::new();
    for number in 0..2_000 {
        let mut new = letter(&format!("old{number}@client.example"), 900);
        (new.privacy.retention, new.subscribers) = (None, Arc::clone(&subscribers));
        let store = store.clone();
        recording.spawn(async move { store.record(new, Commit::Durable).await.unwrap() });
    }
    recording.join_all().await;
    let purging = tokio::spawn({
        let store = store.clone();
        async move { store.purge(cutoff()).await.unwrap() }
    });
    let mut recorded = 0;
    while !purging.is_finished() {
        let new = letter(&format!("new{recorded}@client.example"), 0);
        let done = tokio::time::timeout(PATIENCE, record(&store, &new)).await.unwrap();
        assert!(!done.unwrap().duplicate);
        recorded += 1;
    }
    assert_eq!(purging.await.unwrap().leads, 2_000);
    // Each step of 32 leaves room for others.
    assert!(recorded >= 60, "only {recorded} letters between 63 steps");
}
