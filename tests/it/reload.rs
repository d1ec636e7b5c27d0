//! SIGHUP: a good config takes effect as a whole for what begins after it, a bad one changes nothing.

use std::{fs, net::TcpListener};

use crate::{
    command,
    company::webhook,
    crm_house::Crm,
    fault_house::{Receivers, Site, patient_sink, reload, wait_line},
    house::{Receiver, SECRET, distinct, status},
    post_house::{self, Post},
    postfix_house::wait_for,
};

/// A channel that the company did not have before.
const NEW_CHANNEL: &str = r#"
[[channel]]
id = "radio"
mailbox = "info@company.ru"
addresses = ["info+radio@company.ru"]
"#;

/// Level and text of each line, without its time.
fn told(log: &str) -> Vec<&str> {
    log.lines().map(|line| line.split_once(' ').unwrap().1.trim_start()).collect()
}

#[test]
fn a_new_channel_counts_for_new_sessions_and_an_open_one_keeps_its_config() {
    let site = Site::new("", "");
    let daemon = site.daemon();
    let mut open = site.postfix.session();
    assert!(site.send_in(&mut open, "open before", "info+m11@company.ru").queue_id().is_some());
    // Its line may come later than its answer, and is not one of the reload.
    wait_line(&daemon, &["lead="]);
    site.configure("", NEW_CHANNEL);
    let log = reload(&daemon);
    assert_eq!(told(&log), ["INFO config reloaded: mailboxes=2, channels=4, addresses=10, sinks=0"]);
    assert!(site.send_in(&mut open, "open after", "info+radio@company.ru").queue_id().is_some());
    assert!(site.send_in(&mut site.postfix.session(), "new", "info+radio@company.ru").queue_id().is_some());
    assert!(site.send_in(&mut open, "open still", "info+m11@company.ru").queue_id().is_some());
    let channels = site.listing(&["leads"]).into_iter().rev().map(|lead| lead["channel"]["id"].clone());
    assert_eq!(channels.collect::<Vec<_>>(), ["billboard-m11", "radio", "billboard-m11"]);
    assert_eq!(site.lead_id("open after"), None);
    assert_eq!(site.lead_id("new").as_ref(), Some(&site.leads()[1].1));
}

#[test]
fn a_broken_config_changes_nothing_and_every_fault_is_named() {
    let site = Site::new("", "");
    let daemon = site.daemon();
    site.configure("budget = \"soon\"\nsocket_modes = \"0660\"\n", &NEW_CHANNEL.replace("+radio", "+m11"));
    let expected = command::run(&site.company, &["check"]).err;
    assert_eq!(expected.lines().count(), 3, "{expected}");
    let log = reload(&daemon);
    let mut lines: Vec<_> = expected.lines().map(|fault| format!("ERROR {fault}")).collect();
    lines.push("ERROR config not reloaded, the old one stays in force".to_owned());
    assert_eq!(told(&log), lines);

    fs::remove_file(site.company.config_file()).unwrap();
    let log = reload(&daemon);
    assert!(log.contains("No such file") && log.contains("config not reloaded"), "{log}");
    assert!(site.send("after").queue_id().is_some());
    site.configure("", "");
    assert_eq!(site.lead_id("after").as_ref(), Some(&site.leads()[0].1));
    reload(&daemon);
    assert_eq!(daemon.terminate().0.code(), Some(0));
}

#[test]
fn keys_that_need_a_restart_are_named_and_keep_their_values() {
    let site = Site::new("", "");
    let daemon = site.daemon();
    let socket = site.postfix.socket();
    let sections = "[milter]\nlisten = \"unix:elsewhere.sock\"\nsocket_mode = \"0600\"\nsocket_group = \"daemon\"\n\
                    max_connections = 1\ndrain = \"1s\"\n[socketmap]\nlisten = \"unix:map.sock\"\n\
                    [store]\nurl = \"sqlite:elsewhere\"\n[log]\nlevel = \"debug\"\n";
    site.company.rewrite(sections, NEW_CHANNEL);
    let log = reload(&daemon);
    let keys = [
        "milter.listen",
        "milter.socket_mode",
        "milter.socket_group",
        "milter.max_connections",
        "milter.drain",
        "socketmap",
        "store.url",
        "log",
    ];
    let mut expected: Vec<_> =
        keys.iter().map(|key| format!("WARN {key} was changed: it takes effect after a restart")).collect();
    expected.push("INFO config reloaded: mailboxes=2, channels=4, addresses=10, sinks=0".to_owned());
    assert_eq!(told(&log), expected);
    let _other = site.postfix.session();
    let answers = site.send_in(&mut site.postfix.session(), "one", "info+radio@company.ru");
    assert!(answers.queue_id().is_some());
    assert!(socket.exists() && !site.company.path("elsewhere.sock").exists());
    assert!(!site.company.path("map.sock").exists());
    assert!(!site.company.path("elsewhere").exists());
    site.configure("", NEW_CHANNEL);
    assert_eq!(site.lead_id("one").as_ref(), Some(&site.leads()[0].1));
}

#[test]
fn changed_sinks_take_what_comes_and_what_waits() {
    let receivers = Receivers::new();
    let mut refusing = receivers.block_on(Receiver::start(|_| status(503)));
    let mut taking = receivers.start();
    let site = Site::new("", &patient_sink(&refusing.url, "2s"));
    let daemon = site.daemon();
    assert!(site.send("waits").queue_id().is_some());
    receivers.next_id(&mut refusing);
    let more = webhook("crm", &taking.url) + &webhook("analytics", &taking.url);
    site.configure("", &more);
    assert!(reload(&daemon).contains("sinks=2\n"));
    assert!(site.send("comes").queue_id().is_some());
    let mut told: Vec<_> = (0..3).map(|_| receivers.next_id(&mut taking)).collect();
    told.sort();
    let [waits, comes] = ["waits", "comes"].map(|name| site.lead_id(name).unwrap());
    let mut expected = vec![waits, comes.clone(), comes];
    expected.sort();
    assert_eq!(told, expected);
    site.drain_outbox();
    assert_eq!(taking.rest().len(), 0);
}

#[test]
fn a_slow_receiver_of_the_old_config_delays_no_reload() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let site = Site::new("", &webhook("crm", &format!("http://{}/", silent.local_addr().unwrap())));
    let daemon = site.daemon();
    assert!(site.send("one").queue_id().is_some());
    let _call = silent.accept().unwrap();
    let begun = std::time::Instant::now();
    site.configure("", NEW_CHANNEL);
    reload(&daemon);
    assert!(begun.elapsed() < std::time::Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(site.send_in(&mut site.postfix.session(), "new", "info+radio@company.ru").queue_id().is_some());
    assert!(site.lead_id("new").is_some());
}

#[test]
fn while_a_secret_is_rotated_both_sign() {
    let receivers = Receivers::new();
    let mut receiver = receivers.start();
    let site = Site::new("", &webhook("crm", &receiver.url));
    let daemon = site.daemon();
    let file = site.company.path("crm.secret");
    let secrets = || fs::read_to_string(&file).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
    let mut call = |name: &str| {
        assert!(site.send(name).queue_id().is_some());
        receivers.block_on(receiver.next_unchecked())
    };
    let signed = |call: &crate::house::Call, secrets: &[&str]| {
        secrets.iter().map(|secret| call.is_signed_with(secret)).collect::<Vec<_>>()
    };
    site.cli(&["sink", "secret", "--rotate", "--file", file.to_str().unwrap()]);
    let [new, old] = secrets().try_into().unwrap();
    assert_eq!(old, SECRET);
    assert_eq!(signed(&call("before the reload"), &[&old, &new]), [true, false]);
    reload(&daemon);
    let both = call("both");
    assert_eq!(signed(&both, &[&old, &new]), [true, true]);
    assert_eq!(both.header("webhook-signature").split(' ').count(), 2);
    site.cli(&["sink", "secret", "--retire", "--file", file.to_str().unwrap()]);
    reload(&daemon);
    assert_eq!(signed(&call("after"), &[&old, &new]), [false, true]);
    assert_eq!(secrets(), [new]);
    assert_eq!(distinct(site.leads()).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_preset_file_counts_from_the_reload_on_and_a_broken_one_changes_nothing() {
    let crm = Crm::patient().await;
    let sink = format!("[[sink]]\nid = \"crm\"\npreset = \"presets/own.toml\"\nurl = \"{}\"\n", crm.url);
    let company = post_house::company(&sink);
    fs::create_dir(company.path("presets")).unwrap();
    let file = company.path("presets/own.toml");
    let write = |path: &str| fs::write(&file, format!("title = \"own\"\n[request]\npath = [\"{path}\"]\n")).unwrap();
    write("one");
    let mut post = Post::open_with(company, &[]);
    let lines = async |post: &mut Post| {
        post.letter().await;
        let came = || Some(crm.lines()).filter(|lines| !lines.is_empty());
        wait_for("a call", came, || post.daemon.log())
    };
    assert_eq!(lines(&mut post).await, ["POST /base/one"]);
    write("two");
    assert_eq!(lines(&mut post).await, ["POST /base/one"]);
    let reloaded = ["INFO config reloaded: mailboxes=2, channels=3, addresses=9, sinks=1"];
    assert_eq!(told(&reload(&post.daemon)), reloaded);
    assert_eq!(lines(&mut post).await, ["POST /base/two"]);

    write("{{ dat.x }}");
    let log = reload(&post.daemon);
    let [fault, kept] = told(&log).try_into().unwrap();
    let what = "sink[0].preset: preset file \"presets/own.toml\": request.path[0]: there is no \"dat\"";
    assert!(fault.starts_with("ERROR ") && fault.contains(what), "{fault}");
    assert_eq!(kept, "ERROR config not reloaded, the old one stays in force");
    assert_eq!(lines(&mut post).await, ["POST /base/two"]);
    fs::remove_file(&file).unwrap();
    assert!(reload(&post.daemon).contains("config not reloaded"));
    assert_eq!(lines(&mut post).await, ["POST /base/two"]);
    write("three");
    assert_eq!(told(&reload(&post.daemon)), reloaded);
    assert_eq!(lines(&mut post).await, ["POST /base/three"]);
}
