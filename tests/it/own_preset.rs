//! What a preset file of one's own sends: every encoding, and what stands around it, as the receiver gets it.

use leadmilter::{
    preset::Preset,
    sinks::{Sink, Verdict},
};
use serde_json::json;

use crate::{
    crm_house::{Crm, Event, deliver, deliver_all, event},
    house::{self, Call},
};

fn lead() -> Event {
    let data = json!({
        "sender": { "name": "Анна \"А\"; & Co\r\n+=?", "address": "anna@client.example", "domain": null },
        "attribution": { "source": null, "client_ids": { "ga": "1.2" }, "custom": {} },
        "tags": ["a", null, "b"], "count": 7, "unique": true,
    });
    event("lead 1", &data)
}

/// Name and value of every header but those of the connection, in order of names.
fn headers(call: &Call) -> Vec<(&str, &str)> {
    let of_connection = ["host", "user-agent", "accept"];
    let mut headers: Vec<_> = call.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    headers.retain(|(name, _)| !of_connection.contains(name));
    headers.sort_unstable();
    headers.into_iter().map(|(name, value)| (name, std::str::from_utf8(value).unwrap())).collect()
}

/// The call that a preset makes for [`lead`].
async fn call_of(preset: &str) -> Call {
    let crm = Crm::patient().await;
    let answer = deliver(&crm.sink(preset), &lead()).await;
    assert_eq!((answer.verdict, answer.error), (Verdict::Delivered, None), "{preset}");
    let call = crm.call();
    assert_eq!(call.header("user-agent"), concat!("leadmilter/", env!("CARGO_PKG_VERSION")));
    call
}

#[tokio::test]
async fn json_keeps_types_and_loses_what_is_nothing() {
    let call = call_of(
        r#"
        [settings.stage]
        default = "NEW"
        [settings.owner]
        optional = true
        [request]
        path = ["crm", "leads"]
        [request.body]
        title = "Lead {{ id }} of {{ data.sender.name }}{{ data.sender.phone }}"
        count = "{{ data.count }}"
        unique = "{{ data.unique }}"
        tags = "{{ data.tags }}"
        fixed = 0.5
        from = "{{ sink }} {{ type }} {{ attempt }}"
        stage = "{{ settings.stage }}"
        owner = "{{ settings.owner }}"
        note = "{{ note }}"
        domain = "{{ data.sender.domain }}"
        nested = { source = "{{ data.attribution.source }}", deep = { er = "{{ data.x.y.z }}" } }
        custom = "{{ data.attribution.custom }}"
        fields = [
            { "$if" = "data.attribution.client_ids.ga", code = "GA", value = "{{ data.attribution.client_ids.ga }}" },
            { "$if" = "data.attribution.client_ids.ym", code = "YM", value = "no" },
        ]
        "#,
    )
    .await;
    let expected = json!({
        "title": "Lead lead 1 of Анна \"А\"; & Co\r\n+=?", "count": 7, "unique": true, "tags": ["a", "b"], "fixed": 0.5,
        "from": "mine lead.received 1", "stage": "NEW", "custom": {}, "fields": [{ "code": "GA", "value": "1.2" }],
    });
    assert_eq!((call.line.as_str(), &call.body[..]), ("POST /base/crm/leads", expected.to_string().as_bytes()));
    let length = call.body.len().to_string();
    assert_eq!(headers(&call), [("content-length", length.as_str()), ("content-type", "application/json")]);
}

#[tokio::test]
async fn a_form_is_encoded_and_loses_what_is_nothing() {
    let call = call_of(
        r#"
        [request]
        method = "PUT"
        encoding = "form"
        [request.body]
        "fields[NAME]" = "{{ data.sender.name }}"
        count = "{{ data.count }}"
        source = "{{ data.attribution.source }}"
        empty = "{{ data.attribution.source }}!"
        "#,
    )
    .await;
    let name = "%D0%90%D0%BD%D0%BD%D0%B0+%22%D0%90%22%3B+%26+Co%0D%0A%2B%3D%3F";
    let expected = format!("fields%5BNAME%5D={name}&count=7&empty=%21");
    assert_eq!((call.line.as_str(), &call.body[..]), ("PUT /base/", expected.as_bytes()));
    let length = call.body.len().to_string();
    let expected = [("content-length", length.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(headers(&call), expected);
}

#[tokio::test]
async fn an_event_goes_out_as_it_is() {
    let crm = Crm::patient().await;
    let event = Event { body: lead().body.replace(",\"", ", \""), ..lead() };
    deliver(&crm.sink("[request]\nmethod = \"PATCH\"\nencoding = \"event\""), &event).await;
    let call = crm.call();
    assert_eq!((call.line.as_str(), &call.body[..]), ("PATCH /base/", event.body.as_bytes()));
    let length = call.body.len().to_string();
    assert_eq!(headers(&call), [("content-length", length.as_str()), ("content-type", "application/json")]);
}

#[tokio::test]
async fn a_call_may_carry_nothing() {
    let call = call_of("[request]\nmethod = \"GET\"\npath = [\"hit\"]\nquery = { id = \"{{ id }}\" }").await;
    assert_eq!((call.line.as_str(), call.body.len()), ("GET /base/hit?id=lead+1", 0));
    assert_eq!(headers(&call), []);
}

#[tokio::test]
async fn a_batch_is_one_csv_file_in_a_form() {
    let preset = r#"
        batch = { size = 10, every = "1m" }
        [request]
        encoding = "csv"
        file = "leads"
        query = { first = "{{ id }}" }
        [request.columns]
        Id = "{{ id }}"
        "Имя, фамилия" = "{{ data.name }}"
        Nothing = "{{ data.nothing }}"
        "#;
    let crm = Crm::patient().await;
    let events = [event("1", &json!({ "name": "Анна, \"А\"\r\nБ" })), event("2", &json!({ "name": "=1+1" }))];
    let answers = deliver_all(&crm.sink(preset), &events).await;
    assert!(answers.iter().all(|answer| answer.verdict == Verdict::Delivered), "{answers:?}");
    let call = crm.call();
    let boundary = call.header("content-type").strip_prefix("multipart/form-data; boundary=").unwrap();
    let file = "Id,\"Имя, фамилия\",Nothing\n1,\"Анна, \"\"А\"\"\r\nБ\",\n2,=1+1,\n";
    let expected = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"leads\"; filename=\"leads.csv\"\r\n\
         Content-Type: text/csv\r\n\r\n{file}\r\n--{boundary}--\r\n"
    );
    let body = std::str::from_utf8(&call.body).unwrap();
    assert_eq!((call.line.as_str(), body), ("POST /base/?first=1", expected.as_str()));
}

#[tokio::test]
async fn what_stands_in_path_query_and_headers_stays_there() {
    let call = call_of(
        r#"
        secret = "API key"
        [request]
        path = ["rest", "{{ secret }}", "{{ data.sender.address }}", "a/../b", ""]
        query = { "a b" = "{{ data.sender.name }}", secret = "{{ secret }}", gone = "{{ data.none }}", plain = "1" }
        headers = { X-Count = "{{ data.count }}", x-key = "{{ secret | base64 }}", x-gone = "{{ data.none }}" }
        auth = { bearer = "{{ secret | sha256 }}" }
        "#,
    )
    .await;
    let key = "k3y%2F%22&+%20%D0%BA%D0%BB%D1%8E%D1%87";
    let query = "a+b=%D0%90%D0%BD%D0%BD%D0%B0+%22%D0%90%22%3B+%26+Co%0D%0A%2B%3D%3F\
                 &secret=k3y%2F%22%26%2B+%D0%BA%D0%BB%D1%8E%D1%87&plain=1";
    let path = format!("/base/rest/{key}/anna@client.example/a%2F..%2Fb/");
    assert_eq!(call.line, format!("POST {path}?{query}"));
    let bearer = "Bearer a472d2113148bb38ec0007ea4679007dbd314c77c5c6b5d6eec1ae61d3815d02";
    let expected =
        [("authorization", bearer), ("content-length", "0"), ("x-count", "7"), ("x-key", "azN5LyImKyDQutC70Y7Rhw==")];
    assert_eq!(headers(&call), expected);
}

#[tokio::test]
async fn a_user_and_a_password_are_basic_auth() {
    let call = call_of("secret = \"API key\"\n[request]\nauth = { user = \"api\", password = \"{{ secret }}\" }").await;
    assert_eq!(call.header("authorization"), "Basic YXBpOmszeS8iJisg0LrQu9GO0Yc=");
    let call = call_of("secret = \"API key\"\n[request]\nauth = { user = \"{{ secret }}\" }").await;
    assert_eq!(call.header("authorization"), "Basic azN5LyImKyDQutC70Y7Rhzo=");
}

#[tokio::test]
async fn the_query_of_the_sink_stays_and_its_path_is_extended() {
    let crm = Crm::patient().await;
    for (url, expected) in [
        ("?token=1", "POST /base/leads?token=1&id=lead+1"),
        ("hooks?token=1", "POST /base/hooks/leads?token=1&id=lead+1"),
        ("hooks/", "POST /base/hooks/leads?id=lead+1"),
    ] {
        let text = "title = \"mine\"\n[request]\npath = [\"leads\"]\nquery = { id = \"{{ id }}\" }";
        let config = house::sink_of(Preset::parse("mine", text).unwrap(), &format!("{}{url}", crm.url), "", &[]);
        deliver(&Sink::open(&config).unwrap(), &lead()).await;
        assert_eq!(crm.call().line, expected);
    }
}

#[tokio::test]
async fn a_content_type_of_the_presets_own_takes_the_place_of_the_usual_one() {
    let call = call_of("[request]\nheaders = { content-type = \"application/vnd.api+json\" }\nbody = { a = 1 }").await;
    assert_eq!(headers(&call), [("content-length", "7"), ("content-type", "application/vnd.api+json")]);
}

#[tokio::test]
async fn a_signed_preset_signs_whatever_it_sends() {
    let crm = Crm::patient().await;
    for request in ["body = { a = \"{{ id }}\" }", "encoding = \"form\"\nbody = { a = \"{{ id }}\" }"] {
        let mut config = crm.config(&format!("signed = true\n[request]\n{request}\n[test]\n{request}"));
        config.secrets = vec![house::secret(house::SECRET)];
        let sink = Sink::open(&config).unwrap();
        deliver(&sink, &lead()).await;
        sink.test(lead().message()).await.unwrap();
        let calls = crm.calls();
        let signed: Vec<_> = calls.iter().map(|call| call.is_signed_with(house::SECRET)).collect();
        assert_eq!(signed, [true, true], "{request}");
        assert_eq!(calls[0].header("webhook-id"), "lead 1");
    }
}
