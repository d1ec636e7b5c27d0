//! What a stranger can use up at the public door: calls of a client, addresses of a site, connections, time.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    fault_house::{reload, wait_line},
    http_house::{Answer, SITE, Web, company, configure, page, send, send_local},
    postfix_house::{Daemon, PATIENCE, wait_for},
};

fn asked() -> Value {
    json!({"key": "company", "addresses": ["info@company.ru"]})
}

fn reason(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["reason"].clone()
}

/// Reasons of visits, one after the other, of the clients that a proxy names.
fn reasons(web: &Web, clients: &[&str]) -> Vec<Value> {
    clients.iter().map(|client| reason(&web.asks(&[("X-Forwarded-For", client)], &asked()))).collect()
}

#[test]
fn a_client_that_asks_too_often_is_shown_no_address_of_its_own_and_others_are() {
    let web = Web::open("rate = 4", SITE);
    let [ok, rate] = [Value::Null, json!("rate")];
    let [one, two] = ["198.51.100.7", "198.51.100.8"];
    assert_eq!(reasons(&web, &[one, one, one, two]), [ok.clone(), ok.clone(), rate.clone(), ok.clone()]);
    // What a client says before the proxy's own word counts for nothing.
    assert_eq!(reasons(&web, &["1.2.3.4, 198.51.100.7", "5.6.7.8,198.51.100.7"]), [rate.clone(), rate.clone()]);
    let v6 = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:2:3:4:5:6", "2001:db8:1:3::1"];
    assert_eq!(reasons(&web, &v6), [ok.clone(), ok.clone(), rate.clone(), ok.clone()]);
    // Clicks are counted together with visits, and are silent.
    let click = page("/v1/click", &[("X-Forwarded-For", two)], &json!({"key": "company", "visitor": "9gdkczyba0"}));
    assert_eq!([send(&web.public, &click).status, send(&web.public, &click).status], [204, 204]);
    let counters = web.counters();
    for expected in [("visits_dynamic", 6), ("visits_rate", 4), ("clicks", 1), ("clicks_rate", 1)] {
        assert!(counters.contains(&(expected.0.to_owned(), expected.1)), "{expected:?}: {counters:?}");
    }
    // A rate that a reload changes counts from then on, and what was used up stays so.
    configure(&web.company, "rate = 2", SITE);
    reload(&web.daemon);
    assert_eq!(reasons(&web, &[one, "198.51.100.9", "198.51.100.9"]), [rate.clone(), ok, rate]);
}

#[test]
fn a_peer_that_is_no_proxy_of_ours_is_the_client_itself() {
    let web = Web::open("rate = 4\ntrusted_proxies = [\"192.0.2.1\"]", SITE);
    let told = reasons(&web, &["198.51.100.1", "198.51.100.2", "198.51.100.3"]);
    assert_eq!(told, [Value::Null, Value::Null, json!("rate")]);
}

#[test]
fn over_a_unix_socket_the_proxy_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("http.sock");
    let admin = folder.path().join("admin.sock");
    let doors = format!("public = \"unix:{}\"\nadmin = \"unix:{}\"\nrate = 2", path.display(), admin.display());
    let company = company(&doors, SITE);
    let daemon = Daemon::start(&company.config_file());
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!([mode(&path), mode(&admin)], [0o666, 0o660]);
    assert_eq!(send_local(&admin, "GET /healthz HTTP/1.1\r\n").status, 200);
    let visit = |fields: &[(&str, &str)]| reason(&send_local(&path, &page("/v1/visit", fields, &asked())));
    let rate = json!("rate");
    let told = ["198.51.100.1", "198.51.100.1", "198.51.100.2"].map(|client| visit(&[("X-Forwarded-For", client)]));
    assert_eq!(told, [Value::Null, rate.clone(), Value::Null]);
    // A proxy that names nobody is one client, and the operator hears of it.
    assert_eq!([visit(&[]), visit(&[]), visit(&[])], [Value::Null, rate.clone(), rate]);
    let told = "the rate is used up, and the proxy names no client: let it add X-Forwarded-For";
    wait_line(&daemon, &["WARN", told]);
    assert_eq!(daemon.log().matches(told).count(), 1);
    assert_eq!(daemon.terminate().0.code(), Some(0));
    assert_eq!([path.exists(), admin.exists()], [false, false]);
}

#[test]
fn a_site_beyond_its_budget_mints_no_more_and_others_do() {
    let shop = "[[site]]\nkey = \"shop\"\norigins = [\"https://company.ru\"]\n";
    let sites =
        format!("{SITE}budget = 4\n{shop}budget = 0\n[[site]]\nkey = \"blog\"\norigins = [\"https://company.ru\"]\n");
    let web = Web::open("", &sites);
    let visit = |key: &str| reason(&web.visit(&json!({"key": key, "addresses": ["info@company.ru"]})));
    let budget = json!("budget");
    let told = ["company", "company", "company", "shop", "blog"].map(visit);
    assert_eq!(told, [Value::Null, Value::Null, budget.clone(), budget.clone(), Value::Null]);
    // What the site has spent outlives a reload.
    reload(&web.daemon);
    assert_eq!(visit("company"), budget);
    // Who is known already costs nothing.
    let known = web.visit(&json!({"key": "blog", "addresses": ["info@company.ru"]})).json()["visitor"].clone();
    let again = web.visit(&json!({"key": "company", "visitor": known, "addresses": ["info@company.ru"]}));
    assert_eq!(again.json()["visitor"], known);
}

#[test]
fn a_connection_serves_many_requests_and_one_that_says_nothing_holds_up_none() {
    let web = Web::open("", SITE);
    let silent: Vec<_> = (0..20).map(|_| TcpStream::connect(&web.public).unwrap()).collect();
    let mut halves: Vec<_> = (0..20).map(|_| TcpStream::connect(&web.public).unwrap()).collect();
    for half in &mut halves {
        half.write_all(b"POST /v1/visit HTTP/1.1\r\nHost: a\r\nX-Slow: ").unwrap();
    }
    let mut stream = TcpStream::connect(&web.public).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..3 {
        stream.write_all(b"HEAD /s.js HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let mut octets = Vec::new();
        while !octets.ends_with(b"\r\n\r\n") {
            let mut octet = [0];
            stream.read_exact(&mut octet).unwrap();
            octets.extend(octet);
        }
        assert_eq!(Answer::of(&octets).status, 200);
    }
    assert_eq!(web.visit(&asked()).status, 200);
    drop((silent, halves));
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let web = Web::open("", SITE);
    let begun = Instant::now();
    let answer =
        send(&web.public, "POST /v1/visit HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n{");
    assert_eq!(answer.problem(), (408, "the body did not arrive within 5s".to_owned()));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn so_many_connections_and_no_more_are_open_and_mail_has_descriptors_left() {
    let web = Web::open("", SITE);
    let open: Vec<_> = (0..600).map(|_| TcpStream::connect(&web.public).unwrap()).collect();
    open.iter().for_each(|stream| stream.set_nonblocking(true).unwrap());
    // What is beyond the bound is closed at once.
    let is_open = |stream: &&TcpStream| stream.peek(&mut [0]).is_err_and(|e| e.kind() == ErrorKind::WouldBlock);
    let live = || open.iter().filter(is_open).count();
    wait_for("88 to be closed", || (live() == 512).then_some(()), || format!("{} are open", live()));
    assert!(web.counters().contains(&("connections_refused".to_owned(), 88)), "{:?}", web.counters());
    drop(open);
    let served = || {
        let mut stream = TcpStream::connect(&web.public).ok()?;
        stream.write_all(b"GET /s.js HTTP/1.0\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        text.starts_with("HTTP/1.0 200").then_some(())
    };
    wait_for("room", served, || web.daemon.log());
}
