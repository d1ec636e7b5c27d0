//! Tables of rules and letters.

use proptest::prelude::*;

use super::*;
use crate::{
    address::Address,
    config::{Side, SizeBound},
    pattern::{HeaderPattern, ValuePattern, composed},
};

fn rule(tag: &str) -> TagRule {
    TagRule {
        tag: tag.to_owned(),
        channel: None,
        recipient: None,
        sender: None,
        subject: None,
        header: None,
        attachment: None,
        size: None,
    }
}

fn value(text: &str) -> Option<ValuePattern> {
    Some(ValuePattern::parse(text).unwrap())
}

fn header(text: &str) -> Option<HeaderPattern> {
    Some(HeaderPattern::parse(text).unwrap())
}

fn bound(side: Side, octets: u64) -> Option<SizeBound> {
    Some(SizeBound { side, octets })
}

struct Addresses {
    sender: Address,
    m11: Address,
    news: Address,
}

impl Addresses {
    fn new() -> Self {
        let address = |text: &str| Address::parse(text).unwrap();
        Self {
            sender: address("Иван@Клиент.РФ"),
            m11: address("info+m11@company.ru"),
            news: address("sales+news@company.ru"),
        }
    }

    /// A letter to two channels.
    fn letter(&self) -> Facts<'_> {
        let to = |address, channel| To { address: Spelled::of(address), channel: Some(channel) };
        Facts {
            sender: Spelled::of(&self.sender),
            subject: "Re: Срочно, счёт № 15".into(),
            recipients: vec![to(&self.m11, "billboard-m11"), to(&self.news, "newsletter")],
            headers: vec![("X-Mailer", "1С:Предприятие 8.3".to_owned()), ("X-Empty", String::new())],
            attachments: vec!["Счёт 15.PDF".to_owned()],
            size: Some(2048),
        }
    }
}

#[test]
fn every_condition_is_met_or_not() {
    let sides = [Side::Above, Side::Below];
    let rows: Vec<(TagRule, bool)> = vec![
        (TagRule { channel: Some("newsletter".into()), ..rule("channel") }, true),
        (TagRule { channel: Some("yandex-direct".into()), ..rule("other channel") }, false),
        (TagRule { size: bound(sides[0], 2047), ..rule("above") }, true),
        (TagRule { size: bound(sides[0], 2048), ..rule("not above") }, false),
        (TagRule { size: bound(sides[1], 2049), ..rule("below") }, true),
        (TagRule { size: bound(sides[1], 2048), ..rule("not below") }, false),
        (TagRule { sender: value("*@клиент.рф"), ..rule("domain as people read it") }, true),
        (TagRule { sender: value("*@xn--*.xn--p1ai"), ..rule("domain as A-labels") }, true),
        (TagRule { sender: value("=ИВАН@клиент.рф"), ..rule("whole sender") }, true),
        (TagRule { sender: value("*@client.example"), ..rule("other sender") }, false),
        (TagRule { recipient: value("info+*"), ..rule("first recipient") }, true),
        (TagRule { recipient: value("*+NEWS@*"), ..rule("second recipient") }, true),
        (TagRule { recipient: value("info@company.ru"), ..rule("the mailbox") }, false),
        (TagRule { subject: value("/СРОЧНО/"), ..rule("subject") }, true),
        (TagRule { subject: value("срочно*"), ..rule("globs are whole") }, false),
        (TagRule { subject: value("="), ..rule("no subject") }, false),
        (TagRule { header: header("x-mailer: 1с:*"), ..rule("header") }, true),
        (TagRule { header: header("X-Empty: *"), ..rule("empty header") }, true),
        (TagRule { header: header("X-None: *"), ..rule("absent header") }, false),
        (TagRule { attachment: value("*.pdf"), ..rule("attachment") }, true),
        (TagRule { attachment: value("*.doc"), ..rule("other attachment") }, false),
    ];
    let addresses = Addresses::new();
    for (rule, expected) in rows {
        let rules = [rule];
        let got = fired(&rules, TagMatch::All, &addresses.letter()).count() == 1;
        assert_eq!(got, expected, "{}", rules[0].tag);
    }
}

#[test]
fn a_letter_of_which_nothing_is_known_fits_only_what_is_empty() {
    let rows: Vec<(TagRule, bool)> = vec![
        (TagRule { channel: Some("newsletter".into()), ..rule("channel") }, false),
        (TagRule { size: bound(Side::Below, 10), ..rule("below") }, false),
        (TagRule { size: bound(Side::Above, 0), ..rule("above") }, false),
        (TagRule { sender: value("="), ..rule("no sender") }, true),
        (TagRule { recipient: value("*"), ..rule("recipient") }, false),
        (TagRule { subject: value("="), ..rule("no subject") }, true),
        (TagRule { subject: value("*"), ..rule("any subject") }, true),
        (TagRule { header: header("X-Mailer: *"), ..rule("header") }, false),
        (TagRule { attachment: value("*"), ..rule("attachment") }, false),
    ];
    for (rule, expected) in rows {
        let rules = [rule];
        assert_eq!(fired(&rules, TagMatch::All, &Facts::default()).count() == 1, expected, "{}", rules[0].tag);
    }
}

#[test]
fn all_conditions_of_a_rule_have_to_be_met() {
    let addresses = Addresses::new();
    let rows: Vec<(TagRule, bool)> = vec![
        (TagRule { subject: value("/срочно/"), size: bound(Side::Above, 1), ..rule("both") }, true),
        (TagRule { subject: value("/срочно/"), size: bound(Side::Above, 9999), ..rule("one of two") }, false),
        (TagRule { channel: Some("newsletter".into()), recipient: value("sales+*"), ..rule("of one address") }, true),
        (TagRule { channel: Some("newsletter".into()), recipient: value("info+*"), ..rule("of two addresses") }, false),
    ];
    for (rule, expected) in rows {
        let rules = [rule];
        let got = fired(&rules, TagMatch::All, &addresses.letter()).count() == 1;
        assert_eq!(got, expected, "{}", rules[0].tag);
    }
}

/// Four rules, of which the first and the last but one do not fit.
fn four() -> [TagRule; 4] {
    [
        TagRule { channel: Some("yandex-direct".into()), subject: value("*"), ..rule("paid") },
        TagRule { subject: value("/срочно/"), size: bound(Side::Below, 1 << 20), ..rule("urgent") },
        TagRule { header: header("X-Form: *"), recipient: value("info+*"), ..rule("form") },
        TagRule { attachment: value("*.pdf"), ..rule("bill") },
    ]
}

#[test]
fn all_rules_or_the_first_count() {
    let (addresses, rules) = (Addresses::new(), four());
    let got = |which| fired(&rules, which, &addresses.letter()).collect::<Vec<_>>();
    let (urgent, bill) = (Fired { index: 1, tag: "urgent" }, Fired { index: 3, tag: "bill" });
    assert_eq!(got(TagMatch::All), [urgent, bill]);
    assert_eq!(got(TagMatch::First), [urgent]);
}

#[test]
fn each_rule_says_why() {
    let (addresses, rules) = (Addresses::new(), four());
    let told = |which| {
        let line = |of: &Judged| {
            let why: Vec<String> = of.conditions.iter().map(Condition::to_string).collect();
            format!("{} {} {:?}: {}", of.rule, of.tag, of.verdict, why.join("; "))
        };
        judged(&rules, which, &addresses.letter()).iter().map(line).collect::<Vec<_>>()
    };
    let mut expected = [
        "tag[0] paid Unmet: channel \"billboard-m11\", \"newsletter\" does not fit \"yandex-direct\"; \
         subject \"Re: Срочно, счёт № 15\" fits \"*\"",
        "tag[1] urgent Fired: size \"2048\" fits \"<1MiB\"; subject \"Re: Срочно, счёт № 15\" fits \"/срочно/\"",
        "tag[2] form Unmet: recipient \"info+m11@company.ru\", \"sales+news@company.ru\" fits \"info+*\"; \
         no header X-Form to fit \"*\"",
        "tag[3] bill Fired: attachment \"Счёт 15.PDF\" fits \"*.pdf\"",
    ]
    .map(str::to_owned);
    assert_eq!(told(TagMatch::All), expected);
    expected[3] = expected[3].replace("Fired", "TooLate");
    assert_eq!(told(TagMatch::First), expected);
}

fn any_pattern() -> impl Strategy<Value = Option<ValuePattern>> {
    let text = prop_oneof!["[a-c*?=]{1,4}", "/[a-c.*+|]{1,5}/"];
    proptest::option::of(text.prop_filter_map("no pattern", |text| ValuePattern::parse(&text).ok()))
}

prop_compose! {
    fn any_rule()(
        channel in proptest::option::of("[ab]"),
        recipient in any_pattern(),
        sender in any_pattern(),
        subject in any_pattern(),
        attachment in any_pattern(),
        in_header in any_pattern(),
        size in proptest::option::of((any::<bool>(), 0u64..10)),
    ) -> TagRule {
        TagRule {
            channel,
            recipient,
            sender,
            subject,
            attachment,
            header: in_header.map(|pattern| HeaderPattern { name: "X-Form".into(), pattern }),
            size: size.map(|(above, octets)| {
                let side = if above { Side::Above } else { Side::Below };
                SizeBound { side, octets }
            }),
            ..rule("any")
        }
    }
}

proptest! {
    #[test]
    fn what_is_told_is_what_happens(
        rules in proptest::collection::vec(any_rule(), 0..8),
        first in any::<bool>(),
        subject in "[a-c]{0,3}",
        attachments in proptest::collection::vec("[a-c]{0,3}", 0..3),
        form in proptest::option::of("[a-c]{0,3}"),
        sender in proptest::option::of("[a-c]{1,3}@[a-c]"),
        to in proptest::collection::vec(("[a-c]{1,3}@[a-c]", proptest::option::of("[ab]")), 0..3),
        size in proptest::option::of(0u64..10),
    ) {
        let sender = sender.and_then(|text| Address::parse(&text));
        let to: Vec<_> = to.iter().filter_map(|(text, channel)| Some((Address::parse(text)?, channel.as_deref()))).collect();
        let facts = Facts {
            sender: sender.as_ref().map(Spelled::of).unwrap_or_default(),
            subject: composed(&subject),
            recipients: to.iter().map(|(of, channel)| To { address: Spelled::of(of), channel: *channel }).collect(),
            headers: form.into_iter().map(|value| ("X-Form", value)).collect(),
            attachments,
            size,
        };
        let which = if first { TagMatch::First } else { TagMatch::All };
        let counted: Vec<String> = fired(&rules, which, &facts).map(|of| format!("tag[{}]", of.index)).collect();
        let told = judged(&rules, which, &facts);
        let told = told.into_iter().filter(|of| of.verdict == Verdict::Fired).map(|of| of.rule);
        prop_assert_eq!(counted, told.collect::<Vec<_>>());
    }
}
