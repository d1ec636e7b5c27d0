//! Recipients in every spelling, and what becomes of them: one lead, the right edits, no double delivery.

use crate::milter_house::{Door, HEADERS, Letter, send, to};

/// The edits of recipients.
async fn rewrites(rcpts: &[&[&str]]) -> Vec<String> {
    let door = Door::open("");
    let mut edits = send(&mut door.connect().await, &to(rcpts)).await;
    assert_eq!(door.leads().len(), 1, "{rcpts:?}");
    edits.retain(|edit| !edit.starts_with("insert"));
    edits
}

/// The substitutes of the lead, the primary one first.
async fn touches(rcpts: &[&[&str]]) -> Vec<String> {
    let door = Door::open("");
    send(&mut door.connect().await, &to(rcpts)).await;
    let Some(lead) = door.leads().pop() else { return Vec::new() };
    let touches: Vec<_> = lead.attribution.touches.into_iter().filter_map(|touch| touch.substitute).collect();
    assert_eq!(touches.first(), Some(&lead.recipient.substitute));
    touches
}

#[tokio::test]
async fn every_spelling_of_a_substitute_is_resolved() {
    let rows: &[(&[&str], &str)] = &[
        (&["info+m11@company.ru"], "info+m11@company.ru"),
        (&["<INFO+M11@Company.RU>"], "info+m11@company.ru"),
        (&["<@relay.example,@b.example:info+m11@company.ru>"], "info+m11@company.ru"),
        (&["<\"info+m11\"@company.ru>"], "info+m11@company.ru"),
        (&["<info.m11@company.ru>"], "info.m11@company.ru"),
        (&["<info-m11@company.ru>"], "info-m11@company.ru"),
        (&["<M11@Promo.Company.ru>"], "m11@promo.company.ru"),
        (&["<yd@leads.company.ru.>"], "yd@leads.company.ru"),
        (&["<ИНФО+Реклама@company.ru>"], "инфо+реклама@company.ru"),
        (&["<инфо+реклама@company.ru>", "NOTIFY=NEVER"], "инфо+реклама@company.ru"),
        (&["<info@company.ru>", "ORCPT=rfc822;info+2Bm11@company.ru"], "info+m11@company.ru"),
    ];
    for (rcpt, expected) in rows {
        assert_eq!(touches(&[rcpt]).await, [*expected], "{rcpt:?}");
    }
}

#[tokio::test]
async fn what_only_looks_like_a_substitute_is_not_tracked() {
    let rows: &[&[&str]] = &[
        &["<info+m11@other.ru>"],
        &["<info+m11x@company.ru>"],
        &["<info+m11>"],
        &["<info@company.ru>", "ORCPT=rfc822;sales+2Bnews@company.ru"],
        &["<other@company.ru>", "ORCPT=rfc822;info+2Bm11@company.ru"],
        &["<info@company.ru>", "ORCPT=rfc822;info+2"],
        &["<info@company.ru>", "To=info+m11@company.ru"],
    ];
    for rcpt in rows {
        assert_eq!(touches(&[rcpt]).await, Vec::<String>::new(), "{rcpt:?}");
    }
}

#[tokio::test]
async fn to_and_cc_decide_nothing() {
    let door = Door::open("");
    let headers = [HEADERS, &[("To", "<info+m11@company.ru>"), ("Cc", "<info+yd@company.ru>")]].concat();
    let letter = Letter { headers: &headers, ..to(&[&["<ivan@company.ru>"]]) };
    assert_eq!(send(&mut door.connect().await, &letter).await, ["accepted at DATA"]);
}

#[tokio::test]
async fn many_recipients_are_one_lead_with_several_touches() {
    let rcpts: &[&[&str]] = &[
        &["<ivan@other.example>"],
        &["<info@company.ru>"],
        &["<info+yd@company.ru>"],
        &["<info+unknown@company.ru>"],
        &["<info+m11@company.ru>"],
        &["<INFO+YD@company.ru>"],
        &["<info.m11@company.ru>"],
        &["<sales+news@company.ru>"],
    ];
    let door = Door::open("");
    send(&mut door.connect().await, &to(rcpts)).await;
    let leads = door.leads();
    assert_eq!(leads.len(), 1);
    let lead = &leads[0];
    let touches: Vec<_> = lead.attribution.touches.iter().map(|touch| touch.channel.as_deref().unwrap()).collect();
    assert_eq!(touches, ["yandex-direct", "billboard-m11", "billboard-m11", "newsletter"]);
    assert_eq!(lead.channel.as_ref().unwrap().id, "yandex-direct");
    assert_eq!(lead.tags, ["offline", "outdoor", "email"]);
    assert_eq!(lead.recipient.real.as_deref(), Some("info@company.ru"));
}

#[tokio::test]
async fn a_recipient_is_rewritten_once_and_by_its_exact_bytes() {
    let rows: &[(&[&[&str]], &[&str])] = &[
        (
            &[&["<Sales+NEWS@Company.ru>"]],
            &["remove <Sales+NEWS@Company.ru>", "add <sales@company.ru> ORCPT=rfc822;Sales+2BNEWS@Company.ru"],
        ),
        (
            &[&["<@relay.example:sales+news@company.ru>"]],
            &[
                "remove <@relay.example:sales+news@company.ru>",
                "remove <sales+news@company.ru>",
                "add <sales@company.ru> ORCPT=rfc822;sales+2Bnews@company.ru",
            ],
        ),
        (
            &[&["<\"sales+news\"@company.ru>"]],
            &["remove <\"sales+news\"@company.ru>", "add <sales@company.ru> ORCPT=rfc822;\"sales+2Bnews\"@company.ru"],
        ),
        (
            &[&["<sales+news@company.ru>", "NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;sales+2BNEWS@company.ru", "X=1"]],
            &[
                "remove <sales+news@company.ru>",
                "add <sales@company.ru> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;sales+2BNEWS@company.ru",
            ],
        ),
        // The same recipient twice.
        (
            &[&["<sales+news@company.ru>"], &["<sales+news@company.ru>"]],
            &["remove <sales+news@company.ru>", "add <sales@company.ru> ORCPT=rfc822;sales+2Bnews@company.ru"],
        ),
        // Two spellings, two substitutes: the MTA knows them apart, the mailbox gets one copy.
        (
            &[&["<sales+news@company.ru>"], &["<SALES+news@company.ru>"], &["<sales+autumn@company.ru>"]],
            &[
                "remove <sales+news@company.ru>",
                "remove <SALES+news@company.ru>",
                "remove <sales+autumn@company.ru>",
                "add <sales@company.ru> ORCPT=rfc822;sales+2Bnews@company.ru",
            ],
        ),
        // As the client said it, so without brackets too.
        (
            &[&["sales+news@company.ru"]],
            &["remove sales+news@company.ru", "add <sales@company.ru> ORCPT=rfc822;sales+2Bnews@company.ru"],
        ),
        // The mailbox is a recipient already, before or after: it goes and comes back as it was.
        (
            &[&["<Sales@Company.ru>"], &["<sales+news@company.ru>"]],
            &[
                "remove <sales+news@company.ru>",
                "remove <Sales@Company.ru>",
                "add <Sales@Company.ru> ORCPT=rfc822;Sales@Company.ru",
            ],
        ),
        (
            &[
                &["<sales+news@company.ru>"],
                &["<@b.example:sales@company.ru>", "NOTIFY=NEVER"],
                &["<sales@company.ru>"],
            ],
            &[
                "remove <sales+news@company.ru>",
                "remove <@b.example:sales@company.ru>",
                "remove <sales@company.ru>",
                "add <sales@company.ru> NOTIFY=NEVER ORCPT=rfc822;sales@company.ru",
            ],
        ),
        // This mailbox is not rewritten; others are never touched.
        (&[&["<info+m11@company.ru>"], &["<ivan@other.example>"]], &[]),
        // The mailbox itself came with a hint: nothing to rewrite.
        (&[&["<sales@company.ru>", "ORCPT=rfc822;sales+2Bnews@company.ru"]], &[]),
    ];
    for (rcpts, expected) in rows {
        assert_eq!(rewrites(rcpts).await, *expected, "{rcpts:?}");
    }
}
