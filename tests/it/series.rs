//! New or repeat: what one person's letters are to each other, in the event and in `X-Lead-Unique`.

use serde_json::{Value, json};

use crate::{
    delivered::{headers, received, settled, trace},
    postfix_house::queue_id,
    scene::Scene,
    told::{Told, assert_same, expected, letter},
};

/// One letter: its author in From:, its substitute, and which of the letters before began its series.
type Row = (&'static str, &'static str, Option<usize>);

/// Sends the letters one after another, and compares each event and each delivered letter whole.
fn play(keys: &str, basis: &str, window_days: Value, rows: &[Row]) {
    let mut scene = Scene::start(keys);
    let mut all: Vec<(Told, u32)> = Vec::new();
    for (number, (author, substitute, first)) in (1..).zip(rows) {
        let plain = String::from_utf8(letter(number)).unwrap();
        let own = format!("<c{number}@client.example>\nTo");
        let letter = plain.replace(&own, &format!("<{author}>\nTo"));
        // The envelope changes from letter to letter: From: is who wrote.
        let sent = scene.send(&format!("<c{number}@client.example>"), &[&format!("<{substitute}>")], letter.as_bytes());
        let told = scene.told();
        let case = format!("letter {number} of {author} to {substitute}, {keys}");
        let count = match first {
            Some(first) => {
                2 + all
                    .iter()
                    .filter(|(told, _)| told.raw["data"]["repeat"]["first_lead_id"] == all[*first].0.id)
                    .count()
            }
            None => 1,
        };
        let begun = first.map(|first| &all[first].0);
        let mut event = expected(number, number, &[substitute]);
        let data = &mut event["data"];
        data["sender"]["address"] = author.to_lowercase().into();
        data["sender"]["address_sha256"] = crate::told::sha256(&author.to_lowercase()).into();
        data["repeat"] = json!({
            "unique": first.is_none(), "count": count, "basis": basis, "window_days": window_days,
            "first_lead_id": begun.map(|told| &told.id), "first_received_at": begun.map(|told| &told.time),
        });
        assert_same(&told.body, &event, &case);
        let mail = scene.postfix.mails("info@company.ru", 1).into_iter().find(|mail| queue_id(mail) == sent).unwrap();
        let unique = if first.is_none() { "Unique: new" } else { "Unique: repeat" };
        let expected = [
            trace(&format!("c{number}@client.example"), substitute, substitute),
            headers(substitute).replace("Unique: new", unique),
            received(Some(substitute)),
            letter,
        ];
        assert_eq!(settled(&mail, &sent, &told.id), expected.concat(), "{case}");
        all.push((told, number));
    }
    scene.assert_recorded(&all.iter().map(|(told, _)| told).collect::<Vec<_>>());
}

const ANNA: &str = "anna@client.example";
const M11: &str = "info+m11@company.ru";
const YD: &str = "info+yd@company.ru";

#[test]
fn sender_who_wrote_before_is_a_repeat_whatever_the_channel() {
    play(
        "",
        "sender",
        Value::Null,
        &[
            (ANNA, M11, None),
            (ANNA, M11, Some(0)),
            ("boris@client.example", M11, None),
            ("ANNA@Client.Example", YD, Some(0)),
            (ANNA, M11, Some(0)),
        ],
    );
}

#[test]
fn sender_counts_anew_in_each_channel_where_the_config_says_so() {
    play(
        "leads.unique_by = \"sender_channel\"\nleads.unique_window = \"90d\"",
        "sender_channel",
        json!(90),
        &[(ANNA, M11, None), (ANNA, YD, None), (ANNA, M11, Some(0)), ("ANNA@Client.Example", YD, Some(1))],
    );
}

#[test]
fn series_ends_when_the_window_passes_without_a_letter() {
    let mut scene = Scene::start("leads.unique_window = \"1s\"");
    let send = |scene: &mut Scene, number: u32| {
        let letter = String::from_utf8(letter(number)).unwrap().replace("<c", "<anna").replace("anna2@", "anna1@");
        scene.send("<anna@client.example>", &["<info+m11@company.ru>"], letter.as_bytes());
        scene.told()
    };
    let first = send(&mut scene, 1);
    // The very fact that is waited for: more than the window lies between the two letters.
    let came: jiff::Timestamp = first.time.parse().unwrap();
    while jiff::Timestamp::now().as_millisecond() <= came.as_millisecond() + 1000 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let second = send(&mut scene, 2);
    let new = json!({
        "unique": true, "count": 1, "basis": "sender", "window_days": 1,
        "first_lead_id": null, "first_received_at": null,
    });
    assert_eq!(first.raw["data"]["sender"]["address"], "anna1@client.example");
    assert_eq!(second.raw["data"]["sender"]["address"], "anna1@client.example");
    assert_eq!([&first.raw["data"]["repeat"], &second.raw["data"]["repeat"]], [&new, &new]);
}
