//! The whole product as a visitor of the web site meets it: Chromium, the site's nginx, and the daemon behind `/_m/`.
#![allow(dead_code, reason = "a house of tools: each test takes those it needs")]

use std::cell::RefCell;

use serde_json::{Value, json};

use crate::{
    chromium::{Chromium, Visitor},
    http_house::{SITE, Web},
    nginx::Nginx,
};

/// All of it, which ends in this order.
pub struct Shop {
    pub chromium: Chromium,
    pub site: Nginx,
    daemon: RefCell<Option<Web>>,
}

impl Shop {
    /// Opens it.
    pub fn open() -> Self {
        let daemon = Web::open("", SITE);
        let site = Nginx::start(&daemon.public);
        let chromium = Chromium::start(site.port);
        Self { chromium, site, daemon: RefCell::new(Some(daemon)) }
    }

    /// Ends the daemon; gives back where its public door was.
    pub fn close(&self) -> String {
        let web = self.daemon.take().unwrap();
        let public = web.public.clone();
        let (status, log) = web.daemon.terminate();
        assert!(status.success(), "{log}");
        public
    }

    /// The daemon's counters of visits and clicks.
    pub fn counters(&self) -> Vec<(String, u64)> {
        let counters = self.daemon.borrow().as_ref().unwrap().counters();
        counters.into_iter().filter(|(name, _)| name.starts_with("visits") || name.starts_with("clicks")).collect()
    }
}

impl Visitor<'_> {
    /// The token in the site's cookie.
    pub fn token(&self) -> String {
        self.cookie("lm").unwrap()["value"].as_str().unwrap().to_owned()
    }
}

/// A page with one address.
pub const CONTACTS: &str = concat!(
    "<!doctype html><title>Contacts</title>",
    r#"<script async src="/_m/s.js" data-key="company" data-emails="info@company.ru sales@company.ru"></script>"#,
    "<p id=address>info@company.ru</p>"
);

/// That address, as it is shown.
pub const TEXT: &str = "address.textContent";

/// Whether it is shown as a substitute.
pub const SHOWN: &str = "address.textContent != 'info@company.ru'";

/// What the snippet asks on a page, of a visit that began on another, with what goes with it beside.
pub fn asked(landing: &str, page: &str, more: Value) -> Value {
    let mut body = json!({
        "key": "company",
        "landing": landing,
        "referrer": "",
        "page": page,
        "addresses": ["info@company.ru", "sales@company.ru"],
        "client": {},
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// What it tells of a click.
pub fn clicked(visitor: &str, address: &str) -> Value {
    json!({"key": "company", "visitor": visitor, "address": address})
}
