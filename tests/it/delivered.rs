//! Delivered letters as text that can be compared whole.
//!
//! Given a file of a Maildir; gives back its text with words in the places of queue id, moment and lead id, each only
//! where the right value stands: a wrong one stays, and the comparison shows it. Every other byte is kept.

use jiff::{Timestamp, fmt::rfc2822};

/// The headers that a letter of channel `billboard-m11` gets between `X-Lead-Substitute` and its own.
const BILLBOARD: &str = "\
X-Lead-Status: channel
X-Lead-Unique: new
X-Lead-UTM-Source: outdoor
X-Lead-UTM-Medium: offline
X-Lead-UTM-Campaign: =?UTF-8?B?0LwxMS3QstC10YHQvdCw?=
X-Lead-UTM-Content: =?UTF-8?B?0YnQuNGCIDPDlzY=?=
X-Lead-Tags: offline, outdoor
";

const DIRECT: &str = "\
X-Lead-Status: channel
X-Lead-Unique: new
X-Lead-UTM-Source: yandex
X-Lead-UTM-Medium: cpc
X-Lead-UTM-Campaign: pumps-msk
";

const NEWSLETTER: &str = "\
X-Lead-Status: channel
X-Lead-Unique: new
X-Lead-UTM-Source: newsletter
X-Lead-UTM-Medium: email
X-Lead-UTM-Campaign: autumn
X-Lead-Tags: email
";

/// Our headers on a letter whose primary substitute is this one and whose sender is new.
pub fn headers(substitute: &str) -> String {
    let (channel, rest) = match substitute {
        of if of.contains("m11") => ("billboard-m11", BILLBOARD),
        of if of.starts_with("sales") => ("newsletter", NEWSLETTER),
        _ => ("yandex-direct", DIRECT),
    };
    format!("X-Lead-Id: LEAD\nX-Lead-Channel: {channel}\nX-Lead-Substitute: {substitute}\n{rest}")
}

/// The trace that delivery to a Maildir leaves on top.
pub fn trace(sender: &str, original: &str, delivered: &str) -> String {
    format!("Return-Path: <{sender}>\nX-Original-To: {original}\nDelivered-To: {delivered}\n")
}

/// Postfix's Received: of a letter that came by SMTP from 127.0.0.1; with one recipient, it names it.
pub fn received(only: Option<&str>) -> String {
    let to = only.map_or(";\n\t".into(), |recipient| format!("\n\tfor <{recipient}>; "));
    format!(
        "Received: from client.example (unknown [127.0.0.1])\n\tby mx1.company.ru (Postfix) with ESMTP id QUEUE{to}MOMENT\n"
    )
}

/// A delivered letter, settled.
pub fn settled(mail: &[u8], queue_id: &str, lead_id: &str) -> String {
    let text = shown(mail);
    let (head, body) = text.split_once("\n\n").expect("a letter has an empty line");
    let mut out = String::new();
    for field in fields(head) {
        if field == format!("X-Lead-Id: {lead_id}") {
            out.push_str("X-Lead-Id: LEAD");
        } else if field.starts_with("Received: ") && !out.contains("\nReceived: ") {
            out.push_str(&settled_received(field, queue_id));
        } else {
            out.push_str(field);
        }
        out.push('\n');
    }
    format!("{out}\n{body}")
}

/// Bytes as text: as it is, or escaped if it is no UTF-8.
pub fn shown(mail: &[u8]) -> String {
    match std::str::from_utf8(mail) {
        Ok(text) => text.to_owned(),
        Err(_) => mail.escape_ascii().to_string().replace("\\n", "\n").replace("\\t", "\t").replace("\\\"", "\""),
    }
}

/// The fields of a header block, folds and all.
pub fn fields(head: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    for (at, _) in head.match_indices('\n') {
        if !head[at + 1..].starts_with([' ', '\t']) {
            out.push(&head[start..at]);
            start = at + 1;
        }
    }
    out.push(&head[start..]);
    out
}

fn settled_received(field: &str, queue_id: &str) -> String {
    let field = field.replacen(&format!("id {queue_id}"), "id QUEUE", 1);
    let Some(at) = field.rfind(';') else { return field };
    let date = field[at + 1..].trim_start();
    let start = &field[..field.len() - date.len()];
    let moment = rfc2822::parse(date).map(|moment| moment.timestamp().as_second());
    let recent = moment.is_ok_and(|moment| (0..300).contains(&(Timestamp::now().as_second() - moment)));
    if recent { format!("{start}MOMENT") } else { field }
}
