//! Sinks of a running daemon that a person pauses and resumes, and one that is a file.

use std::os::unix::fs::PermissionsExt;

use leadmilter::store::{Commit, Store};
use serde_json::json;

use crate::{
    command::{Output, run},
    company::webhook,
    fault_house::wait_line,
    house::{self, PATIENCE, Receiver, status},
    post_house::{self, Post},
    postfix_house::wait_for,
};

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_paused_sink_wait_and_arrive_when_it_is_resumed() {
    let (mut crm, mut other) = (Receiver::start(|_| status(204)).await, Receiver::start(|_| status(204)).await);
    let mut post = Post::open(&(webhook("crm", &crm.url) + &webhook("other", &other.url)));
    let first = post.letter().await;
    assert_eq!((crm.next().await.header("webhook-id"), other.next().await.header("webhook-id")), (&*first, &*first));

    post.cli(&["sink", "pause", "crm", "--reason", "they move"]);
    let line = wait_line(&post.daemon, &["sink paused"]);
    assert!(
        line.ends_with(
            "INFO sink paused: its events wait for `leadmilter sink resume crm` sink=\"crm\" reason=\"they move\""
        ),
        "{line}"
    );
    let waiting = [post.letter().await, post.letter().await];
    let mut told = Vec::new();
    for _ in &waiting {
        told.push(other.next().await.header("webhook-id").to_owned());
    }
    told.sort();
    assert_eq!(told, waiting);
    post.wait_states("other", &["delivered"; 3]);
    let state = |delivery: &serde_json::Value| (delivery["state"].clone(), delivery["attempts"].clone());
    let expected = [(json!("delivered"), json!(1)), (json!("pending"), json!(0)), (json!("pending"), json!(0))];
    assert_eq!(post.deliveries("crm").iter().map(state).collect::<Vec<_>>(), expected);
    assert_eq!(run(&post.company, &["sink", "list"]).code, 69);

    post.cli(&["sink", "resume", "crm"]);
    let mut told = [crm.next().await, crm.next().await].map(|call| call.header("webhook-id").to_owned());
    told.sort();
    assert_eq!(told, waiting);
    post.wait_states("crm", &["delivered"; 3]);
    wait_line(&post.daemon, &["INFO sink resumed sink=\"crm\""]);
    assert_eq!((run(&post.company, &["sink", "list"]).code, crm.rest().len(), other.rest().len()), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_end_together_do_not_undo_the_suspension() {
    let mut crm = Receiver::start(|_| status(500)).await;
    let company = post_house::company(&format!("{}concurrency = 8\nsuspend_after = 2\n", webhook("crm", &crm.url)));
    let store = Store::open(&company.path("store")).unwrap();
    for _ in 0..60 {
        let lead = house::lead("ivan@client.example", "info+m11@company.ru");
        store.record(lead, Commit::Durable).await.unwrap().unwrap();
    }
    store.close(PATIENCE).await;
    let post = Post::open_with(company, &[]);
    wait_line(&post.daemon, &["sink suspended after 2 failures in a row"]);
    let listed = || Some(run(&post.company, &["sink", "list", "--json"])).filter(|listed| listed.code == 69);
    let listed = wait_for("the list", listed, || post.daemon.log());
    assert_eq!(listed.json()[0]["state"], "suspended");
    let (_, log) = post.daemon.terminate();
    assert!(!log.contains("sink resumed"), "{log}");
    // The first failure made room for one call more.
    let calls = crm.rest().len();
    assert!((2..=9).contains(&calls), "{calls} calls\n{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_was_paused_stays_so_over_a_restart() {
    let mut crm = Receiver::start(|_| status(204)).await;
    let mut post = Post::open(&webhook("crm", &crm.url));
    post.cli(&["sink", "pause", "crm"]);
    wait_line(&post.daemon, &["sink paused"]);
    let lead = post.letter().await;
    let Post { daemon, company, .. } = post;
    assert_eq!(daemon.terminate().0.code(), Some(0));
    let post = Post::open_with(company, &[]);
    let text = "crm: its events are sent again, a running daemon begins within five seconds\n";
    assert_eq!(post.cli(&["sink", "resume", "crm"]).out, text);
    assert_eq!(crm.next().await.header("webhook-id"), lead);
    assert_eq!(crm.rest().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_holds_each_event_as_it_is_recorded() {
    let settings = "{ path = \"leads.jsonl\", max_size = \"1KiB\", keep = \"1\" }";
    let sink = &format!("[[sink]]\nid = \"file\"\npreset = \"journal\"\nsettings = {settings}\n");
    let mut post = Post::open(sink);
    let mut expected = Vec::new();
    for count in 1..=3 {
        post.letter().await;
        let deliveries = post.wait_states("file", &vec!["delivered"; count]);
        let store = Store::open_read(&post.company.path("store")).unwrap();
        let id = deliveries[count - 1]["id"].as_i64().unwrap();
        expected.push(format!("{}\n", store.delivery(id).unwrap().unwrap().2));
    }
    // Every event is longer than a file may be.
    let file = |name: &str| std::fs::read_to_string(post.company.path(name)).unwrap();
    assert_eq!([file("leads.jsonl"), file("leads.jsonl.1")], [expected[2].clone(), expected[1].clone()]);
    assert!(!post.company.path("leads.jsonl.2").exists());
    let mode = std::fs::metadata(post.company.path("leads.jsonl")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let listed = post.cli(&["sink", "list", "--json"]).json();
    let place = post.company.path("leads.jsonl");
    assert_eq!((&listed[0]["preset"], &listed[0]["host"]), (&json!("journal"), &json!(place)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_cannot_be_written_keeps_its_events() {
    let retry = ["\"50ms\""; 32].join(", ");
    let sink = format!(
        "[[sink]]\nid = \"file\"\npreset = \"journal\"\nsettings = {{ path = \"below/leads.jsonl\" }}\n\
         retry = [{retry}]\nsuspend_after = 0\n"
    );
    let mut post = Post::open(&sink);
    post.letter().await;
    let failed = || post.deliveries("file").into_iter().find(|delivery| !delivery["last_error"].is_null());
    let delivery = wait_for("a failure", failed, || post.daemon.log());
    let error = "journal cannot be written: No such file or directory (os error 2)";
    assert_eq!((&delivery["state"], &delivery["last_error"]), (&json!("pending"), &json!(error)));
    std::fs::create_dir(post.company.path("below")).unwrap();
    post.wait_states("file", &["delivered"]);
    let Output { out, .. } = post.cli(&["deliveries", "show", "--json", "1"]);
    let shown: serde_json::Value = serde_json::from_str(&out).unwrap();
    let text = std::fs::read_to_string(post.company.path("below/leads.jsonl")).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), shown["event"]);
}
