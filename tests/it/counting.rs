//! What counts as an inquiry, and what a letter in a known thread is: what an accountant would sign.

use leadmilter::{
    event::EventType,
    lead::{Confidence, Kind, Lead, Status},
};

use crate::desk::{Desk, INFO, M11, Told, YD, header};

const IVAN: &str = "ivan@client.example";
const ANNA: &str = "anna@other.example";

/// Header fields beside those that every letter has.
type Fields<'a> = &'a [(&'a str, &'a str)];

/// Whether it is new, and its number; `None` where it does not count.
fn place(lead: &Lead) -> Option<(bool, u32)> {
    lead.repeat.counts().then_some((lead.repeat.unique, lead.repeat.count))
}

fn channel(lead: &Lead) -> Option<&str> {
    lead.channel.as_ref().map(|channel| channel.id.as_str())
}

#[tokio::test]
async fn a_letter_in_the_thread_of_a_lead_is_a_reply_and_keeps_its_attribution() {
    let all = "events = [\"lead.received\", \"lead.replied\"]";
    let mut desk = Desk::with_sinks("", &[("crm", all)]).await;
    desk.letter("1", IVAN, M11, &[]).await;
    let root = desk.last();
    let rows: [(&str, &str, &str, Fields<'_>); 6] = [
        ("to the mailbox", "2", INFO, &[("In-Reply-To", "<1@client.example>")]),
        ("by an older id alone", "3", INFO, &[("References", "<1@client.example> <ours@company.ru>")]),
        ("to the reply", "4", INFO, &[("In-Reply-To", "<2@client.example>")]),
        ("to another channel", "5", YD, &[("In-Reply-To", "<ours@company.ru>"), ("References", "<3@client.example>")]),
        ("by a colleague of the client", "6", INFO, &[("In-Reply-To", "\n <1@client.example>")]),
        ("to the substitute", "7", M11, &[("References", "<x@y>\n\t<1@client.example>\n\t<z@y>")]),
    ];
    for (case, id, to, more) in rows {
        let edits = desk.letter(id, if id == "6" { ANNA } else { IVAN }, to, more).await;
        let reply = desk.last();
        let thread = Some(root.lead_id.clone());
        assert_eq!((&reply.in_thread_of, reply.kind, place(&reply)), (&thread, Kind::Lead, None), "{case}");
        let mut attribution = root.attribution.clone();
        attribution.confidence = Confidence::Thread;
        assert_eq!((&reply.attribution, channel(&reply)), (&attribution, Some("billboard-m11")), "{case}");
        assert_eq!(reply.tags, root.tags, "{case}");
        assert_eq!(reply.recipient.substitute, to.trim_matches(['<', '>']), "{case}");
        let told = ["Thread", "Unique", "Kind", "Channel"].map(|name| header(&edits, name));
        assert_eq!(told, [thread, None, None, Some("billboard-m11".into())], "{case}");
        let expected = Told { event: EventType::LeadReplied, lead: reply.lead_id.clone(), kind: "lead".into() };
        assert_eq!(desk.told("crm").pop(), Some(expected), "{case}");
    }
    desk.letter("8", IVAN, M11, &[]).await;
    assert_eq!(place(&desk.last()), Some((false, 2)), "replies have no place in the series");
    desk.letter("9", ANNA, M11, &[]).await;
    assert_eq!(place(&desk.last()), Some((true, 1)), "and make nobody known");
    let counts = [&desk.door.metrics.replies, &desk.door.metrics.leads, &desk.door.metrics.leads_repeat];
    assert_eq!(counts.map(|count| count.get()), [6, 3, 1]);
}

#[tokio::test]
async fn a_letter_to_the_mailbox_that_nobody_knows_is_untouched_and_unrecorded() {
    let mut desk = Desk::open("").await;
    desk.letter("1", IVAN, M11, &[]).await;
    let rows: [&[(&str, &str)]; 4] = [
        &[],
        &[("In-Reply-To", "<unknown@company.ru>")],
        &[("References", "<unknown@company.ru> <>")],
        &[("Auto-Submitted", "auto-replied"), ("In-Reply-To", "<1@client.example>")],
    ];
    for (at, more) in rows.iter().enumerate() {
        assert_eq!(desk.letter(&format!("m{at}"), IVAN, INFO, more).await, Vec::<String>::new(), "{more:?}");
    }
    assert_eq!((desk.recorded(), desk.door.metrics.messages_untracked.get()), (1, 4));
}

#[tokio::test]
async fn direct_says_which_letters_to_the_mailbox_are_recorded() {
    // What it is set to; whether a stranger's, a known sender's and a reply are recorded, and how sure of them.
    type Expected = [Option<(Confidence, Option<&'static str>, Option<(bool, u32)>)>; 3];
    let (thread, m11) = (Some((Confidence::Thread, Some("billboard-m11"), None)), Some("billboard-m11"));
    let known = Some((Confidence::Sender, m11, Some((false, 2))));
    let stranger = Some((Confidence::None, None, Some((true, 1))));
    let rows: [(&str, Expected); 4] = [
        ("ignore", [None, None, None]),
        ("replies", [None, None, thread]),
        ("senders", [None, known, thread]),
        ("all", [stranger, known, thread]),
    ];
    for (direct, expected) in rows {
        let mut desk = Desk::open(&format!("[leads]\ndirect = \"{direct}\"\n")).await;
        desk.letter("1", IVAN, M11, &[]).await;
        let letters: [(&str, &[(&str, &str)]); 3] =
            [(ANNA, &[]), ("Ivan@Client.example", &[]), (IVAN, &[("In-Reply-To", "<1@client.example>")])];
        for (at, ((from, more), expected)) in letters.iter().zip(expected).enumerate() {
            let before = desk.recorded();
            let edits = desk.letter(&format!("d{at}"), from, INFO, more).await;
            let found = (desk.recorded() > before).then(|| desk.last());
            let told = found.as_ref().map(|lead| (lead.attribution.confidence, channel(lead), place(lead)));
            assert_eq!(told, expected, "{direct}: letter {at}");
            assert_eq!(header(&edits, "Id").is_some(), expected.is_some(), "{direct}: letter {at}");
        }
    }
}

#[tokio::test]
async fn what_no_person_wrote_is_no_reply_and_an_answer_to_it_is_an_inquiry() {
    let mut desk = Desk::open("").await;
    desk.letter("1", IVAN, M11, &[]).await;
    let machines: [(&str, (&str, &str), Kind); 4] = [
        ("auto", ("Auto-Submitted", "auto-replied"), Kind::AutoReply),
        ("spam", ("X-Spam-Flag", "YES"), Kind::Spam),
        ("list", ("List-Id", "<a.b>"), Kind::List),
        ("receipt", ("Content-Type", "multipart/report; report-type=disposition-notification"), Kind::Receipt),
    ];
    for (id, sign, kind) in machines {
        let edits = desk.letter(id, IVAN, M11, &[sign, ("In-Reply-To", "<1@client.example>")]).await;
        let lead = desk.last();
        assert_eq!((lead.kind, &lead.in_thread_of, place(&lead)), (kind, &None, None));
        let told = ["Kind", "Thread", "Unique"].map(|name| header(&edits, name));
        assert_eq!(told, [Some(kind.as_str().to_owned()), None, None]);
        // Whoever answers it may be a customer who writes for the first time.
        let from = format!("{id}@customers.example");
        let answer = format!("<{id}@client.example>");
        desk.letter(&format!("to-{id}"), &from, M11, &[("In-Reply-To", &answer)]).await;
        assert_eq!((desk.last().in_thread_of, place(&desk.last())), (None, Some((true, 1))), "{id}");
    }
    desk.letter("own", "manager@company.ru", M11, &[]).await;
    assert_eq!(desk.last().kind, Kind::Internal);
    desk.letter("answer", ANNA, M11, &[("In-Reply-To", "<own@client.example>")]).await;
    assert_eq!(place(&desk.last()), Some((true, 1)), "a client who answers a colleague's letter inquires");
}

#[tokio::test]
async fn copies_that_come_by_another_address_are_one_letter() {
    let mut desk = Desk::open("[leads]\ndirect = \"all\"\n").await;
    let first = desk.letter("1", IVAN, M11, &[]).await;
    assert_eq!(desk.letter("1", IVAN, INFO, &[]).await, first, "the copy to the mailbox has the headers of the lead");
    assert_eq!(desk.letter_to("1", IVAN, &[INFO, "<sales@company.ru>"], &[]).await, first);
    desk.letter_to("2", IVAN, &[INFO, "<sales@company.ru>"], &[]).await;
    desk.letter_to("2", IVAN, &["<sales@company.ru>", INFO], &[]).await;
    desk.letter("2", IVAN, "<sales@company.ru>", &[]).await;
    let reply: &[(&str, &str)] = &[("In-Reply-To", "<1@client.example>")];
    desk.letter("3", IVAN, INFO, reply).await;
    desk.letter("3", IVAN, INFO, reply).await;
    assert_eq!((desk.recorded(), desk.door.metrics.duplicates.get()), (3, 5));
    // Two substitutes are two touches: each has its own letter, as ever.
    desk.letter("1", IVAN, YD, &[]).await;
    assert_eq!((desk.recorded(), place(&desk.last())), (4, Some((false, 3))));
}

#[tokio::test]
async fn results_of_configured_servers_alone_are_told() {
    let mut desk = Desk::with_sinks("[classify]\nauthserv_ids = [\"mx1.company.ru\"]\n", &[("crm", "")]).await;
    let fields = [
        ("Authentication-Results", "mx1.company.ru; dmarc=fail (p=none) header.from=client.example;\n\tspf=pass"),
        ("Authentication-Results", "evil.example; dkim=pass"),
        ("Authentication-Results", "mx1.company.ru; dmarc=pass"),
    ];
    desk.letter("1", IVAN, M11, &fields).await;
    assert_eq!(
        desk.events("crm")[0]["data"]["sender"]["auth"],
        serde_json::json!({ "dmarc": "fail", "spf": "pass" }),
        "the forged one stands below ours"
    );
    desk.letter("2", IVAN, M11, &fields[1..2]).await;
    assert_eq!(desk.events("crm")[1]["data"]["sender"]["auth"], serde_json::Value::Null);
}

#[tokio::test]
async fn a_forged_sender_uses_up_no_first_contact() {
    let top = "[leads]\nunique_requires_dmarc = true\n[classify]\nauthserv_ids = [\"mx1.company.ru\"]\n";
    let mut desk = Desk::open(top).await;
    let result = |text| [("Authentication-Results", text)];
    let rows = [
        ("1", &result("mx1.company.ru; dmarc=fail")[..], None),
        ("2", &[], None),
        ("3", &result("evil.example; dmarc=pass"), None),
        ("4", &result("mx1.company.ru; spf=pass; dkim=pass"), None),
        ("5", &result("mx1.company.ru; dmarc=pass"), Some((true, 1))),
        ("6", &result("mx1.company.ru; dmarc=fail"), None),
        ("7", &result("mx1.company.ru; dmarc=pass"), Some((false, 2))),
    ];
    for (id, more, expected) in rows {
        let edits = desk.letter(id, IVAN, M11, more).await;
        assert_eq!((desk.last().kind, place(&desk.last())), (Kind::Lead, expected), "{id}");
        let unique = expected.map(|(unique, _)| if unique { "new" } else { "repeat" }.to_owned());
        assert_eq!(header(&edits, "Unique"), unique, "{id}");
    }
}

#[tokio::test]
async fn spellings_of_one_provider_are_one_sender_where_the_config_says_so() {
    for (normalize, expected) in [("provider", Some((false, 2))), ("case", Some((true, 1)))] {
        let mut desk = Desk::open(&format!("[leads]\nnormalize = \"{normalize}\"\n")).await;
        desk.letter("1", "i.van+shop@googlemail.com", M11, &[]).await;
        desk.letter("2", "ivan@gmail.com", M11, &[]).await;
        assert_eq!(place(&desk.last()), expected, "{normalize}");
        assert_eq!(desk.last().sender.address.as_deref(), Some("ivan@gmail.com"), "told as it was written");
    }
}

#[tokio::test]
async fn other_kinds_are_pushed_to_sinks_that_ask_for_them() {
    let sinks = [
        ("crm", ""),
        ("spam", "kinds = [\"spam\", \"complaint\"]"),
        ("all", "kinds = [\"lead\", \"auto_reply\", \"bounce\", \"list\", \"spam\"]"),
        ("replies", "events = [\"lead.replied\"]\nkinds = [\"spam\", \"lead\"]"),
    ];
    let mut desk = Desk::with_sinks("", &sinks).await;
    desk.letter("1", IVAN, M11, &[]).await;
    desk.letter("2", IVAN, M11, &[("X-Spam-Flag", "YES")]).await;
    desk.letter("3", IVAN, M11, &[("Auto-Submitted", "auto-replied")]).await;
    desk.letter("4", IVAN, INFO, &[("In-Reply-To", "<1@client.example>")]).await;
    let kinds = |sink| desk.told(sink).into_iter().map(|told| told.kind).collect::<Vec<_>>();
    assert_eq!(kinds("crm"), ["lead"]);
    assert_eq!(kinds("spam"), ["spam"]);
    assert_eq!(kinds("all"), ["lead", "spam", "auto_reply"]);
    assert_eq!(kinds("replies"), ["lead"]);
    let lines = |arguments: &[&str]| {
        let all = desk.run(&[&["leads", "--json"], arguments].concat()).json();
        all.iter().map(|lead| lead["message"]["message_id"].as_str().unwrap()[1..2].to_owned()).collect::<String>()
    };
    assert_eq!(lines(&[]), "1");
    assert_eq!(lines(&["--replies"]), "41");
    assert_eq!(lines(&["--kind", "all"]), "4321");
    assert_eq!(lines(&["--kind", "spam"]), "2");
    let listed = desk.done(&["leads", "--kind", "all"]);
    let column = |line: &str| {
        ["reply", "auto_reply", "spam", "new"].iter().filter(|word| line.contains(&format!(" {word} "))).count()
    };
    assert_eq!(listed.lines().map(column).collect::<Vec<_>>(), [0, 1, 1, 1, 1], "{listed}");
    let unknown = desk.run(&["leads", "--kind", "love"]);
    assert_eq!((unknown.code, unknown.err.contains("\"love\" is no kind of message")), (64, true));
    assert_eq!(desk.last().attribution.status, Status::Channel);
}
