//! `/v1/reports` and `/v1/leads`: the same that the command line says, page by page, to who may see it.

use std::sync::{Arc, Mutex, Weak};

use leadmilter::store::{AuditFilter, LeadFilter, Store};
use serde_json::Value;

use crate::{
    house::shared,
    http_house::{Answer, port, send},
    postfix_house::Daemon,
    year_house::YearHouse,
};

struct Door {
    house: YearHouse,
    _daemon: Daemon,
    admin: String,
    token: String,
}

/// A daemon over a small year, for all tests here.
fn door() -> Arc<Door> {
    static DOOR: Mutex<Weak<Door>> = Mutex::new(Weak::new());
    shared(&DOOR, || {
        let top = "timezone = \"Europe/Berlin\"\n[milter]\nlisten = \"unix:milter.sock\"\n\
                   [http]\nadmin = \"127.0.0.1:0\"\n";
        let house = YearHouse::new(400, top);
        let daemon = Daemon::start(&house.path("config.toml"));
        let admin = port(&daemon, "admin");
        let token = house.run(&["token", "new", "--scope", "reports,leads"]).out.trim().to_owned();
        Door { house, _daemon: daemon, admin, token }
    })
}

impl Door {
    fn get(&self, path: &str, fields: &str) -> Answer {
        let token = &self.token;
        send(&self.admin, &format!("GET {path} HTTP/1.1\r\nAuthorization: Bearer {token}\r\n{fields}"))
    }

    /// A good answer.
    fn good(&self, path: &str, fields: &str) -> Answer {
        let answer = self.get(path, fields);
        assert_eq!((answer.status, answer.field("cache-control")), (200, "no-store"), "{path}: {}", answer.body);
        answer
    }
}

#[test]
fn a_report_is_that_of_the_command_in_every_form() {
    let door = door();
    let query = "preset=calendar&period=2026-09&compare=previous&filter=medium%3Dcpc&filter=medium%3D&model=linear";
    let options = [
        "report",
        "calendar",
        "--period",
        "2026-09",
        "--compare",
        "previous",
        "--filter",
        "medium=cpc",
        "--filter",
        "medium=",
        "--model",
        "linear",
    ];
    let told = |more: &[&str]| {
        let output = door.house.run(&[&options[..], more].concat());
        assert_eq!((output.code, output.err.as_str()), (0, ""));
        output.out
    };
    let json = door.good(&format!("/v1/reports?{query}"), "");
    assert_eq!((json.field("content-type"), json.body.clone() + "\n"), ("application/json", told(&["--json=report"])));
    // What the answer calls its query has the same answer.
    let again = door.good(&format!("/v1/reports?{}", json.json()["query"].as_str().unwrap()), "");
    assert_eq!(again.body, json.body);
    let russian = door.good(&format!("/v1/reports?{query}&lang=ru"), "");
    assert_eq!(russian.body + "\n", told(&["--json=report", "--lang", "ru"]));
    for (more, fields) in
        [("&format=csv", ""), ("", "Accept: text/csv\r\n"), ("", "Accept: image/png, TEXT/CSV;q=0.5\r\n")]
    {
        let csv = door.good(&format!("/v1/reports?{query}&lang=ru{more}"), fields);
        assert_eq!(
            (csv.field("content-type"), &csv.body),
            ("text/csv; charset=utf-8", &told(&["--csv", "--lang", "ru"]))
        );
        let name = "attachment; filename=\"leadmilter-2026-09-01..2026-09-30.csv\"";
        assert_eq!(csv.field("content-disposition"), name);
    }
    told(&["--xlsx", "api.xlsx"]);
    let xlsx = door.good(&format!("/v1/reports?{query}&format=xlsx"), "Accept: text/csv\r\n");
    assert!(xlsx.octets == std::fs::read(door.house.path("api.xlsx")).unwrap());
    assert_eq!(xlsx.field("content-type"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
    let metrics = door.good("/v1/reports/metrics?lang=ru", "").json();
    assert_eq!(*metrics.as_array().unwrap(), door.house.run(&["report", "metrics", "--json", "--lang", "ru"]).json());
}

#[test]
fn what_is_asked_for_wrongly_is_refused_with_a_reason() {
    let door = door();
    for (path, status, detail) in [
        ("/v1/reports?presets=channels", 400, "there is no \"presets\" here: known are preset, metrics, "),
        ("/v1/reports?preset=", 422, "preset: it has no value: leave it out"),
        ("/v1/reports?preset=all", 422, "\"all\" is no preset: known are channels, "),
        ("/v1/reports?by=channel,channel", 422, "by: at most 3 dimensions, each once"),
        ("/v1/reports?format=pdf", 422, "format: \"pdf\" is none of it: write json, csv or xlsx"),
        ("/v1/reports?lang=de", 422, "lang: \"de\" is none of it: write en or ru"),
        ("/v1/reports/metrics?preset=channels", 400, "there is no \"preset\" here: known are lang"),
        ("/v1/leads?kind=ham", 422, "kind: \"ham\" is none of it: write lead, auto_reply, "),
        ("/v1/leads?limit=1001", 422, "limit: \"1001\" is none of it: write a number from 1 to 1000"),
        ("/v1/leads?since=yesterday", 422, "since: \"yesterday\" is none of it: write 2026-11-22 or "),
        ("/v1/leads?sender=ivan", 422, "sender: \"ivan\" is none of it: write an address"),
        ("/v1/leads?replies=yes", 422, "replies: \"yes\" is none of it: write true or false"),
        ("/v1/leads?after=1", 422, "after: \"1\" is none of it: write the id of a lead"),
        ("/v1/leads?offset=1", 400, "there is no \"offset\" here: known are channel, "),
    ] {
        let (answered, said) = door.get(path, "").problem();
        assert!(answered == status && said.starts_with(detail), "{path}: {answered} {said}");
    }
    let other = door.house.run(&["token", "new", "--scope", "resolve"]).out;
    for path in ["/v1/reports", "/v1/reports/metrics", "/v1/leads"] {
        let answer = send(&door.admin, &format!("GET {path} HTTP/1.1\r\n"));
        assert_eq!((answer.problem().0, answer.field("www-authenticate")), (401, "Bearer realm=\"leadmilter\""));
        let answer = send(&door.admin, &format!("GET {path} HTTP/1.1\r\nAuthorization: Bearer {}\r\n", other.trim()));
        assert_eq!(answer.problem().0, 403, "{path}");
    }
}

/// All leads that these pages have, and how many pages there were.
fn pages(door: &Door, query: &str) -> (Vec<Value>, usize) {
    let (mut path, mut all, mut count) = (format!("/v1/leads?{query}"), Vec::new(), 0);
    loop {
        let answer = door.good(&path, "");
        count += 1;
        all.extend(answer.json().as_array().unwrap().iter().cloned());
        let Some(next) = answer.field("link").strip_prefix('<') else { return (all, count) };
        let (next, relation) = next.split_once('>').unwrap();
        assert_eq!(relation, "; rel=\"next\"");
        path = next.to_owned();
    }
}

#[test]
fn leads_are_turned_page_by_page_and_reading_them_is_noted() {
    let door = door();
    let store = Store::open_read(&door.house.path("store")).unwrap();
    let listed = |filter: LeadFilter| -> Vec<Value> {
        let filter = LeadFilter { limit: 1000, ..filter };
        store.leads(&filter).unwrap().iter().map(|lead| serde_json::to_value(lead).unwrap()).collect()
    };
    let all = listed(LeadFilter::default());
    assert_eq!(pages(&door, "kind=all&limit=90"), (all.clone(), 5));
    // A page that ends with the last lead has no next one.
    assert_eq!(pages(&door, "kind=all&limit=400"), (all.clone(), 1));
    let own = listed(LeadFilter { kind: Some(leadmilter::lead::Kind::Lead), own_only: true, ..LeadFilter::default() });
    assert_eq!(pages(&door, "limit=50").0, own);
    // Of a lead that is gone the time is known.
    let gone = format!("{}-ffff-7fff-bfff-ffffffffffff", &all[200]["lead_id"].as_str().unwrap()[..8]);
    let ids: Vec<_> = all.iter().map(|lead| lead["lead_id"].as_str().unwrap()).collect();
    let older = ids.iter().position(|id| **id < *gone).unwrap();
    assert_eq!(pages(&door, &format!("kind=all&after={gone}")).0, all[older..]);
    let newest = "ffffffff-ffff-7fff-bfff-ffffffffffff";
    assert_eq!(pages(&door, &format!("kind=all&limit=500&after={newest}")).0, all);
    let sender = own[7]["sender"]["address"].as_str().unwrap();
    let channel = own.iter().find_map(|lead| lead["channel"]["id"].as_str()).unwrap();
    for (query, is) in [
        (format!("sender={sender}"), &(|lead: &Value| lead["sender"]["address"] == sender) as &dyn Fn(&Value) -> bool),
        (format!("channel={channel}"), &|lead| lead["channel"]["id"] == channel),
        // Midnight in Berlin.
        ("since=2026-11-01".into(), &|lead| lead["received_at"].as_str().unwrap() >= "2026-10-31T23:00:00"),
        ("until=2026-06-01T00:00:00Z".into(), &|lead| lead["received_at"].as_str().unwrap() < "2026-06-01T00:00:00"),
    ] {
        let expected: Vec<_> = own.iter().filter(|lead| is(lead)).cloned().collect();
        assert!(!expected.is_empty() && expected.len() < own.len(), "{query}");
        assert_eq!(pages(&door, &query).0, expected, "{query}");
    }
    for (path, fields) in
        [("/v1/leads?limit=3&format=ndjson", ""), ("/v1/leads?limit=3", "Accept: application/x-ndjson\r\n")]
    {
        let lines = door.good(path, fields);
        let told: Vec<Value> = lines.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((lines.field("content-type"), told), ("application/x-ndjson", own[..3].to_vec()));
    }
    let noted = store.audit(&AuditFilter { limit: 1000, ..AuditFilter::default() }).unwrap();
    let reading = noted.iter().filter(|noted| noted.entry.did == "leads.read");
    assert!(reading.clone().all(|noted| noted.entry.who.starts_with("token:")));
    assert!(reading.clone().any(|noted| noted.entry.what == format!("sender={}", crate::told::sha256(sender))));
}
