//! Addresses that people and programs of the company order: for pages without scripts, signatures, print.
//!
//! Unlike a page's visitor, whoever orders is told what is wrong.

use std::collections::BTreeMap;

use super::{Issuer, Request, form};
use crate::{
    address::Address,
    channel::Utm,
    clock::Millis,
    lead::{bounded, limit},
    store::StoreError,
    token::Token,
    visit::{NewVisit, Touchpoint},
};

/// What an address is ordered for. What is left out is taken from the landing page and the referrer, if they are there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// Id of the channel; else it is found as that of a visit is.
    pub channel: Option<String>,
    /// UTM values; those of the channel if there are none.
    pub utm: Utm,
    /// First page of the visit.
    pub landing: Option<String>,
    /// The page before that.
    pub referrer: Option<String>,
    /// Client ids of analytics systems.
    pub client: BTreeMap<String, String>,
    /// Values of one's own.
    pub custom: BTreeMap<String, String>,
    /// Mailboxes to have the address of; the one that tokens stand for if there are none.
    pub mailboxes: Vec<String>,
}

/// An address that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// Its token.
    pub token: Token,
    /// The address by mailbox, in the spelling of the order.
    pub addresses: BTreeMap<String, String>,
    /// When.
    pub issued_at: Millis,
    /// Id of the channel.
    pub channel: Option<String>,
}

/// Why an order cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// No such channel.
    #[error("{0:?} is no channel")]
    Channel(String),
    /// No such mailbox.
    #[error("{0:?} is no mailbox")]
    Mailbox(String),
    /// The mailbox's name leaves no room for a token.
    #[error("{0:?} leaves no room for a token in 64 octets")]
    Long(String),
    /// The visit cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Issuer {
    /// Makes an address.
    pub async fn order(&self, order: Order, at: Millis) -> Result<Issued, OrderError> {
        let config = &self.intake.config;
        let known = |id: &String| {
            let channel = self.intake.table.channel(id);
            channel.ok_or_else(|| OrderError::Channel(id.clone()))
        };
        let channel = order.channel.as_ref().map(known).transpose()?;
        for address in &order.mailboxes {
            let parsed = Address::parse(address);
            if parsed.is_none_or(|address| self.intake.table.mailbox(&address).is_none()) {
                return Err(OrderError::Mailbox(address.clone()));
            }
        }
        let asked = self.asked(&order.mailboxes);
        let request = Request {
            visitor: None,
            landing: order.landing.unwrap_or_default(),
            page: None,
            referrer: order.referrer,
            addresses: Vec::new(),
            client: order.client,
            consent: BTreeMap::new(),
            custom: order.custom,
            refused: None,
            budget: &|| true,
        };
        let arrived = self.arrivals.arrive(&request.landing, request.referrer.as_deref(), &[]);
        let is_bare = request.landing.is_empty() && request.referrer.is_none();
        let mut touchpoint = touchpoint(&arrived.touchpoint, &order.utm, channel, is_bare);
        if channel.is_none() && touchpoint.utm != arrived.touchpoint.utm {
            touchpoint.channel = self.arrivals.channel_of(&touchpoint.utm);
        }
        let details = form::details(request, &arrived);
        let channel = touchpoint.channel.clone();
        let new = NewVisit { is_ordered: true, ..self.new_visit(at, None, touchpoint, details) };
        let token = self.make(new).await?;
        self.visits.sync().await?;
        let mut addresses = BTreeMap::new();
        for (asked, mailbox) in asked {
            let own = config.dynamic.as_ref().and_then(|dynamic| form::own(mailbox, token, dynamic));
            let own = own.ok_or_else(|| OrderError::Long(asked.clone()))?;
            addresses.insert(asked, own);
        }
        Ok(Issued { token, addresses, issued_at: at, channel })
    }
}

/// What the order says, then its channel, then what page and referrer say. An address without a page was not come to
/// directly: nothing is known of it.
fn touchpoint(arrived: &Touchpoint, utm: &Utm, channel: Option<&crate::channel::Channel>, is_bare: bool) -> Touchpoint {
    let ordered = [&utm.source, &utm.medium, &utm.campaign, &utm.term, &utm.content]
        .map(|value| bounded(value, limit::TEXT).unwrap_or_default());
    let is_ordered = ordered.iter().any(|value| !value.is_empty());
    let [source, medium, campaign, term, content] = ordered;
    let is_direct = arrived.is_direct();
    let utm = match channel {
        _ if is_ordered => Utm { source, medium, campaign, term, content },
        Some(channel) if is_direct => channel.utm.clone(),
        None if is_bare => Utm::default(),
        _ => arrived.utm.clone(),
    };
    let channel = channel.map(|channel| channel.id.clone()).or_else(|| arrived.channel.clone());
    Touchpoint { channel, utm, ..arrived.clone() }
}
