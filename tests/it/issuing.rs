//! Which address a visitor is shown: who is new, who is known, who is left out, and what happens where nothing works.

use std::{collections::BTreeMap, fs, sync::Arc};

use leadmilter::{
    channel::Utm,
    clock::Millis,
    config::Site,
    intake::Intake,
    issuing::{Answer, Issuer, Kind, Order, Reason, Request},
    store::Visits,
    token::Token,
    visit::Known,
};

use crate::company::{Company, DYNAMIC};

const FROM_YANDEX: &str = "https://company.ru/pumps?utm_source=yandex&utm_medium=cpc&utm_campaign=pumps-msk&yclid=1";

/// A company whose sites may ask for addresses.
struct Stage {
    company: Company,
    visits: Visits,
    issuer: Issuer,
    sites: Vec<Site>,
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn request(visitor: Option<&Answer>, landing: &str) -> Request<'static> {
    Request {
        visitor: visitor.and_then(|answer| answer.visitor).map(|token| token.to_string()),
        landing: landing.to_owned(),
        page: Some("https://company.ru/contacts?name=Ivan#form".to_owned()),
        referrer: None,
        addresses: vec!["Info@Company.ru".to_owned()],
        client: map(&[("ga", "1.2")]),
        consent: map(&[("analytics", "granted")]),
        custom: map(&[("city", "Москва")]),
        refused: None,
        budget: &|| true,
    }
}

impl Stage {
    fn new(site: &str) -> Self {
        let sites = format!("[[site]]\nkey = \"company\"\norigins = [\"https://company.ru\"]\n{site}\n");
        let company = Company::new(&format!("{DYNAMIC}\n[http]\npublic = \"127.0.0.1:0\"\n"), &sites);
        let config = company.config();
        let visits = Visits::open(&config.store.folder).unwrap();
        let sites = config.sites.clone();
        let issuer = Issuer::new(Arc::new(Intake::new(config)), visits.clone()).unwrap();
        Self { company, visits, issuer, sites }
    }

    async fn ask(&self, request: Request<'_>) -> Answer {
        self.issuer.issue(&self.sites[0], request, Millis::now()).await
    }

    /// The same company and visits under the config as it is now.
    fn reloaded(&self) -> Issuer {
        Issuer::new(Arc::new(Intake::new(self.company.config())), self.visits.clone()).unwrap()
    }

    async fn known(&self, token: Token) -> Known {
        let intake = Intake::new(self.company.config());
        let verified = intake.table.tokens().unwrap().verify(token.as_str()).unwrap();
        self.visits.find(verified.claims, Millis::now()).await.unwrap().unwrap()
    }
}

fn dynamic(token: Token, channel: Option<&str>) -> Answer {
    Answer {
        visitor: Some(token),
        addresses: map(&[("Info@Company.ru", &format!("info+{token}@company.ru"))]),
        kind: Kind::Dynamic,
        reason: None,
        channel: channel.map(str::to_owned),
    }
}

fn of_channel(reason: Reason) -> Answer {
    Answer {
        visitor: None,
        addresses: map(&[("Info@Company.ru", "info+yd@company.ru")]),
        kind: Kind::Static,
        reason: Some(reason),
        channel: Some("yandex-direct".to_owned()),
    }
}

fn none(reason: Option<Reason>, channel: Option<&str>) -> Answer {
    let channel = channel.map(str::to_owned);
    Answer { visitor: None, addresses: BTreeMap::new(), kind: Kind::None, reason, channel }
}

#[tokio::test]
async fn a_new_visitor_gets_an_address_that_tells_his_visit() {
    let stage = Stage::new("");
    let answer = stage.ask(request(None, FROM_YANDEX)).await;
    let token = answer.visitor.unwrap();
    assert_eq!(answer, dynamic(token, Some("yandex-direct")));
    let visit = stage.known(token).await.visit.unwrap();
    let utm = &visit.touchpoint.utm;
    assert_eq!([&utm.source, &utm.medium, &utm.campaign], ["yandex", "cpc", "pumps-msk"]);
    let details = visit.details;
    assert_eq!(
        (details.click_ids, details.client_ids, details.consent, details.custom, details.page.as_deref()),
        (
            map(&[("yclid", "1")]),
            map(&[("ga", "1.2")]),
            map(&[("analytics", "granted")]),
            map(&[("city", "Москва")]),
            Some("https://company.ru/contacts"),
        )
    );
}

#[tokio::test]
async fn a_known_visitor_keeps_his_address_until_a_new_advertisement() {
    let stage = Stage::new("");
    let first = stage.ask(request(None, FROM_YANDEX)).await;
    let token = first.visitor.unwrap();
    for landing in [FROM_YANDEX, "https://company.ru/", ""] {
        assert_eq!(stage.ask(request(Some(&first), landing)).await, first, "{landing}");
    }
    let late = Request { client: map(&[("ga", "1.2"), ("ym", "9")]), ..request(Some(&first), "") };
    assert_eq!(stage.ask(late).await, first);
    assert_eq!(stage.known(token).await.visit.unwrap().details.client_ids, map(&[("ga", "1.2"), ("ym", "9")]));
    // Sites carry the query along from page to page.
    let carried = FROM_YANDEX.replace("/pumps", "/pumps/submersible");
    assert_eq!(stage.ask(request(Some(&first), &carried)).await, first);
    // The same advertisement, clicked again.
    let again = stage.ask(request(Some(&first), &FROM_YANDEX.replace("yclid=1", "yclid=2"))).await;
    let second = again.visitor.unwrap();
    assert_eq!((again.clone(), token == second), (dynamic(second, Some("yandex-direct")), false));
    let vk = "https://company.ru/?utm_source=vk&utm_medium=social";
    let third = stage.ask(request(Some(&again), vk)).await;
    let visits = stage.known(third.visitor.unwrap()).await.visits;
    let sources: Vec<_> = visits.iter().map(|visit| visit.touchpoint.utm.source.as_str()).collect();
    assert_eq!(sources, ["yandex", "yandex", "vk"]);
    // By an old address he is shown the latest one.
    assert_eq!(stage.ask(request(Some(&first), "")).await, third);
}

#[tokio::test]
async fn a_visitor_that_nobody_knows_is_new() {
    let stage = Stage::new("");
    for visitor in ["9gdkczyba0", "", "not a token at all", "яяяяяяяяяя"] {
        let asked = Request { visitor: Some(visitor.to_owned()), ..request(None, FROM_YANDEX) };
        let answer = stage.ask(asked).await;
        assert_eq!(answer, dynamic(answer.visitor.unwrap(), Some("yandex-direct")), "{visitor}");
    }
}

#[tokio::test]
async fn who_is_refused_is_shown_the_address_of_the_channel() {
    let stage = Stage::new("");
    for reason in [Reason::Bot, Reason::Consent, Reason::Rate] {
        let asked = Request { refused: Some(reason), ..request(None, FROM_YANDEX) };
        assert_eq!(stage.ask(asked).await, of_channel(reason));
        let direct = Request { refused: Some(reason), ..request(None, "") };
        assert_eq!(stage.ask(direct).await, none(Some(reason), None));
    }
    assert_eq!(stage.visits.next_id().await.unwrap().0, 0, "no number was used");
}

#[tokio::test]
async fn beyond_the_budget_known_visitors_keep_their_addresses_and_new_ones_get_none() {
    let stage = Stage::new("");
    let known = stage.ask(request(None, FROM_YANDEX)).await;
    let broke = |visitor, landing| Request { budget: &|| false, ..request(visitor, landing) };
    assert_eq!(stage.ask(broke(None, FROM_YANDEX)).await, of_channel(Reason::Budget));
    assert_eq!(stage.ask(broke(Some(&known), FROM_YANDEX)).await, known);
    // The page is to ask again for the new visit.
    let asked_again = Answer { reason: Some(Reason::Budget), ..known.clone() };
    assert_eq!(stage.ask(broke(Some(&known), "https://company.ru/?utm_source=vk")).await, asked_again);
}

#[tokio::test]
async fn a_site_may_show_substitutes_to_some_visitors_alone() {
    let stage = Stage::new("channels = [\"yandex-direct\"]\npages = [\"/pumps*\"]");
    let known = stage.ask(request(None, FROM_YANDEX)).await;
    assert_eq!(known.kind, Kind::Dynamic);
    let rows = [
        ("https://company.ru/pumps", none(Some(Reason::Channel), None)),
        ("https://company.ru/pumps?utm_source=vk", none(Some(Reason::Channel), None)),
        (&FROM_YANDEX.replace("/pumps", "/news"), none(Some(Reason::Page), Some("yandex-direct"))),
    ];
    for (landing, expected) in rows {
        assert_eq!(stage.ask(request(None, landing)).await, expected, "{landing}");
        assert_eq!(stage.ask(request(Some(&known), landing)).await, known, "{landing}");
    }
}

#[tokio::test]
async fn only_mailboxes_of_the_config_are_replaced() {
    let stage = Stage::new("");
    let asked = |addresses: &[&str]| {
        let addresses = addresses.iter().map(|address| (*address).to_owned()).collect();
        stage.ask(Request { addresses, ..request(None, FROM_YANDEX) })
    };
    assert_eq!(asked(&["boss@company.ru", "nonsense"]).await, none(None, Some("yandex-direct")));
    let both = asked(&["sales@company.ru", "boss@company.ru", "info@company.ru"]).await;
    let token = both.visitor.unwrap();
    let (info, sales) = (format!("info+{token}@company.ru"), format!("sales+{token}@company.ru"));
    assert_eq!(both.addresses, map(&[("info@company.ru", &info), ("sales@company.ru", &sales)]));
    // The address that the page has for those without scripts.
    let listed = asked(&["info+m11@company.ru"]).await;
    let address = format!("info+{}@company.ru", listed.visitor.unwrap());
    assert_eq!(listed.addresses, map(&[("info+m11@company.ru", &address)]));
    let by_itself = asked(&[]).await;
    let token = by_itself.visitor.unwrap();
    assert_eq!(by_itself.addresses, map(&[("info@company.ru", &format!("info+{token}@company.ru"))]));
}

#[tokio::test]
async fn an_address_outlives_a_change_of_keys_until_the_old_key_goes() {
    let stage = Stage::new("");
    let known = stage.ask(request(None, FROM_YANDEX)).await;
    let (old, new) = ("0f".repeat(32), "ab".repeat(32));
    fs::write(stage.company.path("token.key"), format!("{new}\n{old}\n")).unwrap();
    let both = stage.reloaded();
    assert_eq!(both.issue(&stage.sites[0], request(Some(&known), ""), Millis::now()).await, known);
    fs::write(stage.company.path("token.key"), new).unwrap();
    let after = stage.reloaded().issue(&stage.sites[0], request(Some(&known), FROM_YANDEX), Millis::now()).await;
    assert_eq!(after, dynamic(after.visitor.unwrap(), Some("yandex-direct")));
    assert_ne!(after.visitor, known.visitor);
}

#[tokio::test]
async fn without_the_store_visitors_are_shown_static_addresses() {
    let stage = Stage::new("");
    let conn = rusqlite::Connection::open(stage.company.path("store/visits.db")).unwrap();
    conn.execute_batch("DROP TABLE visit").unwrap();
    assert_eq!(stage.ask(request(None, FROM_YANDEX)).await, of_channel(Reason::Fault));
}

#[tokio::test]
async fn who_refuses_advertisers_leaves_no_click_id() {
    let stage = Stage::new("");
    let consent = map(&[("analytics", "granted"), ("ads", "denied"), ("Ads!", "denied"), ("other", "perhaps")]);
    let client = map(&[("ga", "1.2"), ("GA", "x"), ("ym", "line\nbreak"), ("fbp", &"x".repeat(513))]);
    let answer = stage.ask(Request { consent, client, ..request(None, FROM_YANDEX) }).await;
    let details = stage.known(answer.visitor.unwrap()).await.visit.unwrap().details;
    assert_eq!(
        (details.click_ids, details.client_ids, details.consent),
        (map(&[]), map(&[("ga", "1.2")]), map(&[("analytics", "granted"), ("ads", "denied")]))
    );
}

#[tokio::test]
async fn an_order_is_carried_out_or_told_what_is_wrong() {
    let stage = Stage::new("");
    let order = |order: Order| stage.issuer.order(order, Millis::now());
    let channel = Some("newsletter".to_owned());
    let mailboxes = vec!["sales@company.ru".to_owned()];
    let issued = order(Order { channel: channel.clone(), mailboxes, ..Order::default() }).await.unwrap();
    let address = format!("sales+{}@company.ru", issued.token);
    assert_eq!((issued.addresses, issued.channel), (map(&[("sales@company.ru", &address)]), channel));
    let visit = stage.known(issued.token).await.visit.unwrap();
    let utm = &visit.touchpoint.utm;
    assert_eq!([&utm.source, &utm.medium, &utm.campaign], ["newsletter", "email", "autumn"]);
    // Whoever has seen the address is not its visitor.
    let asked = Request { visitor: Some(issued.token.to_string()), ..request(None, "") };
    assert_ne!(stage.ask(asked).await.visitor, Some(issued.token));
    let utm = Utm { source: "yandex".to_owned(), medium: "cpc".to_owned(), ..Utm::default() };
    let by_utm = order(Order { utm: Utm { campaign: "pumps-msk".to_owned(), ..utm }, ..Order::default() }).await;
    assert_eq!(by_utm.unwrap().channel.as_deref(), Some("yandex-direct"));
    assert_eq!(order(Order::default()).await.unwrap().channel, None);
    let wrong = [
        (Order { channel: Some("nowhere".to_owned()), ..Order::default() }, "\"nowhere\" is no channel"),
        (
            Order { mailboxes: vec!["boss@company.ru".to_owned()], ..Order::default() },
            "\"boss@company.ru\" is no mailbox",
        ),
    ];
    for (asked, expected) in wrong {
        assert_eq!(order(asked).await.unwrap_err().to_string(), expected);
    }
}
