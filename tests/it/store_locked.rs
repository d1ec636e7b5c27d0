//! Another process holds the store's lock: mail waits no longer than `milter.budget`, and what the log says is true.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::fault_house::{Site, message_id, wait_line};

/// The lock that a backup by hand or a forgotten `sqlite3` shell holds.
fn lock(site: &Site) -> Connection {
    let conn = Connection::open(leadmilter::store::file_in(&site.company.path("store"))).unwrap();
    conn.execute_batch("BEGIN EXCLUSIVE").unwrap();
    conn
}

/// Far more than the budget of these tests, far less than SQLite's own wait for a lock.
const BOUNDED: Duration = Duration::from_secs(3);

#[test]
fn mail_passes_a_locked_store_within_its_budget_and_the_lead_is_recorded_late() {
    let site = Site::new("budget = \"200ms\"\n", "");
    let daemon = site.daemon();
    let lock = lock(&site);
    let begun = Instant::now();
    let answers = site.send("late");
    assert!(begun.elapsed() < BOUNDED, "{:?}", begun.elapsed());
    let queue_id = answers.queue_id().unwrap();
    let told = wait_line(&daemon, &["lead not recorded"]);
    let (_, told) = told.split_once("ERROR ").unwrap();
    let expected = format!(
        "{queue_id}: lead not recorded, message passed unchanged: message-id={}: store did not answer within 200ms",
        message_id("late")
    );
    assert_eq!(told, expected);
    assert_eq!(site.lead_id("late"), None);
    assert_eq!(site.leads(), []);

    lock.execute_batch("ROLLBACK").unwrap();
    let told = wait_line(&daemon, &["was recorded after its message had been answered without it"]);
    let leads = site.leads();
    assert_eq!(leads.len(), 1);
    assert!(told.contains(&format!("lead={} ", leads[0].1)), "{told}");
    assert_eq!(site.ingest("info@company.ru"), "0 leads recorded, 1 known already, 0 messages without a lead");
    site.send("next");
    assert_eq!(site.lead_id("next"), site.leads().into_iter().nth(1).map(|(_, lead)| lead));
}

#[test]
fn a_letter_that_a_locked_store_deferred_is_recorded_by_its_retry_alone() {
    let site = Site::new("budget = \"200ms\"\non_error = \"tempfail\"\n", "");
    let daemon = site.daemon();
    let lock = lock(&site);
    let begun = Instant::now();
    let reply = site.send("deferred").data.unwrap();
    assert!(begun.elapsed() < BOUNDED, "{:?}", begun.elapsed());
    assert_eq!((reply.code, &*reply.text), (451, "4.3.0 lead store is not available, try again later"));
    wait_line(&daemon, &["ERROR", "lead not recorded, message deferred", &message_id("deferred"), "within 200ms"]);

    lock.execute_batch("ROLLBACK").unwrap();
    // Writes happen in order: when this letter is recorded, the writer has been past the deferred one.
    site.send("next");
    let leads = site.leads();
    assert_eq!(leads.iter().map(|(letter, _)| letter.as_str()).collect::<Vec<_>>(), [message_id("next")]);
    let answers = site.send("deferred");
    assert!(answers.queue_id().is_some(), "{answers:?}");
    let leads = site.leads();
    assert_eq!(leads.len(), 2);
    assert_eq!(site.lead_id("deferred").as_ref(), Some(&leads[1].1));
    let log = daemon.terminate().1;
    assert!(!log.contains("a lead was not recorded: store is closed"), "{log}");
}
