//! Exit codes after sysexits.h, and errors as one line.

use std::io;

use crate::{
    app::AppError, config::Faults, mailing::MailingError, maillog::chain, sinks::SinkError, store::StoreError,
};

/// Done.
pub const OK: u8 = 0;
/// Wrong usage.
pub const USAGE: u8 = 64;
/// Bad data.
pub const DATA: u8 = 65;
/// Something that is needed is not available.
pub const UNAVAILABLE: u8 = 69;
/// Try again later.
pub const TRY_AGAIN: u8 = 75;
/// Bad config.
pub const CONFIG: u8 = 78;

/// A fault of what the user gave us.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// Arguments that do not go together.
    #[error("{0}")]
    Usage(String),
    /// Input that cannot be used.
    #[error("{0}")]
    Data(String),
}

/// The text for stderr, and the exit code.
pub fn explain(error: &anyhow::Error) -> (String, u8) {
    if let Some(faults) = error.downcast_ref::<Faults>() {
        return (faults.to_string(), CONFIG);
    }
    let code = if let Some(wrong) = error.downcast_ref::<Wrong>() {
        match wrong {
            Wrong::Usage(_) => USAGE,
            Wrong::Data(_) => DATA,
        }
    } else if is_pipe(error) {
        return (String::new(), OK);
    } else if error.is::<SinkError>() || matches!(error.downcast_ref(), Some(AppError::Sink(_))) {
        CONFIG
    } else if matches!(error.downcast_ref(), Some(MailingError::Smtp { .. } | MailingError::Refused(_))) {
        TRY_AGAIN
    } else if let Some(AppError::Store(fault)) = error.downcast_ref() {
        of_store(fault)
    } else if let Some(fault) = error.downcast_ref() {
        of_store(fault)
    } else {
        UNAVAILABLE
    };
    (format!("leadmilter: {}", chain(error.as_ref())), code)
}

fn of_store(fault: &StoreError) -> u8 {
    match fault {
        StoreError::Write(_) | StoreError::Busy(_) | StoreError::Timeout(_) => TRY_AGAIN,
        _ => UNAVAILABLE,
    }
}

/// `leadmilter leads | head` is no fault.
fn is_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}
