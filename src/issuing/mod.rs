//! Which address a visitor is shown: his own, that of his channel, or none but the mailbox's.
//!
//! Given what a web page asks; gives back addresses, and keeps the visit that they name. A visitor who is known keeps his
//! address until a new advertisement brings him. Never fails: where no address of his own can be had, the answer is the
//! static address of the channel, and where there is none, the page stays as it is. Knows no HTTP; `order` issues addresses
//! for people and programs of the company, which are told what is wrong.

mod form;
mod order;
mod qr;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use tracing::error;

pub use form::own;
pub use order::{Issued, Order, OrderError};
pub use qr::qr;

use crate::{
    address::Address,
    arrival::{Arrivals, Arrived},
    channel::Mailbox,
    clock::Millis,
    config::Site,
    intake::Intake,
    maillog::chain,
    resolve::Resolution,
    store::{StoreError, Visits},
    token::{Claim, Token, Tokens, VisitId},
    visit::{Details, NewVisit, Touchpoint, Visit},
};

/// Numbers that are tried before it is given up: one in two hundred makes a token that is not shown.
const TRIES: usize = 16;

/// Milliseconds between two log lines of one sort: anybody can cause any number.
const QUIET: i64 = 60_000;

/// Token and channel of the visit that an address names, and why it is not a newer one.
type Shown = (Token, Option<String>, Option<Reason>);

/// Issues addresses by one snapshot of the config.
#[derive(Debug)]
pub struct Issuer {
    intake: Arc<Intake>,
    tokens: Arc<Tokens>,
    arrivals: Arrivals,
    visits: Visits,
    told_at: AtomicI64,
}

/// What a page asks.
pub struct Request<'a> {
    /// A token that the visitor was given before.
    pub visitor: Option<String>,
    /// First page of the visit.
    pub landing: String,
    /// The page that shows the addresses.
    pub page: Option<String>,
    /// The page before the first one.
    pub referrer: Option<String>,
    /// Mailboxes that the page shows.
    pub addresses: Vec<String>,
    /// Client ids of analytics systems.
    pub client: BTreeMap<String, String>,
    /// Consent by purpose.
    pub consent: BTreeMap<String, String>,
    /// Values of the site's own.
    pub custom: BTreeMap<String, String>,
    /// Why this visitor gets no address of his own, if the door knows.
    pub refused: Option<Reason>,
    /// Asked right before an address is made: whether the site may have one more.
    pub budget: &'a (dyn Fn() -> bool + Send + Sync),
}

/// Why a visitor is shown no address of his own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A program asks.
    Bot,
    /// The visitor does not want to be known.
    Consent,
    /// The client asks too often.
    Rate,
    /// The site has had its addresses of this minute.
    Budget,
    /// The site shows no address to visitors of his channel.
    Channel,
    /// The site shows no address to visitors who began on his page.
    Page,
    /// The store does not work.
    Fault,
}

/// What sort of addresses an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The visitor's own.
    Dynamic,
    /// Those of the channel.
    Static,
    /// None: the page stays as it is.
    None,
}

/// What the page hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Names the visitor when he comes again.
    pub visitor: Option<Token>,
    /// What to show, by the address that the page asked for.
    pub addresses: BTreeMap<String, String>,
    /// What sort of addresses they are.
    pub kind: Kind,
    /// Why they are not the visitor's own.
    pub reason: Option<Reason>,
    /// Id of the visit's channel.
    pub channel: Option<String>,
}

impl Issuer {
    /// Issues by this config, whose visits are kept here; `None` where it has no addresses for visitors.
    pub fn new(intake: Arc<Intake>, visits: Visits) -> Option<Self> {
        let tokens = Arc::clone(intake.table.tokens()?);
        let arrivals = Arrivals::new(&intake.config);
        Some(Self { intake, tokens, arrivals, visits, told_at: AtomicI64::new(0) })
    }

    /// Answers a page.
    pub async fn issue(&self, site: &Site, request: Request<'_>, at: Millis) -> Answer {
        let arrived = self.arrivals.arrive(&request.landing, request.referrer.as_deref(), &site.origins);
        let asked = self.asked(&request.addresses);
        let channel = arrived.touchpoint.channel.clone();
        let issued = match request.refused {
            None if asked.is_empty() => return Answer::none(None, channel),
            None => self.visit(site, request, &arrived, at).await.unwrap_or_else(|fault| {
                self.tell(&fault, at);
                Err(Reason::Fault)
            }),
            Some(refused) => Err(refused),
        };
        match issued {
            Ok((token, channel, reason)) => {
                let own = |mailbox| form::own(mailbox, token, self.intake.config.dynamic.as_ref()?);
                Answer::of(Kind::Dynamic, asked, own, reason, channel, Some(token))
            }
            Err(reason @ (Reason::Channel | Reason::Page)) => Answer::none(Some(reason), channel),
            Err(reason) => {
                let of = channel.as_deref().and_then(|id| self.intake.table.channel(id));
                Answer::of(Kind::Static, asked, |mailbox| form::of_channel(of?, mailbox), Some(reason), channel, None)
            }
        }
    }

    /// Notes that a visitor clicked or copied an address.
    pub async fn click(&self, visitor: &str, at: Millis) {
        let Some(verified) = self.tokens.verify(visitor) else { return };
        if let Err(fault) = self.visits.click(verified.claims, at).await {
            self.tell(&fault, at);
        }
    }

    /// The token and channel that the visitor is shown: of the visit he is known by, or of a new one.
    async fn visit(
        &self,
        site: &Site,
        request: Request<'_>,
        arrived: &Arrived,
        at: Millis,
    ) -> Result<Result<Shown, Reason>, StoreError> {
        let budget = request.budget;
        let known = match request.visitor.as_deref().and_then(|visitor| self.tokens.verify(visitor)) {
            Some(verified) => self.visits.latest_of(verified.claims).await?,
            None => None,
        };
        // A key that is gone takes its addresses along.
        let known = known.and_then(|visit| Some((self.tokens.token(visit.claim)?, visit)));
        let details = form::details(request, arrived);
        let refused = left_out(site, arrived);
        if let Some((token, visit)) = known {
            if arrived.is_direct || is_same(&visit, arrived, &details) {
                let id = visit.claim.id;
                if is_news(&visit.details, &details) {
                    self.visits.add_details(id, details).await?;
                }
                return Ok(Ok((token, visit.touchpoint.channel, None)));
            }
            if refused.is_some() {
                return Ok(Ok((token, visit.touchpoint.channel, None)));
            }
            if !budget() {
                // The page asks again, so that the new visit is not lost.
                return Ok(Ok((token, visit.touchpoint.channel, Some(Reason::Budget))));
            }
            let new = self.new_visit(at, Some(visit.visitor), arrived.touchpoint.clone(), details);
            return Ok(Ok((self.make(new).await?, arrived.touchpoint.channel.clone(), None)));
        }
        if let Some(refused) = refused.or_else(|| (!budget()).then_some(Reason::Budget)) {
            return Ok(Err(refused));
        }
        let new = self.new_visit(at, None, arrived.touchpoint.clone(), details);
        Ok(Ok((self.make(new).await?, arrived.touchpoint.channel.clone(), None)))
    }

    /// A visit whose number is still to come.
    fn new_visit(&self, at: Millis, visitor: Option<VisitId>, touchpoint: Touchpoint, details: Details) -> NewVisit {
        let claim = Claim { id: VisitId(VisitId::END), key: self.tokens.mark() };
        NewVisit { claim, at, visitor, is_ordered: false, touchpoint, details }
    }

    /// Makes a token and keeps its visit.
    async fn make(&self, mut new: NewVisit) -> Result<Token, StoreError> {
        for _ in 0..TRIES {
            let id = self.visits.next_id().await?;
            if let Some(token) = self.tokens.mint(id).filter(|token| !self.is_listed(*token)) {
                new.claim.id = id;
                self.visits.record(new).await?;
                return Ok(token);
            }
        }
        Err(StoreError::Closed)
    }

    /// Whether a channel lists an address that looks like this token's: letters to it are the channel's.
    fn is_listed(&self, token: Token) -> bool {
        let Some(dynamic) = &self.intake.config.dynamic else { return false };
        self.intake
            .config
            .mailboxes
            .iter()
            .any(|mailbox| form::all(mailbox, token, dynamic).any(|form| self.intake.table.lists(&form)))
    }

    /// The mailboxes among the addresses of a page, as it spells them; where it names none, the one that tokens stand for.
    fn asked<'a>(&'a self, addresses: &[String]) -> Vec<(String, &'a Mailbox)> {
        let table = &self.intake.table;
        if addresses.is_empty() {
            let own = self.intake.config.dynamic.as_ref().and_then(|dynamic| table.mailbox(&dynamic.mailbox));
            return own.map(|mailbox| (mailbox.spelled.clone(), mailbox)).into_iter().collect();
        }
        let mailbox = |text: &String| {
            let mailbox = match table.resolve(&Address::parse(text)?) {
                Resolution::Mailbox(mailbox) => mailbox,
                // Who runs no script, and a simple harvester, see the site's own static address.
                Resolution::Channel(substitute) => Arc::clone(&substitute.mailbox),
                Resolution::Visit(_) | Resolution::Unknown { .. } | Resolution::Foreign => return None,
            };
            Some((text.clone(), table.mailbox(&mailbox.address)?))
        };
        addresses.iter().filter_map(mailbox).collect()
    }

    fn tell(&self, fault: &StoreError, at: Millis) {
        let told_at = self.told_at.load(Ordering::Relaxed);
        if at.0.saturating_sub(told_at) >= QUIET {
            self.told_at.store(at.0, Ordering::Relaxed);
            error!("visits cannot be kept, visitors are shown static addresses: {}", chain(fault));
        }
    }
}

impl Answer {
    fn none(reason: Option<Reason>, channel: Option<String>) -> Self {
        Self { visitor: None, addresses: BTreeMap::new(), kind: Kind::None, reason, channel }
    }

    fn of<'a>(
        kind: Kind,
        asked: Vec<(String, &'a Mailbox)>,
        shown: impl Fn(&'a Mailbox) -> Option<String>,
        reason: Option<Reason>,
        channel: Option<String>,
        visitor: Option<Token>,
    ) -> Self {
        let pairs = asked.into_iter().filter_map(|(asked, mailbox)| Some((asked, shown(mailbox)?)));
        let addresses: BTreeMap<String, String> = pairs.collect();
        let kind = if addresses.is_empty() { Kind::None } else { kind };
        Self { visitor, addresses, kind, reason, channel }
    }
}

/// Why a site shows a new visitor nothing.
fn left_out(site: &Site, arrived: &Arrived) -> Option<Reason> {
    let channel = arrived.touchpoint.channel.as_ref();
    if !site.channels.is_empty() && !channel.is_some_and(|channel| site.channels.contains(channel)) {
        return Some(Reason::Channel);
    }
    let fits = site.pages.is_empty() || site.pages.iter().any(|page| page.is_match(&arrived.path));
    (!fits).then_some(Reason::Page)
}

/// Whether the page tells of the visit that is known, and of no new click on an advertisement. Sites carry UTM values along
/// from page to page, so that another first page or a referrer of the site's own is no other visit.
fn is_same(visit: &Visit, arrived: &Arrived, details: &Details) -> bool {
    let (known, told) = (&visit.touchpoint, &arrived.touchpoint);
    let is_known = |(key, id): (&String, &String)| visit.details.click_ids.get(key) == Some(id);
    known.channel == told.channel
        && known.utm == told.utm
        && (told.referrer.is_none() || known.referrer == told.referrer)
        && details.click_ids.iter().all(is_known)
}

/// Whether what the page tells changes what is kept; another page alone does not.
fn is_news(known: &Details, told: &Details) -> bool {
    let mut merged = known.clone();
    merged.merge(told.clone());
    merged != *known
}
