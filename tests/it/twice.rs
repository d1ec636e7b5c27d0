//! The same message twice is one lead: headers every time, the event once.

use std::process::Command;

use serde_json::{Value, json};

use crate::{
    delivered::{headers, received, settled, trace},
    postfix_house::queue_id,
    scene::{Scene, Setup},
    told::{assert_same, expected, letter},
};

const M11: &str = "info+m11@company.ru";

fn as_delivered(letter: &[u8]) -> String {
    let letter = std::str::from_utf8(letter).unwrap();
    [&trace("c1@client.example", M11, M11), &headers(M11), &received(Some(M11)), letter].concat()
}

#[test]
fn letter_sent_again_gets_its_headers_and_makes_no_second_event_across_a_restart() {
    let mut scene = Scene::start("");
    let send = |scene: &Scene| scene.send("<c1@client.example>", &["<info+m11@company.ru>"], &letter(1));
    let mut sent = vec![send(&scene), send(&scene)];
    assert_eq!(scene.counters(), "sessions=2 messages=2 leads=1 duplicates=1");
    scene.restart();
    sent.push(send(&scene));
    assert_eq!(scene.counters(), "sessions=1 messages=1 duplicates=1");
    let told = scene.told();
    assert_same(&told.body, &expected(1, 1, &[M11]), "event");
    assert_eq!(told.queue_id.as_ref(), Some(&sent[0]));
    let mails = scene.postfix.mails("info@company.ru", 3);
    let found: Vec<_> = mails.iter().zip(&sent).map(|(mail, sent)| settled(mail, sent, &told.id)).collect();
    assert_eq!(found, [(); 3].map(|()| as_delivered(&letter(1))));
    scene.assert_recorded(&[&told]);
}

#[test]
fn letter_that_postsuper_queues_anew_keeps_its_headers_and_is_not_judged_again() {
    let hold = ["--option", "smtpd_end_of_data_restrictions=check_client_access static:HOLD"];
    let mut scene = Scene::set(Setup { options: &hold, ..Setup::default() });
    // Its name in the queue changes, so it is not sent by the house, which would wait for its end under this one.
    let first = scene.postfix.session().transaction("<c1@client.example>", &["<info+m11@company.ru>"], &letter(1));
    let told = scene.told();
    assert_same(&told.body, &expected(1, 1, &[M11]), "event");
    assert_eq!(told.queue_id, first.queue_id());
    scene.postfix.run("postsuper", &["-r", "ALL"]);
    scene.postfix.run("postkick", &["public", "pickup", "W"]);
    let mail = scene.postfix.mails("info@company.ru", 1).remove(0);
    // Postfix shows no milter the letters that it queues anew itself.
    let by_itself =
        format!("Received: by mx1.company.ru (Postfix, from userid {})\n\tid QUEUE; MOMENT\n", user_id("postfix"));
    let below_trace = skip_lines(&mail, 3 + 2);
    let first = settled(&below_trace, told.queue_id.as_deref().unwrap(), &told.id);
    let letter = String::from_utf8(letter(1)).unwrap();
    assert_eq!(first, [&headers(M11), &received(Some(M11)), letter.as_str()].concat());
    let whole = settled(&mail, &queue_id(&mail), &told.id);
    assert!(whole.starts_with(&(trace("c1@client.example", M11, M11) + &by_itself)), "{whole}");
    assert_eq!(scene.counters(), "sessions=1 messages=1 leads=1");
    scene.assert_recorded(&[&told]);
}

#[test]
fn letter_that_a_program_submits_again_has_its_headers_once_and_makes_no_second_event() {
    for (keys, counters) in [
        ("", "sessions=2 messages=2 leads=1 duplicates=1 forged_headers=10"),
        ("headers.key_file = \"header.key\"", "sessions=2 messages=2 leads=1 trusted=1"),
    ] {
        let mut scene = Scene::start(keys);
        scene.send("<c1@client.example>", &["<info+m11@company.ru>"], &letter(1));
        let told = scene.told();
        let first = skip_lines(&scene.postfix.mails("info@company.ru", 1)[0], 3);
        scene.postfix.sendmail(&["-f", "c1@client.example", M11], &first);
        let mails = scene.postfix.mails("info@company.ru", 2);
        let mail = mails.iter().find(|mail| Some(queue_id(mail)) != told.queue_id).unwrap();
        let again = "Received: by mx1.company.ru (Postfix, from userid 0)\n\tid QUEUE; MOMENT\n";
        let first = String::from_utf8(first).unwrap();
        let expected = if keys.is_empty() {
            let (ours, theirs) = first.split_at(first.find("Received: ").unwrap());
            [&trace("c1@client.example", M11, M11), ours, again, theirs].concat()
        } else {
            [&trace("c1@client.example", M11, M11), again, &first].concat()
        };
        let kept = if keys.is_empty() { expected.replace(&told.id, "LEAD") } else { expected };
        let lead_id = if keys.is_empty() { &told.id } else { "kept as it is" };
        assert_eq!(settled(mail, &queue_id(mail), lead_id), kept, "{keys}");
        assert_eq!(scene.counters(), counters);
        scene.assert_recorded(&[&told]);
    }
}

fn skip_lines(mail: &[u8], count: usize) -> Vec<u8> {
    mail.split_inclusive(|&byte| byte == b'\n').skip(count).collect::<Vec<_>>().concat()
}

fn user_id(name: &str) -> String {
    let output = Command::new("id").args(["-u", name]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Fields by name, and what they become.
type Changes<'a> = &'a [(&'a str, &'a str)];

/// Letter 1 with some fields changed or, where the new text is empty, left out.
fn variant(changes: Changes<'_>) -> Vec<u8> {
    let mut text = format!("\n{}", String::from_utf8(letter(1)).unwrap());
    for (name, value) in changes {
        let start = text.find(&format!("\n{name}: ")).unwrap() + 1;
        let end = start + text[start..].find('\n').unwrap() + 1;
        let field = if value.is_empty() { String::new() } else { format!("{name}: {value}\n") };
        text.replace_range(start..end, &field);
    }
    text.split_off(1).into_bytes()
}

#[test]
fn letters_that_share_a_message_id_are_leads_of_their_own() {
    let mut scene = Scene::start("");
    let cases: [(&str, &str, &str, Changes<'_>); 5] = [
        ("the first", "c1@client.example", M11, &[]),
        ("another date", "c1@client.example", M11, &[("Date", "Mon, 2 Nov 2026 10:00:01 +0300")]),
        ("another subject", "c1@client.example", M11, &[("Subject", "valves")]),
        ("another sender", "form@client.example", M11, &[]),
        ("another substitute", "c1@client.example", "info+yd@company.ru", &[]),
    ];
    let mut told = Vec::new();
    for (case, sender, substitute, changes) in cases {
        let letter = variant(changes);
        for _ in 0..2 {
            scene.send(&format!("<{sender}>"), &[&format!("<{substitute}>")], &letter);
        }
        let one = scene.told();
        assert_eq!(one.raw["data"]["message"]["message_id"], "<1@client.example>", "{case}");
        assert_eq!(one.raw["data"]["repeat"]["count"], told.len() + 1, "{case}");
        told.push(one);
    }
    scene.assert_recorded(&told.iter().collect::<Vec<_>>());
}

#[test]
fn letters_without_message_id_or_date_are_told_apart_by_what_they_have() {
    let mut scene = Scene::start("");
    let none: Changes<'_> = &[];
    let from = ("From", "Boris <boris@client.example>");
    let cases: [(&str, Changes<'_>, Value, Value); 6] = [
        ("both", none, json!("<1@client.example>"), json!("2026-11-02T07:00:00.000Z")),
        ("no date", &[("Date", "")], json!("<1@client.example>"), Value::Null),
        ("no id", &[("Message-ID", "")], Value::Null, json!("2026-11-02T07:00:00.000Z")),
        ("no id, other author", &[("Message-ID", ""), from], Value::Null, json!("2026-11-02T07:00:00.000Z")),
        ("neither", &[("Message-ID", ""), ("Date", "")], Value::Null, Value::Null),
        ("neither, other author", &[("Message-ID", ""), ("Date", ""), from], Value::Null, Value::Null),
    ];
    let mut told = Vec::new();
    for (case, changes, message_id, date) in cases {
        let letter = variant(changes);
        let sent = [(); 2].map(|()| scene.send("<c1@client.example>", &["<info+m11@company.ru>"], &letter));
        let one = scene.told();
        let message = &one.raw["data"]["message"];
        assert_eq!((&message["message_id"], &message["date"]), (&message_id, &date), "{case}");
        for sent in sent {
            let mails = scene.postfix.mails("info@company.ru", 1);
            let mail = mails.iter().find(|mail| queue_id(mail) == sent).unwrap();
            let unique = if one.raw["data"]["repeat"]["unique"] == true { "Unique: new" } else { "Unique: repeat" };
            let expected = as_delivered(&letter).replace("Unique: new", unique);
            assert_eq!(settled(mail, &sent, &one.id), expected, "{case}");
        }
        told.push(one);
    }
    scene.assert_recorded(&told.iter().collect::<Vec<_>>());
}
