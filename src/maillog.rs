//! The wording of every line about a message, in one place and in Postfix's manner: the queue id first.
//!
//! What a stranger can cause by sending mail is `debug` plus a counter, save for the one line per lead. No address,
//! subject or secret above `debug`.

use std::time::Duration;

use tracing::{debug, error, info};

use crate::{config::OnError, lead::Repeat, store::StoreError};

/// Stands where an MTA told no queue id.
pub const NO_QUEUE: &str = "NOQUEUE";

/// What the line of a lead tells.
#[derive(Debug)]
pub struct LeadLine<'a> {
    /// The lead's id.
    pub id: &'a str,
    /// The channel's id.
    pub channel: &'a str,
    /// New or repeat.
    pub repeat: &'a Repeat,
    /// Whether the message was known already.
    pub duplicate: bool,
    /// Substitutes written to.
    pub touches: usize,
    /// From the end of the message to our answer.
    pub delay: Duration,
    /// Whether nothing was recorded or changed.
    pub dry_run: bool,
}

/// A lead: the one line that mail causes at `info`.
pub fn lead(queue_id: &str, line: &LeadLine<'_>) {
    info!(
        "{queue_id}: lead={}, channel={}, unique={}, count={}, touches={}, delay={:.1?}{}{}",
        line.id,
        line.channel,
        if line.repeat.unique { "new" } else { "repeat" },
        line.repeat.count,
        line.touches,
        line.delay,
        if line.duplicate { ", duplicate" } else { "" },
        if line.dry_run { ", dry run" } else { "" },
    );
}

/// A lead that was not recorded, with what is needed to find its message and ingest it.
pub fn fault(queue_id: &str, message_id: Option<&str>, policy: OnError, cause: &StoreError) {
    let fate = match policy {
        OnError::Accept => "message passed unchanged",
        OnError::Tempfail => "message deferred",
    };
    let message_id = message_id.unwrap_or("none");
    error!("{queue_id}: lead not recorded, {fate}: message-id={message_id}: {}", chain(cause));
}

/// Headers of our own fleet on a second pass.
pub fn trusted(queue_id: &str) {
    debug!("{queue_id}: attribution headers are our own, kept");
}

/// A message without a tracked recipient.
pub fn untracked(queue_id: &str, recipients: usize) {
    debug!("{queue_id}: none of {recipients} recipients is tracked");
}

/// A panic inside; the message went on.
pub fn panicked(queue_id: &str, stage: &str) {
    error!("{queue_id}: internal fault at {stage}, message passed unchanged");
}

/// An error and its causes on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
