//! A whole message, from its raw bytes to its lead and the message that `ingest --filter` gives back.

#![no_main]

use std::cell::RefCell;

use leadmilter::{
    cli::ingest::{
        filter::edited,
        message::{Given, all_fields, fields, header_start, parse},
    },
    intake::{Finding, Intake, SecondPass},
    store::{Commit, Store},
};
use leadmilter_fuzz::{check_event, check_field, company, folder};
use libfuzzer_sys::fuzz_target;

struct House {
    intake: Intake,
    store: Store,
    runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let folder = folder();
        let config = company(folder.path());
        let store = Store::open(&config.store.folder).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        Self { intake: Intake::new(config), store, runtime, _folder: folder }
    }
}

thread_local! {
    static HOUSE: RefCell<House> = RefCell::new(House::new());
}

fuzz_target!(|data: &[u8]| {
    HOUSE.with_borrow(|house| {
        let given = ["info+m11@company.ru".to_owned(), "sales+news@company.ru".to_owned()];
        // The envelope as the message notes it, and as a pipe gives it.
        judge(house, data, &Given::default());
        judge(house, data, &Given { recipients: &given, sender: None });
    });
});

fn judge(house: &House, raw: &[u8], given: &Given<'_>) {
    let Ok(parsed) = parse(&house.intake, raw, raw.len() as u64, given) else { return };
    let mut arrival = parsed.arrival;
    if raw.len().is_multiple_of(2) {
        arrival.second_pass = SecondPass::Recover;
    }
    let outcome = house.runtime.block_on(house.intake.finish(parsed.letter, arrival, &house.store, Commit::Dry));
    match &outcome.finding {
        Finding::Lead(lead) => {
            check_event(&lead.event);
            assert!(outcome.changes.insert.len() >= 5);
        }
        Finding::Fault { cause, .. } => panic!("{cause}"),
        Finding::Untracked | Finding::Trusted => assert!(outcome.changes.insert.is_empty()),
    }
    outcome.changes.insert.iter().for_each(check_field);
    let mut out = Vec::new();
    edited(raw, &outcome.changes, |name| house.intake.is_attribution(name), &mut out).unwrap();
    // Our headers stand on top, none but ours is left, and everything behind the header block is as it was.
    let end = |raw: &[u8]| all_fields(raw).last().map_or_else(|| header_start(raw), |field| field.range.end);
    assert!(out.ends_with(&raw[end(raw)..]), "the body is as it was");
    assert!(out.starts_with(&raw[..header_start(raw)]));
    let ours = outcome.changes.insert.len();
    let names: Vec<&[u8]> = fields(&out).map(|field| field.name).collect();
    for (number, field) in outcome.changes.insert.iter().enumerate() {
        assert_eq!(names[number], field.name.as_bytes());
    }
    if !matches!(outcome.finding, Finding::Trusted) && !given.recipients.is_empty() {
        let kept = |name: &[u8]| !name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"X-Lead-"));
        let expected: Vec<&[u8]> = fields(raw).map(|field| field.name).filter(|name| kept(name)).collect();
        assert_eq!(&names[ours..], expected, "a forged field is left, or another lost");
    }
}
