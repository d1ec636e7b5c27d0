//! What outcome files say, and which rows are refused.

use std::sync::OnceLock;

use proptest::prelude::*;

use super::*;
use crate::{
    config::parse,
    intake::{message_digest, sender_key},
    outcome::{Outcome, OutcomeStatus},
    store::LeadRef,
};

const CONFIG: &str = r#"
hostname = "mx1.company.ru"
timezone = "Europe/Moscow"
[[mailbox]]
address = "info@company.ru"
[reports]
currency = "EUR"
"#;

fn config() -> &'static Config {
    static READ: OnceLock<Config> = OnceLock::new();
    READ.get_or_init(|| parse(CONFIG, "c.toml".as_ref(), "/".as_ref()).unwrap().config)
}

fn told(file: impl AsRef<[u8]>) -> Result<Told, Unreadable> {
    read(file.as_ref(), &Options::default(), config(), &mut |_| {})
}

fn outcomes(file: &str) -> Vec<NewOutcome> {
    let told = told(file).unwrap();
    assert_eq!(told.refused.told(), []);
    told.outcomes
}

fn refused(file: &str) -> Vec<(u64, String)> {
    told(file).unwrap().refused.told().iter().map(|of| (of.line, of.detail.clone())).collect()
}

fn at(text: &str) -> Millis {
    serde_json::from_value(serde_json::json!(text)).unwrap()
}

#[test]
fn a_table_and_json_say_the_same() {
    let table = "Lead ID;Message-ID;External ID;System;Email;Status;Stage;Amount;Currency;Occurred at;Deal ID;Note\n\
                 a;;17;amocrm;;Won;Оплачено;1 234,50;usd;2026-11-22T04:26:10+03:00;4711;x\n\
                 ;CAF7=x@mail.example;;;;in progress;;;;22.11.2026;;\n\
                 ;;;;Ivan@Client.Example;refund;;10;;2026-11-22 13:00;;\n";
    let json = r#"[{"lead_id": "a", "external_id": 17, "system": "amocrm", "status": "won", "stage": "Оплачено", "amount": 1234.50,
          "currency": "USD", "occurred_at": "2026-11-22T01:26:10Z", "deal_id": 4711, "message_id": null},
        {"message_id": "<CAF7=x@mail.example>", "status": "in_progress", "occurred_at": "2026-11-22"},
        {"sender": "ivan@client.example", "status": "refund", "amount": "10", "occurred_at": "2026-11-22T13:00:00"}]"#;
    let outcome = |status, occurred_at: &str| Outcome {
        system: String::new(),
        deal_id: String::new(),
        status,
        stage: None,
        amount: None,
        currency: None,
        occurred_at: at(occurred_at),
    };
    let new =
        |line, lead, outcome: Outcome, before: Millis| NewOutcome { line, lead, outcome, is_undated: false, before };
    let won = Outcome {
        system: "amocrm".into(),
        deal_id: "4711".into(),
        stage: Some("Оплачено".into()),
        amount: Some("1234.5".parse().unwrap()),
        currency: Some("USD".parse().unwrap()),
        ..outcome(OutcomeStatus::Won, "2026-11-22T01:26:10Z")
    };
    let refund = Outcome {
        amount: Some("10".parse().unwrap()),
        currency: Some("EUR".parse().unwrap()),
        ..outcome(OutcomeStatus::Refund, "2026-11-22T10:00:00Z")
    };
    let sender = crate::address::Address::parse("ivan@client.example").unwrap();
    let sender_key = Some(sender_key(&sender, crate::config::Normalize::Case));
    let after = |time: Millis| Millis(time.0 + 1);
    let expected = [
        new(
            1,
            LeadRef { lead_id: Some("a".into()), external_id: Some("17".into()), ..LeadRef::default() },
            won,
            after(at("2026-11-22T01:26:10Z")),
        ),
        new(
            2,
            LeadRef { message_id: Some(message_digest("CAF7=x@mail.example")), ..LeadRef::default() },
            outcome(OutcomeStatus::InProgress, "2026-11-21T21:00:00Z"),
            at("2026-11-22T21:00:00Z"),
        ),
        new(3, LeadRef { sender_key, ..LeadRef::default() }, refund, after(at("2026-11-22T10:00:00Z"))),
    ];
    assert_eq!(outcomes(json), expected);
    let lines =
        |of: Vec<NewOutcome>| of.into_iter().map(|new| NewOutcome { line: new.line - 1, ..new }).collect::<Vec<_>>();
    assert_eq!(lines(outcomes(table)), expected);
    assert_eq!(told(table).unwrap().unread, ["Note"]);
}

#[test]
fn what_nobody_dates_is_of_now() {
    let began = Millis::now();
    let options = Options { currency: Some(Currency::RUB), ..Options::default() }.of_system("crm").unwrap();
    let file = "external_id,status,amount\n17,won,1\n";
    let told = read(file.as_bytes(), &options, config(), &mut |_| {}).unwrap();
    let [new] = told.outcomes.as_slice() else { panic!("{told:?}") };
    assert!(new.is_undated && (began..=Millis::now()).contains(&new.outcome.occurred_at));
    assert_eq!(new.before, Millis(new.outcome.occurred_at.0 + 1));
    assert_eq!((new.outcome.system.as_str(), new.outcome.currency), ("crm", Some(Currency::RUB)));
    assert!(Options::default().of_system("").is_err());
}

#[test]
fn rows_that_cannot_be_used_are_refused_with_the_reason() {
    let known = "known are new, in_progress, qualified, won, lost, spam, refund";
    let keys = heading::KNOWN;
    let file = r#"[{"lead_id": "a"}, {"status": "won"}, {"lead_id": "a", "status": "Won"}, {"lead_id": 5, "status": "won"},
        {"external_id": "17", "status": "won"}, {"sender": "ivan", "status": "won"}, {"lead_id": "a", "status": "refund"},
        {"lead_id": "a", "status": "lost", "amount": -1}, {"lead_id": "a", "status": "won", "amount": 1e3},
        {"lead_id": "a", "status": "won", "ammount": 1}, {"lead_id": "a", "status": "won", "occurred_at": "1999-12-31T23:59:59Z"},
        {"lead_id": "a", "status": "won", "occurred_at": "2126-01-01"}, {"lead_id": "a", "status": "won", "occurred_at": "25:00"},
        {"lead_id": "a", "status": "won", "system": "a b"}, {"lead_id": "a", "status": "won", "deal_id": ""},
        {"lead_id": "a", "status": "won", "amount": true}, {"lead_id": "a", "status": "won", "occurred_at": "2099-01-01"}]"#;
    let expected = [
        (1, "names no status".to_owned()),
        (2, "names no lead: by lead_id, message_id, external_id with system, or sender".to_owned()),
        (3, format!("\"Won\" is no status: {known}")),
        (4, "lead_id is no string".to_owned()),
        (5, "external_id needs a system that it is of".to_owned()),
        (6, "\"ivan\" is no mail address".to_owned()),
        (7, "is a refund without an amount".to_owned()),
        (8, "-1.00 is below zero, which only won and refund may be".to_owned()),
        (9, "\"1e3\" is no amount: write digits with a point, such as 1234.50".to_owned()),
        (10, format!("\"ammount\" is no key that is known: {keys}")),
        (11, "\"1999-12-31T23:59:59Z\" is not in this century".to_owned()),
        (12, "\"2126-01-01\" is not in this century".to_owned()),
        (13, "\"25:00\" is no time: write 2026-11-22T04:26:10Z or 2026-11-22".to_owned()),
        (14, "system \"a b\" is no name: write letters, digits, . _ -, at most 64".to_owned()),
        (16, "amount is no amount".to_owned()),
        (17, "\"2099-01-01\" is in the future".to_owned()),
    ];
    assert_eq!(refused(file), expected);
    let long = format!("lead_id,status,deal_id\na,won,{}\na,won,{}\n", "x".repeat(255), "x".repeat(256));
    assert_eq!(refused(&long), [(3, "deal_id is no id of 1 to 255 characters".to_owned())]);
    for (file, why) in [
        ("lead_id,amount\n", format!("line 1: no column says what became of a lead. Known columns: {keys}")),
        ("status,amount\n", format!("line 1: no column says of which lead an outcome is. Known columns: {keys}")),
        ("", "is empty".to_owned()),
    ] {
        assert_eq!(told(file).unwrap_err().to_string(), why);
    }
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(
        octets in prop::collection::vec(any::<u8>(), 0..200),
        table in "(won|a@b\\.c|[,;\"\n]|2026-11-0[1-9]|[0-9T:.,-]{1,8}|[а-я ]{1,3}){0,40}",
        cell in "\\PC{0,20}|[0-9TZ:.+-]{0,20}",
    ) {
        let json = serde_json::json!([{"status": "won", "occurred_at": cell, "lead_id": cell, "sender": cell, "amount": cell,
            "external_id": cell, "system": "s", "message_id": cell}]);
        let table = format!("lead_id,status,amount,occurred_at\n{table}");
        for file in [octets, table.into_bytes(), json.to_string().into_bytes()] {
            drop(told(&file));
        }
    }
}
