//! The same letter by every way in: the same event byte for byte, and one lead if the ways share a store.
//!
//! A way is given a company of its own and sends the letter to it; its event comes by webhook, whoever recorded it. A
//! new way in is one more row.

use std::{any::Any, collections::BTreeMap, path::PathBuf};

use indymilter_test::TestConnection;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    command::{run, run_with},
    company::{Company, webhook},
    delivered::fields,
    house::{Receiver, status},
    milter_house::{self, Door},
    postfix_house::{Daemon, Postfix, queue_id},
    sendmail_house::Sendmail,
    sieve_house::{Dovecot, Stored},
    told::Told,
};

const SENDER: &str = "<anna@client.example>";
const RCPT: &str = "<INFO+m11@Company.ru>";

/// A letter with all that an event tells of: encoded and folded words, a name in quotes, another time zone.
const LETTER: &str = "\
From: =?UTF-8?B?0JDQvdC90LAg0J/QtdGC0YDQvtCy0LA=?= <Anna.Petrova@Client.example>
To: \"Info, Company\" <info@company.ru>
Subject: =?koi8-r?B?48XOwQ==?=
 of two =?UTF-8?Q?pumps_=22big=22?=
Date: Mon, 2 Nov 2026 10:00:00 -0330
Message-ID: <anna-1@client.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

What do they cost?
";

/// Where the events of all companies come to.
struct World {
    receiver: Receiver,
    runtime: Runtime,
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let receiver = runtime.block_on(Receiver::start(|_| status(204)));
        Self { receiver, runtime }
    }

    /// A company that tells this world of its leads.
    fn company(&self, listen: &str) -> Company {
        let top = format!("log.target = \"stderr\"\nmilter.listen = \"{listen}\"\n");
        Company::new(&top, &webhook("crm", &self.receiver.url))
    }

    /// The next event: as text and as read.
    fn told(&mut self) -> (String, Told) {
        let call = self.runtime.block_on(self.receiver.next());
        (String::from_utf8(call.body.to_vec()).unwrap(), Told::of(&call))
    }
}

/// The daemon of a company, and where its milter listens.
fn daemon(company: &Company) -> (Daemon, String) {
    let daemon = Daemon::start(&company.config_file());
    let log = daemon.log();
    let address = log.split_once("listening on inet:").unwrap().1.split(',').next().unwrap().to_owned();
    (daemon, address)
}

/// As Sendmail spells the socket of a milter.
fn port_at_host(address: &str) -> String {
    let (host, port) = address.rsplit_once(':').unwrap();
    format!("inet:{port}@{host}")
}

/// The letter as `ingest --filter` gives it back.
fn filtered(company: &Company) -> String {
    let arguments = ["ingest", "--filter", "--sender", SENDER, "--recipient", RCPT];
    let output = run_with(company, &arguments, LETTER.as_bytes());
    assert_eq!((output.code, output.err.as_str()), (0, ""));
    output.out
}

fn ingested(company: &Company) {
    std::fs::write(company.path("letter.eml"), LETTER).unwrap();
    let arguments = ["ingest", "--sender", SENDER, "--recipient", RCPT, "letter.eml"];
    assert_eq!(run_with(company, &arguments, b"").code, 0);
}

/// Shows the letter to a milter; gives back the edits.
async fn by_milter(mta: &mut TestConnection) -> Vec<String> {
    let (head, _) = LETTER.split_once("\n\n").unwrap();
    let fields = fields(head);
    let headers: Vec<_> = fields.iter().map(|field| field.split_once(": ").unwrap()).collect();
    let rcpt: &[&[&str]] = &[&[RCPT]];
    let letter = milter_house::Letter { mail: &[SENDER], headers: &headers, ..milter_house::to(rcpt) };
    milter_house::send(mta, &letter).await
}

/// What has to live on until the event has come.
type Kept = Box<dyn Any>;

/// Sends the letter; gives back the config of the company, and whether its daemon is still to be started.
type Way = fn(&World) -> (PathBuf, bool, Kept);

fn by_postfix_as(world: &World, letter: &str) -> (PathBuf, bool, Kept) {
    let company = world.company("inet:127.0.0.1:0");
    let (daemon, address) = daemon(&company);
    let postfix = Postfix::start(&format!("inet:{address}"), &[]);
    assert!(postfix.send(SENDER, &[RCPT], letter.as_bytes()).queue_id().is_some());
    (company.config_file(), false, Box::new((postfix, daemon, company)))
}

const WAYS: [(&str, Way); 7] = [
    ("Postfix", |world| by_postfix_as(world, LETTER)),
    ("Sendmail", |world| {
        let company = world.company("inet:127.0.0.1:0");
        let (daemon, address) = daemon(&company);
        let sendmail = Sendmail::start(&port_at_host(&address), &[]);
        assert!(sendmail.send(SENDER, &[RCPT], LETTER.as_bytes()).queue_id().is_some());
        (company.config_file(), false, Box::new((sendmail, daemon, company)))
    }),
    ("the milter door", |world| {
        let door = world.runtime.block_on(async {
            let door = Door::of(world.company("unix:milter.sock"));
            by_milter(&mut door.connect().await).await;
            door
        });
        // The daemon is to listen elsewhere.
        door.company.rewrite(
            "log.target = \"stderr\"\nmilter.listen = \"inet:127.0.0.1:0\"\n",
            &webhook("crm", &world.receiver.url),
        );
        (door.company.config_file(), true, Box::new(door))
    }),
    ("ingest", |world| {
        let company = world.company("inet:127.0.0.1:0");
        ingested(&company);
        (company.config_file(), true, Box::new(company))
    }),
    ("ingest --filter", |world| {
        let company = world.company("inet:127.0.0.1:0");
        filtered(&company);
        (company.config_file(), true, Box::new(company))
    }),
    ("Dovecot's Sieve", |world| {
        let dovecot = Dovecot::start(world.company("inet:127.0.0.1:0"), &[]);
        dovecot.deliver(SENDER, &[RCPT], LETTER);
        (dovecot.company.config_file(), true, Box::new(dovecot))
    }),
    // The headers of another company's leadmilter are on it already.
    ("a second pass", |world| by_postfix_as(world, &filtered(&Company::new("", "")))),
];

/// An event's text without what may differ: ids, moments, the MTA's part, and the size.
fn settled(text: &str, told: &Told) -> String {
    let recorded = told.raw["recordedtime"].as_str().unwrap();
    let text = text.replace(&told.id, "LEAD").replace(&told.time, "TIME").replace(recorded, "TIME");
    let without = |text: String, name: &str, value: &Value| {
        let pair = format!("\"{name}\":{value}");
        assert_eq!(text.matches(&pair).count(), 1, "{pair} in {text}");
        text.replace(&pair, &format!("\"{name}\":SETTLED"))
    };
    let text = without(text, "size", &told.raw["data"]["message"]["size"]);
    without(text, "mta", &told.raw["data"]["mta"])
}

#[test]
fn every_way_in_gives_the_same_event_byte_for_byte() {
    let mut world = World::new();
    let (mut events, mut differences) = (BTreeMap::<String, Vec<&str>>::new(), Vec::new());
    for (name, way) in WAYS {
        let (config, later, kept) = way(&world);
        let late = later.then(|| Daemon::start(&config));
        let (text, told) = world.told();
        events.entry(settled(&text, &told)).or_default().push(name);
        let data = &told.raw["data"];
        let size = &data["message"]["size"];
        differences.push((name, size.is_number(), data["mta"]["queue_id"].is_string()));
        drop((late, kept));
    }
    assert_eq!(events.len(), 1, "{events:#?}");
    // An MTA tells a queue id, and a size only where its client declared one; without an MTA it is the other way round.
    let expected = [
        ("Postfix", false, true),
        ("Sendmail", false, true),
        ("the milter door", false, true),
        ("ingest", true, false),
        ("ingest --filter", true, false),
        ("Dovecot's Sieve", true, false),
        ("a second pass", false, true),
    ];
    assert_eq!(differences, expected);
    let event: Value = serde_json::from_str(&events.keys().next().unwrap().replace("SETTLED", "null")).unwrap();
    assert_eq!(event["data"]["message"]["subject"], "Цена of two pumps \"big\"");
    assert_eq!(event["data"]["sender"]["name"], "Анна Петрова");
}

#[test]
fn ways_that_share_a_store_make_one_lead() {
    let mut world = World::new();
    let dovecot = Dovecot::start(world.company("inet:127.0.0.1:0"), &[]);
    let company = &dovecot.company;
    let (daemon, address) = daemon(company);
    dovecot.hand_over(dovecot.fact("user"));
    let postfix = Postfix::start(&format!("inet:{address}"), &[]);
    let sendmail = Sendmail::start(&port_at_host(&address), &[]);

    let mut copies = BTreeMap::new();
    postfix.send(SENDER, &[RCPT], LETTER.as_bytes());
    let (_, told) = world.told();
    copies.insert("Postfix", postfix.mails("info@company.ru", 1).remove(0));
    sendmail.send(SENDER, &[RCPT], LETTER.as_bytes());
    copies.insert("Sendmail", sendmail.delivered().remove(0).letter);
    ingested(company);
    copies.insert("filter", filtered(company).into_bytes());
    dovecot.deliver(SENDER, &[RCPT], LETTER);
    let Stored { added, trace, letter, .. } = dovecot.mail("info@company.ru");
    copies.insert("Sieve", [added, trace, letter].concat().into_bytes());
    let edits = world.runtime.block_on(async {
        let mut mta = TestConnection::configure().open_tcp(&*address).await.unwrap();
        by_milter(&mut mta).await
    });
    assert_eq!(edits.len(), 10, "{edits:?}");
    // What each of them delivered comes by once more.
    for (name, copy) in copies.clone() {
        let again = postfix.send(SENDER, &[RCPT], &copy).queue_id().unwrap();
        let mails = postfix.mails("info@company.ru", 1);
        let mail = mails.into_iter().find(|mail| queue_id(mail) == again).unwrap();
        copies.insert(name, mail);
    }
    for (name, copy) in copies {
        let text = String::from_utf8(copy).unwrap();
        assert_eq!(text.matches("X-Lead-Id: ").count(), 1, "{name}: {text}");
        assert!(text.contains(&format!("\nX-Lead-Id: {}\n", told.id)), "{name}: {text}");
    }
    assert_eq!(dovecot.leads(), [told.raw["data"].clone()]);
    let deliveries = run(company, &["deliveries", "list", "--json"]).json();
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0]["state"], json!("delivered"));
    drop(daemon);
}
