//! Letters to addresses that name visits: what the lead tells of the visit and its visitor, by which spelling of the
//! address and after whatever time.

use std::{collections::BTreeMap, time::Duration};

use leadmilter::{
    channel::Utm,
    clock::Millis,
    issuing::{Issuer, Order},
    lead::Lead,
    store::{Retention, Visits},
    token::{Claim, Token, VisitId},
    visit::{Details, NewVisit, Touchpoint},
};
use serde_json::{Value, json};

use crate::{
    company::DYNAMIC,
    milter_house::{Door, HEADERS, Letter, send, send_raw, to},
};

const DAY: Duration = Duration::from_secs(86_400);

fn ago(time: Duration) -> Millis {
    Millis(Millis::now().0 - i64::try_from(time.as_millis()).unwrap())
}

fn visits(door: &Door) -> &Visits {
    door.store.visits().unwrap()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn from_yandex() -> Touchpoint {
    Touchpoint {
        channel: Some("yandex-direct".to_owned()),
        utm: Utm {
            source: "yandex".to_owned(),
            medium: "cpc".to_owned(),
            campaign: "насосы".to_owned(),
            term: "купить насос".to_owned(),
            content: String::new(),
        },
        landing_page: Some("https://company.ru/pumps?utm_source=yandex".to_owned()),
        referrer: Some("https://yandex.ru/".to_owned()),
    }
}

fn direct() -> Touchpoint {
    let utm = Utm { source: "(direct)".to_owned(), medium: "(none)".to_owned(), ..Utm::default() };
    Touchpoint { utm, landing_page: Some("https://company.ru/".to_owned()), ..Touchpoint::default() }
}

fn details() -> Details {
    Details {
        click_ids: map(&[("yclid", "123")]),
        client_ids: map(&[("ga", "1166061800.1763744531"), ("ym", "1763744531123456789")]),
        consent: map(&[("analytics", "granted")]),
        custom: map(&[("city", "Москва")]),
        page: Some("https://company.ru/contacts".to_owned()),
    }
}

/// Issues an address as a web site would ask for it; gives back its number and token.
async fn issue(door: &Door, at: Millis, touchpoint: Touchpoint, visitor: Option<VisitId>) -> (VisitId, Token) {
    let intake = door.intake.load();
    let tokens = intake.table.tokens().unwrap();
    loop {
        let id = visits(door).next_id().await.unwrap();
        if let Some(token) = tokens.mint(id) {
            let claim = Claim { id, key: tokens.mark() };
            visits(door)
                .record(NewVisit { claim, at, visitor, is_ordered: false, touchpoint, details: details() })
                .await
                .unwrap();
            return (id, token);
        }
    }
}

/// Sends one letter to these recipients; gives back the edits.
async fn write_to(door: &Door, recipients: &[&str]) -> Vec<String> {
    let mut mta = door.connect().await;
    let paths: Vec<[String; 1]> = recipients.iter().map(|address| [format!("<{address}>")]).collect();
    let paths: Vec<Vec<&str>> = paths.iter().map(|path| vec![path[0].as_str()]).collect();
    let rcpts: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
    send(&mut mta, &to(&rcpts)).await
}

fn the_lead(door: &Door) -> Lead {
    let mut leads = door.leads();
    assert_eq!(leads.len(), 1);
    leads.pop().unwrap()
}

#[tokio::test]
async fn the_lead_tells_the_visit_that_was_shown_the_address() {
    let door = Door::open(DYNAMIC);
    let at = ago(Duration::from_secs(3600));
    let (_, token) = issue(&door, at, from_yandex(), None).await;
    let edits = write_to(&door, &[&format!("info+{token}@company.ru")]).await;
    let expected = [
        "insert 0 X-Lead-Id: LEAD".to_owned(),
        "insert 1 X-Lead-Channel: yandex-direct".to_owned(),
        format!("insert 2 X-Lead-Substitute: info+{token}@company.ru"),
        "insert 3 X-Lead-Status: exact".to_owned(),
        "insert 4 X-Lead-Unique: new".to_owned(),
        "insert 5 X-Lead-UTM-Source: yandex".to_owned(),
        "insert 6 X-Lead-UTM-Medium: cpc".to_owned(),
        "insert 7 X-Lead-UTM-Campaign: =?UTF-8?B?0L3QsNGB0L7RgdGL?=".to_owned(),
        "insert 8 X-Lead-UTM-Term: =?UTF-8?B?0LrRg9C/0LjRgtGMINC90LDRgdC+0YE=?=".to_owned(),
        "insert 9 X-Lead-Client-Id: 1166061800.1763744531".to_owned(),
    ];
    assert_eq!(edits, expected);
    let lead = the_lead(&door);
    let age = lead.attribution.age_seconds.unwrap();
    assert!((3600..3660).contains(&age), "{age}");
    let address = format!("info+{token}@company.ru");
    let told = serde_json::to_value(&lead).unwrap();
    let at = serde_json::to_value(at).unwrap();
    assert_eq!(
        [&told["recipient"], &told["channel"], &told["attribution"]],
        [
            &json!({
                "substitute": address, "real": "info@company.ru", "kind": "dynamic", "pattern": "plus",
                "token": token.as_str(),
            }),
            &json!({ "id": "yandex-direct", "name": "Яндекс Директ" }),
            &json!({
                "status": "exact", "confidence": "exact", "age_seconds": age,
                "touches": [{
                    "at": at, "substitute": address, "channel": "yandex-direct", "source": "yandex", "medium": "cpc",
                    "campaign": "насосы", "term": "купить насос", "content": null,
                    "landing_page": "https://company.ru/pumps?utm_source=yandex", "referrer": "https://yandex.ru/",
                }],
                "source": "yandex", "medium": "cpc", "campaign": "насосы", "term": "купить насос", "content": null,
                "campaign_id": null, "landing_page": "https://company.ru/pumps?utm_source=yandex",
                "page": "https://company.ru/contacts", "referrer": "https://yandex.ru/", "visit_at": at, "issued_at": at,
                "click_ids": { "yclid": "123" },
                "client_ids": { "ga": "1166061800.1763744531", "ym": "1763744531123456789" },
                "consent": { "analytics": "granted" }, "custom": { "city": "Москва" },
            }),
        ]
    );
}

#[tokio::test]
async fn every_spelling_of_the_address_names_the_visit() {
    let door = Door::open(DYNAMIC);
    let (_, token) = issue(&door, Millis::now(), from_yandex(), None).await;
    let typed = token.as_str().replace('1', "l").replace('0', "O").to_uppercase();
    let (front, back) = typed.split_at(5);
    let rows = [
        (format!("info+{token}@company.ru"), format!("info+{token}@company.ru"), "plus"),
        (format!("INFO.{typed}@Company.RU"), format!("info.{token}@company.ru"), "dot"),
        (format!("info-{front}-{back}@company.ru"), format!("info-{token}@company.ru"), "minus"),
        (format!("sales+{token}@company.ru"), format!("sales+{token}@company.ru"), "plus"),
        (format!("{typed}@leads.company.ru"), format!("{token}@leads.company.ru"), "subdomain"),
    ];
    for (number, (written, substitute, pattern)) in rows.iter().enumerate() {
        let mut mta = door.connect().await;
        let (path, id) = (format!("<{written}>"), format!("<{number}@client.example>"));
        let mut headers = HEADERS.to_vec();
        headers[3].1 = &id;
        let rcpts: &[&[&str]] = &[&[&path]];
        send(&mut mta, &Letter { mail: &["<ivan@client.example>"], rcpts, headers: &headers }).await;
        let told = serde_json::to_value(door.leads().pop().unwrap()).unwrap();
        let recipient = &told["recipient"];
        let got = [&recipient["substitute"], &recipient["pattern"], &recipient["token"], &told["channel"]["id"]];
        assert_eq!(got, [substitute, *pattern, token.as_str(), "yandex-direct"], "{written}");
    }
    assert_eq!(door.leads().len(), rows.len());
}

#[tokio::test]
async fn a_forged_token_is_an_unknown_tag() {
    let door = Door::open(DYNAMIC);
    let (_, token) = issue(&door, Millis::now(), from_yandex(), None).await;
    let last = if token.as_str().ends_with('z') { 'y' } else { 'z' };
    let forged = format!("{}{last}", &token.as_str()[..9]);
    for address in [format!("info+{forged}@company.ru"), format!("{forged}@leads.company.ru")] {
        // `direct` asks for the headers of letters to a mailbox itself, which this is not.
        assert_eq!(write_to(&door, &[&address]).await, ["accepted at DATA"], "{address}");
    }
    assert_eq!((door.leads(), door.metrics.unknown_tags.get()), (Vec::new(), 2));
}

/// Status, touches as `source at-age`, whether the visit is told, and the header of the lead of this address.
async fn standing(door: &Door, token: Token) -> Value {
    let edits = write_to(door, &[&format!("info+{token}@company.ru")]).await;
    let status = edits.iter().find_map(|edit| edit.split_once("X-Lead-Status: ")).unwrap().1.to_owned();
    let told = serde_json::to_value(the_lead(door)).unwrap();
    let of = &told["attribution"];
    assert_eq!(of["status"], status);
    json!([status, of["confidence"], of["source"], of["client_ids"], of["age_seconds"].as_u64().unwrap() / 86_400])
}

#[tokio::test]
async fn after_the_window_a_lead_is_late_and_still_attributed() {
    let door = Door::open(DYNAMIC);
    let (_, token) = issue(&door, ago(100 * DAY), from_yandex(), None).await;
    let ids = json!({ "ga": "1166061800.1763744531", "ym": "1763744531123456789" });
    assert_eq!(standing(&door, token).await, json!(["late", "exact", "yandex", ids, 100]));
}

#[tokio::test]
async fn a_compact_visit_tells_how_it_came_and_a_deleted_one_that_it_was() {
    let retention = Retention { compact: 180 * DAY, purge: 800 * DAY };
    let door = Door::open(DYNAMIC);
    let (_, token) = issue(&door, ago(200 * DAY), from_yandex(), None).await;
    visits(&door).retain(retention, Millis::now()).await.unwrap();
    assert_eq!(standing(&door, token).await, json!(["late", "exact", "yandex", {}, 200]));

    let door = Door::open(DYNAMIC);
    let (_, token) = issue(&door, ago(801 * DAY), from_yandex(), None).await;
    visits(&door).retain(retention, Millis::now()).await.unwrap();
    // Its block was leased a moment ago, so that is its time.
    assert_eq!(standing(&door, token).await, json!(["expired", "none", null, {}, 0]));
    let lead = the_lead(&door);
    assert_eq!((lead.channel, lead.attribution.touches, lead.attribution.visit_at), (None, Vec::new(), None));
    assert!(lead.repeat.unique, "it counts: somebody has kept the address");
}

#[tokio::test]
async fn touches_are_the_visitors_visits_oldest_first() {
    let door = Door::open(DYNAMIC);
    let (first, _) = issue(&door, ago(30 * DAY), from_yandex(), None).await;
    let (_, token) = issue(&door, ago(20 * DAY), direct(), Some(first)).await;
    issue(&door, ago(10 * DAY), from_yandex(), None).await;
    let address = format!("info+{token}@company.ru");
    // Another mailbox with the same token, and a billboard, in one letter.
    let edits = write_to(&door, &[&address, &format!("sales+{token}@company.ru"), "info+m11@company.ru"]).await;
    assert!(edits.contains(&"insert 4 X-Lead-UTM-Source: (direct)".to_owned()), "{edits:?}");
    let lead = the_lead(&door);
    let touches = lead.attribution.touches.iter();
    let touches = touches.map(|touch| (touch.source.as_deref(), touch.substitute.as_deref()));
    let expected = [
        (Some("yandex"), None),
        (Some("(direct)"), Some(address.as_str())),
        (Some("outdoor"), Some("info+m11@company.ru")),
    ];
    assert_eq!(touches.collect::<Vec<_>>(), expected);
    assert_eq!(lead.tags, ["offline", "outdoor"]);
}

#[tokio::test]
async fn a_visitor_is_one_person_by_whatever_address_he_writes() {
    let door = Door::open(&format!("[leads]\nunique_by = \"visitor\"\n{DYNAMIC}"));
    let (first, token) = issue(&door, ago(DAY), from_yandex(), None).await;
    let (_, second) = issue(&door, Millis::now(), from_yandex(), Some(first)).await;
    let (_, other) = issue(&door, Millis::now(), from_yandex(), None).await;
    let letters = [
        ("<ivan@client.example>", format!("info+{token}@company.ru")),
        ("<ivan@home.example>", format!("info+{second}@company.ru")),
        ("<ivan@client.example>", format!("info+{other}@company.ru")),
    ];
    for (number, (sender, address)) in letters.iter().enumerate() {
        let mut mta = door.connect().await;
        let (from, path, id) = (sender.to_string(), format!("<{address}>"), format!("<{number}@client.example>"));
        let headers = [("From", from.as_str()), ("Message-ID", id.as_str())];
        let (mail, rcpts): (&[&str], &[&[&str]]) = (&[sender], &[&[&path]]);
        send(&mut mta, &Letter { mail, rcpts, headers: &headers }).await;
    }
    let counts: Vec<_> = door.leads().into_iter().map(|lead| (lead.repeat.unique, lead.repeat.count)).collect();
    assert_eq!(counts, [(true, 1), (false, 2), (true, 1)]);
}

#[tokio::test]
async fn a_token_that_was_called_leaked_is_so_behind_every_mailbox() {
    let door = Door::open(DYNAMIC);
    let (_, token) = issue(&door, Millis::now(), from_yandex(), None).await;
    let leaked = leadmilter::store::AddressState::Leaked;
    door.store.set_address(token.as_str(), Some(leaked), Some("found on a list")).await.unwrap();
    write_to(&door, &[&format!("sales+{token}@company.ru")]).await;
    let lead = the_lead(&door);
    assert_eq!((lead.attribution.status.as_str(), lead.repeat.counts()), ("leaked", false));
}

#[tokio::test]
async fn a_second_host_keeps_the_headers_of_a_visit_that_it_does_not_know() {
    let top = format!("[headers]\nkey_file = \"header.key\"\n{DYNAMIC}");
    let (first, second) = (Door::open(&top), Door::open(&top));
    let (_, token) = issue(&first, Millis::now(), from_yandex(), None).await;
    let path = format!("<info+{token}@company.ru>");
    let rcpts: &[&[&str]] = &[&[&path]];
    let letter = Letter { mail: &["<ivan@client.example>"], rcpts, headers: HEADERS };
    let ours = send_raw(&mut first.connect().await, &letter).await;
    let ours = ours.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let headers: Vec<_> = ours.chain(HEADERS.iter().copied()).collect();
    let again = Letter { headers: &headers, ..letter };
    assert_eq!(send(&mut second.connect().await, &again).await, Vec::<String>::new());
    assert_eq!((second.metrics.trusted.get(), second.leads()), (1, Vec::new()));
}

#[tokio::test]
async fn an_address_that_was_ordered_has_no_visitor() {
    let door = Door::open(&format!("[leads]\nunique_by = \"visitor\"\n{DYNAMIC}"));
    let intake = door.intake.load_full();
    let issuer = Issuer::new(intake, visits(&door).clone()).unwrap();
    let token = issuer.order(Order::default(), Millis::now()).await.unwrap().token;
    for (number, sender) in
        ["<ivan@client.example>", "<anna@client.example>", "<ivan@client.example>"].iter().enumerate()
    {
        let mut mta = door.connect().await;
        let (path, id) = (format!("<info+{token}@company.ru>"), format!("<{number}@client.example>"));
        let headers = [("From", *sender), ("Message-ID", id.as_str())];
        let (mail, rcpts): (&[&str], &[&[&str]]) = (&[sender], &[&[&path]]);
        send(&mut mta, &Letter { mail, rcpts, headers: &headers }).await;
    }
    let counts: Vec<_> = door.leads().into_iter().map(|lead| (lead.repeat.unique, lead.repeat.count)).collect();
    assert_eq!(counts, [(true, 1), (true, 1), (false, 2)]);
}

#[tokio::test]
async fn without_the_visits_a_letter_passes_and_the_fault_is_told() {
    let door = Door::open(DYNAMIC);
    let (_, token) = issue(&door, Millis::now(), from_yandex(), None).await;
    rusqlite::Connection::open(door.company.path("store/visits.db"))
        .unwrap()
        .execute_batch("DROP TABLE touchpoint")
        .unwrap();
    assert_eq!(write_to(&door, &[&format!("info+{token}@company.ru")]).await, Vec::<String>::new());
    assert_eq!((door.metrics.faults.get(), door.leads()), (1, Vec::new()));
}
