//! What the store would make of a letter, for `explain`: the same questions as `record` asks, and nothing written.
//!
//! Only what needs no writing is told: whether an address is leaked already, and not whether this letter makes it so.

use super::{
    Store,
    known::known_lead,
    leak,
    record::judge_direct,
    series::uncounted,
    thread::{inherit, root},
};
use crate::{
    lead::{Confidence, Kind, Lead, Status},
    store::{AddressState, NewLead, StoreError, Way},
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
}

impl Store {
    /// Looks, and writes nothing.
    pub fn foresee(&self, mut new: NewLead) -> Result<Foreseen, StoreError> {
        let conn = self.reader();
        if let Some(known) = known_lead(&conn, &new)? {
            return Ok(Foreseen::Copy(Box::new(known.lead)));
        }
        // As a perhaps forged sender, nobody is noted as a harvester.
        leak::judge_harvester(&conn, &mut new, true)?;
        let root = if new.lead.kind == Kind::Lead { root(&conn, &new)? } else { None };
        if let Some(root) = root {
            new.lead.in_thread_of = Some(root.in_thread_of.as_ref().unwrap_or(&root.lead_id).clone());
            inherit(&mut new.lead, &root, Confidence::Thread);
        } else if let Way::Direct(direct) = new.way {
            if !judge_direct(&conn, &mut new, direct)? {
                return Ok(Foreseen::Nothing);
            }
        } else if new.way == Way::Substitute {
            let note = leak::note(&conn, &new.lead.recipient.substitute)?;
            if note.is_some_and(|note| note.state == AddressState::Leaked) {
                new.lead.attribution.status = Status::Leaked;
            }
        }
        let is_own = new.lead.kind == Kind::Lead && new.lead.in_thread_of.is_none();
        if !is_own || new.lead.attribution.status == Status::Leaked {
            new.lead.repeat = uncounted(&new.counting);
        }
        Ok(Foreseen::Lead(Box::new(new.lead)))
    }
}
