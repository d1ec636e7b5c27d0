//! What `?lm_debug` shows a web master.

use serde_json::{Value, json};

use crate::{
    chromium::Tab,
    nginx::TAG,
    shop::{SHOWN, Shop},
};

/// One place of each kind, in which an address may stand.
const PLACES: &str = r#"<p id=address>info@company.ru</p>
<p class="footer small"><a href="mailto:info@company.ru">info@company.ru</a>, other@company.ru, my.info@company.ru</p>
<p id=split>info<b>@company.ru</b></p><p id=named data-lm="info@company.ru">info<b>@company.ru</b></p>
<p data-lm=off>info@company.ru</p><p contenteditable>info@company.ru</p><img alt="info@company.ru">
<a id=form href="/form?to=info@company.ru">form</a><p>none@company.ru</p>
<script type="application/ld+json">{"email": "info@company.ru"}</script>
<div id=host></div><script>host.attachShadow({mode: 'open'}).innerHTML = '<i>info@company.ru</i>'</script>"#;

/// The overlay's lines: what holds for the page, and the cells of its table.
fn overlay(tab: &Tab<'_>) -> Value {
    tab.eval(
        "(() => { const root = document.querySelector('lm-debug').shadowRoot; const texts = (within, what) => \
         [...within.querySelectorAll(what)].map(({textContent}) => textContent); \
         return [texts(root, 'div'), [...root.querySelectorAll('tbody tr')].map((row) => texts(row, 'td'))] })()",
    )
}

#[test]
fn the_overlay_lists_every_address_its_state_and_the_reason() {
    let shop = Shop::open();
    let tag = TAG.replace("sales@company.ru", "none@company.ru");
    shop.site.write("places.html", &format!("<!doctype html>{tag}<body>{PLACES}</body>"));
    let anna = shop.chromium.visitor();
    let tab =
        anna.open("https://company.ru/places.html?utm_source=yandex&utm_medium=cpc&utm_campaign=pumps-msk&lm_debug");
    tab.until(SHOWN);
    tab.until("document.querySelector('lm-debug')?.shadowRoot.textContent.includes('answered')");
    let own = format!("info+{}@company.ru", anna.token());
    let [coded, info] = [own.replace('+', "%2B"), "info@company.ru".to_owned()];
    let (done, of) = ("substituted", "for info@company.ru");
    let left = "as it is";
    let rows = json!([
        [own, "p#address", done, of],
        [coded, "a [href]", done, of],
        [own, "a", done, of],
        ["other@company.ru", "p.footer.small", "foreign", "not in data-emails"],
        ["my.info@company.ru", "p.footer.small", "foreign", "a longer address than info@company.ru"],
        [info, "p#split", left, "split over several nodes: data-lm=\"info@company.ru\" on their element"],
        [own, "p#named", done, of],
        [info, "p", left, "data-lm=\"off\""],
        [info, "p", left, "can be edited by the visitor"],
        [info, "img [alt]", left, "attribute alt is not written"],
        [info, "a#form [href]", left, "a link, but not mailto:"],
        ["none@company.ru", "p", left, "the server gave none for it"],
        [info, "script", left, "is in a script"],
        [info, "i", left, "in a shadow root: lm('swap', element.shadowRoot)"],
        [info, "script", left, "is in a script"],
    ]);
    let page = "https://company.ru/places.html?utm_source=yandex&utm_medium=cpc&utm_campaign=pumps-msk";
    let told = json!([
        "key: company",
        "data-emails: info@company.ru none@company.ru",
        "state: answered: dynamic, channel yandex-direct",
        format!("landing: {page}"),
        "referrer: ",
    ]);
    assert_eq!(overlay(&tab), json!([told, rows]));
    assert_eq!(tab.complaints(), Vec::<String>::new());
}

#[test]
fn the_overlay_says_why_nothing_happens() {
    let shop = Shop::open();
    let waiting = TAG.replace("<script", "<script data-consent=wait");
    shop.site.write("waiting.html", &format!("<!doctype html>{waiting}<p id=address>info@company.ru</p>"));
    shop.site.write("none.html", &format!("<!doctype html>{TAG}<p>none</p>"));
    let state = |tab: &Tab<'_>| {
        tab.until("!!document.querySelector('lm-debug')");
        overlay(tab)[0][2].clone()
    };
    let anna = shop.chromium.visitor();
    let tab = anna.open("https://company.ru/none.html?lm_debug");
    assert_eq!(state(&tab), "state: nothing was asked: this page shows no listed address");
    let tab = anna.open("https://company.ru/waiting.html?lm_debug");
    assert_eq!(state(&tab), "state: waiting: data-consent, for lm('grant') or lm('deny')");
    tab.eval("lm('deny')");
    let refused =
        "answered: none, channel unknown, because the visitor has not agreed, or the browser asks not to be tracked";
    tab.until(&format!("document.querySelector('lm-debug').shadowRoot.textContent.includes({})", json!(refused)));
    let robot = shop.chromium.visitor().tab();
    robot.call("Emulation.setAutomationOverride", json!({"enabled": true}));
    robot.go("https://company.ru/none.html?lm_debug");
    assert_eq!(state(&robot), "state: nothing is done: a program drives this browser (navigator.webdriver)");
    shop.site.write(
        "other.html",
        &format!("<!doctype html>{}<p>info@company.ru</p>", TAG.replace("\"company\"", "\"shop\"")),
    );
    let tab = anna.open("https://company.ru/other.html?lm_debug");
    tab.until(
        "document.querySelector('lm-debug')?.shadowRoot.textContent.includes('refused: 404 no [[site]] has this key')",
    );
}
