//! `[mail]` and `[[report]]`: how reports leave by mail, which ones, when and to whom.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use jiff::civil::Time;
use toml::Spanned;

use super::{
    super::{
        Every, Mail, MailedReport,
        fault::Wrong,
        file,
        findings::{Findings, Key},
        mailing::PRESETS,
        units,
    },
    channel, classify,
};

/// Who sends a report, if the config does not say.
const SENDER: &str = "leadmilter";

/// Checks `[mail]`.
pub(super) fn mail(given: &file::Mail, base: &Path, findings: &mut Findings) -> Mail {
    let section = Key::Root.name("mail");
    if let (Some(_), Some(smtp)) = (&given.sendmail, &given.smtp) {
        let wrong = Wrong::new("a letter leaves one way, and mail.sendmail is another", "keep one of the two");
        findings.fault(&section.name("smtp"), Some(&smtp.span()), wrong);
    }
    let smtp = findings.read(&section.name("smtp"), given.smtp.as_ref(), |text| {
        let remedy = "write an address and a port, as \"127.0.0.1:25\"";
        text.parse::<SocketAddr>().map_err(|_| Wrong::value(text, "is no address with a port", remedy))
    });
    let sendmail = findings.read(&section.name("sendmail"), given.sendmail.as_ref(), |text| {
        let remedy = "write its path, as \"/usr/sbin/sendmail\"";
        if text.is_empty() { Err(Wrong::value(text, "is no program", remedy)) } else { Ok(base.join(text)) }
    });
    match smtp {
        Some(smtp) => Mail::Smtp(smtp),
        None => Mail::Sendmail(sendmail.unwrap_or_else(|| PathBuf::from("/usr/sbin/sendmail"))),
    }
}

/// Checks every `[[report]]`.
pub(super) fn reports(given: &[Spanned<file::Report>], hostname: &str, findings: &mut Findings) -> Vec<MailedReport> {
    let list = Key::Root.name("report");
    let mut ids = HashMap::new();
    let mut out = Vec::with_capacity(given.len());
    for (index, entry) in given.iter().enumerate() {
        let (key, entry) = (list.item(index), entry.get_ref());
        let id = channel::id(entry.id.0.as_ref(), "report", index, &key.name("id"), &mut ids, findings);
        let to = entry.to.0.as_ref().map(|to| {
            if to.get_ref().is_empty() {
                let wrong = Wrong::new("nobody would get it", "list an address, as \"boss@company.ru\"");
                findings.fault(&key.name("to"), Some(&to.span()), wrong);
            }
            classify::list(to.get_ref(), &key.name("to"), address, findings)
        });
        let from = match &entry.from {
            Some(from) => findings.read(&key.name("from"), Some(from), address),
            None => address(&format!("{SENDER}@{hostname}")).ok(),
        };
        let choices = [("day", Every::Day), ("week", Every::Week), ("month", Every::Month)];
        let every = findings.read(&key.name("every"), entry.every.0.as_ref(), |text| units::choice(text, &choices));
        let at = findings.read(&key.name("at"), entry.at.as_ref(), time);
        let presets = PRESETS.map(|preset| (preset, preset));
        let preset = findings.read(&key.name("preset"), entry.preset.as_ref(), |text| units::choice(text, &presets));
        let language = findings.read(&key.name("language"), entry.language.as_ref(), |text| {
            text.parse().map_err(|_| Wrong::value(text, "is no language that we speak", "write \"en\" or \"ru\""))
        });
        let model = findings.read(&key.name("model"), entry.model.as_ref(), super::reports::model);
        if let (Some(id), Some(to), Some(from), Some(every)) = (id, to, from, every) {
            let preset = preset.unwrap_or("channels").to_owned();
            out.push(MailedReport { id, to, from, every, at: at.unwrap_or(MORNING), preset, language, model });
        }
    }
    out
}

/// When a report is sent, if the config does not say.
const MORNING: Time = Time::constant(8, 0, 0, 0);

fn address(text: &str) -> Result<lettre::Address, Wrong> {
    let is_plain = text.is_ascii() && !text.starts_with('-');
    let read = is_plain.then(|| text.parse().ok()).flatten();
    read.ok_or_else(|| Wrong::value(text, "is no mail address in ASCII", "write name@domain"))
}

/// `08:00`
fn time(text: &str) -> Result<Time, Wrong> {
    let read = (text.len() == 5).then(|| Time::strptime("%H:%M", text).ok()).flatten();
    read.ok_or_else(|| Wrong::value(text, "is no time of the day", "write hours and minutes, as \"08:00\""))
}
