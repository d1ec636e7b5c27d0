//! Dovecot's Sieve: letters that come over LMTP are attributed and sorted, and no fault holds one up.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    thread,
};

use serde_json::{Value, json};

use crate::{
    command::run_with,
    company::Company,
    sieve_house::{Dovecot, Stored},
};

const SENDER: &str = "<ivan@client.example>";

/// A letter as a client sends it; `more` are further header fields.
fn letter(number: usize, more: &str) -> String {
    format!(
        "From: =?UTF-8?B?0JjQstCw0L0=?= <Ivan@client.example>\n\
         To: info+yd@company.ru\n\
         Subject: pumps\n\
         {more}Message-ID: <{number}@client.example>\n\
         \n\
         From the body: X-Lead-Id: no\n\
         .\n"
    )
}

/// Our headers in a letter to `info+m11@company.ru`.
fn headers(lead: &Value) -> String {
    format!(
        "X-Lead-Id: {}\n\
         X-Lead-Channel: billboard-m11\n\
         X-Lead-Substitute: {}\n\
         X-Lead-Status: channel\n\
         X-Lead-Unique: {}\n\
         X-Lead-UTM-Source: outdoor\n\
         X-Lead-UTM-Medium: offline\n\
         X-Lead-UTM-Campaign: =?UTF-8?B?0LwxMS3QstC10YHQvdCw?=\n\
         X-Lead-UTM-Content: =?UTF-8?B?0YnQuNGCIDPDlzY=?=\n\
         X-Lead-Tags: offline, outdoor\n",
        lead["lead_id"].as_str().unwrap(),
        lead["recipient"]["substitute"].as_str().unwrap(),
        if lead["repeat"]["unique"] == json!(true) { "new" } else { "repeat" },
    )
}

/// A letter that became a lead of the channel `billboard-m11`.
fn attributed(lead: &Value, letter: String) -> (String, Vec<String>, String, String) {
    let new = lead["repeat"]["unique"] == json!(true);
    let flags: &[&str] = if new { &["$Lead", "\\Flagged"] } else { &["$Lead"] };
    let flags = flags.iter().copied().map(str::to_owned).collect();
    ("Leads-billboard-m11".into(), flags, headers(lead), letter)
}

#[test]
fn a_letter_to_a_substitute_is_one_lead_with_headers_folder_and_flag() {
    let dovecot = Dovecot::start(Company::new("", ""), &[]);
    let forged = letter(1, "x-lead-ID: forged\n\tmore\nX-Lead-Channel: forged\nX-Lead-Other: forged\n");
    for _ in 0..2 {
        dovecot.deliver(SENDER, &["<INFO+m11@Company.ru>"], &forged);
    }
    dovecot.deliver(SENDER, &["<info+m11@company.ru>"], &letter(2, ""));
    let leads = dovecot.leads();
    assert_eq!(leads.len(), 2, "a letter that comes twice is one lead");
    let first = attributed(&leads[1], letter(1, ""));
    let told: Vec<_> = dovecot.mails("info@company.ru").into_iter().map(Stored::told).collect();
    assert_eq!(told, [first.clone(), first, attributed(&leads[0], letter(2, ""))]);
}

#[test]
fn the_lead_is_the_same_as_through_ingest() {
    let dovecot = Dovecot::start(Company::new("", ""), &[]);
    let other = Company::new("", "");
    let rows = [
        (SENDER, "info+m11@company.ru", letter(1, "X-Lead-Id: forged\n")),
        ("<>", "info+m11@company.ru", letter(2, "")),
        ("<\"a b\"@client.example>", "info+yd@company.ru", letter(3, "")),
        ("<-o@client.example>", "sales+news@company.ru", "\nno header\n".to_owned()),
    ];
    for (mail, rcpt, letter) in rows {
        dovecot.deliver(mail, &[&format!("<{rcpt}>")], &letter);
        let found = dovecot.leads().remove(0);
        let mailbox = found["recipient"]["real"].as_str().unwrap();
        let trace = dovecot.mail(mailbox).trace;
        dovecot.run("doveadm", &["expunge", "-u", mailbox, "mailbox", "*", "all"]);
        // What the filter was given, with the line ends of mail.
        let given = format!("{trace}{letter}").replace('\n', "\r\n");
        let sender = mail.trim_matches(['<', '>']);
        let arguments = ["ingest", "--json", &format!("--recipient={rcpt}"), &format!("--sender={sender}")];
        let mut expected = run_with(&other, &arguments, given.as_bytes()).json()[0]["event"]["data"].take();
        for lead_id in ["/lead_id", "/repeat/first_lead_id"] {
            if let (Some(ours), Some(theirs)) = (found.pointer(lead_id), expected.pointer_mut(lead_id)) {
                *theirs = ours.clone();
            }
        }
        assert_eq!(found, expected);
    }
    assert_eq!(dovecot.leads().len(), 4);
}

#[test]
fn each_recipient_of_a_letter_has_its_own_answer() {
    let dovecot = Dovecot::start(Company::new("", ""), &[]);
    dovecot.deliver(SENDER, &["<info+m11@company.ru>", "<ivan@company.ru>"], &letter(1, ""));
    let leads = dovecot.leads();
    assert_eq!(leads.len(), 1);
    assert_eq!(dovecot.mail("info@company.ru").told(), attributed(&leads[0], letter(1, "")));
    assert_eq!(dovecot.mail("ivan@company.ru").told(), Stored::untouched(&letter(1, "")));
}

#[test]
fn letters_that_are_not_tracked_are_left_alone() {
    let forged = letter(1, "X-Lead-Tags: forged\n");
    for (strip, expected) in [("tracked", &forged), ("all", &letter(1, ""))] {
        let dovecot = Dovecot::start(
            Company::new(&format!("[headers]\nstrip = \"{strip}\"\n[leads]\ndirect = \"ignore\"\n"), ""),
            &[],
        );
        let rcpts = ["info@company.ru", "info+typo@company.ru", "ivan+m11@company.ru"];
        for rcpt in rcpts {
            dovecot.deliver(SENDER, &[&format!("<{rcpt}>")], &forged);
        }
        let mails = ["info@company.ru", "ivan@company.ru"].map(|mailbox| dovecot.mails(mailbox)).concat();
        let told: Vec<_> = mails.into_iter().map(Stored::told).collect();
        assert_eq!(told, vec![Stored::untouched(expected); 3], "strip = {strip:?}");
        assert!(!dovecot.company.path("store").exists(), "the store is not even opened");
    }
}

#[test]
fn with_strip_all_nobody_else_files_letters() {
    let dovecot = Dovecot::start(Company::new("[headers]\nstrip = \"all\"\n", ""), &[]);
    let forged = letter(1, "X-Lead-Channel: forged\nno colon\nX-Lead-Channel: forged\n");
    dovecot.deliver(SENDER, &["<info@company.ru>"], &forged);
    assert_eq!(dovecot.mail("info@company.ru").told(), Stored::untouched(&letter(1, "no colon\n")));
}

#[test]
fn other_forms_of_substitutes_need_dovecot_to_be_told() {
    let delimiters = Dovecot::start(Company::new("", ""), &["recipient_delimiter=+.-"]);
    delimiters.deliver(SENDER, &["<info.m11@company.ru>"], &letter(1, ""));
    delimiters.deliver(SENDER, &["<info-m11@company.ru>"], &letter(2, ""));
    let leads = delimiters.leads();
    let told: Vec<_> = delimiters.mails("info@company.ru").into_iter().map(Stored::told).collect();
    assert_eq!(told, [attributed(&leads[1], letter(1, "")), attributed(&leads[0], letter(2, ""))]);

    // The MTA has made the mailbox of the substitute, and says so on top of what the client may have forged.
    let noted = letter(1, "").replace("From: =", "X-Original-To: m11@promo.company.ru\nX-Original-To: forged\nFrom: =");
    let header = Dovecot::start(Company::new("", ""), &["lda_original_recipient_header=X-Original-To"]);
    header.deliver(SENDER, &["<info@company.ru>"], &noted);
    assert_eq!(header.mail("info@company.ru").told(), attributed(&header.leads()[0], noted.clone()));
    let plain = Dovecot::start(Company::new("", ""), &[]);
    plain.deliver(SENDER, &["<info@company.ru>"], &noted);
    assert_eq!(plain.mail("info@company.ru").told(), Stored::untouched(&noted));
}

/// Breaks something.
type Fault<'a> = &'a dyn Fn(&Dovecot);

#[test]
fn a_fault_of_leadmilter_delivers_the_letter_as_it_came() {
    // Larger than any buffer between Dovecot and the filter.
    let large = letter(1, "") + &"a line of a large letter\n".repeat(100_000);
    let broken = |dovecot: &Dovecot| dovecot.company.rewrite("nonsense = 1", "");
    let unreadable = |dovecot: &Dovecot| {
        let nobody = fs::Permissions::from_mode(0o000);
        fs::set_permissions(dovecot.company.config_file(), nobody).unwrap();
    };
    let tempfail = |dovecot: &Dovecot| {
        let top = "[milter]\non_error = \"tempfail\"\n[store]\nurl = \"sqlite:config.toml/store\"\n";
        dovecot.company.rewrite(top, "");
    };
    let read_only = |dovecot: &Dovecot| {
        fs::set_permissions(dovecot.company.path(""), fs::Permissions::from_mode(0o555)).unwrap();
    };
    let faults: [(&str, Fault<'_>); 8] = [
        ("broken config", &broken),
        ("config of another user", &unreadable),
        ("store out of reach, tempfail", &tempfail),
        ("store read-only", &read_only),
        ("program missing", &|dovecot| dovecot.replace_program(None)),
        ("program that ends at once", &|dovecot| dovecot.replace_program(Some("exit 1"))),
        ("program that is killed", &|dovecot| dovecot.replace_program(Some("head -c 100; kill -9 $$"))),
        ("program that hangs", &|dovecot| dovecot.replace_program(Some("exec sleep 600"))),
    ];
    thread::scope(|scope| {
        for (name, fault) in faults {
            let dovecot = Dovecot::start(Company::new("", ""), &[]);
            fault(&dovecot);
            let large = &large;
            scope.spawn(move || {
                let small = letter(2, "");
                thread::scope(|scope| {
                    for letter in [large, &small] {
                        scope.spawn(|| dovecot.deliver(SENDER, &["<info+m11@company.ru>"], letter));
                    }
                });
                let mut told: Vec<_> = dovecot.mails("info@company.ru").into_iter().map(Stored::told).collect();
                told.sort_by_key(|(_, _, _, letter)| letter.len());
                assert!(told == [Stored::untouched(&small), Stored::untouched(large)], "{name}: {:?}", told.first());
                dovecot.wait_log("leadmilter-filter: Error: ");
            });
        }
    });
}

#[test]
fn a_fault_sorts_nothing_by_headers_that_may_be_forged() {
    let dovecot = Dovecot::start(Company::new("nonsense = 1", ""), &[]);
    let forged = letter(1, "X-Lead-Channel: forged\n");
    dovecot.deliver(SENDER, &["<info+m11@company.ru>"], &forged);
    assert_eq!(dovecot.mail("info@company.ru").told(), Stored::untouched(&forged));
}

#[test]
fn letters_that_come_at_once_are_all_leads() {
    let dovecot = Dovecot::start(Company::new("", ""), &[]);
    thread::scope(|scope| {
        for session in 0..8 {
            let dovecot = &dovecot;
            scope.spawn(move || {
                for number in 0..3 {
                    let letter = letter(session * 10 + number, "");
                    dovecot.deliver(SENDER, &["<info+m11@company.ru>"], &letter);
                }
            });
        }
    });
    let mut expected: Vec<_> = dovecot.leads().iter().map(headers).collect();
    let mut added: Vec<_> = dovecot.mails("info@company.ru").into_iter().map(|mail| mail.added).collect();
    expected.sort();
    added.sort();
    assert_eq!((added.len(), added), (24, expected));
}

#[test]
fn the_store_belongs_to_leadmilter_and_opens_to_no_one_else() {
    let dovecot = Dovecot::start(Company::new("", ""), &[]);
    assert_ne!(dovecot.fact("user"), dovecot.fact("mail_user"));
    dovecot.deliver(SENDER, &["<info+m11@company.ru>"], &letter(1, ""));
    let owned = |path: &str| {
        let metadata = fs::metadata(dovecot.company.path(path)).unwrap();
        (metadata.uid(), metadata.mode() & 0o077)
    };
    let user = fs::metadata(dovecot.company.config_file()).unwrap().uid();
    assert_eq!((owned("store"), owned("store/leads.db")), ((user, 0), (user, 0)));
    let mail = fs::metadata(dovecot.path("mail/info@company.ru/Maildir/.Leads-billboard-m11")).unwrap().uid();
    assert_ne!(mail, user);
}

#[test]
fn the_filter_serves_as_a_program_of_the_mail_user_too() {
    let bin = ["plugin/sieve_filter_socket_dir=none", "plugin/sieve_filter_bin_dir=@DIR@/bin"];
    let dovecot = Dovecot::start(Company::new("", ""), &bin);
    dovecot.hand_over(dovecot.fact("mail_user"));
    dovecot.deliver(SENDER, &["<info+m11@company.ru>"], &letter(1, ""));
    assert_eq!(dovecot.mail("info@company.ru").told(), attributed(&dovecot.leads()[0], letter(1, "")));
}

#[test]
fn sorting_alone_needs_no_program_and_any_channel_has_a_folder() {
    let sort = "plugin/sieve_before=@DIR@/sieve/sort-leads.sieve";
    let dovecot =
        Dovecot::start(Company::new("", ""), &[sort, "plugin/sieve_plugins=", "plugin/sieve_global_extensions="]);
    let rows = [
        ("billboard-m11", "new", "Leads-billboard-m11", vec!["$Lead", "\\Flagged"]),
        ("yandex.direct", "repeat", "Leads-yandex-direct", vec!["$Lead"]),
        (".a.b.", "repeat", "Leads--a-b-", vec!["$Lead"]),
        ("a.b.c.d.e", "repeat", "Leads-other", vec!["$Lead"]),
        ("../a/b", "repeat", "Leads-other", vec!["$Lead"]),
    ];
    for (number, (channel, unique, folder, flags)) in rows.into_iter().enumerate() {
        let with_headers = letter(1, &format!("X-Lead-Channel: {channel}\nX-Lead-Unique: {unique}\n"));
        let mailbox = format!("m{number}@company.ru");
        dovecot.deliver(SENDER, &[&format!("<{mailbox}>")], &with_headers);
        let flags = flags.into_iter().map(str::to_owned).collect();
        assert_eq!(dovecot.mail(&mailbox).told(), (folder.into(), flags, String::new(), with_headers));
    }
    dovecot.deliver(SENDER, &["<info@company.ru>"], &letter(1, ""));
    assert_eq!(dovecot.mail("info@company.ru").told(), Stored::untouched(&letter(1, "")));
}

#[test]
fn folders_are_good_with_the_separator_of_plain_maildir_too() {
    let dovecot = Dovecot::start(Company::new("", ""), &["namespace/inbox/separator=."]);
    dovecot.deliver(SENDER, &["<info+m11@company.ru>"], &letter(1, ""));
    assert_eq!(dovecot.mail("info@company.ru").told(), attributed(&dovecot.leads()[0], letter(1, "")));
}

#[test]
fn the_scripts_compile_without_a_warning() {
    let dovecot = Dovecot::start(Company::new("", ""), &[]);
    let mut compiled = Vec::new();
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/sieve")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".sieve") {
            let script = format!("{}/{name}", dovecot.fact("sieve"));
            let plain: &[&str] = match name.as_str() {
                "attribute.sieve" => &[],
                // Plain Sieve: as on a host without Pigeonhole's programs.
                _ => &["-o", "plugin/sieve_plugins=", "-o", "plugin/sieve_global_extensions="],
            };
            compiled.push((name, dovecot.run("sievec", &[plain, &["-d", &script, "/dev/null"]].concat())));
        }
    }
    compiled.sort();
    let said = |name: &str| (name.to_owned(), String::new());
    assert_eq!(compiled, [said("attribute.sieve"), said("sort-leads.sieve")]);
}
