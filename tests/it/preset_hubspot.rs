//! The preset `hubspot` against a server that takes the fields of one form, as HubSpot's documentation says.

use std::time::Duration;

use leadmilter::sinks::{Sink, Verdict};
use serde_json::{Value, json};

use crate::{
    http_server::Call,
    preset_house::{
        KEY, RETRY, Reply, StandIn, attempt, deliver, delivered, open, outcome, poor, rich, skipped, test, told, with,
    },
};

const FORM: &str = "78c2891f-ebdd-44c0-bd94-15c012bbbfbf";
const SMALL: &[&str] = &["email", "firstname", "lastname"];
const LARGE: &[&str] = &[
    "email",
    "firstname",
    "lastname",
    "message",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "lead_channel",
];

/// A form with these fields, of which these are required.
fn hubspot(fields: &'static [&'static str], required: &'static [&'static str]) -> impl Fn(&Call) -> Reply {
    move |call| {
        if call.place() != format!("POST /submissions/v3/integration/submit/62515/{FORM}") {
            return Reply::new(404, "");
        }
        let submission = call.json().unwrap();
        let mut faults = Vec::new();
        let mut fault = |place: &str, kind: &str, what: &str| {
            faults.push(json!({ "message": format!("Error in '{place}'. {what}"), "errorType": kind }));
        };
        let sent = submission["fields"].as_array().unwrap();
        for field in sent {
            assert_eq!((field.as_object().unwrap().len(), &field["objectTypeId"]), (3, &json!("0-1")));
            let name = field["name"].as_str().unwrap();
            if !fields.contains(&name) {
                fault(&format!("fields.{name}"), "FIELD_NOT_IN_FORM_DEFINITION", "No such field");
            }
            let value = field["value"].as_str().unwrap();
            if name == "email" && !value.ends_with(".example") {
                fault("fields.email", "INVALID_EMAIL", "Invalid email address");
            }
        }
        for name in required.iter().filter(|name| !sent.iter().any(|field| field["name"] == **name)) {
            fault(&format!("fields.{name}"), "REQUIRED_FIELD", "Required field is missing");
        }
        let hutk =
            submission["context"].get("hutk").and_then(Value::as_str).unwrap_or("60c2ccdfe4892f0fa0593940b12c11aa");
        if hutk.len() != 32 {
            fault("context.hutk", "INVALID_HUTK", "No such cookie");
        }
        if submission["submittedAt"].as_str().is_none_or(|millis| millis.len() != 13) {
            fault("submittedAt", "INVALID_METADATA", "Milliseconds, as text");
        }
        if faults.is_empty() {
            return Reply::new(200, json!({ "inlineMessage": "Thanks." })).keeping(submission);
        }
        let message = "The request is not valid";
        Reply::new(400, json!({ "status": "error", "message": message, "correlationId": "1", "errors": faults }))
    }
}

fn sink(url: &str, settings: &[(&str, &str)]) -> Sink {
    let settings = [&[("portal", "62515"), ("form", FORM)], settings].concat();
    open("hubspot", url, KEY, &settings)
}

fn field(name: &str, value: &str) -> Value {
    json!({ "objectTypeId": "0-1", "name": name, "value": value })
}

#[tokio::test]
async fn by_default_only_fields_go_out_that_every_form_has() {
    let hubspot = StandIn::start(hubspot(SMALL, &["email"])).await;
    assert_eq!(told(deliver(&sink(&hubspot.url, &[]), &rich()).await), delivered(200));
    let expected = json!({
        "submittedAt": "1795321570344",
        "fields": [field("email", "ivan@client.example"), field("firstname", "=cmd|' /C calc'!A0"), field("lastname", "Петров")],
        "context": { "hutk": "60c2ccdfe4892f0fa0593940b12c11aa", "pageUri": "https://company.ru/contacts" },
    });
    assert_eq!(hubspot.kept(), [expected]);
}

#[tokio::test]
async fn a_form_that_has_them_gets_subject_and_campaign_too() {
    let hubspot = StandIn::start(hubspot(LARGE, &["email"])).await;
    let settings = [("more", "yes"), ("subscription", "999"), ("legal_text", "Написал сам")];
    assert_eq!(told(deliver(&sink(&hubspot.url, &settings), &rich()).await), delivered(200));
    let expected = json!({
        "submittedAt": "1795321570344",
        "fields": [
            field("email", "ivan@client.example"),
            field("firstname", "=cmd|' /C calc'!A0"),
            field("lastname", "Петров"),
            field("message", "Цена на «насосы»\"},{{7*7}}\r\nX: <b>y</b>&key=1"),
            field("utm_source", "yandex"),
            field("utm_medium", "cpc"),
            field("utm_campaign", "pumps-msk"),
            field("utm_term", "купить насос"),
            field("utm_content", "ad-17"),
            field("lead_channel", "Яндекс Директ"),
        ],
        "context": { "hutk": "60c2ccdfe4892f0fa0593940b12c11aa", "pageUri": "https://company.ru/contacts" },
        "legalConsentOptions": {
            "legitimateInterest": {
                "value": true, "subscriptionTypeId": 999, "legalBasis": "LEAD", "text": "Написал сам",
            },
        },
    });
    assert_eq!(hubspot.kept(), [expected]);
}

#[tokio::test]
async fn a_lead_with_an_address_alone_is_a_submission() {
    let hubspot = StandIn::start(hubspot(LARGE, &["email"])).await;
    let lead = with(poor(), "/data/sender/address", json!("ivan@client.example"));
    assert_eq!(told(deliver(&sink(&hubspot.url, &[("more", "yes")]), &lead).await), delivered(200));
    let expected = json!({ "submittedAt": "1795323600000", "fields": [field("email", "ivan@client.example")] });
    assert_eq!(hubspot.kept(), [expected]);
}

#[tokio::test]
async fn a_lead_without_an_address_is_not_sent() {
    let hubspot = StandIn::start(hubspot(LARGE, &[])).await;
    let expected = skipped("HubSpot makes no contact without an address");
    assert_eq!(told(deliver(&sink(&hubspot.url, &[]), &poor()).await), expected);
    assert_eq!(hubspot.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_cookie_that_hubspot_does_not_know_does_not_cost_the_lead() {
    let hubspot = StandIn::start(hubspot(SMALL, &[])).await;
    let sink = sink(&hubspot.url, &[]);
    let lead = with(rich(), "/data/attribution/client_ids/hubspot", json!("stale"));
    let first = deliver(&sink, &lead).await;
    let again = Verdict::Again { after: Duration::from_secs(1), note: "without context".to_owned() };
    assert_eq!((first.verdict, first.status), (again, Some(400)));
    assert_eq!(told(attempt(&sink, &lead, false, Some("without context")).await), delivered(200));
    let fields =
        [field("email", "ivan@client.example"), field("firstname", "=cmd|' /C calc'!A0"), field("lastname", "Петров")];
    assert_eq!(hubspot.kept(), [json!({ "submittedAt": "1795321570344", "fields": fields })]);
}

#[tokio::test]
async fn what_hubspot_does_not_take_says_who_has_to_act() {
    let bad_address = with(rich(), "/data/sender/address", json!("ivan@client.test"));
    let refused = outcome(Verdict::Refused, 400, "Error in 'fields.email'. Invalid email address");
    let company = outcome(Verdict::Misconfigured, 400, "Error in 'fields.company'. Required field is missing");
    let unknown = "Error in 'fields.utm_content'. No such field; Error in 'fields.lead_channel'. No such field";
    let rows = [
        (SMALL, &[][..], "no", bad_address, refused),
        (SMALL, &["company"], "no", rich(), company),
        (&LARGE[..8], &[], "yes", rich(), outcome(Verdict::Misconfigured, 400, unknown)),
    ];
    for (fields, required, more, lead, expected) in rows {
        let hubspot = StandIn::start(hubspot(fields, required)).await;
        assert_eq!(told(deliver(&sink(&hubspot.url, &[("more", more)]), &lead).await), expected);
        assert_eq!(hubspot.kept(), Vec::<Value>::new());
    }
}

#[tokio::test]
async fn other_answers_of_hubspot() {
    let rows = [
        (404, outcome(Verdict::Misconfigured, 404, "HubSpot has no such account or form")),
        (429, outcome(RETRY, 429, "receiver answered 429")),
        (502, outcome(RETRY, 502, "receiver answered 502")),
    ];
    for (status, expected) in rows {
        let hubspot = StandIn::start(move |_| Reply::new(status, "")).await;
        assert_eq!(told(deliver(&sink(&hubspot.url, &[]), &rich()).await), expected);
    }
}

#[tokio::test]
async fn there_is_nothing_harmless_to_ask() {
    let hubspot = StandIn::start(hubspot(SMALL, &[])).await;
    assert_eq!(test(&sink(&hubspot.url, &[])).await, None);
}
