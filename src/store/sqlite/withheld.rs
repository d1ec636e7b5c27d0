//! What privacy settings keep out of events stays in the store, beside the event, for the company's own listings.

use serde::{Deserialize, Serialize};

use crate::{
    config::{Privacy, SenderPrivacy, SubjectPrivacy},
    lead::{Lead, Sender},
};

/// The parts of a lead that its event does not tell.
#[derive(Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Withheld {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    sender: Option<Sender>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    subject: Option<String>,
    /// A reason quotes the message, its sender or subject too.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    kind_reason: Option<String>,
}

/// Takes out of `lead` what may not leave; `None` if everything may.
pub fn withhold(lead: &mut Lead, privacy: Privacy) -> Option<Withheld> {
    let sender = match privacy.sender {
        SenderPrivacy::Plain => None,
        SenderPrivacy::Hash => {
            let told = Sender {
                domain: lead.sender.domain.clone(),
                address_sha256: lead.sender.address_sha256.clone(),
                auth: lead.sender.auth.clone(),
                ..Sender::default()
            };
            Some(std::mem::replace(&mut lead.sender, told))
        }
        SenderPrivacy::Omit => {
            let told = Sender { auth: lead.sender.auth.clone(), ..Sender::default() };
            Some(std::mem::replace(&mut lead.sender, told))
        }
    };
    let subject = match privacy.subject {
        SubjectPrivacy::Plain => None,
        SubjectPrivacy::Omit => lead.message.subject.take(),
    };
    let all_plain = privacy.sender == SenderPrivacy::Plain && privacy.subject == SubjectPrivacy::Plain;
    let kind_reason = if all_plain { None } else { lead.kind_reason.take() };
    let withheld = Withheld { sender, subject, kind_reason };
    (withheld != Withheld::default()).then_some(withheld)
}

/// Puts back what was withheld.
pub fn restore(lead: &mut Lead, withheld: Withheld) {
    if let Some(sender) = withheld.sender {
        lead.sender = sender;
    }
    if let Some(subject) = withheld.subject {
        lead.message.subject = Some(subject);
    }
    // A correction by hand has a reason of its own.
    lead.kind_reason = lead.kind_reason.take().or(withheld.kind_reason);
}
