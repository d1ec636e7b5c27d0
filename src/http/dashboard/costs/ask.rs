//! Reads the form of an upload: the file, and what is said of its rows.

use axum::{
    body::Bytes,
    extract::{Multipart, multipart::MultipartError},
    http::StatusCode,
};

use super::uploads::LARGEST;
use crate::{clock::Day, config::Config, feedback::costs::Options, text::bounded};

/// Characters of a field at most, but for the file.
const LONGEST: usize = 200;

/// What was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// The file's name and octets.
    pub file: Option<(String, Bytes)>,
    /// Names and values of the other fields.
    pub fields: Vec<(String, String)>,
}

impl Sent {
    /// Reads it; an error says, in English, what is wrong with it.
    pub async fn read(mut form: Multipart) -> Result<Self, String> {
        let wrong = |e: &MultipartError| match e.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                format!("is larger than {} MiB: split it, or use `leadmilter costs import`", LARGEST / 1024 / 1024)
            }
            _ => format!("did not arrive whole: {}", e.body_text()),
        };
        let mut sent = Self::default();
        while let Some(field) = form.next_field().await.map_err(|e| wrong(&e))? {
            let name = field.name().unwrap_or_default().to_owned();
            let file = field.file_name().map(|name| bounded(name, LONGEST).unwrap_or_default());
            let octets = field.bytes().await.map_err(|e| wrong(&e))?;
            match file {
                // A browser sends a nameless file of nothing where none was chosen.
                Some(file) if name == "file" && !(file.is_empty() && octets.is_empty()) => {
                    sent.file = Some((file, octets))
                }
                Some(_) => {}
                None => {
                    let value = bounded(&String::from_utf8_lossy(&octets), LONGEST);
                    sent.fields.extend(value.map(|value| (name, value)));
                }
            }
        }
        Ok(sent)
    }

    /// A field that says something.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What is said of the rows.
    pub fn options(&self, config: &Config) -> Result<Options, String> {
        let mut options = Options::default();
        if let Some(name) = self.field("provider") {
            options = options.of_provider(name)?;
        }
        if let Some(id) = self.field("channel") {
            options = options.of_channel(id, config)?;
        }
        if let Some(code) = self.field("currency") {
            options.currency = Some(code.parse().map_err(|why| format!("{code:?} {why}"))?);
        }
        let day = |name| {
            let text = self.field(name);
            text.map(|text| text.parse::<Day>().map_err(|why| format!("{text:?} {why}"))).transpose()
        };
        if let (Some(from), Some(to)) = (day("from")?.or(day("to")?), day("to")?.or(day("from")?)) {
            options = options.of_days(from, to)?;
        }
        options.has_vat = match self.field("vat") {
            Some("included") => Some(true),
            Some("excluded") => Some(false),
            _ => None,
        };
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(fields: &[(&str, &str)]) -> Result<Options, String> {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let config = crate::config::parse("", "config.toml".as_ref(), "/".as_ref()).unwrap().config;
        Sent { file: None, fields }.options(&config)
    }

    #[test]
    fn fields_say_what_rows_do_not() {
        let said = options(&[("provider", "agency"), ("currency", "usd"), ("from", "2026-11-01"), ("vat", "excluded")]);
        let day: Day = "2026-11-01".parse().unwrap();
        let expected = Options {
            provider: Some("agency".to_owned()),
            currency: Some("USD".parse().unwrap()),
            period: Some((day, day)),
            has_vat: Some(false),
            ..Options::default()
        };
        assert_eq!(said, Ok(expected));
        assert_eq!(options(&[]), Ok(Options::default()));
        for (name, value) in [("channel", "none"), ("currency", "roubles"), ("from", "1.11.2026")] {
            assert!(options(&[(name, value)]).is_err(), "{name}");
        }
        assert!(options(&[("from", "2026-11-02"), ("to", "2026-11-01")]).is_err());
    }
}
