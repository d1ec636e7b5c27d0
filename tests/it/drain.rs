//! SIGTERM: what is open ends as it began, what is new passes by, and the end comes when it was promised.

use std::{
    fs,
    net::TcpListener,
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use crate::{
    company::webhook,
    fault_house::{Site, letter, wait_line},
    postfix_house::wait_for,
};

/// Less than any wait of Postfix for a milter that does not answer.
const AT_ONCE: Duration = Duration::from_secs(4);

#[test]
fn sigterm_lets_a_letter_in_the_middle_of_its_data_end_with_its_headers() {
    let site = Site::new("drain = \"50s\"\n", "");
    let daemon = site.daemon();
    let mut session = site.postfix.session();
    assert_eq!(session.command("MAIL FROM:<anna@client.example>").code, 250);
    assert_eq!(session.command("RCPT TO:<info+m11@company.ru>").code, 250);
    assert_eq!(session.command("DATA").code, 354);
    let open = String::from_utf8(letter("open")).unwrap().replace('\n', "\r\n");
    let (first, last) = open.split_at(open.len() / 2);
    session.write(first.as_bytes());

    daemon.signal("TERM");
    wait_line(&daemon, &["draining: 1 sessions are open, waiting up to 50s"]);
    wait_line(&daemon, &["no longer accepting connections"]);
    wait_for("the socket file to go", || (!site.postfix.socket().exists()).then_some(()), || daemon.log());
    let begun = Instant::now();
    assert!(site.send("new").queue_id().is_some());
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert_eq!(site.lead_id("new"), None);

    session.write(format!("{last}.\r\n").as_bytes());
    let reply = session.reply();
    assert_eq!(reply.code, 250, "{reply:?}");
    // The next letter of the session is served as well: it is the session that drains.
    let second = site.send_in(&mut session, "second", "info+m11@company.ru");
    assert_eq!(session.command("QUIT").code, 221);
    let begun = Instant::now();
    let log = wait_line(&daemon, &["stopped:", "leads=2"]);
    assert!(begun.elapsed() < AT_ONCE, "{log}");
    assert!(second.queue_id().is_some());
    let ids = [Some(site.lead_id("open").unwrap()), Some(site.lead_id("second").unwrap())];
    assert_eq!(site.leads().into_iter().map(|(_, lead)| Some(lead)).collect::<Vec<_>>(), ids);
    assert_eq!(ended(&site, daemon), Some(0));
}

/// The exit code of a daemon that has been told to end.
fn ended(site: &Site, daemon: crate::postfix_house::Daemon) -> Option<i32> {
    let (status, _) = daemon.wait();
    let left: Vec<_> = fs::read_dir(site.postfix.socket().parent().unwrap()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    status.code()
}

#[test]
fn sigterm_cuts_an_idle_session_off_when_the_drain_is_over() {
    let site = Site::new("drain = \"700ms\"\n", "");
    let daemon = site.daemon();
    let mut session = site.postfix.session();
    let begun = Instant::now();
    daemon.signal("TERM");
    wait_line(&daemon, &["drain: 1 sessions were cut off"]);
    assert_eq!(ended(&site, daemon), Some(0));
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(700) && took < AT_ONCE, "{took:?}");
    assert!(site.send_in(&mut session, "without", "info+m11@company.ru").queue_id().is_some());
    assert_eq!(site.lead_id("without"), None);
}

#[test]
fn a_second_sigterm_ends_at_once() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let sink = webhook("crm", &format!("http://{}/", silent.local_addr().unwrap())).replace("5s", "1h");
    let site = Site::new("drain = \"1h\"\n", &sink);
    let daemon = site.daemon();
    let mut idle = site.postfix.session();
    site.send_in(&mut idle, "one", "info+m11@company.ru");
    let _call = silent.accept().unwrap();
    daemon.signal("TERM");
    wait_line(&daemon, &["draining: 1 sessions are open"]);
    let begun = Instant::now();
    daemon.signal("TERM");
    wait_line(&daemon, &["told to stop twice"]);
    wait_line(&daemon, &["calls were cut off after 500ms, their events will be sent again"]);
    assert_eq!(ended(&site, daemon), Some(0));
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
}

#[test]
fn a_second_sigterm_spares_the_wait_for_a_slow_receiver() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let sink = webhook("crm", &format!("http://{}/", silent.local_addr().unwrap())).replace("5s", "1h");
    let site = Site::new("", &sink);
    let daemon = site.daemon();
    site.send("one");
    let _call = silent.accept().unwrap();
    daemon.signal("TERM");
    wait_line(&daemon, &["shutting down"]);
    let begun = Instant::now();
    daemon.signal("TERM");
    assert_eq!(ended(&site, daemon), Some(0));
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
}

#[test]
fn sigterm_without_sessions_ends_at_once_and_refuses_what_comes_late() {
    let site = Site::new("drain = \"1h\"\n", "");
    let daemon = site.daemon();
    let begun = Instant::now();
    let (status, log) = daemon.terminate();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert!(UnixStream::connect(site.postfix.socket()).is_err());
}
