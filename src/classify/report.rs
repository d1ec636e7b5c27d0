//! Reports of machines about mail: bounces (RFC 3464), complaints (RFC 5965), receipts (RFC 8098).

use super::{Class, Facts, class};
use crate::{address::Address, lead::Kind};

/// Report types (RFC 6522) and what a message of that type is. Any other is some machine's: TLS-RPT, for one.
const TYPES: &[(&str, Kind)] = &[
    ("delivery-status", Kind::Bounce),
    ("feedback-report", Kind::Complaint),
    ("disposition-notification", Kind::Receipt),
];

/// Complaints of another form (X-ARF).
const COMPLAINTS: &[&str] = &["X-ARF", "X-XARF"];

/// Local parts that bounces come from; a person has none of them.
const DAEMONS: &[&str] = &["mailer-daemon", "mail-daemon", "mailerdaemon", "mdaemon"];

/// How subjects of bounces begin, lower case: from a null sender, a report in words.
const FAILED: &[&str] = &[
    "undeliver",
    "delivery status notification",
    "delivery failure",
    "delivery has failed",
    "mail delivery fail",
    "mail system error",
    "returned mail",
    "failure notice",
    "недоставлен",
    "не удается доставить",
    "не удаётся доставить",
    "сообщение не доставлено",
    "письмо не доставлено",
];

/// `multipart/report` says what it is by its `report-type`, and a report alone by its media type.
pub(super) fn report(facts: &Facts<'_>) -> Option<Class> {
    if let Some(name) = COMPLAINTS.iter().find(|name| facts.fields.field(name).is_some()) {
        return class(Kind::Complaint, name);
    }
    let content_type = facts.fields.field("Content-Type")?;
    let media = media(&content_type);
    let alone = media.split_once('/').filter(|(r#type, _)| r#type.eq_ignore_ascii_case("message"));
    let known = |(_, subtype)| TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(subtype));
    if let Some((_, kind)) = alone.and_then(known) {
        return class(*kind, &media.to_ascii_lowercase());
    }
    if !media.eq_ignore_ascii_case("multipart/report") {
        return None;
    }
    let report_type = parameter(&content_type, "report-type").unwrap_or_default();
    let known = TYPES.iter().find(|(name, _)| *name == report_type).map(|(_, kind)| *kind);
    let kind = match known {
        Some(kind) => kind,
        None if report_type.is_empty() && facts.has_null_sender() => Kind::Bounce,
        None => Kind::AutoReply,
    };
    class(kind, format!("multipart/report; report-type={report_type}").trim_end_matches("; report-type="))
}

/// Bounces of servers that do not write RFC 3464.
pub(super) fn bounce(facts: &Facts<'_>) -> Option<Class> {
    // Exim's mark; the value names the recipients.
    if facts.fields.field("X-Failed-Recipients").is_some() {
        return class(Kind::Bounce, "X-Failed-Recipients");
    }
    let of_envelope = facts.envelope_from.and_then(|address| address.split('@').next());
    let senders = [facts.from.map(Address::local), of_envelope];
    let daemon = |local: &str| DAEMONS.iter().find(|daemon| daemon.eq_ignore_ascii_case(local));
    if let Some(daemon) = senders.into_iter().flatten().find_map(daemon) {
        return class(Kind::Bounce, &format!("sender {daemon}@"));
    }
    let subject = facts.subject.filter(|_| facts.has_null_sender())?.to_lowercase();
    let start = FAILED.iter().find(|start| subject.starts_with(*start))?;
    class(Kind::Bounce, &format!("subject {start:?} with null sender"))
}

/// A null sender is for every message that must not be answered (RFC 5321 section 4.5.5). What says nothing else of
/// itself is taken for a bounce.
pub(super) fn unanswerable(facts: &Facts<'_>) -> Option<Class> {
    if facts.has_null_sender() { class(Kind::Bounce, "null sender") } else { None }
}

/// Whether a Content-Type is of this media type, with this value of a parameter; all of them lower case.
pub(super) fn is_media(content_type: &str, wanted: &str, name: &str, value: &str) -> bool {
    media(content_type).eq_ignore_ascii_case(wanted)
        && parameter(content_type, name).is_some_and(|found| found == value)
}

/// The media type, in any case.
fn media(content_type: &str) -> &str {
    content_type.split([';', '(', ' ']).next().unwrap_or_default().trim()
}

/// The value of a parameter, unquoted, lower case. A quoted value may hold a semicolon.
fn parameter(content_type: &str, name: &str) -> Option<String> {
    let mut quoted = false;
    let mut parts = content_type.split(|char| {
        quoted ^= char == '"';
        char == ';' && !quoted
    });
    parts.find_map(|part| {
        let (key, value) = part.split_once('=')?;
        let value = value.split('(').next().unwrap_or_default().trim().trim_matches('"');
        key.trim().eq_ignore_ascii_case(name).then(|| value.to_ascii_lowercase())
    })
}

/// Fields that are looked at here.
pub(super) fn fields() -> impl Iterator<Item = &'static str> {
    COMPLAINTS.iter().copied().chain(["Content-Type", "X-Failed-Recipients"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_as_mime_writes_them() {
        let rows = [
            ("multipart/report; report-type=delivery-status; boundary=x", Some("delivery-status")),
            (
                "Multipart/Report;boundary=\"a;report-type=no\";REPORT-TYPE = \"Delivery-Status\"",
                Some("delivery-status"),
            ),
            ("multipart/report (a report); report-type=tlsrpt (RFC 8460)", Some("tlsrpt")),
            ("multipart/report; boundary=\"report-type=x\"", None),
            ("multipart/report; report-type", None),
            ("multipart/report; boundary=\"open; report-type=x", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parameter(text, "report-type").as_deref(), expected, "{text}");
        }
        assert_eq!(media("Multipart/Report (a report); x=y"), "Multipart/Report");
    }
}
