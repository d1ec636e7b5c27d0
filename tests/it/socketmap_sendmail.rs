//! A real Sendmail that asks the socket map: by rules for a domain of its own, and as its whole virtusertable.

use std::fs;

use leadmilter::token::Token;

use crate::{
    company::{Company, DYNAMIC},
    fault_house::{header, letter},
    postfix_house::{Daemon, wait_for},
    sendmail_house::{SHIPPED_MILTER, Sendmail},
    socketmap_house::{forged, issue},
};

/// Sendmail and the company behind it.
struct Scene {
    sendmail: Sendmail,
    company: Company,
    token: Token,
}

impl Scene {
    fn open(options: &[&str]) -> Self {
        let sendmail = Sendmail::start(SHIPPED_MILTER, options);
        let listen = |file: &str| format!("listen = \"unix:{}\"\n", sendmail.path(file).display());
        let top = format!("[milter]\n{}[socketmap]\n{}", listen("milter.sock"), listen("map.sock"));
        let company = Company::new(&top, DYNAMIC);
        let token = issue(&company);
        Self { sendmail, company, token }
    }

    fn daemon(&self) -> Daemon {
        Daemon::start(&self.company.config_file())
    }

    /// The answer to RCPT, without the address that it repeats.
    fn send(&self, name: &str, rcpt: &str) -> (u16, String) {
        let answers = self.sendmail.send("<anna@client.example>", &[&format!("<{rcpt}>")], &letter(name));
        let reply = &answers.rcpts[0];
        let text = reply.text.split_once("... ").map_or(&*reply.text, |(_, text)| text);
        (reply.code, text.to_owned())
    }

    /// Whom letters were delivered to since the last call, and their channel, in alphabetical order.
    fn delivered(&self) -> Vec<(String, Option<String>)> {
        let deliveries = self.sendmail.delivered().into_iter();
        let mut delivered: Vec<_> =
            deliveries.map(|of| (of.said[1..].join(" "), header(&of.letter, "X-Lead-Channel"))).collect();
        delivered.sort();
        delivered
    }
}

fn reply(code: u16, text: &str) -> (u16, String) {
    (code, text.to_owned())
}

fn to(rcpt: &str, channel: Option<&str>) -> (String, Option<String>) {
    (format!("RCPT To:<{rcpt}>"), channel.map(str::to_owned))
}

#[test]
fn by_the_shipped_rules_only_mail_to_its_own_domain_is_put_off_while_the_daemon_is_away() {
    let scene = Scene::open(&["--option", include_str!("../../contrib/sendmail/lead_alias.mc")]);
    let dynamic = format!("{}@leads.company.ru", scene.token);
    let daemon = scene.daemon();
    let (ok, unknown) = (reply(250, "Recipient ok"), reply(550, "User unknown"));
    assert_eq!(scene.send("1", &dynamic), ok);
    assert_eq!(scene.send("2", "YD@Leads.Company.ru"), ok, "of a channel");
    assert_eq!(scene.send("3", "info+m11@company.ru"), ok);
    assert_eq!(scene.send("4", "m11@promo.company.ru"), ok, "by the virtusertable");
    assert_eq!(scene.send("5", &format!("{}@leads.company.ru", forged(&scene.token))), unknown);
    assert_eq!(scene.send("6", "\"no body\"@leads.company.ru"), unknown);
    let (yandex, billboard) = (Some("yandex-direct"), Some("billboard-m11"));
    let expected = [to("info", billboard), to("info", billboard), to("info", yandex), to("info", yandex)];
    assert_eq!(scene.delivered(), expected);
    let (status, log) = daemon.terminate();
    assert!(status.success(), "{log}");
    assert_eq!(scene.send("7", "info@company.ru"), ok);
    assert_eq!(scene.send("8", "info+m11@company.ru"), ok);
    assert_eq!(scene.send("9", &dynamic), reply(451, "4.3.0 Temporary lookup failure"));
    assert_eq!(scene.delivered(), [to("info", None), to("info", None)]);
    let _daemon = scene.daemon();
    assert_eq!(scene.send("10", &dynamic), ok);
    assert_eq!(scene.delivered(), [to("info", yandex)]);
}

#[test]
fn as_the_virtusertable_it_is_asked_for_all_mail_which_waits_in_the_queue_while_the_daemon_is_away() {
    let scene = Scene::open(&["--map", "socket local:/run/leadmilter/map.sock"]);
    let daemon = scene.daemon();
    let token = scene.token;
    let rows = [
        (format!("{token}@leads.company.ru"), to("info", Some("yandex-direct"))),
        (format!("info.{token}@company.ru"), to("info", Some("yandex-direct"))),
        (format!("INFO-{token}@company.ru"), to("info", Some("yandex-direct"))),
        ("info.m11@company.ru".to_owned(), to("info", Some("billboard-m11"))),
        ("info@company.ru".to_owned(), to("info", None)),
        ("ivan@company.ru".to_owned(), to("ivan", None)),
    ];
    for (rcpt, delivery) in rows {
        assert_eq!(scene.send(&rcpt, &rcpt), reply(250, "Recipient ok"), "{rcpt}");
        assert_eq!(scene.delivered(), [delivery], "{rcpt}");
    }
    let (status, log) = daemon.terminate();
    assert!(status.success(), "{log}");
    assert_eq!(scene.send("1", "ivan@company.ru"), reply(250, "Recipient ok (will queue)"));
    let _daemon = scene.daemon();
    let queue = scene.sendmail.path("queue");
    assert!(fs::read_dir(&queue).unwrap().next().is_some(), "the letter waits");
    let answer = scene.sendmail.session().command("ETRN company.ru");
    assert_eq!(answer.code / 100, 2, "{answer:?}");
    wait_for("the queue", || fs::read_dir(&queue).unwrap().next().is_none().then_some(()), || scene.sendmail.log());
    assert_eq!(scene.delivered(), [to("ivan", None)]);
}
