//! A person is erased beside the running daemon: tables, free space and logs of the store have nothing left, and the answer
//! names everybody who was told.

use std::{fs, os::unix::ffi::OsStrExt};

use indymilter_test::TestConnection;
use leadmilter::store::AuditFilter;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    command::{self, Output, run},
    company::{Company, DYNAMIC, webhook},
    house::{Receiver, status},
    http_house::{SITE, page, port, send},
    milter_house::{self, Letter},
    postfix_house::{Daemon, wait_for},
};

const TOP: &str = "log.target = \"stderr\"\nmilter.listen = \"unix:milter.sock\"\nleads.normalize = \"provider\"\n\
                   classify.canaries = [\"trap@company.ru\"]\n[http]\npublic = \"127.0.0.1:0\"\n";

/// One person, as the store knows him.
const IVAN: &str = "ivanov@gmail.com";

const CLIENT_ID: &str = "1166061800.1763744531";

struct House {
    company: Company,
    daemon: Daemon,
}

impl House {
    fn open(sinks: &str) -> Self {
        let company = Company::new(&format!("{TOP}{DYNAMIC}{SITE}"), sinks);
        let daemon = Daemon::start(&company.config_file());
        Self { company, daemon }
    }

    /// The address that a visitor is shown.
    fn visit(&self) -> String {
        let asked = json!({
            "key": "company", "landing": "https://company.ru/?yclid=99887766554433", "addresses": ["info@company.ru"],
            "page": "https://company.ru/secret-page", "client": {"ga": format!("GA1.1.{CLIENT_ID}")},
        });
        let answer = send(&port(&self.daemon, "public"), &page("/v1/visit", &[], &asked)).json();
        answer["addresses"]["info@company.ru"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Sends a letter; gives back its lead's id, if it has become one.
    async fn letter(&self, number: u32, from: &str, to: &str, subject: &str) -> Option<String> {
        let id = format!("<{number}@gmail.com>");
        let headers = [("From", from), ("Subject", subject), ("Message-ID", id.as_str())];
        let (mail, rcpt) = (format!("<{from}>"), format!("<{to}>"));
        let letter = Letter { mail: &[&mail], rcpts: &[&[&rcpt]], headers: &headers };
        let mut mta = TestConnection::configure().open_unix(self.company.path("milter.sock")).await.unwrap();
        let inserted = milter_house::send_raw(&mut mta, &letter).await;
        inserted.into_iter().find(|(name, _)| name == "X-Lead-Id").map(|(_, id)| id)
    }

    /// Waits until the deliveries to a sink are in this state.
    fn wait(&self, sink: &str, state: &str, count: usize) {
        let listed = || run(&self.company, &["deliveries", "--json", "--sink", sink, "--state", state]).json();
        let there = || (listed().len() == count).then_some(());
        wait_for(&format!("{count} {state} of {sink}"), there, || self.daemon.log());
    }

    /// Files of the store that hold a text.
    fn files_with(&self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.company.path("store")).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            if bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes())) {
                found.push(String::from_utf8_lossy(path.file_name().unwrap().as_bytes()).into_owned());
            }
        }
        found.sort();
        found
    }

    fn erase(&self, options: &[&str]) -> Output {
        command::run(&self.company, &[&["erase"], options].concat())
    }
}

/// The answer without times, ids and paths that change.
fn told(output: &Output) -> Value {
    assert_eq!((output.code, output.err.as_str()), (0, ""), "{output:?}");
    let mut told = output.json().remove(0);
    for letter in told["letters"].as_array_mut().unwrap() {
        let letter = letter.as_object_mut().unwrap();
        for moment in ["received_at", "lead_id"] {
            assert!(letter.remove(moment).unwrap().is_string());
        }
    }
    for receiver in told["told"].as_array_mut().unwrap() {
        for moment in ["first_at", "last_at"] {
            receiver[moment] = json!(receiver[moment].is_string());
        }
        for file in receiver["files"].as_array_mut().unwrap() {
            *file = json!(file.as_str().unwrap().rsplit('/').next());
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_is_erased_beside_the_running_daemon_and_nothing_is_left_in_the_files() {
    let receiver = Receiver::start(|_| status(204)).await;
    let journal = "[[sink]]\nid = \"log\"\npreset = \"journal\"\nsettings = { path = \"leads.jsonl\" }\n";
    let down = webhook("down", "http://127.0.0.1:1/").replace("\"50ms\"", "\"1h\"");
    let house = House::open(&[webhook("crm", &receiver.url).as_str(), journal, &down].concat());
    let address = house.visit();
    let first = house.letter(1, "I.Van.Ov+shop@GoogleMail.com", &address, "Темная тайна").await.unwrap();
    let second = house.letter(2, "ivanov@gmail.com", "info+m11@company.ru", "Темная тайна, снова").await.unwrap();
    house.letter(3, "ivanov@gmail.com", "trap@company.ru", "spam").await.unwrap();
    let other = house.letter(4, "anna@client.example", "info+m11@company.ru", "pumps").await.unwrap();
    house.wait("crm", "delivered", 3);
    house.wait("log", "delivered", 3);
    fs::write(house.company.path("leads.jsonl.1"), "").unwrap();
    for text in [IVAN, "i.van.ov+shop@googlemail.com", "Темная тайна", CLIENT_ID, "99887766554433", &first, &second]
    {
        assert_ne!(house.files_with(text), [""; 0], "{text}");
    }

    let would = house.erase(&["--dry-run", "--json", "Iva.nov@gmail.com"]);
    let letter = |number: u32, mailbox: Value, substitute: &str| {
        json!({
            "mailbox": mailbox, "substitute": substitute, "message_id": format!("<{number}@gmail.com>"),
            "queue_id": "4XyZ1a2B3c",
        })
    };
    let of_sink = |sink: &str, host: Value, files: Value| {
        json!({
            "sink": sink, "events": 2, "first_at": true, "last_at": true, "doubtful": 0, "host": host, "files": files,
        })
    };
    let digest: String = Sha256::digest("iva.nov@gmail.com").iter().map(|octet| format!("{octet:02x}")).collect();
    let mut expected = json!({
        "sender": "iva.nov@gmail.com",
        "sender_sha256": digest,
        "dry_run": true,
        "erased": {
            "leads": 3, "events": 3, "deliveries": 6, "pending": 2, "attempts": 6, "outcomes": 0, "external_ids": 0,
            "harvesters": 1, "visits": 1, "audit": 0,
        },
        "letters": [
            letter(1, json!("info@company.ru"), &address),
            letter(2, json!("info@company.ru"), "info+m11@company.ru"),
            letter(3, json!(null), "trap@company.ru"),
        ],
        "told": [
            of_sink("crm", json!("127.0.0.1"), json!([])),
            of_sink("log", json!(null), json!(["leads.jsonl", "leads.jsonl.1"])),
        ],
        "named_in": [],
    });
    assert_eq!(told(&would), expected);
    let erased = house.erase(&["--json", "Iva.nov@gmail.com"]);
    expected["dry_run"] = json!(false);
    assert_eq!(told(&erased), expected);

    for text in [IVAN, "i.van.ov+shop@googlemail.com", "Темная тайна", CLIENT_ID, "99887766554433", &first, &second]
    {
        assert_eq!(house.files_with(text), [""; 0], "{text}");
    }
    let left = run(&house.company, &["leads", "--kind", "all", "--json"]).json();
    assert_eq!(left.iter().map(|lead| lead["lead_id"].as_str().unwrap()).collect::<Vec<_>>(), [other.as_str()]);
    let audit = run(&house.company, &["audit", "--json"]).json();
    let entry = (&audit[0]["did"], &audit[0]["what"], &audit[0]["details"]);
    assert_eq!(entry, (&json!("sender.erased"), &json!(digest), &json!("leads=3 events=3 deliveries=6 visits=1")),);
    assert_eq!(house.erase(&["ivanov@gmail.com"]).out, "ivanov@gmail.com: nothing is kept\n");

    // A copy that comes again is no lead, what is written anew is one, of a sender who is new and no harvester.
    assert_eq!(house.letter(2, "ivanov@gmail.com", "info+m11@company.ru", "Темная тайна, снова").await, None);
    house.letter(5, "ivanov@gmail.com", &address, "again").await.unwrap();
    let again = run(&house.company, &["leads", "--sender", "ivanov@gmail.com", "--json"]).json();
    let facts = (&again[0]["repeat"]["unique"], &again[0]["attribution"]["status"], again.len());
    assert_eq!(facts, (&json!(true), &json!("expired"), 1));
    let (code, log) = house.daemon.terminate();
    assert_eq!(code.code(), Some(0), "{log}");
    let faults: Vec<_> = log.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(faults, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_tells_people_where_to_go_on() {
    let receiver = Receiver::start(|_| status(204)).await;
    let house = House::open(&webhook("crm", &receiver.url));
    house.letter(1, "ivanov@gmail.com", "info+m11@company.ru", "pumps").await.unwrap();
    let naming = house.letter(2, "anna@client.example", "info+m11@company.ru", "ask ivanov@gmail.com").await.unwrap();
    house.wait("crm", "delivered", 2);
    let dry = house.erase(&["--dry-run", "ivanov@gmail.com"]).out;
    let done = house.erase(&["ivanov@gmail.com"]).out;
    assert_eq!(dry.replace("would erase", "erased"), done);
    let lines: Vec<_> = done.lines().collect();
    let at = lines[3].rsplit_once("event, ").unwrap().1;
    let received = lines[4].strip_prefix("  letter of ").unwrap().get(..19).unwrap();
    let expected = [
        "ivanov@gmail.com: erased 1 lead, 1 event, 1 delivery, 1 attempt".to_owned(),
        format!("Leads of others that tell the address: {naming}"),
        "Not ours to erase:".to_owned(),
        format!("  sink crm (127.0.0.1): 1 event, {at}"),
        format!(
            "  letter of {received} to info@company.ru, its headers and replies: <1@gmail.com>, queue id 4XyZ1a2B3c"
        ),
        "  logs of the mail server and of leadmilter; backups, exports and reports that were made before".to_owned(),
    ];
    assert_eq!(lines, expected);
    let wrong = house.erase(&["ivanov"]);
    assert_eq!((wrong.code, wrong.err.as_str()), (64, "leadmilter: \"ivanov\" is no mail address\n"));
}

#[test]
fn an_address_in_the_audit_log_gives_way_to_its_digest() {
    let company = Company::new("", "");
    let letter = "From: ivanov@gmail.com\r\nTo: info+m11@company.ru\r\nMessage-ID: <1@gmail.com>\r\n\r\nHello\r\n";
    command::run_with(&company, &["ingest", "--recipient", "info+m11@company.ru"], letter.as_bytes());
    let store = leadmilter::store::Store::open(&company.path("store")).unwrap();
    let entry = leadmilter::store::AuditEntry {
        at: leadmilter::clock::Millis::now(),
        who: "person:anna".to_owned(),
        did: "leads.listed".to_owned(),
        what: "sender=ivanov@gmail.com".to_owned(),
        details: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(store.note_audit(entry)).unwrap();
    run(&company, &["erase", "ivanov@gmail.com"]);
    let audit = store.audit(&AuditFilter { limit: 9, ..AuditFilter::default() }).unwrap();
    let digest: String = Sha256::digest("ivanov@gmail.com").iter().map(|octet| format!("{octet:02x}")).collect();
    let told: Vec<_> = audit.into_iter().rev().map(|audited| (audited.entry.did, audited.entry.what)).collect();
    let expected = [("leads.listed", format!("sender={digest}")), ("sender.erased", digest)];
    assert_eq!(told, expected.map(|(did, what)| (did.to_owned(), what)));
}
