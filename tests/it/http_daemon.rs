//! The HTTP doors and the daemon's life: start, reload, drain, and what they take from mail.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::json;

use crate::{
    fault_house::{reload, wait_line},
    http_house::{Answer, BROWSER, ORIGIN, SITE, Web, company, configure, daemon_command, nice_values, port, send},
    postfix_house::{Daemon, PATIENCE, wait_for},
};

#[test]
fn the_doors_have_threads_that_give_way_and_mail_has_one_that_does_not() {
    let web = Web::open("", SITE);
    let of = |name: &str| {
        let values = nice_values(&web.daemon).into_iter().filter(|(known, _)| known == name);
        values.map(|(_, nice)| nice).collect::<Vec<_>>()
    };
    let told = || format!("{:?}", nice_values(&web.daemon));
    // A thread has its name before it has its priority.
    let own = wait_for("mail's thread", || of("milter").first().copied(), told);
    for door in ["http.public", "http.admin"] {
        wait_for(door, || (of(door) == [own.max(10)]).then_some(()), told);
    }
    for name in ["milter", "store-writer"] {
        assert_eq!(of(name).iter().filter(|nice| **nice != own).count(), 0, "{}", told());
    }
}

#[test]
fn a_reload_opens_and_shuts_sites_and_moves_no_door() {
    let web = Web::open("", SITE);
    let visit = |key: &str| web.visit(&json!({"key": key, "addresses": ["info@company.ru"]})).status;
    assert_eq!([visit("company"), visit("shop")], [200, 404]);
    configure(
        &web.company,
        "public = \"127.0.0.1:1\"\nadmin = \"unix:admin.sock\"",
        &SITE.replace("\"company\"", "\"shop\""),
    );
    let log = reload(&web.daemon);
    for key in ["http.public", "http.admin"] {
        assert!(log.contains(&format!("WARN {key} was changed: it takes effect after a restart")), "{log}");
    }
    assert_eq!([visit("company"), visit("shop")], [404, 200]);
    assert_eq!(send(&web.admin, "GET /healthz HTTP/1.1\r\n").status, 200);
}

#[test]
fn what_is_under_way_is_answered_before_the_daemon_ends() {
    let web = Web::open("", SITE);
    let mut idle = TcpStream::connect(&web.public).unwrap();
    let mut stream = TcpStream::connect(&web.public).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let body = json!({"key": "company", "addresses": ["info@company.ru"]}).to_string();
    let (first, rest) = body.split_at(10);
    let head = format!("Origin: {ORIGIN}\r\nUser-Agent: {BROWSER}\r\nContent-Length: {}", body.len());
    // The daemon asks for the body once it has taken up the request.
    write!(stream, "POST /v1/visit HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n{head}\r\n\r\n").unwrap();
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(first.as_bytes()).unwrap();
    web.daemon.signal("TERM");
    wait_line(&web.daemon, &["http.public: no longer accepting connections"]);
    assert!(TcpStream::connect(&web.public).is_err());
    stream.write_all(rest.as_bytes()).unwrap();
    let mut octets = Vec::new();
    stream.read_to_end(&mut octets).unwrap();
    let answer = Answer::of(&octets);
    assert_eq!((answer.status, answer.json()["kind"].as_str()), (200, Some("dynamic")), "{answer:?}");
    assert_eq!(idle.read(&mut [0]).unwrap_or(0), 0);
    let (status, log) = web.daemon.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
}

#[test]
fn an_operator_in_a_hurry_waits_for_no_request() {
    let web = Web::open("", SITE);
    let mut stream = TcpStream::connect(&web.public).unwrap();
    write!(stream, "POST /v1/visit HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 25]).unwrap();
    web.daemon.signal("TERM");
    wait_line(&web.daemon, &["http.public: no longer accepting connections"]);
    web.daemon.signal("TERM");
    let begun = std::time::Instant::now();
    assert_eq!(web.daemon.wait().0.code(), Some(0));
    assert!(begun.elapsed() < std::time::Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let company = company(&format!("public = \"{address}\""), SITE);
    let (status, log) = Daemon::spawn(daemon_command(&company)).wait();
    assert_eq!(status.code(), Some(69), "{log}");
    assert!(
        log.contains(&format!("leadmilter: another process answers on {address}: stop it, or set another http.")),
        "{log}"
    );
}

#[test]
fn without_sites_there_is_a_script_and_no_address() {
    let company = company("", "");
    let daemon = Daemon::start(&company.config_file());
    let public = port(&daemon, "public");
    assert_eq!(send(&public, "GET /s.js HTTP/1.1\r\n").status, 200);
    let visit = crate::http_house::page("/v1/visit", &[("Origin", "")], &json!({"key": "company"}));
    assert_eq!(send(&public, &visit).problem().0, 404);
}

#[test]
fn too_few_descriptors_are_survived() {
    let company = company("", SITE);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -n 56; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_leadmilter")]);
    command.args(["run", "--config"]).arg(company.config_file());
    let daemon = Daemon::spawn(command);
    daemon.wait_log("ready");
    let public = port(&daemon, "public");
    let held: Vec<_> = (0..60).map(|_| TcpStream::connect(&public).unwrap()).collect();
    wait_line(&daemon, &["WARN", "accept failed, trying again: Too many open files"]);
    drop(held);
    let web = Web { admin: port(&daemon, "admin"), public, company, daemon };
    assert_eq!(web.visit(&json!({"key": "company"})).status, 200);
}
