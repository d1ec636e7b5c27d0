//! Reports by mail: which are due, what they say, and the way to the mail server.
//!
//! Given the config and the store; a report goes to the local mail server, and once that has taken it the store knows until
//! which day it has told. Of several that were missed, the latest is sent. Never called by anything that mail waits for.

mod due;
mod html;
mod letter;
mod post;

use std::path::PathBuf;

use jiff::tz::TimeZone;
use lettre::Message;

pub use self::due::{Sending, latest};
use crate::{
    clock::Millis,
    config::{Config, MailedReport},
    store::{Store, StoreError},
};

/// Why a report was not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailingError {
    /// The store could not be asked.
    #[error("the report could not be counted")]
    Store {
        /// The store's reason.
        #[from]
        source: StoreError,
    },
    /// There is no such preset.
    #[error("{0}")]
    Preset(String),
    /// It could not be written as a letter.
    #[error("the report could not be written as a letter")]
    Compose {
        /// The library's reason.
        source: lettre::error::Error,
    },
    /// The program could not be run.
    #[error("{} could not be run", program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The mail server has not taken the letter.
    #[error("the mail server has not taken the letter")]
    Smtp {
        /// What it said.
        source: lettre::transport::smtp::Error,
    },
    /// The program has not taken the letter.
    #[error("the letter was not taken: {0}")]
    Refused(String),
}

/// The zone that times of day are in.
pub fn zone(config: &Config) -> TimeZone {
    TimeZone::get(&config.timezone).unwrap_or(TimeZone::UTC)
}

/// Writes the letter of a sending.
pub async fn compose(
    config: &Config,
    report: &MailedReport,
    sending: &Sending,
    now: Millis,
) -> Result<Message, MailingError> {
    let (config, report, sending) = (config.clone(), report.clone(), sending.clone());
    let work = move || {
        let counted = letter::count(&config, &report, &sending, now)?;
        letter::letter(&config, &report, &counted, now)
    };
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(MailingError::Store { source: StoreError::Closed }))
}

/// Sends a report now, whether it is due or not, and notes that.
pub async fn send(
    config: &Config,
    store: &Store,
    report: &MailedReport,
    sending: &Sending,
    now: Millis,
) -> Result<(), MailingError> {
    let letter = compose(config, report, sending, now).await?;
    post::post(&config.mail, letter).await?;
    store.note_mailing(&report.id, &sending.period.last.to_string(), now).await?;
    Ok(())
}

/// The sending of a report that is due and not sent yet. A report that is new in the config begins with its next one.
pub async fn due(
    config: &Config,
    store: &Store,
    report: &MailedReport,
    now: Millis,
) -> Result<Option<Sending>, MailingError> {
    let Some(sending) = latest(report, &zone(config), now) else { return Ok(None) };
    let last = sending.period.last.to_string();
    match store.mailed_until(&report.id)? {
        None => {
            store.note_mailing(&report.id, &last, now).await?;
            Ok(None)
        }
        Some(until) => Ok((until < last).then_some(sending)),
    }
}
