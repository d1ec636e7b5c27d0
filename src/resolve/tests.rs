//! The rules of a table, one address at a time.

use super::*;
use crate::channel::Utm;
use proptest::prelude::*;

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn mailbox(text: &str, separators: &str) -> Mailbox {
    Mailbox { address: address(text), spelled: text.into(), separators: separators.into(), rewrite: false }
}

fn table() -> Table {
    let channel = Channel {
        id: "m11".into(),
        name: "m11".into(),
        mailbox: address("info@company.ru"),
        addresses: ["info+m11@company.ru", "info.m11@company.ru", "m11@promo.company.ru", "ад@компания.рф"]
            .map(address)
            .to_vec(),
        utm: Utm::default(),
        tags: Vec::new(),
    };
    let mailboxes =
        [mailbox("info@company.ru", "+.-"), mailbox("ivan.petrov@company.ru", "+"), mailbox("ivan@company.ru", ".")];
    Table::new(&mailboxes, &[channel])
}

#[test]
fn an_address_is_resolved_by_one_rule() {
    let rows = [
        ("info+m11@company.ru", "channel", Some(Pattern::Plus)),
        ("INFO.M11@COMPANY.RU", "channel", Some(Pattern::Dot)),
        ("m11@promo.company.ru", "channel", Some(Pattern::Subdomain)),
        ("ад@xn--80aqeigdi5k.xn--p1ai", "channel", Some(Pattern::Exact)),
        ("info@company.ru", "mailbox", None),
        ("info+other@company.ru", "unknown", None),
        ("info@other.ru", "foreign", None),
        ("info+m11@other.ru", "foreign", None),
        ("postmaster", "foreign", None),
    ];
    for (text, resolution, pattern) in rows {
        let got = table().explain(text);
        assert_eq!((got.resolution, got.pattern), (resolution, pattern), "{text}");
    }
}

#[test]
fn a_mailbox_that_holds_the_delimiter_wins_over_the_pattern() {
    let got = table().explain("ivan.petrov@company.ru");
    assert_eq!((got.resolution, got.mailbox.as_deref()), ("mailbox", Some("ivan.petrov@company.ru")));
}

#[test]
fn a_tag_begins_at_the_first_separator_of_its_mailbox() {
    let tag = |text: &str| match table().resolve(&address(text)) {
        Resolution::Unknown { mailbox, tag } => Some((mailbox.address.to_string(), tag)),
        _ => None,
    };
    assert_eq!(tag("info+a.b@company.ru"), Some(("info@company.ru".into(), "a.b".into())));
    assert_eq!(tag("info.a+b@company.ru"), Some(("info@company.ru".into(), "a+b".into())));
    assert_eq!(tag("ivan.petrov+x@company.ru"), Some(("ivan@company.ru".into(), "petrov+x".into())));
    assert_eq!(tag("ivan+x@company.ru"), None, "this mailbox does not accept +");
}

proptest! {
    #[test]
    fn no_text_panics_and_a_rule_is_always_named(
        text in "(<|\")?(info|ivan|ivan.petrov|INFO)?[+.-]?\\PC{0,12}@?(company.ru|компания.рф)?>?",
    ) {
        let got = table().explain(&text);
        prop_assert!(!got.rule.is_empty());
        prop_assert_eq!(got.channel.is_some(), got.resolution == "channel");
        prop_assert_eq!(got.mailbox.is_some(), got.resolution != "foreign");
    }
}
