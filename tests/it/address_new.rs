//! Dynamic addresses on the command line: ordered, shown, explained, revoked, and printed as a QR code.

use std::fs;

use serde_json::{Value, json};

use crate::{
    command::{Output, run},
    company::{Company, DYNAMIC},
};

fn company() -> Company {
    Company::new(DYNAMIC, "")
}

/// Orders an address; gives back its token and the report without what changes.
fn order(company: &Company, options: &[&str]) -> (String, Value) {
    let output = run(company, &[&["address", "new", "--json"], options].concat());
    assert_eq!((output.code, output.err.as_str()), (0, ""));
    let mut report = output.json().pop().unwrap();
    let token = report["token"].as_str().unwrap().to_owned();
    report.as_object_mut().unwrap().remove("issued_at").unwrap();
    (token, report)
}

fn told(output: Output) -> (i32, String, String) {
    (output.code, output.out, output.err)
}

#[test]
fn an_address_is_made_shown_and_explained() {
    let company = company();
    let (token, report) = order(&company, &["--channel", "newsletter", "--mailbox", "sales@company.ru"]);
    let address = format!("sales+{token}@company.ru");
    let expected = json!({ "token": token, "addresses": { "sales@company.ru": address }, "channel": "newsletter" });
    assert_eq!(report, expected);

    // A store of leads is there once something was recorded.
    assert_eq!(run(&company, &["address", "trust", "info+m11@company.ru"]).code, 0);
    let mut shown = run(&company, &["address", "show", "--json", &address]).json().pop().unwrap();
    let at = shown["issued_at"].take();
    let (at, visits) = (at.as_str().unwrap(), shown["visits"].take());
    let visit = json!({
        "at": at, "channel": "newsletter", "source": "newsletter", "medium": "email", "campaign": "autumn",
        "landing_page": null, "referrer": null,
    });
    let rule = format!("token {token} was shown in the visit of {at}, by newsletter / email").replace("00Z", "Z");
    assert_eq!(visits, json!([visit]));
    let explained = run(&company, &["explain", "--json", &address.to_uppercase()]).json().pop().unwrap();
    let told = explained["rule"].as_str().unwrap();
    assert!(rule.starts_with(&told[..40]), "{told}");
    let resolved = |address: &str| {
        json!({
            "address": address, "resolution": "visit", "pattern": "plus", "mailbox": "sales@company.ru",
            "channel": "newsletter", "rule": told,
        })
    };
    assert_eq!(explained, resolved(&address.to_uppercase()));
    let mut expected = resolved(&address);
    expected["note"] = Value::Null;
    expected["issued_at"] = Value::Null;
    expected["visits"] = Value::Null;
    assert_eq!(shown, expected);
}

#[test]
fn what_is_known_of_the_visit_comes_from_page_and_options() {
    let company = company();
    let landing = "https://company.ru/pumps?utm_source=yandex&utm_medium=cpc&utm_campaign=pumps-msk";
    let (token, report) = order(&company, &["--landing", landing]);
    let addresses = json!({ "info@company.ru": format!("info+{token}@company.ru") });
    assert_eq!(report, json!({ "token": token, "addresses": addresses, "channel": "yandex-direct" }));
    let (token, report) = order(&company, &["--utm", "source=fair", "--utm", "utm_medium=offline"]);
    assert_eq!(report["channel"], Value::Null);
    assert_eq!(run(&company, &["address", "trust", "info+m11@company.ru"]).code, 0);
    let shown = run(&company, &["address", "show", &token]);
    assert!(shown.out.contains("-        fair    offline  -         -"), "{}", shown.out);
}

#[test]
fn a_revoked_address_is_leaked_by_whatever_spelling() {
    let company = company();
    let (token, _) = order(&company, &[]);
    let revoked = run(&company, &["address", "revoke", &format!("INFO.{}@company.ru", token.to_uppercase())]);
    assert_eq!(told(revoked), (0, format!("{token}: leaked\n"), String::new()));
    let shown = run(&company, &["address", "show", "--json", &format!("sales+{token}@company.ru")]);
    assert_eq!(shown.json().pop().unwrap()["note"]["state"], "leaked");
    let listed = run(&company, &["address", "list", "--json"]).json();
    assert_eq!((listed.len(), &listed[0]["address"]), (1, &json!(token)));
    assert_eq!(
        told(run(&company, &["address", "reset", &token])),
        (0, format!("{token}: judged anew\n"), String::new())
    );
    let wrong = "\"info+m11@company.ru\" is no dynamic address of ours: `address leak` is for others";
    let refused = run(&company, &["address", "revoke", "info+m11@company.ru"]);
    assert_eq!(told(refused), (65, String::new(), format!("leadmilter: {wrong}\n")));
}

#[test]
fn a_qr_code_is_an_svg_of_the_address() {
    let company = company();
    let file = company.path("stand.svg");
    let made = run(&company, &["address", "new", "--channel", "newsletter", "--qr", file.to_str().unwrap()]);
    let address = made.out.trim_end().to_owned();
    let svg = fs::read_to_string(&file).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains(&format!("<title>{address}</title>")), "{svg}");
    // The same code for the same address, on stdout.
    assert_eq!(told(run(&company, &["address", "show", "--qr", "-", &address])), (0, svg, String::new()));
    let static_one = run(&company, &["address", "show", "--qr", "-", "info+m11@company.ru"]);
    assert!(static_one.out.contains("<title>info+m11@company.ru</title>"), "{}", static_one.out);
}

#[test]
fn a_wrong_order_is_told_what_is_wrong() {
    let company = company();
    let rows: [(&[&str], i32, &str); 5] = [
        (&["--channel", "nowhere"], 65, "\"nowhere\" is no channel"),
        (&["--mailbox", "boss@company.ru"], 65, "\"boss@company.ru\" is no mailbox"),
        (&["--utm", "fair"], 64, "\"fair\" is not NAME=VALUE"),
        (&["--utm", "place=fair"], 64, "\"place\" is no UTM value: write source, medium, campaign, term or content"),
        (
            &["--qr", "-", "--mailbox", "info@company.ru", "--mailbox", "sales@company.ru"],
            64,
            "--qr is for one address: name one --mailbox",
        ),
    ];
    for (options, code, expected) in rows {
        let output = run(&company, &[&["address", "new"], options].concat());
        assert_eq!(told(output), (code, String::new(), format!("leadmilter: {expected}\n")), "{options:?}");
    }
    let without = Company::new("", "");
    let expected = "leadmilter: the config has no [dynamic], which addresses need\n";
    assert_eq!(told(run(&without, &["address", "new"])), (65, String::new(), expected.to_owned()));
}
