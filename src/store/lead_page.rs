//! Pages of leads, for whoever turns them: which leads, in which order, from where on.

use crate::{
    clock::Millis,
    lead::{Kind, Lead},
};

/// Which leads a page shows; empty fields let everything pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeadQuery {
    /// Only this channel.
    pub channel: Option<String>,
    /// Only senders whose address has this in it, folded.
    pub sender: Option<String>,
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only leads of their own, no letters in the thread of another.
    pub own_only: bool,
    /// Received at or after.
    pub since: Option<Millis>,
    /// Received before.
    pub until: Option<Millis>,
    /// In which order.
    pub order: Order,
    /// Only those that come behind this place in the order.
    pub beyond: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

/// An order of leads: that in which they were recorded, or the other way round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Newest first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
}

/// A page of leads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeadPage {
    /// The leads.
    pub leads: Vec<Lead>,
    /// Place of the last one, if there are more behind it.
    pub beyond: Option<i64>,
}

/// What came to an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressTally {
    /// Leads of their own, letters in threads left out.
    pub leads: u64,
    /// When the last of them came.
    pub last_at: Option<Millis>,
}
