//! Names, subjects and UTM values that are not ASCII: read whatever way they come, written so that any mail program
//! reads them.

use encoding_rs::{Encoding, KOI8_R, WINDOWS_1251};
use serde_json::{Value, json};

use crate::{
    delivered::{headers, received, settled, shown, trace},
    scene::{Scene, Setup, python},
    told::{assert_same, expected},
};

const M11: &str = "info+m11@company.ru";

/// A letter whose display name and subject are these bytes.
fn letter(number: usize, name: &[u8], subject: &[u8], more: &str) -> Vec<u8> {
    let rest = format!("Date: Mon, 2 Nov 2026 10:00:00 +0300\nMessage-ID: <{number}@client.example>\n{more}\n");
    let from = format!(" <c{number}@client.example>\nSubject: ");
    [b"From: ", name, from.as_bytes(), subject, b"\n", rest.as_bytes(), b"\xd0\x9d body \xe5\n"].concat()
}

/// Text in an old encoding.
fn in_charset(charset: &'static Encoding, text: &str) -> Vec<u8> {
    charset.encode(text).0.into_owned()
}

#[test]
fn cyrillic_names_and_subjects_are_read_in_every_encoding_and_stay_as_they_came() {
    let (name, subject) = ("Анна Петрова", "Запрос цены на насосы");
    let koi8 = |text| in_charset(KOI8_R, text);
    let cp1251 = |text| in_charset(WINDOWS_1251, text);
    let cases: [(&str, Vec<u8>, Vec<u8>, &str); 9] = [
        (
            "RFC 2047, base64 of UTF-8",
            b"=?UTF-8?B?0JDQvdC90LAg0J/QtdGC0YDQvtCy0LA=?=".into(),
            b"=?UTF-8?B?0JfQsNC/0YDQvtGBINGG0LXQvdGL?=\n =?utf-8?b?INC90LAg0L3QsNGB0L7RgdGL?=".into(),
            "",
        ),
        (
            "RFC 2047, quoted-printable of koi8-r",
            b"=?koi8-r?Q?=E1=CE=CE=C1_=F0=C5=D4=D2=CF=D7=C1?=".into(),
            b"=?KOI8-R?Q?=FA=C1=D0=D2=CF=D3_=C3=C5=CE=D9?=\n\t=?KOI8-R?Q?_=CE=C1_=CE=C1=D3=CF=D3=D9?=".into(),
            "",
        ),
        (
            "RFC 2047, base64 of windows-1251",
            b"=?windows-1251?B?wO3t4CDP5fLw7uLg?=".into(),
            b"=?windows-1251?B?x+Dv8O7xIPbl7fsg7eAg7eDx7vH7?=".into(),
            "",
        ),
        ("raw UTF-8", name.into(), subject.into(), ""),
        ("raw UTF-8, quoted name", format!("\"{name}\"").into(), subject.into(), "Content-Type: text/plain\n"),
        ("raw koi8-r, declared", koi8(name), koi8(subject), "Content-Type: text/plain; charset=koi8-r\n"),
        ("raw koi8-r, declared folded", koi8(name), koi8(subject), "Content-Type: text/html;\n\tcharset=\"KOI8-R\"\n"),
        ("raw windows-1251, declared", cp1251(name), cp1251(subject), "Content-Type: text/plain; charset=cp1251\n"),
        ("raw windows-1251, not declared", cp1251(name), cp1251(subject), ""),
    ];
    let mut scene = Scene::start("");
    for (number, (case, name_bytes, subject_bytes, more)) in (1..).zip(cases) {
        let letter = letter(number, &name_bytes, &subject_bytes, more);
        let sender = format!("c{number}@client.example");
        let sent = scene.send(&format!("<{sender}>"), &["<info+m11@company.ru>"], &letter);
        let told = scene.told();
        let number_in_store = u32::try_from(number).unwrap();
        let mut event = expected(number_in_store, number_in_store, &[M11]);
        event["data"]["sender"]["name"] = name.into();
        event["data"]["message"]["subject"] = subject.into();
        assert_same(&told.body, &event, case);
        let mails = scene.postfix.mails("info@company.ru", number);
        let above = [trace(&sender, M11, M11), headers(M11), received(Some(M11))].concat();
        let expected = shown(&[above.as_bytes(), &letter].concat());
        assert_eq!(settled(mails.last().unwrap(), &sent, &told.id), expected, "{case}");
    }
}

/// Prints the attribution headers as Python's email package reads them.
const READ: &str = r#"
import email, email.policy, json, sys
message = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
print(json.dumps([[name, str(value)] for name, value in message.items() if name.startswith("X-Lead-")]))
"#;

#[test]
fn long_and_foreign_values_are_short_ascii_lines_that_other_programs_decode() {
    let source = "a".repeat(500);
    let medium = "cost per click, ".repeat(31) + "end";
    let campaign = "весна лето осень зима ".repeat(12) + "ъ";
    let term = "=?UTF-8?Q?evil?= \u{1F600} двести";
    let content = "ы".repeat(1024);
    let tags: Vec<_> = (1..=32).map(|number| format!("a rather long tag number {number}")).collect();
    let addresses = format!(
        "[[channel]]\nid = \"{id}\"\nmailbox = \"info@company.ru\"\naddresses = [\"info+long@company.ru\"]\n\
         utm = {{ source = \"{source}\", medium = \"{medium}\", campaign = \"{campaign}\", term = \"{term}\", content = \"{content}\" }}\n\
         tags = {tags:?}\n",
        id = "c".repeat(64),
    );
    let mut scene = Scene::set(Setup { addresses: &addresses, ..Setup::default() });
    let letter = letter(1, b"Anna", b"pumps", "");
    let sent = scene.send("<c1@client.example>", &["<info+long@company.ru>"], &letter);
    let told = scene.told();
    let attribution = &told.raw["data"]["attribution"];
    let whole = [&source, &medium, &campaign, term, &content].map(Value::from);
    assert_eq!(["source", "medium", "campaign", "term", "content"].map(|name| attribution[name].clone()), whole);
    assert_eq!(told.raw["data"]["tags"], json!(tags));

    let mail = scene.postfix.mails("info@company.ru", 1).remove(0);
    let text = shown(&mail);
    let start = text.find("X-Lead-Id").unwrap();
    let ours = &text[start..text.find("Received: ").unwrap()];
    for line in ours.lines() {
        assert!(line.is_ascii() && line.len() < 78, "{line:?}");
    }
    let found: Value = serde_json::from_str(&python(READ, &mail)).unwrap();
    let shortened_to_512_octets = "ы".repeat(256);
    // More would be over 512 octets; a tag is never cut in two.
    let tags = tags[..18].join(", ");
    let expected = json!([
        ["X-Lead-Id", told.id],
        ["X-Lead-Channel", "c".repeat(64)],
        ["X-Lead-Substitute", "info+long@company.ru"],
        ["X-Lead-Status", "channel"],
        ["X-Lead-Unique", "new"],
        ["X-Lead-UTM-Source", source],
        ["X-Lead-UTM-Medium", medium],
        ["X-Lead-UTM-Campaign", campaign],
        ["X-Lead-UTM-Term", term],
        ["X-Lead-UTM-Content", shortened_to_512_octets],
        ["X-Lead-Tags", tags],
    ]);
    assert_same(&found, &expected, "as Python reads them");

    let (long, letter) = ("info+long@company.ru", shown(&letter));
    let rest = [trace("c1@client.example", long, long), received(Some(long)), letter].concat();
    assert_eq!(settled(text.replace(ours, "").as_bytes(), &sent, &told.id), rest);
}
