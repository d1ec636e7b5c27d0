//! `rewrite = true`: the mailbox takes the substitute's place among the recipients, once.
//!
//! `sales@company.ru` is rewritten, `info@company.ru` is not. An MTA deletes a recipient by its exact bytes only, and one
//! that it does not find is kept without a word, so each spelling is tried and every copy counted.

use crate::{
    delivered::{headers, received, settled, trace},
    postfix_house::{queue_id, wait_for},
    scene::{Scene, Setup},
    told::{assert_same, expected, letter},
};

const NEWS: &str = "sales+news@company.ru";
const AUTUMN: &str = "sales+autumn@company.ru";
const SALES: (&str, &str) = ("sales@company.ru", "sales@company.ru");
const SALES_IN_CAPITALS: (&str, &str) = ("SALES@Company.RU", "SALES@Company.RU");

/// Recipients as the client says them, substitutes that they are, and X-Original-To and Delivered-To of each copy in
/// the mailbox.
type Row = (&'static [&'static str], &'static [&'static str], &'static [(&'static str, &'static str)]);

const ROWS: [Row; 19] = [
    (&["<sales+news@company.ru>"], &[NEWS], &[SALES]),
    (&["<Sales+NEWS@Company.ru>"], &[NEWS], &[SALES]),
    (&["<\"sales+news\"@company.ru>"], &[NEWS], &[SALES]),
    (&["<\"sales\\+news\"@company.ru>"], &[NEWS], &[SALES]),
    (&["<@relay.example:sales+news@company.ru>"], &[NEWS], &[SALES]),
    (&["<@one.example,@two.example:\"Sales+News\"@COMPANY.RU>"], &[NEWS], &[SALES]),
    (&["sales+news@company.ru"], &[NEWS], &[SALES]),
    (&["<sales+news@company.ru.>"], &[NEWS], &[SALES]),
    (&["<sales+autumn@company.ru>"], &[AUTUMN], &[SALES]),
    (&["<sales+news@company.ru>", "<sales+news@company.ru>"], &[NEWS], &[SALES]),
    (&["<sales+news@company.ru>", "<SALES+News@company.ru>"], &[NEWS], &[SALES]),
    (&["<sales+news@company.ru>", "<\"sales+news\"@company.ru>"], &[NEWS], &[SALES]),
    (&["<sales+news@company.ru> NOTIFY=NEVER", "<sales+news@company.ru> NOTIFY=FAILURE"], &[NEWS], &[SALES]),
    (&["<sales+news@company.ru>", "<Sales+Autumn@company.ru>"], &[NEWS, AUTUMN], &[SALES]),
    (&["<sales@company.ru>", "<sales+news@company.ru>"], &[NEWS], &[SALES]),
    (&["<sales+news@company.ru>", "<sales@company.ru>"], &[NEWS], &[SALES]),
    (
        &["<sales+news@company.ru>", "<SALES@Company.RU>", "<sales+autumn@company.ru>"],
        &[NEWS, AUTUMN],
        &[SALES_IN_CAPITALS],
    ),
    (&["<sales+news@company.ru>", "<@relay.example:\"sales\"@company.ru>"], &[NEWS], &[SALES]),
    // An address of its own, which no channel lists: delivered as it is.
    (
        &["<sales+unknown@company.ru>", "<sales+news@company.ru>"],
        &[NEWS],
        &[("sales+unknown@company.ru", "sales+unknown@company.ru"), SALES],
    ),
];

#[test]
fn mailbox_takes_the_place_of_its_substitutes_once_whatever_their_spelling() {
    let mut scene = Scene::start("");
    let send =
        |(number, (said, ..)): (u32, Row)| scene.send(&format!("<c{number}@client.example>"), said, &letter(number));
    let sent: Vec<_> = (1..).zip(ROWS).map(send).collect();
    let told = scene.told_of(&sent);
    let mails = scene.postfix.mails("sales@company.ru", ROWS.iter().map(|row| row.2.len()).sum());
    for (at, (number, (said, substitutes, copies))) in (1..).zip(ROWS).enumerate() {
        assert_same(&told[at].body, &expected(number, number, substitutes), &format!("event of {said:?}"));
        let only = Some(said[0].split(' ').next().unwrap()).filter(|_| said.len() == 1);
        let only = only.map(|said| said.trim_matches(['<', '>']).replace(['"', '\\'], ""));
        let copy = |&(original, delivered): &(&str, &str)| {
            let text = [
                trace(&format!("c{number}@client.example"), original, delivered),
                headers(substitutes[0]),
                received(only.as_deref().map(|path| path.rsplit(':').next().unwrap())),
                String::from_utf8(letter(number)).unwrap(),
            ];
            text.concat()
        };
        let mut expected: Vec<_> = copies.iter().map(copy).collect();
        let mine = mails.iter().filter(|mail| queue_id(mail) == sent[at]);
        let mut found: Vec<_> = mine.map(|mail| settled(mail, &sent[at], &told[at].id)).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "letter to {said:?}");
    }
}

const NEWS_IN_RUSSIAN: &str = "[[channel]]\nid = \"news\"\nmailbox = \"sales@company.ru\"\naddresses = [\"sales+новости@company.ru\", '\"sales+big pumps\"@company.ru', '\"sales+a,b\"@company.ru']\n";

/// Recipients as the client says them, and what stands in the queue then: parameters, original recipient, recipient.
const QUEUED: [(&[&str], &[&str]); 11] = [
    (
        &["<sales+news@company.ru>"],
        &["orcpt=rfc822;sales+news@company.ru", "orig=sales@company.ru", "to=sales@company.ru"],
    ),
    (
        &["<Sales+NEWS@Company.ru>"],
        &["orcpt=rfc822;Sales+NEWS@Company.ru", "orig=sales@company.ru", "to=sales@company.ru"],
    ),
    (
        &["<@relay.example:\"sales+news\"@company.ru>"],
        &["orcpt=rfc822;\"sales+news\"@company.ru", "orig=sales@company.ru", "to=sales@company.ru"],
    ),
    (
        &["<\"Sales+big pumps\"@company.ru>"],
        &["orcpt=rfc822;\"Sales+big pumps\"@company.ru", "orig=sales@company.ru", "to=sales@company.ru"],
    ),
    (
        &["<\"sales+a,b\"@company.ru>"],
        &["orcpt=rfc822;\"sales+a,b\"@company.ru", "orig=sales@company.ru", "to=sales@company.ru"],
    ),
    (
        &["<sales+новости@company.ru>"],
        &["orcpt=rfc822;sales+новости@company.ru", "orig=sales@company.ru", "to=sales@company.ru"],
    ),
    (
        &["<sales+news@company.ru> NOTIFY=NEVER"],
        &["notify=1", "orcpt=rfc822;sales+news@company.ru", "orig=sales@company.ru", "to=sales@company.ru"],
    ),
    (
        &["<sales+news@company.ru> ORCPT=rfc822;list+2B7@elsewhere.example NOTIFY=SUCCESS,DELAY"],
        &["notify=10", "orcpt=rfc822;list+7@elsewhere.example", "orig=sales@company.ru", "to=sales@company.ru"],
    ),
    (
        &["<sales+autumn@company.ru> notify=failure", "<sales+news@company.ru> NOTIFY=NEVER"],
        &["notify=4", "orcpt=rfc822;sales+autumn@company.ru", "orig=sales@company.ru", "to=sales@company.ru"],
    ),
    (
        &["<sales+news@company.ru> NOTIFY=NEVER", "<sales@company.ru> NOTIFY=SUCCESS"],
        &["notify=2", "orcpt=rfc822;sales@company.ru", "orig=sales@company.ru", "to=sales@company.ru"],
    ),
    (
        &["<info.m11@company.ru> NOTIFY=NEVER", "<sales+news@company.ru>"],
        &[
            "notify=1",
            "orcpt=rfc822;info.m11@company.ru",
            "orig=info.m11@company.ru",
            "to=info@company.ru",
            "orcpt=rfc822;sales+news@company.ru",
            "orig=sales@company.ru",
            "to=sales@company.ru",
        ],
    ),
];

#[test]
fn original_recipient_and_wishes_for_notices_outlive_a_rewrite() {
    let mut scene = Scene::set(Setup {
        addresses: NEWS_IN_RUSSIAN,
        options: &["--option", "defer_transports=virtual"],
        ..Setup::default()
    });
    for (number, (said, expected)) in (1..).zip(QUEUED) {
        let queue_id = scene.send("<c@client.example> SMTPUTF8", said, &letter(number));
        scene.told();
        let envelope = scene.postfix.run("postcat", &["-eq", &queue_id]);
        let found = recipients(&envelope);
        assert_eq!(found, expected, "{said:?}: {envelope}");
    }
}

#[test]
fn notice_of_delivery_names_the_substitute_that_was_written_to() {
    let mut scene = Scene::start("");
    scene.send("<ivan@company.ru>", &["<sales+news@company.ru> NOTIFY=SUCCESS"], &letter(1));
    scene.told();
    let notice = String::from_utf8(scene.postfix.mails("ivan@company.ru", 1).remove(0)).unwrap();
    let report = notice.split("\n\n").find(|part| part.starts_with("Final-Recipient: ")).unwrap();
    assert_eq!(
        report.trim_end(),
        "Final-Recipient: rfc822; sales@company.ru\nOriginal-Recipient: rfc822;sales+news@company.ru\n\
         Action: delivered\nStatus: 2.0.0\nDiagnostic-Code: X-Postfix; delivery via virtual: delivered to maildir"
    );
}

#[test]
fn mailbox_takes_the_place_of_its_substitute_by_sendmail() {
    let mut scene = Scene::start("");
    let arguments = ["-f", "c1@client.example", "Sales+News@company.ru", "sales+autumn@company.ru"];
    scene.postfix.sendmail(&arguments, &letter(1));
    let told = scene.told();
    assert_same(&told.body, &expected(1, 1, &[NEWS, AUTUMN]), "event");
    let queue = told.queue_id.as_deref().unwrap();
    wait_for("the letter to leave the queue", || removed(&scene, queue), || scene.postfix.log());
    let found: Vec<_> =
        scene.postfix.mails("sales@company.ru", 1).iter().map(|mail| settled(mail, queue, &told.id)).collect();
    let expected = [
        trace("c1@client.example", SALES.0, SALES.1),
        headers(NEWS),
        "Received: by mx1.company.ru (Postfix, from userid 0)\n\tid QUEUE; MOMENT\n".to_owned(),
        String::from_utf8(letter(1)).unwrap(),
    ];
    assert_eq!(found, [expected.concat()]);
}

/// The recipients of a queue file, without those that were taken away.
fn recipients(envelope: &str) -> Vec<String> {
    let names = [
        ("named_attribute: notify_flags=", "notify="),
        ("named_attribute: dsn_orig_rcpt=", "orcpt="),
        ("original_recipient: ", "orig="),
        ("recipient: ", "to="),
    ];
    let (mut all, mut one) = (Vec::new(), Vec::new());
    for line in envelope.lines() {
        one.extend(names.iter().find_map(|(record, name)| Some(format!("{name}{}", line.strip_prefix(record)?))));
        if line.starts_with("recipient: ") {
            all.append(&mut one);
        } else if line.starts_with("canceled_recipient: ") {
            one.clear();
        }
    }
    all
}

fn removed(scene: &Scene, queue_id: &str) -> Option<()> {
    scene.postfix.log().contains(&format!(" {queue_id}: removed")).then_some(())
}
