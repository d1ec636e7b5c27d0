//! Commands that tell: what they print, and with which code they end.

use std::os::unix::fs::PermissionsExt;

use leadmilter::store::{Commit, Store};
use serde_json::json;

use crate::{
    command::{Output, run, run_with},
    company::{Company, webhook},
    house::{Receiver, lead, status},
};

/// A company with two leads of one sender; the second one's delivery has been given up.
async fn with_leads() -> (Company, Vec<String>) {
    let company = Company::new("timezone = \"Europe/Moscow\"", &webhook("crm", "http://127.0.0.1:9/hook?key=hidden"));
    let store = Store::open(&company.path("store")).unwrap();
    let mut ids = Vec::new();
    for received in [1_795_321_570_344, 1_795_408_000_000] {
        let mut new = lead("ivan@client.example", "info+m11@company.ru");
        new.lead.received_at = leadmilter::clock::Millis(received);
        ids.push(store.record(new, Commit::Durable).await.unwrap().unwrap().lead.lead_id);
    }
    store.close(std::time::Duration::from_secs(5)).await;
    (company, ids)
}

fn told(out: &str) -> Output {
    Output { code: 0, out: out.to_owned(), err: String::new() }
}

fn refused(code: i32, err: &str) -> Output {
    Output { code, out: String::new(), err: err.to_owned() }
}

#[test]
fn explain_names_the_rule() {
    let company = Company::new("", "");
    assert_eq!(
        run(&company, &["explain", "<INFO+M11@company.ru>", "info+x@company.ru", "info@company.ru", "a@b.example"]),
        told(
            "<INFO+M11@company.ru>: channel billboard-m11, stands for info@company.ru (listed in addresses of channel billboard-m11)\n\
             info+x@company.ru: unknown (no channel lists tag \"x\" of mailbox info@company.ru: not tracked)\n\
             info@company.ru: mailbox (a mailbox itself: not tracked)\n\
             a@b.example: foreign (neither a mailbox nor listed by a channel: not tracked)\n"
        )
    );
    let json = run(&company, &["explain", "--json", "yd@leads.company.ru"]).json();
    let expected = json!({
        "address": "yd@leads.company.ru", "resolution": "channel", "pattern": "subdomain",
        "mailbox": "info@company.ru", "channel": "yandex-direct", "rule": "listed in addresses of channel yandex-direct",
    });
    assert_eq!(json, [expected]);
}

#[test]
fn check_tells_good_from_bad() {
    let company = Company::new("[milter]\nlisten = \"unix:milter.sock\"", "");
    let file = company.config_file();
    let good = format!("{}: good: 2 mailboxes, 3 channels with 9 addresses, 0 sinks\n", file.display());
    assert_eq!(run(&company, &["check"]), told(&good));
    company.rewrite("[milter]\nsocket_mode = \"0999\"\nbudgit = \"1s\"", "");
    let Output { code, out, err } = run(&company, &["check"]);
    assert_eq!((code, out.as_str(), err.lines().count()), (78, "", 2), "{err}");
    assert!(err.starts_with(&format!("{}:4: milter.socket_mode: ", file.display())), "{err}");
}

#[test]
fn wrong_usage_ends_with_64() {
    let company = Company::new("", "");
    for arguments in
        [&["nonsense"] as &[_], &["explain"], &["leads", "--limit", "x"], &["leads", "--since", "soon"], &[]]
    {
        assert_eq!(run(&company, arguments).code, 64, "{arguments:?}");
    }
    for arguments in [&["--help"] as &[_], &["--version"], &["ingest", "--help"], &["sink", "secret", "--help"]] {
        let Output { code, err, .. } = run(&company, arguments);
        assert_eq!((code, err.as_str()), (0, ""), "{arguments:?}");
    }
}

#[test]
fn a_store_that_is_not_there_yet_is_said() {
    let company = Company::new("", "");
    let text = format!(
        "leadmilter: no store in {}: it is made by the first `leadmilter run` or `ingest`\n",
        company.path("store").display()
    );
    assert_eq!(run(&company, &["leads"]), refused(69, &text));
    assert_eq!(run(&company, &["deliveries"]), refused(69, &text));
}

#[tokio::test]
async fn leads_are_listed_newest_first_in_local_time() {
    let (company, ids) = with_leads().await;
    let row = |time: &str, id: &str, unique: &str| {
        format!("{time}  {id}  billboard-m11  {unique}  ivan@client.example  Запрос цены")
    };
    let expected = [
        "RECEIVED             LEAD                                  CHANNEL        UNIQUE    SENDER               SUBJECT".to_owned(),
        row("2026-11-23 07:26:40", &ids[1], "repeat 2"),
        row("2026-11-22 07:26:10", &ids[0], "new     "),
    ];
    let Output { code, out, .. } = run(&company, &["leads"]);
    assert_eq!((code, out.lines().collect::<Vec<_>>()), (0, expected.iter().map(String::as_str).collect()));
    for (arguments, expected) in
        [(["--since", "2026-11-23"], [&ids[1]]), (["--until", "2026-11-23"], [&ids[0]]), (["--limit", "1"], [&ids[1]])]
    {
        let listed = run(&company, &[&["leads", "list", "--json"], arguments.as_slice()].concat()).json();
        let found: Vec<_> = listed.iter().map(|lead| lead["lead_id"].as_str().unwrap()).collect();
        assert_eq!(found, expected, "{arguments:?}");
    }
    assert_eq!(run(&company, &["leads", "--channel", "none"]), told("no leads\n"));
}

#[tokio::test]
async fn one_lead_is_shown_whole() {
    let (company, ids) = with_leads().await;
    let json = run(&company, &["leads", "show", "--json", &ids[1]]).json();
    let listed = run(&company, &["leads", "--json", "--limit", "1"]).json();
    assert_eq!(json, listed);
    let Output { code, out, .. } = run(&company, &["leads", "show", &ids[1]]);
    assert_eq!(code, 0);
    assert!(out.contains(&format!("unique        repeat, number 2 since lead {}\n", ids[0])), "{out}");
    assert!(out.contains("delivery      2 to sink crm: pending after 0 attempts, due "), "{out}");
    let unknown = "leadmilter: no lead \"x\": `leadmilter leads` lists them\n";
    assert_eq!(run(&company, &["leads", "show", "x"]), refused(65, unknown));
}

#[tokio::test]
async fn deliveries_and_sinks_are_listed_without_secrets() {
    let (company, ids) = with_leads().await;
    let listed = run(&company, &["deliveries", "--json", "--state", "pending"]).json();
    let events: Vec<_> = listed.iter().map(|delivery| delivery["event_id"].as_str().unwrap()).collect();
    assert_eq!(events, [&ids[1], &ids[0]]);
    assert_eq!(run(&company, &["deliveries", "--state", "dead"]), told("no deliveries\n"));
    let shown = run(&company, &["deliveries", "show", "--json", "1"]).json();
    assert_eq!(shown[0]["event"]["data"]["lead_id"], json!(ids[0]));
    let sinks = run(&company, &["sink", "list", "--json"]).json();
    let oldest = sinks[0]["oldest_pending_at"].clone();
    let expected = json!({
        "id": "crm", "preset": "webhook", "host": "127.0.0.1", "events": ["lead.received"],
        "state": "active", "circuit": null, "pending": 2, "delivered": 0, "dead": 0, "skipped": 0, "oldest_pending_at": oldest,
    });
    assert_eq!(sinks, [expected]);
    for arguments in [&["sink", "list"] as &[_], &["sink", "test", "crm"], &["deliveries"]] {
        let Output { out, err, .. } = run(&company, arguments);
        assert!(!out.contains("hidden") && !err.contains("hidden"), "{out}{err}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sink_test_sends_a_signed_ping() {
    let mut receiver = Receiver::start(|call| status(if call == 0 { 204 } else { 500 })).await;
    let company = Company::new("", &webhook("crm", &receiver.url));
    let Output { code, out, err } = run(&company, &["sink", "test", "crm"]);
    let call = receiver.next().await;
    let event: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with(&format!("crm: event {} delivered in ", call.header("webhook-id"))), "{out}");
    assert_eq!((event["type"].as_str(), &event["data"]), (Some("webhook.ping"), &json!({ "test": true })));
    let Output { code, out, err } = run(&company, &["sink", "test", "crm"]);
    assert_eq!((code, out.as_str()), (69, ""));
    assert!(err.starts_with("leadmilter: sink crm: not delivered after ") && err.contains("500"), "{err}");
    let unknown = "leadmilter: no sink \"x\" in the config, which lists: crm\n";
    assert_eq!(run(&company, &["sink", "test", "x"]), refused(64, unknown));
}

#[test]
fn a_secret_is_made_rotated_and_retired() {
    let company = Company::new("", "");
    let file = company.path("new.secret");
    let named = file.to_str().unwrap();
    let files = std::fs::read_dir(company.path("")).unwrap().count();
    let mode = || std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    let read = || std::fs::read_to_string(&file).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(run(&company, &["sink", "secret", "--file", named]).code, 0);
    let first = read();
    assert_eq!((first.len(), first[0].len(), mode()), (1, "whsec_".len() + 44, 0o640));
    assert_eq!(run(&company, &["sink", "secret", "--file", named]).code, 69, "a file is never overwritten");
    assert_eq!(run(&company, &["sink", "secret", "--file", named, "--rotate"]).code, 0);
    let both = read();
    assert_eq!((both.len(), &both[1]), (2, &first[0]));
    assert_eq!(run(&company, &["sink", "secret", "--file", named, "--rotate"]).code, 65);
    assert_eq!(read(), both);
    assert_eq!(run(&company, &["sink", "secret", "--file", named, "--retire"]).code, 0);
    assert_eq!(read(), both[..1]);
    let printed = run(&company, &["sink", "secret"]);
    assert_eq!((printed.code, printed.out.len()), (0, "whsec_".len() + 45));
    assert_eq!(
        (mode(), std::fs::read_dir(company.path("")).unwrap().count()),
        (0o640, files + 1),
        "nothing is left beside it"
    );
}

#[test]
fn a_closed_pipe_is_no_fault() {
    let company = Company::new("", "");
    let script = format!("{} --config config.toml explain a@b.example | true", env!("CARGO_BIN_EXE_leadmilter"));
    let output = std::process::Command::new("sh").args(["-c", &script]).current_dir(company.path("")).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(run_with(&company, &["explain", "a@b.example"], b"unread").code, 0);
}
