//! The preset `bitrix24`, against a portal that behaves as Bitrix24's documentation of 2026-08 says.

use std::time::Duration;

use leadmilter::sinks::{Sink, Verdict};
use serde_json::{Map, Value, json};

use crate::{
    http_server::Call,
    preset_house::{
        RETRY, Reply, StandIn, attempt, deliver, delivered, open, outcome, poor, rich, test, told, with, wordy,
    },
};

/// Fields of a lead that may be written, with the longest text that they hold.
const FIELDS: [(&str, Option<usize>); 18] = [
    ("title", Some(255)),
    ("name", Some(50)),
    ("lastName", Some(50)),
    ("sourceId", Some(50)),
    ("sourceDescription", None),
    ("comments", None),
    ("assignedById", None),
    ("originatorId", Some(255)),
    ("originId", Some(255)),
    ("opportunity", None),
    ("currencyId", Some(50)),
    ("isManualOpportunity", Some(1)),
    ("utmSource", Some(600)),
    ("utmMedium", Some(600)),
    ("utmCampaign", Some(600)),
    ("utmContent", Some(600)),
    ("utmTerm", Some(600)),
    ("fm", None),
];

/// An error's status, code and description.
type Fault = (u16, &'static str, &'static str);

#[derive(Default)]
struct Portal {
    leads: Vec<Map<String, Value>>,
    /// Names that were sent and that Bitrix24 does not know, so that nobody ever hears of them.
    ignored: Vec<String>,
    /// What every method answers, once it has done its work.
    fault: Option<Fault>,
    /// Whether more was asked of it lately than is allowed; then it does no work.
    is_full: bool,
}

impl Portal {
    fn answer(&mut self, call: &Call) -> Reply {
        let path: Vec<&str> = call.place().split('/').collect();
        let ["POST ", "rest", user, code, method] = path.as_slice() else { return error((404, "", "Not found")) };
        if (*user, *code) != ("7", "s3cr%2Fet") {
            return error((401, "INVALID_CREDENTIALS", "Invalid request credentials"));
        }
        if self.is_full {
            return error((503, "QUERY_LIMIT_EXCEEDED", "Too many requests"));
        }
        let Some(given) = call.json() else { return error((400, "", "Invalid request")) };
        if given["entityTypeId"] != 1 {
            return error((400, "NOT_FOUND", "Смарт-процесс не найден"));
        }
        let done = match *method {
            "crm.item.add" => self.add(&given["fields"]),
            "crm.item.list" => self.list(&given),
            _ => Err((404, "ERROR_METHOD_NOT_FOUND", "Method not found!")),
        };
        match (self.fault, done) {
            (Some(fault), _) | (None, Err(fault)) => error(fault),
            (None, Ok(result)) => Reply::new(200, json!({ "result": result, "time": { "operating": 0.2 } })),
        }
    }

    fn add(&mut self, fields: &Value) -> Result<Value, Fault> {
        const NOT_VALID: Fault = (400, "CRM_FIELD_ERROR_VALUE_NOT_VALID", "Неверное значение поля");
        let mut lead: Map<_, _> = FIELDS.iter().map(|(name, _)| ((*name).to_owned(), Value::Null)).collect();
        for (name, value) in fields.as_object().ok_or(NOT_VALID)? {
            let Some((_, longest)) = FIELDS.iter().find(|(known, _)| known == name) else {
                self.ignored.push(name.clone());
                continue;
            };
            let right = match name.as_str() {
                "opportunity" => value.is_f64() || value.is_i64(),
                "assignedById" => value.is_i64(),
                "sourceId" => value == "EMAIL" || value == "ADVERTISING",
                "fm" if !value.is_array() => {
                    return Err((400, "100", "Expected iterable value for multiple field, but got `string` instead"));
                }
                "fm" => value.as_array().unwrap().iter().all(is_multifield),
                _ => value.as_str().is_some_and(|text| text.chars().count() <= longest.unwrap_or(usize::MAX)),
            };
            if !right {
                return Err(NOT_VALID);
            }
            lead.insert(name.clone(), value.clone());
        }
        let id = self.leads.len() + 340;
        lead.insert("id".to_owned(), id.into());
        self.leads.push(lead.clone());
        Ok(json!({ "item": lead }))
    }

    fn list(&self, given: &Value) -> Result<Value, Fault> {
        let filter = given["filter"].as_object().unwrap();
        if filter.keys().any(|name| !FIELDS.iter().any(|(known, _)| known == name)) {
            return Err((400, "INVALID_ARG_VALUE", "Invalid filter: field is not allowed in filter"));
        }
        let fits = |lead: &&Map<String, Value>| filter.iter().all(|(name, value)| lead.get(name) == Some(value));
        let items: Vec<Value> = self.leads.iter().filter(fits).map(|lead| json!({ "id": lead["id"] })).collect();
        Ok(json!({ "items": items }))
    }
}

fn is_multifield(value: &Value) -> bool {
    let text = |key: &str| value[key].as_str().unwrap_or_default();
    let keys = value.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    keys == ["typeId", "valueType", "value"]
        && text("typeId") == "EMAIL"
        && text("valueType") == "WORK"
        && (1..=250).contains(&text("value").chars().count())
}

fn error((status, code, description): Fault) -> Reply {
    Reply::new(status, json!({ "error": code, "error_description": description }))
}

const SETTINGS: &[(&str, &str)] = &[("user", "7")];

async fn portal() -> (StandIn<Portal>, Sink) {
    portal_with(SETTINGS).await
}

async fn portal_with(settings: &[(&str, &str)]) -> (StandIn<Portal>, Sink) {
    let portal = StandIn::with(Portal::default(), Portal::answer).await;
    let sink = open("bitrix24", &portal.url, "s3cr/et", settings);
    (portal, sink)
}

#[tokio::test]
async fn a_lead_arrives_with_all_that_bitrix24_has_a_field_for() {
    let (portal, sink) = portal_with(&[("user", "7"), ("source", "ADVERTISING"), ("responsible", "12")]).await;
    assert_eq!(told(deliver(&sink, &rich()).await), delivered(200));
    let expected = json!({
        "id": 340,
        "title": "Цена на «насосы»\"},{{7*7}}\r\nX: <b>y</b>&key=1",
        "name": "=cmd|' /C calc'!A0 Петров",
        "lastName": null,
        "sourceId": "ADVERTISING",
        "sourceDescription": "Яндекс Директ\nTo: info+9gdkczyba0@company.ru\n\
            Landing page: https://company.ru/pumps?utm_source=yandex&x=%22\nReferrer: https://yandex.ru/",
        "comments": null,
        "assignedById": 12,
        "originatorId": "leadmilter",
        "originId": "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b34",
        "opportunity": 1500.5,
        "currencyId": "RUB",
        "isManualOpportunity": "Y",
        "utmSource": "yandex",
        "utmMedium": "cpc",
        "utmCampaign": "pumps-msk",
        "utmContent": "ad-17",
        "utmTerm": "купить насос",
        "fm": [{ "typeId": "EMAIL", "valueType": "WORK", "value": "ivan@client.example" }],
    });
    let portal = portal.inside();
    assert_eq!(Value::from(portal.leads[0].clone()), expected);
    assert_eq!((portal.leads.len(), portal.ignored.as_slice()), (1, [].as_slice()));
}

#[tokio::test]
async fn what_is_not_known_of_a_lead_is_left_to_bitrix24() {
    let (portal, sink) = portal().await;
    assert_eq!(told(deliver(&sink, &poor()).await), delivered(200));
    let portal = portal.inside();
    let given: Vec<_> = portal.leads[0].iter().filter(|(_, value)| !value.is_null()).collect();
    let expected = json!({
        "title": "E-mail: info@company.ru",
        "sourceId": "EMAIL",
        "sourceDescription": "To: info@company.ru",
        "originatorId": "leadmilter",
        "originId": "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2c02",
        "id": 340,
    });
    assert_eq!(given, expected.as_object().unwrap().iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn texts_that_are_too_long_for_bitrix24_are_cut_and_an_address_is_left_out() {
    let (portal, sink) = portal().await;
    let event = with(wordy(), "/data/sender/address", format!("{}@client.example", "i".repeat(250)));
    assert_eq!(told(deliver(&sink, &event).await), delivered(200));
    let portal = portal.inside();
    let lengths =
        ["title", "name", "utmSource", "utmTerm"].map(|name| portal.leads[0][name].as_str().unwrap().chars().count());
    assert_eq!((lengths, &portal.leads[0]["fm"]), ([255, 50, 600, 600], &Value::Null));
}

#[tokio::test]
async fn an_error_means_what_bitrix24_says_that_it_means() {
    let retry = |floor: Option<u64>| Verdict::Retry { floor: floor.map(Duration::from_secs) };
    // A fault, its verdict, and whether the lead may be there all the same.
    let rows: [(Fault, Verdict, bool); 8] = [
        ((503, "QUERY_LIMIT_EXCEEDED", "Too many requests"), retry(None), false),
        ((429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit"), retry(Some(600)), false),
        ((500, "INTERNAL_SERVER_ERROR", "Internal server error"), retry(None), true),
        ((401, "OVERLOAD_LIMIT", "REST API is blocked due to overload"), Verdict::Misconfigured, false),
        ((503, "OVERLOAD_LIMIT", "REST API is blocked due to overload"), Verdict::Misconfigured, false),
        ((401, "insufficient_scope", "The request requires higher privileges"), Verdict::Misconfigured, false),
        ((400, "ACCESS_DENIED", "Доступ запрещен"), Verdict::Misconfigured, false),
        ((400, "", "Not found"), Verdict::Misconfigured, false),
    ];
    let (portal, sink) = portal().await;
    for (fault, verdict, doubt) in rows {
        portal.inside().fault = Some(fault);
        let answer = deliver(&sink, &rich()).await;
        assert_eq!((answer.verdict, answer.status, answer.doubt), (verdict, Some(fault.0), doubt), "{fault:?}");
        assert!(answer.answer.unwrap().contains(fault.2), "{fault:?}");
    }
}

#[tokio::test]
async fn a_wrong_code_and_a_source_that_the_crm_lacks_are_for_somebody_to_mend() {
    let (portal, strange) = portal_with(&[("user", "7"), ("source", "FAX")]).await;
    let rows = [(open("bitrix24", &portal.url, "old", SETTINGS), 401), (strange, 400)];
    for (sink, status) in rows {
        let answer = deliver(&sink, &rich()).await;
        assert_eq!((answer.verdict, answer.status, answer.doubt), (Verdict::Misconfigured, Some(status), false));
        assert!(!format!("{:?}", answer.error).contains("old"), "{:?}", answer.error);
    }
    assert!(portal.inside().leads.is_empty());
}

#[tokio::test]
async fn a_full_bucket_holds_the_lead_up_and_loses_nothing() {
    let (portal, sink) = portal().await;
    portal.inside().is_full = true;
    let answer = deliver(&sink, &rich()).await;
    assert_eq!((answer.verdict, answer.doubt), (RETRY, false));
    portal.inside().is_full = false;
    assert_eq!(told(deliver(&sink, &rich()).await), delivered(200));
    assert_eq!(portal.inside().leads.len(), 1);
}

#[tokio::test]
async fn a_lead_that_arrived_without_an_answer_is_found_and_not_made_twice() {
    let (portal, sink) = portal().await;
    portal.inside().fault = Some((500, "INTERNAL_SERVER_ERROR", "Internal server error"));
    assert!(deliver(&sink, &rich()).await.doubt);
    portal.inside().fault = None;
    // Found; not there, so made; and an attempt without doubt asks nothing.
    for (event, doubt) in [(rich(), true), (poor(), true), (poor(), false)] {
        assert_eq!(attempt(&sink, &event, doubt, None).await.verdict, Verdict::Delivered);
    }
    let calls = ["crm.item.add", "crm.item.list", "crm.item.list", "crm.item.add", "crm.item.add"];
    let calls = calls.map(|method| format!("POST /rest/7/s3cr%2Fet/{method}"));
    assert_eq!((portal.asked(), portal.inside().leads.len()), (calls.to_vec(), 3));
}

#[tokio::test]
async fn a_test_looks_for_a_lead_and_makes_none() {
    let (portal, sink) = portal().await;
    assert_eq!(test(&sink).await, Some(delivered(200)));
    portal.inside().fault = Some((401, "insufficient_scope", "The request requires higher privileges"));
    let refused = "receiver answered 401: the receiver does not accept the signature or the call";
    assert_eq!(test(&sink).await, Some(outcome(Verdict::Misconfigured, 401, refused)));
    assert!(portal.inside().leads.is_empty());
}
