//! The edits that a message needs, in protocol-free words; the doors carry them out.

use super::letter::{Letter, Via};
use crate::{address::Address, attribution::Field, resolve::xtext};

/// Edits of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Header fields to delete: name and how many there are. The last one goes first, since each deletion moves the
    /// indices of those after it.
    pub delete: Vec<(String, u32)>,
    /// Header fields to put on top, in this order.
    pub insert: Vec<Field>,
    /// Recipients to delete, by their exact bytes.
    pub remove: Vec<Vec<u8>>,
    /// Recipients to add.
    pub add: Vec<NewRecipient>,
}

/// A recipient that takes a substitute's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecipient {
    /// The mailbox as configured.
    pub address: String,
    /// ESMTP arguments: the substitute as ORCPT, and NOTIFY as it was.
    pub arguments: String,
}

impl Changes {
    /// Nothing but the removal of forged headers.
    pub(super) fn only_deleting(delete: Vec<(String, u32)>) -> Self {
        Self { delete, ..Self::default() }
    }

    /// Whether the message stays as it is.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Adds the recipients to rewrite.
///
/// Postfix delivers twice where two added recipients differ in their ORCPT, or where an added one is a recipient
/// already; so a mailbox is added once, and never if the client gave it itself.
pub(super) fn rewritten(letter: &Letter, mut changes: Changes) -> Changes {
    let mut added: Vec<&Address> = Vec::new();
    let rewritten = letter.tracked().iter().filter(|of| of.via == Via::Recipient && of.substitute.mailbox.rewrite);
    for tracked in rewritten {
        let mailbox = &tracked.substitute.mailbox;
        changes.remove.push(tracked.argument.clone());
        if letter.is_given(&mailbox.address) || added.contains(&&mailbox.address) {
            continue;
        }
        added.push(&mailbox.address);
        changes
            .add
            .push(NewRecipient { address: mailbox.spelled.clone(), arguments: arguments(&tracked.dsn, tracked) });
    }
    changes
}

fn arguments(dsn: &[Vec<u8>], tracked: &super::letter::Tracked) -> String {
    let mut arguments: Vec<String> = dsn.iter().map(|of| String::from_utf8_lossy(of).into_owned()).collect();
    let has_orcpt = arguments.iter().any(|of| of.get(..6).is_some_and(|name| name.eq_ignore_ascii_case("ORCPT=")));
    if !has_orcpt {
        // As the sender spelled it: a notice of delivery is matched against that.
        arguments.push(format!("ORCPT=rfc822;{}", xtext(&String::from_utf8_lossy(&tracked.argument))));
    }
    arguments.join(" ")
}
