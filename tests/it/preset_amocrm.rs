//! The preset `amocrm`, against an account that behaves as the documentation of amoCRM and Kommo and amoCRM's own
//! library say.

use std::{collections::BTreeSet, time::Duration};

use leadmilter::sinks::{Sink, Verdict};
use serde_json::{Value, json};

use crate::{
    http_server::Call,
    preset_house::{
        KEY, Reply, StandIn, attempt, deliver, delivered, open, outcome, pairs, poor, rich, test, told, with, wordy,
    },
};

/// Statistics fields that an account comes with.
const STATISTICS: [&str; 11] = [
    "UTM_SOURCE",
    "UTM_MEDIUM",
    "UTM_CAMPAIGN",
    "UTM_CONTENT",
    "UTM_TERM",
    "YCLID",
    "GCLID",
    "FBCLID",
    "_YM_UID",
    "GCLIENTID",
    "ROISTAT",
];

struct Account {
    fields: BTreeSet<&'static str>,
    /// What came in and was not accepted yet, the newest last.
    unsorted: Vec<Value>,
    /// What every call is answered, once it has done its work.
    fault: Option<u16>,
}

/// Where incoming leads are made, and where they are listed.
const FORMS: &str = "POST /api/v4/leads/unsorted/forms";
const LIST: &str = "GET /api/v4/leads/unsorted";

impl Account {
    fn answer(&mut self, call: &Call) -> Reply {
        if call.header("authorization") != format!("Bearer {KEY}") {
            return problem(401, "Unauthorized", &json!([]));
        }
        let done = match call.place() {
            FORMS => self.add(call.json().unwrap_or_default()),
            LIST => self.list(call),
            "GET /api/v4/account" => hal(&json!({ "id": 31, "subdomain": "company", "currency": "RUB" })),
            _ => problem(404, "Not Found", &json!([])),
        };
        match self.fault {
            None => done,
            Some(status) => problem(status, "Fault", &json!([])),
        }
    }

    fn add(&mut self, given: Value) -> Reply {
        let Value::Array(given) = given else { return invalid("FieldMissing", "data.source_name") };
        for one in &given {
            if let Err((code, path)) = self.check(one) {
                return invalid(code, &path);
            }
            if self.unsorted.iter().any(|known| known["source_uid"] == one["source_uid"]) {
                return problem(400, "Bad Request", &json!([]));
            }
        }
        let made = given.iter().zip(900..).map(|(one, id)| {
            json!({ "uid": format!("uid{id}"), "account_id": 31, "request_id": one["request_id"],
                "_embedded": { "leads": [{ "id": id }], "contacts": [] } })
        });
        let made: Vec<Value> = made.collect();
        self.unsorted.extend(given);
        hal(&json!({ "_total_items": made.len(), "_embedded": { "unsorted": made } }))
    }

    /// Each key has to be known and to have its type, and each custom field has to exist.
    fn check(&self, one: &Value) -> Result<(), (&'static str, String)> {
        let keys = ["request_id", "source_uid", "source_name", "pipeline_id", "created_at", "metadata", "_embedded"];
        known(one, "", &keys)?;
        known(&one["metadata"], "metadata.", &["form_id", "form_name", "form_page", "form_sent_at", "referer"])?;
        known(&one["_embedded"], "_embedded.", &["leads", "contacts"])?;
        let texts = ["/source_uid", "/source_name", "/metadata/form_id", "/metadata/form_name", "/metadata/form_page"];
        let missing = texts.into_iter().find(|pointer| one.pointer(pointer).is_none_or(|value| !is_text(value)));
        let numbers = ["/created_at", "/metadata/form_sent_at"];
        let missing = missing.or(numbers.into_iter().find(|pointer| !one.pointer(pointer).is_some_and(Value::is_i64)));
        if let Some(missing) = missing {
            return Err(("FieldMissing", missing.to_owned()));
        }
        for (entity, codes) in [("leads", &self.fields), ("contacts", &BTreeSet::from(["EMAIL", "PHONE"]))] {
            for (at, made) in list(&one["_embedded"][entity]).enumerate() {
                known(made, &format!("_embedded.{entity}.{at}."), &["name", "price", "custom_fields_values"])?;
                if !is_text(&made["name"]) || made.get("price").is_some_and(|price| !price.is_i64()) {
                    return Err(("InvalidType", format!("_embedded.{entity}.{at}.price")));
                }
                for (field, value) in list(&made["custom_fields_values"]).enumerate() {
                    let path = format!("_embedded.{entity}.{at}.custom_fields_values.{field}");
                    known(value, &path, &["field_code", "values"])?;
                    if !value["field_code"].as_str().is_some_and(|code| codes.contains(code)) {
                        return Err(("NotSupportedChoice", format!("{path}.field_code")));
                    }
                    if !list(&value["values"]).all(|value| is_text(&value["value"])) {
                        return Err(("InvalidType", format!("{path}.values.0.value")));
                    }
                }
            }
        }
        Ok(())
    }

    fn list(&self, call: &Call) -> Reply {
        if call.query() != pairs(&[("filter[category][]", "forms"), ("order[created_at]", "desc"), ("limit", "50")]) {
            return invalid("FieldNotExpected", "filter");
        }
        let newest: Vec<&Value> = self.unsorted.iter().rev().take(50).collect();
        if newest.is_empty() {
            return Reply::new(204, "");
        }
        hal(&json!({ "_page": 1, "_embedded": { "unsorted": newest } }))
    }
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| (1..=256).contains(&text.chars().count()))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn known(object: &Value, path: &str, keys: &[&str]) -> Result<(), (&'static str, String)> {
    let object = object.as_object().ok_or(("FieldMissing", path.to_owned()))?;
    match object.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => Err(("FieldNotExpected", format!("{path}{key}"))),
        None => Ok(()),
    }
}

fn hal(body: &Value) -> Reply {
    Reply::new(200, body).with_header("content-type", "application/hal+json")
}

fn invalid(code: &str, path: &str) -> Reply {
    let errors = json!([{ "code": code, "path": path, "detail": "The value you selected is not a valid choice." }]);
    problem(400, "Bad Request", &json!([{ "request_id": "0", "errors": errors }]))
}

fn problem(status: u16, title: &str, errors: &Value) -> Reply {
    let body = json!({ "validation-errors": errors, "title": title, "status": status,
        "type": format!("https://httpstatus.es/{status}"), "detail": "Request validation failed" });
    Reply::new(status, body).with_header("content-type", "application/problem+json")
}

async fn account() -> (StandIn<Account>, Sink) {
    account_that(&[], &[]).await
}

async fn account_that(lacks: &[&str], settings: &[(&str, &str)]) -> (StandIn<Account>, Sink) {
    let fields = STATISTICS.into_iter().filter(|code| !lacks.contains(code)).collect();
    let account = StandIn::with(Account { fields, unsorted: Vec::new(), fault: None }, Account::answer).await;
    let sink = open("amocrm", &account.url, KEY, settings);
    (account, sink)
}

/// The codes of the statistics fields that a lead came with.
fn codes(unsorted: &Value) -> Vec<&str> {
    let fields = list(&unsorted["_embedded"]["leads"][0]["custom_fields_values"]);
    fields.map(|field| field["field_code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_lead_arrives_with_its_contact_and_its_statistics() {
    let (account, sink) = account_that(&[], &[("pipeline", "3476194")]).await;
    assert_eq!(told(deliver(&sink, &rich()).await), delivered(200));
    let field = |code: &str, value: &str| json!({ "field_code": code, "values": [{ "value": value }] });
    let email = json!({ "value": "ivan@client.example", "enum_code": "WORK" });
    let expected = json!({
        "request_id": "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b34",
        "source_uid": "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b34",
        "source_name": "E-mail: Яндекс Директ",
        "pipeline_id": 3_476_194,
        "created_at": 1_795_321_570,
        "metadata": {
            "form_id": "leadmilter",
            "form_name": "E-mail",
            "form_page": "https://company.ru/contacts",
            "form_sent_at": 1_795_321_570,
            "referer": "https://yandex.ru/",
        },
        "_embedded": {
            "contacts": [{
                "name": "=cmd|' /C calc'!A0 Петров",
                "custom_fields_values": [{ "field_code": "EMAIL", "values": [email] }],
            }],
            "leads": [{
                "name": "Цена на «насосы»\"},{{7*7}}\r\nX: <b>y</b>&key=1",
                "price": 1500,
                "custom_fields_values": [
                    field("UTM_SOURCE", "yandex"),
                    field("UTM_MEDIUM", "cpc"),
                    field("UTM_CAMPAIGN", "pumps-msk"),
                    field("UTM_CONTENT", "ad-17"),
                    field("UTM_TERM", "купить насос"),
                    field("YCLID", "12345678901234567890"),
                    field("GCLID", "Cj0KCQiA-x_y"),
                    field("FBCLID", "IwAR0abc"),
                    field("_YM_UID", "1763744531123456789"),
                    field("GCLIENTID", "1166061800.1763744531"),
                    field("ROISTAT", "1000123"),
                ],
            }],
        },
    });
    assert_eq!(account.inside().unsorted, [expected]);
}

#[tokio::test]
async fn what_is_not_known_of_a_lead_is_left_out() {
    let (account, sink) = account().await;
    assert_eq!(told(deliver(&sink, &poor()).await), delivered(200));
    let expected = json!({
        "request_id": "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2c02",
        "source_uid": "01939f0e-7c1a-7f62-9d1e-5a0d6a1c2c02",
        "source_name": "E-mail",
        "created_at": 1_795_323_600,
        "metadata": {
            "form_id": "leadmilter",
            "form_name": "E-mail",
            "form_page": "mailto:info@company.ru",
            "form_sent_at": 1_795_323_600,
        },
        "_embedded": { "leads": [{ "name": "E-mail: info@company.ru" }] },
    });
    assert_eq!(account.inside().unsorted, [expected]);
}

#[tokio::test]
async fn texts_that_are_too_long_for_amocrm_are_cut_and_click_ids_go_whole_or_not_at_all() {
    let (account, sink) = account().await;
    assert_eq!(told(deliver(&sink, &wordy()).await), delivered(200));
    let lead = with(wordy(), "/data/attribution/click_ids/fbclid", "f".repeat(257));
    let again = Verdict::Again { after: Duration::from_secs(1), note: "without_ids".to_owned() };
    assert_eq!(deliver(&sink, &lead).await.verdict, again);

    let unsorted = account.inside().unsorted[0]["_embedded"].clone();
    let made = &unsorted["leads"][0];
    let names = [&made["name"], &unsorted["contacts"][0]["name"]];
    let fields = list(&made["custom_fields_values"]).take(5).map(|field| &field["values"][0]["value"]);
    let texts = names.into_iter().chain(fields);
    let lengths: Vec<usize> = texts.map(|text| text.as_str().unwrap().chars().count()).collect();
    assert_eq!(lengths, [255; 7]);
}

#[tokio::test]
async fn a_value_in_another_currency_is_left_out() {
    let (account, sink) = account_that(&[], &[("currency", "USD")]).await;
    assert_eq!(told(deliver(&sink, &rich()).await), delivered(200));
    assert_eq!(account.inside().unsorted[0]["_embedded"]["leads"][0].get("price"), None);
}

#[tokio::test]
async fn a_statistics_field_that_the_account_lacks_costs_itself_and_not_the_lead() {
    let utm = &STATISTICS[..5];
    // What the account lacks, the notes on the way, and what the lead still has.
    let rows: [(&str, &[&str], &[&str]); 2] =
        [("_YM_UID", &["without_ids"], utm), ("UTM_TERM", &["without_ids", "without_utm"], &[])];
    for (lacks, notes, kept) in rows {
        let (account, sink) = account_that(&[lacks], &[]).await;
        let mut note = None;
        for expected in notes {
            let answer = attempt(&sink, &rich(), false, note).await;
            let again = Verdict::Again { after: Duration::from_secs(1), note: (*expected).to_owned() };
            assert_eq!((answer.verdict, answer.status), (again, Some(400)), "{lacks}");
            note = Some(*expected);
        }
        assert_eq!(attempt(&sink, &rich(), false, note).await.verdict, Verdict::Delivered, "{lacks}");
        let account = account.inside();
        assert_eq!((codes(&account.unsorted[0]), account.unsorted.len()), (kept.to_vec(), 1), "{lacks}");
    }
}

#[tokio::test]
async fn an_error_means_what_amocrm_says_that_it_means() {
    let retry = |floor: Option<u64>| Verdict::Retry { floor: floor.map(Duration::from_secs) };
    let rows = [
        (400, Verdict::Misconfigured, false),
        (402, Verdict::Misconfigured, false),
        (403, Verdict::Misconfigured, false),
        (429, retry(Some(60)), false),
        (500, retry(None), true),
        (504, retry(None), true),
    ];
    for (status, verdict, doubt) in rows {
        let (account, sink) = account().await;
        account.inside().fault = Some(status);
        let answer = deliver(&sink, &rich()).await;
        assert_eq!((answer.verdict, answer.status, answer.doubt), (verdict, Some(status), doubt), "{status}");
    }
    let (account, _) = account().await;
    let answer = deliver(&open("amocrm", &account.url, "old", &[]), &rich()).await;
    assert_eq!((answer.verdict, answer.status), (Verdict::Misconfigured, Some(401)));
}

#[tokio::test]
async fn a_lead_that_arrived_without_an_answer_is_found_and_not_made_twice() {
    let (account, sink) = account().await;
    // Nothing is there yet, which amoCRM says with 204 and no body.
    assert_eq!(attempt(&sink, &poor(), true, None).await.verdict, Verdict::Delivered);
    account.inside().fault = Some(504);
    assert!(deliver(&sink, &rich()).await.doubt);
    account.inside().fault = None;
    assert_eq!(attempt(&sink, &rich(), true, None).await.verdict, Verdict::Delivered);
    let calls = [LIST, FORMS, FORMS, LIST].map(str::to_owned).to_vec();
    assert_eq!((account.asked(), account.inside().unsorted.len()), (calls, 2));
}

#[tokio::test]
async fn a_lead_is_found_among_all_that_came_in_after_it_and_a_listing_that_breaks_off_finds_nothing() {
    let (account, sink) = account().await;
    assert_eq!(told(deliver(&sink, &rich()).await), delivered(200));
    let padded = |size: usize| json!({ "source_uid": "other", "metadata": { "referer": "r".repeat(size) } });
    account.inside().unsorted.extend(vec![padded(4_000); 49]);
    assert_eq!(attempt(&sink, &rich(), true, None).await.verdict, Verdict::Delivered);
    account.inside().unsorted.push(padded(300_000));
    let answer = attempt(&sink, &rich(), true, None).await;
    assert_eq!((answer.verdict, answer.doubt), (Verdict::Misconfigured, true));
    assert_eq!(account.asked(), [FORMS, LIST, LIST]);
}

#[tokio::test]
async fn a_test_asks_for_the_account_and_makes_no_lead() {
    let (account, sink) = account().await;
    assert_eq!(test(&sink).await, Some(delivered(200)));
    account.inside().fault = Some(403);
    let refused = "receiver answered 403: the receiver does not accept the signature or the call";
    assert_eq!(test(&sink).await, Some(outcome(Verdict::Misconfigured, 403, refused)));
    assert!(account.inside().unsorted.is_empty());
}
