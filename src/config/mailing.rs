//! `[mail]` and `[[report]]`: reports by mail.

use std::{net::SocketAddr, path::PathBuf};

use jiff::civil::Time;

use crate::{language::Language, model::Model};

/// `[mail]`: how mail leaves this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mail {
    /// By a program that takes a letter on standard input: sendmail(1).
    Sendmail(PathBuf),
    /// By SMTP to the local mail server.
    Smtp(SocketAddr),
}

/// `[[report]]`: a report that is sent by mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailedReport {
    /// Under which it is known what was sent.
    pub id: String,
    /// Who gets it.
    pub to: Vec<lettre::Address>,
    /// Who sends it.
    pub from: lettre::Address,
    /// How often.
    pub every: Every,
    /// At what time of the day, in the config's time zone.
    pub at: Time,
    /// Which report: the name of a preset.
    pub preset: String,
    /// In which language; that of `[reports]` if absent.
    pub language: Option<Language>,
    /// By which attribution model; that of `[reports]` if absent.
    pub model: Option<Model>,
}

/// How often a report is sent, and of which days it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// Each day, of the day before.
    Day,
    /// On Mondays, of the week before.
    Week,
    /// On the first of the month, of the month before.
    Month,
}

/// Presets that a report may be of.
pub const PRESETS: [&str; 7] = ["channels", "calendar", "heatmap", "senders", "addresses", "models", "funnel"];
