//! Leads as lines of CSV, one column for each thing that is known of a lead.

use jiff::tz::TimeZone;

use super::csv::{CsvForm, guarded};
use crate::{clock::Millis, language::Language, lead::Lead};

type Value = fn(&Lead) -> Option<String>;

/// Columns with the text of a lead in each; times and numbers, which are written otherwise, follow.
const TEXTS: [(&str, Value); 27] = [
    ("lead_id", |lead| Some(lead.lead_id.clone())),
    ("kind", |lead| Some(lead.kind.as_str().to_owned())),
    ("kind_reason", |lead| lead.kind_reason.clone()),
    ("in_thread_of", |lead| lead.in_thread_of.clone()),
    ("unique", |lead| lead.repeat.counts().then(|| if lead.repeat.unique { "new" } else { "repeat" }.to_owned())),
    ("first_lead_id", |lead| lead.repeat.first_lead_id.clone()),
    ("sender", |lead| lead.sender.address.clone()),
    ("sender_name", |lead| lead.sender.name.clone()),
    ("sender_domain", |lead| lead.sender.domain.clone()),
    ("subject", |lead| lead.message.subject.clone()),
    ("message_id", |lead| lead.message.message_id.clone()),
    ("substitute", |lead| Some(lead.recipient.substitute.clone())),
    ("mailbox", |lead| lead.recipient.real.clone()),
    ("channel", |lead| lead.channel.as_ref().map(|channel| channel.id.clone())),
    ("channel_name", |lead| lead.channel.as_ref().map(|channel| channel.name.clone())),
    ("status", |lead| Some(lead.attribution.status.as_str().to_owned())),
    ("source", |lead| lead.attribution.source.clone()),
    ("medium", |lead| lead.attribution.medium.clone()),
    ("campaign", |lead| lead.attribution.campaign.clone()),
    ("term", |lead| lead.attribution.term.clone()),
    ("content", |lead| lead.attribution.content.clone()),
    ("campaign_id", |lead| lead.attribution.campaign_id.clone()),
    ("landing_page", |lead| lead.attribution.landing_page.clone()),
    ("referrer", |lead| lead.attribution.referrer.clone()),
    ("client_id", |lead| lead.attribution.client_ids.values().next().cloned()),
    ("tags", |lead| (!lead.tags.is_empty()).then(|| lead.tags.join(", "))),
    ("currency", |lead| lead.value.as_ref().map(|value| value.currency.clone())),
];

/// Writes leads as CSV, a few at a time.
#[derive(Clone, Debug)]
pub struct LeadLines {
    form: CsvForm,
    zone: TimeZone,
}

impl LeadLines {
    /// As the spreadsheets of this language expect it, with times of this zone.
    pub fn new(language: Language, zone: TimeZone) -> Self {
        Self { form: CsvForm::of(language), zone }
    }

    /// The line of headings, a byte order mark before it. The names are those of the events, in every language.
    pub fn headings(&self) -> Result<Vec<u8>, super::ExportError> {
        let texts = TEXTS.iter().map(|(name, _)| *name);
        let all = ["received_at"].into_iter().chain(texts).chain(["value", "visit_at", "age_seconds", "touches"]);
        let mut writer = self.form.writer();
        writer.write_record(all)?;
        finished(writer)
    }

    /// Their lines.
    pub fn lines<'a>(&self, leads: impl IntoIterator<Item = &'a Lead>) -> Result<Vec<u8>, super::ExportError> {
        let mut writer = self.form.continued();
        for lead in leads {
            let of = &lead.attribution;
            let texts = TEXTS.iter().map(|(_, value)| value(lead).map_or_else(String::new, |text| guarded(&text)));
            let amount = lead.value.as_ref().map_or_else(String::new, |value| self.form.decimal(&value.amount));
            let number = |number: Option<u64>| number.map_or_else(String::new, |number| number.to_string());
            let rest = [
                amount,
                of.visit_at.map_or_else(String::new, |at| self.time(at)),
                number(of.age_seconds),
                number(Some(of.touches.len() as u64)),
            ];
            writer.write_record([self.time(lead.received_at)].into_iter().chain(texts).chain(rest))?;
        }
        finished(writer)
    }

    /// As spreadsheets read it.
    fn time(&self, at: Millis) -> String {
        at.timestamp().to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}

fn finished(writer: ::csv::Writer<Vec<u8>>) -> Result<Vec<u8>, super::ExportError> {
    writer.into_inner().map_err(|e| super::ExportError::Csv(e.into_error().into()))
}
