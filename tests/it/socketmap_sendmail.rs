//! A real Sendmail that asks the socket map: by rules for a domain of its own, and as its whole virtusertable.

use std::fs;

use crate::{
    fault_house::{header, letter},
    office::Office,
    postfix_house::wait_for,
    sendmail_house::{SHIPPED_MILTER, Sendmail},
};

/// Sendmail and what is behind it, which end in this order.
struct Scene {
    sendmail: Sendmail,
    office: Option<Office>,
}

impl Scene {
    fn open(options: &[&str]) -> Self {
        let sendmail = Sendmail::start(SHIPPED_MILTER, options);
        let mut scene = Self { sendmail, office: None };
        scene.start();
        scene
    }

    fn start(&mut self) {
        let listen = |file: &str| format!("unix:{}", self.sendmail.path(file).display());
        let keys = format!("socketmap.listen = \"{}\"", listen("map.sock"));
        self.office = Some(Office::open(&listen("milter.sock"), &keys, ""));
    }

    fn stop(&mut self) {
        self.office = None;
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
    let mut scene = Scene::open(&["--option", include_str!("../../contrib/sendmail/lead_alias.mc")]);
    let ok = reply(250, "Recipient ok");
    assert_eq!(scene.send("1", "YD@Leads.Company.ru"), ok);
    assert_eq!(scene.send("2", "info+m11@company.ru"), ok);
    assert_eq!(scene.send("3", "nobody@leads.company.ru"), reply(550, "User unknown"));
    assert_eq!(scene.send("4", "\"no body\"@leads.company.ru"), reply(550, "User unknown"));
    assert_eq!(scene.send("5", "m11@promo.company.ru"), ok, "by the virtusertable");
    let (yandex, billboard) = (Some("yandex-direct"), Some("billboard-m11"));
    assert_eq!(scene.delivered(), [to("info", billboard), to("info", billboard), to("info", yandex)]);
    scene.stop();
    assert_eq!(scene.send("6", "info@company.ru"), ok);
    assert_eq!(scene.send("7", "info+m11@company.ru"), ok);
    assert_eq!(scene.send("8", "yd@leads.company.ru"), reply(451, "4.3.0 Temporary lookup failure"));
    assert_eq!(scene.delivered(), [to("info", None), to("info", None)]);
    scene.start();
    assert_eq!(scene.send("9", "yd@leads.company.ru"), ok);
    assert_eq!(scene.delivered(), [to("info", yandex)]);
}

#[test]
fn as_the_virtusertable_it_is_asked_for_all_mail_which_waits_in_the_queue_while_the_daemon_is_away() {
    let mut scene = Scene::open(&["--map", "socket local:/run/leadmilter/map.sock"]);
    let ok = reply(250, "Recipient ok");
    let rcpts =
        ["yd@leads.company.ru", "info.m11@company.ru", "INFO-M11@company.ru", "info@company.ru", "ivan@company.ru"];
    for rcpt in rcpts {
        assert_eq!(scene.send(rcpt, rcpt), ok, "{rcpt}");
    }
    let (yandex, billboard) = (Some("yandex-direct"), Some("billboard-m11"));
    let expected =
        [to("info", None), to("info", billboard), to("info", billboard), to("info", yandex), to("ivan", None)];
    assert_eq!(scene.delivered(), expected);
    scene.stop();
    assert_eq!(scene.send("1", "ivan@company.ru"), reply(250, "Recipient ok (will queue)"));
    scene.start();
    let queue = scene.sendmail.path("queue");
    assert_eq!(fs::read_dir(&queue).unwrap().count(), 2, "envelope and letter");
    let answer = scene.sendmail.session().command("ETRN company.ru");
    assert_eq!(answer.code / 100, 2, "{answer:?}");
    wait_for("the queue", || fs::read_dir(&queue).unwrap().next().is_none().then_some(()), || scene.sendmail.log());
    assert_eq!(scene.delivered(), [to("ivan", None)]);
}
