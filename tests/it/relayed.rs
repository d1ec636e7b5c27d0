//! Letters that another server of the company took first: it may have turned the substitute into its mailbox.

use crate::{
    delivered::{headers, received, settled, trace},
    postfix_house::queue_id,
    scene::Scene,
    told::{assert_same, expected, letter},
};

/// Recipients as the relay says them, the substitutes that they were, and the mailbox with the copy's X-Original-To and
/// Delivered-To.
type Row = (&'static [&'static str], &'static [&'static str], (&'static str, &'static str, &'static str));

const INFO: (&str, &str, &str) = ("info@company.ru", "info@company.ru", "info@company.ru");
const SALES: (&str, &str, &str) = ("sales@company.ru", "sales@company.ru", "sales@company.ru");

const HINTS: [Row; 5] = [
    (&["<info@company.ru> ORCPT=rfc822;info+2Bm11@company.ru"], &["info+m11@company.ru"], INFO),
    (&["<info@company.ru> NOTIFY=NEVER orcpt=RFC822;INFO.M11@Company.ru"], &["info.m11@company.ru"], INFO),
    (&["<sales@company.ru> ORCPT=rfc822;Sales+2BNews@company.ru"], &["sales+news@company.ru"], SALES),
    (&["<info@company.ru> ORCPT=rfc822;yd@leads.company.ru"], &["yd@leads.company.ru"], INFO),
    // The substitute and its mailbox, both made the mailbox by the relay: one touch.
    (
        &["<sales@company.ru> ORCPT=rfc822;sales+2Bnews@company.ru", "<sales+news@company.ru>"],
        &["sales+news@company.ru"],
        SALES,
    ),
];

#[test]
fn substitute_that_a_relay_has_expanded_is_learnt_from_the_original_recipient() {
    let mut scene = Scene::start("");
    for (number, (said, substitutes, (mailbox, original, delivered))) in (1..).zip(HINTS) {
        let sender = format!("c{number}@client.example");
        let sent = scene.send(&format!("<{sender}>"), said, &letter(number));
        let told = scene.told();
        assert_same(&told.body, &expected(number, number, substitutes), &format!("{said:?}"));
        let mails = scene.postfix.mails(mailbox, 1);
        let mine = mails.iter().filter(|mail| queue_id(mail) == sent);
        let found: Vec<_> = mine.map(|mail| settled(mail, &sent, &told.id)).collect();
        let expected = [
            trace(&sender, original, delivered),
            headers(substitutes[0]),
            received(Some(original).filter(|_| said.len() == 1)),
            String::from_utf8(letter(number)).unwrap(),
        ];
        assert_eq!(found, [expected.concat()], "{said:?}");
    }
}

#[test]
fn original_recipient_that_fits_no_substitute_of_the_mailbox_is_no_hint() {
    let scene = Scene::start("");
    let hints = [
        "<info@company.ru> ORCPT=rfc822;info@company.ru",
        "<info@company.ru> ORCPT=rfc822;info+2Bunknown@company.ru",
        "<info@company.ru> ORCPT=rfc822;sales+2Bnews@company.ru",
        "<info@company.ru> ORCPT=rfc822;someone@elsewhere.example",
        "<info@company.ru> ORCPT=x400;whatever",
        "<ivan@company.ru> ORCPT=rfc822;info+2Bm11@company.ru",
    ];
    for (number, said) in (1..).zip(hints) {
        scene.send("<c1@client.example>", &[said], &letter(number));
    }
    assert_eq!(scene.counters(), "sessions=6 messages=6 messages_untracked=6");
    assert_eq!(scene.leads(), Vec::<serde_json::Value>::new());
}

#[test]
fn signed_headers_are_known_again_behind_a_hop_that_rewrote_the_recipient() {
    let mut scene = Scene::start("headers.key_file = \"header.key\"");
    scene.send("<c1@client.example>", &["<sales+news@company.ru>"], &letter(1));
    let told = scene.told();
    let first = String::from_utf8(scene.postfix.mails("sales@company.ru", 1).remove(0)).unwrap();
    let (_, relayed) = first.split_once("Delivered-To: sales@company.ru\n").unwrap();
    assert!(relayed.starts_with(&format!("X-Lead-Id: {}\n", told.id)), "{first}");
    // The second relay knows no DSN, so the hint is lost on the way: the headers stay all the same.
    let hints = ["<sales@company.ru> ORCPT=rfc822;sales+2Bnews@company.ru", "<sales@company.ru>"];
    for (count, said) in (2..).zip(hints) {
        let sent = scene.send("<c1@client.example>", &[said], relayed.as_bytes());
        let mails = scene.postfix.mails("sales@company.ru", count);
        let found = settled(mails.last().unwrap(), &sent, "kept as it is");
        let above = trace("c1@client.example", SALES.1, SALES.2) + &received(Some(SALES.1));
        assert_eq!(found, above + relayed, "{said}");
        assert_eq!(mails.len(), count, "{said}");
    }
    assert_eq!(scene.counters(), "sessions=3 messages=3 leads=1 trusted=2");
    scene.assert_recorded(&[&told]);
}
