//! Costs by the dashboard, over the real daemon: upload, look, confirm; who may, and what is refused.

use crate::{
    command,
    dashboard_house::{Browser, open, text},
    http_house::SITE,
};

const FILE: &str = "date,channel,utm_source,utm_campaign,amount,currency,mood\n\
                    2026-11-01,billboard-m11,,,1000.50,RUB,good\n\
                    2026-11-02,billboard-m11,,,500,RUB,bad\n\
                    2026-11-02,,<b>evil</b>,=1+1,7,USD,\n";

#[test]
fn a_file_is_looked_at_then_imported_once() {
    let web = open(SITE);
    let mut boris = Browser::logged_in(&web, "boris");
    let empty = text(&boris.get("/costs?lang=en"));
    assert!(empty.contains("No costs are known yet."), "{empty}");

    let sent = boris.upload("/costs/upload", ("<i>november</i>.csv", FILE), &[("provider", "agency")]);
    let place = sent.field("location").to_owned();
    assert!(sent.status == 303 && place.starts_with("/costs/preview/"), "{sent:?}");
    assert_eq!(command::run(&web.company, &["costs", "list", "--json"]).json(), Vec::<serde_json::Value>::new());
    let page = boris.get(&place);
    let told = text(&page);
    for part in [
        "File <i>november</i>.csv Rows of the file 3 Rows to keep, one a day and place 3 Days 1\u{a0}Nov\u{a0}2026 – \
         2\u{a0}Nov\u{a0}2026 (2) Sum 1,500.50\u{a0}RUB Sum 7.00\u{a0}USD Rows that belong to a channel 2 Rows that belong to none 1",
        "Columns that nobody reads mood",
        "<b>evil</b> =1+1 1",
        "1\u{a0}Nov\u{a0}2026 agency billboard-m11 1,000.50\u{a0}RUB",
    ] {
        let part = part.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(&part), "{part}\n{told}");
    }
    assert!(!page.body.contains("<b>") && !page.body.contains("<i>"));

    let import = place.replace("preview", "import");
    for _ in 0..2 {
        let imported = boris.post(&import, &[]);
        assert_eq!((imported.status, imported.field("location")), (303, place.as_str()));
        let told = text(&boris.get(&place));
        assert!(
            told.contains("The costs are imported.") && told.contains("New rows 3 Replaced rows 0 Unchanged rows 0"),
            "{told}"
        );
    }
    let rows = command::run(&web.company, &["costs", "list", "--json"]).json();
    let amounts: Vec<_> = rows.iter().map(|row| row["amount"].as_str().unwrap().to_owned()).collect();
    assert_eq!(amounts, ["1000.50", "7.00", "500.00"]);
    let list = text(&boris.get("/costs?lang=en"));
    for line in ["November 2026 agency 2 2 1,500.50 RUB", "November 2026 agency 1 1 7.00 USD"] {
        assert!(list.contains(line), "{list}");
    }
    let audit = text(&Browser::logged_in(&web, "anna").get("/audit?lang=en"));
    assert!(audit.contains("<i>november</i>.csv"), "{audit}");

    // The same file again changes nothing, and another one of the same person is the only one that waits.
    let first = boris.upload("/costs/upload", ("a.csv", FILE), &[("provider", "agency")]).field("location").to_owned();
    let second = boris.upload("/costs/upload", ("b.csv", FILE), &[("provider", "agency")]).field("location").to_owned();
    let gone = boris.get(&first);
    assert_eq!((gone.status, text(&gone).contains("This file is gone: it is kept for ten minutes")), (410, true));
    boris.post(&second.replace("preview", "import"), &[]);
    assert!(text(&boris.get(&second)).contains("New rows 0 Replaced rows 0 Unchanged rows 3"));
}

#[test]
fn a_file_with_a_row_that_cannot_be_used_is_not_imported() {
    let web = open(SITE);
    let mut boris = Browser::logged_in(&web, "boris");
    let file = FILE.replace("500", "five <hundred>");
    let place = boris.upload("/costs/upload", ("a.csv", &file), &[]).field("location").to_owned();
    let page = boris.get(&format!("{place}?lang=en"));
    let told = text(&page);
    assert!(
        told.contains("nothing of the file is kept") && told.contains("Line Reason 3 \"five <hundred>\" is no amount"),
        "{told}"
    );
    assert!(!page.body.contains("<button>Import"));
    assert_eq!(boris.post(&place.replace("preview", "import"), &[]).status, 303);
    assert_eq!(command::run(&web.company, &["costs", "list", "--json"]).json(), Vec::<serde_json::Value>::new());
}

#[test]
fn what_is_wrong_with_a_form_is_said_above_it() {
    let web = open(SITE);
    let mut boris = Browser::logged_in(&web, "boris");
    boris.get("/costs?lang=en");
    let big = "x".repeat(9 * 1024 * 1024);
    for (file, fields, why) in [
        (("", ""), vec![], "No file was chosen."),
        (("a.csv", ""), vec![], "is empty"),
        (("a.csv", "no,costs\n1,2\n"), vec![], "date"),
        (("a.csv", FILE), vec![("currency", "rubles")], "rubles"),
        (("a.csv", FILE), vec![("channel", "<b>")], "<b>"),
        (("a.csv", FILE), vec![("from", "2026-11-02"), ("to", "2026-11-01")], "ends"),
        (("a.csv", big.as_str()), vec![], "is larger than 8 MiB"),
    ] {
        let page = boris.upload("/costs/upload", file, &fields);
        let told = text(&page);
        assert!(page.status == 422 && told.contains("This file was not taken:") && told.contains(why), "{why}: {told}");
        assert!(!page.body.split_once("<main").unwrap().1.contains("<b>"));
    }
}

#[test]
fn viewers_look_and_editors_upload_and_files_are_their_own() {
    let web = open(SITE);
    let (mut vera, mut boris) = (Browser::logged_in(&web, "vera"), Browser::logged_in(&web, "boris"));
    let page = vera.get("/costs");
    assert_eq!((page.status, page.body.contains("<form method=\"post\" action=\"/costs")), (200, false));
    assert_eq!(vera.upload("/costs/upload", ("a.csv", FILE), &[]).status, 403);
    let place = boris.upload("/costs/upload", ("a.csv", FILE), &[]).field("location").to_owned();
    let mut anna = Browser::logged_in(&web, "anna");
    assert_eq!((vera.get(&place).status, anna.get(&place).status), (410, 410));
    assert_eq!(anna.post(&place.replace("preview", "import"), &[]).status, 410);
    assert_eq!(vera.post(&place.replace("preview", "import"), &[]).status, 403);
    assert_eq!(boris.post_from("https://evil.test", &place.replace("preview", "import"), &[]).status, 403);
    assert_eq!(boris.get(&place).status, 200);
}
