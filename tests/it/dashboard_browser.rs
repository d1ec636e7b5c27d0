//! The dashboard in a real Chromium: people log in by the form, and every page stands on its own at any width, with nothing
//! refused by the policy and nothing to complain of in the console.

use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    chromium::{Chromium, Tab},
    dashboard_house::{PASSWORD, add, letter},
    http_house::{SITE, Web},
};

/// Chromium finds every host at 127.0.0.1.
const DOORS: &str = "admin = \"127.0.0.1:0\"\npublic = \"127.0.0.2:0\"\n";

const HOST: &str = "http://lead.company.ru";

const PAGES: [&str; 14] = [
    "/",
    "/reports/channels",
    "/reports/calendar",
    "/reports/heatmap",
    "/reports/senders",
    "/reports/addresses",
    "/reports/models",
    "/reports/funnel",
    "/costs",
    "/leads",
    "/addresses",
    "/deliveries",
    "/settings",
    "/audit",
];

fn port(web: &Web) -> u16 {
    web.admin.rsplit(':').next().unwrap().parse().unwrap()
}

/// Fills in the form, and waits for the page behind it.
fn log_in(tab: &Tab<'_>, path: &str) {
    tab.go(&format!("{HOST}{path}"));
    tab.eval(&format!(
        "document.querySelector('#name').value = 'anna'; document.querySelector('#password').value = {}",
        json!(PASSWORD)
    ));
    tab.loads(|| tab.click("main button"));
}

fn size(tab: &Tab<'_>, width: u32, is_phone: bool) {
    let metrics = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": is_phone});
    tab.call("Emulation.setDeviceMetricsOverride", metrics);
}

/// For a person to look at: `LEADMILTER_SHOTS=/tmp/shots`.
fn shoot(tab: &Tab<'_>, name: &str) {
    let Some(folder) = std::env::var_os("LEADMILTER_SHOTS") else { return };
    let shot = tab.call("Page.captureScreenshot", json!({"captureBeyondViewport": true}));
    let png = STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
    fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), png).unwrap();
}

#[test]
fn every_page_fits_a_telephone_and_a_desk_and_breaks_no_rule() {
    let web = Web::open(DOORS, SITE);
    add(&web, "anna", "admin");
    let hostile = "=?utf-8?q?<script>alert(1)</script>=E2=80=AE_=3D1+1?=";
    letter(&web, "\"Anna Petrova\" <anna@client.test>", "Pumps");
    letter(&web, &format!("\"{}\" <long@client.test>", "x".repeat(300)), hostile);
    let lead = letter(&web, "boris@other.test", "Цена насоса");
    let story = format!("/leads/{}", lead["lead_id"].as_str().unwrap());
    let chromium = Chromium::start(port(&web));
    let visitor = chromium.visitor();
    let tab = visitor.tab();
    log_in(&tab, "/leads?kind=all");
    assert_eq!(tab.eval("location.pathname + location.search"), "/leads?kind=all");
    for (width, is_phone) in [(360, true), (1440, false)] {
        size(&tab, width, is_phone);
        for lang in ["en", "ru"] {
            for path in PAGES.into_iter().chain([story.as_str(), "/nothing"]) {
                tab.go(&format!("{HOST}{path}?lang={lang}"));
                let place = format!("{path} {lang} {width}");
                shoot(
                    &tab,
                    &place
                        .trim_start_matches('/')
                        .replace(['/', ' '], "-")
                        .replace(lead["lead_id"].as_str().unwrap(), "lead"),
                );
                assert_eq!(tab.eval("document.documentElement.lang"), lang, "{place}");
                let widest = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
                assert_eq!(tab.eval(widest), true, "{place}");
                // Style sheet and script have come, and are followed.
                let edge = tab.eval("getComputedStyle(document.querySelector('.skip')).position");
                assert_eq!(edge, "absolute", "{place}");
            }
        }
    }
    let refused = |text: &&String| !text.contains("404 (Not Found)");
    assert_eq!(tab.complaints().iter().filter(refused).collect::<Vec<_>>(), Vec::<&String>::new());
    let cookie = visitor.cookie("leadmilter").unwrap();
    let of = |name: &str| cookie[name].clone();
    assert_eq!([of("httpOnly"), of("sameSite"), of("path")], [Value::Bool(true), json!("Lax"), json!("/")]);
    tab.go(&format!("{HOST}/leads"));
    tab.loads(|| tab.click("header form button"));
    assert_eq!((tab.eval("location.pathname"), visitor.cookie("leadmilter")), (json!("/login"), None));
}
