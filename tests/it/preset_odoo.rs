//! The preset `odoo` against a server that behaves as Odoo's JSON-2 does, by its documentation and its source.

use leadmilter::sinks::{Sink, Verdict};
use serde_json::{Map, Value, json};

use crate::{
    http_server::Call,
    preset_house::{
        KEY, RETRY, Reply, StandIn, attempt, deliver, delivered, open, outcome, poor, rich, test, told, with,
    },
};

/// Records of one database.
#[derive(Default)]
struct Database {
    /// Model and name of UTM records; the number of one is its place.
    utm: Vec<(String, String)>,
    leads: Vec<Map<String, Value>>,
}

/// Calls a method by its name with named arguments, as a user who may create leads.
fn odoo(database: Option<&'static str>) -> impl FnMut(&Call) -> Reply + Send {
    let mut records = Database { utm: vec![("utm.source".to_owned(), "Search engine".to_owned())], leads: vec![] };
    move |call| {
        if call.header("authorization") != format!("Bearer {KEY}") {
            return error(401, "werkzeug.exceptions.Unauthorized", "Invalid apikey");
        }
        if call.headers.get("x-odoo-database").map(|name| name.to_str().unwrap()) != database {
            return error(404, "werkzeug.exceptions.NotFound", "no database");
        }
        let Some(Value::Object(arguments)) = call.json() else {
            return error(400, "werkzeug.exceptions.BadRequest", "could not parse the body as json");
        };
        match call.place() {
            "POST /json/2/utm.mixin/find_or_create_record" => find_or_create(&mut records, &arguments),
            "POST /json/2/crm.lead/create" => create(&mut records, &arguments),
            "POST /json/2/crm.lead/search_count" => search_count(&records, &arguments),
            _ => error(404, "werkzeug.exceptions.NotFound", "the model 'crm.lead' does not exist"),
        }
    }
}

fn error(status: u16, name: &str, message: &str) -> Reply {
    let debug = "Traceback (most recent call last):\n";
    let body = json!({ "name": name, "message": message, "arguments": [message], "context": {}, "debug": debug });
    Reply::new(status, body)
}

/// What Python says of arguments that a method does not have, or of some that are missing.
fn unbound(arguments: &Map<String, Value>, names: &[&str]) -> Option<Reply> {
    let common = ["ids", "context"];
    let unknown = arguments.keys().find(|name| ![&common[..], names].concat().contains(&name.as_str()));
    let what = match (unknown, names.iter().find(|name| !arguments.contains_key(**name))) {
        (Some(name), _) => format!("got an unexpected keyword argument '{name}'"),
        (None, Some(name)) => format!("missing a required argument: '{name}'"),
        (None, None) => return None,
    };
    Some(error(422, "werkzeug.exceptions.UnprocessableEntity", &what))
}

fn find_or_create(records: &mut Database, arguments: &Map<String, Value>) -> Reply {
    if let Some(refusal) = unbound(arguments, &["model_name", "name"]) {
        return refusal;
    }
    let wanted = (arguments["model_name"].as_str().unwrap().to_owned(), arguments["name"].as_str().unwrap().to_owned());
    assert!(["utm.source", "utm.medium", "utm.campaign"].contains(&wanted.0.as_str()), "{wanted:?}");
    let same = |known: &(String, String)| known.0 == wanted.0 && known.1.to_lowercase() == wanted.1.to_lowercase();
    let place = records.utm.iter().position(same).unwrap_or_else(|| {
        records.utm.push(wanted.clone());
        records.utm.len() - 1
    });
    Reply::new(200, json!({ "id": place + 1, "name": records.utm[place].1 }))
}

fn create(records: &mut Database, arguments: &Map<String, Value>) -> Reply {
    if let Some(refusal) = unbound(arguments, &["vals_list"]) {
        return refusal;
    }
    let mut ids = Vec::new();
    for values in arguments["vals_list"].as_array().unwrap() {
        let values = values.as_object().unwrap().clone();
        for (name, value) in &values {
            let fits = match name.as_str() {
                "name" | "contact_name" | "email_from" | "referred" | "description" => value.is_string(),
                "type" => value == "lead" || value == "opportunity",
                "source_id" | "medium_id" | "campaign_id" | "team_id" => value.is_u64(),
                "user_id" => value.is_u64() || value == false,
                _ => false,
            };
            if !fits {
                return error(500, "ValueError", &format!("Invalid field {name:?} on 'crm.lead'"));
            }
        }
        if values["name"] == "forbidden" {
            return error(422, "odoo.exceptions.ValidationError", "No such names here");
        }
        records.leads.push(values);
        ids.push(records.leads.len() + 40);
    }
    Reply::new(200, json!(ids)).keeping(arguments["vals_list"][0].clone())
}

fn search_count(records: &Database, arguments: &Map<String, Value>) -> Reply {
    if let Some(refusal) = unbound(arguments, &["domain"]) {
        return refusal;
    }
    let count = match arguments["domain"].as_array().unwrap().as_slice() {
        [term] if term[0] == "id" && term[1] == "=" => 0,
        [term] if term[0] == "description" && term[1] == "like" => {
            assert_eq!(arguments["context"], json!({ "active_test": false }));
            let part = term[2].as_str().unwrap();
            records.leads.iter().filter(|lead| lead["description"].as_str().unwrap().contains(part)).count()
        }
        other => panic!("{other:?}"),
    };
    Reply::new(200, json!(count))
}

fn sink(url: &str, key: &str, settings: &[(&str, &str)]) -> Sink {
    open("odoo", url, key, settings)
}

const FIND: &str = "POST /json/2/utm.mixin/find_or_create_record";
const CREATE: &str = "POST /json/2/crm.lead/create";
const COUNT: &str = "POST /json/2/crm.lead/search_count";

#[tokio::test]
async fn a_lead_points_to_its_source_medium_and_campaign() {
    let odoo = StandIn::start(odoo(Some("company"))).await;
    let sink = sink(&odoo.url, KEY, &[("database", "company"), ("team", "5")]);
    assert_eq!(told(deliver(&sink, &rich()).await), delivered(200));
    let lines = [
        "Channel: Яндекс Директ",
        "Written to: info+9gdkczyba0@company.ru",
        "Term: купить насос",
        "Content: ad-17",
        "Page: https:&#x2f;&#x2f;company.ru&#x2f;contacts",
        "First page: https:&#x2f;&#x2f;company.ru&#x2f;pumps?utm_source=yandex&amp;x=%22",
        "Click ids: yclid=12345678901234567890, gclid=Cj0KCQiA-x_y, fbclid=IwAR0abc",
        "Worth: 1500.50 RUB",
        "Lead: 01939f0e-7c1a-7f62-9d1e-5a0d6a1c2b34",
    ];
    let expected = json!({
        "type": "lead",
        "name": "Цена на «насосы»\"},{{7*7}}\r\nX: <b>y</b>&key=1",
        "contact_name": "=cmd|' /C calc'!A0 Петров",
        "email_from": "ivan@client.example",
        "referred": "https://yandex.ru/",
        "source_id": 2,
        "medium_id": 3,
        "campaign_id": 4,
        "team_id": 5,
        "user_id": false,
        "description": format!("<p>{}</p>", lines.join("<br>")),
    });
    assert_eq!(odoo.kept(), [expected]);
    assert_eq!(odoo.asked(), [FIND, FIND, FIND, CREATE]);
}

#[tokio::test]
async fn records_that_were_found_are_not_asked_for_again() {
    let odoo = StandIn::start(odoo(None)).await;
    let sink = sink(&odoo.url, KEY, &[]);
    deliver(&sink, &rich()).await;
    odoo.asked();
    deliver(&sink, &with(rich(), "/data/attribution/source", json!("google"))).await;
    assert_eq!(odoo.asked(), [FIND, CREATE]);
    let sources: Vec<Value> = odoo.kept().iter().map(|lead| lead["source_id"].clone()).collect();
    assert_eq!(sources, [2, 5]);
}

#[tokio::test]
async fn a_lead_of_nobody_asks_for_nothing_and_has_a_name() {
    let odoo = StandIn::start(odoo(None)).await;
    assert_eq!(told(deliver(&sink(&odoo.url, KEY, &[("type", "opportunity")]), &poor()).await), delivered(200));
    let lines = ["Written to: info@company.ru", "Writes again", "Lead: 01939f0e-7c1a-7f62-9d1e-5a0d6a1c2c02"];
    let expected = json!({
        "type": "opportunity",
        "name": "Letter from an unknown sender",
        "user_id": false,
        "description": format!("<p>{}</p>", lines.join("<br>")),
    });
    assert_eq!(odoo.kept(), [expected]);
    assert_eq!(odoo.asked(), [CREATE]);
}

#[tokio::test]
async fn html_of_a_stranger_stays_text_in_the_notes() {
    let odoo = StandIn::start(odoo(None)).await;
    let lead = with(rich(), "/data/attribution/term", json!("<script>alert(1)</script>"));
    deliver(&sink(&odoo.url, KEY, &[]), &lead).await;
    let description = odoo.kept()[0]["description"].as_str().unwrap().to_owned();
    assert!(description.contains("<br>Term: &lt;script&gt;alert(1)&lt;&#x2f;script&gt;<br>"), "{description}");
}

#[tokio::test]
async fn a_lead_that_may_have_arrived_is_looked_up_first() {
    let odoo = StandIn::start(odoo(None)).await;
    let sink = sink(&odoo.url, KEY, &[]);
    assert_eq!(told(attempt(&sink, &poor(), true, None).await), delivered(200));
    assert_eq!((odoo.asked(), odoo.kept().len()), (vec![COUNT.to_owned(), CREATE.to_owned()], 1));
    let again = attempt(&sink, &poor(), true, None).await;
    assert_eq!((again.verdict, again.error), (Verdict::Delivered, None));
    assert_eq!((odoo.asked(), odoo.kept().len()), (vec![COUNT.to_owned()], 0));
}

#[tokio::test]
async fn what_odoo_does_not_take_says_who_has_to_act() {
    let key = "Odoo does not take the API key: a key lives three months at most";
    let odoo_19 = StandIn::start(odoo(None)).await;
    let forbidden = with(poor(), "/data/message/subject", json!("forbidden"));
    let other_version = |_: &Call| error(422, "werkzeug.exceptions.UnprocessableEntity", "missing a required argument");
    let other_version = StandIn::start(other_version).await;
    let no_right = StandIn::start(|_| error(403, "odoo.exceptions.AccessError", "You may not create leads")).await;
    let no_crm =
        StandIn::start(|_| error(404, "werkzeug.exceptions.NotFound", "the model 'crm.lead' does not exist")).await;
    let rows = [
        (&odoo_19, "old", poor(), outcome(Verdict::Misconfigured, 401, key)),
        (&odoo_19, KEY, forbidden, outcome(Verdict::Misconfigured, 422, "No such names here")),
        (&no_right, KEY, poor(), outcome(Verdict::Misconfigured, 403, "You may not create leads")),
        (&no_crm, KEY, poor(), outcome(Verdict::Misconfigured, 404, "the model 'crm.lead' does not exist")),
        (&other_version, KEY, poor(), outcome(Verdict::Misconfigured, 422, "receiver answered 422")),
    ];
    for (odoo, key, lead, expected) in rows {
        assert_eq!(told(deliver(&sink(&odoo.url, key, &[]), &lead).await), expected);
    }
    let broken = StandIn::start(|_| error(500, "psycopg2.OperationalError", "server closed the connection")).await;
    let answer = deliver(&sink(&broken.url, KEY, &[]), &poor()).await;
    assert!(answer.doubt);
    assert_eq!(told(answer), outcome(RETRY, 500, "receiver answered 500"));
}

#[tokio::test]
async fn the_test_tells_a_key_and_makes_no_lead() {
    let odoo = StandIn::start(odoo(Some("company"))).await;
    let database = [("database", "company")];
    assert_eq!(test(&sink(&odoo.url, KEY, &database)).await, Some(delivered(200)));
    let key = "Odoo does not take the API key: a key lives three months at most";
    assert_eq!(test(&sink(&odoo.url, "old", &database)).await, Some(outcome(Verdict::Misconfigured, 401, key)));
    assert_eq!((odoo.asked(), odoo.kept()), (vec![COUNT.to_owned(); 2], vec![]));
}
