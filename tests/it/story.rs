//! A letter through a real Postfix becomes headers, a lead and an event: every form of address, by both ways in.

use crate::{
    delivered::{headers, received, settled, trace},
    postfix_house::queue_id,
    scene::{Scene, Setup},
    told::{assert_same, expected, letter},
};

/// What the client says, what Postfix makes of it, the mailbox it is delivered to, the substitute that it is.
const FORMS: [(&str, &str, &str, &str); 12] = [
    ("<info+m11@company.ru>", "info+m11@company.ru", "info+m11@company.ru", "info+m11@company.ru"),
    ("<info.m11@company.ru>", "info.m11@company.ru", "info@company.ru", "info.m11@company.ru"),
    ("<info-m11@company.ru>", "info-m11@company.ru", "info@company.ru", "info-m11@company.ru"),
    ("<m11@promo.company.ru>", "m11@promo.company.ru", "info@company.ru", "m11@promo.company.ru"),
    ("<yd@leads.company.ru>", "yd@leads.company.ru", "info@company.ru", "yd@leads.company.ru"),
    ("info+yd@company.ru", "info+yd@company.ru", "info+yd@company.ru", "info+yd@company.ru"),
    ("<INFO+M11@Company.RU>", "INFO+M11@Company.RU", "INFO+M11@Company.RU", "info+m11@company.ru"),
    ("<Info.M11@company.ru>", "Info.M11@company.ru", "info@company.ru", "info.m11@company.ru"),
    ("<M11@PROMO.company.ru>", "M11@PROMO.company.ru", "info@company.ru", "m11@promo.company.ru"),
    ("<\"info+m11\"@company.ru>", "info+m11@company.ru", "info+m11@company.ru", "info+m11@company.ru"),
    ("<@relay.example:info+m11@company.ru>", "info+m11@company.ru", "info+m11@company.ru", "info+m11@company.ru"),
    ("<info+m11@company.ru.>", "info+m11@company.ru.", "info+m11@company.ru", "info+m11@company.ru"),
];

#[test]
fn every_form_of_a_substitute_becomes_headers_a_lead_and_an_event_by_smtp() {
    let mut scene = Scene::start("");
    let send = |(number, (said, ..)): (u32, (&str, &str, &str, &str))| {
        scene.send(&format!("<c{number}@client.example>"), &[said], &letter(number))
    };
    let sent: Vec<_> = (1..).zip(FORMS).map(send).collect();
    let told = scene.told_of(&sent);
    let mails = scene.postfix.mails("info@company.ru", FORMS.len());
    assert_eq!(mails.len(), FORMS.len());
    for (at, (number, (said, original, delivered, substitute))) in (1..).zip(FORMS).enumerate() {
        assert_same(&told[at].body, &expected(number, number, &[substitute]), &format!("event of {said}"));
        let expected = [
            trace(&format!("c{number}@client.example"), original, delivered),
            headers(substitute),
            received(Some(original)),
            String::from_utf8(letter(number)).unwrap(),
        ];
        assert_eq!(settled(&mails[at], &sent[at], &told[at].id), expected.concat(), "letter to {said}");
    }
    scene.assert_recorded(&told.iter().collect::<Vec<_>>());
}

#[test]
fn every_form_of_a_substitute_becomes_headers_a_lead_and_an_event_by_sendmail() {
    let mut scene = Scene::start("");
    for (number, (said, original, delivered, substitute)) in (1..).zip(FORMS.into_iter().take(9)) {
        let sender = format!("c{number}@client.example");
        scene.postfix.sendmail(&["-f", &sender, said.trim_matches(['<', '>'])], &letter(number));
        let told = scene.told();
        assert_same(&told.body, &expected(number, number, &[substitute]), &format!("event of {said}"));
        let mails = scene.postfix.mails("info@company.ru", usize::try_from(number).unwrap());
        let queue = told.queue_id.unwrap();
        let mail = mails.iter().find(|mail| queue_id(mail) == queue).unwrap();
        let expected = [
            trace(&sender, original, delivered),
            headers(substitute),
            "Received: by mx1.company.ru (Postfix, from userid 0)\n\tid QUEUE; MOMENT\n".to_owned(),
            String::from_utf8(letter(number)).unwrap(),
        ];
        assert_eq!(settled(mail, &queue, &told.id), expected.concat(), "letter to {said}");
    }
}

/// What the client says, and Postfix's answer.
const TWENTY: [(&str, u16); 20] = [
    ("<ivan@company.ru>", 250),
    ("<info@company.ru>", 250),
    ("<info+unknown@company.ru>", 250),
    ("<sales+unknown@company.ru>", 250),
    ("<someone@elsewhere.example>", 554),
    ("<nobody@company.ru>", 550),
    ("<info+yd@company.ru>", 250),
    ("<info.m11@company.ru>", 250),
    ("<info+m11@company.ru>", 250),
    ("<INFO+M11@Company.ru>", 250),
    ("<info+m11@company.ru>", 250),
    ("<yd@leads.company.ru>", 250),
    ("<инфо+реклама@company.ru>", 250),
    ("<sales+news@company.ru>", 250),
    ("<Sales+Autumn@company.ru>", 250),
    ("<m11@promo.company.ru>", 250),
    ("<info-m11@company.ru>", 250),
    ("<@relay.example:info-m11@company.ru>", 250),
    ("<user@[192.0.2.1]>", 554),
    ("<info-unknown@company.ru>", 250),
];

/// Mailbox, X-Original-To and Delivered-To of every copy.
const COPIES: [(&str, &str, &str); 14] = [
    ("ivan@company.ru", "ivan@company.ru", "ivan@company.ru"),
    ("info@company.ru", "info@company.ru", "info@company.ru"),
    ("info@company.ru", "info+unknown@company.ru", "info+unknown@company.ru"),
    ("info@company.ru", "info-unknown@company.ru", "info@company.ru"),
    ("info@company.ru", "info+yd@company.ru", "info+yd@company.ru"),
    ("info@company.ru", "info.m11@company.ru", "info@company.ru"),
    ("info@company.ru", "info-m11@company.ru", "info@company.ru"),
    ("info@company.ru", "info+m11@company.ru", "info+m11@company.ru"),
    // A source route makes another original recipient, and Postfix keeps such copies apart.
    ("info@company.ru", "info-m11@company.ru", "info@company.ru"),
    ("info@company.ru", "yd@leads.company.ru", "info@company.ru"),
    ("info@company.ru", "m11@promo.company.ru", "info@company.ru"),
    ("инфо@company.ru", "инфо+реклама@company.ru", "инфо+реклама@company.ru"),
    ("sales@company.ru", "sales+unknown@company.ru", "sales+unknown@company.ru"),
    ("sales@company.ru", "sales@company.ru", "sales@company.ru"),
];

#[test]
fn twenty_mixed_recipients_are_one_lead_with_a_touch_for_each_substitute() {
    let mut scene = Scene::set(Setup { options: &["--mailbox", "инфо@company.ru"], ..Setup::default() });
    let (said, codes): (Vec<&str>, Vec<u16>) = TWENTY.into_iter().unzip();
    let answers = scene.postfix.send("<c1@client.example> SMTPUTF8", &said, &letter(1));
    assert_eq!(answers.rcpts.iter().map(|reply| reply.code).collect::<Vec<_>>(), codes, "{answers:?}");
    let told = scene.told();
    let touched = [
        "info+yd@company.ru",
        "info.m11@company.ru",
        "info+m11@company.ru",
        "yd@leads.company.ru",
        "инфо+реклама@company.ru",
        "sales+news@company.ru",
        "sales+autumn@company.ru",
        "m11@promo.company.ru",
        "info-m11@company.ru",
    ];
    assert_same(&told.body, &expected(1, 1, &touched), "event");
    assert_eq!(told.queue_id, answers.queue_id());
    scene.assert_recorded(&[&told]);

    let mut found = Vec::new();
    for mailbox in ["ivan@company.ru", "info@company.ru", "инфо@company.ru", "sales@company.ru"] {
        let count = COPIES.iter().filter(|copy| copy.0 == mailbox).count();
        for mail in scene.postfix.mails(mailbox, count) {
            found.push((mailbox, settled(&mail, told.queue_id.as_deref().unwrap(), &told.id)));
        }
    }
    let copy = |(mailbox, original, delivered)| {
        let text = [
            trace("c1@client.example", original, delivered),
            headers("info+yd@company.ru"),
            "X-Lead-Tags: offline, outdoor, email\n".to_owned(),
            received(None).replace("with ESMTP id", "with UTF8SMTP id"),
            String::from_utf8(letter(1)).unwrap(),
        ];
        (mailbox, text.concat())
    };
    let mut expected: Vec<_> = COPIES.into_iter().map(copy).collect();
    found.sort();
    expected.sort();
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}
