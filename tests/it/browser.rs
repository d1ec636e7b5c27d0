//! What visitors are shown, and what leaves their browsers.

use leadmilter::click::CLICKS;
use serde_json::json;

use crate::{
    nginx::TAG,
    shop::{CONTACTS, SHOWN, Shop, TEXT, asked, clicked},
};

/// A page with an address wherever it may stand. `@` is where it becomes the visitor's.
const PLACES: &str = r#"<p>Write to Info@Company.ru, sales@company.ru or (info@company.ru).</p>
<p>xinfo@company.ru, my.info@company.ru, info@company.ru.example, info@company.ruse, info@company.ru-a.</p>
<p>Пишите:info@company.ru—или info@company.ru. Привет-info@company.ru, инфоinfo@company.ru</p>
<a href="mailto:info@company.ru?subject=Pumps%20for%20info@company.ru&amp;body=1+1">info@company.ru</a>
<a href="MAILTO:info%40company.ru,sales@company.ru">two</a> <a href="https://example.com/?to=info@company.ru">else</a>
<button title="Copy info@company.ru" aria-label="info@company.ru" data-clipboard-text="info@company.ru">copy</button>
<p id="split" data-lm="info@company.ru">info<b>@</b>company<i>.ru</i></p>
<a id="hidden" href="/form" data-lm="sales@company.ru">sales (at) company.ru</a>
<p data-lm="off">info@company.ru <b>info@company.ru</b></p>
<p contenteditable="">info@company.ru</p><p contenteditable="false">info@company.ru</p>
<textarea>info@company.ru</textarea><noscript>info@company.ru</noscript><!-- info@company.ru -->
<script type="application/ld+json">{"email": "info@company.ru"}</script><style>/* info@company.ru */</style>
<svg><text>info@company.ru</text></svg><input value="info@company.ru" placeholder="info@company.ru">"#;

/// The same, as a visitor has to find it.
fn places(token: &str) -> String {
    let shown = r#"<p>Write to info+T@company.ru, sales+T@company.ru or (info+T@company.ru).</p>
<p>xinfo@company.ru, my.info@company.ru, info@company.ru.example, info@company.ruse, info@company.ru-a.</p>
<p>Пишите:info+T@company.ru—или info+T@company.ru. Привет-info@company.ru, инфоinfo@company.ru</p>
<a href="mailto:info%2BT@company.ru?subject=Pumps%20for%20info@company.ru&amp;body=1+1">info+T@company.ru</a>
<a href="MAILTO:info%2BT@company.ru,sales%2BT@company.ru">two</a> <a href="https://example.com/?to=info@company.ru">else</a>
<button title="Copy info+T@company.ru" aria-label="info+T@company.ru" data-clipboard-text="info+T@company.ru">copy</button>
<p id="split" data-lm="info@company.ru">info+T@company.ru<b></b><i></i></p>
<a id="hidden" href="mailto:sales%2BT@company.ru" data-lm="sales@company.ru">sales+T@company.ru</a>
<p data-lm="off">info@company.ru <b>info@company.ru</b></p>
<p contenteditable="">info@company.ru</p><p contenteditable="false">info+T@company.ru</p>
<textarea>info@company.ru</textarea><noscript>info@company.ru</noscript><!-- info@company.ru -->
<script type="application/ld+json">{"email": "info@company.ru"}</script><style>/* info@company.ru */</style>
<svg><text>info+T@company.ru</text></svg><input value="info@company.ru" placeholder="info@company.ru">"#;
    shown.replace("+T", &format!("+{token}")).replace("%2BT", &format!("%2B{token}"))
}

#[test]
fn addresses_are_found_wherever_they_stand_and_nothing_else_is_written() {
    let shop = Shop::open();
    shop.site.write("places.html", &format!("<!doctype html>{TAG}<title>info@company.ru</title><body>{PLACES}</body>"));
    let anna = shop.chromium.visitor();
    let tab = anna.open("https://company.ru/places.html");
    tab.until("document.querySelector('#split').textContent != 'info@company.ru'");
    assert_eq!(tab.eval("document.body.innerHTML").as_str().unwrap().trim_end(), places(&anna.token()));
    assert_eq!(tab.eval("document.title"), "info@company.ru");
    assert_eq!(tab.complaints(), Vec::<String>::new());
}

#[test]
fn the_first_page_of_a_visit_is_told_when_an_address_is_shown_and_nothing_before_or_twice() {
    let shop = Shop::open();
    let ad =
        "https://company.ru/pumps.html?phone=74951234567&utm_source=yandex&utm_medium=cpc&yclid=17#utm_content=ad-1";
    shop.site.write_elsewhere(
        "search.html",
        &format!("<a id=ad href='{ad}'>ad</a> <a id=found href='https://company.ru/contacts.html'>found</a>"),
    );
    // As a router does that knows nothing of campaigns.
    let router = "<script>history.replaceState(null, '', '/pumps.html')</script>";
    shop.site
        .write("pumps.html", &format!("{router}{TAG}<a id=next href='/contacts.html?session=secret'>Contacts</a>"));
    shop.site.write("contacts.html", CONTACTS);
    let anna = shop.chromium.visitor();
    let tab = anna.open("https://yandex.ru/search.html?text=pumps");
    tab.loads(|| tab.click("#ad"));
    assert_eq!(tab.posted(), Vec::<serde_json::Value>::new());
    tab.loads(|| tab.click("#next"));
    tab.until(SHOWN);
    let landing = "https://company.ru/pumps.html?utm_source=yandex&utm_medium=cpc&yclid=17&utm_content=ad-1";
    let page = "https://company.ru/contacts.html";
    let first = asked(landing, page, json!({"referrer": "https://yandex.ru/", "visitor": null}));
    assert_eq!(tab.posted(), [json!(["POST", "/_m/v1/visit", first])]);
    let token = anna.token();
    assert_eq!(tab.eval(TEXT), format!("info+{token}@company.ru"));

    for again in ["https://company.ru/contacts.html", ad, "https://company.ru/contacts.html#form"] {
        tab.go(again);
    }
    tab.go("https://yandex.ru/search.html");
    tab.loads(|| tab.click("#found"));
    assert_eq!(tab.eval(TEXT), format!("info+{token}@company.ru"));
    assert_eq!(tab.posted().len(), 1);

    tab.go("https://company.ru/contacts.html?utm_source=vk");
    tab.until(SHOWN);
    let second = asked("https://company.ru/contacts.html?utm_source=vk", page, json!({"visitor": token}));
    assert_eq!(tab.posted()[1..], [json!(["POST", "/_m/v1/visit", second])]);
    assert_ne!(anna.token(), token);
    let address = tab.eval(TEXT);
    assert_eq!(address, format!("info+{}@company.ru", anna.token()));
    tab.go("https://company.ru/contacts.html");
    assert_eq!((tab.eval(TEXT), tab.posted().len()), (address, 2));

    // Every key that the daemon knows what to do with.
    let mut keys: Vec<&str> = CLICKS.iter().map(|click| click.key).collect();
    keys.extend(["utm_source", "utm_id", "openstat", "_openstat"]);
    let marked = format!("https://company.ru/contacts.html?{}=1", keys.join("=1&"));
    tab.go(&marked);
    tab.until("performance.getEntriesByType('resource').some(({name}) => name.endsWith('/v1/visit'))");
    assert_eq!(tab.posted()[2][2]["landing"], marked);
    assert_eq!(tab.complaints(), Vec::<String>::new());
}

#[test]
fn what_comes_late_is_seen_and_what_visitors_do_is_told() {
    let shop = Shop::open();
    shop.site.write("late.html", &format!("{TAG}<div id=here></div><a id=away href='/pumps.html'>Pumps</a>"));
    shop.site.write("pumps.html", TAG);
    let anna = shop.chromium.visitor();
    let tab = anna.open("https://company.ru/late.html");
    assert_eq!(tab.posted(), Vec::<serde_json::Value>::new());
    // As Cloudflare hides an address, and as its script brings it back.
    tab.eval(
        r#"here.innerHTML = '<p><a href="/cdn-cgi/l/email-protection#5c3532" id=mail>[email&nbsp;protected]</a></p>'"#,
    );
    tab.eval("mail.href = 'mailto:info@company.ru'; mail.firstChild.nodeValue = 'info@company.ru'; 0");
    tab.until("mail.textContent != 'info@company.ru'");
    let token = anna.token();
    let shown = format!("info+{token}@company.ru");
    assert_eq!(
        tab.eval("mail.outerHTML"),
        format!(r#"<a href="mailto:info%2B{token}@company.ru" id="mail">{shown}</a>"#)
    );
    // Written again and again, by parts and as a whole.
    tab.eval("mail.textContent = 'Write: info@company.ru'; mail.title = 'info@company.ru'; 0");
    assert_eq!(tab.eval("mail.textContent + '|' + mail.title"), format!("Write: {shown}|{shown}"));
    tab.eval(r#"here.insertAdjacentHTML('beforeend', '<p id=split data-lm="info@company.ru">info<b> at </b>company.ru</p>')"#);
    assert_eq!(tab.eval("split.innerText"), shown);
    tab.eval("split.lastChild.nodeValue = 'company.ru'; split.firstChild.nodeValue = 'info'; 0");
    assert_eq!(tab.eval("split.innerText"), shown);
    let landing = "https://company.ru/late.html";
    assert_eq!(tab.posted(), [json!(["POST", "/_m/v1/visit", asked(landing, landing, json!({}))])]);

    tab.click("#mail");
    tab.eval("getSelection().selectAllChildren(split); document.execCommand('copy')");
    tab.eval("getSelection().selectAllChildren(away); document.execCommand('copy')");
    tab.eval("document.cookie = '_ga=GA1.1.1166061800.1763744531'");
    tab.eval("document.cookie = '_ga_AB12=GS2.1.s1763744531$o1$g0$t1763744531$j60$l0$h0'");
    tab.eval("document.cookie = '_ym_uid=1763744531123456789'; document.cookie = '_fbp=fb.1.1763744531.17'");
    tab.eval("document.cookie = 'roistat_visit=123'; lm('set', {city: 'Moscow'})");
    tab.loads(|| tab.click("#away"));
    let late = asked(
        landing,
        landing,
        json!({
            "visitor": token,
            "client": {
                "ga": "1166061800.1763744531", "ga_session": "1763744531", "ym": "1763744531123456789",
                "fbp": "fb.1.1763744531.17", "roistat": "123",
            },
            "custom": {"city": "Moscow"},
        }),
    );
    let sent = shop.site.sent(4);
    let first = json!(["/_m/v1/visit", asked(landing, landing, json!({}))]);
    let told: Vec<_> = sent.iter().map(|sent| json!([sent["path"], sent["body"]])).collect();
    let click = json!(["/_m/v1/click", clicked(&token, &shown)]);
    assert_eq!(told, [first, click.clone(), click, json!(["/_m/v1/visit", late])]);
    assert!(sent.iter().all(|sent| sent["type"] == "text/plain;charset=UTF-8"), "{sent:#?}");
    tab.go("https://company.ru/late.html");
    tab.go("https://company.ru/pumps.html");
    assert_eq!(tab.complaints(), Vec::<String>::new());
    assert_eq!(shop.site.sent(4).len(), 4);
}
