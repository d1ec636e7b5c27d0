//! Reports by mail: through a real Postfix by SMTP, and through a program as sendmail(1) is called.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use leadmilter::{
    clock::Millis,
    store::{Commit, NewLead, Store},
};
use mail_parser::{Message, MessageParser, MimeHeaders};
use serde_json::json;

use crate::{
    command::{self, run},
    company::Company,
    fault_house::header,
    house,
    postfix_house::{Daemon, Postfix, SHIPPED_MILTER, wait_for},
};

const DAY: Duration = Duration::from_secs(86_400);

/// A store with two leads of yesterday, whose reports have told of days long past.
fn fill(company: &Company, reports: &[&str]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(&company.path("store")).unwrap();
        for sender in ["ivan@client.example", "anna@client.example"] {
            let mut new = NewLead { subscribers: [].into(), ..house::lead(sender, "info+m11@company.ru") };
            new.lead.received_at = Millis::now().minus(DAY);
            store.record(new, Commit::Durable).await.unwrap();
        }
        for report in reports {
            store.note_mailing(report, "2020-01-01", Millis(0)).await.unwrap();
        }
        store.close(Duration::from_secs(10)).await;
    });
}

fn report(id: &str, to: &str, more: &str) -> String {
    format!("[[report]]\nid = \"{id}\"\nto = [\"{to}\"]\nevery = \"day\"\nat = \"00:00\"\n{more}")
}

fn field<'a>(letter: &'a Message<'_>, name: &'a str) -> &'a str {
    letter.header_raw(name).unwrap_or_else(|| panic!("no {name}")).trim()
}

/// The days of yesterday, as a report writes them.
fn yesterday() -> String {
    Millis::now().minus(DAY).to_string()[..10].to_owned()
}

#[test]
fn a_report_that_is_due_is_sent_once_through_the_mail_server_and_is_no_lead() {
    let postfix = Postfix::start(SHIPPED_MILTER, &[]);
    let company = Company::new("", "");
    let configure = |reports: &str| {
        let top = format!(
            "[milter]\nlisten = \"unix:{}\"\n[mail]\nsmtp = \"127.0.0.1:{}\"\n{reports}",
            postfix.socket().display(),
            postfix.fact("port"),
        );
        company.rewrite(&top, "");
    };
    let daily = report("daily", "info+m11@company.ru", "language = \"ru\"\n");
    // One that the config has not had before begins with its next time.
    configure(&format!("{daily}{}", report("new", "info@company.ru", "")));
    fill(&company, &["daily", "second"]);
    let day = yesterday();
    let daemon = Daemon::start(&company.config_file());
    let mails = postfix.mails("info@company.ru", 1);
    daemon.wait_log("sent");
    let (code, log) = daemon.terminate();
    assert_eq!(code.code(), Some(0), "{log}");
    // Had it been forgotten, it would be sent again before the second.
    configure(&format!("{daily}{}", report("second", "sales@company.ru", "preset = \"senders\"\n")));
    let daemon = Daemon::start(&company.config_file());
    assert_eq!(postfix.mails("sales@company.ru", 1).len(), 1);
    daemon.wait_log("sent");
    let (_, log) = daemon.terminate();
    assert!(log.contains(&format!("report second of {day} is sent, recipients=1")), "{log}");
    assert_eq!((mails.len(), postfix.mails("info@company.ru", 1).len()), (1, 1));

    let letter = MessageParser::default().parse(&mails[0]).unwrap();
    let facts = [
        field(&letter, "Auto-Submitted"),
        field(&letter, "X-Auto-Response-Suppress"),
        field(&letter, "From"),
        field(&letter, "To"),
        field(&letter, "Message-ID"),
        letter.subject().unwrap(),
    ];
    let expected = [
        "auto-generated",
        "All",
        "leadmilter <leadmilter@mx1.company.ru>",
        "info+m11@company.ru",
        &format!("<report.daily.{day}@mx1.company.ru>"),
        &format!("Каналы: {day}"),
    ];
    assert_eq!(facts, expected);
    assert_eq!(header(&mails[0], "X-Lead-Kind").as_deref(), Some("auto_reply"));
    let plain = letter.body_text(0).unwrap();
    for part in [format!("Период: {day}"), "Щит на М11".to_owned(), "Итого".to_owned()] {
        assert!(plain.contains(&part), "{part:?} in {plain}");
    }
    let html = letter.body_html(0).unwrap();
    for part in ["lang=\"ru\"", "<bdi>Щит на М11</bdi>", "<td width=\"120\" height=\"6\"", ">2<"] {
        assert!(html.contains(part), "{part:?} in {html}");
    }
    assert!(!html.contains("://") && !html.contains("<img"), "{html}");
    let leads = run(&company, &["leads", "--json"]).json();
    assert_eq!(leads.len(), 2, "a report is no lead");
}

/// A company whose mail goes to this shell script.
fn with_program(script: &str, reports: &str) -> Company {
    let company = Company::new("", "");
    let program = company.path("sendmail");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let top = "[milter]\nlisten = \"unix:milter.sock\"\n[mail]\nsendmail = \"sendmail\"\n";
    company.rewrite(&format!("{top}{reports}"), "");
    company
}

#[test]
fn a_report_goes_to_the_program_of_the_config_when_a_person_asks_for_it() {
    let folder = "$(dirname \"$0\")";
    let script = format!("echo \"$@\" > \"{folder}/called\"; cat > \"{folder}/letter\"");
    let company = with_program(&script, &report("daily", "boss@company.ru", "from = \"reports@company.ru\"\n"));
    fill(&company, &[]);
    let day = yesterday();
    let shown = run(&company, &["report", "mail", "daily", "--dry-run"]);
    assert_eq!((shown.code, company.path("called").exists()), (0, false), "{shown:?}");
    let sent = run(&company, &["report", "mail", "daily"]);
    let expected =
        command::Output { code: 0, out: format!("daily of {day}: sent to boss@company.ru\n"), err: String::new() };
    assert_eq!(sent, expected);
    let called = fs::read_to_string(company.path("called")).unwrap();
    assert_eq!(called, "-i -f reports@company.ru -- boss@company.ru\n");
    let letter = fs::read_to_string(company.path("letter")).unwrap();
    assert!(!letter.contains('\r'), "{letter:?}");
    let parsed = [letter.as_bytes(), shown.out.as_bytes()].map(|text| MessageParser::default().parse(text).unwrap());
    let facts = parsed.each_ref().map(|letter| {
        let html = letter.html_part(0).unwrap();
        let kind = html.content_type().unwrap();
        json!([
            letter.subject(),
            field(letter, "From"),
            field(letter, "Message-ID"),
            letter.body_text(0),
            letter.body_html(0),
            kind.attribute("charset"),
        ])
    });
    assert_eq!(facts[0], facts[1]);
    assert_eq!(facts[0][1], "leadmilter <reports@company.ru>");
    let store = Store::open_read(&company.path("store")).unwrap();
    assert_eq!(store.mailed_until("daily").unwrap(), Some(day));
    let wrong = run(&company, &["report", "mail", "weekly"]);
    let told = "leadmilter: there is no [[report]] \"weekly\": there are daily\n";
    assert_eq!((wrong.code, wrong.err.as_str()), (65, told));
}

#[test]
fn a_mail_server_that_refuses_is_told_of_and_asked_again_and_nothing_else_waits() {
    let refuses = "cat > /dev/null; echo 'queue is full' >&2; exit 75";
    let daily = report("daily", "boss@company.ru", "");
    let company = with_program(refuses, &daily);
    fill(&company, &["daily"]);
    let daemon = Daemon::start(&company.config_file());
    let told = || daemon.log().lines().find(|line| line.contains("report daily")).map(str::to_owned);
    let line = wait_for("the refusal", told, || daemon.log());
    let expected = "report daily was not sent, it is tried again after 60s: the letter was not taken: ";
    let reason = line.split_once(expected).unwrap_or_else(|| panic!("{line}")).1;
    assert!(reason.ends_with("/sendmail: exit status: 75: queue is full"), "{reason}");
    let (code, _) = daemon.terminate();
    assert_eq!(code.code(), Some(0));
    let by_hand = run(&company, &["report", "mail", "daily"]);
    assert_eq!(by_hand.code, 75, "{by_hand:?}");
    let store = Store::open_read(&company.path("store")).unwrap();
    assert_eq!(store.mailed_until("daily").unwrap().as_deref(), Some("2020-01-01"));
    // Once the mail server takes letters again, the next daemon sends it.
    fs::write(company.path("sendmail"), "#!/bin/sh\ncat > \"$(dirname \"$0\")/letter\"\n").unwrap();
    let daemon = Daemon::start(&company.config_file());
    daemon.wait_log("sent");
    assert_eq!(store.mailed_until("daily").unwrap(), Some(yesterday()));
}
