//! The made-up year: the same every time, as the daemon would have written it, and as lively as it says.

use std::{collections::BTreeMap, path::Path};

use jiff::civil::date;
use leadmilter::{
    event::Event,
    lead::{Kind, Lead},
    store::{Bulk, Commit, Store, Visits},
};
use rusqlite::{Connection, types::Value};

use crate::year::{Plan, fill::fill};

const PLAN: Plan = Plan { seed: 11, letters: 300, last: date(2026, 11, 26), days: 365 };

/// Every row of the tables that the daemon writes, as text.
fn rows(folder: &Path, file: &str, tables: &[&str]) -> BTreeMap<String, Vec<String>> {
    let conn = Connection::open(folder.join(file)).unwrap();
    let all = |table: &&str| {
        let mut statement = conn.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let read = |row: &rusqlite::Row<'_>| {
            let value = |place| row.get::<_, Value>(place).map(|value| format!("{value:?}"));
            (0..columns).map(value).collect::<Result<Vec<_>, _>>().map(|values| values.join("|"))
        };
        let rows: Result<Vec<_>, _> = statement.query_map([], read).unwrap().collect();
        ((*table).to_owned(), rows.unwrap())
    };
    tables.iter().map(all).collect()
}

const LEADS: [&str; 6] = ["lead", "known", "delivery", "address", "harvester", "counter"];
const VISITS: [&str; 3] = ["visit", "touchpoint", "tally"];

/// Events without the time at which they were written.
fn events(folder: &Path) -> Vec<Event<Lead>> {
    let conn = Connection::open(folder.join("leads.db")).unwrap();
    let mut statement = conn.prepare("SELECT body FROM event ORDER BY sequence").unwrap();
    let bodies = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let read = |body: Result<String, _>| {
        let event: Event<Lead> = serde_json::from_str(&body.unwrap()).unwrap();
        Event { recordedtime: leadmilter::clock::Millis(0), ..event }
    };
    bodies.map(read).collect()
}

#[tokio::test]
async fn what_is_filled_in_at_once_is_what_the_daemon_writes() {
    let (one, many) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = Store::open(one.path()).unwrap();
    let visits = Visits::open(one.path()).unwrap();
    let mut bulk = Bulk::make(many.path()).unwrap();
    let mut year = PLAN.year();
    while let Some(entry) = year.next() {
        for (visit, click) in year.visiting.made.drain(..) {
            bulk.visit(&visit).unwrap();
            visits.record(visit.clone()).await.unwrap();
            if let Some(at) = click {
                bulk.click([Some(visit.claim), None], at).unwrap();
                visits.click([Some(visit.claim), None], at).await.unwrap();
            }
        }
        let at_once = bulk.lead(entry.new.clone()).unwrap().unwrap();
        let recorded = store.record(entry.new, Commit::Durable).await.unwrap().unwrap();
        assert_eq!((at_once.lead, at_once.duplicate), (recorded.lead, recorded.duplicate));
    }
    bulk.finish().unwrap();
    assert_eq!(rows(many.path(), "leads.db", &LEADS), rows(one.path(), "leads.db", &LEADS));
    assert_eq!(rows(many.path(), "visits.db", &VISITS), rows(one.path(), "visits.db", &VISITS));
    assert_eq!(events(many.path()), events(one.path()));
    assert_eq!(events(many.path()).len(), PLAN.letters as usize);
    // It is a store that goes on by day.
    Store::open(many.path()).unwrap();
    Visits::open(many.path()).unwrap();
}

#[test]
fn a_seed_makes_one_year_and_another_seed_another() {
    let fill = |seed| {
        let folder = tempfile::tempdir().unwrap();
        let filled = fill(folder.path(), "", Plan { seed, ..PLAN }, |_| {}).unwrap();
        let all = [&LEADS[..], &["outcome", "cost"]].concat();
        let (leads, visits) = (
            rows(&folder.path().join("store"), "leads.db", &all),
            rows(&folder.path().join("store"), "visits.db", &VISITS),
        );
        (filled, leads, visits)
    };
    let (first, again, other) = (fill(11), fill(11), fill(12));
    assert!(first == again, "{:?} {:?}", first.0, again.0);
    assert!(first.1["lead"] != other.1["lead"] && first.1["cost"] != other.1["cost"] && first.2 != other.2);
}

#[test]
fn a_year_is_lively() {
    let folder = tempfile::tempdir().unwrap();
    let letters = 3000;
    fill(folder.path(), "", Plan { letters, ..PLAN }, |_| {}).unwrap();
    let store = Store::open_read(&folder.path().join("store")).unwrap();
    let filter = leadmilter::store::LeadFilter { limit: letters * 2, ..Default::default() };
    let leads = store.leads(&filter).unwrap();
    let share = |is: &dyn Fn(&Lead) -> bool| leads.iter().filter(|lead| is(lead)).count() * 1000 / leads.len();
    let counted = |lead: &Lead| lead.kind == Kind::Lead && lead.in_thread_of.is_none() && lead.repeat.counts();
    for (what, is, expected) in [
        ("auto-replies", &(|lead: &Lead| lead.kind == Kind::AutoReply) as &dyn Fn(&Lead) -> bool, 65..95),
        ("bounces", &|lead| lead.kind == Kind::Bounce, 20..40),
        ("spam", &|lead| lead.kind == Kind::Spam, 35..65),
        ("replies", &|lead| lead.in_thread_of.is_some(), 35..65),
        (
            "not counted",
            &|lead| lead.kind == Kind::Lead && lead.in_thread_of.is_none() && !lead.repeat.counts(),
            10..40,
        ),
        ("repeat", &|lead| counted(lead) && !lead.repeat.unique, 150..300),
        ("with several touches", &|lead| lead.attribution.touches.len() > 1, 150..300),
        ("with eight touches", &|lead| lead.attribution.touches.len() == 8, 1..10),
        ("without a touch", &|lead| lead.attribution.touches.is_empty(), 40..100),
    ] {
        assert!(expected.contains(&share(is)), "{what}: {} of 1000", share(is));
    }
    assert_eq!(leads.len(), letters as usize);
}
