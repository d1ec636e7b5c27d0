//! The dashboard's pages over the real daemon: in both languages, for every role, with strangers' text in them.

use crate::{
    dashboard_house::{Browser, letter, open, text},
    http_house::{SITE, send},
};

const PAGES: [&str; 5] = ["/leads", "/addresses", "/deliveries", "/settings", "/audit"];

#[test]
fn every_page_is_there_in_both_languages() {
    let web = open(SITE);
    let lead = letter(&web, "\"Anna\" <anna@client.test>", "Price");
    let story = format!("/leads/{}", lead["lead_id"].as_str().unwrap());
    let mut browser = Browser::logged_in(&web, "anna");
    for path in PAGES.into_iter().chain([story.as_str()]) {
        for lang in ["en", "ru"] {
            let page = browser.get(&format!("{path}?lang={lang}"));
            assert_eq!(page.status, 200, "{path} {page:?}");
            println!("{}\n", text(&page));
            assert!(page.body.contains(&format!("<html lang=\"{lang}\">")), "{path}");
        }
    }
    drop(send(&web.admin, "GET / HTTP/1.1\r\n"));
}
