//! A real Postfix that asks the socket map, and one that makes do with the shipped regular expression.

use std::{io::Write, process::Stdio};

use crate::{
    company::{Company, DYNAMIC},
    fault_house::{header, letter, message_id},
    postfix_house::{Daemon, Postfix, Reply, SHIPPED_MILTER},
    socketmap_house::{forged, issue},
};

/// A map of `main.cf.leadmilter` that stands in a comment there: `pipemap`, `regexp`.
fn shipped(kind: &str) -> String {
    let lines = include_str!("../../contrib/postfix/main.cf.leadmilter").lines();
    let mut maps =
        lines.filter_map(|line| line.strip_prefix("#   ")).filter(|map| map.starts_with(&format!("{kind}:")));
    maps.next().unwrap().to_owned()
}

/// A Postfix with these maps, and a company whose milter and socket map listen where it looks for them.
fn open(maps: &str) -> (Postfix, Company) {
    let postfix = Postfix::start(SHIPPED_MILTER, &["--option", &format!("virtual_alias_maps={maps}")]);
    let listen = |file: &str| format!("listen = \"unix:{}\"\n", postfix.socket().with_file_name(file).display());
    let top = format!("[milter]\n{}[socketmap]\n{}", listen("milter.sock"), listen("map.sock"));
    (postfix, Company::new(&top, DYNAMIC))
}

/// What `postmap -q` finds of these keys, each with a tab before what it leads to.
fn postmap(postfix: &Postfix, keys: &str, map: &str) -> String {
    let mut command = postfix.command("run");
    command.args(["postmap", "-q", "-", map]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{keys}\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    String::from_utf8(output.stdout).unwrap()
}

/// Sends a letter under this name to one address; gives back the answer to RCPT.
fn send(postfix: &Postfix, name: &str, rcpt: &str) -> Reply {
    let answers = postfix.send("<anna@client.example>", &[&format!("<{rcpt}>")], &letter(name));
    answers.rcpts.into_iter().next().unwrap()
}

/// Name and channel of every letter in the mailbox.
fn delivered(postfix: &Postfix, count: usize) -> Vec<(String, Option<String>)> {
    let mails = postfix.mails("info@company.ru", count);
    mails.iter().map(|mail| (header(mail, "Message-ID").unwrap(), header(mail, "X-Lead-Channel"))).collect()
}

#[test]
fn while_the_daemon_is_away_mail_to_its_own_domain_alone_is_put_off() {
    let (postfix, company) = open(&shipped("pipemap"));
    let token = issue(&company);
    let (dynamic, forged) = (format!("{token}@leads.company.ru"), format!("{}@leads.company.ru", forged(&token)));
    let daemon = Daemon::start(&company.config_file());
    let ok = Reply { code: 250, text: "2.1.5 Ok".to_owned() };
    assert_eq!(send(&postfix, "1", &dynamic), ok);
    assert_eq!(send(&postfix, "2", &dynamic.to_uppercase()), ok);
    assert_eq!(send(&postfix, "3", "YD@Leads.company.ru"), ok, "of a channel");
    assert_eq!(send(&postfix, "4", "info+m11@company.ru"), ok);
    let refusal = format!("5.1.1 <{forged}>: Recipient address rejected: User unknown in virtual alias table");
    assert_eq!(send(&postfix, "5", &forged), Reply { code: 550, text: refusal });
    let (status, log) = daemon.terminate();
    assert!(status.success(), "{log}");
    assert_eq!(send(&postfix, "6", "info@company.ru"), ok);
    assert_eq!(send(&postfix, "7", "info+m11@company.ru"), ok);
    assert_eq!(send(&postfix, "8", &format!("info+{token}@company.ru")), ok);
    let put_off = format!("4.3.0 <{dynamic}>: Temporary lookup failure");
    assert_eq!(send(&postfix, "9", &dynamic), Reply { code: 451, text: put_off });
    let _daemon = Daemon::start(&company.config_file());
    assert_eq!(send(&postfix, "10", &dynamic), ok);
    let (yandex, billboard) = (Some("yandex-direct"), Some("billboard-m11"));
    let expected = [
        ("1", yandex),
        ("2", yandex),
        ("3", yandex),
        ("4", billboard),
        ("6", None),
        ("7", None),
        ("8", None),
        ("10", yandex),
    ];
    let expected = expected.map(|(name, channel)| (message_id(name), channel.map(str::to_owned)));
    assert_eq!(delivered(&postfix, expected.len()), expected);
}

#[test]
fn postmap_finds_what_the_map_finds() {
    let (postfix, company) = open("");
    let token = issue(&company);
    let dynamic = format!("{token}@leads.company.ru");
    let _daemon = Daemon::start(&company.config_file());
    let socket = postfix.socket().with_file_name("map.sock");
    let map = format!("socketmap:unix:{}:lead-alias", socket.display());
    let rows = [
        ("info+m11@company.ru", Some("info@company.ru")),
        ("INFO.M11@company.ru", Some("info@company.ru")),
        ("sales+news@company.ru", Some("sales@company.ru")),
        (&*dynamic, Some("info@company.ru")),
        (&*format!("info.{token}@company.ru"), Some("info@company.ru")),
        (&*format!("x{dynamic}"), None),
        ("info@company.ru", None),
        ("info+unknown@company.ru", None),
        ("@company.ru", None),
        ("info", None),
    ];
    for (key, found) in rows {
        let found = found.map(|mailbox| format!("{key}\t{mailbox}\n")).unwrap_or_default();
        assert_eq!(postmap(&postfix, key, &map), found, "{key}");
    }
    // Many at once, over one connection.
    let keys: String = (0..500).map(|number| format!("nobody{number}@company.ru\ninfo+yd@company.ru\n")).collect();
    assert_eq!(postmap(&postfix, &keys, &map), "info+yd@company.ru\tinfo@company.ru\n".repeat(500));
}

#[test]
fn shipped_expression_knows_a_token_without_the_daemon() {
    let postfix = Postfix::start("none", &[]);
    let config = postfix.fact("config");
    let map = shipped("regexp").replace("/etc/postfix", config);
    let tokens = ["9gdkczyba0", "9GDKCZYBA0", "9gdk-czyb-a0", "ogdklzybai"];
    let mut keys: Vec<String> =
        tokens.iter().flat_map(|token| ["+", ".", "-"].map(|sign| format!("info{sign}{token}@company.ru"))).collect();
    keys.extend(tokens.iter().map(|token| format!("{token}@Leads.Company.ru")));
    let found: String = keys.iter().map(|key| format!("{key}\tinfo@company.ru\n")).collect();
    assert_eq!(postmap(&postfix, &keys.join("\n"), &map), found);
    let others = [
        "info@company.ru",
        "info+m11@company.ru",
        "info+9gdkczyba@company.ru",
        "info+9gdkczyba00@company.ru",
        "info+9gdkczybau@company.ru",
        "info_9gdkczyba0@company.ru",
        "sales+9gdkczyba0@company.ru",
        "xinfo+9gdkczyba0@company.ru",
        "info+9gdkczyba0@company.ru.example",
        "info+9gdkczyba0@companyxru",
        "9gdkczyba0@company.ru",
        "x9gdkczyba0@leads.company.ru",
        "9gdkczyba0@promo.company.ru",
    ];
    assert_eq!(postmap(&postfix, &others.join("\n"), &map), "");
}
