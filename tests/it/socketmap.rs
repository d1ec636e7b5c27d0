//! The socket map as any client meets it: requests in any pieces, garbage, too many connections, a reload, the end.

use std::{
    io::{Read, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream},
};

use crate::{
    company::{Company, DYNAMIC},
    fault_house::{reload, wait_line},
    postfix_house::Daemon,
    socketmap_house::{Map, forged, issue, netstring},
};

const OK: &str = "OK info@company.ru";
const NOT_FOUND: &str = "NOTFOUND ";

/// A company and its daemon, with these keys of `[socketmap]`.
fn open(keys: &str) -> (Company, Daemon) {
    let company = Company::new("", "");
    configure(&company, keys, "");
    let daemon = Daemon::start(&company.config_file());
    (company, daemon)
}

fn configure(company: &Company, keys: &str, more: &str) {
    let top = "log.target = \"stderr\"\nlog.level = \"debug\"\n[milter]\nlisten = \"unix:milter.sock\"\n";
    company.rewrite(&format!("{top}[socketmap]\n{keys}\n"), more);
}

fn connect(company: &Company) -> Map<UnixStream> {
    Map::connect(&company.path("map.sock"))
}

/// What has been counted; what was logged before stands in the log now.
fn counters(daemon: &Daemon) -> String {
    daemon.signal("USR1");
    let line = wait_line(daemon, &["counters: "]);
    line.split_once("counters: ").unwrap().1.to_owned()
}

#[test]
fn requests_are_answered_in_their_order_however_they_come() {
    let (company, daemon) = open("listen = \"unix:map.sock\"\nsocket_mode = \"0606\"");
    let mode = company.path("map.sock").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o606);
    let mut map = connect(&company);
    let rows = [
        ("info+m11@company.ru", OK),
        ("INFO.M11@Company.RU", OK),
        ("yd@leads.company.ru", OK),
        ("sales+news@company.ru", "OK sales@company.ru"),
        ("инфо+реклама@company.ru", OK),
        ("info@company.ru", NOT_FOUND),
        ("info+unknown@company.ru", NOT_FOUND),
        ("unknown@leads.company.ru", NOT_FOUND),
        ("@leads.company.ru", NOT_FOUND),
        ("someone@elsewhere.example", NOT_FOUND),
    ];
    for (key, reply) in rows {
        assert_eq!(map.ask(key), reply, "{key}");
    }
    // All at once, then octet by octet.
    let requests: Vec<u8> = rows.iter().flat_map(|(key, _)| netstring(&format!("lead-alias {key}"))).collect();
    map.write(&requests);
    rows.iter().for_each(|(key, reply)| assert_eq!(map.reply(), *reply, "{key}, in a row"));
    requests.chunks(1).for_each(|octet| map.write(octet));
    rows.iter().for_each(|(key, reply)| assert_eq!(map.reply(), *reply, "{key}, in pieces"));
    // The longest request there may be, and others that name nothing.
    for request in [&format!("lead-alias {}", "a".repeat(99_989)), "", "lead-alias", "virtuser @company.ru"] {
        map.write(&netstring(request));
        assert_eq!(map.reply(), NOT_FOUND);
    }
    drop(map);
    assert_eq!(counters(&daemon), "map_lookups=34 map_found=15");
}

#[test]
fn an_address_of_a_visit_leads_to_its_mailbox_in_any_form_and_a_forged_one_nowhere() {
    let company = Company::new("", "");
    configure(&company, "listen = \"unix:map.sock\"", DYNAMIC);
    let token = issue(&company);
    let _daemon = Daemon::start(&company.config_file());
    let mut map = connect(&company);
    let forms = |token: &str| {
        let (left, right) = token.split_at(5);
        [
            (format!("info+{token}@company.ru"), OK),
            (format!("info.{token}@company.ru"), OK),
            (format!("INFO-{}@Company.RU", token.to_uppercase()), OK),
            (format!("sales+{left}-{right}@company.ru"), "OK sales@company.ru"),
            (format!("{token}@leads.company.ru"), OK),
            (format!("{}@LEADS.company.ru", token.replace('0', "O").replace('1', "l")), OK),
        ]
    };
    for (key, reply) in forms(token.as_str()) {
        assert_eq!(map.ask(&key), reply, "{key}");
    }
    for (key, _) in forms(&forged(&token)) {
        assert_eq!(map.ask(&key), NOT_FOUND, "{key}");
    }
    for key in ["sales.TOKEN@company.ru", "TOKEN@company.ru", "TOKEN@promo.company.ru", "info+TOKEN0@company.ru"] {
        assert_eq!(map.ask(&key.replace("TOKEN", token.as_str())), NOT_FOUND, "{key}");
    }
}

#[test]
fn another_map_is_not_found_and_the_operator_is_told_once() {
    let (company, daemon) = open("listen = \"unix:map.sock\"");
    let mut map = connect(&company);
    for name in ["leads", "LEAD-ALIAS", "leads\nWARN"] {
        map.write(&netstring(&format!("{name} info+m11@company.ru")));
        assert_eq!(map.reply(), NOT_FOUND);
    }
    for name in ["lead-alias", "lead_alias", "virtuser"] {
        map.write(&netstring(&format!("{name} info+m11@company.ru")));
        assert_eq!(map.reply(), OK, "{name}");
    }
    assert_eq!(counters(&daemon), "map_lookups=6 map_found=3");
    let log = daemon.log();
    let told: Vec<_> = log.lines().filter(|line| line.contains("WARN")).collect();
    let [told] = told[..] else { panic!("{log}") };
    assert!(
        told.ends_with("the mail server asks for the socket map \"leads\", and there is only lead-alias"),
        "{told}"
    );
}

#[test]
fn garbage_ends_its_connection_behind_the_answers_to_what_came_before() {
    let (company, daemon) = open("listen = \"unix:map.sock\"");
    let mut other = connect(&company);
    let garbage: [&[u8]; 8] = [
        b"100001:lead-alias ",
        b"00030:lead-alias info+m11@company.ru,",
        b"30:lead-alias info+m11@company.ru\n",
        b"-1:",
        b"get info+m11@company.ru\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0\0\0\rO\0\0\0\x06",
        b"\xff\xfe",
    ];
    for octets in garbage {
        let mut map = connect(&company);
        map.write(&[&netstring("lead-alias info+m11@company.ru"), octets].concat());
        assert_eq!(map.rest(), "18:OK info@company.ru,", "{}", octets.escape_ascii());
        assert_eq!(other.ask("info+m11@company.ru"), OK);
    }
    // Half a request, and a client that goes before its answer.
    connect(&company).write(b"30:lead-alias info+m11@");
    connect(&company).write(&netstring("lead-alias info+m11@company.ru").repeat(1000));
    assert_eq!(other.ask("info+m11@company.ru"), OK);
    let counters = counters(&daemon);
    assert!(counters.ends_with(&format!(" map_broken={}", garbage.len())), "{counters}");
    let log = daemon.log();
    assert_eq!(log.matches("connection from a UNIX socket closed").count(), garbage.len(), "{log}");
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
}

#[test]
fn a_connection_too_many_is_closed_and_those_within_the_bound_go_on() {
    let (company, daemon) = open("listen = \"unix:map.sock\"\nmax_connections = 2");
    let (mut first, mut second) = (connect(&company), connect(&company));
    assert_eq!(connect(&company).rest(), "");
    for map in [&mut first, &mut second] {
        assert_eq!(map.ask("info+m11@company.ru"), OK);
    }
    wait_line(&daemon, &["WARN", "2 of 2 connections are open: raise socketmap.max_connections in time"]);
}

#[test]
fn it_is_served_over_tcp_on_both_families() {
    for listen in ["inet:127.0.0.1:0", "inet6:[::1]:0"] {
        if listen.starts_with("inet6") && std::net::TcpListener::bind("[::1]:0").is_err() {
            eprintln!("not tried over IPv6: this host has none");
            continue;
        }
        let (_company, daemon) = open(&format!("listen = \"{listen}\""));
        assert_eq!(Map::connect_tcp(&daemon).ask("info+m11@company.ru"), OK, "{listen}");
    }
}

#[test]
fn an_open_connection_is_answered_by_the_config_in_force() {
    let (company, daemon) = open("listen = \"unix:map.sock\"");
    let mut map = connect(&company);
    assert_eq!(map.ask("info+radio@company.ru"), NOT_FOUND);
    let radio = "[[channel]]\nid = \"radio\"\nmailbox = \"info@company.ru\"\naddresses = [\"info+radio@company.ru\"]\n";
    configure(&company, "listen = \"unix:map.sock\"\nmax_connections = 7", radio);
    let log = reload(&daemon);
    assert!(log.contains("socketmap was changed: it takes effect after a restart"), "{log}");
    assert_eq!(map.ask("info+radio@company.ru"), OK);
}

#[test]
fn while_sessions_drain_it_answers_and_then_it_ends_with_its_file() {
    let (company, daemon) = open("listen = \"unix:map.sock\"");
    let mut session = UnixStream::connect(company.path("milter.sock")).unwrap();
    session.write_all(b"\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff").unwrap();
    session.read_exact(&mut [0]).unwrap();
    let mut map = connect(&company);
    daemon.signal("TERM");
    wait_line(&daemon, &["draining: 1 sessions are open"]);
    assert_eq!(map.ask("info+m11@company.ru"), OK);
    assert_eq!(connect(&company).ask("info+m11@company.ru"), OK);
    drop(session);
    assert_eq!(map.rest(), "");
    let (status, log) = daemon.wait();
    assert!(status.success(), "{log}");
    assert!(!company.path("map.sock").exists());
}

#[test]
fn a_socket_that_cannot_be_had_keeps_the_daemon_from_starting() {
    let company = Company::new("", "");
    configure(&company, "listen = \"unix:config.toml\"", "");
    let output = crate::command::run(&company, &["run"]);
    assert_eq!(output.code, 69, "{}", output.err);
    let refusal = "config.toml exists and is no socket: remove it, or set another socketmap.listen";
    assert!(output.err.contains(refusal), "{}", output.err);
    assert!(!company.path("milter.sock").exists());
}
