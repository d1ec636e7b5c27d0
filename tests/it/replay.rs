//! `deliveries replay`: what is sent again, what is sent for the first time, and what is left alone.

use std::net::TcpListener;

use leadmilter::store::Store;
use serde_json::{Value, json};

use crate::{
    command::{Output, run},
    company::webhook,
    crm_house::{Crm, says},
    fault_house::reload,
    house::{Receiver, distinct, status, with_header},
    post_house::Post,
    postfix_house::wait_for,
};

fn told(out: &str) -> Output {
    Output { code: 0, out: format!("{out}\n"), err: String::new() }
}

fn refused(code: i32, err: &str) -> Output {
    Output { code, out: String::new(), err: format!("leadmilter: {err}\n") }
}

/// A receiver that gives up so many events, and takes those that come then.
async fn picky(dead: usize) -> Receiver {
    Receiver::start(
        move |call| if call < dead { with_header(400, "webhook-delivery", "abort-message") } else { status(204) },
    )
    .await
}

/// The events of the next calls, in any order.
async fn ids(receiver: &mut Receiver, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(receiver.next().await.header("webhook-id").to_owned());
    }
    ids.sort();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_is_sent_again_under_its_id() {
    let mut receiver = picky(3).await;
    let mut post = Post::open(&webhook("crm", &receiver.url));
    let leads = [post.letter().await, post.letter().await, post.letter().await];
    let mut bodies = Vec::new();
    for _ in &leads {
        let call = receiver.next().await;
        bodies.push((call.header("webhook-id").to_owned(), call.body));
    }
    post.wait_states("crm", &["dead"; 3]);
    let replay = |arguments: &[&str]| run(&post.company, &[&["deliveries", "replay"], arguments].concat());

    assert_eq!(replay(&["--sink", "crm", "--dry-run"]), told("3 deliveries would be sent"));
    assert_eq!(replay(&["2", "--dry-run", "--json"]).json(), [json!({ "found": 1, "replayed": 0, "dry_run": true })]);
    let one = Output {
        code: 65,
        out: "1 delivery would be sent\n".to_owned(),
        err: "leadmilter: 1 of the ids are not there, or under way\n".to_owned(),
    };
    assert_eq!(replay(&["2", "99", "--dry-run"]), one);
    post.wait_states("crm", &["dead"; 3]);

    assert_eq!(replay(&["2", "2", "--json"]), told(r#"{"found":1,"replayed":1,"dry_run":false}"#));
    let call = receiver.next().await;
    let before = bodies.iter().find(|(id, _)| *id == leads[1]).unwrap();
    assert_eq!((call.header("webhook-id"), &call.body), (before.0.as_str(), &before.1));
    post.wait_states("crm", &["dead", "delivered", "dead"]);
    assert_eq!(receiver.rest().len(), 0);

    assert_eq!(replay(&["--sink", "crm"]), told("2 deliveries made due, a running daemon sends them"));
    assert_eq!(ids(&mut receiver, 2).await, [leads[0].clone(), leads[2].clone()]);
    let delivered = post.wait_states("crm", &["delivered"; 3]);
    assert_eq!(replay(&["--sink", "crm"]), told("0 deliveries made due, a running daemon sends them"));

    let at = delivered[1]["created_at"].as_str().unwrap();
    let since = delivered.iter().filter(|delivery| delivery["created_at"].as_str().unwrap() >= at).count();
    let of = |arguments: &[&str]| {
        let object =
            replay(&[&["--sink", "crm", "--state", "delivered", "--dry-run", "--json"], arguments].concat()).json();
        usize::try_from(object[0]["found"].as_u64().unwrap()).unwrap()
    };
    assert_eq!((of(&[]), of(&["--since", at]), of(&["--until", at])), (3, since, 3 - since));
    assert_eq!((of(&["--since", at, "--until", at]), of(&["--since", "2999-01-01"])), (0, 0));
    assert_eq!(replay(&["--sink", "crm", "--state", "delivered", "--until", at]).code, 0);
    assert_eq!(ids(&mut receiver, 3 - since).await, leads[..3 - since]);
    post.wait_states("crm", &["delivered"; 3]);
    assert_eq!(receiver.rest().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_of_a_replayed_event_begins_anew() {
    let mut receiver = Receiver::start(|call| status(if call == 3 { 204 } else { 500 })).await;
    let sink = webhook("crm", &receiver.url);
    let (start, _) = sink.split_once("retry").unwrap();
    let mut post = Post::open(&format!("{start}retry = [\"50ms\"]\n"));
    let lead = post.letter().await;
    post.wait_states("crm", &["dead"]);
    post.cli(&["deliveries", "replay", "1"]);
    let delivery = post.wait_states("crm", &["delivered"]).remove(0);
    assert_eq!(delivery["attempts"], 4);
    assert_eq!(distinct(ids(&mut receiver, 4).await), distinct([lead]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_under_way_is_left_alone_and_said() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let mut post = Post::open(&webhook("crm", &url).replace("\"5s\"", "\"10m\""));
    post.letter().await;
    let call = silent.accept().unwrap();
    let leased = || post.deliveries("crm").into_iter().find(|delivery| delivery["attempts"] == 1);
    let before = wait_for("the lease", leased, || post.daemon.log());
    let replay = |arguments: &[&str]| run(&post.company, &[&["deliveries", "replay"], arguments].concat());
    let none = |left: usize, out: &str| Output {
        code: 65,
        out: format!("{out}\n"),
        err: format!("leadmilter: {left} of the ids are not there, or under way\n"),
    };
    assert_eq!(replay(&["1"]), none(1, "0 deliveries made due, a running daemon sends them"));
    assert_eq!(replay(&["1", "7", "7"]), none(2, "0 deliveries made due, a running daemon sends them"));
    assert_eq!(replay(&["1", "--dry-run"]), none(1, "0 deliveries would be sent"));
    assert_eq!(replay(&["1", "--json"]), none(1, r#"{"found":0,"replayed":0,"dry_run":false}"#));
    for state in ["pending", "dead", "delivered"] {
        let json = replay(&["--sink", "crm", "--state", state, "--json"]).json();
        assert_eq!(json, [json!({ "found": 0, "replayed": 0, "dry_run": false })], "{state}");
    }
    assert_eq!(post.deliveries("crm"), [before]);
    drop(call);
}

#[test]
fn wrong_usage_of_a_replay_ends_with_64() {
    let post = Post::open("");
    let rows: [&[&str]; 7] = [
        &[],
        &["--sink", "crm", "1"],
        &["--missing"],
        &["1", "--since", "2026-11-22"],
        &["1", "--state", "dead"],
        &["--sink", "crm", "--missing", "--state", "dead"],
        &["--sink", "crm", "--since", "soon"],
    ];
    for arguments in rows {
        let output = run(&post.company, &[&["deliveries", "replay"], arguments].concat());
        assert_eq!((output.code, output.out.as_str()), (64, ""), "{arguments:?} {output:?}");
    }
    let unknown = run(&post.company, &["deliveries", "replay", "--sink", "x", "--missing"]);
    assert_eq!(unknown, refused(64, "no sink \"x\" in the config, which lists: "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_was_added_later_gets_what_it_wants_and_was_never_given() {
    let (mut old, mut new) = (Receiver::start(|_| status(204)).await, Receiver::start(|_| status(204)).await);
    let mut wide = Receiver::start(|_| status(204)).await;
    let crm = webhook("crm", &old.url);
    let mut post = Post::open(&crm);
    let first = post.letter().await;
    let reply = post.letter_with(&[("In-Reply-To", "<1@client.example>")]).await;
    let list = post.letter_with(&[("List-Id", "<news.client.example>")]).await;
    let second = post.letter().await;
    assert_eq!(ids(&mut old, 2).await, [first.clone(), second.clone()]);

    let wide_sink =
        webhook("wide", &wide.url) + "events = [\"lead.received\", \"lead.replied\"]\nkinds = [\"lead\", \"list\"]\n";
    post.configure(&(crm + &webhook("new", &new.url) + &wide_sink));
    reload(&post.daemon);
    let third = post.letter().await;
    let replay = |sink: &str, more: &[&str]| {
        run(&post.company, &[&["deliveries", "replay", "--sink", sink, "--missing"], more].concat())
    };
    assert_eq!(replay("new", &["--dry-run"]), told("2 deliveries would be sent"));
    assert_eq!(replay("wide", &["--dry-run"]), told("4 deliveries would be sent"));
    assert_eq!(replay("crm", &["--dry-run"]), told("0 deliveries would be sent"));
    assert_eq!(replay("new", &["--since", "2999-01-01"]), told("0 deliveries made due, a running daemon sends them"));
    assert_eq!(replay("new", &["--until", "2026-01-01"]), told("0 deliveries made due, a running daemon sends them"));
    assert_eq!(replay("new", &[]), told("2 deliveries made due, a running daemon sends them"));
    assert_eq!(replay("wide", &["--json"]), told(r#"{"found":4,"replayed":4,"dry_run":false}"#));
    assert_eq!(ids(&mut new, 3).await, [first.clone(), second.clone(), third.clone()]);
    assert_eq!(ids(&mut wide, 5).await, [first, reply, list, second, third.clone()]);
    assert_eq!(replay("new", &[]), told("0 deliveries made due, a running daemon sends them"));
    post.wait_states("new", &["delivered"; 3]);
    post.wait_states("wide", &["delivered"; 5]);
    assert_eq!(ids(&mut old, 1).await, [third]);
    assert_eq!((old.rest().len(), new.rest().len(), wide.rest().len()), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_leads_and_no_news_of_sinks() {
    let failing = Receiver::start(|_| status(500)).await;
    let mut other = Receiver::start(|_| status(204)).await;
    let events = "events = [\"lead.received\", \"sink.suspended\"]\n";
    let crm = webhook("crm", &failing.url) + "suspend_after = 1\n" + events;
    let mut post = Post::open(&crm);
    let lead = post.letter().await;
    post.daemon.wait_log("suspended");
    let store = Store::open_read(&post.company.path("store")).unwrap();
    wait_for("the circuit", || (!store.circuits().unwrap().is_empty()).then_some(()), || post.daemon.log());
    post.configure(&(crm + &webhook("late", &other.url) + events));
    reload(&post.daemon);
    let missing = |sink| run(&post.company, &["deliveries", "replay", "--sink", sink, "--missing"]);
    assert_eq!(missing("crm"), told("0 deliveries made due, a running daemon sends them"));
    assert_eq!(missing("late"), told("1 delivery made due, a running daemon sends them"));
    assert_eq!(other.next().await.header("webhook-id"), lead);
    post.wait_states("late", &["delivered"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_skipped_is_listed_and_may_be_replayed() {
    let crm = Crm::start(|_| says(200, &json!({}))).await;
    let sink = format!("[[sink]]\nid = \"crm\"\npreset = \"own.toml\"\nurl = \"{}\"\n", crm.url);
    let company = crate::post_house::company(&sink);
    let preset =
        "title = \"t\"\n[[skip]]\nunless = \"data.attribution.client_ids.ga\"\nreason = \"no client id\"\n[request]\n";
    std::fs::write(company.path("own.toml"), preset).unwrap();
    std::fs::write(company.path("empty.toml"), "title = \"t\"\n[request]\n").unwrap();
    let mut post = Post::open_with(company, &[]);
    let lead = post.letter().await;
    let delivery = post.wait_states("crm", &["skipped"]).remove(0);
    let expected = json!({
        "id": 1, "sink": "crm", "event_id": lead, "event_type": "lead.received", "lead_id": lead, "state": "skipped",
        "attempts": 1, "created_at": delivery["created_at"], "next_at": null, "last_status": null,
        "last_error": "no client id",
    });
    assert_eq!(delivery, expected);
    assert_eq!(post.cli(&["deliveries", "list", "--state", "skipped", "--json"]).json(), [expected]);
    let listed = post.cli(&["deliveries", "list", "--state", "skipped"]).out;
    let row = listed.lines().nth(1).unwrap();
    assert!(row.ends_with(&format!("crm   lead.received {lead}  skipped: no client id")), "{listed}");
    assert_eq!(post.cli(&["deliveries", "list", "--state", "dead"]), told("no deliveries"));
    let listed = post.cli(&["sink", "list", "--json"]).json();
    assert_eq!((&listed[0]["skipped"], &listed[0]["delivered"]), (&json!(1), &json!(0)));
    assert_eq!(crm.calls().len(), 0);

    post.configure(&sink.replace("own.toml", "empty.toml"));
    reload(&post.daemon);
    assert_eq!(post.cli(&["deliveries", "replay", "--sink", "crm", "--state", "skipped"]).code, 0);
    post.wait_states("crm", &["delivered"]);
    assert_eq!(crm.calls().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_was_corrected_by_hand_is_missing_once_and_as_it_stands() {
    let mut late = Receiver::start(|_| status(204)).await;
    let mut crm = Receiver::start(|_| status(204)).await;
    let mut post = Post::open(&webhook("crm", &crm.url));
    // Told first by the correction, which is an event of its own.
    let (kept, spam) = (post.letter().await, post.letter_with(&[("X-Spam-Flag", "YES")]).await);
    assert_eq!(run(&post.company, &["leads", "mark", &spam, "lead"]).code, 0);
    assert_eq!(run(&post.company, &["leads", "mark", &kept, "spam"]).code, 0);
    assert_eq!(ids(&mut crm, 2).await.len(), 2);
    post.configure(&(webhook("crm", &crm.url) + &webhook("late", &late.url)));
    reload(&post.daemon);
    let missing = |sink| run(&post.company, &["deliveries", "replay", "--sink", sink, "--missing"]);
    assert_eq!(missing("crm"), told("0 deliveries made due, a running daemon sends them"));
    assert_eq!(missing("late"), told("1 delivery made due, a running daemon sends them"));
    let event: Value = serde_json::from_slice(&late.next().await.body).unwrap();
    assert_eq!((&event["data"]["lead_id"], &event["data"]["kind"]), (&json!(spam), &json!("lead")));
    post.wait_states("late", &["delivered"]);
    assert_eq!(crm.rest().len(), 0);
}
