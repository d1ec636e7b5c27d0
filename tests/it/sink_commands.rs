//! `leadmilter sink`: what each command prints and with which code it ends.

use std::time::Duration;

use leadmilter::{
    clock::Millis,
    preset::Preset,
    store::{Circuit, CircuitState, Commit, Store},
};
use serde_json::{Value, json};

use crate::{
    command::{Output, run},
    company::{Company, webhook},
    crm_house::{Crm, says},
    house::{self, Receiver, status},
};

fn told(out: &str) -> Output {
    Output { code: 0, out: out.to_owned(), err: String::new() }
}

fn refused(code: i32, err: &str) -> Output {
    Output { code, out: String::new(), err: format!("leadmilter: {err}\n") }
}

/// A preset of one's own that shows its secret wherever it can.
const OWN: &str = r#"
title = "Our CRM"
secret = "API key"
[request]
path = ["rest", "{{ secret }}", "lead.add"]
query = { key = "{{ secret }}" }
headers = { x-key = "{{ secret }}" }
auth = { user = "api", password = "{{ secret }}" }
body = { title = "Lead {{ id }}", key = "{{ secret }}", test = "{{ data.test }}" }
"#;

const TEST: &str = "[test]\nmethod = \"GET\"\npath = [\"profile\", \"{{ secret }}\"]\nsuccess = \"answer.admin\"\n";

/// A company with a sink `crm` of the preset file `own.toml`.
fn with_own(preset: &str, url: &str) -> Company {
    let sink = format!("[[sink]]\nid = \"crm\"\npreset = \"own.toml\"\nurl = \"{url}\"\nsecret_file = \"key\"\n");
    let company = Company::new("", &sink);
    std::fs::write(company.path("own.toml"), preset).unwrap();
    std::fs::write(company.path("key"), "# our key\nhunter2\n").unwrap();
    company
}

/// Records one lead for the sink `crm`, and gives back its id.
async fn record(company: &Company) -> String {
    let store = Store::open(&company.path("store")).unwrap();
    let lead = house::lead("ivan@client.example", "info+m11@company.ru");
    let id = store.record(lead, Commit::Durable).await.unwrap().unwrap().lead.lead_id;
    store.close(Duration::from_secs(5)).await;
    id
}

#[test]
fn presets_are_listed_and_shown() {
    let company = Company::new("", "");
    let listed = run(&company, &["sink", "presets", "--json"]).json();
    let names: Vec<_> = listed.iter().map(|preset| preset["name"].as_str().unwrap()).collect();
    assert_eq!(names, Preset::names().collect::<Vec<_>>());
    let secret = "a signing secret, as `leadmilter sink secret` makes it";
    let setting = |name: &str, about: &str, default: Option<&str>| {
        let needed = default.is_none();
        json!({ "name": name, "about": about, "default": default, "needed": needed })
    };
    let webhook = json!({
        "name": "webhook", "title": "A signed POST of the event itself, after Standard Webhooks 1.0.0",
        "url": null, "secret": secret, "settings": [],
    });
    let journal = json!({
        "name": "journal", "title": "A line of JSON for each event, in a file with rotation or on stdout",
        "url": null, "secret": null, "settings": [
            setting("keep", "So many files that were put aside are kept", Some("10")),
            setting("max_size", "A file of this size is put aside: a number and KiB, MiB or GiB", Some("100MiB")),
            setting("path", "The file, or - for standard output", None),
        ],
    });
    assert_eq!(listed[..2], [webhook, journal]);
    let table = run(&company, &["sink", "presets"]).out;
    let rows: Vec<Vec<&str>> = table
        .lines()
        .take(3)
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    assert_eq!(rows[0], ["PRESET", "WHAT IT DOES", "NEEDS"]);
    assert_eq!((rows[1][0], rows[1][2]), ("webhook", "url, secret_file"));
    assert_eq!((rows[2][0], rows[2][2]), ("journal", "path"));

    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/sinks");
    for name in names {
        let file = std::fs::read_to_string(format!("{folder}/{name}.toml")).unwrap();
        assert_eq!(run(&company, &["sink", "show", name]), told(&file));
    }
    let known = Preset::names().collect::<Vec<_>>().join(", ");
    let unknown = format!("no preset \"webhok\": there are {known}");
    assert_eq!(run(&company, &["sink", "show", "webhok"]), refused(64, &unknown));
}

#[tokio::test]
async fn a_preview_shows_the_request_of_the_latest_lead_or_of_a_sample() {
    let company = Company::new("", &webhook("crm", "https://crm.company.test/hook"));
    let shown = |arguments: &[&str]| {
        let output = run(&company, &[&["sink", "preview", "crm"], arguments].concat());
        assert_eq!((output.code, output.err.as_str()), (0, ""));
        let (head, body) = output.out.split_once("\n\n").unwrap();
        (head.to_owned(), serde_json::from_str::<Value>(body).unwrap())
    };
    let head = "POST https://crm.company.test/hook\ncontent-type: application/json\n\
                webhook-id: …\nwebhook-timestamp: …\nwebhook-signature: …";
    let (got, sample) = shown(&[]);
    assert_eq!((got.as_str(), &sample["data"]["test"], &sample["type"]), (head, &json!(true), &json!("lead.received")));
    let (first, second) = (record(&company).await, record(&company).await);
    for (arguments, lead) in [(&[] as &[&str], &second), (&["--lead", &first], &first), (&["--lead", &second], &second)]
    {
        let (got, event) = shown(arguments);
        let recorded = run(&company, &["leads", "show", "--json", lead]).json();
        assert_eq!((got.as_str(), &event["data"], &event["id"]), (head, &recorded[0], &json!(lead)));
    }
    let unknown = refused(65, "no lead \"x\": `leadmilter leads` lists them");
    assert_eq!(run(&company, &["sink", "preview", "crm", "--lead", "x"]), unknown);
    assert_eq!(run(&company, &["sink", "preview", "x"]), refused(64, "no sink \"x\" in the config, which lists: crm"));
}

#[tokio::test]
async fn a_preview_masks_the_secret_wherever_it_stands() {
    let company = with_own(OWN, "https://crm.company.test/");
    let lead = record(&company).await;
    let body = json!({ "title": format!("Lead {lead}"), "key": "***", "test": true });
    let expected = format!(
        "POST https://crm.company.test/rest/***/lead.add?key=***\nx-key: ***\nauthorization: ***\n\
         content-type: application/json\n\n{body}\n"
    );
    assert_eq!(run(&company, &["sink", "preview", "crm"]), told(&expected));
    std::fs::write(company.path("own.toml"), OWN.replace("{{ id }}", "{{ data.message.subject | unix }}")).unwrap();
    let failed = run(&company, &["sink", "preview", "crm"]);
    let why = "sink crm: body: \"data.message.subject | unix\" fails: invalid operation";
    assert_eq!(failed, refused(78, why));
    std::fs::write(company.path("own.toml"), format!("{OWN}[[skip]]\nwhen = \"data.test\"\nreason = \"a test\"\n"))
        .unwrap();
    assert_eq!(run(&company, &["sink", "preview", "crm"]), told("not sent: a test\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_test_makes_the_call_that_leaves_nothing_behind() {
    let crm = Crm::start(|_| says(200, &json!({ "admin": true }))).await;
    let company = with_own(&format!("{OWN}{TEST}"), &crm.url);
    let tested = run(&company, &["sink", "test", "crm"]);
    assert!(tested.code == 0 && tested.out.starts_with("crm: it answered in "), "{tested:?}");
    assert!(tested.out.ends_with(" ms, status 200\n"), "{tested:?}");
    assert_eq!(crm.lines(), ["GET /base/profile/hunter2"]);

    std::fs::write(company.path("own.toml"), OWN).unwrap();
    let hint = "sink crm: preset own.toml has no call that leaves nothing behind: --lead sends a sample lead";
    assert_eq!(run(&company, &["sink", "test", "crm"]), refused(64, hint));
    assert_eq!(crm.lines(), Vec::<String>::new());

    let tested = run(&company, &["sink", "test", "crm", "--lead"]);
    let call = crm.call();
    let sent: Value = serde_json::from_slice(&call.body).unwrap();
    let id = sent["title"].as_str().unwrap().strip_prefix("Lead ").unwrap();
    assert_eq!(sent, json!({ "title": format!("Lead {id}"), "key": "hunter2", "test": true }));
    assert_eq!(call.line, "POST /base/rest/hunter2/lead.add?key=hunter2");
    assert!(tested.code == 0 && tested.out.starts_with(&format!("crm: event {id} delivered in ")), "{tested:?}");
    assert!(!company.path("store").exists(), "a test records something");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_test_that_fails_says_what_was_answered_without_the_secret() {
    let crm = Crm::start(|_| says(403, &json!({ "error": "no key hunter2" }))).await;
    let company = with_own(&format!("{OWN}{TEST}"), &crm.url);
    let Output { code, out, err } = run(&company, &["sink", "test", "crm"]);
    let (start, end) = err.split_once(" ms").unwrap();
    assert_eq!((code, out.as_str()), (69, ""));
    assert!(start.starts_with("leadmilter: sink crm: not delivered after "), "{err}");
    let why = "receiver answered 403: the receiver does not accept the signature or the call";
    assert_eq!(end, format!(", status 403: {why}, answer \"{{\\\"error\\\":\\\"no key ***\\\"}}\"\n"));
}

#[test]
fn a_sink_test_of_a_journal_writes_a_ping() {
    let sink = "[[sink]]\nid = \"file\"\npreset = \"journal\"\nsettings = { path = \"leads.jsonl\" }\n";
    let company = Company::new("", sink);
    let tested = run(&company, &["sink", "test", "file"]);
    let text = std::fs::read_to_string(company.path("leads.jsonl")).unwrap();
    let event: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((text.lines().count(), &event["type"]), (1, &json!("webhook.ping")));
    let said = format!("file: event {} delivered in ", event["id"].as_str().unwrap());
    assert!(tested.code == 0 && tested.out.starts_with(&said), "{tested:?}");
    assert!(run(&company, &["sink", "preview", "file"]).out.starts_with("{\"specversion\":\"1.0\","));
}

#[tokio::test]
async fn a_sink_that_is_not_called_is_listed_so_and_ends_with_69() {
    let top = "timezone = \"Europe/Moscow\"";
    let company =
        Company::new(top, &(webhook("crm", "http://127.0.0.1:9/") + &webhook("other", "http://127.0.0.1:9/")));
    record(&company).await;
    let list = |arguments: &[&str]| run(&company, &[&["sink", "list"], arguments].concat());
    let object = |id: &str, state: &str, circuit: &Value, oldest: &Value| {
        let pending = i32::from(!oldest.is_null());
        json!({
            "id": id, "preset": "webhook", "host": "127.0.0.1", "events": ["lead.received"], "state": state,
            "circuit": circuit, "pending": pending, "delivered": 0, "dead": 0, "skipped": 0,
            "oldest_pending_at": oldest,
        })
    };
    let active = list(&["--json"]);
    let oldest = active.json()[0]["oldest_pending_at"].clone();
    assert_eq!(active.code, 0);
    let expected =
        [object("crm", "active", &Value::Null, &oldest), object("other", "active", &Value::Null, &Value::Null)];
    assert_eq!(active.json(), expected);

    let (since, probe_at) = (Millis(1_795_321_570_344), Some(Millis(1_795_325_170_344)));
    let suspended =
        Circuit { state: CircuitState::Suspended, since, probe_at, reason: "receiver answered 500".to_owned() };
    let disabled = Circuit {
        state: CircuitState::Disabled,
        since,
        probe_at: None,
        reason: "receiver\u{1b}[2J said 410".to_owned(),
    };
    let of = |state: &str, probe: Option<&str>, reason: &str| {
        let since = "2026-11-22T04:26:10.344Z";
        json!({ "state": state, "since": since, "probe_at": probe, "reason": reason })
    };
    let rows = [
        (
            suspended,
            of("suspended", Some("2026-11-22T05:26:10.344Z"), "receiver answered 500"),
            "crm is suspended since 2026-11-22 07:26:10, next probe 2026-11-22 08:26:10: receiver answered 500",
        ),
        (
            disabled,
            of("disabled", None, "receiver\u{1b}[2J said 410"),
            "crm is disabled since 2026-11-22 07:26:10, until `leadmilter sink resume crm`: \
             receiver\u{fffd}[2J said 410",
        ),
    ];
    for (circuit, shown, line) in rows {
        let store = Store::open(&company.path("store")).unwrap();
        store.set_circuit("crm", circuit).await.unwrap();
        store.close(Duration::from_secs(5)).await;
        let listed = list(&["--json"]);
        assert_eq!((listed.code, listed.err.as_str()), (69, ""));
        let state = shown["state"].as_str().unwrap();
        assert_eq!(listed.json()[0], object("crm", state, &shown, &oldest));
        let listed = list(&[]);
        assert_eq!((listed.code, listed.out.lines().last()), (69, Some(line)));
    }

    assert_eq!(run(&company, &["sink", "resume", "crm"]).code, 0);
    assert_eq!(list(&[]).code, 0);
    let paused =
        "other: its events wait until `leadmilter sink resume other`; a running daemon stops within five seconds\n";
    assert_eq!(run(&company, &["sink", "pause", "other", "--reason", "they move"]), told(paused));
    let listed = list(&["--json"]);
    let circuit = &listed.json()[1]["circuit"];
    assert_eq!((listed.code, &circuit["state"], &circuit["reason"]), (69, &json!("disabled"), &json!("they move")));
    let resumed = "other: its events are sent again, a running daemon begins within five seconds\n";
    assert_eq!(run(&company, &["sink", "resume", "other"]), told(resumed));
    for command in ["pause", "resume"] {
        let unknown = refused(64, "no sink \"x\" in the config, which lists: crm, other");
        assert_eq!(run(&company, &["sink", command, "x"]), unknown);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_ends_all_deliveries_makes_a_test_fail() {
    let receiver = Receiver::start(|_| status(410)).await;
    let tested = run(&Company::new("", &webhook("crm", &receiver.url)), &["sink", "test", "crm"]);
    assert!(tested.code == 69 && tested.err.contains("status 410: receiver answered 410: the receiver wants no more"));
}
