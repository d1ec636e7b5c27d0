//! The admin door as programs meet it: health, readiness, metrics.

use rusqlite::Connection;
use serde_json::json;

use crate::{
    fault_house::wait_line,
    http_house::{Answer, SITE, Web, send},
};

fn get(web: &Web, path: &str) -> Answer {
    send(&web.admin, &format!("GET {path} HTTP/1.1\r\n"))
}

#[test]
fn it_is_healthy_and_ready_as_long_as_the_store_can_be_written() {
    let web = Web::open("", SITE);
    for path in ["/healthz", "/readyz"] {
        let answer = get(&web, path);
        assert_eq!((answer.status, answer.json()), (200, json!({"status": "ok"})), "{path}");
        assert_eq!([answer.field("content-type"), answer.field("cache-control")], ["application/json", "no-store"]);
    }
    let lock = Connection::open(web.company.path("store/leads.db")).unwrap();
    lock.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert_eq!(get(&web, "/readyz").problem(), (503, "the store does not answer".to_owned()));
    wait_line(&web.daemon, &["WARN", "not ready: the store's writer has not got to new work within 3s"]);
    assert_eq!(get(&web, "/healthz").status, 200);
    lock.execute_batch("ROLLBACK").unwrap();
    assert_eq!(get(&web, "/readyz").status, 200);
    let visits = Connection::open(web.company.path("store/visits.db")).unwrap();
    visits.execute_batch("ALTER TABLE visit RENAME TO gone").unwrap();
    assert_eq!(get(&web, "/readyz").problem(), (503, "visits cannot be read".to_owned()));
    assert_eq!(web.counters(), [("http_failed".to_owned(), 2)]);
}

#[test]
fn metrics_are_what_prometheus_reads() {
    let sink = "[[sink]]\nid = \"crm\"\nurl = \"http://127.0.0.1:9/\"\nsecret_file = \"crm.secret\"\n";
    let web = Web::open("", &format!("{SITE}{sink}"));
    let answer = get(&web, "/metrics");
    assert_eq!(answer.field("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let mut lines = answer.body.lines().peekable();
    let mut names = Vec::new();
    while let Some(line) = lines.next() {
        let (name, help) = line.strip_prefix("# HELP ").unwrap().split_once(' ').unwrap();
        let kind = lines.next().unwrap().strip_prefix(&format!("# TYPE {name} ")).unwrap();
        assert!(help.ends_with('.'), "{line}");
        assert_eq!(kind, if name.ends_with("_total") { "counter" } else { "gauge" }, "{name}");
        while let Some(sample) = lines.next_if(|line| !line.starts_with('#')) {
            let (named, value) = sample.rsplit_once(' ').unwrap();
            assert_eq!(named.split('{').next(), Some(name));
            value.parse::<u64>().unwrap();
        }
        names.push(name.to_owned());
    }
    for name in
        ["sessions_total", "leads_total", "visits_dynamic_total", "http_failed_total", "build_info", "sessions_open"]
    {
        assert!(names.contains(&format!("leadmilter_{name}")), "{name}");
    }
    assert!(answer.body.ends_with("leadmilter_deliveries_pending{sink=\"crm\"} 0\n"), "{}", answer.body);
}
