//! Strangers' text in a real Chromium: markup, formulas, marks that turn the direction, subjects and names of thousands of
//! letters without a blank. It is shown as text, nothing of it runs, and no page becomes wider than the window.

use std::{fmt::Write, fs};

use leadmilter::store::file_in;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    chromium::Tab,
    command,
    dashboard_house::letter,
    dashboard_shown::{DOORS, HOST, MANNERS, Shown, faults, upload, visit},
    http_house::{SITE, Web},
};

/// Markup that would set `hit`, in the places where browsers are known to run it.
const MARKUP: &str = "<img src=x onerror=hit=1><script>hit=1</script>'\"--><svg/onload=hit=1></title></textarea>";

/// What an override would turn around, and a formula.
const TURNED: &str = "=1+1\u{202e}gpj.exe\u{2066}";

/// Whether something of a stranger's has become part of the page.
const STRANGE: &str = "({
    hit: typeof hit,
    parts: document.querySelectorAll('main :is(script, svg[onload], img:not(.qr), [onerror], style, iframe)').length,
    turned: /[\\u202a-\\u202e\\u2066-\\u2069]/.test(document.documentElement.outerHTML),
})";

fn in_words(text: &str) -> String {
    let mut words = String::new();
    for octet in text.bytes() {
        write!(words, "={octet:02X}").unwrap();
    }
    format!("=?utf-8?q?{words}?=")
}

/// A company that strangers have written to.
fn harassed() -> Shown {
    let web = Web::open(DOORS, SITE);
    let long = "x".repeat(10_000);
    let (markup, turned) = (in_words(MARKUP), in_words(TURNED));
    letter(&web, &format!("\"{long}\" <long@client.test>"), &"ы".repeat(10_000));
    letter(&web, &format!("{markup} <markup@client.test>"), &turned);
    letter(&web, &format!("{turned} <turned@{}.test>", "host-".repeat(12) + "s"), &markup);
    letter(&web, "\"<b>x</b>\"@client.test", &format!("{markup} {long}"));

    // A visitor whose link says all of it, and who wrote.
    let key = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let landing = format!(
        "https://company.ru/{}?utm_source={}&utm_medium={}&utm_campaign={}&utm_term={}",
        "y".repeat(500),
        key(MARKUP),
        key(TURNED),
        "z".repeat(900),
        key("@SUM(1)")
    );
    let visit = json!({"key": "company", "landing": landing, "referrer": landing, "page": landing,
        "addresses": ["info@company.ru"], "client": {"ga": MARKUP}});
    let told = web.visit(&visit).json();
    let address = told["addresses"]["info@company.ru"].as_str().unwrap().to_owned();
    let letter = format!("From: {turned} <visitor@client.test>\r\nTo: {address}\r\nSubject: {markup}\r\n\r\nHello\r\n");
    let told = command::run_with(
        &web.company,
        &["ingest", "--recipient", &address, "--sender", "v@c.test"],
        letter.as_bytes(),
    );
    assert_eq!((told.code, told.err.as_str()), (0, ""), "{told:?}");

    let quoted = |text: &str| text.replace('"', "\"\"");
    let (markup, turned) = (quoted(MARKUP), quoted(TURNED));
    let today = jiff::Zoned::now().date();
    let costs = format!(
        "date,utm_source,utm_campaign,amount\n{today},\"{markup}\",\"{turned}\",7.50\n{today},{long},\"{markup}\",999999999\n"
    );
    fs::write(web.company.path("costs.csv"), costs).unwrap();
    let told = command::run(&web.company, &["costs", "import", "costs.csv"]);
    assert_eq!((told.code, told.err.as_str()), (0, ""), "{told:?}");
    // As the store of an older version, or another intake, might have let it through.
    let store = Connection::open(file_in(&web.company.path("store"))).unwrap();
    let told = "INSERT INTO outcome (lead, system, deal_id, status, stage, amount, currency, occurred_at, recorded_at)
                SELECT sequence, 'crm', $1, 'won', $2, 1500000000, 'RUB', 1, 1 FROM lead";
    assert_eq!(store.execute(told, [MARKUP, TURNED]).unwrap(), 5);
    Shown::of(web)
}

/// What is strange about the page that a tab shows.
fn strange(tab: &Tab<'_>) -> Option<Value> {
    let found = tab.eval(STRANGE);
    (found != json!({"hit": "undefined", "parts": 0, "turned": false})).then_some(found)
}

#[test]
fn strangers_text_is_shown_as_text_and_breaks_no_page() {
    let shown = harassed();
    let tab = shown.tab();
    visit(&tab, "/leads?kind=all", "en");
    let told = tab.eval("document.querySelector('main').innerText");
    let told = told.as_str().unwrap();
    assert!(told.contains(MARKUP) && told.contains("=1+1") && told.contains(&"ы".repeat(200)), "{told}");
    let stories = tab.eval("[...document.querySelectorAll('tbody th a')].map((link) => link.getAttribute('href'))");
    let stories = stories.as_array().unwrap().iter().map(|story| story.as_str().unwrap().to_owned());
    let mut paths: Vec<String> = stories.collect();
    assert_eq!(paths.len(), 5);
    for by in ["source", "medium", "campaign", "term", "landing_page", "referrer", "source,campaign,term"] {
        paths.push(format!("/reports/channels?period=all&by={by}"));
    }
    let asked: String = url::form_urlencoded::byte_serialize(MARKUP.as_bytes()).collect();
    let others = ["/leads?kind=all", "/", "/reports/senders?period=all", "/costs", "/deliveries", "/audit"];
    paths.extend(others.map(str::to_owned));
    paths.extend(
        ["/leads?sender=", "/audit?who=", "/reports/channels?filter=source%3D", "/nothing?", "/login?back="]
            .map(|path| format!("{path}{asked}")),
    );
    let mut found = Vec::new();
    for (place, path) in paths.iter().enumerate() {
        // What fits a telephone fits a desk: some are looked at there, too.
        for manner in [MANNERS[0], MANNERS[3]].into_iter().take(if place % 3 == 0 { 2 } else { 1 }) {
            found.extend(faults(&tab, manner, path));
            found.extend(strange(&tab).map(|strange| format!("{path} ({}): {strange}", manner.lang)));
        }
    }
    visit(&tab, "/reports/channels?period=all&by=source", "en");
    let told = tab.eval("document.querySelector('main').innerText");
    assert!(told.as_str().unwrap().contains(MARKUP), "{told}");

    upload(
        &tab,
        &shown.file("<b>costs<b>.csv", &format!("date,amount,{MARKUP}\n2026-11-01,{MARKUP},1\n").replace('"', "")),
    );
    let preview = tab.eval("location.pathname");
    found.extend(faults(&tab, MANNERS[0], preview.as_str().unwrap()));
    found.extend(strange(&tab).map(|strange| format!("{preview}: {strange}")));
    assert_eq!(found, Vec::<String>::new());

    // What would have been found.
    tab.go(&format!("{HOST}/leads"));
    tab.eval("document.querySelector('main').insertAdjacentHTML('beforeend', '<p>\\u202e<img src=x>')");
    assert_eq!(strange(&tab), Some(json!({"hit": "undefined", "parts": 1, "turned": true})));
}
