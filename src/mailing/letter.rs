//! A report as a letter: HTML and plain text side by side, marked as what no person has written.

use lettre::{
    Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};

use super::{
    MailingError,
    due::{Sending, days},
    html::html,
};
use crate::{
    clock::Millis,
    config::{Config, MailedReport},
    report::{Compare, Preset, Report, Reporter, Wording, export},
    store::StoreError,
};

/// Characters of a line of the plain text.
const WIDTH: usize = 100;

/// Rows of a letter: who wants more looks at the dashboard.
const ROWS: usize = 100;

/// Counts what a letter tells. It takes up to a second: not for a thread that others wait for.
pub fn count(config: &Config, of: &MailedReport, sending: &Sending, now: Millis) -> Result<Report, MailingError> {
    let preset: Preset = of.preset.parse().map_err(MailingError::Preset)?;
    let mut query = preset.query(sending.period, of.model.unwrap_or(config.reports.model));
    query.compare = Some(Compare::Previous);
    query.limit = ROWS;
    Reporter::new(config).run(&query, now).map_err(|source: StoreError| MailingError::Store { source })
}

/// Writes the letter. The same report of the same days has the same Message-ID, so that a mail server that was handed it
/// twice may notice.
pub fn letter(config: &Config, of: &MailedReport, report: &Report, now: Millis) -> Result<Message, MailingError> {
    let wording = Wording::new(config, of.language.unwrap_or(config.reports.language));
    let name = of.preset.parse::<Preset>().map_or("", |preset| wording.say(preset.label()));
    let title = format!("{name}: {}", days(report.query.period));
    let id = format!("<report.{}.{}@{}>", of.id, report.query.period.last, config.hostname);
    let at = std::time::UNIX_EPOCH + Millis(0).until(now);
    let mut builder = Message::builder()
        .from(Mailbox::new(Some("leadmilter".to_owned()), of.from.clone()))
        .subject(&title)
        .message_id(Some(id))
        .date(at);
    for to in &of.to {
        builder = builder.to(Mailbox::new(None, to.clone()));
    }
    let fixed = [
        (HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated"),
        (HeaderName::new_from_ascii_str("X-Auto-Response-Suppress"), "All"),
    ];
    for (name, value) in fixed {
        builder = builder.raw_header(HeaderValue::new(name, value.to_owned()));
    }
    let plain = format!("{}\n", export::text(report, &wording, Some(WIDTH)));
    let parts = MultiPart::alternative_plain_html(plain, html(report, &wording, &title));
    builder.multipart(parts).map_err(|source| MailingError::Compose { source })
}
