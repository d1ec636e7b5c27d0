//! What every letter of the table is, and why: through `ingest` in one call, and through the milter door.
//!
//! The table is `tests/mail/kinds/*.txt`; its README says how a row is written.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use indymilter_test::MacroStage;

use crate::{
    command::run,
    company::Company,
    milter_house::{Door, HEADERS, Letter, end, send, to},
};

/// No address leaks by so much mail, and one sender is a monitor.
const TOP: &str = "[classify]\ntest_senders = [\"probe@monitor.example\"]\n[leak]\ndomains = 0\nspam = 0\n";

/// A letter of the table, and what it is.
struct Row {
    name: String,
    kind: String,
    reason: Option<String>,
    envelope: String,
    /// Name and value, folds kept.
    headers: Vec<(String, String)>,
}

/// Kind and reason by the name of the letter.
type Kinds = BTreeMap<String, (String, Option<String>)>;

fn table() -> Vec<Row> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail/kinds");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    let mut rows = Vec::new();
    for file in files {
        let of = file.file_stem().unwrap().to_str().unwrap().to_owned();
        for block in fs::read_to_string(&file).unwrap().split("\n\n").filter(|block| !block.trim().is_empty()) {
            rows.push(row(rows.len() + 1, &of, block));
        }
    }
    rows
}

fn row(number: usize, of: &str, block: &str) -> Row {
    let mut lines = block.trim().lines();
    let name = format!("{of}: {}", lines.next().unwrap().strip_prefix("# ").expect(block));
    let kind = lines.next().unwrap().strip_prefix("> ").expect(block);
    let (kind, reason) = kind.split_once(" = ").map_or((kind, None), |(kind, reason)| (kind, Some(reason.to_owned())));
    let mut envelope = None;
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in lines {
        if let Some(sender) = line.strip_prefix("> envelope ") {
            envelope = Some(sender.trim_matches(['<', '>']).to_owned());
        } else if line.starts_with(['\t', ' ']) {
            write!(headers.last_mut().unwrap().1, "\n{line}").unwrap();
        } else {
            let (name, value) = line.split_once(':').expect(block);
            headers.push((name.to_owned(), value.strip_prefix(' ').unwrap_or(value).to_owned()));
        }
    }
    let author = headers.iter().find(|(name, _)| name == "From").map_or("ivan@client.example", |(_, value)| value);
    let author = author.split(['<', '>', ' ', '(']).find(|part| part.contains('@')).unwrap().to_owned();
    for (name, value) in [
        ("From", "Ivan <ivan@client.example>".to_owned()),
        ("To", "info@company.ru".to_owned()),
        ("Date", "Sun, 22 Nov 2026 07:26:07 +0300".to_owned()),
        ("Message-ID", format!("<{number}@kinds.example>")),
    ] {
        if !headers.iter().any(|(known, _)| known == name) {
            headers.push((name.to_owned(), value));
        }
    }
    Row { name, kind: kind.to_owned(), reason, envelope: envelope.unwrap_or(author), headers }
}

fn expected(table: &[Row]) -> Kinds {
    let kinds: Kinds = table.iter().map(|row| (row.name.clone(), (row.kind.clone(), row.reason.clone()))).collect();
    assert_eq!(kinds.len(), table.len(), "two letters have one name");
    kinds
}

/// Fails with the rows that differ, all of them.
fn assert_kinds(found: &Kinds, table: &[Row]) {
    let expected = expected(table);
    let mut differences = String::new();
    for (name, expected) in &expected {
        let found = found.get(name);
        if found != Some(expected) {
            writeln!(differences, "{name}:\n  found    {found:?}\n  expected {expected:?}").unwrap();
        }
    }
    assert!(differences.is_empty(), "{differences}");
    assert_eq!(found.len(), expected.len());
}

#[test]
fn table_is_as_large_as_promised() {
    let table = table();
    let leads = table.iter().filter(|row| row.kind == "lead").count();
    assert!(table.len() >= 180 && leads >= 60, "{} letters, {leads} leads", table.len());
    for kind in ["auto_reply", "bounce", "complaint", "receipt", "list", "spam", "internal", "test"] {
        assert!(table.iter().any(|row| row.kind == kind), "{kind}");
    }
    for row in table.iter().filter(|row| row.kind == "lead") {
        assert_eq!(row.reason, None, "{}", row.name);
    }
}

#[test]
fn ingest_tells_the_kind_of_every_letter_and_why() {
    let company = Company::new(TOP, "");
    let table = table();
    fs::create_dir(company.path("letters")).unwrap();
    for (number, row) in table.iter().enumerate() {
        let mut letter = format!(
            "Return-Path: <{}>\r\nX-Original-To: info+m11@company.ru\r\nReceived: from a by b; Sun, 22 Nov 2026 07:26:10 +0300\r\n",
            row.envelope
        );
        for (name, value) in &row.headers {
            write!(letter, "{name}: {}\r\n", value.replace('\n', "\r\n")).unwrap();
        }
        letter.push_str("\r\nAuto-Submitted: in the body it means nothing\r\n");
        fs::write(company.path(format!("letters/{number:03}")), letter).unwrap();
    }
    let lines = run(&company, &["ingest", "--json", "letters"]).json();
    assert_eq!(lines.len(), table.len());
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let mut found = Kinds::new();
    for line in &lines {
        let number: usize = line["file"].as_str().unwrap().trim_start_matches("letters/").parse().unwrap();
        let row = &table[number];
        found.insert(row.name.clone(), (text(&line["kind"]).unwrap_or_default(), text(&line["reason"])));
        let data = &line["event"]["data"];
        assert_eq!((&data["kind"], &data["kind_reason"]), (&line["kind"], &line["reason"]), "{}", row.name);
        assert_eq!(crate::told::faults(&line["event"]), Vec::<String>::new(), "{}", row.name);
        let reason = line["reason"].as_str().unwrap_or_default();
        assert!(!reason.contains("@client.example"), "{}: an address leaves in {reason}", row.name);
    }
    assert_kinds(&found, &table);
}

#[tokio::test]
async fn milter_tells_the_kind_of_every_letter_and_why() {
    let door = Door::open(TOP);
    let mut mta = door.connect().await;
    let table = table();
    for row in &table {
        let headers: Vec<_> = row.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let envelope = format!("<{}>", row.envelope);
        let edits =
            send(&mut mta, &Letter { mail: &[&envelope], headers: &headers, ..to(&[&["<info+m11@company.ru>"]]) })
                .await;
        let kind = edits.iter().find_map(|edit| edit.split_once("X-Lead-Kind: ").map(|(_, kind)| kind));
        let unique = edits.iter().any(|edit| edit.contains("X-Lead-Unique: "));
        let told = (kind.unwrap_or("lead"), unique);
        assert_eq!(told, (row.kind.as_str(), row.kind == "lead"), "{}: {edits:?}", row.name);
    }
    let kept = |lead: leadmilter::lead::Lead| (lead.kind.as_str().to_owned(), lead.kind_reason);
    let found = table.iter().map(|row| row.name.clone()).zip(door.leads().into_iter().map(kept)).collect();
    assert_kinds(&found, &table);
    let leads = u64::try_from(table.iter().filter(|row| row.kind == "lead").count()).unwrap();
    let others = u64::try_from(table.len()).unwrap() - leads;
    assert_eq!((door.metrics.leads.get(), door.metrics.other_kinds.get()), (leads, others));
}

#[tokio::test]
async fn how_a_letter_was_handed_in_tells_that_it_is_our_own() {
    let door = Door::open("[classify]\nnetworks = [\"10.0.0.0/8\", \"2001:db8:1::/48\"]\n");
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, Option<&'a str>);
    let rows: [Case<'_>; 8] = [
        ("submission", &[("{auth_authen}", "manager")], "internal", Some("authenticated client")),
        ("nobody authenticated", &[("{auth_authen}", "")], "lead", None),
        ("Postfix' own", &[("{daemon_name}", "ORIGINATING")], "internal", Some("submitted by own users")),
        ("a public port", &[("{daemon_name}", "smtpd")], "lead", None),
        ("office", &[("{client_addr}", "10.1.2.3")], "internal", Some("client 10.1.2.3 is in classify.networks")),
        (
            "office by IPv6",
            &[("{client_addr}", "IPv6:2001:db8:1::7")],
            "internal",
            Some("client 2001:db8:1::7 is in classify.networks"),
        ),
        ("world", &[("{client_addr}", "192.0.2.1")], "lead", None),
        ("no macro at all", &[], "lead", None),
    ];
    for (at, (name, macros, kind, reason)) in rows.iter().enumerate() {
        let mut mta = door.connect().await;
        let id = format!("<{at}@client.example>");
        for (name, value) in *macros {
            let stage = if *name == "{auth_authen}" { MacroStage::Mail } else { MacroStage::Connect };
            mta.macros(stage, [(*name, *value)]).await.unwrap();
        }
        mta.mail(["<ivan@client.example>"]).await.unwrap();
        mta.rcpt(["<info+m11@company.ru>"]).await.unwrap();
        mta.data().await.unwrap();
        for (name, value) in HEADERS {
            mta.header(*name, if *name == "Message-ID" { &id } else { *value }).await.unwrap();
        }
        end(&mut mta).await;
        let lead = door.leads().pop().unwrap();
        assert_eq!((lead.message.message_id.as_deref(), lead.kind.as_str()), (Some(id.as_str()), *kind), "{name}");
        assert_eq!(lead.kind_reason.as_deref(), *reason, "{name}");
    }
}

#[test]
fn config_decides_what_is_internal_and_what_is_spam() {
    let letter = |from: &str, more: &str| {
        format!(
            "X-Original-To: info+m11@company.ru\nFrom: {from}\nSubject: pumps\nMessage-ID: <1@client.example>\n{more}\nbody\n"
        )
    };
    let own = "[classify]\nown_domain_is_internal = false\n";
    let score = "[leads]\nspam_headers = [\"X-Spam-Score: [5-9]?.*\", \"Subject: pum?s\"]\n";
    let rows = [
        (own, "form@company.ru", "", "lead", None),
        ("", "form@company.ru", "", "internal", Some("sender is in own domain company.ru")),
        ("", "form@sub.company.ru", "", "lead", None),
        (score, "max@pills.example", "X-Spam-Score: 71.2\n", "spam", Some("X-Spam-Score: [5-9]?.*")),
        (score, "max@pills.example", "X-Spam-Flag: YES\n", "spam", Some("Subject: pum?s")),
        ("[leads]\nspam_headers = []\n", "max@pills.example", "X-Spam-Flag: YES\n", "lead", None),
    ];
    for (top, from, more, kind, reason) in rows {
        let company = Company::new(top, "");
        fs::write(company.path("1.eml"), letter(from, more)).unwrap();
        let line = run(&company, &["ingest", "--json", "1.eml"]).json().remove(0);
        assert_eq!((line["kind"].as_str(), line["reason"].as_str()), (Some(kind), reason), "{top} {from} {more}");
    }
}
