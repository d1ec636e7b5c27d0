//! Outcomes at the command line: of which lead each is, told once, all or none.

use std::fs;

use leadmilter::{
    event::EventType,
    lead::{Kind, Lead},
};
use serde_json::{Value, json};

use crate::{
    command::Output,
    desk::{Desk, M11, Told, YD},
};

const IVAN: &str = "ivan@client.example";
const EVENTS: &str = "events = [\"lead.outcome\", \"lead.marked\"]";

fn write(desk: &Desk, name: &str, text: &str) {
    fs::write(desk.door.company.path(name), text).unwrap();
}

/// What an import of this file says.
fn import(desk: &Desk, text: &str) -> Output {
    write(desk, "deals.csv", text);
    desk.run(&["outcomes", "import", "deals.csv"])
}

/// The same of one that has to succeed.
fn imported(desk: &Desk, text: &str) -> String {
    let output = import(desk, text);
    assert_eq!((output.code, output.err.as_str()), (0, ""), "{text}");
    output.out
}

fn listed(desk: &Desk, options: &[&str]) -> Vec<Value> {
    desk.run(&[&["outcomes", "list", "--json"], options].concat()).json()
}

/// Lead, status and amount, newest first.
fn short(rows: &[Value]) -> Vec<String> {
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or("-").to_owned();
    rows.iter().map(|row| ["lead_id", "status", "amount"].map(|key| text(row, key)).join(" ")).collect()
}

fn said(rows: usize, recorded: &str, known: usize) -> String {
    let rows = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
    format!("deals.csv: {rows}\n{recorded} recorded, {known} known already\n")
}

fn told(lead: &Lead, event: EventType, kind: Kind) -> Told {
    Told { event, lead: lead.lead_id.clone(), kind: kind.as_str().to_owned() }
}

#[tokio::test]
async fn an_outcome_is_of_the_lead_that_any_of_its_names_finds() {
    let mut desk = Desk::open("").await;
    let answer: &[(&str, &str)] = &[("In-Reply-To", "<1@client.example>")];
    desk.letter("1", IVAN, M11, &[]).await;
    let first = desk.last().lead_id;
    desk.letter("2", IVAN, YD, &[]).await;
    let second = desk.last().lead_id;
    desk.letter("3", IVAN, M11, answer).await;
    let reply = desk.last().lead_id;
    assert_eq!(desk.last().in_thread_of, Some(first.clone()));

    let rows = [
        (format!("{first},,,,,won"), &first),
        (",<2@client.example>,,,,won".to_owned(), &second),
        (",2@client.example,,,,lost".to_owned(), &second),
        // What becomes of a reply becomes of the inquiry.
        (format!("{reply},,,,,lost"), &first),
        (",<3@client.example>,,,,qualified".to_owned(), &first),
        // The newest lead that counts.
        (",,,,Ivan@CLIENT.example,new".to_owned(), &second),
        // Nobody knows 17 yet, and the sender does; then 17 is enough.
        (format!(",,17,amocrm,{IVAN},new"), &second),
        (",,17,amocrm,,in_progress".to_owned(), &second),
        (format!("{first},,18,amocrm,,new"), &first),
        (",,18,amocrm,nobody@client.example,qualified".to_owned(), &first),
    ];
    for (row, lead) in &rows {
        let head = "lead_id,message_id,external_id,system,sender,status\n";
        assert_eq!(imported(&desk, &format!("{head}{row}\n")), said(1, "1 outcome", 0), "{row}");
        assert_eq!(listed(&desk, &["--limit", "1"])[0]["lead_id"], **lead, "{row}");
    }
    // Before anybody had written, and from whom nobody has heard.
    let err = "deals.csv:2: no lead of this sender was received before\n\
               deals.csv:3: no lead of this sender was received before\n\
               deals.csv:4: there is no lead \"nobody\"\n\
               deals.csv:5: no letter of this message_id was recorded\n\
               deals.csv:6: no lead is known as \"19\" in amocrm: tell lead_id along with it once\n\
               deals.csv:7: no lead is known as \"17\" in bitrix24: tell lead_id along with it once\n\
               leadmilter: nothing was imported: 6 rows refused\n";
    let text = format!(
        "lead_id,message_id,external_id,system,sender,status,occurred_at\n,,,,{IVAN},won,2020-01-01\n\
         ,,,,nobody@client.example,won,\nnobody,,,,,won,\n,<9@client.example>,,,,won,\n,,19,amocrm,,won,\n\
         ,,17,bitrix24,,won,\n{first},,,,,won,2026-11-22T00:00:00Z\n"
    );
    let before = listed(&desk, &[]);
    assert_eq!(import(&desk, &text), Output { code: 65, out: String::new(), err: err.to_owned() });
    assert_eq!(listed(&desk, &[]), before, "nothing half imported");
}

#[tokio::test]
async fn the_same_told_again_is_no_news_and_a_correction_is() {
    let mut desk =
        Desk::with_sinks("", &[("crm", EVENTS), ("spam", "kinds = [\"spam\"]\nevents = [\"lead.outcome\"]")]).await;
    desk.letter("1", IVAN, M11, &[]).await;
    let lead = desk.last();
    let id = &lead.lead_id;
    let head = "lead_id;status;stage;amount;currency;occurred_at;system;deal_id\n";
    let won = format!("{head}{id};won;Оплачено;1 234,50;RUB;2026-11-22T04:26:10Z;amocrm;4711\n");
    assert_eq!(imported(&desk, &won), said(1, "1 outcome", 0));
    assert_eq!(imported(&desk, &won), said(1, "0 outcomes", 1));
    let corrected = won.replace("234,50", "300");
    assert_eq!(imported(&desk, &corrected), said(1, "1 outcome", 0));
    let refund = format!("{head}{id};refund;;300;USD;2026-11-23T00:00:00Z;amocrm;4711\n");
    assert_eq!(imported(&desk, &refund), said(1, "1 outcome", 0));

    let events = desk.events("crm");
    let outcome = |status: &str, stage: Value, amount: &str, currency: &str, at: &str| {
        json!({"system": "amocrm", "deal_id": "4711", "status": status, "stage": stage, "amount": amount,
            "currency": currency, "occurred_at": at})
    };
    let at = "2026-11-22T04:26:10.000Z";
    let rows = [
        (outcome("won", json!("Оплачено"), "1234.50", "RUB", at), "1234.50"),
        (outcome("won", json!("Оплачено"), "1300.00", "RUB", at), "1300.00"),
        (outcome("refund", Value::Null, "300.00", "USD", "2026-11-23T00:00:00.000Z"), "-300.00"),
    ];
    assert_eq!(events.len(), rows.len());
    for (event, (outcome, amount)) in events.iter().zip(&rows) {
        let mut data = serde_json::to_value(&lead).unwrap();
        data["value"] = json!({"amount": amount, "currency": outcome["currency"]});
        data["outcome"] = outcome.clone();
        assert_eq!((&event["type"], &event["data"]), (&json!("lead.outcome"), &data));
        assert_eq!([&event["time"], &event["timestamp"]], [&outcome["occurred_at"]; 2]);
        assert_ne!(event["id"], json!(id));
    }
    assert_eq!(desk.told("spam"), [], "of another kind");

    // What nobody dates is known by what it says.
    let undated = format!("lead_id,status,amount\n{id},lost,\n");
    assert_eq!(imported(&desk, &undated), said(1, "1 outcome", 0));
    assert_eq!(imported(&desk, &undated), said(1, "0 outcomes", 1));
    let first = listed(&desk, &["--status", "lost"]).remove(0);
    assert_eq!([&first["system"], &first["deal_id"], &first["amount"]], [&json!(""), &json!(""), &Value::Null]);

    let shown = desk.done(&["leads", "show", id]);
    let lines: Vec<&str> = shown.lines().filter(|line| line.starts_with("outcome")).take(2).collect();
    let expected = [
        "outcome       won 1300.00 RUB, \"Оплачено\", 2026-11-22 04:26:10, amocrm, deal 4711",
        "outcome       refund 300.00 USD, 2026-11-23 00:00:00, amocrm, deal 4711",
    ];
    assert_eq!(lines, expected);
    assert_eq!(desk.last(), lead, "the lead itself stays as its event tells it");
    // What a listing prints can be taken in again, and is no news.
    let printed = desk.done(&["outcomes", "list", "--json"]);
    let lines = printed.replace(",\"recorded_at\"", ",\"x\"");
    assert!(import(&desk, &lines).err.contains("\"x\" is no key that is known"));
    assert_eq!(imported(&desk, &printed), said(3, "0 outcomes", 3));
}

#[tokio::test]
async fn spam_is_told_and_marks_the_lead() {
    let mut desk = Desk::with_sinks("", &[("crm", EVENTS)]).await;
    desk.letter("1", IVAN, M11, &[]).await;
    let lead = desk.last();
    let file = format!("lead_id,status,system\n{},spam,amocrm\n", lead.lead_id);
    for (recorded, known) in [("1 outcome", 0), ("0 outcomes", 1)] {
        assert_eq!(imported(&desk, &file), said(1, recorded, known));
    }
    let (outcome, marked) = (EventType::LeadOutcome, EventType::LeadMarked);
    assert_eq!(desk.told("crm"), [told(&lead, outcome, Kind::Lead), told(&lead, marked, Kind::Spam)]);
    let now = desk.last();
    assert_eq!((now.kind, now.kind_reason.as_deref()), (Kind::Spam, Some("amocrm calls it spam")));
    assert!(!now.repeat.counts());
}

#[tokio::test]
async fn a_sender_that_is_spam_whole_never_begins_again() {
    let mut desk = Desk::with_sinks("", &[("crm", EVENTS)]).await;
    let mut leads = Vec::new();
    for number in 1..=4 {
        desk.letter(&number.to_string(), IVAN, M11, &[]).await;
        leads.push(desk.last());
    }
    // All but the last: what is left of the series begins with it.
    let rows: String = leads.iter().take(3).map(|lead| format!("{},spam\n", lead.lead_id)).collect();
    assert_eq!(imported(&desk, &format!("lead_id,status\n{rows}")), said(3, "3 outcomes", 0));
    let (outcome, marked) = (EventType::LeadOutcome, EventType::LeadMarked);
    let mut expected: Vec<_> = leads.iter().take(3).map(|lead| told(lead, outcome, Kind::Lead)).collect();
    expected.extend(leads.iter().take(3).rev().map(|lead| told(lead, marked, Kind::Spam)));
    expected.push(told(&leads[3], marked, Kind::Lead));
    assert_eq!(desk.told("crm"), expected);
    let last = desk.last();
    assert_eq!((last.repeat.unique, last.repeat.count, last.repeat.first_lead_id), (true, 1, None));
}

#[tokio::test]
async fn files_are_imported_together_or_not_at_all_and_noted() {
    let mut desk = Desk::open("").await;
    desk.letter("1", IVAN, M11, &[]).await;
    let id = desk.last().lead_id;
    write(&desk, "a.csv", &format!("lead_id,status,occurred_at\n{id},new,2026-11-20\n{id},qualified,2026-11-21\n"));
    write(
        &desk,
        "b.json",
        &format!(r#"[{{"lead_id": "{id}", "status": "won", "amount": "5", "occurred_at": "2026-11-22"}}]"#),
    );
    write(&desk, "bad.csv", "lead_id,status,occurred_at\nnobody,won,2026-11-22\n");
    write(
        &desk,
        "twice.csv",
        &format!(
            "lead_id,status,amount,occurred_at\n{id},won,1,2026-11-22\n{id},won,1,2026-11-22\n{id},won,2,2026-11-22\n"
        ),
    );
    let run = |files: &[&str]| desk.run(&[&["outcomes", "import"], files].concat());
    let refused = |err: &str, rows| Output {
        code: 65,
        out: String::new(),
        err: format!("{err}\nleadmilter: nothing was imported: {rows} refused\n"),
    };
    assert_eq!(run(&["a.csv", "bad.csv", "b.json"]), refused("bad.csv:2: there is no lead \"nobody\"", "1 row"));
    let twice = "twice.csv:4: is the same outcome as line 2, with another stage or amount";
    assert_eq!(run(&["twice.csv"]), refused(twice, "1 row"));
    assert_eq!(listed(&desk, &[]), Vec::<Value>::new());

    let dry = run(&["--dry-run", "a.csv", "b.json"]);
    assert_eq!(dry.out, "a.csv: 2 rows\nb.json: 1 row\n3 outcomes would be recorded, 0 known already\n");
    assert_eq!(listed(&desk, &[]), Vec::<Value>::new());
    let done = run(&["--json", "a.csv", "b.json"]);
    let file = |name: &str, rows| json!({"file": name, "rows": rows, "refused": 0, "errors": [], "unread_columns": []});
    let report =
        json!({"dry_run": false, "files": [file("a.csv", 2), file("b.json", 1)], "recorded": 3, "unchanged": 0});
    assert_eq!(done.json(), [report]);

    let rows = [format!("{id} won 5.00"), format!("{id} qualified -"), format!("{id} new -")];
    assert_eq!(short(&listed(&desk, &[])), rows);
    for (options, wanted) in [
        (&["--status", "won"][..], 0..1),
        (&["--since", "2026-11-21"], 0..2),
        (&["--until", "2026-11-21", "--lead", &id], 2..3),
        (&["--system", "amocrm"], 0..0),
        (&["--limit", "2"], 0..2),
    ] {
        assert_eq!(short(&listed(&desk, options)), rows[wanted], "{options:?}");
    }
    let table = desk.done(&["outcomes", "list", "--status", "won"]);
    let lines = format!(
        "OCCURRED             LEAD                                  STATUS  STAGE  AMOUNT    SYSTEM  DEAL\n\
         2026-11-22 00:00:00  {id}  won     -      5.00 RUB  -       -\n"
    );
    assert_eq!(table, lines);
    let audit = desk.run(&["audit", "--did", "outcomes.imported", "--json"]).json();
    let noted: Vec<_> = audit.iter().map(|entry| [&entry["what"], &entry["details"]]).collect();
    assert_eq!(noted, [[&json!("a.csv, b.json"), &json!("3 outcomes")]]);
}
