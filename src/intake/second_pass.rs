//! Headers of our own fleet on a second pass: whose lead they are, if they were signed with our key for this very message.

use super::{Intake, letter::Letter, read};
use crate::{
    address::Address,
    attribution::{self, Seal},
    resolve::Resolution,
};

impl Intake {
    /// Whether a letter to a dynamic address carries headers of our own fleet; of other letters it is found out later.
    pub(super) fn is_signed(&self, letter: &Letter) -> bool {
        // Nearly every letter ends here, before its headers are read for it.
        let has_fields = self.config.headers.key.is_some() && letter.headers.attribution_fields().is_some();
        if !has_fields || letter.tokens().is_empty() {
            return false;
        }
        let reading = read::read(&letter.headers, &self.config.leads.default_charset);
        self.signed_id(letter, reading.message_id.as_deref()).is_some()
    }

    /// The lead's id, where the headers are of our own fleet: signed with our key for this very message and for a
    /// substitute it was sent to.
    pub(super) fn signed_id(&self, letter: &Letter, message_id: Option<&str>) -> Option<String> {
        let key = self.config.headers.key.as_ref()?;
        let prefix = self.config.headers.prefix.as_str();
        let found = letter.headers.attribution_fields()?;
        let field = |wanted: &str| {
            let is_wanted = |name: &str| name.get(prefix.len()..).is_some_and(|tail| tail.eq_ignore_ascii_case(wanted));
            found.iter().find(|(name, _)| is_wanted(name))
        };
        let (_, body) = field(attribution::SUBSTITUTE)?;
        let named = Address::parse(&read::decoded_words(body))?;
        let names_recipient = match self.table.resolve(&named) {
            // A hop before us may have put the mailbox in the substitute's place.
            Resolution::Channel(of) | Resolution::Visit(of) => {
                letter.is_given(&of.mailbox.address)
                    || letter.tracked().iter().any(|tracked| tracked.substitute.address == named)
            }
            // A letter to the mailbox itself tells that one.
            Resolution::Mailbox(mailbox) => letter.is_given(&mailbox.address),
            _ => false,
        };
        let pairs = found.iter().map(|(name, body)| (name.as_str(), body.as_str()));
        let is_ours = names_recipient && attribution::verify(key, Seal { prefix, message_id }, pairs);
        let (_, id) = field(attribution::ID)?;
        is_ours.then(|| id.trim().to_owned())
    }
}
