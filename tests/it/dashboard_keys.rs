//! The dashboard for people without a mouse, without scripts, and with a slow line.

use serde_json::{Value, json};

use crate::{
    chromium::Tab,
    dashboard_house::letter,
    dashboard_shown::{DAYS, DOORS, HOST, MANNERS, Shown, log_in, look, visit},
    http_house::{SITE, Web},
};

/// Octets of a page at a first visit, with all that belongs to it, as they travel.
const HEAVIEST: u64 = 60 * 1024;

/// Every page but those of one letter and one file.
fn pages() -> Vec<String> {
    let mut pages = vec![format!("/?{DAYS}")];
    for report in ["channels", "calendar", "heatmap", "senders", "addresses", "models", "funnel"] {
        pages.push(format!("/reports/{report}?{DAYS}"));
    }
    let others =
        ["/leads?kind=all", "/costs", "/addresses", "/deliveries", "/settings", "/audit", "/login", "/nothing"];
    pages.extend(others.map(str::to_owned));
    pages
}

fn press(tab: &Tab<'_>, key: &str, code: u32) {
    let text = if key == "Enter" { "\r" } else { "" };
    let event =
        |kind: &str| json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text});
    tab.call("Input.dispatchKeyEvent", event(if text.is_empty() { "rawKeyDown" } else { "keyDown" }));
    let up = json!({"type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code});
    tab.call("Input.dispatchKeyEvent", up);
}

#[test]
fn keys_lead_past_the_navigation_and_show_where_one_is() {
    let shown = Shown::year();
    let tab = shown.tab();
    look(&tab, MANNERS[1]);
    for page in pages() {
        visit(&tab, &page, "en");
        press(&tab, "Tab", 9);
        let skip = "(() => { const at = document.activeElement, box = at.getBoundingClientRect();
            return [at.className, box.left >= 0 && box.top >= 0, getComputedStyle(at).outlineStyle] })()";
        assert_eq!(tab.eval(skip), json!(["skip", true, "solid"]), "{page}");
        press(&tab, "Enter", 13);
        tab.until("location.hash == '#main' && document.activeElement.id == 'main'");
        // On from there, not from the top again.
        press(&tab, "Tab", 9);
        let is_within =
            tab.eval("document.activeElement.closest('main') !== null || document.activeElement == document.body");
        assert_eq!(is_within, true, "{page}");
    }
    // A region that scrolls does so by keys.
    look(&tab, MANNERS[0]);
    visit(&tab, &format!("/reports/channels?{DAYS}"), "en");
    tab.eval("document.querySelector('.scroll').focus()");
    press(&tab, "ArrowRight", 39);
    tab.until("document.querySelector('.scroll').scrollLeft > 0");
}

#[test]
fn everything_works_without_scripts() {
    let shown = Shown::of(Web::open(DOORS, SITE));
    letter(&shown.web, "ivan@client.test", "Pumps");
    letter(&shown.web, "olga@other.test", "Pipes");
    let visitor = shown.chromium.visitor();
    let tab = visitor.tab();
    tab.call("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    let place = || tab.eval("location.pathname + location.search");
    log_in(&tab, "anna", "/leads?kind=all");
    assert_eq!(place(), "/leads?kind=all");
    let cookie = visitor.cookie("leadmilter").unwrap();
    let of = |name: &str| cookie[name].clone();
    assert_eq!([of("httpOnly"), of("sameSite"), of("path")], [Value::Bool(true), json!("Lax"), json!("/")]);

    let rows = || tab.eval("document.querySelectorAll('tbody tr').length");
    assert_eq!(rows(), 2);
    tab.eval("document.querySelector('#sender').value = 'olga@other.test'");
    tab.loads(|| tab.click(".filters button"));
    assert_eq!((rows(), tab.eval("document.querySelector('#sender').value")), (json!(1), json!("olga@other.test")));
    tab.loads(|| tab.click("th[aria-sort] a"));
    assert_eq!(tab.eval("document.querySelector('th[aria-sort]').ariaSort"), "ascending");
    tab.loads(|| tab.click(".languages a[lang=ru]"));
    assert_eq!((rows(), tab.eval("document.documentElement.lang")), (json!(1), json!("ru")));

    tab.loads(|| tab.click("tbody th a"));
    assert!(place().as_str().unwrap().starts_with("/leads/"));
    tab.loads(|| tab.click("form[action$=mark] button"));
    assert_eq!(tab.eval("document.querySelector('.notice').textContent"), "Сохранено. Интеграции оповещены.");

    tab.go(&format!("{HOST}/reports/channels?lang=en"));
    tab.eval("document.querySelector('#compare').value = 'previous'");
    tab.loads(|| tab.click(".filters button"));
    assert_eq!(tab.eval("new URLSearchParams(location.search).get('compare')"), "previous");
    tab.loads(|| tab.click("thead .number a"));
    assert_eq!(tab.eval("document.querySelectorAll('th[aria-sort]').length"), 1);
    tab.loads(|| tab.click("header form button"));
    assert_eq!((place(), visitor.cookie("leadmilter")), (json!("/login"), None));
}

#[test]
fn a_first_visit_weighs_little() {
    let shown = Shown::year();
    let tab = shown.tab();
    tab.call("Network.setCacheDisabled", json!({"cacheDisabled": true}));
    let mut heavy = Vec::new();
    for page in pages() {
        let before = tab.events("Network.loadingFinished").len();
        visit(&tab, &page, "ru");
        // Page, style sheet, script.
        let finished = || tab.events("Network.loadingFinished").split_off(before);
        let of = |event: &Value| event["params"]["encodedDataLength"].as_f64().unwrap();
        let octets: f64 = finished().iter().map(of).sum();
        println!("{octets:>7} {} {page}", finished().len());
        assert!(finished().len() >= 3, "{page}: {:?}", finished());
        if octets > HEAVIEST as f64 {
            heavy.push(format!("{page}: {octets}"));
        }
    }
    assert_eq!(heavy, Vec::<String>::new());
}
