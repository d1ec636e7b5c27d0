//! What people correct: kinds by `leads mark`, harvested addresses by `address`.

use leadmilter::{
    event::EventType,
    lead::{Kind, Lead, Status},
};
use serde_json::json;

use crate::{
    command::run_with,
    desk::{Desk, M11, Told, YD, header},
};

const IVAN: &str = "ivan@client.example";
const SPAM: &[(&str, &str)] = &[("X-Spam-Flag", "YES")];

fn place(lead: &Lead) -> Option<(bool, u32)> {
    lead.repeat.counts().then_some((lead.repeat.unique, lead.repeat.count))
}

fn told(event: EventType, lead: &Lead, kind: Kind) -> Told {
    Told { event, lead: lead.lead_id.clone(), kind: kind.as_str().to_owned() }
}

/// Kind and place of every lead, oldest first.
fn book(desk: &Desk) -> Vec<(Kind, Option<(bool, u32)>)> {
    desk.door.leads().iter().map(|lead| (lead.kind, place(lead))).collect()
}

#[tokio::test]
async fn marks_are_told_to_whom_it_concerns_and_back_and_forth_push_nothing_twice() {
    let sinks = [
        ("crm", "events = [\"lead.received\", \"lead.marked\"]"),
        ("leads", ""),
        ("spam", "kinds = [\"spam\"]\nevents = [\"lead.received\", \"lead.marked\"]"),
        ("bounces", "kinds = [\"bounce\"]\nevents = [\"lead.received\", \"lead.marked\"]"),
    ];
    let mut desk = Desk::with_sinks("", &sinks).await;
    desk.letter("1", IVAN, M11, SPAM).await;
    let lead = desk.last();
    let id = lead.lead_id.clone();
    let (received, marked) = (EventType::LeadReceived, EventType::LeadMarked);
    let at = |event, kind| told(event, &lead, kind);
    assert_eq!(desk.told("spam"), [at(received, Kind::Spam)]);

    assert_eq!(
        desk.done(&["leads", "mark", &id, "lead", "--reason", "a customer"]),
        format!("{id}: lead (a customer)\n")
    );
    assert_eq!(desk.told("leads"), [at(received, Kind::Lead)], "told now, as it would have been then");
    assert_eq!(desk.told("crm"), [at(received, Kind::Lead), at(marked, Kind::Lead)]);
    assert_eq!(desk.told("spam"), [at(received, Kind::Spam), at(marked, Kind::Lead)], "who was told of spam is told");
    let event = desk.events("leads").remove(0);
    assert_eq!(event["data"]["kind_reason"], "a customer");
    assert_eq!(event["data"]["repeat"]["unique"], true, "an inquiry from now on, and the first");
    assert_ne!(event["id"], json!(id), "an event of its own");
    assert_eq!(event["time"], event["data"]["received_at"]);
    assert_eq!((desk.last().kind, desk.last().kind_reason.as_deref()), (Kind::Lead, Some("a customer")));

    for kind in ["spam", "lead", "lead"] {
        desk.done(&["leads", "mark", &id, kind]);
    }
    assert_eq!(desk.told("leads"), [at(received, Kind::Lead)]);
    let [as_spam, as_lead] = [at(marked, Kind::Spam), at(marked, Kind::Lead)];
    assert_eq!(desk.told("crm")[2..], [as_spam, as_lead], "the same kind again is no correction");
    assert_eq!(desk.told("spam").len(), 4);
    assert_eq!(desk.told("bounces"), []);
    assert_eq!(desk.run(&["leads", "mark", "nobody", "spam"]).code, 65);
    assert_eq!(desk.run(&["leads", "mark", &id, "love"]).code, 64);
}

#[tokio::test]
async fn a_lead_marked_spam_leaves_the_books_and_the_next_letter_is_the_first() {
    let mut desk = Desk::with_sinks("", &[("crm", "events = [\"lead.marked\"]")]).await;
    desk.letter("1", IVAN, M11, &[]).await;
    let first = desk.last();
    desk.done(&["leads", "mark", &first.lead_id, "spam"]);
    desk.letter("2", IVAN, M11, &[]).await;
    assert_eq!(book(&desk), [(Kind::Spam, None), (Kind::Lead, Some((true, 1)))]);
    // Back again, it is no second first.
    desk.done(&["leads", "mark", &first.lead_id, "lead"]);
    assert_eq!(book(&desk), [(Kind::Lead, Some((false, 2))), (Kind::Lead, Some((true, 1)))]);
    let second = desk.last();
    assert_eq!(desk.door.leads()[0].repeat.first_lead_id, Some(second.lead_id.clone()));
    desk.letter("3", IVAN, M11, &[]).await;
    assert_eq!(desk.last().repeat.first_lead_id, Some(second.lead_id.clone()));
    // Where others followed it already, the oldest of them takes its place, and whoever hears of marks is told.
    desk.letter("4", IVAN, M11, &[]).await;
    let before = desk.told("crm").len();
    desk.done(&["leads", "mark", &second.lead_id, "internal"]);
    let lead = |place| (Kind::Lead, Some(place));
    let expected = [lead((true, 1)), (Kind::Internal, None), lead((false, 2)), lead((false, 3))];
    assert_eq!(book(&desk), expected, "one sender is new once");
    let heir = desk.door.leads().remove(0);
    let marked = EventType::LeadMarked;
    assert_eq!(desk.told("crm")[before..], [told(marked, &second, Kind::Internal), told(marked, &heir, Kind::Lead)]);
    assert_eq!(desk.events("crm").pop().unwrap()["data"]["repeat"]["unique"], true);
    let firsts: Vec<_> = desk.door.leads().into_iter().map(|lead| lead.repeat.first_lead_id).collect();
    assert_eq!(firsts, [None, None, Some(heir.lead_id.clone()), Some(heir.lead_id)]);
}

#[tokio::test]
async fn a_thread_of_what_is_no_lead_is_none() {
    let mut desk = Desk::open("").await;
    let answer: &[(&str, &str)] = &[("In-Reply-To", "<1@client.example>")];
    desk.letter("1", IVAN, M11, &[]).await;
    let root = desk.last().lead_id;
    desk.done(&["leads", "mark", &root, "spam"]);
    desk.letter("2", "anna@other.example", M11, answer).await;
    assert_eq!(desk.last().in_thread_of, None);
    desk.done(&["leads", "mark", &root, "lead"]);
    desk.letter("3", IVAN, M11, answer).await;
    assert_eq!(desk.last().in_thread_of, Some(root));
    // A reply that is marked stays in its thread, and never counts.
    let reply = desk.last().lead_id;
    for (kind, listed) in [("spam", Kind::Spam), ("lead", Kind::Lead)] {
        desk.done(&["leads", "mark", &reply, kind]);
        assert_eq!((desk.last().kind, place(&desk.last())), (listed, None));
    }
}

#[tokio::test]
async fn an_address_that_many_domains_write_to_at_once_is_leaked_until_somebody_trusts_it() {
    let mut desk = Desk::with_sinks("[leak]\ndomains = 3\n", &[("crm", "")]).await;
    let from = ["a@one.example", "b@two.example", "c@one.example", "d@three.example"];
    for (at, from) in from.iter().enumerate() {
        desk.letter(&at.to_string(), from, M11, &[]).await;
    }
    let states: Vec<_> = desk.door.leads().iter().map(|lead| (lead.attribution.status, place(lead))).collect();
    let counted = (Status::Channel, Some((true, 1)));
    assert_eq!(states, [counted, counted, counted, (Status::Leaked, None)]);
    let event = desk.events("crm").remove(3);
    assert_eq!((&event["data"]["attribution"]["status"], &event["data"]["kind"]), (&json!("leaked"), &json!("lead")));
    let edits = desk.letter("5", IVAN, M11, &[]).await;
    assert_eq!(["Status", "Unique"].map(|name| header(&edits, name)), [Some("leaked".into()), None]);
    assert!(desk.done(&["leads"]).contains("not counted"));

    let note = desk.run(&["address", "list", "--json"]).json().remove(0);
    let expected = (json!("info+m11@company.ru"), json!("leaked"), json!("3 sender domains within 600s"));
    assert_eq!((note["address"].clone(), note["state"].clone(), note["reason"].clone()), expected);
    let shown = desk.done(&["address", "show", "INFO+M11@company.ru"]);
    assert!(shown.contains("leaked since ") && shown.contains("3 sender domains"), "{shown}");

    desk.letter("6", IVAN, YD, &[]).await;
    assert_eq!(place(&desk.last()), Some((true, 1)), "another address, and the one before was never counted");
    let trusted = desk.done(&["address", "trust", "info+m11@company.ru", "--reason", "a fair"]);
    assert_eq!(trusted, "info+m11@company.ru: trusted\n");
    desk.letter("7", "e@four.example", M11, &[]).await;
    assert_eq!((desk.last().attribution.status, place(&desk.last())), (Status::Channel, Some((true, 1))));
    desk.done(&["address", "leak", "info+yd@company.ru"]);
    desk.letter("8", "f@five.example", YD, &[]).await;
    assert_eq!((desk.last().attribution.status, place(&desk.last())), (Status::Leaked, None));
    // A person's word on one letter goes before that on its address.
    desk.done(&["leads", "mark", &desk.last().lead_id, "lead"]);
    assert_eq!(place(&desk.last()), Some((true, 1)));
    desk.done(&["address", "reset", "info+yd@company.ru"]);
    assert_eq!(desk.run(&["address", "list", "--json"]).json().len(), 1);
    desk.letter("9", "g@five.example", YD, &[]).await;
    assert_eq!(desk.last().attribution.status, Status::Channel);
}

#[tokio::test]
async fn explain_foresees_what_the_next_letter_does_to_its_address_and_does_nothing() {
    let mut desk = Desk::open("[leak]\ndomains = 3\n").await;
    for from in ["a@one.example", "b@two.example"] {
        desk.letter(from, from, M11, &[]).await;
    }
    let foreseen = |from: &str| {
        let letter = format!("From: {from}\nMessage-ID: <next@client.example>\n\n");
        let arguments = ["explain", "--json", "--message", "-", "--recipient", M11.trim_matches(['<', '>'])];
        let report = run_with(&desk.door.company, &arguments, letter.as_bytes()).json().remove(0);
        let headers = report["headers"].as_array().unwrap();
        let named = |name: &str| headers.iter().find(|header| header["name"] == name).cloned();
        let status = named("X-Lead-Status").map(|header| header["value"].clone());
        (status, named("X-Lead-Unique").is_some())
    };
    assert_eq!(foreseen("c@one.example"), (Some(json!("channel")), true));
    for _ in 0..2 {
        assert_eq!(foreseen("d@three.example"), (Some(json!("leaked")), false));
    }
    assert_eq!(desk.done(&["address", "list"]), "no address is leaked or trusted\n");
    assert_eq!(desk.door.leads().len(), 2);
}

#[tokio::test]
async fn answers_in_threads_leak_no_address() {
    let mut desk = Desk::open("[leak]\ndomains = 3\n").await;
    desk.letter("1", "a@one.example", M11, &[]).await;
    for domain in ["two", "three", "four", "five"] {
        let from = format!("b@{domain}.example");
        desk.letter(domain, &from, M11, &[("In-Reply-To", "<1@client.example>")]).await;
    }
    desk.letter("6", "c@six.example", M11, &[]).await;
    desk.letter("7", "b@seven.example", M11, &[("In-Reply-To", "<1@client.example>")]).await;
    assert_eq!(desk.done(&["address", "list"]), "no address is leaked or trusted\n", "two came by themselves");
    let last = desk.door.leads().into_iter().rfind(|lead| lead.in_thread_of.is_none()).unwrap();
    assert_eq!((last.attribution.status, place(&last)), (Status::Channel, Some((true, 1))));
}

#[tokio::test]
async fn an_address_that_draws_spam_is_leaked() {
    let mut desk = Desk::open("[leak]\nspam = 2\n").await;
    for (id, from, more, expected) in [
        ("1", "a@one.example", SPAM, Status::Channel),
        ("2", "a@two.example", &[], Status::Channel),
        // Anybody can mark his own letters.
        ("3", "b@one.example", SPAM, Status::Channel),
        ("4", "a@three.example", SPAM, Status::Leaked),
        ("5", "a@four.example", &[], Status::Leaked),
    ] {
        desk.letter(id, from, M11, more).await;
        assert_eq!(desk.last().attribution.status, expected, "{id}");
    }
    assert_eq!(book(&desk)[4], (Kind::Lead, None));
}

#[tokio::test]
async fn who_writes_to_a_canary_is_a_harvester_from_then_on() {
    let canary = "<hidden@company.ru>";
    let mut desk = Desk::open("[classify]\ncanaries = [\"hidden@company.ru\"]\n").await;
    desk.letter("1", IVAN, M11, &[]).await;
    desk.letter_to("2", IVAN, &[M11, canary], &[]).await;
    let caught = desk.last();
    assert_eq!((caught.kind, caught.kind_reason.as_deref()), (Kind::Spam, Some("canary hidden@company.ru")));
    assert_eq!(caught.recipient.substitute, "hidden@company.ru");
    desk.letter("3", "IVAN@client.example", YD, &[]).await;
    let reason = Some("sender wrote to canary hidden@company.ru");
    assert_eq!((desk.last().kind, desk.last().kind_reason.as_deref()), (Kind::Spam, reason));
    desk.letter("4", "anna@client.example", YD, &[]).await;
    assert_eq!(place(&desk.last()), Some((true, 1)), "a colleague of his is not");
    // Bounces come to a canary because a spammer used it as his sender; a colleague tries whether it works.
    desk.letter("5", "postmaster@mx.example", canary, &[("X-Failed-Recipients", "x@y.example")]).await;
    desk.letter("6", "manager@company.ru", canary, &[]).await;
    desk.letter("7", "postmaster@mx.example", M11, &[]).await;
    let kinds: Vec<_> = desk.door.leads().iter().map(|lead| lead.kind).collect();
    assert_eq!(kinds[4..], [Kind::Bounce, Kind::Internal, Kind::Lead]);
}

#[tokio::test]
async fn a_forged_sender_makes_its_victim_no_harvester() {
    let top = "[leads]\nunique_requires_dmarc = true\n[classify]\nauthserv_ids = [\"mx1.company.ru\"]\ncanaries = [\"hidden@company.ru\"]\n";
    let mut desk = Desk::open(top).await;
    desk.letter("1", IVAN, "<hidden@company.ru>", &[]).await;
    assert_eq!(desk.last().kind, Kind::Spam);
    let passed = [("Authentication-Results", "mx1.company.ru; dmarc=pass")];
    desk.letter("2", IVAN, M11, &passed).await;
    assert_eq!((desk.last().kind, place(&desk.last())), (Kind::Lead, Some((true, 1))));
}
