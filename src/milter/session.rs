//! The state of one MTA connection and of the message that is on it.
//!
//! Lives in the library's context, so no map and no lock. A message's state begins anew at MAIL, whatever came before:
//! a milter behind us may have refused the last one without an ABORT. Nothing here turns into a protocol status.

use std::{sync::Arc, time::Instant};

use indymilter::{Actions, ProtoOpts};
use tracing::debug;

use super::{Milter, negotiate::Agreed};
use crate::{
    address::{without_brackets, without_route},
    classify::Origin,
    clock::Millis,
    intake::{Arrival, Finding, Intake, Letter, Outcome, SecondPass},
    lead::Kind,
    maillog::{self, Circumstances, NO_QUEUE},
    resolve::Resolution,
    store::{Commit, Recorded, Subscriber},
};

/// One MTA connection.
#[derive(Debug)]
pub struct Session {
    intake: Arc<Intake>,
    agreed: Agreed,
    message: Option<Message>,
}

/// One message, from MAIL on.
#[derive(Debug)]
struct Message {
    letter: Letter,
    /// SIZE= of MAIL (RFC 1870).
    size: Option<u64>,
}

impl Session {
    /// A connection under the config in force now.
    pub fn new(intake: Arc<Intake>, agreed: Agreed) -> Self {
        Self { intake, agreed, message: None }
    }

    /// Whether the MTA waits for no reply at this stage.
    pub fn waived(&self, reply: ProtoOpts) -> bool {
        self.agreed.options.contains(reply)
    }

    /// Whether the MTA accepts these edits.
    pub fn may(&self, actions: Actions) -> bool {
        self.agreed.actions.contains(actions)
    }

    /// The config this connection began with.
    pub fn intake(&self) -> &Intake {
        &self.intake
    }

    /// MAIL: sender and ESMTP arguments.
    pub fn begin(&mut self, arguments: &[&[u8]]) {
        let sender = arguments.first().copied().unwrap_or_default();
        self.message = Some(Message { letter: self.intake.letter(Some(sender)), size: declared_size(arguments) });
    }

    /// RCPT: recipient and ESMTP arguments.
    pub fn add_recipient(&mut self, arguments: &[&[u8]], milter: &Milter) {
        let Some(message) = &mut self.message else { return };
        let Some((path, parameters)) = arguments.split_first() else { return };
        match message.letter.add_recipient(&self.intake, path, parameters) {
            Some(Resolution::Unknown { mailbox, tag }) => {
                milter.metrics.unknown_tags.one();
                debug!("no channel lists tag {tag:?} of mailbox {}", mailbox.address);
            }
            Some(_) => {}
            None => {
                milter.metrics.recipients_beyond_bound.one();
                debug!(
                    "recipient beyond the bound: {}",
                    String::from_utf8_lossy(without_route(without_brackets(path)))
                );
            }
        }
    }

    /// Whether headers and end of the message are of interest. If not, the message is done with.
    pub fn wants_headers(&mut self, queue_id: Option<&str>, milter: &Milter) -> bool {
        let Some(message) = &self.message else { return false };
        if self.intake.wants_headers(&message.letter) {
            return true;
        }
        milter.metrics.messages.one();
        milter.metrics.messages_untracked.one();
        maillog::untracked(queue_id.unwrap_or(NO_QUEUE), message.letter.recipients());
        self.message = None;
        false
    }

    /// A header field.
    pub fn add_header(&mut self, name: &[u8], value: &[u8]) {
        if let Some(message) = &mut self.message {
            message.letter.add_header(&self.intake, name, value);
        }
    }

    /// Whether a message is under way.
    pub fn has_message(&self) -> bool {
        self.message.is_some()
    }

    /// ABORT, or a fault: the message is forgotten.
    pub fn abort(&mut self) {
        self.message = None;
    }

    /// End of the message: judges and logs it.
    pub async fn finish(&mut self, queue_id: Option<String>, origin: Origin, milter: &Milter) -> Option<Outcome> {
        let Message { letter, size } = self.message.take()?;
        let dry_run = self.intake.config.milter.dry_run;
        let began = Instant::now();
        milter.metrics.messages.one();
        milter.metrics.headers_beyond_bound.add(u64::from(letter.headers.dropped));
        let queue = queue_id.clone().unwrap_or_else(|| NO_QUEUE.to_owned());
        let recipients = letter.recipients();
        let (second_pass, subscribers) = (SecondPass::Keep, self.later_subscribers(milter));
        let arrival = Arrival { at: Millis::now(), queue_id, size, second_pass, origin, subscribers };
        let commit = if dry_run { Commit::Dry } else { Commit::Durable };
        let outcome = self.intake.finish(letter, arrival, &milter.store, commit).await;
        self.account(&outcome, &queue, recipients, began, milter);
        Some(outcome)
    }

    /// Who gets events now, if the config was reloaded since the MTA connected: a sink that came gets its leads, and one that
    /// went leaves no delivery behind.
    fn later_subscribers(&self, milter: &Milter) -> Option<Arc<[Subscriber]>> {
        let current = milter.intake.load();
        (!Arc::ptr_eq(&current, &self.intake)).then(|| Arc::clone(&current.subscribers))
    }

    fn account(&self, outcome: &Outcome, queue: &str, recipients: usize, began: Instant, milter: &Milter) {
        let metrics = &milter.metrics;
        metrics.forged_headers.add(outcome.changes.delete.iter().map(|(_, count)| u64::from(*count)).sum());
        match &outcome.finding {
            Finding::Untracked => {
                metrics.messages_untracked.one();
                maillog::untracked(queue, recipients);
            }
            Finding::Trusted => {
                metrics.trusted.one();
                maillog::trusted(queue);
            }
            Finding::Lead(found) => {
                let Recorded { lead, duplicate, .. } = found.as_ref();
                let dry_run = self.intake.config.milter.dry_run;
                match (dry_run, duplicate, lead.kind) {
                    (true, ..) => metrics.dry_runs.one(),
                    (false, true, _) => metrics.duplicates.one(),
                    (false, false, Kind::Lead) if lead.in_thread_of.is_some() => metrics.replies.one(),
                    (false, false, Kind::Lead) => {
                        metrics.leads.one();
                        metrics.leads_repeat.add(u64::from(lead.repeat.counts() && !lead.repeat.unique));
                    }
                    (false, false, _) => metrics.other_kinds.one(),
                }
                let (duplicate, delay) = (*duplicate, began.elapsed());
                maillog::lead(queue, lead, Circumstances { duplicate, delay, dry_run });
            }
            Finding::Fault { cause, message_id } => {
                metrics.faults.one();
                maillog::fault(queue, message_id.as_deref(), self.intake.config.milter.on_error, cause);
            }
        }
    }
}

fn declared_size(parameters: &[&[u8]]) -> Option<u64> {
    parameters.iter().find_map(|parameter| {
        let (name, value) = parameter.split_at_checked(5)?;
        name.eq_ignore_ascii_case(b"SIZE=").then(|| std::str::from_utf8(value).ok()?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn size_is_what_the_client_declared() {
        assert_eq!(declared_size(&[b"BODY=8BITMIME", b"size=18231"]), Some(18231));
        for parameters in [&[b"SIZE=".as_slice()], &[b"SIZE=x"], &[b"SIZE"], &[b"" as &[u8]]] {
            assert_eq!(declared_size(parameters), None);
        }
    }

    proptest! {
        #[test]
        fn no_arguments_panic(arguments in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..4)) {
            let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
            let _unused = declared_size(&arguments);
        }

        #[test]
        fn a_size_is_a_number_of_octets(size in any::<u64>(), more in "[1-9][0-9]{20,40}|-1|1x| 1") {
            prop_assert_eq!(declared_size(&[b"BODY=7BIT", format!("Size={size}").as_bytes()]), Some(size));
            prop_assert_eq!(declared_size(&[format!("SIZE={more}").as_bytes()]), None);
        }
    }
}
