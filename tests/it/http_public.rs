//! The public door as pages meet it: who gets which answer, whole.

use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    http_house::{BROWSER, ORIGIN, SITE, Web, page, send},
    postfix_house::wait_for,
};

/// What every answer to a page of the site carries beside its own fields.
const SHARED: [(&str, &str); 3] =
    [("vary", "Origin"), ("access-control-allow-origin", ORIGIN), ("access-control-allow-credentials", "true")];

/// Header fields of a request.
type Fields<'a> = &'a [(&'a str, &'a str)];

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn asked() -> Value {
    json!({"key": "company", "landing": "https://company.ru/pumps", "addresses": ["info@company.ru"]})
}

/// What becomes of a visit, without its channel.
fn told(answer: &crate::http_house::Answer) -> (Value, Value, bool) {
    let body = answer.json();
    (body["kind"].clone(), body["reason"].clone(), answer.field("set-cookie").starts_with("lm="))
}

#[test]
fn a_visitor_is_shown_an_address_of_their_own() {
    let web = Web::open("", SITE);
    let answer = web.visit(&asked());
    let visitor = answer.json()["visitor"].as_str().unwrap().to_owned();
    assert!(visitor.len() == 10 && visitor.bytes().all(|symbol| b"0123456789abcdefghjkmnpqrstvwxyz".contains(&symbol)));
    let body = json!({"visitor": visitor, "addresses": {"info@company.ru": format!("info+{visitor}@company.ru")},
        "kind": "dynamic", "reason": null, "channel": null});
    assert_eq!((answer.status, answer.json()), (200, body));
    let cookie = format!("lm={visitor}; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax; Secure");
    let length = answer.body.len().to_string();
    let own = [("content-type", "application/json"), ("cache-control", "no-store"), ("set-cookie", &cookie)];
    let expected = [&own[..], &SHARED, &[("content-length", &length), ("x-content-type-options", "nosniff")]].concat();
    assert_eq!(answer.fields, owned(&expected));
    assert_eq!(web.counters(), [("visits_dynamic".to_owned(), 1)]);
}

#[test]
fn a_page_without_tls_has_a_cookie_that_travels_without() {
    let web = Web::open("", SITE);
    let secure = |fields: &[(&str, &str)]| web.asks(fields, &asked()).field("set-cookie").ends_with("; Secure");
    assert_eq!(
        [secure(&[("Origin", "http://localhost:8000")]), secure(&[]), secure(&[("Origin", "")])],
        [false, true, true]
    );
}

#[test]
fn whoever_is_not_to_be_known_gets_an_answer_all_the_same() {
    let web = Web::open("", SITE);
    let denied = json!({"key": "company", "addresses": ["info@company.ru"], "consent": {"analytics": "denied"}});
    let bot = "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)";
    let rows: [(&str, Fields<'_>, Value); 7] = [
        ("bot", &[("User-Agent", bot)], asked()),
        ("bot", &[("User-Agent", "")], asked()),
        ("consent", &[("Sec-GPC", "1")], asked()),
        ("consent", &[("DNT", "1")], asked()),
        ("consent", &[], denied),
        ("consent", &[("Sec-GPC", "1"), ("User-Agent", bot)], asked()),
        ("", &[("Sec-GPC", "0"), ("DNT", "0")], asked()),
    ];
    for (reason, fields, body) in rows {
        let answer = web.asks(fields, &body);
        let is_known = reason.is_empty();
        let (kind, reason) =
            if is_known { (json!("dynamic"), Value::Null) } else { (answer.json()["kind"].clone(), json!(reason)) };
        assert_eq!((answer.status, told(&answer)), (200, (kind, reason, is_known)), "{fields:?}");
        assert_eq!(answer.json()["visitor"].is_string(), is_known, "{fields:?}");
    }
    let counters: Vec<_> = web.counters().into_iter().filter(|(name, _)| !name.starts_with("visits_un")).collect();
    let expected = [("visits_dynamic", 1), ("visits_bot", 2), ("visits_consent", 4)];
    assert_eq!(counters, expected.map(|(name, count)| (name.to_owned(), count)));
}

#[test]
fn who_was_known_and_wants_that_no_more_is_forgotten() {
    let web = Web::open("", SITE);
    let cookie = |fields: &[(&str, &str)]| web.asks(fields, &asked()).field("set-cookie").to_owned();
    let forget = "lm=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax";
    assert_eq!(cookie(&[("Sec-GPC", "1"), ("Cookie", "lm=9gdkczyba0")]), forget);
    assert_eq!(cookie(&[("Sec-GPC", "1")]), "");
}

#[test]
fn a_visitor_who_comes_again_is_known_by_cookie_or_by_what_the_page_says() {
    let web = Web::open("", SITE);
    let first = web.visit(&asked()).json();
    let visitor = first["visitor"].as_str().unwrap();
    assert_eq!(web.asks(&[("Cookie", &format!("_ga=1; lm={visitor}"))], &asked()).json(), first);
    let mut by_page = asked();
    by_page["visitor"] = json!(visitor);
    assert_eq!(web.visit(&by_page).json(), first);
    let other = web.visit(&asked()).json();
    assert_ne!(other, first);
    by_page["visitor"] = other["visitor"].clone();
    assert_eq!(web.asks(&[("Cookie", &format!("lm={visitor}"))], &by_page).json(), first);
}

#[test]
fn pages_of_others_and_unknown_sites_are_refused() {
    let web = Web::open("", &format!("{SITE}[[site]]\nkey = \"shop\"\norigins = [\"https://shop.example\"]\n"));
    let foreign = "the page's origin is not listed: add it to origins of its [[site]]";
    for origin in [
        "https://evil.example",
        "null",
        "https://company.ru.evil.example",
        "http://company.ru",
        "https://company.ru:8443",
    ] {
        let answer = web.asks(&[("Origin", origin)], &asked());
        assert_eq!(answer.problem(), (403, foreign.to_owned()), "{origin}");
        assert_eq!((answer.field("access-control-allow-origin"), answer.field("vary")), ("", "Origin"));
    }
    // A page of another site of ours may read why.
    let answer = web.asks(&[("Origin", "https://shop.example")], &asked());
    assert_eq!(answer.problem(), (403, foreign.to_owned()));
    assert_eq!(answer.field("access-control-allow-origin"), "https://shop.example");
    let unknown = web.visit(&json!({"key": "nobody"}));
    assert_eq!(unknown.problem(), (404, "no [[site]] has this key".to_owned()));
    assert_eq!(web.counters(), [("http_refused".to_owned(), 7)]);
}

#[test]
fn a_browser_that_asks_for_permission_gets_it_for_listed_origins() {
    let web = Web::open("", SITE);
    let preflight = |origin: &str| {
        let asks = "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type";
        send(&web.public, &format!("OPTIONS /v1/visit HTTP/1.1\r\nOrigin: {origin}\r\n{asks}\r\n"))
    };
    let allowed = preflight(ORIGIN);
    let own = [
        ("access-control-allow-methods", "POST"),
        ("access-control-allow-headers", "content-type"),
        ("access-control-max-age", "86400"),
    ];
    let expected = [&own[..], &SHARED, &[("allow", "POST"), ("x-content-type-options", "nosniff")]].concat();
    assert_eq!((allowed.status, allowed.fields, allowed.body.as_str()), (204, owned(&expected), ""));
    assert_eq!(preflight("https://evil.example").problem().0, 403);
    let plain = send(&web.public, "OPTIONS /v1/visit HTTP/1.1\r\n");
    assert_eq!((plain.problem().0, plain.field("allow")), (405, "POST"));
}

#[test]
fn bodies_that_cannot_be_read_are_refused_and_strange_ones_are_not() {
    let web = Web::open("", SITE);
    let post = |content_type: &str, body: &str| {
        let length = body.len();
        let fields = format!("User-Agent: {BROWSER}\r\nContent-Type: {content_type}\r\nContent-Length: {length}");
        send(&web.public, &format!("POST /v1/visit HTTP/1.1\r\n{fields}\r\n\r\n{body}"))
    };
    let key = "{\"key\":\"company\"}";
    let unsupported = "the body is JSON: send it as application/json or text/plain";
    let rows = [
        ("application/json", "", 400, "the body is not as expected: EOF while parsing a value at line 1 column 0"),
        ("application/json", "{}", 400, "the body is not as expected: missing field `key` at line 1 column 2"),
        ("text/plain", "key=company", 400, "the body is not as expected: expected value at line 1 column 1"),
        (
            "text/plain",
            "{\"key\":5}",
            400,
            "the body is not as expected: invalid type: integer `5`, expected a string at line 1 column 8",
        ),
        ("application/x-www-form-urlencoded", "key=company", 415, unsupported),
        ("text/html", key, 415, unsupported),
    ];
    for (content_type, body, status, detail) in rows {
        assert_eq!(post(content_type, body).problem(), (status, detail.to_owned()), "{content_type} {body}");
    }
    for content_type in ["application/json", "Application/JSON; charset=utf-8", "text/plain", ""] {
        assert_eq!(post(content_type, key).status, 200, "{content_type:?}");
    }
    let strange =
        json!({"key": "company", "unknown": {"a": 1}, "landing": null, "client": {"ga": [1]}, "custom": {"n": 1}});
    assert_eq!(web.visit(&strange).status, 200);
    let long = web.visit(&json!({"key": "company", "landing": "x".repeat(8 * 1024)}));
    assert_eq!(long.problem(), (413, "the body is longer than this path takes".to_owned()));
    let chunked =
        format!("Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n4000\r\n{}", "x".repeat(0x4000));
    let long = send(&web.public, &format!("POST /v1/visit HTTP/1.1\r\n{chunked}\r\n0\r\n\r\n"));
    assert_eq!(long.problem(), (413, "the body is longer than this path takes".to_owned()));
}

#[test]
fn a_click_is_heard() {
    let web = Web::open("", SITE);
    let visitor = web.visit(&asked()).json()["visitor"].clone();
    let click = json!({"key": "company", "visitor": visitor, "address": "info@company.ru"});
    let send = |fields: &[(&str, &str)], body: &Value| send(&web.public, &page("/v1/click", fields, body));
    let answer = send(&[], &click);
    let expected = [&[("cache-control", "no-store")][..], &SHARED, &[("x-content-type-options", "nosniff")]].concat();
    assert_eq!((answer.status, answer.fields, answer.body.as_str()), (204, owned(&expected), ""));
    assert_eq!(send(&[("Sec-GPC", "1")], &click).status, 204);
    assert_eq!(send(&[], &json!({"key": "company"})).status, 204);
    assert_eq!(send(&[], &json!({"key": "nobody"})).problem().0, 404);
    assert_eq!(send(&[("Origin", "https://evil.example")], &click).problem().0, 403);
    assert!(web.counters().contains(&("clicks".to_owned(), 1)), "{:?}", web.counters());
}

#[test]
fn errors_are_problems_everywhere() {
    let web = Web::open("", SITE);
    for door in [&web.public, &web.admin] {
        let nothing = "there is nothing under this path: /openapi.json lists what there is";
        let paths = ["/", "/v1", "/v1/", "/s.js/x", "/%ff", "/s.0123.js", "/%2e%2e/etc/passwd"];
        // The first page of the admin door is the dashboard's.
        for path in paths.iter().filter(|path| *door == web.public || **path != "/") {
            let answer = send(door, &format!("GET {path} HTTP/1.1\r\n"));
            assert_eq!(answer.problem(), (404, nothing.to_owned()), "{path}");
        }
        let method = send(door, "DELETE /openapi.json HTTP/1.1\r\n");
        let other = "this path takes other methods: see the header Allow";
        assert_eq!((method.problem(), method.field("allow")), ((405, other.to_owned()), "GET,HEAD"));
    }
}

#[test]
fn a_store_that_does_not_answer_holds_up_no_page() {
    let web = Web::open("", SITE);
    let visitor = web.visit(&asked()).json()["visitor"].clone();
    let lock = Connection::open(web.company.path("store/visits.db")).unwrap();
    lock.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let begun = Instant::now();
    let campaign = "https://company.ru/?utm_source=yandex&utm_medium=cpc&utm_campaign=pumps-msk";
    let answer = web.visit(&json!({"key": "company", "landing": campaign, "addresses": ["info@company.ru"]}));
    let expected = json!({"visitor": null, "addresses": {"info@company.ru": "info+yd@company.ru"}, "kind": "static",
        "reason": "fault", "channel": "yandex-direct"});
    assert_eq!((answer.status, answer.json()), (200, expected));
    let click = page("/v1/click", &[], &json!({"key": "company", "visitor": visitor}));
    assert_eq!(send(&web.public, &click).status, 204);
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    lock.execute_batch("ROLLBACK").unwrap();
    // Who was known before is known again once the store is.
    let known = || {
        let again = web.visit(&json!({"key": "company", "visitor": visitor, "addresses": ["info@company.ru"]})).json();
        (again["visitor"] == visitor).then_some(())
    };
    wait_for("the store", known, || web.daemon.log());
}
