//! The audit log as the command line writes and shows it.

use nix::unistd::{Uid, User};
use serde_json::{Value, json};

use crate::{
    command::{self, Output},
    company::Company,
};

/// Who runs the commands of a test.
fn us() -> String {
    format!("cli:{}", User::from_uid(Uid::current()).unwrap().unwrap().name)
}

/// The log without times, the newest first.
fn noted(company: &Company, options: &[&str]) -> Vec<Value> {
    let mut entries = command::run(company, &[&["audit", "--json"], options].concat()).json();
    for entry in &mut entries {
        assert!(entry.as_object_mut().unwrap().remove("at").unwrap().as_str().unwrap().ends_with('Z'));
    }
    entries
}

#[test]
fn commands_that_change_something_say_who_did_what() {
    let company = Company::new("", "");
    let made = command::run(&company, &["token", "new", "--scope", "resolve,addresses"]);
    assert_eq!(made.code, 0, "{made:?}");
    let id = command::run(&company, &["token", "list", "--json"]).json()[0]["id"].as_str().unwrap().to_owned();
    command::run(&company, &["token", "revoke", &id]);
    command::run(&company, &["token", "revoke", &id]);
    let letter = "From: anna@client.test\r\nTo: info+m11@company.ru\r\nMessage-ID: <1@client.test>\r\n\r\nHello\r\n";
    let told =
        command::run_with(&company, &["ingest", "--recipient", "info+m11@company.ru", "--json"], letter.as_bytes())
            .json();
    let lead = told[0]["event"]["data"]["lead_id"].as_str().unwrap().to_owned();
    command::run(&company, &["leads", "mark", &lead, "spam"]);

    let who = us();
    let [marked, revoked, added] = [
        json!({"id": 3, "who": who, "did": "lead.marked", "what": lead, "details": "spam"}),
        json!({"id": 2, "who": who, "did": "token.revoked", "what": id, "details": null}),
        json!({"id": 1, "who": who, "did": "token.added", "what": id, "details": "addresses,resolve"}),
    ];
    assert_eq!(noted(&company, &[]), [marked.clone(), revoked.clone(), added.clone()]);
    assert_eq!(noted(&company, &["--limit", "1"]), [marked]);
    assert_eq!(noted(&company, &["--did", "token.added"]), std::slice::from_ref(&added));
    assert_eq!(noted(&company, &["--who", "daemon"]), [] as [Value; 0]);
    assert_eq!(noted(&company, &["--who", &who, "--did", "token.revoked"]), [revoked]);
    assert_eq!(noted(&company, &["--until", "2020-01-01"]), [] as [Value; 0]);
    assert_eq!(noted(&company, &["--since", "2020-01-01"]).len(), 3);

    let nobody = command::run(&company, &["audit", "--who", "person:anna"]);
    assert_eq!(nobody, Output { code: 0, out: "nothing was noted yet\n".into(), err: String::new() });
    let shown = command::run(&company, &["audit", "--did", "token.added"]).out;
    let lines: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["AT", "WHO", "DID", "WHAT", "DETAILS"]);
    assert_eq!(lines[1][2..], [who.as_str(), "token.added", id.as_str(), "addresses,resolve"]);
}
