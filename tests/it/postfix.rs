//! The private Postfix itself: what the other tests take for granted about it.

use crate::postfix_house::{Postfix, Reply, SHIPPED_MILTER};

const LETTER: &[u8] =
    b"From: Anna <anna@client.example>\nSubject: pumps\nMessage-ID: <1@client.example>\n\n.dot\n\nend\n";

/// A delivered letter, without the trace headers that Postfix puts above the client's own.
fn as_sent(mail: &[u8]) -> String {
    let mut text = String::from_utf8(mail.to_vec()).unwrap();
    text.split_off(text.find("From: ").unwrap())
}

/// The headers that tell how a letter was delivered.
fn delivery(mail: &[u8]) -> Vec<String> {
    let text = String::from_utf8(mail.to_vec()).unwrap();
    text.lines().take(3).map(str::to_owned).collect()
}

#[test]
fn private_postfix_delivers_to_a_maildir() {
    let postfix = Postfix::start("none", &[]);
    let answers = postfix.send("<anna@client.example>", &["<INFO+m11@Company.ru>"], LETTER);
    assert!(answers.queue_id().is_some(), "{answers:?}");
    let mails = postfix.mails("info@company.ru", 1);
    assert_eq!(mails.len(), 1);
    assert_eq!(as_sent(&mails[0]).as_bytes(), LETTER);
    assert_eq!(
        delivery(&mails[0]),
        [
            "Return-Path: <anna@client.example>",
            "X-Original-To: INFO+m11@Company.ru",
            "Delivered-To: INFO+m11@Company.ru"
        ]
    );
}

#[test]
fn shipped_map_makes_dot_minus_and_subdomain_forms_deliverable() {
    let postfix = Postfix::start("none", &[]);
    let forms = ["info.m11@company.ru", "info-m11@company.ru", "M11@promo.company.ru", "m11@leads.company.ru"];
    for form in forms {
        let answers = postfix.send("<anna@client.example>", &[&format!("<{form}>")], LETTER);
        assert!(answers.queue_id().is_some(), "{form}: {answers:?}");
    }
    let mails = postfix.mails("info@company.ru", forms.len());
    let found: Vec<_> = mails.iter().map(|mail| delivery(mail).split_off(1)).collect();
    let expected: Vec<_> = forms
        .iter()
        .map(|form| vec![format!("X-Original-To: {form}"), "Delivered-To: info@company.ru".into()])
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn odd_syntax_and_parameters_reach_postfix_as_written() {
    let postfix = Postfix::start("none", &[]);
    let mut session = postfix.session();
    let rcpts = [
        "info+bare@company.ru",
        "<@relay.example:info+route@company.ru>",
        "<\"info+a b\"@company.ru>",
        "<info+dsn@company.ru> NOTIFY=NEVER ORCPT=rfc822;info+2Bdsn@company.ru",
        "<nobody@company.ru>",
        "<someone@elsewhere.example>",
    ];
    let answers = postfix.send_in(&mut session, "<anna@client.example> SIZE=100", &rcpts, LETTER);
    let codes: Vec<_> = answers.rcpts.iter().map(|reply| reply.code).collect();
    assert_eq!((answers.mail.code, codes), (250, vec![250, 250, 250, 250, 550, 554]), "{answers:?}");
    let utf8 = postfix.send_in(&mut session, "<anna@client.example> SMTPUTF8", &["<info+тест@company.ru>"], LETTER);
    assert_eq!(utf8.rcpts, [Reply { code: 250, text: "2.1.5 Ok".into() }]);
    assert_eq!(postfix.mails("info@company.ru", 5).len(), 5);
}

#[test]
fn ipv6_client_and_sendmail_are_served() {
    let postfix = Postfix::start("none", &["--mailbox", "leads@firm.example"]);
    if let Some(mut session) = postfix.session_v6() {
        assert!(session.client().is_ipv6());
        postfix.send_in(&mut session, "<>", &["<info@company.ru>"], LETTER);
        assert_eq!(delivery(&postfix.mails("info@company.ru", 1)[0])[0], "Return-Path: <>");
    }
    postfix.sendmail(&["-f", "form@company.ru", "leads@firm.example"], LETTER);
    assert_eq!(delivery(&postfix.mails("leads@firm.example", 1)[0])[0], "Return-Path: <form@company.ru>");
}

#[test]
fn mail_goes_on_without_a_milter_behind_the_shipped_settings() {
    let postfix = Postfix::start(SHIPPED_MILTER, &[]);
    assert!(!postfix.socket().exists());
    postfix.send("<anna@client.example>", &["<info+m11@company.ru>"], LETTER);
    assert_eq!(postfix.mails("info@company.ru", 1).len(), 1);
    let warned = postfix.log().contains("warning: connect to Milter service unix:leadmilter/milter.sock");
    assert!(warned, "{}", postfix.log());
}
