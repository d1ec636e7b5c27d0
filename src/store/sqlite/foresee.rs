//! What the store would make of a letter, for `explain`: judged as `record` judges it, and nothing written.

use super::{
    Store,
    known::{Known, known_lead},
    record::judge,
};
use crate::{
    lead::Lead,
    store::{NewLead, StoreError},
};

/// What the store would make of a letter.
#[derive(Clone, Debug, PartialEq)]
pub enum Foreseen {
    /// A copy of a message that is recorded as this lead.
    Copy(Box<Lead>),
    /// A lead, completed by what the store knows of sender, thread and address.
    Lead(Box<Lead>),
    /// A letter to a mailbox itself that is not recorded.
    Nothing,
    /// A letter that is older than what is kept, or a copy of one that was erased.
    Erased,
}

impl Store {
    /// Looks, and writes nothing.
    pub fn foresee(&self, mut new: NewLead) -> Result<Foreseen, StoreError> {
        let conn = self.reader();
        match known_lead(&conn, &new)? {
            Known::Lead { recorded, .. } => return Ok(Foreseen::Copy(Box::new(recorded.lead))),
            Known::Erased => return Ok(Foreseen::Erased),
            Known::No => {}
        }
        let judgement = judge(&conn, &mut new)?;
        Ok(judgement.map_or(Foreseen::Nothing, |_| Foreseen::Lead(Box::new(new.lead))))
    }
}
