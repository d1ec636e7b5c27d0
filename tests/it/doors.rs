//! Every socket that Postfix can reach us by, clients of both families, and sessions that do not go straight on.

use crate::{
    delivered::{headers, received, settled, trace},
    postfix_house::queue_id,
    scene::{Scene, Setup},
    told::{assert_same, expected, letter},
};

const M11: &str = "info+m11@company.ru";

/// A letter from an IPv4 and one from an IPv6 client, in two sessions of two letters, one of them untracked.
fn tell(listen: &str) {
    let mut scene = Scene::set(Setup { listen, ..Setup::default() });
    let mut sessions = vec![(scene.postfix.session(), "127.0.0.1")];
    sessions.extend(scene.postfix.session_v6().map(|session| (session, "IPv6:::1")));
    let clients = sessions.len();
    for (number, (mut session, client)) in (1..).zip(sessions) {
        let sender = format!("c{number}@client.example");
        let mut send = |rcpt: &str| {
            let answers = scene.postfix.send_in(&mut session, &format!("<{sender}>"), &[rcpt], &letter(number));
            answers.queue_id().unwrap()
        };
        send("<ivan@company.ru>");
        let sent = send("<info+m11@company.ru>");
        let told = scene.told();
        assert_same(&told.body, &expected(number, number, &[M11]), client);
        let mails = scene.postfix.mails("info@company.ru", usize::try_from(number).unwrap());
        let expected = [
            trace(&sender, M11, M11),
            headers(M11),
            received(Some(M11)).replace("127.0.0.1", client),
            String::from_utf8(letter(number)).unwrap(),
        ];
        assert_eq!(settled(mails.last().unwrap(), &sent, &told.id), expected.concat(), "{client}");
    }
    let counters = format!("sessions={clients} messages={} messages_untracked={clients} leads={clients}", 2 * clients);
    assert_eq!(scene.counters(), counters);
}

#[test]
fn clients_of_both_families_are_served_over_a_unix_socket() {
    tell("");
}

#[test]
fn clients_of_both_families_are_served_over_tcp() {
    tell("inet:127.0.0.1:0");
}

#[test]
fn clients_of_both_families_are_served_over_tcp_on_ipv6() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        eprintln!("not tried over IPv6: this host has none");
        return;
    }
    tell("inet6:[::1]:0");
}

#[test]
fn sessions_that_run_side_by_side_keep_their_messages_apart() {
    let substitutes = [M11, "info+yd@company.ru", M11, "info.m11@company.ru", "yd@leads.company.ru"];
    let mut scene = Scene::start("");
    let mut sessions = substitutes.map(|_| scene.postfix.session());
    for (number, session) in (1..).zip(&mut sessions) {
        assert_eq!(session.command(&format!("MAIL FROM:<c{number}@client.example>")).code, 250);
    }
    for (session, substitute) in sessions.iter_mut().zip(substitutes).rev() {
        assert_eq!(session.command(&format!("RCPT TO:<{substitute}>")).code, 250);
    }
    for session in &mut sessions {
        assert_eq!(session.command("DATA").code, 354);
    }
    let mut sent = Vec::new();
    for (number, session) in [1, 2, 3, 4, 5].into_iter().zip(&mut sessions).rev() {
        session.write(String::from_utf8(letter(number)).unwrap().replace('\n', "\r\n").as_bytes());
        sent.insert(0, session.command(".").text.split_once("queued as ").unwrap().1.to_owned());
    }
    let told = scene.told_of(&sent);
    let mails = scene.postfix.mails("info@company.ru", 5);
    for (at, substitute) in substitutes.into_iter().enumerate() {
        let number = u32::try_from(at).unwrap() + 1;
        // The last session ended its letter first.
        assert_same(&told[at].body, &expected(6 - number, number, &[substitute]), substitute);
        let mail = mails.iter().find(|mail| queue_id(mail) == sent[at]).unwrap();
        let to = if substitute.contains('+') { substitute } else { "info@company.ru" };
        let expected = [
            trace(&format!("c{number}@client.example"), substitute, to),
            headers(substitute),
            received(Some(substitute)),
            String::from_utf8(letter(number)).unwrap(),
        ];
        assert_eq!(settled(mail, &sent[at], &told[at].id), expected.concat(), "{substitute}");
    }
}

#[test]
fn recipients_of_a_transaction_that_was_given_up_are_forgotten() {
    let mut scene = Scene::start("");
    let mut session = scene.postfix.session();
    for given_up in ["RSET", "EHLO again.example", "NOOP"] {
        assert_eq!(session.command("MAIL FROM:<c9@client.example>").code, 250);
        assert_eq!(session.command("RCPT TO:<info+yd@company.ru>").code, 250);
        assert_eq!(session.command(given_up).code, 250);
        if given_up == "NOOP" {
            // Goes away without a word.
            session = scene.postfix.session();
        }
        let ivan = scene.postfix.send_in(&mut session, "<c1@client.example>", &["<ivan@company.ru>"], &letter(1));
        assert!(ivan.queue_id().is_some(), "{ivan:?}");
    }
    let answers = scene.postfix.send_in(&mut session, "<c1@client.example>", &["<info+m11@company.ru>"], &letter(1));
    let told = scene.told();
    assert_same(&told.body, &expected(1, 1, &[M11]), "event");
    assert_eq!(told.queue_id, answers.queue_id());
    for mail in scene.postfix.mails("ivan@company.ru", 3) {
        let text = settled(&mail, &queue_id(&mail), "none").replace("again.example", "client.example");
        let ivan = "ivan@company.ru";
        let letter = String::from_utf8(letter(1)).unwrap();
        assert_eq!(text, trace("c1@client.example", ivan, ivan) + &received(Some(ivan)) + &letter);
    }
    assert_eq!(scene.counters(), "sessions=2 messages=4 messages_untracked=3 leads=1");
    scene.assert_recorded(&[&told]);
}
