//! What visitors are shown when something is amiss: the page as it is.

use std::{net::TcpListener, time::Duration};

use serde_json::Value;

use crate::shop::{CONTACTS, SHOWN, Shop, TEXT};

/// What `lm('get')` gives.
const GOT: &str = "new Promise((done) => lm('get', (...got) => done(JSON.stringify(got))))";

#[test]
fn without_a_server_the_page_stays_as_it_is() {
    let shop = Shop::open();
    shop.site.write("pumps.html", &CONTACTS.replace("info@company.ru</p>", "pumps</p>"));
    shop.site.write("contacts.html", CONTACTS);
    let anna = shop.chromium.visitor();
    // The script is in the browser's cache from here on.
    let tab = anna.open("https://company.ru/pumps.html?utm_source=yandex");
    let door = shop.close();

    tab.go("https://company.ru/contacts.html");
    assert_eq!(tab.eval(GOT), "[null,{}]");
    assert_eq!(tab.eval(TEXT), "info@company.ru");
    assert_eq!(
        tab.complaints(),
        [r#""Failed to load resource: the server responded with a status of 502 (Bad Gateway)""#]
    );

    // One that takes the call and says nothing.
    let _silent = TcpListener::bind(door).unwrap();
    tab.go("https://company.ru/contacts.html");
    assert_eq!(tab.eval(TEXT), "info@company.ru");
    let began = tab.eval("performance.now()").as_f64().unwrap();
    assert_eq!(tab.eval(GOT), "[null,{}]");
    let waited = Duration::from_millis((tab.eval("performance.now()").as_f64().unwrap() - began) as u64);
    assert!(waited < Duration::from_secs(4), "{waited:?}");
    assert_eq!(tab.eval(TEXT), "info@company.ru");
    let failed = tab.events("Network.loadingFailed");
    assert_eq!(failed.iter().filter(|event| event["params"]["canceled"] == true).count(), 1, "{failed:#?}");
}

#[test]
fn without_storage_every_page_is_the_first() {
    let shop = Shop::open();
    shop.site.write("contacts.html", CONTACTS);
    let anna = shop.chromium.visitor();
    let tab = anna.tab();
    tab.before(
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('', 'SecurityError') }})",
    );
    let mut shown = Vec::new();
    for _ in 0..2 {
        tab.go("https://company.ru/contacts.html");
        tab.until(SHOWN);
        shown.push(tab.eval(TEXT));
    }
    // The cookie is the server's, and knows the visitor.
    assert_eq!(shown, vec![Value::String(format!("info+{}@company.ru", anna.token())); 2]);
    assert_eq!(tab.posted().len(), 2);
    assert_eq!(tab.complaints(), Vec::<String>::new());
}

#[test]
fn against_a_script_that_writes_the_address_back_the_page_lives_on() {
    let shop = Shop::open();
    let back = "<script>new MutationObserver(() => { if (address.textContent != 'info@company.ru') address.firstChild.nodeValue \
                = 'info@company.ru' }).observe(document, {subtree: true, characterData: true})</script>";
    shop.site.write("contacts.html", &format!("{CONTACTS}{back}"));
    let tab = shop.chromium.visitor().open("https://company.ru/contacts.html");
    tab.eval(GOT);
    assert_eq!(tab.eval(TEXT), "info@company.ru");
}
