//! The dashboard's pages over the real daemon: in both languages, with strangers' text in them, a page at a time.

use leadmilter::store::file_in;
use rusqlite::Connection;
use serde_json::Value;

use crate::{
    command,
    company::webhook,
    dashboard_house::{Browser, letter, open, text},
    http_house::{SITE, Web, send},
    postfix_house::wait_for,
};

const PAGES: [&str; 5] = ["/leads", "/addresses", "/deliveries", "/settings", "/audit"];

fn id(lead: &Value) -> &str {
    lead["lead_id"].as_str().unwrap()
}

#[test]
fn every_page_is_there_in_both_languages_and_keeps_itself_to_itself() {
    let web = open(SITE);
    let lead = letter(&web, "\"Anna\" <anna@client.test>", "Price");
    let story = format!("/leads/{}", id(&lead));
    let mut browser = Browser::logged_in(&web, "anna");
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
                  form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let fields = [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", policy),
        ("referrer-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ];
    let titles = [
        ("/leads", "Leads", "Лиды"),
        ("/addresses", "Addresses", "Адреса"),
        ("/deliveries", "Deliveries", "Доставка событий"),
        ("/settings", "Settings", "Настройки"),
        ("/audit", "Audit log", "Журнал действий"),
        (story.as_str(), "Lead of Anna", "Лид от Anna"),
    ];
    for (path, en, ru) in titles {
        for (lang, title) in [("en", en), ("ru", ru)] {
            let page = browser.get(&format!("{path}?lang={lang}"));
            assert_eq!(page.status, 200, "{path}");
            assert_eq!(fields.map(|(name, _)| page.field(name)), fields.map(|(_, value)| value), "{path}");
            let head = format!("<html lang=\"{lang}\">");
            let title = format!("<title>{title} · leadmilter</title>");
            assert!(page.body.contains(&head) && page.body.contains(&title), "{path} {}", page.body);
            // Nothing inline: the policy would refuse it.
            for never in ["<style", " style=", "<script>", " onclick=", "javascript:"] {
                assert!(!page.body.contains(never), "{path} {never}");
            }
        }
    }
    // What was chosen stays chosen.
    assert!(browser.get("/leads").body.contains("<html lang=\"ru\">"));
}

#[test]
fn files_are_kept_for_ever_under_names_that_change_with_them() {
    let web = open(SITE);
    let page = Browser::of(&web).get("/login").body;
    let total: usize = [("href=\"", "css", "text/css"), ("src=\"", "js", "text/javascript")]
        .map(|(before, end, media_type)| {
            let path = page.split(before).find_map(|rest| rest.split_once(&format!(".{end}\""))).unwrap().0;
            let path = format!("{path}.{end}");
            let file = send(&web.admin, &format!("GET {path} HTTP/1.1\r\nAccept-Encoding: gzip\r\n"));
            assert_eq!(file.field("content-type"), format!("{media_type}; charset=utf-8"));
            assert_eq!(file.field("cache-control"), "public, max-age=31536000, immutable");
            assert_eq!(file.field("access-control-allow-origin"), "");
            file.octets.len()
        })
        .into_iter()
        .sum();
    assert!(total < 10_000, "{total}");
    for path in ["/files/dashboard.css", "/files/dashboard.0.css", "/files/dashboard.exe", "/files/..%2fx"] {
        assert_eq!(send(&web.admin, &format!("GET {path} HTTP/1.1\r\n")).status, 404, "{path}");
    }
}

#[test]
fn errors_are_pages_for_people_and_problems_for_programs() {
    let web = open(SITE);
    let mut browser = Browser::logged_in(&web, "anna");
    let gone = browser.get("/leads/01939f0e-0000-7000-8000-000000000000");
    let told =
        "Not found There is nothing here. It may have been deleted, or the address is mistyped. To the first page";
    assert_eq!((gone.status, text(&gone).as_str()), (404, told));
    for path in ["/nothing", "/leads/x", "/addresses/qr.svg?address=info%2Bnothing@company.ru"] {
        let page = browser.get(path);
        assert_eq!((page.status, text(&page).as_str()), (404, told), "{path}");
    }
    let russian = text(&browser.get("/nothing?lang=ru"));
    assert!(russian.starts_with("Не найдено Здесь ничего нет."), "{russian}");
    let other = browser.get("/logout");
    assert_eq!((other.status, other.field("allow")), (405, "POST"));
    assert!(other.body.starts_with("<!doctype html>"));

    let program = send(&web.admin, "GET /nothing HTTP/1.1\r\nAccept: application/json\r\n");
    assert_eq!(program.problem().0, 404);
    let versioned = send(&web.admin, "GET /v1/nothing HTTP/1.1\r\nAccept: text/html\r\n");
    assert_eq!(versioned.problem().0, 404);
    assert_eq!(send(&web.admin, "GET /v1/resolve HTTP/1.1\r\nAccept: text/html\r\n").problem().0, 401);
    assert_eq!(send(&web.admin, "GET /healthz HTTP/1.1\r\nAccept: text/html\r\n").json()["status"], "ok");
    let form =
        "POST /login HTTP/1.1\r\nOrigin: http://leadmilter\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\na";
    assert_eq!(send(&web.admin, form).problem().0, 415);
}

#[test]
fn strangers_text_is_text() {
    let web = open(SITE);
    let subject = "=?utf-8?b?PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0PiAiJyA94oCuMSsx?=";
    let name = "=?utf-8?b?PGltZyBzcmM9eCBvbmVycm9yPWFsZXJ0KDEpPg==?=";
    let lead = letter(&web, &format!("{name} <o'neil&b@client.test>"), subject);
    // As the store of an older version, or another intake, might have let it through.
    let raw = Connection::open(file_in(&web.company.path("store"))).unwrap();
    let sql = r"UPDATE event SET body = replace(body, '1+1', '1\u202e+\u00071')";
    assert_eq!(raw.execute(sql, []).unwrap(), 1);
    let mut browser = Browser::logged_in(&web, "anna");
    let list = browser.get("/leads").body;
    let row = list.split("<tbody>").nth(1).unwrap().split("</tbody>").next().unwrap();
    let (id, at) = (id(&lead), row.split("<td class=\"when\">").nth(1).unwrap().split('<').next().unwrap());
    let expected = format!(
        "\n<tr>\n<td class=\"when\">{at}</td>\n\
         <th scope=\"row\" class=\"long\"><a class=\"clamp\" href=\"/leads/{id}\"><span class=\"unseen\">Open the lead of </span>\
         <bdi>&#60;img src=x onerror=alert(1)&#62;</bdi></a><bdi class=\"hint clamp\">o&#39;neil&#38;b@client.test</bdi></th>\n\
         <td class=\"long\"><bdi class=\"clamp\">&#60;script&#62;alert(1)&#60;/script&#62; &#34;&#39; =1\u{fffd}+\u{fffd}1</bdi></td>\n\
         <td><bdi class=\"clamp\">Щит на М11</bdi></td>\n<td><bdi class=\"clamp\">outdoor / offline</bdi></td>\n\
         <td><span class=\"tag good\">New</span></td>\n</tr>\n"
    );
    assert_eq!(row, expected);
    for path in [&format!("/leads/{id}"), "/audit", "/leads?sender=%3Cscript%3E&channel=%22%3E%3Cb%3E&from=%22x"] {
        let page = browser.get(path).body;
        assert!(page.contains("alert(1)") || page.contains("&#60;script&#62;") || path == "/audit", "{page}");
        for never in ["<script>", "<img src=x", "<b>", "\u{202e}", "\u{7}"] {
            assert!(!page.split_once("<main").unwrap().1.contains(never), "{path} {never}");
        }
    }
}

/// Ids of the leads that a page shows, and its links to others.
fn listed(browser: &mut Browser, path: &str) -> (Vec<String>, Option<String>, Option<String>) {
    let page = browser.get(path);
    assert_eq!(page.status, 200, "{page:?}");
    let ids = page.body.split("<a class=\"clamp\" href=\"/leads/").skip(1);
    let ids = ids.map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
    let link = |before: &str| {
        let rest = page.body.split_once(before)?.1;
        Some(rest.split('"').next().unwrap().replace("&#38;", "&"))
    };
    (ids, link("rel=\"next\" href=\""), link("<th scope=\"col\" aria-sort=\"descending\"><a href=\""))
}

#[test]
fn leads_are_turned_a_page_at_a_time_in_either_order_with_all_state_in_the_url() {
    let web = open(SITE);
    let mbox: String = (0..120)
        .map(|number| {
            let to = if number % 2 == 0 { "info+m11@company.ru" } else { "info+yd@company.ru" };
            format!(
                "From x@client.test Mon Mar  2 09:00:00 2026\nFrom: p{number}@client.test\nTo: {to}\nDelivered-To: {to}\n\
                 Subject: {number}\nMessage-ID: <{number}@client.test>\n\nHello\n\n"
            )
        })
        .collect();
    std::fs::write(web.company.path("letters.mbox"), mbox).unwrap();
    let told = command::run(&web.company, &["ingest", "--json", "letters.mbox"]);
    let all: Vec<String> = told.json().iter().rev().map(|line| id(&line["event"]["data"]).to_owned()).collect();
    assert_eq!((told.code, all.len()), (0, 120), "{}", told.err);

    let mut browser = Browser::logged_in(&web, "vera");
    let mut found = Vec::new();
    let mut next = Some("/leads?kind=all&period=7d".to_owned());
    let mut pages = 0;
    while let Some(path) = next {
        let (ids, further, _) = listed(&mut browser, &path);
        found.extend(ids);
        (next, pages) = (further, pages + 1);
    }
    assert_eq!((found == all, pages), (true, 3));
    let (_, _, turned) = listed(&mut browser, "/leads?sender=P1");
    assert_eq!(turned.as_deref(), Some("/leads?sender=P1&order=oldest"));
    let (oldest, _, _) = listed(&mut browser, &turned.unwrap());
    let place = |number: usize| all[119 - number].clone();
    let with_one = [vec![1], (10..20).collect(), (100..120).collect()].concat();
    assert_eq!(oldest, with_one.into_iter().map(place).collect::<Vec<_>>());
    let (direct, next, _) = listed(&mut browser, "/leads?channel=yandex-direct&sender=p11");
    assert_eq!((direct, next), ([119, 117, 115, 113, 111, 11].map(place).to_vec(), None));
    let (none, _, _) = listed(&mut browser, "/leads?to=2026-01-01");
    assert_eq!(none, Vec::<String>::new());
    assert!(text(&browser.get("/leads?kind=spam")).contains("No lead fits these filters."));

    command::run(&web.company, &["leads", "mark", &all[7], "spam"]);
    assert_eq!(listed(&mut browser, "/leads?kind=spam").0, [all[7].clone()]);
    let (leads, _, _) = listed(&mut browser, "/leads");
    assert_eq!(leads, [&all[..7], &all[8..51]].concat());
}

#[test]
fn addresses_show_what_came_what_leaked_and_a_code_for_print() {
    let web = open(SITE);
    letter(&web, "ivan@client.test", "Pumps");
    let reason = "a <list> of spammers";
    command::run(&web.company, &["address", "leak", "info+yd@company.ru", "--reason", reason]);
    command::run(&web.company, &["address", "trust", "old@company.ru"]);
    let mut browser = Browser::logged_in(&web, "vera");
    let page = browser.get("/addresses");
    let told = text(&page);
    let at = "info+m11@company.ru Leads of this channel: Щит на М11 info@company.ru 1 ";
    assert!(told.contains(at), "{told}");
    assert!(
        told.contains("info+yd@company.ru Leads of this channel: Яндекс Директ info@company.ru 0 Leaked since"),
        "{told}"
    );
    assert!(told.contains(&format!(": {reason} QR code")), "{told}");
    assert!(
        told.contains("Other addresses that are leaked or trusted Address State since Why old@company.ru Trusted"),
        "{told}"
    );
    let path = page.body.split("src=\"/addresses").nth(1).unwrap().split('"').next().unwrap();
    let code = browser.get(&format!("/addresses{path}"));
    assert_eq!((code.status, code.field("content-type")), (200, "image/svg+xml"));
    assert_eq!(code.field("content-security-policy"), "default-src 'none'");
    let made = command::run(&web.company, &["address", "show", "info+m11@company.ru", "--qr", "-"]);
    assert!(code.body.contains("<title>info+m11@company.ru</title>"), "{} {made:?}", code.body);
    assert_eq!(Browser::of(&web).get(&format!("/addresses{path}")).status, 303);
}

#[test]
fn what_was_given_up_is_sent_again_by_an_editor() {
    // Nobody listens there.
    let sink = webhook("crm", "http://127.0.0.1:1/hooks")
        .replace("[\"50ms\", \"50ms\", \"200ms\", \"1s\", \"1s\", \"1s\"]", "[]");
    let web = open(&format!("{SITE}{sink}"));
    let lead = letter(&web, "ivan@client.test", "Pumps");
    let attempts = |expected: u64| {
        let listed = || command::run(&web.company, &["deliveries", "--json"]).json();
        let done = || {
            let listed = listed();
            let is = |of: &Value| of["state"] == "dead" && of["attempts"] == expected;
            (listed.len() == 1 && is(&listed[0])).then(|| listed[0]["id"].to_string())
        };
        wait_for("the delivery is given up", done, || format!("{:?}", listed()))
    };
    let delivery = attempts(1);
    let [mut boris, mut vera] = ["boris", "vera"].map(|name| Browser::logged_in(&web, name));
    let told = text(&boris.get("/deliveries"));
    assert!(told.contains("crm As usual 0 1 Send all again : crm"), "{told}");
    assert!(told.contains("Nothing waits for another attempt."), "{told}");
    let story = format!("/leads/{}", id(&lead));
    let told = text(&boris.get(&story));
    assert!(told.contains("crm lead.received Given up 1"), "{told}");
    assert!(!text(&vera.get("/deliveries")).contains("Send"));

    let answer = boris.post("/deliveries/replay", &[("id", &delivery), ("back", &story)]);
    assert_eq!((answer.status, answer.field("location")), (303, format!("{story}?done=replayed").as_str()));
    attempts(2);
    let answer = boris.post("/deliveries/replay", &[("sink", "crm")]);
    assert_eq!((answer.status, answer.field("location")), (303, "/deliveries?done=replayed"));
    attempts(3);
    let told = text(&boris.get(&story));
    assert!(told.contains("1. ") && told.contains("3. "), "{told}");
    assert_eq!(boris.post("/deliveries/replay", &[("sink", "other")]).status, 404);
    assert_eq!(boris.post("/deliveries/replay", &[]).status, 404);
    let settings = boris.get("/settings").body;
    assert!(settings.contains("http://127.0.0.1:1<") && !settings.contains("/hooks"), "{settings}");
    let noted = command::run(&web.company, &["audit", "--did", "delivery.replayed", "--json"]).json();
    let what: Vec<_> = noted.iter().map(|entry| entry["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["crm", &delivery]);
}

#[test]
fn a_leads_story_tells_what_became_of_it() {
    let web = open(SITE);
    let lead = letter(&web, "ivan@client.test", "Pumps");
    let mut browser = Browser::logged_in(&web, "vera");
    let story = format!("/leads/{}", id(&lead));
    assert!(text(&browser.get(&story)).contains("What became of it Nobody has said yet."));
    let deals = format!(
        "lead_id,status,amount,currency,occurred_at,deal_id,stage\n\
         {0},qualified,,,2026-03-02T10:00:00Z,7,<i>On the table</i>\n{0},won,1234567.5,RUB,2026-03-03T10:00:00Z,7,\n\
         {0},refund,-1000,RUB,2026-03-04T10:00:00Z,7,\n",
        id(&lead)
    );
    let told = command::run_with(&web.company, &["outcomes", "import", "--system", "crm", "-"], deals.as_bytes());
    assert_eq!((told.code, told.err.as_str()), (0, ""));
    let page = text(&browser.get(&story)).replace('\u{a0}', " ");
    let expected = "When State Amount System Deal Stage \
                    2 Mar 2026, 10:00 Qualified crm 7 <i>On the table</i> \
                    3 Mar 2026, 10:00 Won 1,234,567.50 RUB crm 7 \
                    4 Mar 2026, 10:00 Refund \u{2212}1,000.00 RUB crm 7 ";
    assert!(page.contains(expected), "{page}");
    assert!(
        text(&browser.get(&format!("{story}?lang=ru"))).replace('\u{a0}', " ").contains("Возврат \u{2212}1 000,00 RUB")
    );
}

#[test]
fn pages_go_out_squeezed_to_who_takes_that() {
    let web = open(SITE);
    let mut browser = Browser::logged_in(&web, "anna").with("Accept-Encoding: gzip");
    for path in PAGES {
        let page = browser.get(path);
        assert_eq!(page.field("content-encoding"), "gzip");
        let mut html = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&page.octets[..]), &mut html).unwrap();
        assert!(html.ends_with("</html>") || html.ends_with("</html>\n"), "{path}");
        assert!(page.octets.len() < 6_000, "{path} {}", page.octets.len());
    }
    let _: &Web = &web;
}
