//! What waits in the outbox outlives the daemon: events arrive after a restart, under the ids of the letters' headers.

use std::time::Duration;

use crate::{
    fault_house::{Receivers, Site, patient_sink, wait_line},
    house::{Receiver, distinct, status},
    postfix_house::wait_for,
};

/// A port that refuses connections until the socket listens.
fn closed_port() -> (socket2::Socket, String) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, format!("http://{address}/hooks/leads"))
}

#[test]
fn events_of_a_dead_daemon_reach_a_receiver_that_was_down() {
    let receivers = Receivers::new();
    let (socket, url) = closed_port();
    let site = Site::new("", &patient_sink(&url, "2s"));
    let daemon = site.daemon();
    let names = ["one", "two", "three", "four", "five"];
    for name in names {
        assert!(site.send(name).queue_id().is_some());
    }
    let ids = distinct(names.iter().map(|name| site.lead_id(name).unwrap()));
    wait_line(&daemon, &["sink takes no events"]);
    daemon.kill9();

    let daemon = site.daemon();
    socket.listen(16).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut receiver = receivers.block_on(async {
        let listener = tokio::net::TcpListener::from_std(socket.into()).unwrap();
        Receiver::on(listener, |_| status(204))
    });
    let told: Vec<_> = names.iter().map(|_| receivers.next_id(&mut receiver)).collect();
    assert_eq!(distinct(told), ids);
    assert_eq!(distinct(site.leads().into_iter().map(|(_, lead)| lead)), ids);
    site.drain_outbox();
    assert_eq!(daemon.terminate().0.code(), Some(0));
    assert_eq!(receiver.rest().len(), 0, "no event came twice");
}

#[test]
fn a_call_that_a_dead_daemon_had_begun_is_made_again_at_once() {
    let receivers = Receivers::new();
    // The first call is never answered; its lease would last for ten minutes.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let site = Site::new("", &patient_sink(&format!("http://{}/", silent.local_addr().unwrap()), "10m"));
    let daemon = site.daemon();
    assert!(site.send("one").queue_id().is_some());
    let call = silent.accept().unwrap();
    let leased = || site.listing(&["deliveries"]).into_iter().find(|delivery| delivery["attempts"] == 1);
    wait_for("the lease", leased, || daemon.log());

    // A second daemon on the same store, while the first one is alive, leaves its lease alone.
    let mut receiver = receivers.start();
    site.company.rewrite("[milter]\nlisten = \"inet:127.0.0.1:0\"\n", &patient_sink(&receiver.url, "10m"));
    let second = site.daemon();
    assert!(!second.log().contains("under way"), "{}", second.log());
    daemon.kill9();
    drop(call);
    assert_eq!(second.terminate().0.code(), Some(0));
    assert_eq!(receiver.rest().len(), 0);

    let third = site.daemon();
    assert_eq!(receivers.next_id(&mut receiver), site.lead_id("one").unwrap());
    wait_line(&third, &["1 deliveries were under way when the last process died"]);
    site.drain_outbox();
    let delivery = site.listing(&["deliveries"]).remove(0);
    assert_eq!((&delivery["state"], &delivery["attempts"]), (&"delivered".into(), &2.into()));
}

#[test]
fn what_waits_for_its_next_attempt_is_not_hurried_by_a_restart() {
    let receivers = Receivers::new();
    let mut receiver = receivers.block_on(Receiver::start(|_| status(503)));
    let sink = patient_sink(&receiver.url, "2s").replace("300ms", "1h");
    let site = Site::new("", &sink);
    let daemon = site.daemon();
    assert!(site.send("one").queue_id().is_some());
    receivers.next_id(&mut receiver);
    wait_line(&daemon, &["sink takes no events"]);
    daemon.kill9();
    let daemon = site.daemon();
    let delivery = site.listing(&["deliveries"]).remove(0);
    assert_eq!((&delivery["state"], &delivery["attempts"]), (&"pending".into(), &1.into()));
    let now = Duration::from_millis(u64::try_from(leadmilter::clock::Millis::now().0).unwrap());
    let next_at: jiff::Timestamp = delivery["next_at"].as_str().unwrap().parse().unwrap();
    assert!(Duration::from_millis(u64::try_from(next_at.as_millisecond()).unwrap()) > now + Duration::from_secs(600));
    assert!(!daemon.log().contains("under way"), "{}", daemon.log());
}
