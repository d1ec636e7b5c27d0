//! Tag rules through the doors, and `explain --message`, which says why they fire.

use std::fs;

use serde_json::{Value, json};

use crate::{
    command::{Output, run, run_with},
    company::Company,
    milter_house::{Door, HEADERS, Letter, send, to},
};

/// Six rules; the company's channels carry `offline`, `outdoor` and `email`.
const RULES: &str = r#"
[[tag]]
tag = "срочно"
subject = "/СРОЧНО/"

[[tag]]
tag = "1C"
header = "x-mailer: 1с:*"

[[tag]]
tag = "large"
size = ">1KiB"

[[tag]]
tag = "client"
sender = "*@клиент.рф"
recipient = "*+M11@*"

[[tag]]
tag = "outdoor"
channel = "billboard-m11"

[[tag]]
tag = "scan"
attachment = "/^скан.*\\.pdf$/"
"#;

fn first(rules: &str) -> (String, String) {
    ("[leads]\ntag_match = \"first\"".to_owned(), rules.to_owned())
}

/// `=?UTF-8?B?…?=` of "Re: срочно!" is the subject.
const URGENT: &str = "Subject: =?UTF-8?B?UmU6INGB0YDQvtGH0L3QviE=?=\n";

/// The tags of a message that `ingest` takes in.
fn tags(company: &Company, recipient: &str, message: &str) -> Vec<String> {
    let output = run_with(company, &["ingest", "--json", "--dry-run", "--recipient", recipient], message.as_bytes());
    assert_eq!((output.code, output.err.as_str()), (0, ""), "{output:?}");
    serde_json::from_value(output.json()[0]["event"]["data"]["tags"].clone()).unwrap()
}

#[test]
fn rules_add_their_tags_after_those_of_the_channel() {
    let company = Company::new("", RULES);
    let long = format!("X-Long: {}\n", "x".repeat(1024));
    let rows: &[(&str, &str, &[&str])] = &[
        ("m11", "Subject: pumps\n", &["offline", "outdoor"]),
        ("m11", URGENT, &["offline", "outdoor", "срочно"]),
        ("m11", "Subject: СРОЧНО\n", &["offline", "outdoor", "срочно"]),
        ("m11", "X-MAILER: =?UTF-8?B?MdChOtCf0YDQtdC00L/RgNC40Y/RgtC40LU=?=\n", &["offline", "outdoor", "1C"]),
        ("m11", "X-Mailer: Outlook\nX-Mailer: 1С:8\n", &["offline", "outdoor"]),
        ("m11", &long, &["offline", "outdoor", "large"]),
        ("m11", "From: ivan@КЛИЕНТ.рф\n", &["offline", "outdoor", "client"]),
        ("m11", "From: ivan@xn--e1affem4a.xn--p1ai\n", &["offline", "outdoor", "client"]),
        ("yd", "From: ivan@клиент.рф\n", &[]),
        ("yd", URGENT, &["срочно"]),
        ("yd", "Content-Type: application/pdf; name=\"Скан 1.pdf\"\n", &["scan"]),
        ("yd", "Content-Disposition: attachment; filename*=UTF-8''%D1%81%D0%BA%D0%B0%D0%BD.PDF\n", &["scan"]),
        ("yd", "Content-Type: application/pdf; name=\"Скан 1.doc\"\n", &[]),
    ];
    for (tag, header, expected) in rows {
        assert_eq!(
            tags(&company, &format!("info+{tag}@company.ru"), &format!("{header}\nbody\n")),
            *expected,
            "{header}"
        );
    }
}

#[test]
fn a_body_is_never_looked_at() {
    let company = Company::new("", RULES);
    let message = "Content-Type: multipart/mixed; boundary=x\n\n--x\n\
                   Content-Type: application/pdf; name=\"скан.pdf\"\n\nСРОЧНО\n--x--\n";
    assert_eq!(tags(&company, "info+yd@company.ru", message), Vec::<String>::new());
}

#[test]
fn raw_bytes_are_read_in_their_charset() {
    let company = Company::new("", RULES);
    let (bytes, _, _) = encoding_rs::WINDOWS_1251.encode("Subject: Срочно\nX-Mailer: 1С:Предприятие\n\n");
    let arguments = ["ingest", "--json", "--dry-run", "--recipient", "info+yd@company.ru"];
    let told = run_with(&company, &arguments, &bytes).json();
    assert_eq!(told[0]["event"]["data"]["tags"], json!(["срочно", "1C"]));
}

#[test]
fn the_first_rule_that_fits_may_count_alone() {
    let (top, rules) = first(RULES);
    let company = Company::new(&top, &rules);
    let message = format!("{URGENT}X-Mailer: 1С:8\nX-Long: {}\n\n", "x".repeat(1024));
    assert_eq!(tags(&company, "info+yd@company.ru", &message), ["срочно"]);
    assert_eq!(tags(&company, "info+yd@company.ru", &message.replace(URGENT, "")), ["1C"]);
    let both = Company::new("", RULES);
    assert_eq!(tags(&both, "info+yd@company.ru", &message), ["срочно", "1C", "large"]);
}

#[test]
fn a_lead_carries_thirty_two_tags_at_most() {
    let rules: String = (0..40).map(|number| format!("[[tag]]\ntag = \"t{number}\"\nsubject = \"*\"\n")).collect();
    let company = Company::new("", &rules);
    let expected: Vec<String> = ["offline", "outdoor"]
        .map(str::to_owned)
        .into_iter()
        .chain((0..30).map(|number| format!("t{number}")))
        .collect();
    assert_eq!(tags(&company, "info+m11@company.ru", "Subject: x\n\n"), expected);
}

#[tokio::test]
async fn the_milter_door_asks_the_same_rules() {
    let door = Door::open(RULES);
    let mut mta = door.connect().await;
    let headers =
        [HEADERS, &[("X-Mailer", "1С:Предприятие"), ("Content-Type", "application/pdf; name=скан.pdf")]].concat();
    let mut urgent = headers.clone();
    urgent[1] = ("Subject", "Re: срочно!");
    let letter =
        Letter { mail: &["<ivan@client.example>", "SIZE=1025"], headers: &urgent, ..to(&[&["<info+yd@company.ru>"]]) };
    let tags = |edits: Vec<String>| edits.into_iter().find(|line| line.contains("X-Lead-Tags")).unwrap_or_default();
    let words = "=?UTF-8?B?0YHRgNC+0YfQvdC+LCAxQywgbGFyZ2UsIHNjYW4=?=";
    assert_eq!(tags(send(&mut mta, &letter).await), format!("insert 8 X-Lead-Tags: {words}"));
    assert_eq!(door.leads()[0].tags, ["срочно", "1C", "large", "scan"]);
    let plain = Letter { headers: &headers, ..to(&[&["<info+m11@company.ru>"], &["<sales+news@company.ru>"]]) };
    let plain = Letter { headers: &[&[("Message-ID", "<2@client.example>")], &plain.headers[4..]].concat(), ..plain };
    assert_eq!(tags(send(&mut mta, &plain).await), "insert 9 X-Lead-Tags: offline, outdoor, email, 1C, scan");
}

/// A message whose Subject says СРОЧНО in lower case.
fn message() -> String {
    format!(
        "Return-Path: <ivan@client.example>\nX-Original-To: info+m11@company.ru\nDelivered-To: info@company.ru\n\
         From: Ivan <ivan@client.example>\n{URGENT}Message-ID: <1@client.example>\n\nbody\n"
    )
}

const TOLD: &str = "\
letter.eml:
recipient   info+m11@company.ru: channel billboard-m11, stands for info@company.ru (listed in addresses of channel billboard-m11)
outcome     recorded: OUTCOME
kind        lead
rule        tag[0] срочно: fired: subject \"Re: срочно!\" fits \"/СРОЧНО/\"
rule        tag[1] 1C: not fired: no header x-mailer to fit \"1с:*\"
rule        tag[2] large: not fired: size \"SIZE\" does not fit \">1KiB\"
rule        tag[3] client: not fired: sender \"ivan@client.example\" does not fit \"*@клиент.рф\"
rule        tag[4] outdoor: fired: channel \"billboard-m11\" fits \"billboard-m11\"
rule        tag[5] scan: not fired: no attachment to fit \"/^скан.*\\\\.pdf$/\"
tags        offline, outdoor, срочно
header      X-Lead-Id: (made when it is recorded)
header      X-Lead-Channel: billboard-m11
header      X-Lead-Substitute: info+m11@company.ru
header      X-Lead-Status: channel
header      X-Lead-Unique: (new or repeat is decided by the store)
header      X-Lead-UTM-Source: outdoor
header      X-Lead-UTM-Medium: offline
header      X-Lead-UTM-Campaign: =?UTF-8?B?0LwxMS3QstC10YHQvdCw?=
header      X-Lead-UTM-Content: =?UTF-8?B?0YnQuNGCIDPDlzY=?=
header      X-Lead-Tags: =?UTF-8?B?b2ZmbGluZSwgb3V0ZG9vciwg0YHRgNC+0YfQvdC+?=
header      X-Lead-Signature: (made when it is recorded)
";

const SIGNED: &str = "[headers]\nkey_file = \"header.key\"\n";

fn told(out: String) -> Output {
    Output { code: 0, out: out.replace("SIZE", &message().len().to_string()), err: String::new() }
}

#[test]
fn explain_says_what_becomes_of_a_message_and_records_nothing() {
    let company = Company::new(SIGNED, RULES);
    fs::write(company.path("letter.eml"), message()).unwrap();
    let explain = || run(&company, &["explain", "--message", "letter.eml"]);
    let unless = "unless the store has it, or its thread, already; there is no store yet";
    assert_eq!(explain(), told(TOLD.replace("OUTCOME", unless)));
    assert!(!company.path("store").exists(), "nothing is made");

    // A store that knows another letter.
    let other = message().replace("<1@", "<0@");
    let filtered = run_with(&company, &["ingest", "--filter"], other.as_bytes());
    assert_eq!(filtered.code, 0);
    assert_eq!(explain(), told(TOLD.replace("OUTCOME", "the store does not have it, and knows no thread of it")));
    let leads = || run(&company, &["leads", "--json"]).json();
    let id = leads()[0]["lead_id"].as_str().unwrap().to_owned();

    // The same letter again, with headers that are known by now.
    fs::write(company.path("letter.eml"), &other).unwrap();
    let ours: String = filtered
        .out
        .lines()
        .take_while(|line| line.starts_with(['X', ' ']))
        .map(|line| if line.starts_with(' ') { line.to_owned() } else { format!("\nheader      {line}") })
        .collect();
    let (body, _) = TOLD.split_once("header      X-Lead-Id").unwrap();
    let known =
        body.replace("recorded: OUTCOME", &format!("nothing new is recorded: it is recorded already, as lead {id}"));
    assert_eq!(explain(), told(format!("{known}{}\n", ours.trim_start())));

    // On its second pass through the fleet.
    let again = run_with(&company, &["explain", "--message", "-"], filtered.out.as_bytes());
    let (start, _) = TOLD.split_once("outcome").unwrap();
    let trusted = "outcome     not recorded again: its headers are signed by this fleet: they stay as they are\n";
    assert_eq!(again, told(format!("{}{trusted}", start.replace("letter.eml", "-"))));
    assert_eq!(leads().len(), 1);
}

#[test]
fn explain_tells_the_thread_that_a_letter_continues() {
    let company = Company::new("", RULES);
    assert_eq!(run_with(&company, &["ingest"], message().as_bytes()).code, 0);
    let id = run(&company, &["leads", "--json"]).json()[0]["lead_id"].as_str().unwrap().to_owned();
    let reply = "From: ivan@client.example\nIn-Reply-To: <1@client.example>\nMessage-ID: <2@client.example>\n\n";
    let arguments =
        ["explain", "--json", "--message", "-", "--recipient", "info@company.ru", "--sender", "ivan@client.example"];
    let mut report = run_with(&company, &arguments, reply.as_bytes()).json().remove(0);
    let rules = report["rules"].take();
    let verdicts: Vec<_> = rules.as_array().unwrap().iter().map(|rule| rule["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["unmet"; 6]);
    let header = |name: &str, value: Value| json!({ "name": name, "value": value });
    let expected = json!({
        "file": "-",
        "recipients": [{
            "address": "info@company.ru", "resolution": "mailbox", "pattern": null, "mailbox": "info@company.ru",
            "channel": null, "rule": "a mailbox itself: not tracked",
        }],
        "outcome": "recorded",
        "outcome_reason": format!("it is in the thread of lead {id}, and takes its channel, attribution and tags"),
        "kind": "lead",
        "reason": null,
        "lead_id": null,
        "in_thread_of": id,
        "tags": ["offline", "outdoor", "срочно"],
        "rules": null,
        "headers": [
            header("X-Lead-Id", Value::Null),
            header("X-Lead-Channel", json!("billboard-m11")),
            header("X-Lead-Substitute", json!("info@company.ru")),
            header("X-Lead-Status", json!("channel")),
            header("X-Lead-Thread", json!(id)),
            header("X-Lead-UTM-Source", json!("outdoor")),
            header("X-Lead-UTM-Medium", json!("offline")),
            header("X-Lead-UTM-Campaign", json!("=?UTF-8?B?0LwxMS3QstC10YHQvdCw?=")),
            header("X-Lead-UTM-Content", json!("=?UTF-8?B?0YnQuNGCIDPDlzY=?=")),
            header("X-Lead-Tags", json!("=?UTF-8?B?b2ZmbGluZSwgb3V0ZG9vciwg0YHRgNC+0YfQvdC+?=")),
        ],
    });
    assert_eq!(report, expected);
    let unknown = reply.replace("<1@", "<9@");
    let unknown = run_with(&company, &arguments, unknown.as_bytes()).json().remove(0);
    assert_eq!(
        (&unknown["outcome"], &unknown["outcome_reason"]),
        (&json!("untracked"), &json!("it is to a mailbox itself, and leads.direct does not ask for it"))
    );
    assert_eq!(run(&company, &["leads", "--json", "--replies"]).json().len(), 1);
}

#[test]
fn explain_tells_kind_first_match_and_values() {
    let (top, rules) = first(&format!("{}[classify]\ncanaries = [\"trap@company.ru\"]\n", RULES));
    let company = Company::new(&top, &rules);
    let automatic = format!("{URGENT}Auto-Submitted: auto-replied\nX-Mailer: 1С:8\n\n");
    let arguments = ["explain", "--json", "--message", "-", "--recipient", "info+yd@company.ru"];
    let report = run_with(&company, &arguments, automatic.as_bytes()).json().remove(0);
    assert_eq!(
        (&report["kind"], &report["reason"], &report["tags"]),
        (&json!("auto_reply"), &json!("Auto-Submitted: auto-replied"), &json!(["срочно"]))
    );
    let condition = |key: &str, pattern: &str, value: &str| json!({ "condition": key, "pattern": pattern, "values": [value], "met": true });
    let expected = json!([
        { "rule": "tag[0]", "tag": "срочно", "verdict": "fired", "conditions": [condition("subject", "/СРОЧНО/", "Re: срочно!")] },
        { "rule": "tag[1]", "tag": "1C", "verdict": "too_late", "conditions": [condition("header x-mailer", "1с:*", "1С:8")] },
    ]);
    assert_eq!(json!([report["rules"][0], report["rules"][1]]), expected);
    let arguments = ["explain", "--json", "--message", "-", "--recipient", "trap@company.ru"];
    let report = run_with(&company, &arguments, b"\n").json().remove(0);
    assert_eq!((&report["kind"], &report["reason"]), (&json!("spam"), &json!("canary trap@company.ru")));
}

#[test]
fn explain_refuses_what_it_cannot_explain() {
    let company = Company::new("", "");
    let output = run_with(&company, &["explain", "--message", "-"], b"Subject: x\n\n");
    assert_eq!((output.code, output.out.as_str()), (65, ""));
    assert!(output.err.starts_with("leadmilter: -: no envelope recipient: "), "{}", output.err);
    let missing = run(&company, &["explain", "--message", "none.eml"]);
    let expected = "leadmilter: cannot read none.eml: No such file or directory (os error 2)\n";
    assert_eq!((missing.code, missing.err.as_str()), (65, expected));
    for arguments in [
        &["explain", "--message", "-", "info@company.ru"] as &[_],
        &["explain", "--recipient", "info@company.ru"],
        &["explain", "--sender", "", "info@company.ru"],
        &["explain", "--recipient", "a@b.example", "info@company.ru"],
    ] {
        assert_eq!(run(&company, arguments).code, 64, "{arguments:?}");
    }
    let foreign = run_with(&company, &["explain", "--message", "-", "--recipient", "a@b.example"], b"\n");
    let expected = "-:\nrecipient   a@b.example: foreign (neither a mailbox nor listed by a channel: not tracked)\n\
                    outcome     not recorded: no recipient is a substitute address\n";
    assert_eq!(foreign, told(expected.to_owned()));
    let mbox: String = (1..=2).map(|_| format!("From a@b Sun Nov 22 07:26:10 2026\n{}\n", message())).collect();
    fs::write(company.path("two.mbox"), mbox).unwrap();
    let files: Vec<_> = run(&company, &["explain", "--json", "--message", "two.mbox"]).json();
    assert_eq!(files.iter().map(|of| &of["file"]).collect::<Vec<_>>(), ["two.mbox:1", "two.mbox:2"]);
}
