//! Costs and outcomes over HTTP: rows refused by number, signatures of Standard Webhooks, and the event that a sink gets.

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use leadmilter::clock::Millis;
use serde_json::{Value, json};

use crate::{
    command::{self, Output},
    company::webhook,
    fault_house::{Receivers, reload},
    house::SECRET,
    http_house::{Answer, SITE, Web, configure, send},
};

const OLD: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn post(web: &Web, path: &str, fields: &[(&str, &str)], body: &str) -> Answer {
    let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    send(&web.admin, &format!("POST {path} HTTP/1.1\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len()))
}

/// What becomes of a request with this token.
fn tell(web: &Web, path: &str, token: &str, media: &str, body: &str) -> Answer {
    post(web, path, &[("Authorization", &format!("Bearer {token}")), ("Content-Type", media)], body)
}

/// Detail and errors of a refusal.
fn refused(answer: &Answer) -> (String, Vec<(u64, String)>) {
    let body = answer.json();
    let error = |row: &Value| (row["line"].as_u64().unwrap(), row["detail"].as_str().unwrap().to_owned());
    let errors = body["errors"].as_array().map(|rows| rows.iter().map(error).collect()).unwrap_or_default();
    let expected = json!({"type": "about:blank", "title": "Unprocessable Content", "status": 422,
        "detail": body["detail"], "errors": body["errors"]});
    assert_eq!((answer.status, &body), (422, &expected));
    (body["detail"].as_str().unwrap().to_owned(), errors)
}

fn listed(web: &Web, what: &str) -> Vec<Value> {
    command::run(&web.company, &[what, "list", "--json"]).json()
}

#[test]
fn costs_are_taken_as_json_and_as_a_table() {
    let web = Web::open("", SITE);
    let token = web.token("costs");
    let rows = json!([{"date": "2026-11-01/2026-11-02", "utm_source": "yandex", "utm_medium": "cpc",
            "utm_campaign": "pumps-msk", "amount": 10.01, "clicks": 3},
        {"date": "2026-11-01", "utm_source": "vk", "cost": "5", "currency": "USD", "note": "x"}]);
    let place =
        json!({"channel": "", "source": "vk", "medium": "", "campaign": "", "term": "", "content": "", "rows": 1});
    let mut expected = json!({"dry_run": true, "rows": 3, "days": 2, "from": "2026-11-01", "to": "2026-11-02",
        "sums": [{"currency": "RUB", "amount": "10.01"}, {"currency": "USD", "amount": "5.00"}], "matched": 2,
        "unmatched": 1, "unmatched_places": [place], "unread": ["note"], "added": 0, "replaced": 0, "unchanged": 0});
    let dry = tell(&web, "/v1/costs?dry_run=true", &token, "application/json", &rows.to_string());
    assert_eq!((dry.status, dry.json()), (200, expected.clone()));
    assert_eq!(listed(&web, "costs"), Vec::<Value>::new());
    (expected["dry_run"], expected["added"]) = (json!(false), json!(3));
    let done = tell(&web, "/v1/costs", &token, "application/json", &rows.to_string());
    assert_eq!((done.status, done.json()), (200, expected));
    assert_eq!([done.field("content-type"), done.field("cache-control")], ["application/json", "no-store"]);

    let table = "amount\n1,5\n";
    let query = "provider=agency&currency=eur&channel=newsletter&from=2026-11-01&to=2026-11-01&vat=excluded";
    let table = table.replace(',', ".");
    let done = tell(&web, &format!("/v1/costs?{query}"), &token, "text/csv; charset=utf-8", &table);
    assert_eq!((done.status, &done.json()["added"]), (200, &json!(1)));
    let rows = listed(&web, "costs");
    let keys = ["provider", "channel", "currency", "amount", "has_vat", "clicks", "matched_channel"];
    let short: Vec<_> = rows.iter().map(|row| keys.map(|key| row[key].clone())).map(|row| json!(row)).collect();
    let expected = [
        json!(["agency", "newsletter", "EUR", "1.50", false, null, "newsletter"]),
        json!(["ga4", "", "USD", "5.00", null, null, null]),
        json!(["ga4", "", "RUB", "5.01", null, 2, "yandex-direct"]),
        json!(["ga4", "", "RUB", "5.00", null, 1, "yandex-direct"]),
    ];
    assert_eq!(short.len(), expected.len());
    for row in &expected {
        let provider = if row[0] == "ga4" && row[2] == "RUB" { json!("manual") } else { row[0].clone() };
        let mut row = row.clone();
        row[0] = provider;
        assert!(short.contains(&row), "{row}\n{short:?}");
    }
    let who = command::run(&web.company, &["token", "list", "--json"]).json()[0]["id"].clone();
    let noted = command::run(&web.company, &["audit", "--did", "costs.imported", "--json"]).json();
    let who = json!(format!("token:{}", who.as_str().unwrap()));
    assert_eq!([&noted[0]["who"], &noted[0]["what"]], [&who, &json!("POST /v1/costs")]);
}

#[test]
fn what_is_wrong_with_costs_is_told_by_row_and_nothing_is_kept() {
    let web = Web::open("", SITE);
    let token = web.token("costs");
    let rows = json!([{"date": "2026-11-01", "amount": "5"}, {"amount": "5"}, {"date": "01/11/2026", "amount": "5"}]);
    let errors =
        [(2, "names no day".to_owned()), (3, "\"01/11/2026\" may be read in two ways: write 2026-11-22".to_owned())];
    let answer = tell(&web, "/v1/costs", &token, "application/json", &rows.to_string());
    assert_eq!(refused(&answer), ("nothing was imported: 2 rows refused".to_owned(), errors.to_vec()));
    for (query, media, body, status, detail) in [
        ("", "application/json", "[]", 422, "what was sent holds no rows"),
        (
            "",
            "application/json",
            "{}",
            422,
            "what was sent is not JSON as expected: invalid type: map, expected a sequence at line 1 column 0",
        ),
        ("", "text/csv", " ", 422, "what was sent is empty"),
        ("?from=2026-11-01", "text/csv", "amount\n1\n", 422, "from and to go together"),
        ("?from=2026-11-01&to=x", "text/csv", "amount\n1\n", 422, "to is no day: write 2026-11-22"),
        ("?channel=radio", "text/csv", "amount\n1\n", 422, "channel \"radio\" is no channel of the config"),
        ("?vat=yes", "text/csv", "amount\n1\n", 422, "vat is neither included nor excluded"),
        ("", "text/html", "", 415, "the body is an array of JSON or a table: send it as application/json or text/csv"),
    ] {
        let answer = tell(&web, &format!("/v1/costs{query}"), &token, media, body);
        assert_eq!(answer.problem(), (status, detail.to_owned()), "{query} {body}");
    }
    assert_eq!(tell(&web, "/v1/costs", &web.token("outcomes"), "text/csv", "").problem().0, 403);
    assert_eq!(post(&web, "/v1/costs", &[], "").problem().0, 401);
    assert_eq!(listed(&web, "costs"), Vec::<Value>::new());

    // Costs may be long, and other bodies may not.
    let long = format!("date,utm_term,amount\n{}", "2026-11-01,насос погружной,1\n".repeat(2_000));
    let done = tell(&web, "/v1/costs", &token, "text/csv", &long);
    assert_eq!((done.status, &done.json()["sums"][0]["amount"]), (200, &json!("2000.00")));
    let longer = long.repeat(120);
    assert_eq!(tell(&web, "/v1/costs", &token, "text/csv", &longer).problem().0, 413);
    assert_eq!(tell(&web, "/v1/addresses", &web.token("addresses"), "application/json", &long).problem().0, 413);
}

#[test]
fn an_outcome_is_recorded_once_and_told_to_the_sink() {
    let receivers = Receivers::new();
    let mut receiver = receivers.start();
    let sink = format!("{}events = [\"lead.outcome\"]\n", webhook("crm", &receiver.url));
    let web = Web::open("", &format!("{SITE}{sink}"));
    let (token, id) = (web.token("outcomes"), web.lead());
    let rows = json!([{"lead_id": id, "external_id": 17, "system": "amocrm", "status": "won", "stage": "Оплачено",
        "amount": 1234.50, "occurred_at": "2026-11-22T04:26:10Z", "deal_id": "4711"}]);
    let tell_rows = |rows: &Value| tell(&web, "/v1/outcomes", &token, "application/json", &rows.to_string());
    let done = tell_rows(&rows);
    assert_eq!((done.status, done.json()), (200, json!({"recorded": 1, "unchanged": 0})));
    let call = receivers.block_on(receiver.next());
    let event: Value = serde_json::from_slice(&call.body).unwrap();
    let outcome = json!({"system": "amocrm", "deal_id": "4711", "status": "won", "stage": "Оплачено",
        "amount": "1234.50", "currency": "RUB", "occurred_at": "2026-11-22T04:26:10.000Z"});
    assert_eq!(crate::told::faults(&event), Vec::<String>::new());
    assert_eq!([&event["type"], &event["data"]["outcome"]], [&json!("lead.outcome"), &outcome]);
    assert_eq!(event["data"]["value"], json!({"amount": "1234.50", "currency": "RUB"}));
    assert_eq!([&event["data"]["lead_id"], &event["time"]], [&json!(id), &outcome["occurred_at"]]);

    assert_eq!(tell_rows(&rows).json(), json!({"recorded": 0, "unchanged": 1}));
    let later = json!([{"external_id": "17", "system": "amocrm", "status": "refund", "amount": "-34.50"}]);
    let began = Millis::now();
    assert_eq!(tell_rows(&later).json(), json!({"recorded": 1, "unchanged": 0}));
    // Between the two events came no third.
    let call = receivers.block_on(receiver.next());
    let event: Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!(event["data"]["value"], json!({"amount": "-34.50", "currency": "RUB"}));
    assert!(serde_json::from_value::<Millis>(event["time"].clone()).unwrap() >= began);

    let wrong = json!([rows[0], {"lead_id": "nobody", "status": "won"}]);
    let errors = vec![(2, "there is no lead \"nobody\"".to_owned())];
    assert_eq!(refused(&tell_rows(&wrong)), ("nothing was imported: 1 row refused".to_owned(), errors));
    let slip = json!([{"lead_id": id, "status": "won", "ammount": 1}]);
    let (detail, errors) = refused(&tell_rows(&slip));
    assert_eq!((detail.as_str(), errors[0].0), ("nothing was imported: 1 row refused", 1));
    let table = format!("lead_id,status,occurred_at\n{id},lost,2026-11-22\n");
    let done = tell(&web, "/v1/outcomes", &token, "text/csv", &table);
    assert_eq!(done.json(), json!({"recorded": 1, "unchanged": 0}));
    assert_eq!(listed(&web, "outcomes").len(), 3);
}

/// Seconds since 1970, so many later.
fn seconds(later: i64) -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap() + later
}

/// What becomes of a request that this secret signs so many seconds from now, with another body in its place.
fn signed(web: &Web, secret: &str, later: i64, body: &str, sent: &str) -> Answer {
    let webhook = standardwebhooks::Webhook::new(secret).unwrap();
    let signature = webhook.sign("msg_1", seconds(later), body.as_bytes()).unwrap();
    let fields = [
        ("Content-Type", "application/json"),
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", &seconds(later).to_string()),
        ("webhook-signature", &format!("v1,AAAA {signature}")),
    ];
    post(web, "/v1/outcomes", &fields, sent)
}

#[test]
fn a_request_that_a_secret_has_signed_needs_no_token() {
    let outcomes = "[outcomes]\nsecret_file = \"outcomes.secret\"\n";
    let web = Web::open("", SITE);
    let id = web.lead();
    let body = json!([{"lead_id": id, "status": "won", "occurred_at": "2026-11-22"}]).to_string();
    let detail = "signed requests are not set up here: the config has no outcomes.secret_file";
    assert_eq!(signed(&web, SECRET, 0, &body, &body).problem(), (401, detail.to_owned()));

    fs::write(web.company.path("outcomes.secret"), format!("{SECRET}\n")).unwrap();
    configure(&web.company, "", &format!("{SITE}{outcomes}"));
    reload(&web.daemon);
    let recorded = |recorded, unchanged| json!({"recorded": recorded, "unchanged": unchanged});
    assert_eq!(signed(&web, SECRET, 0, &body, &body).json(), recorded(1, 0));
    assert_eq!(signed(&web, SECRET, 0, &body, &body).json(), recorded(0, 1), "a replay does nothing");
    let unsigned = "no secret of the config has signed this: sign webhook-id, webhook-timestamp and the body";
    let late = "webhook-timestamp is more than five minutes from now: sign each attempt anew";
    for (secret, later, sent, detail) in [
        (OLD, 0, body.clone(), unsigned),
        (SECRET, 0, body.replace("won", "lost"), unsigned),
        (SECRET, -310, body.clone(), late),
        (SECRET, 310, body.clone(), late),
    ] {
        assert_eq!(signed(&web, secret, later, &body, &sent).problem(), (401, detail.to_owned()), "{secret} {later}");
    }
    // Both are good while the secret is being changed, the old one no longer then.
    let lost = body.replace("won", "lost");
    fs::write(web.company.path("outcomes.secret"), format!("{SECRET}\n{OLD}\n")).unwrap();
    reload(&web.daemon);
    assert_eq!(signed(&web, OLD, 0, &lost, &lost).json(), recorded(1, 0));
    assert_eq!(signed(&web, SECRET, 0, &lost, &lost).json(), recorded(0, 1));
    let who = command::run(&web.company, &["audit", "--who", "webhook", "--json"]).json();
    assert_eq!(who.len(), 2);
    let refund = signed(&web, SECRET, 0, "[{}]", "[{}]");
    assert_eq!(refused(&refund).1, [(1, "names no status".to_owned())]);
    let token = web.token("costs");
    let fields = [("Authorization", &*format!("Bearer {token}")), ("webhook-signature", "v1,AAAA")];
    assert_eq!(post(&web, "/v1/outcomes", &fields, &body).problem().0, 403, "a token that is shown is asked");
}

#[test]
fn outcomes_are_listed_with_the_lead() {
    let web = Web::open("", SITE);
    let id = web.lead();
    let body = json!([{"sender": "Ivan@client.example", "status": "qualified"}]).to_string();
    let done = tell(&web, "/v1/outcomes", &web.token("outcomes"), "application/json", &body);
    assert_eq!(done.json(), json!({"recorded": 1, "unchanged": 0}));
    let Output { out, .. } = command::run(&web.company, &["leads", "show", &id]);
    assert!(out.lines().any(|line| line.starts_with("outcome       qualified, ")), "{out}");
}
