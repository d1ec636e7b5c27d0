//! A letter through a real Sendmail becomes headers, a lead and an event, as it does through Postfix.

use rusqlite::Connection;

use crate::{
    delivered::headers,
    office::Office,
    sendmail_house::{SHIPPED_MILTER, Sendmail},
    smtp_client::{Answers, Smtp},
    told::{assert_same, expected, letter},
};

/// Sendmail, and what is behind it, which end in this order.
struct Scene {
    sendmail: Sendmail,
    office: Office,
}

impl Scene {
    /// The milter listens where the shipped snippet looks for it.
    fn open(keys: &str, addresses: &str, options: &[&str]) -> Self {
        let sendmail = Sendmail::start(SHIPPED_MILTER, options);
        let office = Office::open(&format!("unix:{}", sendmail.socket().display()), keys, addresses);
        Self { sendmail, office }
    }

    /// Envelopes and letters delivered since the last call, as text, with `LEAD` in the place of this id.
    fn delivered(&self, lead_id: &str) -> Vec<String> {
        let mut delivered: Vec<_> = self.sendmail.delivered().iter().map(|of| of.settled(lead_id)).collect();
        delivered.sort();
        delivered
    }
}

const V4: &str = "[127.0.0.1]";
const V6: &str = "[IPv6:0:0:0:0:0:0:0:1]";

/// A delivery to one mailbox: what the sink was told for it, our headers, how Sendmail took the letter, and the letter.
fn copy(number: u32, mailbox: &str, ours: &str, client: &str, only: Option<&str>) -> String {
    let only = only.map_or(";\n\t".to_owned(), |said| format!("\n\tfor {said}; "));
    format!(
        "MAIL From:<c{number}@client.example>\nRCPT To:{mailbox}\n\nReturn-Path: <c{number}@client.example>\n{ours}\
         Received: from client.example ({client})\n\tby mx1.company.ru (VERSION) with ESMTP id QUEUE{only}MOMENT\n{}",
        String::from_utf8(letter(number)).unwrap()
    )
}

fn sent(answers: &Answers) -> String {
    answers.queue_id().unwrap_or_else(|| panic!("{answers:?}"))
}

/// What the client says, and the substitute that it is.
const FORMS: [(&str, &str); 12] = [
    ("<info+m11@company.ru>", "info+m11@company.ru"),
    ("<info.m11@company.ru>", "info.m11@company.ru"),
    ("<info-m11@company.ru>", "info-m11@company.ru"),
    ("<m11@promo.company.ru>", "m11@promo.company.ru"),
    ("<yd@leads.company.ru>", "yd@leads.company.ru"),
    ("info+yd@company.ru", "info+yd@company.ru"),
    ("<INFO+M11@Company.RU>", "info+m11@company.ru"),
    ("<Info.M11@company.ru>", "info.m11@company.ru"),
    ("<M11@PROMO.company.ru>", "m11@promo.company.ru"),
    ("<\"info+m11\"@company.ru>", "info+m11@company.ru"),
    ("<@relay.example:info+m11@company.ru>", "info+m11@company.ru"),
    ("<info+m11@company.ru.>", "info+m11@company.ru"),
];

#[test]
fn every_form_of_a_substitute_becomes_headers_a_lead_and_an_event_over_ipv4_and_ipv6() {
    let mut scene = Scene::open("", "", &[]);
    let sessions = [(V4, Some(scene.sendmail.session())), (V6, scene.sendmail.session_v6())];
    let (mut number, mut told) = (0, Vec::new());
    for (client, session) in sessions {
        let Some(mut session) = session else { continue };
        // All in one session, with letters between them that are not ours.
        for (said, substitute) in FORMS {
            session.transaction("<c0@client.example>", &["<ivan@company.ru>"], &letter(0));
            assert_eq!(scene.delivered(""), [copy(0, "<ivan>", "", client, Some("<ivan@company.ru>"))]);
            number += 1;
            let mail = format!("<c{number}@client.example>");
            let queue_id = sent(&session.transaction(&mail, &[said], &letter(number)));
            let one = scene.office.told();
            assert_same(&one.body, &expected(number, number, &[substitute]), &format!("event of {said}"));
            assert_eq!(one.queue_id, Some(queue_id));
            let expected = copy(number, "<info>", &headers(substitute), client, Some(said));
            assert_eq!(scene.delivered(&one.id), [expected], "letter to {said}");
            told.push(one);
        }
    }
    scene.office.assert_recorded(&told.iter().collect::<Vec<_>>());
}

/// A mailbox whose substitutes reach it through the virtusertable.
const HELP: &str = r#"
[[mailbox]]
address = "help@company.ru"
separators = ".+"
rewrite = true

[[channel]]
id = "help"
mailbox = "help@company.ru"
addresses = ["help.m11@company.ru", "help+m11@company.ru", "m11@help.company.ru"]
"#;

/// Recipients as the client says them, the primary substitute, and what the sink was told for each mailbox.
type Row = (&'static [&'static str], &'static str, &'static [&'static str]);

const REWRITTEN: [Row; 20] = [
    (&["<sales+news@company.ru>"], "sales+news", &["<sales> ORCPT=rfc822;sales+2Bnews@company.ru"]),
    (&["<Sales+NEWS@Company.ru>"], "sales+news", &["<sales> ORCPT=rfc822;Sales+2BNEWS@Company.ru"]),
    (&["<\"sales+news\"@company.ru>"], "sales+news", &["<sales> ORCPT=rfc822;\"sales+2Bnews\"@company.ru"]),
    (&["<@relay.example:sales+news@company.ru>"], "sales+news", &["<sales> ORCPT=rfc822;sales+2Bnews@company.ru"]),
    (&["sales+news@company.ru"], "sales+news", &["<sales> ORCPT=rfc822;sales+2Bnews@company.ru"]),
    (&["<sales+news@company.ru.>"], "sales+news", &["<sales> ORCPT=rfc822;sales+2Bnews@company.ru."]),
    (
        &["<sales+news@company.ru> ORCPT=rfc822;list+2B7@elsewhere.example"],
        "sales+news",
        &["<sales> ORCPT=rfc822;list+2B7@elsewhere.example"],
    ),
    (
        &["<sales+news@company.ru>", "<SALES+News@company.ru>", "<\"sales+news\"@company.ru>"],
        "sales+news",
        &["<sales> ORCPT=rfc822;sales+2Bnews@company.ru"],
    ),
    (
        &["<sales+news@company.ru>", "<Sales+Autumn@company.ru>"],
        "sales+news",
        &["<sales> ORCPT=rfc822;sales+2Bnews@company.ru"],
    ),
    // The mailbox is a recipient too.
    (&["<sales+news@company.ru>", "<sales@company.ru>"], "sales+news", &["<sales>"]),
    (&["<SALES@Company.ru>", "<sales+news@company.ru>"], "sales+news", &["<sales>"]),
    (&["<sales+news@company.ru>", "<@relay.example:\"sales\"@company.ru>"], "sales+news", &["<sales>"]),
    // Others are left alone.
    (
        &["<ivan@company.ru>", "<sales+unknown@company.ru>", "<sales+news@company.ru>"],
        "sales+news",
        &["<ivan>", "<sales>", "<sales> ORCPT=rfc822;sales+2Bnews@company.ru"],
    ),
    // Sendmail makes one recipient of those that the virtusertable leads to one mailbox.
    (&["<help.m11@company.ru>"], "help.m11", &["<help>"]),
    (&["<m11@help.company.ru>"], "m11@help", &["<help>"]),
    (&["<help+m11@company.ru>"], "help+m11", &["<help> ORCPT=rfc822;help+2Bm11@company.ru"]),
    (&["<Help.M11@company.ru>", "<help@company.ru>"], "help.m11", &["<help>"]),
    (&["<HELP@company.ru>", "<help.m11@company.ru>"], "help.m11", &["<help>"]),
    (&["<m11@help.company.ru>", "<help.m11@company.ru>", "<help+m11@company.ru>"], "m11@help", &["<help>"]),
    (
        &["<help@company.ru>", "<@relay.example:help+m11@company.ru>", "<ivan@company.ru>"],
        "help+m11",
        &["<help>", "<ivan>"],
    ),
];

#[test]
fn mailbox_takes_the_place_of_its_substitutes_once_whatever_their_spelling() {
    let options = [
        ["--virtual", "help.m11@company.ru help@company.ru"],
        ["--virtual", "@help.company.ru help@company.ru"],
        ["--option", "VIRTUSER_DOMAIN(`help.company.ru')dnl"],
    ];
    let mut scene = Scene::open("", HELP, options.as_flattened());
    for (number, (said, primary, mailboxes)) in (1..).zip(REWRITTEN) {
        sent(&scene.sendmail.send(&format!("<c{number}@client.example>"), said, &letter(number)));
        let told = scene.office.told();
        let substitute = told.raw["data"]["recipient"]["substitute"].as_str().unwrap();
        assert!(substitute.starts_with(primary), "{said:?}: {substitute}");
        let mut found = Vec::new();
        for delivery in scene.sendmail.delivered() {
            assert_eq!(delivery.said[0], format!("MAIL From:<c{number}@client.example>"), "{said:?}");
            let ours = format!("\nX-Lead-Id: {}\nX-Lead-Channel: ", told.id);
            assert!(String::from_utf8(delivery.letter).unwrap().contains(&ours), "{said:?}");
            found.extend(delivery.said[1..].iter().map(|rcpt| rcpt.strip_prefix("RCPT To:").unwrap().to_owned()));
        }
        found.sort();
        assert_eq!(found, mailboxes, "{said:?}");
    }
}

/// A channel whose headers need folds.
const MANY_TAGS: &str = r#"
[[channel]]
id = "many"
mailbox = "info@company.ru"
addresses = ["info+many@company.ru"]
utm = { source = "outdoor", medium = "offline", campaign = "реклама на радио и щитах вдоль дороги в аэропорт" }
tags = ["one-tag-of-many", "two-tags-of-many", "three-tags-of-many", "four-tags-of-many", "five-tags-of-many"]
"#;

#[test]
fn headers_arrive_folded_as_they_left_and_forged_ones_are_gone() {
    let mut scene = Scene::open("", MANY_TAGS, &[]);
    let forged = "x-lead-id: forged\nX-Lead-Channel: forged\n\tin two lines\nX-LEAD-Id: again\nX-Lead-Other:\n";
    let own = String::from_utf8(letter(1)).unwrap();
    let text = format!("{forged}{}", own.replacen("Subject:", "X-Lead-ID:  thrice\nX-Lead-Tags: a\nSubject:", 1));
    sent(&scene.sendmail.send("<c1@client.example>", &["<info+many@company.ru>"], text.as_bytes()));
    let told = scene.office.told();
    let ours = "\
X-Lead-Id: LEAD
X-Lead-Channel: many
X-Lead-Substitute: info+many@company.ru
X-Lead-Status: channel
X-Lead-Unique: new
X-Lead-UTM-Source: outdoor
X-Lead-UTM-Medium: offline
X-Lead-UTM-Campaign: =?UTF-8?B?0YDQtdC60LvQsNC80LAg0L3QsCDRgNCw0LTQuNC+INC4?=
 =?UTF-8?B?INGJ0LjRgtCw0YUg0LLQtNC+0LvRjCDQtNC+0YDQvtCz0Lgg0LIg0LDRjdGA?=
 =?UTF-8?B?0L7Qv9C+0YDRgg==?=
X-Lead-Tags: one-tag-of-many, two-tags-of-many, three-tags-of-many,
 four-tags-of-many, five-tags-of-many
";
    let found = scene.delivered(&told.id);
    assert_eq!(found, [copy(1, "<info>", ours, V4, Some("<info+many@company.ru>"))]);
    assert_eq!(scene.office.counters(), "sessions=1 messages=1 leads=1 forged_headers=6");
}

#[test]
fn letter_sent_again_gets_its_headers_and_makes_no_second_event() {
    let mut scene = Scene::open("", "", &[]);
    let send =
        |session: &mut Smtp| sent(&session.transaction("<c1@client.example>", &["<info+m11@company.ru>"], &letter(1)));
    let mut session = scene.sendmail.session();
    let first = send(&mut session);
    send(&mut session);
    drop(session);
    send(&mut scene.sendmail.session());
    assert_eq!(scene.office.counters(), "sessions=2 messages=3 leads=1 duplicates=2");
    scene.office.restart();
    send(&mut scene.sendmail.session());
    let told = scene.office.told();
    assert_same(&told.body, &expected(1, 1, &["info+m11@company.ru"]), "event");
    assert_eq!(told.queue_id, Some(first));
    let one = copy(1, "<info>", &headers("info+m11@company.ru"), V4, Some("<info+m11@company.ru>"));
    assert_eq!(scene.delivered(&told.id), vec![one; 4]);
    scene.office.assert_recorded(&[&told]);
}

#[test]
fn mail_passes_unchanged_while_leadmilter_is_away() {
    let sendmail = Sendmail::start(SHIPPED_MILTER, &[]);
    let plain = |only| copy(1, "<info>", "", V4, Some(only));
    assert!(!sendmail.socket().exists());
    sent(&sendmail.send("<c1@client.example>", &["<info+m11@company.ru>"], &letter(1)));
    // Killed within a session and a message.
    let office = Office::open(&format!("unix:{}", sendmail.socket().display()), "", "");
    let mut session = sendmail.session();
    assert_eq!(session.command("MAIL FROM:<c1@client.example>").code, 250);
    assert_eq!(session.command("RCPT TO:<info.m11@company.ru>").code, 250);
    drop(office);
    session.write(b"DATA\r\n");
    assert_eq!(session.reply().code, 354);
    let text = String::from_utf8(letter(1)).unwrap().replace('\n', "\r\n");
    session.write(format!("{text}.\r\n").as_bytes());
    let reply = session.reply();
    assert_eq!(reply.code, 250, "{reply:?}");
    let found: Vec<_> = sendmail.delivered().iter().map(|delivery| delivery.settled("none")).collect();
    assert_eq!(found, ["<info+m11@company.ru>", "<info.m11@company.ru>"].map(plain));
}

#[test]
fn letter_is_deferred_where_the_administrator_wants_so() {
    let mut scene = Scene::open("milter.budget = \"200ms\"\nmilter.on_error = \"tempfail\"", "", &[]);
    let store = Connection::open(leadmilter::store::file_in(&scene.office.company.path("store"))).unwrap();
    store.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let answers = scene.sendmail.send("<c1@client.example>", &["<info+m11@company.ru>"], &letter(1));
    let reply = answers.data.unwrap();
    assert_eq!((reply.code, &*reply.text), (451, "4.3.0 lead store is not available, try again later"));
    assert_eq!(scene.delivered("none"), Vec::<String>::new());
    store.execute_batch("ROLLBACK").unwrap();
    sent(&scene.sendmail.send("<c1@client.example>", &["<info+m11@company.ru>"], &letter(1)));
    let told = scene.office.told();
    let expected = copy(1, "<info>", &headers("info+m11@company.ru"), V4, Some("<info+m11@company.ru>"));
    assert_eq!(scene.delivered(&told.id), [expected]);
}

#[test]
fn notice_of_delivery_names_the_substitute_that_was_written_to() {
    let mut scene = Scene::open("", "", &[]);
    sent(&scene.sendmail.send("<ivan@company.ru>", &["<sales+news@company.ru> NOTIFY=SUCCESS"], &letter(1)));
    scene.office.told();
    let delivered = scene.sendmail.delivered();
    let said: Vec<_> = delivered.iter().map(|delivery| delivery.said.join(" ")).collect();
    assert_eq!(
        said,
        [
            "MAIL From:<ivan@company.ru> RCPT To:<sales> ORCPT=rfc822;sales+2Bnews@company.ru",
            "MAIL From:<> RCPT To:<ivan>"
        ]
    );
    let notice = String::from_utf8(delivered[1].letter.clone()).unwrap();
    let report = notice.split("\n\n").find(|part| part.starts_with("Original-Recipient: ")).unwrap();
    let report: Vec<_> = report.lines().filter(|line| !line.starts_with("Last-Attempt-Date: ")).collect();
    let expected = [
        "Original-Recipient: rfc822;sales+news@company.ru",
        "Final-Recipient: RFC822; sales@company.ru",
        "X-Actual-Recipient: rfc822; sales@mx1.company.ru",
        "Action: delivered (to mailbox)",
        "Status: 2.1.5",
        "Diagnostic-Code: SMTP; 250 2.0.0 ok",
    ];
    assert_eq!(report, expected);
}
