//! Pictures of the dashboard, of a made-up company: the same of the same pages, whenever they are taken.
//!
//! `contrib/screenshots/make` keeps them in `contrib/screenshots`. Without it they are taken all the same, and thrown away.

use std::{fs, path::PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::{
    chromium::Tab,
    dashboard_shown::{DAYS, LONGEST_WAY, Manner, Shown, look, upload, visit},
};

/// Octets of a picture at most, as Chromium makes it; pngquant leaves a third of them.
const LARGEST: usize = 250_000;

const DESK: Manner = Manner { width: 1440, height: 900, lang: "en", scheme: "light" };
const PHONE: Manner = Manner { width: 360, height: 780, lang: "en", scheme: "dark" };

/// A week of two advertising systems, as somebody would upload it.
fn costs() -> String {
    let mut text = String::from("date,utm_source,utm_medium,utm_campaign,amount,currency,clicks\n");
    for day in 1..=7 {
        for (place, (source, medium)) in [("yandex", "cpc"), ("google", "cpc"), ("vk", "social")].iter().enumerate() {
            let amount = 1200 + day * 37 + place * 450;
            text += &format!("2026-11-0{day},{source},{medium},{source}-{place},{amount}.50,RUB,{}\n", 20 + day);
        }
    }
    text + "2026-11-07,fair,offline,booth-12,30000,RUB,0\n"
}

/// Takes a picture of what a tab shows.
fn take(tab: &Tab<'_>, name: &str) {
    // Nothing blinks, nothing is on its way.
    tab.eval("document.activeElement.blur(); document.fonts.ready.then(() => true)");
    let shot = tab.call("Page.captureScreenshot", json!({"format": "png"}));
    let png = STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
    assert!(png.starts_with(b"\x89PNG") && png.len() <= LARGEST, "{name} has {} octets", png.len());
    if let Some(folder) = std::env::var_os("LEADMILTER_SCREENSHOTS") {
        fs::write(PathBuf::from(folder).join(format!("{name}.png")), png).unwrap();
    }
}

#[test]
fn pictures_are_taken_and_are_small() {
    let shown = Shown::year();
    let tab = shown.tab();
    // Whole weeks.
    let year = "period=2025-11-03..2026-10-25";
    for (name, manner, path) in [
        ("overview", DESK, format!("/?{DAYS}&compare=previous")),
        ("overview-ru", Manner { lang: "ru", ..DESK }, format!("/?{DAYS}&compare=previous")),
        ("overview-phone", PHONE, format!("/?{DAYS}&compare=previous")),
        ("channels", DESK, format!("/reports/channels?{DAYS}")),
        ("calendar", DESK, format!("/reports/calendar?{year}&by=week&compare=none")),
        ("heatmap", DESK, format!("/reports/heatmap?{year}")),
    ] {
        look(&tab, manner);
        visit(&tab, &path, manner.lang);
        take(&tab, name);
    }
    look(&tab, DESK);
    visit(&tab, "/leads?from=2026-10-26&to=2026-10-31", "en");
    // The one with the longest way, of those who write from a domain that nobody has.
    let story = tab.eval(LONGEST_WAY);
    visit(&tab, story.as_str().unwrap(), "en");
    take(&tab, "lead");
    upload(&tab, &shown.file("november.csv", &costs()));
    take(&tab, "costs");
}
