//! The store: what is acknowledged is there, what is known adds nothing, what is due is leased to one.

use std::time::Duration;

use leadmilter::{
    clock::Millis,
    config::{Privacy, SenderPrivacy, SubjectPrivacy},
    event::{Event, EventType},
    lead::{Lead, Sender},
    store::{
        Attempt, Circuit, CircuitState, Commit, DeliveryFilter, DeliveryState, Ended, LeadFilter, Next, Pick, Store,
        StoreError, Subscriber, file_in,
    },
};

use crate::house::{distinct, lead, store, subscriber};

const ALL: LeadFilter =
    LeadFilter { channel: None, sender: None, since: None, until: None, kind: None, own_only: false, limit: 1000 };

fn ended(delivery: i64, attempt: Attempt, next: Next) -> Vec<Ended> {
    vec![Ended { delivery, attempt, next, spared: false, doubt: false, note: None }]
}

fn attempt(number: u32, at: Millis, status: u16) -> Attempt {
    Attempt { number, at, duration_ms: 12, status: Some(status), error: Some("why".into()), answer: None }
}

#[tokio::test]
async fn a_lead_is_there_after_the_store_is_opened_again() {
    let (folder, store) = store();
    let new = lead("ivan@client.example", "info+m11@company.ru");
    let recorded = store.record(new.clone(), Commit::Durable).await.unwrap().unwrap();
    store.close(Duration::from_secs(5)).await;
    let again = Store::open(folder.path()).unwrap();
    let event: Event<Lead> = serde_json::from_str(&recorded.event).unwrap();
    assert_eq!(again.leads(&ALL).unwrap(), [event.data]);
    assert_eq!(again.lead(&new.lead.lead_id).unwrap().unwrap().sender, new.lead.sender);
    let known = again.record(new, Commit::Durable).await.unwrap().unwrap();
    assert_eq!((known.duplicate, known.lead.lead_id, known.event), (true, recorded.lead.lead_id, recorded.event));
    assert_eq!(again.deliveries(&DeliveryFilter { limit: 10, ..DeliveryFilter::default() }).unwrap().len(), 1);
}

#[tokio::test]
async fn many_at_once_get_one_sequence_and_one_first() {
    let (_folder, store) = store();
    let all = (0..500).map(|_| {
        let store = store.clone();
        tokio::spawn(
            async move { store.record(lead("ivan@client.example", "info+m11@company.ru"), Commit::Durable).await },
        )
    });
    let mut events = Vec::new();
    for one in all.collect::<Vec<_>>() {
        events.push(serde_json::from_str::<Event<Lead>>(&one.await.unwrap().unwrap().unwrap().event).unwrap());
    }
    assert_eq!(distinct(events.iter().map(|event| event.sequence.clone())).len(), 500);
    assert_eq!(distinct(events.iter().map(|event| event.data.repeat.count)), (1..=500).collect());
    assert_eq!(events.iter().filter(|event| event.data.repeat.unique).count(), 1);
}

#[tokio::test]
async fn dry_tells_the_same_and_writes_nothing() {
    let (_folder, store) = store();
    store.record(lead("ivan@client.example", "info+m11@company.ru"), Commit::Durable).await.unwrap().unwrap();
    let new = lead("ivan@client.example", "info+m11@company.ru");
    let dry = store.record(new.clone(), Commit::Dry).await.unwrap().unwrap();
    assert_eq!((dry.duplicate, dry.lead.repeat.count, store.leads(&ALL).unwrap().len()), (false, 2, 1));
    let real = store.record(new, Commit::Durable).await.unwrap().unwrap();
    assert_eq!((real.lead.lead_id, real.lead.repeat), (dry.lead.lead_id, dry.lead.repeat));
}

#[tokio::test]
async fn a_window_is_counted_from_the_last_inquiry() {
    let (_folder, store) = store();
    let day = Duration::from_secs(86_400);
    let start = Millis::now();
    let mut counts = Vec::new();
    for days in [0, 80, 160, 251, 252] {
        let mut new = lead("ivan@client.example", "info+m11@company.ru");
        new.counting.window = Some(day * 90);
        new.lead.received_at = start.plus(day * days);
        let repeat = store.record(new, Commit::Durable).await.unwrap().unwrap().lead.repeat;
        counts.push((days, repeat.unique, repeat.count, repeat.window_days));
    }
    let expected = [(0, true, 1), (80, false, 2), (160, false, 3), (251, true, 1), (252, false, 2)];
    assert_eq!(counts, expected.map(|(days, unique, count)| (days, unique, count, Some(90))));
}

#[tokio::test]
async fn a_weak_key_stops_to_count() {
    let (_folder, store) = store();
    let first = lead("ivan@client.example", "info+m11@company.ru");
    let mut rows = Vec::new();
    for minutes in [0, 59, 61, 100] {
        let mut new = lead("ivan@client.example", "info+m11@company.ru");
        new.lead.received_at = first.lead.received_at.plus(Duration::from_secs(minutes * 60));
        new.keys[0].digest = first.keys[0].digest;
        new.keys[0].expires_at = Some(new.lead.received_at.plus(Duration::from_secs(3600)));
        new.message_id = None;
        rows.push((minutes, store.record(new, Commit::Durable).await.unwrap().unwrap().duplicate));
    }
    assert_eq!(rows, [(0, false), (59, true), (61, false), (100, true)]);
}

#[tokio::test]
async fn privacy_keeps_the_sender_inside_and_the_listing_whole() {
    let (_folder, store) = store();
    let rows = [(SenderPrivacy::Hash, Some("client.example"), Some("hash")), (SenderPrivacy::Omit, None, None)];
    for (sender, domain, hash) in rows {
        let mut new = lead("ivan@client.example", "info+m11@company.ru");
        new.lead.sender.address_sha256 = Some("hash".into());
        new.lead.sender.name = Some("Иван".into());
        new.privacy = Privacy { sender, subject: SubjectPrivacy::Omit, retention: None };
        let kept = new.lead.sender.clone();
        let recorded = store.record(new, Commit::Durable).await.unwrap().unwrap();
        let told: Event<Lead> = serde_json::from_str(&recorded.event).unwrap();
        let text = |value: Option<&str>| value.map(str::to_owned);
        let expected = Sender { domain: text(domain), address_sha256: text(hash), ..Sender::default() };
        assert_eq!((told.data.sender, told.data.message.subject), (expected, None));
        let listed = store.lead(&recorded.lead.lead_id).unwrap().unwrap();
        assert_eq!((listed.sender, listed.message.subject.as_deref()), (kept, Some("Запрос цены")));
    }
    let second = LeadFilter { sender: Some("ivan@client.example".into()), ..ALL };
    assert_eq!(store.leads(&second).unwrap()[0].repeat.count, 2, "hidden senders are known all the same");
}

#[tokio::test]
async fn a_delivery_is_leased_to_one_and_comes_again_after_its_lease() {
    let (_folder, store) = store();
    store.record(lead("ivan@client.example", "info+m11@company.ru"), Commit::Durable).await.unwrap().unwrap();
    let now = Millis::now().plus(Duration::from_secs(1));
    let until = now.plus(Duration::from_secs(30));
    let leased = store.lease("crm", Pick::Due(10), now, until).await.unwrap();
    assert_eq!((leased.len(), leased[0].attempt), (1, 1));
    assert_eq!(store.lease("crm", Pick::Due(10), now, until).await.unwrap(), []);
    assert_eq!(store.next_due("crm").await.unwrap(), Some(until));
    let again = store.lease("crm", Pick::Due(10), until, until.plus(Duration::from_secs(30))).await.unwrap();
    assert_eq!((again[0].delivery, again[0].attempt, &again[0].body), (leased[0].delivery, 2, &leased[0].body));
    // The first attempt failed, and says so too late: the second one has the word.
    store.finish(ended(leased[0].delivery, attempt(1, now, 500), Next::Dead)).await.unwrap();
    assert_eq!(store.delivery(leased[0].delivery).unwrap().unwrap().0.state, DeliveryState::Pending);
    store.finish(ended(leased[0].delivery, attempt(2, now, 204), Next::Delivered)).await.unwrap();
    store.finish(ended(leased[0].delivery, attempt(1, now, 500), Next::Again(until))).await.unwrap();
    let (delivery, attempts, body) = store.delivery(leased[0].delivery).unwrap().unwrap();
    assert_eq!((delivery.state, delivery.attempts, delivery.last_status), (DeliveryState::Delivered, 2, Some(204)));
    assert_eq!(attempts, [attempt(1, now, 500), attempt(2, now, 204)]);
    assert_eq!((body, store.next_due("crm").await.unwrap()), (leased[0].body.clone(), None));
}

#[tokio::test]
async fn listings_filter_and_count() {
    let (_folder, store) = store();
    for (sender, channel) in [("a@client.example", "one"), ("b@client.example", "two"), ("b@client.example", "one")] {
        let mut new = lead(sender, "info+m11@company.ru");
        new.lead.channel.as_mut().unwrap().id = channel.into();
        store.record(new, Commit::Durable).await.unwrap().unwrap();
    }
    let senders = |filter: &LeadFilter| {
        let leads = store.leads(filter).unwrap();
        leads.into_iter().map(|lead| lead.sender.address.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(senders(&ALL), ["b@client.example", "b@client.example", "a@client.example"]);
    assert_eq!(senders(&LeadFilter { limit: 1, ..ALL }), ["b@client.example"]);
    let one = LeadFilter { channel: Some("one".into()), ..ALL };
    assert_eq!(senders(&one), ["b@client.example", "a@client.example"]);
    let both = LeadFilter { sender: Some("a@client.example".into()), ..one };
    assert_eq!(senders(&both), ["a@client.example"]);
    assert_eq!(senders(&LeadFilter { since: Some(Millis(i64::MAX)), ..ALL }), Vec::<String>::new());
    assert_eq!(store.sink_counts().unwrap()["crm"].pending, 3);
}

#[tokio::test]
async fn what_a_person_has_switched_off_stays_so_until_a_person_says_otherwise() {
    let (_folder, store) = store();
    let circuit = |state, reason: &str| Circuit { state, since: Millis(7), probe_at: None, reason: reason.to_owned() };
    let all = Subscriber { events: vec![EventType::SinkSuspended], ..subscriber("other") };
    let told = || store.sink_counts().unwrap().get("other").map_or(0, |counts| counts.pending);
    let suspended = circuit(CircuitState::Suspended, "500");
    let paused = circuit(CircuitState::Disabled, "moves");
    store.open_circuit("crm", suspended.clone(), "mx1", vec![all.clone()]).await.unwrap();
    assert_eq!((store.circuit("crm").await.unwrap(), told()), (Some(suspended.clone()), 1));

    store.set_circuit("crm", paused.clone()).await.unwrap();
    store.open_circuit("crm", suspended.clone(), "mx1", vec![all.clone()]).await.unwrap();
    store.note_probe("crm", Millis(9)).await.unwrap();
    store.close_circuit("crm").await.unwrap();
    assert_eq!((store.circuit("crm").await.unwrap(), told()), (Some(paused), 1));

    let resumed = circuit(CircuitState::Resumed, "");
    store.set_circuit("crm", resumed.clone()).await.unwrap();
    assert_eq!(store.circuit("crm").await.unwrap(), Some(resumed));
    assert_eq!(store.circuits().unwrap(), []);
    store.open_circuit("crm", suspended.clone(), "mx1", vec![all]).await.unwrap();
    store.note_probe("crm", Millis(9)).await.unwrap();
    let probed = Circuit { probe_at: Some(Millis(9)), ..suspended };
    assert_eq!((store.circuit("crm").await.unwrap(), told()), (Some(probed), 2));
    store.close_circuit("crm").await.unwrap();
    assert_eq!(store.circuit("crm").await.unwrap(), None);
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = Store::open(&file.join("store")).unwrap_err();
    assert_eq!(refused.to_string(), format!("store folder {} cannot be used", file.join("store").display()));
    assert!(matches!(Store::open_read(folder.path()), Err(StoreError::Missing(_))));
}

#[test]
fn what_a_link_in_the_folder_names_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("somebody-elses.conf");
    let store = folder.path().join("store");
    std::fs::create_dir(&store).unwrap();
    std::os::unix::fs::symlink(&target, file_in(&store)).unwrap();
    let refused = Store::open(&store).unwrap_err();
    assert_eq!(refused.to_string(), format!("store folder {} cannot be used", store.display()));
    assert!(!target.exists());
    // A store that was moved and linked is one.
    drop(Store::open(&folder.path().join("elsewhere")).unwrap());
    std::fs::remove_file(file_in(&store)).unwrap();
    std::os::unix::fs::symlink(file_in(&folder.path().join("elsewhere")), file_in(&store)).unwrap();
    drop(Store::open(&store).unwrap());
}

#[test]
fn what_is_no_store_is_refused_and_left() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = b"this is no database, and somebody may want it back".repeat(100);
    std::fs::write(file_in(folder.path()), &garbage).unwrap();
    assert!(Store::open(folder.path()).is_err());
    assert_eq!(std::fs::read(file_in(folder.path())).unwrap(), garbage);
}
