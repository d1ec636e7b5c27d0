//! Attribution headers that came with the letter: a stranger's go, our own fleet's stay.

use crate::{
    delivered::{self, headers, received, settled, shown, trace},
    office::HEADER_KEY,
    postfix_house::queue_id,
    scene::{Scene, python},
    told::{Told, assert_same, expected, letter},
};

const M11: &str = "info+m11@company.ru";
const SIGNED: &str = "headers.key_file = \"header.key\"";

/// The delivered copies of one letter, settled.
fn copies(scene: &Scene, mailbox: &str, sent: &str, lead_id: &str) -> Vec<String> {
    let mails = scene.postfix.mails(mailbox, 1);
    mails.iter().filter(|mail| queue_id(mail) == sent).map(|mail| settled(mail, sent, lead_id)).collect()
}

/// A letter to `info+m11@company.ru` as it has to be delivered.
fn as_delivered(sender: &str, attribution: &str, letter: &str) -> String {
    [&trace(sender, M11, M11), attribution, &received(Some(M11)), letter].concat()
}

/// Fields of our prefix in any case and number, folded, with blanks before the colon, among fields that only look alike.
const FORGED: &[u8] = b"x-lead-id: 1\nX-Lead-Id: 2\nReceived: from a by b; Mon, 2 Nov 2026 09:00:00 +0300\n\
    X-LEAD-CHANNEL: newsletter\nX-Lead-Channel: a,\n b,\n\tc\nFrom: Client 1 <c1@client.example>\n\
    X-Leader: stays\nX-Lead-Substitute:info+m11@company.ru\nX-Lead-Status: exact\nX-Lead-UTM-Source: evil\n\
    To: info@company.ru\nX-Lead: stays\nX-lEAD-Signature: v1=AAAA\nx-lead-: empty\nX-Lead-Anything: \xff\xfe\n\
    Subject: pumps 1\nX-Lead-Tags:\nX-Lead-Id : 3\nX-Lead-Unique\t: new\nMy-X-Lead-Id: stays\n\
    Date: Mon, 2 Nov 2026 10:00:00 +0300\nMessage-ID: <1@client.example>\nX-Lead-Id: last\n\n\
    X-Lead-Id: of the body\n";

/// What is left of it.
const CLEAN: &str = "Received: from a by b; Mon, 2 Nov 2026 09:00:00 +0300\nFrom: Client 1 <c1@client.example>\n\
    X-Leader: stays\nTo: info@company.ru\nX-Lead: stays\nSubject: pumps 1\nMy-X-Lead-Id: stays\n\
    Date: Mon, 2 Nov 2026 10:00:00 +0300\nMessage-ID: <1@client.example>\n\nX-Lead-Id: of the body\n";

#[test]
fn forged_headers_in_any_case_and_number_go_and_ours_stand_on_top() {
    let mut scene = Scene::start("");
    let sent = scene.send("<c1@client.example>", &["<info+m11@company.ru>"], FORGED);
    let told = scene.told();
    assert_same(&told.body, &expected(1, 1, &[M11]), "event");
    let found = copies(&scene, "info@company.ru", &sent, &told.id);
    assert_eq!(found, [as_delivered("c1@client.example", &headers(M11), CLEAN)]);
    assert_eq!(scene.counters(), "sessions=1 messages=1 leads=1 forged_headers=14");
}

#[test]
fn forged_headers_go_from_letters_that_programs_submit() {
    let mut scene = Scene::start("");
    scene.postfix.sendmail(&["-f", "c1@client.example", M11], FORGED);
    let told = scene.told();
    let found = copies(&scene, "info@company.ru", told.queue_id.as_deref().unwrap(), &told.id);
    let by_program = "Received: by mx1.company.ru (Postfix, from userid 0)\n\tid QUEUE; MOMENT\n";
    let expected = [&trace("c1@client.example", M11, M11), &headers(M11), by_program, CLEAN];
    assert_eq!(found, [expected.concat()]);
}

#[test]
fn forged_headers_of_untracked_mail_go_only_where_the_config_says_so() {
    for (keys, kept) in [("", shown(FORGED)), ("headers.strip = \"all\"", CLEAN.to_owned())] {
        let scene = Scene::start(keys);
        let sent = scene.send("<c1@client.example>", &["<ivan@company.ru>"], FORGED);
        let found = copies(&scene, "ivan@company.ru", &sent, "none");
        let ivan = "ivan@company.ru";
        // Postfix itself takes away a blank before the colon.
        let kept = kept.replace("X-Lead-Id : 3", "X-Lead-Id: 3").replace("Unique\t:", "Unique:");
        let expected = [trace("c1@client.example", ivan, ivan), received(Some(ivan)), kept].concat();
        assert_eq!(found, [expected], "{keys}");
        assert_eq!(scene.leads(), Vec::<serde_json::Value>::new());
    }
}

/// The signature, computed by other means: HMAC-SHA256 over the Message-ID and the other attribution headers.
const SIGNATURE: &str = r#"
import base64, email, email.policy, hashlib, hmac, sys
key, letter = sys.stdin.buffer.read().split(b"\n", 1)
message = email.message_from_bytes(letter, policy=email.policy.compat32)
text = "leadmilter headers v1\n" + message["Message-ID"]
for name, value in message.items():
    if name.lower().startswith("x-lead-") and name.lower() != "x-lead-signature":
        text += "\n" + name.lower() + ":" + " ".join(value.split())
print(end="v1=" + base64.urlsafe_b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode().rstrip("="))
"#;

/// The signature header that a delivered letter has to carry.
fn signature(mail: &[u8]) -> String {
    format!("X-Lead-Signature: {}\n", python(SIGNATURE, &[HEADER_KEY.as_bytes(), b"\n", mail].concat()))
}

/// The letter as the next hop gets it: without the trace of delivery.
fn relayed(mail: &[u8]) -> Vec<u8> {
    let lines: Vec<_> = mail.split_inclusive(|&byte| byte == b'\n').skip(3).collect();
    lines.concat()
}

/// Sends letter 1 in a scene with a key; gives back the letter as delivered and its event.
fn signed(scene: &mut Scene) -> (Vec<u8>, Told) {
    let sent = scene.send("<c1@client.example>", &["<info+m11@company.ru>"], &letter(1));
    let told = scene.told();
    let mail = scene.postfix.mails("info@company.ru", 1).remove(0);
    let attribution = headers(M11) + &signature(&mail);
    let plain = String::from_utf8(letter(1)).unwrap();
    assert_eq!(settled(&mail, &sent, &told.id), as_delivered("c1@client.example", &attribution, &plain));
    (mail, told)
}

#[test]
fn own_signed_headers_are_kept_on_a_second_pass_and_make_no_second_event() {
    let mut scene = Scene::start(SIGNED);
    let (first, told) = signed(&mut scene);
    let again = relayed(&first);
    let sent = scene.send("<c1@client.example>", &["<info+m11@company.ru>"], &again);
    let found = copies(&scene, "info@company.ru", &sent, "kept as it is");
    assert_eq!(found, [as_delivered("c1@client.example", "", &shown(&again))]);
    assert_eq!(scene.counters(), "sessions=2 messages=2 leads=1 trusted=1");
    scene.assert_recorded(&[&told]);
}

#[test]
fn own_headers_that_were_changed_or_moved_count_as_forged() {
    let mut scene = Scene::start(SIGNED);
    let (first, told) = signed(&mut scene);
    let text = String::from_utf8(relayed(&first)).unwrap();
    let cases = [
        ("another letter", "info+m11", text.replace("<1@client", "<2@client"), false),
        ("another substitute", "info.m11", text.clone(), false),
        ("a changed value", "info+m11", text.replace("Unique: new", "Unique: repeat"), true),
        ("a header more", "info+m11", format!("X-Lead-Extra: 1\n{text}"), true),
        ("a header less", "info+m11", text.replace("X-Lead-Status: channel\n", ""), true),
        ("no signature", "info+m11", without_field(&text, "X-Lead-Signature"), true),
        ("two signatures", "info+m11", format!("X-Lead-Signature: v1=AAAA\n{text}"), true),
    ];
    for (case, local, letter, known) in &cases {
        let rcpt = format!("<{local}@company.ru>");
        let sent = scene.send("<c1@client.example>", &[&rcpt], letter.as_bytes());
        let lead_id = if *known { told.id.clone() } else { scene.told().id };
        assert_eq!(lead_id == told.id, *known, "{case}");
        let original = rcpt.trim_matches(['<', '>']);
        let delivered = if *local == "info.m11" { "info@company.ru" } else { M11 };
        let mails = scene.postfix.mails("info@company.ru", 1);
        let mail = mails.iter().find(|mail| queue_id(mail) == sent).unwrap();
        let unique = if *known { "Unique: new" } else { "Unique: repeat" };
        let clean = delivered::fields(letter.trim_end_matches('\n'));
        let clean: Vec<_> = clean.into_iter().filter(|field| !field.starts_with("X-Lead-")).collect();
        let expected = [
            trace("c1@client.example", original, delivered),
            headers(original).replace("Unique: new", unique),
            signature(mail),
            received(Some(original)),
            format!("{}\n", clean.join("\n")),
        ];
        assert_eq!(settled(mail, &sent, &lead_id), expected.concat(), "{case}");
    }
    assert_eq!(scene.leads().len(), 3);
}

fn without_field(letter: &str, name: &str) -> String {
    let kept = |line: &&str| !line.starts_with(name);
    letter.split_inclusive('\n').filter(kept).collect()
}
