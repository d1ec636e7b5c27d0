//! Who gets into the dashboard: passwords, sessions that end, roles, forms from elsewhere, and proxies that name people.

use leadmilter::{clock::Millis, store::file_in};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    command,
    dashboard_house::{BY_HEADER, Browser, PASSWORD, add, letter, open, text},
    fault_house::wait_line,
    http_house::{self, Answer, SITE, Web, send, send_local},
    postfix_house::Daemon,
};

const HOUR: i64 = 3_600_000;

/// Status and where it leads.
fn led(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.field("location"))
}

/// What was noted of people, without times, the oldest first.
fn noted(web: &Web, of: &str) -> Vec<Value> {
    let mut entries = command::run(&web.company, &["audit", "--limit", "1000", "--json"]).json();
    entries.retain(|entry| entry["did"].as_str().unwrap().starts_with(of));
    entries.reverse();
    entries.iter().map(|entry| json!([entry["who"], entry["did"], entry["what"], entry["details"]])).collect()
}

fn store(web: &Web) -> Connection {
    Connection::open(file_in(&web.company.path("store"))).unwrap()
}

#[test]
fn a_password_opens_a_session_and_leads_to_where_one_wanted() {
    let web = open(SITE);
    let mut browser = Browser::of(&web);
    assert_eq!(led(&browser.get("/leads?kind=all")), (303, "/login?back=%2Fleads%3Fkind%3Dall"));
    assert_eq!(led(&browser.get("/")), (303, "/login"));
    let form = browser.get("/login?back=%2Fleads%3Fkind%3Dall");
    assert_eq!(form.status, 200);
    assert!(form.body.contains("<input type=\"hidden\" name=\"back\" value=\"/leads?kind=all\">"), "{}", form.body);

    let answer = browser.post("/login", &[("name", "anna"), ("password", PASSWORD), ("back", "/leads?kind=all")]);
    assert_eq!(led(&answer), (303, "/leads?kind=all"));
    let shown = browser.cookie("leadmilter").unwrap().to_owned();
    let expected = format!("leadmilter={shown}; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax");
    assert_eq!(answer.field("set-cookie"), expected);
    assert_eq!(browser.get("/leads").status, 200);
    // The store knows only what it hashes to.
    let digest: Vec<u8> = store(&web).query_row("SELECT digest FROM session", [], |row| row.get(0)).unwrap();
    let file = std::fs::read(file_in(&web.company.path("store"))).unwrap();
    assert!(digest.len() == 32 && !file.windows(43).any(|part| part == shown.as_bytes()));
    // Logged in, nobody is asked again.
    assert_eq!(led(&browser.get("/login?back=%2Faudit")), (303, "/audit"));

    assert_eq!(led(&browser.post("/logout", &[])), (303, "/login"));
    browser.keep("leadmilter", &shown);
    assert_eq!(browser.get("/leads").status, 303);
    let expected = [
        json!(["person:anna", "person.logged_in", "anna", null]),
        json!(["person:anna", "person.logged_out", "anna", null]),
    ];
    assert_eq!(noted(&web, "person.logged_"), expected);
}

#[test]
fn over_https_the_session_has_the_name_that_no_other_host_can_set() {
    let web = open(SITE);
    let mut browser = Browser::of(&web);
    let fields = [("name", "anna"), ("password", PASSWORD)];
    let answer = browser.post_from("https://leadmilter", "/login", &fields);
    // A policy of the proxy may hide where the page is from.
    let hidden = Browser::of(&web).with("Sec-Fetch-Site: same-origin").post_from("null", "/login", &fields);
    assert!(hidden.field("set-cookie").ends_with("; Secure"), "{hidden:?}");
    let shown = browser.cookie("__Host-leadmilter").unwrap();
    let expected = format!("__Host-leadmilter={shown}; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure");
    assert_eq!((led(&answer), answer.field("set-cookie")), ((303, "/"), expected.as_str()));
    assert_eq!(browser.get("/leads").status, 200);
}

#[test]
fn a_strangers_link_leads_nowhere_else() {
    let web = open(SITE);
    for back in ["//evil.test/", "https://evil.test/", "/\\evil.test", "leads", "/a\r\nSet-Cookie: x"] {
        let mut browser = Browser::of(&web).with("X-Forwarded-For: 192.0.2.1");
        let fields = [("name", "anna"), ("password", PASSWORD), ("back", back)];
        let answer = browser.post("/login", &fields);
        assert_eq!(led(&answer), (303, "/"), "{back}");
    }
}

#[test]
fn a_wrong_name_and_a_wrong_password_are_told_in_the_same_words() {
    let web = open(SITE);
    command::run(&web.company, &["user", "add", "petr", "--role", "viewer", "--no-password"]);
    let mut told = Vec::new();
    for (name, password) in
        [("anna", "wrong horse battery"), ("nobody", PASSWORD), ("petr", ""), ("petr", "x"), ("", "")]
    {
        let mut browser = Browser::of(&web);
        let answer = browser.log_in(name, password);
        assert_eq!((answer.status, browser.cookie("leadmilter")), (422, None), "{name}");
        assert!(answer.body.contains("role=\"alert\"") && !answer.body.contains(PASSWORD));
        told.push(answer.body.replace(&format!("value=\"{name}\""), "value=\"\""));
    }
    assert!(told.iter().all(|page| *page == told[0]), "{told:#?}");
    let failed = |who: &str, what: &str| json!([who, "person.log_in_failed", what, "from 127.0.0.1"]);
    let stranger = failed("person:?", "?");
    let expected = [failed("person:anna", "anna"), stranger.clone(), failed("person:petr", "petr")];
    let expected = [&expected[..], &[expected[2].clone(), stranger]].concat();
    assert_eq!(noted(&web, "person.log_in_failed"), expected);
}

#[test]
fn who_tries_too_often_waits_and_nobody_else_does() {
    let web = open(SITE);
    let attempt = |client: &str, name: &str| {
        let mut browser = Browser::of(&web).with(&format!("X-Forwarded-For: {client}"));
        browser.log_in(name, "wrong horse battery").status
    };
    // How many are answered before one is refused. Each takes a moment, in which another may become free.
    let before = |attempt: &dyn Fn(usize) -> u16| {
        let refused = (0..150).map(attempt).position(|status| status == 429);
        refused.expect("somebody who tries without end is refused")
    };
    let of_client = before(&|_| attempt("192.0.2.1", "anna"));
    assert!((5..20).contains(&of_client), "{of_client}");
    let same_client = before(&|_| attempt("192.0.2.1", "boris"));
    assert!(same_client < 5, "{same_client}");
    assert_eq!(attempt("192.0.2.2", "boris"), 422);
    // From however many places, one name is not tried without end; a few of them do not keep its owner out.
    let of_name = before(&|host| attempt(&format!("198.51.100.{host}"), "vera"));
    assert!((60..120).contains(&of_name), "{of_name}");
}

#[test]
fn a_session_ends_with_time() {
    let web = open(SITE);
    let mut browser = Browser::logged_in(&web, "anna");
    let now = Millis::now().0;
    let set = |created: i64, seen: i64| {
        let rows = store(&web).execute("UPDATE session SET created_at = ?1, seen_at = ?2", (created, seen)).unwrap();
        assert_eq!(rows, 1);
    };
    set(now - 7 * 24 * HOUR + HOUR, now - 12 * HOUR + 60_000);
    assert_eq!(browser.get("/leads").status, 200);
    // It was used just now.
    let seen: i64 = store(&web).query_row("SELECT seen_at FROM session", [], |row| row.get(0)).unwrap();
    assert!(seen >= now, "{seen} {now}");
    set(now - HOUR, now - 12 * HOUR - 1);
    assert_eq!(browser.get("/leads").status, 303);
    set(now - 7 * 24 * HOUR - 1, now);
    assert_eq!(browser.get("/leads").status, 303);
    // The next log-in sweeps it out.
    Browser::logged_in(&web, "vera");
    let of: Vec<String> = store(&web)
        .prepare("SELECT person FROM session")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(of, ["vera"]);
}

#[test]
fn a_session_ends_with_the_password_and_with_the_person_and_a_role_changes_at_once() {
    let web = open(SITE);
    let [mut anna, mut boris] = ["anna", "boris"].map(|name| Browser::logged_in(&web, name));
    let new = "another horse battery";
    let set = command::run_with(&web.company, &["user", "passwd", "anna"], new.as_bytes());
    assert_eq!((set.code, set.out.as_str()), (0, "anna: new password\n"), "{set:?}");
    assert_eq!(anna.get("/leads").status, 303);
    assert_eq!([anna.log_in("anna", PASSWORD).status, anna.log_in("anna", new).status], [422, 303]);
    assert_eq!(anna.get("/audit").status, 200);

    assert_eq!(boris.get("/audit").status, 403);
    command::run(&web.company, &["user", "role", "boris", "admin"]);
    assert_eq!(boris.get("/audit").status, 200);
    let removed = command::run(&web.company, &["user", "remove", "boris"]);
    assert_eq!((removed.code, removed.out.as_str()), (0, "boris: removed\n"));
    assert_eq!(boris.get("/audit").status, 303);
    let listed = command::run(&web.company, &["user", "list", "--json"]).json();
    let names: Vec<_> =
        listed.iter().map(|person| json!([person["name"], person["role"], person["has_password"]])).collect();
    assert_eq!(names, [json!(["anna", "admin", true]), json!(["vera", "viewer", true])]);
}

#[test]
fn each_role_reaches_as_far_as_it_says() {
    let web = open(SITE);
    let lead = letter(&web, "ivan@client.test", "Pumps")["lead_id"].as_str().unwrap().to_owned();
    let story = format!("/leads/{lead}");
    let mark = format!("{story}/mark");
    let [mut vera, mut boris, mut anna] = ["vera", "boris", "anna"].map(|name| Browser::logged_in(&web, name));
    let kind = || command::run(&web.company, &["leads", "show", &lead, "--json"]).json()[0]["kind"].clone();

    assert!(!vera.get(&story).body.contains("<form method=\"post\" action=\"/leads"));
    let refused = vera.post(&mark, &[("kind", "spam")]);
    assert_eq!(
        (refused.status, text(&refused)),
        (403, "No access Your role does not allow this. Ask an administrator for it. To the first page".into())
    );
    assert_eq!((vera.post("/deliveries/replay", &[("id", "1")]).status, vera.get("/audit").status), (403, 403));
    assert_eq!(kind(), "lead");

    assert!(boris.get(&story).body.contains(&format!("<form method=\"post\" action=\"{mark}\"")));
    assert_eq!(
        led(&boris.post(&mark, &[("kind", "spam"), ("reason", "the same text\nto all")])),
        (303, format!("{story}?done=marked").as_str())
    );
    assert_eq!(kind(), "spam");
    let page = text(&boris.get(&format!("{story}?done=marked")));
    assert!(
        page.contains("Saved. Sinks that want to know are told.") && page.contains("Because the same text to all"),
        "{page}"
    );
    assert_eq!(boris.post(&mark, &[("kind", "nonsense")]).status, 400);
    assert_eq!(boris.post("/leads/nonsense/mark", &[("kind", "spam")]).status, 404);
    assert!(!boris.get("/settings").body.contains("People"));

    let settings = text(&anna.get("/settings"));
    assert!(settings.contains("vera viewer yes"), "{settings}");
    let who = |name: &str, did: &str, details: Value| json!([format!("person:{name}"), did, lead, details]);
    let expected = [
        who("vera", "lead.viewed", Value::Null),
        who("boris", "lead.viewed", Value::Null),
        who("boris", "lead.marked", json!("spam")),
        who("boris", "lead.viewed", Value::Null),
    ];
    assert_eq!(noted(&web, "lead."), expected);
}

#[test]
fn nothing_changes_because_another_sites_page_says_so() {
    let web = open(SITE);
    let lead = letter(&web, "ivan@client.test", "Pumps")["lead_id"].as_str().unwrap().to_owned();
    let mark = format!("/leads/{lead}/mark");
    let mut boris = Browser::logged_in(&web, "boris");
    for origin in ["", "https://evil.test", "null", "http://leadmilter.evil.test"] {
        let refused = boris.post_from(origin, &mark, &[("kind", "spam")]);
        let told = "No access This was sent from another site, so nothing was done. Open the page here and send it again. \
                    To the first page";
        assert_eq!((refused.status, text(&refused)), (403, told.to_owned()), "{origin}");
    }
    let mut crossing = boris.clone().with("Sec-Fetch-Site: cross-site");
    assert_eq!(crossing.post(&mark, &[("kind", "spam")]).status, 403);
    assert_eq!(crossing.post("/logout", &[]).status, 403);
    assert_eq!(
        Browser::of(&web).post_from("https://evil.test", "/login", &[("name", "anna"), ("password", PASSWORD)]).status,
        403
    );
    assert_eq!(command::run(&web.company, &["leads", "show", &lead, "--json"]).json()[0]["kind"], "lead");
    let mut same = boris.with("Sec-Fetch-Site: same-origin");
    assert_eq!(same.post_from("", &mark, &[("kind", "spam")]).status, 303);
}

/// The page of leads for who sends these fields, without a session.
fn named(web: &Web, fields: &str) -> Answer {
    send(&web.admin, &format!("GET /leads HTTP/1.1\r\nAccept: text/html\r\n{fields}"))
}

#[test]
fn a_proxy_that_is_believed_says_who_asks() {
    let web = open(&format!("{BY_HEADER}{SITE}"));
    command::run(&web.company, &["user", "add", "Пётр", "--role", "viewer", "--no-password", "--language", "ru"]);
    let page = named(&web, "X-Remote-User: vera\r\n");
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<bdi>vera</bdi>") && !page.body.contains("/logout"), "{}", page.body);
    assert!(named(&web, "X-Remote-User: Пётр\r\n").body.contains("<html lang=\"ru\">"));
    let told = |fields: &str| {
        let page = named(&web, fields);
        (page.status, text(&page))
    };
    let no_proxy = "No access This dashboard is reached through the company's log-in page. Ask the administrator for its \
                    address. To the first page";
    for fields in ["", "X-Remote-User: \r\n", "X-Remote-User: vera\r\nX-Remote-User: anna\r\n"] {
        assert_eq!(told(fields), (403, no_proxy.to_owned()), "{fields}");
    }
    let stranger = "No access You may not come in here yet. An administrator lets you in: leadmilter user add NAME --role \
                    viewer To the first page";
    assert_eq!(told("X-Remote-User: mallory\r\nX-Remote-Role: admin\r\n"), (403, stranger.to_owned()));
    // There is no password to try here.
    assert_eq!(Browser::of(&web).get("/login").status, 303);
    assert_eq!(Browser::of(&web).log_in("anna", PASSWORD).status, 404);
}

#[test]
fn whoever_is_no_believed_proxy_is_nobody() {
    let web = Web::open("trusted_proxies = [\"192.0.2.1\"]\n", &format!("{BY_HEADER}{SITE}"));
    add(&web, "anna", "admin");
    let refused = named(&web, "X-Remote-User: anna\r\nX-Forwarded-For: 192.0.2.1\r\n");
    assert_eq!(refused.status, 403);
    assert_eq!(refused.field("set-cookie"), "");
}

#[test]
fn a_proxy_may_say_what_a_person_may_do() {
    let keys = "[dashboard]\nlogin = \"header\"\nuser_header = \"X-User\"\nrole_header = \"X-Role\"\n";
    let company = http_house::company("admin = \"unix:admin.sock\"\n", &format!("{keys}{SITE}"));
    let daemon = Daemon::start(&company.config_file());
    wait_line(&daemon, &["http.admin: listening on unix"]);
    let status = |fields: &str| {
        let request = format!("GET /audit HTTP/1.1\r\nAccept: text/html\r\n{fields}");
        send_local(&company.path("admin.sock"), &request).status
    };
    let rows = [
        ("X-User: olga\r\nX-Role: admin\r\n", 200),
        ("X-User: olga\r\nX-Role: Admin \r\n", 200),
        ("X-User: olga\r\nX-Role: editor\r\n", 403),
        ("X-User: olga\r\nX-Role: root\r\n", 403),
        ("X-User: olga\r\n", 403),
        ("X-User: olga\r\nX-Role: viewer\r\nX-Role: admin\r\n", 403),
        ("X-Remote-User: olga\r\nX-Role: admin\r\n", 403),
    ];
    for (fields, expected) in rows {
        assert_eq!(status(fields), expected, "{fields}");
    }
}

#[test]
fn people_are_added_with_a_password_that_is_not_too_weak() {
    let web = Web::open("", SITE);
    let run = |arguments: &[&str], input: &str| {
        let output = command::run_with(&web.company, &[&["user"], arguments].concat(), input.as_bytes());
        (output.code, output.out, output.err)
    };
    let page = Browser::of(&web).get("/login");
    assert!(
        text(&page).contains(
            "Nobody can log in yet. Add the first person on the server: leadmilter user add anna --role admin"
        )
    );
    let says = |code: i32, err: &str| (code, String::new(), format!("leadmilter: {err}\n"));
    let short = "the password is shorter than 10 characters: choose a longer one";
    assert_eq!(run(&["add", "anna", "--role", "admin"], "short\n"), says(65, short));
    let added = (0, "anna: added as admin\n".to_owned(), String::new());
    assert_eq!(run(&["add", " anna", "--role", "admin"], &format!("{PASSWORD}\r\nmore")), added);
    let there = "there is a person \"anna\" already: `leadmilter user role` and `user passwd` change who is there";
    assert_eq!(run(&["add", "anna", "--role", "viewer"], PASSWORD), says(65, there));
    assert_eq!(
        run(&["add", "a\nb", "--role", "viewer"], PASSWORD),
        says(64, "\"a\\nb\" is no name: write 1 to 100 characters on one line")
    );
    let nobody = "there is no person \"boris\": see `leadmilter user list`";
    for arguments in [&["role", "boris", "admin"][..], &["remove", "boris"], &["passwd", "boris"]] {
        assert_eq!(run(arguments, PASSWORD), says(65, nobody), "{arguments:?}");
    }
    std::fs::write(web.company.path("vera.password"), format!("{PASSWORD}\n")).unwrap();
    let file = ["add", "vera", "--role", "viewer", "--language", "ru", "--password-file", "vera.password"];
    assert_eq!(run(&file, "").0, 0);
    Browser::logged_in(&web, "vera");
    let listed = run(&["list"], "").1;
    let rows: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().take(4).collect()).collect();
    assert_eq!(
        rows,
        [["NAME", "ROLE", "LANGUAGE", "PASSWORD"], ["anna", "admin", "-", "yes"], ["vera", "viewer", "ru", "yes"]]
    );
    let file = std::fs::read(file_in(&web.company.path("store"))).unwrap();
    assert!(!file.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes()));
}
