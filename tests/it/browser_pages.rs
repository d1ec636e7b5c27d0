//! Pages of every kind: rendered by React, under a strict policy, prerendered, kept by a cache, of many parts, and long.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use crate::{
    clients::installed,
    nginx::TAG,
    shop::{CONTACTS, SHOWN, Shop, TEXT, asked},
};

/// The React page and its script.
fn react() -> (String, String) {
    let mut node = Command::new("node");
    node.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/react.js"));
    let output = node.env("NODE_PATH", installed("browser/node_modules")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    let tag = TAG.replace("<script", "<script data-wait=load");
    let html = made["html"].as_str().unwrap();
    let page = format!("<!doctype html>{tag}<div id=root>{html}</div><script defer src=/react.js></script>");
    (page, made["script"].as_str().unwrap().to_owned())
}

#[test]
fn react_hydrates_renders_and_routes_as_if_nothing_were_written() {
    let shop = Shop::open();
    let (page, script) = react();
    shop.site.write("react.html", &page);
    shop.site.write("react.js", &script);
    let anna = shop.chromium.visitor();
    let tab = anna.open("https://company.ru/react.html?utm_source=yandex");
    tab.until(
        "document.documentElement.dataset.hydrated == 'yes' && text.textContent != 'Call or mail info@company.ru'",
    );
    let token = anna.token();
    let shown = format!("info+{token}@company.ru");
    assert_eq!(tab.eval("text.textContent"), format!("Call or mail {shown}"));
    tab.click("#contacts");
    let contacts = "[location.pathname, address.textContent, mail.outerHTML, count.textContent]";
    let with = |count: u8| {
        let link = format!(r#"<a id="mail" href="mailto:info%2B{token}@company.ru?subject={count}">{shown}</a>"#);
        json!(["/react/contacts", format!("Write to {shown}."), link, format!("{shown} was asked {count} times")])
    };
    assert_eq!(tab.eval(contacts), with(0));
    tab.click("#count");
    tab.click("#count");
    assert_eq!(tab.eval(contacts), with(2));
    tab.click("#home");
    assert_eq!(tab.eval("text.textContent"), format!("Call or mail {shown}"));

    // All is known already when React comes to hydrate.
    tab.go("https://company.ru/react.html");
    tab.until(
        "document.documentElement.dataset.hydrated == 'yes' && text.textContent != 'Call or mail info@company.ru'",
    );
    assert_eq!(tab.eval("text.textContent"), format!("Call or mail {shown}"));
    let landing = "https://company.ru/react.html?utm_source=yandex";
    let expected = asked(landing, "https://company.ru/react.html", json!({}));
    assert_eq!(tab.posted(), [json!(["POST", "/_m/v1/visit", expected])]);
    assert_eq!(tab.complaints(), Vec::<String>::new());
}

#[test]
fn a_strict_policy_has_nothing_against_it_nor_against_the_overlay() {
    let shop = Shop::open();
    shop.site.write("strict/contacts.html", CONTACTS);
    let anna = shop.chromium.visitor();
    let tab = anna.open("https://company.ru/strict/contacts.html?lm_debug");
    tab.until(SHOWN);
    assert_eq!(tab.eval(TEXT), format!("info+{}@company.ru", anna.token()));
    tab.until(
        "document.querySelector('lm-debug')?.shadowRoot.querySelector('tbody tr')?.dataset.state == 'substituted'",
    );
    assert_eq!(tab.eval("getComputedStyle(document.querySelector('lm-debug')).position"), "fixed");
    assert_eq!(tab.complaints(), Vec::<String>::new());
    // The policy is there.
    let refused = tab.eval("(() => { try { document.body.innerHTML = '' } catch (error) { return error.name } })()");
    assert_eq!(refused, "TypeError");
}

#[test]
fn a_cache_between_gives_two_visitors_one_page_and_each_an_address_of_their_own() {
    let shop = Shop::open();
    shop.site.write("contacts.html", CONTACTS);
    let seen = ["anna", "boris"].map(|_| {
        let visitor = shop.chromium.visitor();
        let tab = visitor.open("https://company.ru/cached/contacts.html");
        tab.until(SHOWN);
        let page = tab.eval("fetch('').then(async (answer) => [answer.headers.get('x-cache'), await answer.text()])");
        assert_eq!(page, json!(["HIT", CONTACTS]));
        let shown = tab.eval(TEXT);
        assert_eq!(shown, format!("info+{}@company.ru", visitor.token()));
        let answer = &tab.events("Network.responseReceived").pop().unwrap()["params"]["response"];
        (shown, answer["url"].clone())
    });
    assert_ne!(seen[0].0, seen[1].0);
}

/// Waits beside the prerendered page until a file tells to go there. Chromium prerenders nothing while it is driven.
const WAITING: &str = r#"<!doctype html>
<script type=speculationrules>{"prerender": [{"urls": ["/contacts.html"], "eagerness": "immediate"}]}</script>
<script>
const look = () => fetch('/go.txt').then(({ok}) => ok ? location.href = '/contacts.html' : setTimeout(look, 50));
look();
</script>"#;

#[test]
fn a_prerendered_page_asks_nothing_before_it_is_seen() {
    let shop = Shop::open();
    // What it has asked for is known when it is loaded.
    let tells = "<script>const real = fetch; let asked = 0; window.fetch = (...of) => (asked++, real(...of));\
                 onload = () => real(`/told/${document.prerendering}/${asked}`)</script>";
    shop.site.write("waiting.html", WAITING);
    shop.site.write("contacts.html", &format!("{tells}{CONTACTS}"));
    let anna = shop.chromium.visitor();
    let alone = anna.alone("https://company.ru/waiting.html");
    let told = |count| shop.site.sent(count).iter().map(|sent| sent["path"].clone()).collect::<Vec<_>>();
    assert_eq!(told(1), ["/told/true/0"]);
    shop.site.write("go.txt", "go");
    assert_eq!(told(2), ["/told/true/0", "/_m/v1/visit"]);
    let tab = anna.attach(&alone);
    tab.until(SHOWN);
    assert!(tab.eval("performance.getEntriesByType('navigation')[0].activationStart").as_f64().unwrap() > 0.0);
}

#[test]
fn shadow_roots_and_frames_are_looked_at_when_they_are_named_and_forms_get_what_they_ask_for() {
    let shop = Shop::open();
    let page = format!(
        "<!doctype html>{TAG}<div id=host></div><iframe id=frame srcdoc='<p>info@company.ru</p>'></iframe>\
         <script>window.lm = window.lm || function () {{ (lm.q = lm.q || []).push(arguments) }};\
         host.attachShadow({{mode: 'open'}}).innerHTML = '<a href=mailto:info@company.ru>info@company.ru</a>';\
         lm('swap', host.shadowRoot); lm('get', (visitor, addresses) => {{ window.got = {{visitor, addresses}} }})</script>"
    );
    shop.site.write("parts.html", &page);
    let anna = shop.chromium.visitor();
    let tab = anna.open("https://company.ru/parts.html");
    tab.until("!!window.got");
    let token = anna.token();
    let [info, sales] = ["info", "sales"].map(|mailbox| format!("{mailbox}+{token}@company.ru"));
    let addresses = json!({"info@company.ru": info, "sales@company.ru": sales});
    assert_eq!(tab.eval("got"), json!({"visitor": token, "addresses": addresses}));
    let link = format!(r#"<a href="mailto:info%2B{token}@company.ru">{info}</a>"#);
    assert_eq!(tab.eval("host.shadowRoot.innerHTML"), link);
    assert_eq!(tab.eval("frame.contentDocument.body.textContent"), "info@company.ru");
    assert_eq!(tab.eval("lm('swap', frame.contentDocument).then(() => frame.contentDocument.body.textContent)"), info);
    tab.eval("host.shadowRoot.querySelector('a').click()");
    tab.eval("frame.contentDocument.body.innerHTML = '<p>sales@company.ru</p>'");
    assert_eq!(tab.eval("frame.contentDocument.body.textContent"), sales);
    assert_eq!(shop.site.sent(2)[1]["body"], json!({"key": "company", "visitor": token, "address": info}));
    assert_eq!(tab.complaints(), Vec::<String>::new());
}

#[test]
fn five_thousand_paragraphs_cost_a_few_milliseconds() {
    let shop = Shop::open();
    let paragraph = |number: u32| {
        let text = "The pump lifts water from ten metres, and needs no oil for a year. ".repeat(3);
        let link = if number.is_multiple_of(50) {
            "Ask info@company.ru: <a href='mailto:info@company.ru'>mail</a>"
        } else {
            ""
        };
        format!("<p class=text id=p{number}>{text}<b>Number {number}</b> {link}</p>\n")
    };
    let page: String = (0..5000).map(paragraph).collect();
    shop.site.write("long.html", &format!("<!doctype html><body>{page}"));
    shop.site.write("contacts.html", CONTACTS);
    let anna = shop.chromium.visitor();
    anna.open("https://company.ru/contacts.html").until(SHOWN);
    let tab = anna.open("https://company.ru/long.html");
    tab.eval("window.long = []; new PerformanceObserver((list) => long.push(...list.getEntries())).observe({type: 'longtask'})");
    let insert = "const tag = document.createElement('script'); tag.src = '/_m/s.js'; tag.dataset.key = 'company';\
                  tag.dataset.emails = 'info@company.ru sales@company.ru'; document.head.append(tag)";
    tab.eval(insert);
    tab.until("document.querySelector('#p4950 a').getAttribute('href') != 'mailto:info@company.ru'");
    let shown = format!("document.querySelectorAll('[href=\"mailto:info%2B{}@company.ru\"]').length", anna.token());
    assert_eq!(tab.eval(&shown), 100);
    let long = tab.eval("long.map(({duration}) => duration)");

    // Time that the thread has worked, not time that went by: the machine may have more to do.
    let worked = || {
        let metrics = tab.call("Performance.getMetrics", json!({}))["metrics"].take();
        let metric = metrics.as_array().unwrap().iter().find(|metric| metric["name"] == "ThreadTime").unwrap().clone();
        metric["value"].as_f64().unwrap() * 1000.0
    };
    let looks = "(async () => { for (let look = 0; look < 20; look++) await lm('swap', document.body) })()";
    tab.eval(looks);
    let before = worked();
    tab.eval(looks);
    let look = (worked() - before) / 20.0;
    println!("a look at 5,000 paragraphs: {look:.1} ms; tasks of more than 50 ms: {long}");
    assert!(look < 20.0, "{look} ms");
}
