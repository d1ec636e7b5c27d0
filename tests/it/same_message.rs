//! When two messages are one lead, and when one sender is new: what an accountant would count.

use leadmilter::lead::Lead;

use crate::milter_house::{Door, HEADERS, Letter, send, to};

const M11: &[&[&str]] = &[&["<info+m11@company.ru>"]];

fn id(edits: &[String]) -> usize {
    edits.iter().filter(|edit| edit.ends_with("X-Lead-Id: LEAD")).count()
}

/// Headers with some of them replaced; an empty value takes the field away.
fn with<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = HEADERS.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    kept.chain(changes.iter().filter(|(_, value)| !value.is_empty())).copied().collect()
}

/// Sends two letters; gives back the leads.
async fn two(first: &Letter<'_>, second: &Letter<'_>) -> Vec<Lead> {
    let door = Door::open("");
    let mut mta = door.connect().await;
    for letter in [first, second] {
        assert_eq!(id(&send(&mut mta, letter).await), 1, "headers are added every time");
    }
    door.leads()
}

#[tokio::test]
async fn a_resent_message_is_one_lead_and_keeps_its_id() {
    let door = Door::open("");
    let first = send(&mut door.connect().await, &to(M11)).await;
    let again = send(&mut door.connect().await, &to(&[&["<INFO+M11@company.ru>"]])).await;
    assert_eq!(first, again, "new stays new for the same message");
    assert_eq!((door.leads().len(), door.metrics.duplicates.get()), (1, 1));
}

#[tokio::test]
async fn each_part_of_the_key_tells_messages_apart() {
    let plain = to(M11);
    let rows: &[(&str, Letter<'_>)] = &[
        ("Message-ID", Letter { headers: &with(&[("Message-ID", "<2@client.example>")]), ..to(M11) }),
        ("sender", Letter { mail: &["<anna@client.example>"], ..to(M11) }),
        ("substitute", to(&[&["<info+yd@company.ru>"]])),
        ("Subject of a form with one Message-ID", Letter { headers: &with(&[("Subject", "hoses")]), ..to(M11) }),
        ("Date", Letter { headers: &with(&[("Date", "Sun, 22 Nov 2026 07:26:08 +0300")]), ..to(M11) }),
        ("Message-ID taken away", Letter { headers: &with(&[("Message-ID", "")]), ..to(M11) }),
    ];
    for (part, other) in rows {
        assert_eq!(two(&plain, other).await.len(), 2, "{part}");
    }
}

#[tokio::test]
async fn what_relays_change_does_not_make_another_message() {
    let refolded = with(&[("Subject", " =?UTF-8?B?cHVtcHM=?="), ("Message-ID", "\n\t<1@client.example>")]);
    let rows: &[(&str, Letter<'_>)] = &[
        ("folding and encoding", Letter { headers: &refolded, ..to(M11) }),
        ("case of the sender", Letter { mail: &["<Ivan@Client.example>", "SIZE=1"], ..to(M11) }),
        ("further headers", Letter { headers: &with(&[("Received", "from a by b")]), ..to(M11) }),
        ("one recipient more", to(&[&["<info+yd@company.ru>"], &["<info+m11@company.ru>"]])),
    ];
    for (what, other) in rows {
        assert_eq!(two(&to(M11), other).await.len(), 1, "{what}");
    }
}

#[tokio::test]
async fn a_message_without_message_id_is_known_by_its_other_headers() {
    let bare = with(&[("Message-ID", "")]);
    let letter = Letter { headers: &bare, ..to(M11) };
    assert_eq!(two(&letter, &letter).await.len(), 1);
    let other = with(&[("Message-ID", ""), ("Content-Type", "multipart/mixed; boundary=2")]);
    assert_eq!(two(&letter, &Letter { headers: &other, ..to(M11) }).await.len(), 2);
    let naked = with(&[("Message-ID", ""), ("Date", "")]);
    let letter = Letter { headers: &naked, ..to(M11) };
    assert_eq!(two(&letter, &letter).await.len(), 1);
}

#[tokio::test]
async fn a_form_with_one_message_id_for_ever_and_no_date_is_told_apart_by_who_writes() {
    let form = |from| with(&[("Date", ""), ("From", from)]);
    let (ivan, anna) = (form("ivan@client.example"), form("anna@client.example"));
    let [ivan, anna] = [&ivan, &anna].map(|headers| Letter { headers, ..to(M11) });
    assert_eq!(two(&ivan, &ivan).await.len(), 1);
    assert_eq!(two(&ivan, &anna).await.len(), 2);
}

#[tokio::test]
async fn a_repeat_continues_the_senders_series() {
    let second = with(&[("Message-ID", "<2@client.example>"), ("From", "IVAN@client.example")]);
    let leads = two(&to(M11), &Letter { headers: &second, ..to(&[&["<info+yd@company.ru>"]]) }).await;
    let (first, second) = (&leads[0], &leads[1]);
    assert_eq!((first.repeat.unique, first.repeat.count, first.repeat.first_lead_id.as_deref()), (true, 1, None));
    assert_eq!((second.repeat.unique, second.repeat.count), (false, 2));
    assert_eq!(second.repeat.first_lead_id.as_deref(), Some(first.lead_id.as_str()));
    assert_eq!(second.repeat.first_received_at, Some(first.received_at));
}

#[tokio::test]
async fn by_sender_and_channel_another_channel_is_new() {
    let door = Door::open("[leads]\nunique_by = \"sender_channel\"\n");
    let mut mta = door.connect().await;
    let rows =
        [("<1@c>", "<info+m11@company.ru>"), ("<2@c>", "<info+yd@company.ru>"), ("<3@c>", "<info.m11@company.ru>")];
    for (message_id, rcpt) in rows {
        let headers = with(&[("Message-ID", message_id)]);
        send(&mut mta, &Letter { headers: &headers, ..to(&[&[rcpt]]) }).await;
    }
    let unique: Vec<_> = door.leads().iter().map(|lead| (lead.repeat.unique, lead.repeat.count)).collect();
    assert_eq!(unique, [(true, 1), (true, 1), (false, 2)]);
}

#[tokio::test]
async fn our_own_signed_headers_are_kept_and_make_no_second_lead() {
    let door = Door::open("[headers]\nkey_file = \"header.key\"\n");
    let key = door.company.path("header.key");
    assert!(key.exists(), "the company has a header key");
    let mut mta = door.connect().await;
    let edits = crate::milter_house::send_raw(&mut mta, &to(M11)).await;
    let ours: Vec<_> = edits.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(ours.last().unwrap().0, "X-Lead-Signature");
    let second_pass = [&ours, HEADERS].concat();
    let trusted = Letter { headers: &second_pass, ..to(M11) };
    assert_eq!(send(&mut mta, &trusted).await, Vec::<String>::new());
    assert_eq!((door.leads().len(), door.metrics.trusted.get()), (1, 1));
    // So are those of a letter to the mailbox itself.
    let mailbox: &[&[&str]] = &[&["<info@company.ru>"]];
    let direct = Door::open("[headers]\nkey_file = \"header.key\"\n[leads]\ndirect = \"all\"\n");
    let mut before = direct.connect().await;
    let of_mailbox = crate::milter_house::send_raw(&mut before, &to(mailbox)).await;
    let of_mailbox: Vec<_> = of_mailbox.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(of_mailbox.last().unwrap().0, "X-Lead-Signature");
    let headers = [&of_mailbox, HEADERS].concat();
    assert_eq!(send(&mut mta, &Letter { headers: &headers, ..to(mailbox) }).await, Vec::<String>::new());
    assert_eq!((door.leads().len(), door.metrics.trusted.get()), (1, 2));
    // The same headers in another letter, to another substitute, or with one changed, prove nothing.
    let other = [&ours, with(&[("Message-ID", "<2@c>")]).as_slice()].concat();
    let elsewhere = Letter { headers: &second_pass, ..to(&[&["<info+yd@company.ru>"]]) };
    let mut changed = second_pass.clone();
    changed[1].1 = "newsletter";
    for letter in [Letter { headers: &other, ..to(M11) }, elsewhere, Letter { headers: &changed, ..to(M11) }] {
        let edits = send(&mut mta, &letter).await;
        let deleted = edits.iter().filter(|edit| edit.starts_with("delete ")).count();
        assert_eq!((deleted, id(&edits)), (ours.len(), 1));
    }
}
