//! Addresses that programs of the company order, and what they resolve to.

use leadmilter::clock::Millis;
use serde_json::{Value, json};

use crate::{
    command,
    http_house::{Answer, SITE, Web, send},
};

fn order_as(web: &Web, token: &str, body: &str) -> Answer {
    let fields =
        format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}", body.len());
    send(&web.admin, &format!("POST /v1/addresses HTTP/1.1\r\n{fields}\r\n\r\n{body}"))
}

fn order(web: &Web, token: &str, body: &Value) -> Answer {
    order_as(web, token, &body.to_string())
}

#[test]
fn an_address_is_made_of_what_the_order_says() {
    let web = Web::open("", SITE);
    let token = web.token("addresses");
    let began = Millis::now();
    let all = json!({"channel": "newsletter", "utm": {"source": "letter", "medium": "email", "campaign": "осень"},
        "landing": "https://company.ru/pumps?yclid=123", "referrer": "https://yandex.ru/", "client": {"ga": "1.2"},
        "custom": {"manager": "17"}, "mailboxes": ["info@company.ru", "Sales@company.ru"]});
    let answer = order(&web, &token, &all);
    let body = answer.json();
    let made = body["token"].as_str().unwrap();
    let addresses = json!({"info@company.ru": format!("info+{made}@company.ru"),
        "Sales@company.ru": format!("sales+{made}@company.ru")});
    let expected =
        json!({"token": made, "addresses": addresses, "channel": "newsletter", "issued_at": body["issued_at"]});
    assert_eq!((answer.status, &body), (201, &expected));
    assert!(serde_json::from_value::<Millis>(body["issued_at"].clone()).unwrap() >= began);
    assert_eq!([answer.field("content-type"), answer.field("cache-control")], ["application/json", "no-store"]);

    let nothing = order(&web, &token, &json!({})).json();
    assert_ne!(nothing["token"], made);
    let own = json!({"info@company.ru": format!("info+{}@company.ru", nothing["token"].as_str().unwrap())});
    assert_eq!([&nothing["addresses"], &nothing["channel"]], [&own, &Value::Null]);

    let explained = command::run(&web.company, &["explain", "--json", &format!("info+{made}@company.ru")]).json();
    let resolve = format!("GET /v1/resolve?address=info%2B{made}%40company.ru HTTP/1.1\r\n");
    let resolved = send(&web.admin, &format!("{resolve}Authorization: Bearer {}\r\n", web.token("resolve")));
    assert_eq!((resolved.status, &[resolved.json()][..]), (200, &explained[..]));
    assert_eq!(explained[0]["resolution"], "visit");
}

#[test]
fn what_is_wrong_with_an_order_is_told() {
    let web = Web::open("", SITE);
    let token = web.token("addresses,resolve");
    let rows = [
        (json!({"channel": "radio"}), 422, "\"radio\" is no channel"),
        (json!({"mailboxes": ["info+m11@company.ru"]}), 422, "\"info+m11@company.ru\" is no mailbox"),
        (json!({"mailboxes": ["no address"]}), 422, "\"no address\" is no mailbox"),
    ];
    for (body, status, detail) in rows {
        assert_eq!(order(&web, &token, &body).problem(), (status, detail.to_owned()), "{body}");
    }
    for (body, detail) in [
        ("{\"chanel\":\"radio\"}", "unknown field `chanel`, expected one of "),
        ("{\"utm\":{\"sorce\":\"x\"}}", "unknown field `sorce`, expected one of "),
        ("{\"custom\":{\"n\":1}}", "invalid type: integer `1`, expected a string at line 1 column 16"),
        ("", "EOF while parsing a value at line 1 column 0"),
    ] {
        let (status, told) = order_as(&web, &token, body).problem();
        let expected = format!("the body is not as expected: {detail}");
        assert!(status == 400 && told.starts_with(&expected), "{body}: {status} {told}");
    }
    let text = send(
        &web.admin,
        &format!("POST /v1/addresses HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: text/plain\r\n"),
    );
    assert_eq!(text.problem(), (415, "the body is JSON: send it as application/json".to_owned()));
    let resolve = |query: &str| {
        send(&web.admin, &format!("GET /v1/resolve{query} HTTP/1.1\r\nAuthorization: Bearer {token}\r\n"))
    };
    let missing = "the query names no address of 1 to 512 octets: ?address=info%2Bm11@company.ru";
    for query in ["", "?", "?address=", "?adress=info@company.ru", &format!("?address={}", "x".repeat(513))] {
        assert_eq!(resolve(query).problem(), (400, missing.to_owned()), "{query}");
    }
    assert_eq!(resolve("?address=%C3%A9%00%FF").json()["resolution"], "foreign");
    // Nobody hears what is wrong without a token.
    assert_eq!(order_as(&web, "", "nonsense").problem().0, 401);
}

#[test]
fn a_letter_to_an_address_that_was_ordered_is_attributed() {
    let web = Web::open("", SITE);
    let ordered =
        order(&web, &web.token("addresses"), &json!({"channel": "newsletter", "custom": {"manager": "17"}})).json();
    let to = ordered["addresses"]["info@company.ru"].as_str().unwrap();
    let letter = b"From: <anna@client.example>\nSubject: pumps\nMessage-ID: <1@client.example>\n\nHello.\n";
    let sender = ["ingest", "--recipient", to, "--sender", "anna@client.example"];
    let taken = command::run_with(&web.company, &sender, letter);
    assert_eq!((taken.code, taken.err.as_str()), (0, ""));
    let leads = command::run(&web.company, &["leads", "--json"]).json();
    assert_eq!(leads[0]["channel"]["id"], "newsletter");
}
