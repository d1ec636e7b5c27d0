//! A message on its way in: sender, tracked recipients, and the few headers that matter. Bounded whatever comes.

use std::sync::{Arc, OnceLock};

use super::{
    Changes, Intake,
    headers::{HeaderBlock, Names},
};
use crate::{
    address::{Address, without_brackets, without_route},
    channel::Mailbox,
    resolve::{Owner, Resolution, Substitute, original_recipient},
    token::{Token, Verified},
    visit::Known,
};

/// Recipients looked at; those beyond are delivered untouched. Postfix stops a client at 1,000 by default.
pub const MAX_RECIPIENTS: usize = 1000;

/// Octets of one ESMTP argument that is kept; RFC 3461 allows 500 for ORCPT.
const ARGUMENT: usize = 1024;

/// A message whose end has not come yet.
#[derive(Debug)]
pub struct Letter {
    /// MAIL FROM without brackets, as received; empty for the null sender, `None` where nobody noted it.
    pub sender: Option<Vec<u8>>,
    /// The same as an address, once it was asked for.
    sender_address: OnceLock<Option<Address>>,
    /// What is kept of the headers.
    pub headers: HeaderBlock,
    tracked: Vec<Tracked>,
    /// What the store knows of the tokens among them.
    known: Vec<(Token, Known)>,
    /// Mailboxes that are recipients of their own, so that no rewrite delivers to them twice.
    given: Vec<Given>,
    /// The first recipient that no human could have known.
    canary: Option<Address>,
    recipients: usize,
}

/// A recipient that is a substitute address.
#[derive(Debug)]
pub struct Tracked {
    /// As it was said.
    pub rcpt: Rcpt,
    /// What it resolved to.
    pub substitute: Arc<Substitute>,
    /// How the substitute was learnt.
    pub via: Via,
}

/// A recipient that is a mailbox.
#[derive(Debug)]
struct Given {
    rcpt: Rcpt,
    mailbox: Address,
}

/// One RCPT, of which MTAs keep every byte.
#[derive(Debug, PartialEq, Eq)]
pub struct Rcpt {
    /// The path: Sendmail deletes a recipient by these exact bytes only, brackets included.
    pub path: Vec<u8>,
    /// ORCPT and NOTIFY as received, to be kept by a rewrite.
    pub dsn: Vec<Vec<u8>>,
}

impl Rcpt {
    fn new(path: &[u8], arguments: &[&[u8]]) -> Self {
        let is_dsn = |argument: &&&[u8]| {
            argument.len() <= ARGUMENT
                && [b"ORCPT=".as_slice(), b"NOTIFY="]
                    .iter()
                    .any(|name| argument.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)))
        };
        let dsn = arguments.iter().filter(is_dsn).map(|argument| argument.to_vec()).collect();
        // Only a source route makes a path that long: the address itself is bounded.
        let path = if path.len() > ARGUMENT { without_route(without_brackets(path)) } else { path };
        Self { path: path.to_vec(), dsn }
    }

    /// The address as it was spelled, without brackets and route: Postfix deletes a recipient by these exact bytes only.
    pub fn address(&self) -> &[u8] {
        without_route(without_brackets(&self.path))
    }
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
    pub(super) fn new(sender: Option<&[u8]>, names: Names) -> Self {
        Self {
            sender: sender.map(|sender| without_brackets(sender).to_vec()),
            sender_address: OnceLock::new(),
            headers: HeaderBlock::new(names),
            tracked: Vec::new(),
            known: Vec::new(),
            given: Vec::new(),
            canary: None,
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
        if self.canary.is_none() && intake.config.classify.canaries.contains(&address) {
            self.canary = Some(address);
            return Some(Resolution::Foreign);
        }
        let resolution = intake.table.resolve(&address);
        match &resolution {
            Resolution::Channel(substitute) | Resolution::Visit(substitute) => {
                self.track(path, arguments, substitute, Via::Recipient);
            }
            Resolution::Mailbox(mailbox) => {
                if let Some(substitute) = original(intake, mailbox, arguments) {
                    self.track(path, arguments, &substitute, Via::Original);
                }
                if !self.given.iter().any(|given| given.rcpt.path == path) {
                    self.given.push(Given { rcpt: Rcpt::new(path, arguments), mailbox: address });
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

    /// The envelope sender as an address.
    pub fn sender_address(&self) -> Option<&Address> {
        self.sender_address.get_or_init(|| Address::from_path(self.sender.as_deref()?)).as_ref()
    }

    /// The removal of forged headers: all that a message needs that is no lead, or whose lead cannot be recorded.
    pub fn without_forged(&self) -> Changes {
        Changes { delete: self.headers.forged(), ..Changes::default() }
    }

    /// Whether any recipient is a substitute.
    pub fn is_tracked(&self) -> bool {
        !self.tracked.is_empty()
    }

    /// The substitutes, in the order of the envelope; the first one is primary.
    pub fn tracked(&self) -> &[Tracked] {
        &self.tracked
    }

    /// The tokens among the substitutes, each once.
    pub fn tokens(&self) -> Vec<Verified> {
        let mut tokens: Vec<Verified> = Vec::new();
        for tracked in &self.tracked {
            if let Owner::Visit(verified) = tracked.substitute.owner
                && !tokens.contains(&verified)
            {
                tokens.push(verified);
            }
        }
        tokens
    }

    /// Takes what the store knows of a token. One that it never gave out passed the check by chance: such a recipient is no
    /// substitute.
    pub fn learn(&mut self, token: Token, known: Option<Known>) {
        match known {
            Some(known) => self.known.push((token, known)),
            None => self
                .tracked
                .retain(|tracked| !matches!(&tracked.substitute.owner, Owner::Visit(of) if of.token == token)),
        }
    }

    /// What the store knows of a token.
    pub fn known(&self, token: Token) -> Option<&Known> {
        self.known.iter().find(|(known, _)| *known == token).map(|(_, known)| known)
    }

    /// The first mailbox that is a recipient of its own.
    pub fn first_mailbox(&self) -> Option<&Address> {
        self.mailboxes().next()
    }

    /// The mailboxes that are recipients of their own.
    pub fn mailboxes(&self) -> impl Iterator<Item = &Address> {
        self.given.iter().map(|given| &given.mailbox)
    }

    /// The recipients that are this mailbox, in every spelling.
    pub fn given_as<'a>(&'a self, mailbox: &'a Address) -> impl Iterator<Item = &'a Rcpt> {
        self.given.iter().filter(move |given| given.mailbox == *mailbox).map(|given| &given.rcpt)
    }

    /// The first recipient that no human could have known.
    pub fn canary(&self) -> Option<&Address> {
        self.canary.as_ref()
    }

    /// Whether the mailbox is a recipient of its own.
    pub fn is_given(&self, mailbox: &Address) -> bool {
        self.mailboxes().any(|given| given == mailbox)
    }

    /// Recipients seen.
    pub fn recipients(&self) -> usize {
        self.recipients
    }

    fn track(&mut self, path: &[u8], arguments: &[&[u8]], substitute: &Arc<Substitute>, via: Via) {
        let known = |tracked: &Tracked| match via {
            Via::Recipient => tracked.rcpt.path == path,
            Via::Original => tracked.substitute.address == substitute.address,
        };
        if self.tracked.iter().any(known) {
            return;
        }
        let rcpt = Rcpt::new(path, arguments);
        self.tracked.push(Tracked { rcpt, substitute: Arc::clone(substitute), via });
    }
}

/// A relay before us may have turned the substitute into its mailbox and told so.
fn original(intake: &Intake, mailbox: &Mailbox, arguments: &[&[u8]]) -> Option<Arc<Substitute>> {
    let address = original_recipient(arguments.iter().copied())?;
    match intake.table.resolve(&address) {
        Resolution::Channel(substitute) | Resolution::Visit(substitute)
            if substitute.mailbox.address == mailbox.address =>
        {
            Some(substitute)
        }
        _ => None,
    }
}
