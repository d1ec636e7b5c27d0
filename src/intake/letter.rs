//! A message on its way in: sender, tracked recipients, and the few headers that matter. Bounded whatever comes.

use std::sync::Arc;

use super::{Intake, headers::HeaderBlock};
use crate::{
    address::{Address, without_brackets, without_route},
    channel::Mailbox,
    resolve::{Resolution, Substitute, original_recipient},
};

/// Recipients looked at; those beyond are delivered untouched. Postfix stops a client at 1,000 by default.
pub const MAX_RECIPIENTS: usize = 1000;

/// A message whose end has not come yet.
#[derive(Debug)]
pub struct Letter {
    /// MAIL FROM without brackets, as received.
    pub sender: Vec<u8>,
    /// What is kept of the headers.
    pub headers: HeaderBlock,
    tracked: Vec<Tracked>,
    /// Mailboxes that are recipients of their own, so that no rewrite delivers to them twice.
    given: Vec<Address>,
    recipients: usize,
}

/// A recipient that is a substitute address.
#[derive(Debug)]
pub struct Tracked {
    /// The argument of RCPT as the MTA knows it: an MTA deletes a recipient by these exact bytes only.
    pub argument: Vec<u8>,
    /// ORCPT and NOTIFY as received, to be kept by a rewrite.
    pub dsn: Vec<Vec<u8>>,
    /// What it resolved to.
    pub substitute: Arc<Substitute>,
    /// How the substitute was learnt.
    pub via: Via,
}

/// How a substitute was learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// It is the recipient.
    Recipient,
    /// It is the original recipient (ORCPT) of a recipient that is the mailbox.
    Original,
}

impl Letter {
    pub(super) fn new(sender: &[u8]) -> Self {
        Self {
            sender: without_brackets(sender).to_vec(),
            headers: HeaderBlock::default(),
            tracked: Vec::new(),
            given: Vec::new(),
            recipients: 0,
        }
    }

    /// Takes one RCPT: its path and its further arguments. Gives back what it resolved to, `None` beyond the bound.
    pub fn add_recipient(&mut self, intake: &Intake, path: &[u8], arguments: &[&[u8]]) -> Option<Resolution> {
        self.recipients += 1;
        if self.recipients > MAX_RECIPIENTS {
            return None;
        }
        let Some(address) = Address::from_path(path) else { return Some(Resolution::Foreign) };
        let resolution = intake.table.resolve(&address);
        match &resolution {
            Resolution::Channel(substitute) => self.track(path, arguments, substitute, Via::Recipient),
            Resolution::Mailbox(mailbox) => {
                if let Some(substitute) = original(intake, mailbox, arguments) {
                    self.track(path, arguments, &substitute, Via::Original);
                }
                if !self.given.contains(&address) {
                    self.given.push(address);
                }
            }
            Resolution::Unknown { .. } | Resolution::Foreign => {}
        }
        Some(resolution)
    }

    /// Takes one header field.
    pub fn add_header(&mut self, intake: &Intake, name: &[u8], value: &[u8]) {
        self.headers.add(&intake.config.headers.prefix, name, value);
    }

    /// Whether any recipient is a substitute.
    pub fn is_tracked(&self) -> bool {
        !self.tracked.is_empty()
    }

    /// The substitutes, in the order of the envelope; the first one is primary.
    pub fn tracked(&self) -> &[Tracked] {
        &self.tracked
    }

    /// Whether the mailbox is a recipient of its own.
    pub fn is_given(&self, mailbox: &Address) -> bool {
        self.given.contains(mailbox)
    }

    /// Recipients seen.
    pub fn recipients(&self) -> usize {
        self.recipients
    }

    fn track(&mut self, path: &[u8], arguments: &[&[u8]], substitute: &Arc<Substitute>, via: Via) {
        let argument = without_route(without_brackets(path)).to_vec();
        let known = |tracked: &Tracked| match via {
            Via::Recipient => tracked.argument == argument,
            Via::Original => tracked.substitute.address == substitute.address,
        };
        if self.tracked.iter().any(known) {
            return;
        }
        let is_dsn = |argument: &&&[u8]| {
            [b"ORCPT=".as_slice(), b"NOTIFY="]
                .iter()
                .any(|name| argument.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)))
        };
        let dsn = arguments.iter().filter(is_dsn).map(|argument| argument.to_vec()).collect();
        self.tracked.push(Tracked { argument, dsn, substitute: Arc::clone(substitute), via });
    }
}

/// A relay before us may have turned the substitute into its mailbox and told so.
fn original(intake: &Intake, mailbox: &Mailbox, arguments: &[&[u8]]) -> Option<Arc<Substitute>> {
    let address = original_recipient(arguments.iter().copied())?;
    match intake.table.resolve(&address) {
        Resolution::Channel(substitute) if substitute.mailbox.address == mailbox.address => Some(substitute),
        _ => None,
    }
}
