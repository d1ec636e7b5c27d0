//! What leadmilter leaves alone: mail to no substitute, and all mail in a dry run.

use crate::{
    delivered::{received, settled, trace},
    postfix_house::{Postfix, queue_id},
    scene::{Scene, Setup},
    told::letter,
};

/// Letters that a careless filter would change: raw bytes, odd folds, long lines, dots, no header, forged headers.
fn odd_letters() -> Vec<Vec<u8>> {
    let long =
        [b"X-Long: ".to_vec(), b"a".repeat(990), b"\nSubject: s\n\n".to_vec(), b"b".repeat(3000), b"\n".to_vec()];
    vec![
        letter(1),
        b"X-Lead-Id: forged\nX-Lead-Channel: forged\nSubject:\n  folded\n\t\xf6\xe5\n\n.\n..\n \xff\x00\x01\r\nend"
            .to_vec(),
        long.concat(),
        b"\nno header at all\n".to_vec(),
        b"no header and no empty line\n".to_vec(),
        b"From: a\nFrom: b\nSubject: a\nSubject: b\n\n\n\n\n".to_vec(),
    ]
}

const NOT_TRACKED: [&[&str]; 4] = [
    &["<ivan@company.ru>"],
    &["<info@company.ru>"],
    &["<info+nobody-lists-this@company.ru>"],
    &["<ivan@company.ru>", "<info@company.ru>", "<info+m11@elsewhere.example>"],
];

/// Sends every letter to every list of recipients, and gives back what was delivered, with the copies of one letter in
/// the order of mailboxes.
fn delivered(postfix: &Postfix) -> Vec<(String, String)> {
    let mut sent = Vec::new();
    for letter in odd_letters() {
        for rcpts in NOT_TRACKED {
            let answers = postfix.send("<c1@client.example> BODY=8BITMIME", rcpts, &letter);
            sent.push(answers.queue_id().unwrap_or_else(|| panic!("{answers:?}")));
        }
    }
    let mut all = Vec::new();
    for (mailbox, count) in [("ivan@company.ru", 12), ("info@company.ru", 18)] {
        for mail in postfix.mails(mailbox, count) {
            let queue_id = queue_id(&mail);
            assert!(sent.contains(&queue_id));
            all.push((mailbox.to_owned(), settled(&mail, &queue_id, "none")));
        }
    }
    all
}

#[test]
fn mail_to_no_substitute_passes_byte_for_byte_as_without_a_milter() {
    let scene = Scene::start("[leads]\ndirect = \"ignore\"\n");
    let found = delivered(&scene.postfix);
    let expected = delivered(&Postfix::start("none", &[]));
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(scene.leads(), Vec::<serde_json::Value>::new());
    let (letters, unknown) = (odd_letters().len() * NOT_TRACKED.len(), odd_letters().len());
    assert_eq!(
        scene.counters(),
        format!("sessions={letters} messages={letters} messages_untracked={letters} unknown_tags={unknown}")
    );
}

#[test]
fn mail_to_no_substitute_is_let_go_at_data_and_its_headers_are_never_shown_to_us() {
    let verbose = ["--option", "debug_peer_list=127.0.0.1", "--option", "debug_peer_level=2"];
    let scene = Scene::set(Setup { options: &verbose, ..Setup::default() });
    let mut answers = Vec::new();
    for rcpt in ["<ivan@company.ru>", "<info+m11@company.ru>"] {
        scene.send("<c1@client.example>", &[rcpt], &letter(1));
        scene.postfix.drain();
        answers.extend(scene.postfix.log().lines().filter_map(exchanged).skip(answers.len()).collect::<Vec<_>>());
    }
    let masked = ["SMFIC_CONNECT", "SMFIC_HELO", "SMFIC_MAIL", "SMFIC_RCPT"];
    let untracked = [masked.as_slice(), &["SMFIC_DATA", "SMFIR_ACCEPT"]].concat();
    let tracked = [masked.as_slice(), &["SMFIC_DATA", "SMFIR_CONTINUE"]].concat();
    assert_eq!(answers, [untracked, tracked].concat());
}

/// A milter event or reply in Postfix's verbose log; what follows DATA is for cleanup(8), which is not verbose.
fn exchanged(line: &str) -> Option<String> {
    let (_, text) = line.split_once("]: ")?;
    let name = text.strip_prefix("event: ").or_else(|| text.strip_prefix("reply: "))?;
    Some(name.split([';', ' ']).next()?.to_owned())
}

#[test]
fn dry_run_changes_and_records_nothing_and_logs_what_it_would_have_done() {
    let scene = Scene::start("milter.dry_run = true\nheaders.strip = \"all\"");
    let forged = [b"X-Lead-Id: forged\n".as_slice(), &letter(1)].concat();
    let rcpts = ["<sales+news@company.ru>", "<info.m11@company.ru>"];
    let sent = [(); 2].map(|()| scene.send("<c1@client.example>", &rcpts, &forged));
    let body = String::from_utf8(forged).unwrap();
    for (mailbox, original, to) in [
        ("sales@company.ru", "sales+news@company.ru", "sales+news@company.ru"),
        ("info@company.ru", "info.m11@company.ru", "info@company.ru"),
    ] {
        let mails = scene.postfix.mails(mailbox, 2);
        let found: Vec<_> = mails.iter().zip(&sent).map(|(mail, sent)| settled(mail, sent, "none")).collect();
        let expected = [trace("c1@client.example", original, to), received(None), body.clone()].concat();
        assert_eq!(found, [expected.clone(), expected]);
    }
    assert_eq!(scene.leads(), Vec::<serde_json::Value>::new());
    let log = scene.daemon().log();
    for sent in &sent {
        let line = log.lines().find(|line| line.contains(&format!("{sent}: "))).unwrap();
        let (_, line) = line.split_once(": lead=").unwrap();
        let (id, line) = line.split_once(',').unwrap();
        assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7);
        let (line, delay) = line.split_once("delay=").unwrap();
        assert_eq!(line, " channel=newsletter, unique=new, count=1, touches=2, ");
        assert_eq!(delay.split_once(", ").unwrap().1, "dry run");
    }
}
