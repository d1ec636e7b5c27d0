//! `explain --arrival`: how a visit came, which channel it belongs to, and why.

use serde_json::json;

use crate::{
    command::{Output, run},
    company::{Company, DYNAMIC},
};

/// Two rules beside the UTM values of the company's channels.
const RULES: &str = r#"
[[channel]]
id = "seo"
mailbox = "info@company.ru"

[[arrival]]
channel = "billboard-m11"
landing = "/m11*"
utm_medium = "qr"

[[arrival]]
channel = "seo"
referrer = "search"
"#;

fn told(out: &str) -> Output {
    Output { code: 0, out: out.to_owned(), err: String::new() }
}

#[test]
fn a_visit_is_told_with_what_decided() {
    let company = Company::new("", RULES);
    let page = "https://company.ru/pumps?utm_source=yandex&utm_medium=cpc&utm_campaign=Pumps-MSK&email=a@b.ru&yclid=7";
    let expected = "\
https://company.ru/pumps?utm_source=yandex&utm_medium=cpc&utm_campaign=Pumps-MSK&email=a@b.ru&yclid=7:
source      yandex
medium      cpc
campaign    Pumps-MSK
told by     UTM values of the landing page
click id    yclid 7
landing     https://company.ru/pumps?utm_source=yandex&utm_medium=cpc&utm_campaign=Pumps-MSK
referrer    https://yandex.ru/search
rule        arrival[0] billboard-m11: does not fit: utm_medium \"cpc\" does not fit \"qr\", landing \"/pumps\" does not fit \"/m11*\"
rule        arrival[1] seo: does not fit: referrer \"tagged\" does not fit \"search\"
channel     yandex-direct (utm of channel[1] fits)
";
    let arguments = ["explain", "--arrival", page, "--referrer", "https://yandex.ru/search?text=x"];
    assert_eq!(run(&company, &arguments), told(expected));
    let expected = "\
https://company.ru/:
source      google
medium      organic
told by     the referrer, a search engine
landing     https://company.ru/
referrer    https://www.google.ru/
rule        arrival[0] billboard-m11: does not fit: utm_medium \"organic\" does not fit \"qr\", landing \"/\" does not fit \"/m11*\"
rule        arrival[1] seo: fits: referrer \"search\" fits \"search\"
channel     seo (arrival[1] fits)
";
    let arguments = ["explain", "--arrival", "https://company.ru/", "--referrer", "https://www.google.ru/"];
    assert_eq!(run(&company, &arguments), told(expected));
}

#[test]
fn the_same_is_told_as_json() {
    let company = Company::new("", RULES);
    let page = "https://company.ru/M11?utm_medium=QR&utm_source=&erid=2Vtz";
    let condition = |key: &str, pattern: &str, value: &str| json!({ "condition": key, "pattern": pattern, "values": [value], "met": true });
    let expected = json!({
        "arrival": page,
        "utm": { "source": null, "medium": "QR", "campaign": null, "term": null, "content": null },
        "told_by": "UTM values of the landing page; the source, which is not among them, by click id or referrer",
        "landing_page": "https://company.ru/M11?utm_medium=QR&erid=2Vtz",
        "referrer": null,
        "click_ids": { "erid": "2Vtz" },
        "is_direct": false,
        "channel": "billboard-m11",
        "rule": "arrival[0] fits",
        "rules": [{
            "rule": "arrival[0]",
            "channel": "billboard-m11",
            "fits": true,
            "conditions": [condition("utm_medium", "qr", "QR"), condition("landing", "/m11*", "/M11")],
        }],
    });
    assert_eq!(run(&company, &["explain", "--arrival", page, "--json"]).json(), [expected]);
}

#[test]
fn the_pages_of_a_site_lead_nobody_to_it() {
    let sites = "[http]\npublic = \"127.0.0.1:8880\"\n[[site]]\nkey = \"company\"\n\
                 origins = [\"https://company.ru\", \"https://shop.example\"]\n";
    let company = Company::new("", &format!("{DYNAMIC}{sites}"));
    let source = |page: &str| {
        let arguments = ["explain", "--json", "--arrival", page, "--referrer", "https://shop.example/cart"];
        run(&company, &arguments).json()[0]["utm"]["source"].clone()
    };
    assert_eq!(source("https://company.ru/pumps?x=1"), "(direct)");
    assert_eq!(source("https://other.example/"), "shop.example");
}

#[test]
fn garbage_is_a_visit_of_which_nothing_is_known() {
    let company = Company::new("", "");
    let expected = "\
\u{fffd}[31m:
source      (direct)
medium      (none)
told by     neither landing page nor referrer say anything
channel     none (no [[arrival]] fits, and no channel has such utm)
";
    assert_eq!(run(&company, &["explain", "--arrival", "\u{1b}[31m", "--referrer", "://"]), told(expected));
}

#[test]
fn a_visit_is_explained_alone() {
    let company = Company::new("", "");
    for arguments in [
        &["explain", "--referrer", "https://vk.com/"] as &[_],
        &["explain", "--referrer", "https://vk.com/", "info@company.ru"],
        &["explain", "--arrival", "https://company.ru/", "info@company.ru"],
        &["explain", "--arrival", "https://company.ru/", "--message", "-"],
        &["explain", "--arrival", "https://company.ru/", "--recipient", "info@company.ru"],
        &["explain", "--arrival"],
    ] {
        assert_eq!(run(&company, arguments).code, 64, "{arguments:?}");
    }
}
