//! Every page of the dashboard in a real Chromium, in both languages, by telephone and at a desk, by day and by night: no
//! rule of accessibility is broken, nothing is refused or complained of, nothing goes elsewhere, nothing is wider than the
//! window. A failure names each page, language, width and scheme.

use serde_json::json;

use crate::{
    chromium::Chromium,
    command,
    dashboard_house::letter,
    dashboard_shown::{DAYS, DOORS, LONGEST_WAY, MANNERS, Shown, faults, upload, visit},
    http_house::{SITE, Web},
};

/// Costs with rows of a channel, rows of none, and a column that nobody reads.
const COSTS: &str = "date,channel,utm_source,utm_campaign,amount,currency,mood\n\
                     2026-10-01,channel-160,,,1000.50,RUB,good\n2026-10-02,,elsewhere,summer,7,USD,\n";

const NOTHING: Vec<String> = Vec::new();

#[test]
fn reports_break_no_rule() {
    let shown = Shown::year();
    let year = "period=2025-11-01..2026-10-31";
    let paths = [
        format!("/?{DAYS}"),
        format!("/reports/channels?{DAYS}"),
        format!("/reports/calendar?{DAYS}"),
        format!("/reports/heatmap?{year}"),
        format!("/reports/senders?{DAYS}"),
        format!("/reports/addresses?{DAYS}"),
        format!("/reports/models?{DAYS}"),
        format!("/reports/funnel?{DAYS}"),
    ];
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    let variants = [
        &*format!("/reports/channels?{DAYS}&compare=previous&by=source,campaign&filter=medium%3Dcpc&sort=-cost"),
        &*format!("/reports/calendar?{year}&compare=none"),
        "/reports/channels?by=planet",
    ];
    let tab = shown.tab();
    let mut found = shown.faults(&tab, &MANNERS, &paths);
    found.extend(shown.faults(&tab, &[MANNERS[0], MANNERS[3]], &variants));
    assert_eq!(found, NOTHING);
}

#[test]
fn letters_and_what_became_of_them_break_no_rule() {
    let shown = Shown::year();
    let web = &shown.web;
    for (recipient, from) in [("info+c000@company.example", "ivan@client.test"), ("info@company.example", "=@b.test")] {
        let letter =
            format!("From: {from}\r\nTo: {recipient}\r\nSubject: Pumps\r\nMessage-ID: <{from}>\r\n\r\nHello\r\n");
        let arguments = ["ingest", "--recipient", recipient, "--sender", from];
        let told = command::run_with(&web.company, &arguments, letter.as_bytes());
        assert_eq!((told.code, told.err.as_str()), (0, ""), "{told:?}");
    }
    let marked = command::run(&web.company, &["address", "trust", "info+c000@company.example", "--reason", "a <fair>"]);
    assert_eq!((marked.code, marked.err.as_str()), (0, ""), "{marked:?}");
    let tab = shown.tab();
    visit(&tab, "/leads", "en");
    let newest = tab.eval("document.querySelector('tbody th a').getAttribute('href')");
    visit(&tab, "/leads?period=2026-10-01..2026-10-31&from=2026-10-01&to=2026-10-31", "en");
    let story = tab.eval(LONGEST_WAY);
    let paths = [
        "/leads?kind=all",
        "/leads?from=2026-10-01&to=2026-10-31&order=oldest&replies=1",
        "/leads?sender=nobody%40nowhere.test",
        newest.as_str().unwrap(),
        story.as_str().unwrap(),
        "/addresses",
        "/deliveries",
        "/nothing",
    ];
    assert_eq!(shown.faults(&tab, &MANNERS, &paths), NOTHING);
}

#[test]
fn costs_settings_and_the_way_in_break_no_rule() {
    let shown = Shown::year();
    let token = shown.web.token("leads");
    assert!(!token.is_empty());
    let tab = shown.tab();
    let mut found = shown.faults(&tab, &MANNERS, &["/costs", "/settings", "/audit", "/audit?who=nobody"]);
    // Files that wait are their own of each person.
    let tab = shown.tab_of("boris");
    let path = || tab.eval("location.pathname").as_str().unwrap().to_owned();
    upload(&tab, &shown.file("costs.csv", COSTS));
    let preview = path();
    assert!(preview.starts_with("/costs/preview/"), "{preview}");
    found.extend(shown.faults(&tab, &MANNERS, &[&preview]));
    tab.loads(|| tab.click("main form button"));
    assert_eq!((path(), tab.eval("document.querySelectorAll('.notice').length")), (preview.clone(), json!(1)));
    found.extend(shown.faults(&tab, &MANNERS[..2], &[&preview]));
    upload(&tab, &shown.file("refused.csv", &COSTS.replace("1000.50", "a thousand")));
    let refused = path();
    found.extend(shown.faults(&tab, &MANNERS[2..], &[&refused]));
    // Not a page with an address of its own: what is said of a file that cannot be read.
    upload(&tab, &shown.file("nonsense.csv", "no,costs\n1,2\n"));
    assert_eq!(tab.eval("document.querySelectorAll('.wrong').length"), 1);
    let stranger = shown.chromium.visitor().tab();
    found.extend(shown.faults(&stranger, &MANNERS, &["/login?back=%2Fleads"]));
    assert_eq!(found, NOTHING);
}

#[test]
fn pages_with_nothing_on_them_break_no_rule() {
    let web = Web::open(DOORS, SITE);
    let chromium = Chromium::start(web.admin.rsplit(':').next().unwrap().parse().unwrap());
    // Nobody may log in yet, and the page says how to change that.
    let mut found = faults(&chromium.visitor().tab(), MANNERS[0], "/login");
    drop(chromium);
    let shown = Shown::of(web);
    let tab = shown.tab();
    let paths = [
        "/",
        "/reports/channels",
        "/reports/calendar",
        "/reports/heatmap",
        "/reports/senders",
        "/reports/addresses",
        "/reports/models",
        "/reports/funnel",
        "/leads",
        "/costs",
        "/addresses",
        "/deliveries",
        "/audit?who=nobody",
    ];
    found.extend(shown.faults(&tab, &[MANNERS[0], MANNERS[3]], &paths));
    // A filter that nothing fits.
    letter(&shown.web, "ivan@client.test", "Pumps");
    found.extend(shown.faults(&tab, &[MANNERS[1]], &["/?filter=channel%3Dnewsletter", "/reports/funnel?period=today"]));
    assert_eq!(found, NOTHING);
}

#[test]
fn the_judge_and_the_others_find_what_is_wrong() {
    let shown = Shown::of(Web::open(DOORS, SITE));
    let tab = shown.tab();
    tab.before(
        "addEventListener('DOMContentLoaded', () => {
            const image = document.createElement('img');
            image.src = 'http://elsewhere.test/pixel.png';
            const wide = document.createElement('div');
            wide.style.cssText = 'width: 500px; height: 9px';
            document.querySelector('main').append(image, wide);
            document.documentElement.lang = 'xx';
        })",
    );
    let found = faults(&tab, MANNERS[0], "/leads");
    let told = found.join("\n");
    for part in
        ["violates the following Content Security Policy", "is in \"xx\"", "wider than the window", "image-alt: img"]
    {
        assert!(told.contains(part), "{part}\n{told}");
    }
    assert!(told.contains("/leads (en 360 light): "), "{told}");
}
