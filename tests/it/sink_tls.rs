//! Whom a sink trusts, by whom it calls, and where it never calls.

use leadmilter::{
    clock::Millis,
    event::EventType,
    sinks::{Message, Sink, Verdict},
};

use crate::{
    command::run,
    company::{Company, webhook},
    house::{Receiver, status},
    post_house::{Post, company},
    postfix_house::wait_for,
    tls_house::{Ca, Server},
};

/// Verdict, status, error and doubt of one call of the only sink.
async fn outcome(company: &Company) -> (Verdict, Option<u16>, Option<String>, bool) {
    let sink = Sink::open(&company.config().sinks[0]).unwrap();
    let (event_id, event_type) = ("1", EventType::LeadReceived);
    let message = Message { event_id, event_type, body: "{}", attempt: 1, doubt: false, note: None };
    let answer = sink.deliver(&[message]).await.remove(0);
    (answer.verdict, answer.status, answer.error, answer.doubt)
}

fn delivered(status: u16) -> (Verdict, Option<u16>, Option<String>, bool) {
    (Verdict::Delivered, Some(status), None, false)
}

/// A company whose sink has these keys more.
fn with(url: &str, keys: &str) -> Company {
    Company::new("", &format!("{}{keys}\n", webhook("crm", url)))
}

#[tokio::test]
async fn a_private_ca_is_trusted_where_the_sink_names_it_and_no_other_is() {
    // They have the same name.
    let (own, other) = (Ca::new(), Ca::new());
    let receiver = Server::receiver(&own);
    let bundle = format!("{}{}", other.pem(), own.pem());
    let rows = [
        (Some(own.pem()), None),
        (Some(bundle), None),
        (Some(other.pem()), Some("BadSignature")),
        (None, Some("UnknownIssuer")),
    ];
    for host in ["localhost", "127.0.0.1"] {
        for (pem, wrong) in &rows {
            let key = if pem.is_some() { "ca_file = \"ca.pem\"" } else { "" };
            let company = Company::new("", "");
            std::fs::write(company.path("ca.pem"), pem.as_deref().unwrap_or_default()).unwrap();
            let url = format!("https://{host}:{}/hook", receiver.address.port());
            company.rewrite("", &format!("{}{key}\n", webhook("crm", &url)));
            let chain = "error sending request: client error (Connect): invalid peer certificate";
            let refused = |wrong| (Verdict::Retry { floor: None }, None, Some(format!("{chain}: {wrong}")), false);
            assert_eq!(outcome(&company).await, wrong.map_or(delivered(204), refused), "{host}");
            if wrong.is_none() {
                assert_eq!(receiver.next(), "POST /hook HTTP/1.1");
            }
        }
    }
    assert_eq!(receiver.rest(), Vec::<String>::new());
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let ca = Ca::new();
    let receiver = Server::receiver(&ca);
    let company = Company::new("", "");
    std::fs::write(company.path("ca.pem"), ca.pem()).unwrap();
    let url = "https://crm.company.test/hook".to_owned();
    let proxy = Server::proxy_to(Some(receiver.address));
    let keys = format!("ca_file = \"ca.pem\"\nproxy = \"http://{}\"\n", proxy.address);
    company.rewrite("", &(webhook("crm", &url) + &keys));
    let (verdict, _, error, _) = outcome(&company).await;
    let error = error.unwrap();
    assert!(
        verdict == (Verdict::Retry { floor: None }) && error.contains("not valid for name \"crm.company.test\""),
        "{error}"
    );
}

#[tokio::test]
async fn a_proxy_is_used_where_the_sink_names_it() {
    let (ca, proxy) = (Ca::new(), Server::proxy());
    let (receiver, mut plain) = (Server::receiver(&ca), Receiver::start(|_| status(204)).await);
    let key = format!("proxy = \"http://{}\"", proxy.address);

    assert_eq!(outcome(&with(&plain.url, &key)).await, delivered(202));
    assert_eq!(proxy.next(), format!("POST {} HTTP/1.1", plain.url));
    assert_eq!(plain.rest().len(), 0);
    assert_eq!(outcome(&with(&plain.url, "")).await, delivered(204));
    assert_eq!(plain.rest().len(), 1);

    let url = format!("https://localhost:{}/hook?key=hidden", receiver.address.port());
    let company = Company::new("", "");
    std::fs::write(company.path("ca.pem"), ca.pem()).unwrap();
    company.rewrite("", &format!("{}ca_file = \"ca.pem\"\n{key}\n", webhook("crm", &url)));
    assert_eq!(outcome(&company).await, delivered(204));
    assert_eq!(proxy.next(), format!("CONNECT localhost:{} HTTP/1.1", receiver.address.port()));
    assert_eq!(receiver.next(), "POST /hook?key=hidden HTTP/1.1");
    assert_eq!(proxy.rest(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_in_the_environment_are_never_used() {
    let (proxy, mut plain) = (Server::proxy(), Receiver::start(|_| status(204)).await);
    let url = format!("http://{}", proxy.address);
    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let environment = names.map(|name| (name, url.as_str()));
    let mut post = Post::open_with(company(&webhook("crm", &plain.url)), &environment);
    let lead = post.letter().await;
    assert_eq!(plain.next().await.header("webhook-id"), lead);
    assert_eq!(proxy.rest(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forbidden_destination_is_called_never_and_the_delivery_says_why() {
    let mut receiver = Receiver::start(|_| status(204)).await;
    let port = receiver.url.split([':', '/']).nth(4).unwrap().to_owned();
    let private = "destination is no public address, and the sink has only_public = true";
    let metadata = "destination is the metadata service of a cloud";
    let named = format!("error sending request: client error (Connect): dns error: error resolving DNS: {private}");
    let rows = [
        ("literal", format!("http://127.0.0.1:{port}/"), "only_public = true", private),
        ("other-spelling", format!("http://0x7f.1:{port}/"), "only_public = true", private),
        ("ipv6", format!("http://[::ffff:127.0.0.1]:{port}/"), "only_public = true", private),
        ("named", format!("http://localhost:{port}/"), "only_public = true", named.as_str()),
        ("metadata", "http://169.254.169.254/latest".to_owned(), "", metadata),
    ];
    let sinks: String = rows.iter().map(|(id, url, keys, _)| format!("{}{keys}\n", webhook(id, url))).collect();
    let begun = Millis::now();
    let mut post = Post::open(&sinks);
    post.letter().await;
    for (id, _, _, error) in rows {
        let tried = || post.deliveries(id).into_iter().find(|delivery| delivery["last_error"].is_string());
        let delivery = wait_for(id, tried, || format!("{:?}\n{}", post.deliveries(id), post.daemon.log()));
        let got = (&delivery["state"], &delivery["attempts"], &delivery["last_status"], &delivery["last_error"]);
        assert_eq!(got, (&"pending".into(), &1.into(), &serde_json::Value::Null, &error.into()), "{id}");
        // Somebody has to change something first.
        let next: jiff::Timestamp = delivery["next_at"].as_str().unwrap().parse().unwrap();
        assert!(next.as_millisecond() - begun.0 >= 300_000, "{next}");
    }
    assert_eq!(receiver.rest().len(), 0);
    let tested = run(&post.company, &["sink", "test", "named"]);
    assert!(tested.code == 69 && tested.err.contains(private), "{tested:?}");
}

#[test]
fn a_proxy_and_only_public_are_a_contradiction() {
    let keys = "proxy = \"http://proxy.company.ru:3128\"\nonly_public = true";
    let checked = run(&with("https://crm.company.ru/", keys), &["check"]);
    assert_eq!((checked.code, checked.err.lines().count()), (78, 1), "{}", checked.err);
    assert!(checked.err.contains("sink[0].only_public: a proxy asks for addresses itself"), "{}", checked.err);
}
