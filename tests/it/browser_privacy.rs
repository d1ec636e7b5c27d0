//! What leaves the browsers of those who have not agreed, who refuse, or who are no people at all.

use serde_json::{Value, json};

use crate::{
    chromium::{Tab, Visitor},
    shop::{CONTACTS, SHOWN, Shop, TEXT, asked},
};

/// The page of an ad that carries the id of a click.
const AD: &str = "https://company.ru/contacts.html?utm_source=yandex&utm_medium=cpc&utm_campaign=pumps-msk&utm_id=7&yclid=17&erid=2Vtz";

const PAGE: &str = "https://company.ru/contacts.html";

/// A page that waits until somebody says whether the visitor agrees.
fn waiting() -> String {
    CONTACTS.replace("<script", "<script data-consent=wait")
}

/// What a browser has kept of the site, beside what others keep there.
fn kept(visitor: &Visitor<'_>, tab: &Tab<'_>) -> Value {
    json!([tab.eval("Object.keys(localStorage)"), tab.eval("Object.keys(sessionStorage)"), visitor.cookie("lm")])
}

#[test]
fn who_has_not_agreed_is_asked_nothing_until_then() {
    let shop = Shop::open();
    shop.site.write("contacts.html", &waiting());
    let anna = shop.chromium.visitor();
    let tab = anna.open(AD);
    assert_eq!(tab.eval("[document.readyState, typeof lm.state]"), json!(["complete", "function"]));
    assert_eq!((tab.eval(TEXT), kept(&anna, &tab)), (json!("info@company.ru"), json!([[], [], null])));
    assert_eq!(tab.posted(), Vec::<Value>::new());

    tab.eval("lm('grant', {ads: 'denied'})");
    tab.until(SHOWN);
    assert_eq!(tab.eval(TEXT), format!("info+{}@company.ru", anna.token()));
    let granted = json!({"consent": {"analytics": "granted", "ads": "denied"}});
    assert_eq!(tab.posted(), [json!(["POST", "/_m/v1/visit", asked(AD, PAGE, granted)])]);
    assert_eq!(tab.complaints(), Vec::<String>::new());
}

/// What is asked of somebody who wants to leave no trace: that there was a click, and not which.
fn anonymous(consent: Value) -> Value {
    let landing = "https://company.ru/contacts.html?utm_source=yandex&utm_medium=cpc&utm_campaign=pumps-msk&utm_id=7&yclid=x&erid=x";
    asked(landing, PAGE, consent)
}

#[test]
fn who_refuses_is_shown_the_channel_and_leaves_no_trace() {
    let shop = Shop::open();
    let queue = "<script>window.lm = function () { (lm.q = lm.q || []).push(arguments) }; lm('deny')</script>";
    shop.site.write("contacts.html", &waiting());
    shop.site.write("early.html", &format!("{queue}{}", waiting()));
    let asked = anonymous(json!({"consent": {"analytics": "denied"}}));
    let anna = shop.chromium.visitor();
    let tab = anna.open("https://company.ru/pumps.html");
    tab.eval("document.cookie = '_ga=GA1.1.1166061800.1763744531'");
    tab.go(AD);
    tab.eval("lm('deny')");
    tab.until(SHOWN);
    assert_eq!(tab.posted(), [json!(["POST", "/_m/v1/visit", asked])]);
    assert_eq!((tab.eval(TEXT), kept(&anna, &tab)), (json!("info+yd@company.ru"), json!([[], [], null])));

    let early = anna.open(&AD.replace("contacts", "early"));
    early.until(SHOWN);
    let body = serde_json::from_str::<Value>(&asked.to_string().replace("contacts", "early")).unwrap();
    assert_eq!(early.posted(), [json!(["POST", "/_m/v1/visit", body])]);
    let refused = [("visits_static", 2), ("visits_consent", 2)].map(|(name, count)| (name.to_owned(), count));
    assert_eq!(shop.counters(), refused);

    // Who refuses while the answer is on its way.
    shop.site.write("late.html", CONTACTS);
    let hasty = shop.chromium.visitor().tab();
    let refuses =
        "const real = fetch; window.fetch = async (...of) => { const got = await real(...of); lm('deny'); return got }";
    hasty.before(refuses);
    hasty.go("https://company.ru/late.html");
    assert_eq!(
        hasty.eval(&format!("new Promise((done) => lm('get', (visitor) => done([visitor, {TEXT}])))")),
        json!([null, "info@company.ru"])
    );
    assert_eq!(hasty.eval("Object.keys(localStorage)"), json!([]));

    // Who agreed first, and changed their mind.
    let boris = shop.chromium.visitor();
    let tab = boris.open(AD);
    tab.eval("lm('grant')");
    tab.until(SHOWN);
    assert_eq!(tab.eval("Object.keys(localStorage)"), json!(["lm"]));
    assert!(boris.cookie("lm").is_some());
    tab.eval("lm('deny')");
    assert_eq!(tab.eval("Object.keys(localStorage)"), json!([]));
    tab.go(AD);
    tab.eval("lm('deny')");
    tab.until(SHOWN);
    assert_eq!((tab.eval(TEXT), kept(&boris, &tab)), (json!("info+yd@company.ru"), json!([[], [], null])));
    assert_eq!(tab.complaints(), Vec::<String>::new());
}

#[test]
fn global_privacy_control_and_do_not_track_are_obeyed() {
    let shop = Shop::open();
    shop.site.write("contacts.html", CONTACTS);
    for (header, property, value) in [("Sec-GPC", "globalPrivacyControl", "true"), ("DNT", "doNotTrack", "'1'")] {
        let anna = shop.chromium.visitor();
        let tab = anna.tab();
        tab.call("Network.setExtraHTTPHeaders", json!({"headers": {header: "1"}}));
        tab.before(&format!("Object.defineProperty(Navigator.prototype, '{property}', {{get: () => {value}}})"));
        tab.go(AD);
        tab.until(SHOWN);
        assert_eq!(tab.posted(), [json!(["POST", "/_m/v1/visit", anonymous(json!({}))])], "{header}");
        let kept = kept(&anna, &tab);
        assert_eq!((tab.eval(TEXT), kept), (json!("info+yd@company.ru"), json!([[], [], null])), "{header}");
        // With another page comes another request, for nothing says that they belong together.
        tab.go(PAGE);
        tab.until("performance.getEntriesByType('resource').some(({name}) => name.endsWith('/v1/visit'))");
        assert_eq!(tab.posted()[1][2], asked(PAGE, PAGE, json!({})), "{header}");
        assert_eq!(tab.complaints(), Vec::<String>::new(), "{header}");
    }
}

#[test]
fn a_program_that_drives_a_browser_is_shown_the_page_as_it_is() {
    let shop = Shop::open();
    shop.site.write("contacts.html", CONTACTS);
    let robot = shop.chromium.visitor();
    let tab = robot.tab();
    tab.call("Emulation.setAutomationOverride", json!({"enabled": true}));
    tab.go(AD);
    let got = tab.eval("new Promise((done) => lm('get', (...got) => done(JSON.stringify(got))))");
    assert_eq!(got, "[null,{}]");
    assert_eq!((tab.eval(TEXT), kept(&robot, &tab)), (json!("info@company.ru"), json!([[], [], null])));
    assert_eq!(tab.posted(), Vec::<Value>::new());
    assert_eq!(tab.complaints(), Vec::<String>::new());
}
