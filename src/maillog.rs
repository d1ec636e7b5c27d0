//! The wording of every line about a message, in one place and in Postfix's manner: the queue id first.
//!
//! What a stranger can cause by sending mail is `debug` plus a counter, save for the one line per lead. No address,
//! subject or secret above `debug`.

use std::time::Duration;

use tracing::{debug, error, info};

use crate::{
    config::OnError,
    lead::{Kind, Lead},
    store::StoreError,
};

/// Stands where an MTA told no queue id.
pub const NO_QUEUE: &str = "NOQUEUE";

/// What the line of a recorded message tells beside the lead.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// Whether the message was known already.
    pub duplicate: bool,
    /// From the end of the message to our answer.
    pub delay: Duration,
    /// Whether nothing was recorded or changed.
    pub dry_run: bool,
}

/// A lead: the one line that mail causes at `info`. Other kinds are `debug`: anyone can send any number of them.
pub fn lead(queue_id: &str, lead: &Lead, circumstances: Circumstances) {
    let Circumstances { duplicate, delay, dry_run } = circumstances;
    let channel = lead.channel.as_ref().map_or("none", |channel| channel.id.as_str());
    let touches = lead.attribution.touches.len();
    let state = match (&lead.in_thread_of, lead.repeat.unique) {
        (Some(thread), _) => format!("thread={thread}"),
        (None, true) => "unique=new, count=1".to_owned(),
        (None, false) if !lead.repeat.counts() => "not counted".to_owned(),
        (None, false) => format!("unique=repeat, count={}", lead.repeat.count),
    };
    let duplicate = if duplicate { ", duplicate" } else { "" };
    let dry_run = if dry_run { ", dry run" } else { "" };
    let id = &lead.lead_id;
    if lead.kind == Kind::Lead {
        info!(
            "{queue_id}: lead={id}, channel={channel}, {state}, touches={touches}, delay={delay:.1?}{duplicate}{dry_run}"
        );
    } else {
        let kind = lead.kind.as_str();
        debug!(
            "{queue_id}: kind={kind}, id={id}, channel={channel}, touches={touches}, delay={delay:.1?}{duplicate}{dry_run}"
        );
    }
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
