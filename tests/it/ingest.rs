//! `leadmilter ingest`: messages from every place, each a lead once.

use std::{fs, thread};

use serde_json::{Value, json};

use crate::{
    command::{Output, run, run_with},
    company::Company,
};

/// A message as Postfix's virtual(8) writes it to a Maildir.
fn delivered(number: usize, substitute: &str) -> String {
    format!(
        "Return-Path: <ivan@client.example>\r\n\
         X-Original-To: {substitute}\r\n\
         Delivered-To: info@company.ru\r\n\
         Received: from client.example (unknown [192.0.2.1])\r\n\
         \tby mx1.company.ru (Postfix) with ESMTP id 4XyZ1a2B3c\r\n\
         \tfor <{substitute}>; Sun, 22 Nov 2026 07:26:10 +0300 (MSK)\r\n\
         From: =?UTF-8?B?0JjQstCw0L0=?= <Ivan@client.example>\r\n\
         To: info+yd@company.ru\r\n\
         Subject: pumps\r\n\
         Message-ID: <{number}@client.example>\r\n\
         \r\n\
         From the body: X-Lead-Id: no\r\n"
    )
}

fn summary(output: &Output) -> (i32, &str, &str) {
    (output.code, output.out.lines().last().unwrap_or_default(), output.err.as_str())
}

fn leads(company: &Company) -> Vec<Value> {
    run(company, &["leads", "--json"]).json()
}

#[test]
fn letters_of_a_maildir_are_taken_in_as_they_came_and_a_folder_of_folders_is_told() {
    let company = Company::new("", "");
    for folder in ["mail/info/new", "mail/info/cur"] {
        fs::create_dir_all(company.path(folder)).unwrap();
    }
    fs::write(company.path("mail/info/new/1000.a.mx1"), delivered(2, "INFO.M11@company.ru")).unwrap();
    fs::write(company.path("mail/info/cur/999.b.mx1:2,S"), delivered(1, "info+m11@company.ru")).unwrap();
    let outer = run(&company, &["ingest", "mail"]);
    let inner = company.path("mail/info");
    let text = format!("leadmilter: mail holds no messages but folders: name those, such as {}\n", inner.display());
    assert_eq!(
        (outer.code, outer.err.replace("such as mail/info", &format!("such as {}", inner.display()))),
        (65, text)
    );
    assert_eq!(run(&company, &["ingest", "mail/info"]).code, 0);
    let told: Vec<_> = leads(&company).iter().map(|lead| lead["recipient"]["substitute"].clone()).collect();
    assert_eq!(told, ["info.m11@company.ru", "info+m11@company.ru"], "the last recorded first");
}

#[test]
fn a_maildir_is_taken_in_once() {
    let company = Company::new("", "");
    for folder in ["Maildir/new", "Maildir/cur", "Maildir/tmp"] {
        fs::create_dir_all(company.path(folder)).unwrap();
    }
    fs::write(company.path("Maildir/new/1.mx1"), delivered(1, "info+m11@company.ru")).unwrap();
    fs::write(company.path("Maildir/cur/2.mx1:2,S"), delivered(2, "INFO.M11@company.ru")).unwrap();
    fs::write(company.path("Maildir/cur/3.mx1:2,S"), delivered(3, "info@company.ru")).unwrap();
    fs::write(company.path("Maildir/tmp/4.mx1"), delivered(4, "info+m11@company.ru")).unwrap();
    let dry = run(&company, &["ingest", "--dry-run", "Maildir"]);
    assert_eq!(summary(&dry), (0, "2 leads would be recorded, 0 known already, 1 message without a lead", ""));
    let first = run(&company, &["ingest", "Maildir"]);
    assert_eq!(summary(&first), (0, "2 leads recorded, 0 known already, 1 message without a lead", ""));
    let again = run(&company, &["ingest", "Maildir"]);
    assert_eq!(summary(&again), (0, "0 leads recorded, 2 known already, 1 message without a lead", ""));
    let leads = leads(&company);
    let told: Vec<_> = leads
        .iter()
        .map(|lead| (lead["recipient"]["substitute"].as_str().unwrap(), lead["repeat"]["count"].as_u64().unwrap()))
        .collect();
    assert_eq!(told, [("info.m11@company.ru", 2), ("info+m11@company.ru", 1)]);
    assert_eq!(leads[0]["received_at"], "2026-11-22T04:26:10.000Z", "the time of arrival, not of this run");
    assert_eq!(leads[0]["sender"]["name"], "Иван");
}

#[test]
fn an_mbox_is_read_message_by_message() {
    let company = Company::new("", "");
    let mbox: String = (1..=3)
        .map(|number| {
            format!("From ivan@client.example Sun Nov 22 07:26:10 2026\n{}\n", delivered(number, "info+m11@company.ru"))
        })
        .collect();
    fs::write(company.path("archive.mbox"), mbox.replace("\r\nFrom the", "\r\n>From the")).unwrap();
    let lines = run(&company, &["ingest", "--json", "archive.mbox"]).json();
    let told: Vec<_> = lines.iter().map(|line| (line["file"].as_str().unwrap(), line["kind"].as_str())).collect();
    let lead = Some("lead");
    assert_eq!(told, [("archive.mbox:1", lead), ("archive.mbox:2", lead), ("archive.mbox:3", lead)]);
    assert_eq!(leads(&company).len(), 3);
}

#[test]
fn json_tells_file_kind_reason_duplicate_and_event() {
    let company = Company::new("", "");
    fs::write(company.path("1.eml"), delivered(1, "info+m11@company.ru")).unwrap();
    fs::write(company.path("2.eml"), "Subject: no envelope\n\nbody\n").unwrap();
    let lines = run(&company, &["ingest", "--json", "1.eml", "1.eml", "2.eml"]).json();
    assert_eq!(lines[0]["event"]["data"], leads(&company)[0]);
    assert_eq!(lines[1]["event"], lines[0]["event"]);
    let without = |line: &Value| {
        let mut line = line.clone();
        line.as_object_mut().unwrap().remove("event");
        line
    };
    let reason = "no envelope recipient: none of X-Original-To, X-Envelope-To, Envelope-To, X-Delivered-To, X-RCPT-To, \
                  Delivered-To is there, name one with --recipient";
    let expected = [
        json!({ "file": "1.eml", "kind": "lead", "reason": null, "duplicate": false }),
        json!({ "file": "1.eml", "kind": "lead", "reason": null, "duplicate": true }),
        json!({ "file": "2.eml", "kind": null, "reason": reason, "duplicate": false }),
    ];
    assert_eq!(lines.iter().map(without).collect::<Vec<_>>(), expected);
}

#[test]
fn stdin_takes_its_envelope_from_the_command_line() {
    let company = Company::new("", "");
    let arguments = [
        "ingest",
        "--recipient",
        "info+yd@company.ru",
        "--recipient",
        "info+m11@company.ru",
        "--sender",
        "form@client.example",
    ];
    let message = b"From: Anna <anna@client.example>\nSubject: x\n\nbody\n";
    let output = run_with(&company, &arguments, message);
    assert_eq!(summary(&output), (0, "1 lead recorded, 0 known already, 0 messages without a lead", ""));
    let lead = leads(&company).remove(0);
    assert_eq!(lead["recipient"]["substitute"], "info+yd@company.ru");
    assert_eq!(
        (&lead["sender"]["envelope_from"], &lead["sender"]["address"]),
        (&json!("form@client.example"), &json!("anna@client.example"))
    );
    assert_eq!(lead["message"]["size"], message.len());
}

#[test]
fn a_forged_delivery_header_below_the_servers_own_is_not_believed() {
    let company = Company::new("", "");
    let forged = delivered(1, "info@company.ru").replace("Subject:", "X-Original-To: info+m11@company.ru\r\nSubject:");
    let output = run_with(&company, &["ingest"], forged.as_bytes());
    assert_eq!(summary(&output), (0, "0 leads recorded, 0 known already, 1 message without a lead", ""));
}

#[test]
fn a_filter_gives_the_message_back_with_its_headers() {
    let company = Company::new("", "");
    let message = delivered(1, "info+m11@company.ru").replace("Subject:", "x-lead-ID: forged\r\n\tmore\r\nSubject:");
    let output = run_with(&company, &["ingest", "--filter"], message.as_bytes());
    let id = leads(&company)[0]["lead_id"].as_str().unwrap().to_owned();
    let ours = format!(
        "X-Lead-Id: {id}\r\n\
         X-Lead-Channel: billboard-m11\r\n\
         X-Lead-Substitute: info+m11@company.ru\r\n\
         X-Lead-Status: channel\r\n\
         X-Lead-Unique: new\r\n\
         X-Lead-UTM-Source: outdoor\r\n\
         X-Lead-UTM-Medium: offline\r\n\
         X-Lead-UTM-Campaign: =?UTF-8?B?0LwxMS3QstC10YHQvdCw?=\r\n\
         X-Lead-UTM-Content: =?UTF-8?B?0YnQuNGCIDPDlzY=?=\r\n\
         X-Lead-Tags: offline, outdoor\r\n"
    );
    let expected = ours + &delivered(1, "info+m11@company.ru");
    assert_eq!(output, Output { code: 0, out: expected, err: String::new() });
}

#[test]
fn a_filter_passes_the_message_whatever_happens() {
    let tracked = delivered(1, "info+m11@company.ru");
    let untracked = delivered(1, "info@company.ru");
    let blocked = "[store]\nurl = \"sqlite:config.toml/store\"\n";
    let rows = [
        ("not tracked", "", &untracked, 0),
        ("no envelope", "", &"Subject: x\n\nbody\n".to_owned(), 0),
        ("no header at all", "", &"\n\nbody".to_owned(), 0),
        ("store out of reach", blocked, &tracked, 0),
        ("the same, deferred", &format!("[milter]\non_error = \"tempfail\"\n{blocked}"), &tracked, 75),
        ("broken config", "nonsense = 1", &tracked, 78),
    ];
    for (name, top, message, code) in rows {
        let output = run_with(&Company::new(top, ""), &["ingest", "--filter"], message.as_bytes());
        assert_eq!((output.code, output.out.as_str()), (code, message.as_str()), "{name}: {}", output.err);
    }
}

#[test]
fn a_filter_takes_forged_headers_away_without_a_store_too() {
    let blocked = "[store]\nurl = \"sqlite:config.toml/store\"\n";
    let all = format!("[headers]\nstrip = \"all\"\n{blocked}");
    let ignored = format!("[leads]\ndirect = \"ignore\"\n{blocked}");
    let forged = |substitute| delivered(1, substitute).replace("Subject:", "x-lead-ID: forged\r\n\tmore\r\nSubject:");
    let fault = "leadmilter: lead not recorded, message passed without headers: ";
    let rows = [
        ("store out of reach", blocked, "info+m11@company.ru", true, fault),
        ("not tracked", &ignored, "info@company.ru", false, ""),
        ("a mailbox itself", blocked, "info@company.ru", true, ""),
        ("not tracked, all stripped", &all, "info@company.ru", true, ""),
    ];
    for (name, top, substitute, is_stripped, said) in rows {
        let output = run_with(&Company::new(top, ""), &["ingest", "--filter"], forged(substitute).as_bytes());
        let expected = if is_stripped { delivered(1, substitute) } else { forged(substitute) };
        assert_eq!((output.code, output.out), (0, expected), "{name}");
        assert!(output.err.starts_with(said) && output.err.is_empty() == said.is_empty(), "{name}: {}", output.err);
    }
}

#[test]
fn a_filter_finds_forged_headers_wherever_a_reader_may() {
    let company = Company::new("[headers]\nstrip = \"all\"\n", "");
    let many: String = (0..1100).map(|number| format!("X-Lead-{number}: forged\r\n")).collect();
    let behind = "no colon here\r\n folded\r\n";
    let rows = [("behind a line without a colon", behind.to_owned(), behind), ("more than are counted", many, "")];
    for (name, extra, rest) in rows {
        let letter = |extra: &str| delivered(1, "info@company.ru").replace("Subject:", &format!("{extra}Subject:"));
        let forged = letter(&format!("{extra}X-Lead-Channel: forged\r\n"));
        let output = run_with(&company, &["ingest", "--filter"], forged.as_bytes());
        assert_eq!(output, Output { code: 0, out: letter(rest), err: String::new() }, "{name}");
    }
    let unsound = delivered(1, "info+m11@company.ru").replace("Message-ID:", "no colon\r\nMessage-ID:");
    run_with(&company, &["ingest", "--filter"], unsound.as_bytes());
    assert_eq!(leads(&company)[0]["message"]["message_id"], Value::Null, "as an MTA sees it");
}

#[test]
fn filters_that_make_the_store_at_once_record_every_lead() {
    for _ in 0..10 {
        let company = Company::new("", "");
        thread::scope(|scope| {
            for number in 0..8 {
                let company = &company;
                scope.spawn(move || {
                    let message = delivered(number, "info+m11@company.ru");
                    let output = run_with(company, &["ingest", "--filter"], message.as_bytes());
                    assert_eq!((output.code, output.err.as_str()), (0, ""));
                });
            }
        });
        assert_eq!(leads(&company).len(), 8);
    }
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_taken_in() {
    let company = Company::new("", "");
    fs::write(company.path("1.eml"), delivered(1, "info+m11@company.ru")).unwrap();
    let missing = run(&company, &["ingest", "1.eml", "2.eml"]);
    assert_eq!((missing.code, missing.out.as_str()), (65, ""));
    assert_eq!(missing.err, "leadmilter: cannot read 2.eml: No such file or directory (os error 2)\n");
    fs::create_dir(company.path("empty")).unwrap();
    let empty = run(&company, &["ingest", "empty"]);
    assert_eq!(summary(&empty), (0, "0 leads recorded, 0 known already, 0 messages without a lead", ""));
    let garbage: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    fs::write(company.path("garbage"), garbage).unwrap();
    let output = run(&company, &["ingest", "--recipient", "info+m11@company.ru", "garbage", "1.eml"]);
    assert_eq!(summary(&output), (0, "2 leads recorded, 0 known already, 0 messages without a lead", ""));
}

#[test]
fn signed_leads_of_a_lost_store_are_recovered_under_their_ids() {
    let company = Company::new("[headers]\nkey_file = \"header.key\"\n", "");
    let signed = run_with(&company, &["ingest", "--filter"], delivered(1, "info+m11@company.ru").as_bytes()).out;
    assert!(signed.contains("X-Lead-Signature: v1="), "{signed}");
    let before = leads(&company);
    let known = run_with(&company, &["ingest"], signed.as_bytes());
    assert_eq!(summary(&known), (0, "0 leads recorded, 1 known already, 0 messages without a lead", ""));
    let tagged = signed.replace("Subject: pumps", "Subject: [external] pumps");
    let known = run_with(&company, &["ingest"], tagged.as_bytes());
    assert_eq!(summary(&known), (0, "0 leads recorded, 1 known already, 0 messages without a lead", ""));
    fs::remove_dir_all(company.path("store")).unwrap();
    let recovered = run_with(&company, &["ingest"], signed.as_bytes());
    assert_eq!(summary(&recovered), (0, "1 lead recorded, 0 known already, 0 messages without a lead", ""));
    let after = leads(&company);
    assert_eq!(after[0]["lead_id"], before[0]["lead_id"]);
    let copied = signed.replace("<1@client.example>", "<2@client.example>");
    let forged = run_with(&company, &["ingest"], copied.as_bytes());
    assert_eq!(summary(&forged), (0, "1 lead recorded, 0 known already, 0 messages without a lead", ""));
    assert_eq!(leads(&company).len(), 2);
}
