//! The milter door under every MTA that may come: what it asks for, what it answers, what it survives.

use indymilter_test::{Actions, MacroStage, ProtoOpts, Status, TestConnection};

use crate::milter_house::{Door, HEADERS, Letter, end, envelope, send, to};

/// The edits of a plain letter to `info+m11@company.ru`.
const M11: [&str; 10] = [
    "insert 0 X-Lead-Id: LEAD",
    "insert 1 X-Lead-Channel: billboard-m11",
    "insert 2 X-Lead-Substitute: info+m11@company.ru",
    "insert 3 X-Lead-Status: channel",
    "insert 4 X-Lead-Unique: new",
    "insert 5 X-Lead-UTM-Source: outdoor",
    "insert 6 X-Lead-UTM-Medium: offline",
    "insert 7 X-Lead-UTM-Campaign: =?UTF-8?B?0LwxMS3QstC10YHQvdCw?=",
    "insert 8 X-Lead-UTM-Content: =?UTF-8?B?0YnQuNGCIDPDlzY=?=",
    "insert 9 X-Lead-Tags: offline, outdoor",
];

#[tokio::test]
async fn only_what_is_needed_is_asked_of_an_mta_that_offers_everything() {
    let door = Door::open("");
    let mta = door.connect().await;
    let options = ProtoOpts::NO_CONNECT
        | ProtoOpts::NO_HELO
        | ProtoOpts::NO_BODY
        | ProtoOpts::NO_UNKNOWN
        | ProtoOpts::SKIP
        | ProtoOpts::NOREPLY_MAIL
        | ProtoOpts::NOREPLY_RCPT
        | ProtoOpts::NOREPLY_HEADER
        | ProtoOpts::NOREPLY_EOH;
    assert_eq!(mta.negotiated_opts(), options);
    let actions =
        Actions::ADD_HEADER | Actions::CHANGE_HEADER | Actions::ADD_RCPT | Actions::ADD_RCPT_EXT | Actions::DELETE_RCPT;
    assert_eq!(mta.negotiated_actions(), actions);
    let asked = |stage| mta.requested_macros()[&stage].to_str().unwrap();
    let asked = MacroStage::all_sorted_by_index().map(asked).collect::<Vec<_>>();
    assert_eq!(asked, ["{client_addr} {daemon_name}", "", "{mail_addr} {auth_authen}", "", "i", "i", ""]);
}

#[tokio::test]
async fn a_poor_mta_gets_the_same_headers() {
    let poor = [
        ("Stalwart", TestConnection::configure().available_opts(ProtoOpts::NO_HELO | ProtoOpts::NO_EOH)),
        ("no options", TestConnection::configure().available_opts(ProtoOpts::NO_BODY)),
        ("protocol 2", TestConnection::configure().protocol_version(2)),
    ];
    for (name, mta) in poor {
        let door = Door::open("");
        let mut mta = door.connect_as(mta).await;
        if !mta.negotiated_opts().contains(ProtoOpts::NO_CONNECT) {
            let client: std::net::SocketAddr = "192.0.2.1:25".parse().unwrap();
            assert_eq!(mta.connect("client.example", client).await.unwrap(), Status::Continue, "{name}");
        }
        if !mta.negotiated_opts().contains(ProtoOpts::NO_HELO) {
            assert_eq!(mta.helo("client.example").await.unwrap(), Status::Continue, "{name}");
        }
        assert_eq!(send(&mut mta, &to(&[&["<info+m11@company.ru>"]])).await, M11, "{name}");
        assert_eq!(door.leads().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn an_mta_that_sends_no_data_event_is_served() {
    let door = Door::open("");
    let mut mta = door.connect_as(TestConnection::configure().protocol_version(2)).await;
    mta.mail(["<ivan@client.example>"]).await.unwrap();
    mta.rcpt(["<info+m11@company.ru>"]).await.unwrap();
    for (name, value) in HEADERS {
        mta.header(*name, *value).await.unwrap();
    }
    let (edits, status) = end(&mut mta).await;
    assert_eq!((edits.actions.len(), status, door.leads().len()), (M11.len(), Status::Continue, 1));
}

#[tokio::test]
async fn what_the_mta_does_not_accept_is_left_out() {
    let rows = [
        (Actions::CHANGE_HEADER | Actions::ADD_HEADER, ["delete x-lead-id 1", "insert 0 X-Lead-Id: LEAD"].as_slice()),
        (Actions::ADD_HEADER, &["insert 0 X-Lead-Id: LEAD"]),
        (Actions::ADD_RCPT | Actions::DELETE_RCPT, &["remove <sales+news@company.ru>", "add <sales@company.ru>"]),
        (Actions::ADD_RCPT, &[]),
        (Actions::QUARANTINE, &[]),
    ];
    for (offered, expected) in rows {
        let door = Door::open("");
        let mut mta = door.connect_as(TestConnection::configure().available_actions(offered)).await;
        let headers = [HEADERS, &[("X-Lead-Id", "forged")]].concat();
        let letter = Letter { headers: &headers, ..to(&[&["<sales+news@company.ru>"]]) };
        let mut edits = send(&mut mta, &letter).await;
        edits.retain(|edit| !edit.starts_with("insert") || edit.contains("X-Lead-Id"));
        assert_eq!(edits, expected, "{offered:?}");
        assert_eq!(door.leads().len(), 1, "{offered:?}: the lead is recorded all the same");
    }
}

#[tokio::test]
async fn a_message_without_tracked_recipients_is_accepted_at_data() {
    let door = Door::open("");
    let mut mta = door.connect().await;
    let foreign: &[&[&str]] = &[
        &["<info+unknown@company.ru>"],
        &["<ivan@other.example>"],
        &["<postmaster>"],
        &["<>"],
        &[""],
        &["<info+m11@company.ru"],
    ];
    assert_eq!(send(&mut mta, &to(&foreign[..5])).await, ["accepted at DATA"]);
    // The next message of the session is a new one.
    assert_eq!(send(&mut mta, &to(&[&["<info+m11@company.ru>"]])).await, M11);
    let counts = [&door.metrics.messages, &door.metrics.messages_untracked, &door.metrics.unknown_tags];
    assert_eq!((counts.map(|count| count.get()), door.leads().len()), ([2, 1, 1], 1));
}

#[tokio::test]
async fn strip_all_deletes_forged_headers_of_untracked_mail_too() {
    let forged = [HEADERS, &[("x-lead-ID", "a"), ("X-Lead-Id", "b"), ("X-LEAD-Evil", "c")]].concat();
    let letter = Letter { headers: &forged, ..to(&[&["<info@company.ru>"]]) };
    let door = Door::open("[headers]\nstrip = \"all\"\n");
    let edits = send(&mut door.connect().await, &letter).await;
    assert_eq!(edits, ["delete x-lead-evil 1", "delete x-lead-id 2", "delete x-lead-id 1"]);
    assert_eq!(door.leads().len(), 0);
}

#[tokio::test]
async fn a_message_begins_anew_at_mail() {
    let door = Door::open("");
    let mut mta = door.connect().await;
    // Refused by a milter behind us: no ABORT, the next MAIL simply comes.
    envelope(&mut mta, &to(&[&["<info+m11@company.ru>"]])).await;
    mta.abort().await.unwrap();
    mta.abort().await.unwrap();
    assert_eq!(send(&mut mta, &to(&[&["<ivan@company.ru>"]])).await, ["accepted at DATA"]);
    mta.mail(["<ivan@client.example>"]).await.unwrap();
    mta.rcpt(["<info+yd@company.ru>"]).await.unwrap();
    mta.abort().await.unwrap();
    assert_eq!(send(&mut mta, &to(&[&["<info+m11@company.ru>"]])).await, M11);
    mta.abort().await.unwrap();
    assert_eq!(door.leads().len(), 1);
}

#[tokio::test]
async fn a_session_that_breaks_leaves_no_lead() {
    let door = Door::open("");
    let mut mta = door.connect().await;
    envelope(&mut mta, &to(&[&["<info+m11@company.ru>"]])).await;
    drop(mta);
    // The next session is answered after the broken one has been noticed or before: either way it has no lead.
    let mut other = door.connect().await;
    assert_eq!(send(&mut other, &to(&[&["<ivan@company.ru>"]])).await, ["accepted at DATA"]);
    assert_eq!(door.leads().len(), 0);
}

#[tokio::test]
async fn macros_may_be_missing_or_strange() {
    let clients = [None, Some("IPv6:2001:db8:0:0:0:0:0:1"), Some("::ffff:192.0.2.1"), Some("nonsense")];
    for client in clients {
        let door = Door::open("");
        let mut mta = door.connect().await;
        if let Some(client) = client {
            mta.macros(MacroStage::Connect, [("{client_addr}", client)]).await.unwrap();
        }
        mta.mail(["<ivan@client.example>"]).await.unwrap();
        mta.rcpt(["<info+m11@company.ru>"]).await.unwrap();
        assert_eq!(mta.data().await.unwrap(), Status::Continue);
        let (edits, _) = end(&mut mta).await;
        let lead = door.leads().remove(0);
        assert_eq!((edits.actions.len(), lead.mta.unwrap().queue_id), (M11.len(), None), "{client:?}");
    }
}

#[tokio::test]
async fn a_message_without_any_header_is_answered() {
    let door = Door::open("");
    let letter = Letter { headers: &[], ..to(&[&["<info+m11@company.ru>"]]) };
    assert_eq!(send(&mut door.connect().await, &letter).await, M11);
    let lead = door.leads().remove(0);
    assert_eq!(lead.sender.address.as_deref(), Some("ivan@client.example"), "the envelope tells");
    assert_eq!((lead.message.message_id, lead.message.subject, lead.message.date), (None, None, None));
}

#[tokio::test]
async fn the_queue_id_and_the_declared_size_reach_the_lead() {
    let door = Door::open("");
    let letter =
        Letter { mail: &["<ivan@client.example>", "BODY=8BITMIME", "SIZE=18231"], ..to(&[&["<info+m11@company.ru>"]]) };
    send(&mut door.connect().await, &letter).await;
    let lead = door.leads().remove(0);
    assert_eq!((lead.message.size, lead.mta.unwrap().queue_id.as_deref()), (Some(18231), Some("4XyZ1a2B3c")));
}

#[tokio::test]
async fn more_recipients_than_the_bound_are_left_untracked() {
    let door = Door::open("");
    let mut mta = door.connect().await;
    mta.mail(["<ivan@client.example>"]).await.unwrap();
    for _ in 0..1000 {
        mta.rcpt(["<someone@other.example>"]).await.unwrap();
    }
    mta.rcpt(["<info+m11@company.ru>"]).await.unwrap();
    assert_eq!(mta.data().await.unwrap(), Status::Accept);
    assert_eq!((door.metrics.recipients_beyond_bound.get(), door.leads().len()), (1, 0));
}

#[tokio::test]
async fn ten_thousand_headers_of_any_size_are_bounded() {
    let door = Door::open("");
    let mut mta = door.connect().await;
    envelope(&mut mta, &to(&[&["<info+m11@company.ru>"]])).await;
    let long = "x".repeat(4000);
    for number in 0..10_000 {
        mta.header(format!("X-Other-{}", number % 50), long.as_str()).await.unwrap();
        mta.header("References", long.as_str()).await.unwrap();
    }
    let (edits, _) = end(&mut mta).await;
    assert_eq!((edits.actions.len(), door.leads().len()), (M11.len(), 1));
    assert!(door.metrics.headers_beyond_bound.get() > 9_900);
}

#[tokio::test]
async fn dry_run_changes_and_records_nothing() {
    let door = Door::open("[milter]\ndry_run = true\n");
    let mut mta = door.connect().await;
    assert_eq!(send(&mut mta, &to(&[&["<sales+news@company.ru>"]])).await, Vec::<String>::new());
    assert_eq!([&door.metrics.dry_runs, &door.metrics.leads].map(|count| count.get()), [1, 0]);
    assert_eq!(door.leads().len(), 0);
}

#[tokio::test]
async fn dry_run_defers_nothing_while_the_store_is_locked() {
    let door = Door::open("[milter]\ndry_run = true\non_error = \"tempfail\"\nbudget = \"100ms\"\n");
    let mut mta = door.connect().await;
    let other = rusqlite::Connection::open(door.company.path("store/leads.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(send(&mut mta, &to(&[&["<sales+news@company.ru>"]])).await, Vec::<String>::new());
    assert_eq!(door.metrics.faults.get(), 1);
}

#[tokio::test]
async fn a_sink_that_came_after_the_mta_gets_its_leads_too() {
    const SINK: &str = "[[sink]]\nid = \"crm\"\nurl = \"http://127.0.0.1:9/\"\nsecret_file = \"crm.secret\"\n";
    let door = Door::open("");
    let mut mta = door.connect().await;
    door.company.rewrite("[milter]\nlisten = \"unix:milter.sock\"\n", SINK);
    door.intake.store(std::sync::Arc::new(leadmilter::intake::Intake::new(door.company.config())));
    assert_eq!(send(&mut mta, &to(&[&["<info+m11@company.ru>"]])).await, M11);
    let filter = leadmilter::store::DeliveryFilter { limit: 10, ..Default::default() };
    let sinks: Vec<_> = door.store.deliveries(&filter).unwrap().into_iter().map(|delivery| delivery.sink).collect();
    assert_eq!(sinks, ["crm"]);
}

#[tokio::test]
async fn a_session_keeps_the_config_it_began_with() {
    let door = Door::open("");
    let mut old = door.connect().await;
    let letter = to(&[&["<info+m11@company.ru>"]]);
    envelope(&mut old, &letter).await;
    old.abort().await.unwrap();
    let mut config = door.company.config();
    config.channels.retain(|channel| channel.id != "billboard-m11");
    door.intake.store(std::sync::Arc::new(leadmilter::intake::Intake::new(config)));
    let mut new = door.connect().await;
    assert_eq!(send(&mut new, &letter).await, ["accepted at DATA"]);
    assert_eq!(send(&mut old, &letter).await, M11);
}
