//! The preset `calltouch`, against a server that behaves as Calltouch's help on sending requests says.

use leadmilter::sinks::{Sink, Verdict};
use serde_json::json;

use crate::{
    http_server::Call,
    preset_house::{
        RETRY, Reply, StandIn, deliver, delivered, open, outcome, pairs, poor, rich, skipped, test, told, value, with,
    },
};

const FIELDS: [&str; 9] =
    ["subject", "requestNumber", "requestUrl", "sessionId", "fio", "phoneNumber", "email", "comment", "tags"];

/// Keeps the form of a request to one site.
fn calltouch(call: &Call) -> Reply {
    if call.place() != "POST /calls-service/RestAPI/requests/52898/register/" {
        return Reply::new(404, json!({ "message": "no such site" }));
    }
    let form = call.form();
    let is_wrong = form.iter().any(|(name, value)| !FIELDS.contains(&name.as_str()) || value.is_empty());
    if is_wrong || !(1..=256).contains(&value(&form, "subject").chars().count()) {
        return Reply::new(400, json!({ "message": "wrong request" }));
    }
    Reply::new(200, json!({ "requestId": 101 })).keeping(json!(form))
}

async fn site(settings: &[(&str, &str)]) -> (StandIn, Sink) {
    let site = StandIn::start(calltouch).await;
    let sink = open("calltouch", &site.url, "", settings);
    (site, sink)
}

const SITE: &[(&str, &str)] = &[("site", "52898")];

#[tokio::test]
async fn a_lead_arrives_with_its_session() {
    let (site, sink) = site(&[("site", "52898"), ("form", "Письмо")]).await;
    assert_eq!(told(deliver(&sink, &rich()).await), delivered(200));
    let expected = json!(pairs(&[
        ("subject", "Письмо"),
        ("requestNumber", "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b34"),
        ("requestUrl", "https://company.ru/contacts"),
        ("sessionId", "987654321987654321"),
        ("fio", "=cmd|' /C calc'!A0 Петров"),
        ("email", "ivan@client.example"),
        (
            "comment",
            "Цена на «насосы»\"},{{7*7}}\r\nX: <b>y</b>&key=1\nЯндекс Директ\nTo: info+9gdkczyba0@company.ru\n\
             Referrer: https://yandex.ru/",
        ),
        ("tags", "pumps,b2b"),
    ]));
    assert_eq!(site.kept(), [expected]);
}

#[tokio::test]
async fn what_is_not_known_of_a_lead_is_left_out() {
    let (site, sink) = site(SITE).await;
    let lead = with(poor(), "/data/attribution/client_ids", json!({ "calltouch": "7" }));
    assert_eq!(told(deliver(&sink, &lead).await), delivered(200));
    let expected = json!(pairs(&[
        ("subject", "E-mail"),
        ("requestNumber", "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2c02"),
        ("sessionId", "7"),
        ("comment", "To: info@company.ru"),
    ]));
    assert_eq!(site.kept(), [expected]);
}

#[tokio::test]
async fn a_lead_without_a_session_and_without_a_sender_is_not_sent() {
    let (site, sink) = site(SITE).await;
    let expected = skipped("neither a session of Calltouch nor the sender's address");
    assert_eq!(told(deliver(&sink, &poor()).await), expected);
    assert_eq!(site.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn the_status_decides() {
    let refused = |status: u16, remark: &str| {
        outcome(Verdict::Misconfigured, status, &format!("receiver answered {status}{remark}"))
    };
    let rows = [
        (400, refused(400, "")),
        (403, refused(403, ": the receiver does not accept the signature or the call")),
        (429, outcome(RETRY, 429, "receiver answered 429")),
        (503, outcome(RETRY, 503, "receiver answered 503")),
    ];
    for (status, expected) in rows {
        let site = StandIn::start(move |_| Reply::new(status, json!({ "message": "fault" }))).await;
        assert_eq!(told(deliver(&open("calltouch", &site.url, "", SITE), &rich()).await), expected);
    }
}

#[tokio::test]
async fn a_strange_site_is_for_somebody_to_mend_and_no_test_is_known() {
    let (_site, sink) = site(&[("site", "1")]).await;
    let expected = outcome(Verdict::Misconfigured, 404, "receiver answered 404: nothing takes events at this address");
    assert_eq!(told(deliver(&sink, &rich()).await), expected);
    assert_eq!(test(&sink).await, None);
}
