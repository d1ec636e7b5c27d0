//! The edits that a message needs, in protocol-free words; the doors carry them out.

use super::letter::{Letter, Rcpt, Via};
use crate::{
    address::{Address, without_brackets, without_route},
    attribution::Field,
    resolve::xtext,
};

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
    /// Whether the message stays as it is.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Adds the recipients to rewrite.
///
/// Postfix delivers twice where two added recipients differ in their ORCPT, or where an added one is a recipient already;
/// so a mailbox is added once. One that the client gave itself is removed first and added as it was: to Sendmail it may
/// be one recipient with the substitute, by the virtusertable, and would go with it.
pub(super) fn rewritten(letter: &Letter, mut changes: Changes) -> Changes {
    let mut added: Vec<&Address> = Vec::new();
    let rewritten = letter.tracked().iter().filter(|of| of.via == Via::Recipient && of.substitute.mailbox.rewrite);
    for tracked in rewritten {
        let mailbox = &tracked.substitute.mailbox;
        remove(&mut changes, &tracked.rcpt);
        if added.contains(&&mailbox.address) {
            continue;
        }
        added.push(&mailbox.address);
        letter.given_as(&mailbox.address).for_each(|rcpt| remove(&mut changes, rcpt));
        changes.add.push(match letter.given_as(&mailbox.address).next() {
            Some(rcpt) => NewRecipient {
                address: String::from_utf8_lossy(rcpt.address()).into_owned(),
                arguments: arguments(rcpt),
            },
            None => NewRecipient { address: mailbox.spelled.clone(), arguments: arguments(&tracked.rcpt) },
        });
    }
    changes
}

/// Both MTAs know a recipient by what the client said, but Postfix leaves out a source route.
fn remove(changes: &mut Changes, rcpt: &Rcpt) {
    let mut forms = vec![rcpt.path.clone()];
    if without_route(without_brackets(&rcpt.path)) != without_brackets(&rcpt.path) {
        forms.push([b"<", rcpt.address(), b">"].concat());
    }
    for form in forms {
        if !changes.remove.contains(&form) {
            changes.remove.push(form);
        }
    }
}

fn arguments(rcpt: &Rcpt) -> String {
    let mut arguments: Vec<String> = rcpt.dsn.iter().map(|of| String::from_utf8_lossy(of).into_owned()).collect();
    let has_orcpt = arguments.iter().any(|of| of.get(..6).is_some_and(|name| name.eq_ignore_ascii_case("ORCPT=")));
    if !has_orcpt {
        // As the sender spelled it: a notice of delivery is matched against that.
        arguments.push(format!("ORCPT=rfc822;{}", xtext(&String::from_utf8_lossy(rcpt.address()))));
    }
    arguments.join(" ")
}
