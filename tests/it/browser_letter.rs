//! The whole way: an advertisement, pages in a real browser, the address that it shows, a letter to it through Postfix, and
//! the event that tells of that visit.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    chromium::{Chromium, Visitor},
    company::DYNAMIC,
    delivered::{received, settled, trace},
    http_house::{SITE, port},
    nginx::{Nginx, TAG},
    scene::{Scene, Setup},
    shop::{CONTACTS, SHOWN},
    told::{Told, assert_same, expected, letter},
};

const AD: &str = "https://company.ru/pumps.html?utm_source=yandex&utm_medium=cpc&utm_campaign=pumps-msk&utm_term=\
                  %D0%BD%D0%B0%D1%81%D0%BE%D1%81&utm_content=ad-17&yclid=1234567890123456789&phone=74951234567";

/// The address that this visitor's browser hands to a mail program, after an advertisement and two pages.
fn shown(visitor: &Visitor<'_>, ad: bool) -> String {
    let tab = visitor.open("https://yandex.ru/search.html?text=pumps");
    if ad {
        tab.loads(|| tab.click("#ad"));
        // What Google, Yandex and Roistat have set before.
        tab.eval("document.cookie = '_ga=GA1.1.1166061800.1763744531'");
        tab.eval("document.cookie = '_ga_AB12=GS2.1.s1763744531$o1$g0$t1763744531$j60$l0$h0'");
        tab.eval("document.cookie = '_ym_uid=1763744531123456789'; document.cookie = 'roistat_visit=123'");
    }
    tab.go("https://company.ru/contacts.html?session=secret");
    tab.until(SHOWN);
    let link = tab.eval("decodeURIComponent(mail.href)").as_str().unwrap().to_owned();
    assert_eq!(tab.eval("mail.textContent"), link.strip_prefix("mailto:").unwrap());
    link.strip_prefix("mailto:").unwrap().to_owned()
}

/// The event of the letter `number` to this address of a visit, with `VISIT` in the places of its moment.
fn told_of(sequence: u32, number: u32, address: &str, channel: Value, visit: Value) -> Value {
    let token = &address["info+".len()..address.len() - "@company.ru".len()];
    let mut event = expected(sequence, number, &["info+yd@company.ru"]);
    event["subject"] = json!(address);
    event["partitionkey"] = json!(token);
    let lead = &mut event["data"];
    lead["recipient"] = json!({
        "substitute": address, "real": "info@company.ru", "kind": "dynamic", "pattern": "plus", "token": token,
    });
    let mut touch = json!({"at": "VISIT", "substitute": address, "channel": channel["id"]});
    for name in ["source", "medium", "campaign", "term", "content", "landing_page", "referrer"] {
        touch[name] = visit[name].clone();
    }
    let mut attribution = json!({
        "status": "exact", "confidence": "exact", "age_seconds": "AGE", "touches": [touch], "campaign_id": null,
        "visit_at": "VISIT", "issued_at": "VISIT", "custom": {},
    });
    for (name, value) in visit.as_object().unwrap() {
        attribution[name] = value.clone();
    }
    lead["channel"] = channel;
    lead["attribution"] = attribution;
    event
}

/// The event with words in the places of the visit's moment and its age, if they are right: the visit began after `began`
/// and before the letter came.
fn with_visit(told: &Told, began: Timestamp) -> Value {
    let mut body = told.body.clone();
    let attribution = &mut body["data"]["attribution"];
    let at = attribution["visit_at"].clone();
    let visit: Timestamp = at.as_str().unwrap().parse().unwrap();
    let letter: Timestamp = told.time.parse().unwrap();
    assert!(began <= visit && visit <= letter, "{began} {visit} {letter}");
    let age = (letter.as_millisecond() - visit.as_millisecond()) / 1000;
    assert_eq!(attribution["age_seconds"], age);
    attribution["age_seconds"] = json!("AGE");
    for moment in ["/visit_at", "/issued_at", "/touches/0/at"] {
        if let Some(found) = attribution.pointer_mut(moment).filter(|found| **found == at) {
            *found = json!("VISIT");
        }
    }
    body
}

#[test]
fn a_letter_to_the_address_that_a_browser_shows_is_attributed_to_its_visit() {
    let addresses = format!("{DYNAMIC}[http]\npublic = \"127.0.0.1:0\"\n{SITE}");
    let mut scene = Scene::set(Setup { addresses: &addresses, ..Setup::default() });
    let site = Nginx::start(&port(scene.daemon(), "public"));
    site.write_elsewhere("search.html", &format!("<!doctype html><a id=ad href='{AD}'>Pumps</a>"));
    site.write("pumps.html", TAG);
    site.write("contacts.html", &format!("{CONTACTS}<a id=mail href=mailto:info@company.ru>info@company.ru</a>"));
    let chromium = Chromium::start(site.port);
    let began = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap();
    let [anna, boris] = [true, false].map(|ad| shown(&chromium.visitor(), ad));
    assert_ne!(anna, boris);

    let mut sent = Vec::new();
    for (number, address) in [(1, &anna), (2, &boris)] {
        let sender = format!("<c{number}@client.example>");
        sent.push(scene.send(&sender, &[&format!("<{address}>")], &letter(number)));
        let told = scene.told();
        let expected = if number == 1 {
            told_of(
                1,
                1,
                address,
                json!({"id": "yandex-direct", "name": "Яндекс Директ"}),
                json!({
                    "source": "yandex", "medium": "cpc", "campaign": "pumps-msk", "term": "насос", "content": "ad-17",
                    "landing_page": "https://company.ru/pumps.html?utm_source=yandex&utm_medium=cpc&utm_campaign=pumps-msk\
                                     &utm_term=%D0%BD%D0%B0%D1%81%D0%BE%D1%81&utm_content=ad-17",
                    "referrer": "https://yandex.ru/",
                    "page": "https://company.ru/contacts.html",
                    "click_ids": {"yclid": "1234567890123456789"},
                    "client_ids": {
                        "ga": "1166061800.1763744531", "ga_session": "1763744531", "ym": "1763744531123456789",
                        "roistat": "123",
                    },
                    "consent": null,
                }),
            )
        } else {
            told_of(
                2,
                2,
                address,
                json!(null),
                json!({
                    "source": "(direct)", "medium": "(none)", "campaign": null, "term": null, "content": null,
                    "landing_page": "https://company.ru/contacts.html", "referrer": null,
                    "page": "https://company.ru/contacts.html", "click_ids": {}, "client_ids": {}, "consent": null,
                }),
            )
        };
        assert_same(&with_visit(&told, began), &expected, address);
        let mails = scene.postfix.mails("info@company.ru", sent.len());
        let channel = "X-Lead-Channel: yandex-direct\n";
        let utm = "X-Lead-UTM-Source: yandex\nX-Lead-UTM-Medium: cpc\nX-Lead-UTM-Campaign: pumps-msk\n\
                   X-Lead-UTM-Term: =?UTF-8?B?0L3QsNGB0L7RgQ==?=\nX-Lead-UTM-Content: ad-17\n\
                   X-Lead-Client-Id: 1166061800.1763744531\n";
        let direct = "X-Lead-UTM-Source: (direct)\nX-Lead-UTM-Medium: (none)\n";
        let (channel, utm) = if number == 1 { (channel, utm) } else { ("", direct) };
        let headers = format!(
            "X-Lead-Id: LEAD\n{channel}X-Lead-Substitute: {address}\nX-Lead-Status: exact\nX-Lead-Unique: new\n{utm}"
        );
        let letter = String::from_utf8(letter(number)).unwrap();
        let whole =
            [trace(sender.trim_matches(['<', '>']), address, address), headers, received(Some(address)), letter];
        assert_eq!(settled(mails.last().unwrap(), sent.last().unwrap(), &told.id), whole.concat());
    }
}
