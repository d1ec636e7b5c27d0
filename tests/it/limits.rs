//! Too many connections, too few descriptors, strangers at the socket, a second instance: the daemon serves on.

use std::{
    fs,
    io::{Read, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    fault_house::{Site, wait_line},
    postfix_house::{Daemon, wait_for},
};

/// Less than any wait of Postfix for a milter that does not answer.
const AT_ONCE: Duration = Duration::from_secs(4);

/// A connection to the milter's socket from something that is no MTA.
fn connect(site: &Site) -> UnixStream {
    let stream = UnixStream::connect(site.postfix.socket()).unwrap();
    stream.set_read_timeout(Some(AT_ONCE)).unwrap();
    stream
}

/// Whether the daemon closes a connection, having said nothing.
fn is_closed(mut stream: UnixStream) -> bool {
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Ok(_) => said.is_empty(),
        // Closed with our bytes unread.
        Err(e) => e.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

/// A letter gets its headers. Sessions that the daemon has not yet seen the end of may take the place of the first ones.
fn is_served(site: &Site, daemon: &Daemon, name: &str) {
    let tries = std::cell::Cell::new(0);
    let served = || {
        let name = format!("{name} {}", tries.replace(tries.get() + 1));
        assert!(site.send(&name).queue_id().is_some());
        site.lead_id(&name)
    };
    wait_for("a letter with headers", served, || daemon.log());
}

/// Resident memory of a process in KiB.
fn resident(daemon: &Daemon) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn one_connection_too_many_is_closed_at_once_and_its_mail_passes() {
    let site = Site::new("max_connections = 2\n", "");
    let daemon = site.daemon();
    let held = [connect(&site), connect(&site)];
    assert!(is_closed(connect(&site)));
    let begun = Instant::now();
    assert!(site.send("one too many").queue_id().is_some());
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert_eq!(site.lead_id("one too many"), None);
    wait_line(&daemon, &["WARN", "2 of 2 connections are open: raise milter.max_connections in time"]);
    drop(held);
    is_served(&site, &daemon, "after");
    let log = daemon.terminate().1;
    assert!(log.contains("connections_refused=") && !log.contains("ERROR"), "{log}");
}

#[test]
fn errors_of_accept_are_survived() {
    let site = Site::new("", "");
    let daemon = site.daemon_after("ulimit -n 40");
    let many: Vec<_> = (0..100).map(|_| connect(&site)).collect();
    wait_line(&daemon, &["WARN", "accept failed, trying again: Too many open files"]);
    drop(many);
    is_served(&site, &daemon, "after");
    let (status, log) = daemon.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(!log.contains("ERROR"), "{log}");
}

#[test]
fn a_socket_left_by_kill_9_is_replaced() {
    let site = Site::new("", "");
    site.daemon().kill9();
    assert!(UnixStream::connect(site.postfix.socket()).is_err());
    assert!(site.postfix.socket().exists());
    let _daemon = site.daemon();
    assert!(site.send("one").queue_id().is_some());
    assert!(site.lead_id("one").is_some());
}

#[test]
fn a_second_instance_is_refused_and_leaves_the_first_alone() {
    let site = Site::new("", "");
    let daemon = site.daemon();
    let (status, told) = site.spawn().wait();
    let socket = site.postfix.socket();
    let expected =
        format!("leadmilter: another process answers on {}: stop it, or set another milter.listen\n", socket.display());
    assert_eq!((status.code(), told), (Some(69), expected));
    assert!(site.send("one").queue_id().is_some());
    assert!(site.lead_id("one").is_some());
    let (status, log) = daemon.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
}

#[test]
fn probes_and_garbage_leave_no_line_and_no_memory_behind() {
    let site = Site::new("", "");
    let daemon = site.daemon();
    assert!(site.send("before").queue_id().is_some());
    let before = resident(&daemon);
    // Health probes that connect and close.
    for _ in 0..300 {
        drop(connect(&site));
    }
    let offer = b"\0\0\0\rO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff";
    let garbage: [&[u8]; 7] = [
        b"GET / HTTP/1.0\r\n\r\n",
        b"\0\0\0\0",
        b"\0\0\0\x01?",
        b"\xff\xff\xff\xffO",
        b"\0\x10\0\0O",
        b"\0\0\0\x05O\0\0\0\x06",
        b"\0\0\0\x02Q\0",
    ];
    for bytes in garbage {
        let mut stream = connect(&site);
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(is_closed(stream), "{bytes:?}");
    }
    // Half a frame each, and a megabyte announced, on connections that stay.
    let halves: Vec<_> = (0..100)
        .map(|number| {
            let mut stream = connect(&site);
            let bytes: &[u8] = if number % 2 == 0 { &offer[..9] } else { b"\0\x0f\xff\xffO" };
            stream.write_all(bytes).unwrap();
            stream
        })
        .collect();
    // A session that is agreed on, and then sends commands out of order.
    for commands in [b"\0\0\0\x01E".as_slice(), b"\0\0\0\x01B", b"\0\0\0\x04RCPT", b"\0\0\0\x03L\0\0", b"\0\0\0\x01A"] {
        let mut stream = connect(&site);
        stream.write_all(&[offer, commands].concat()).unwrap();
        let mut agreed = [0; 17];
        stream.read_exact(&mut agreed).unwrap();
        drop(stream);
    }
    assert!(site.send("meanwhile").queue_id().is_some());
    assert!(site.lead_id("meanwhile").is_some());
    let grown = resident(&daemon).saturating_sub(before);
    assert!(grown < 20 * 1024, "{grown} KiB more than before");
    drop(halves);
    is_served(&site, &daemon, "after");
    let (status, log) = daemon.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
}

#[test]
fn a_socket_that_systemd_passes_is_served_from_the_first_letter_on() {
    let site = Site::new("", "");
    let socket = site.postfix.socket();
    site.company.rewrite("[milter]\nlisten = \"systemd\"\n", "");
    let mut command = Command::new("systemd-socket-activate");
    command.arg("--listen").arg(&socket).arg(env!("CARGO_BIN_EXE_leadmilter")).args(["run", "--config"]);
    command.arg(site.company.config_file());
    let daemon = Daemon::spawn(command);
    wait_for("systemd's socket", || socket.exists().then_some(()), || daemon.log());
    // As SocketGroup= and SocketMode= of the shipped unit do.
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o660)).unwrap();
    assert!(!daemon.log().contains("ready"), "{}", daemon.log());
    assert!(site.send("first").queue_id().is_some());
    wait_line(&daemon, &["ready: listening on systemd,"]);
    assert!(site.lead_id("first").is_some());
    let (status, log) = daemon.terminate();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(socket.exists(), "the socket is systemd's to remove");
}
