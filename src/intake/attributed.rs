//! Where a letter came from, as far as its substitute addresses tell: channels, visits, and the attribution made of them.
//!
//! Given what the addresses resolved to and what the store knows of their tokens; nothing of it changes once the lead is
//! recorded.

use std::collections::HashSet;

use super::{Intake, letter::Letter};
use crate::{
    channel::{Channel, Utm},
    clock::Millis,
    lead::{Attribution, ChannelName, Confidence, Status, Touch, bounded, limit},
    resolve::{Owner, Substitute},
    token::{Token, VisitId},
    visit::{Details, Known, Touchpoint, Visit},
};

/// Octets of all touches' texts, which a visitor wrote: a letter of one line must not make an event of a megabyte.
const TOUCHES_OCTETS: usize = 64 * 1024;

/// A substitute that the letter was sent to.
pub struct Shown<'a> {
    /// The address.
    pub substitute: &'a Substitute,
    origin: Origin<'a>,
}

/// Who was shown it.
enum Origin<'a> {
    /// Whoever met the channel.
    Channel(&'a Channel),
    /// One visitor, in one visit.
    Visit { token: Token, known: Option<&'a Known>, channel: Option<&'a Channel> },
}

/// The substitutes of a letter, in the order of the envelope; two spellings of one are one.
pub fn shown<'a>(letter: &'a Letter, intake: &'a Intake) -> Vec<Shown<'a>> {
    let mut out: Vec<Shown<'_>> = Vec::new();
    for tracked in letter.tracked() {
        let substitute = tracked.substitute.as_ref();
        if out.iter().any(|known| known.substitute.address == substitute.address) {
            continue;
        }
        let origin = match &substitute.owner {
            Owner::Channel(channel) => Origin::Channel(channel),
            Owner::Visit(verified) => {
                let known = letter.known(verified.token);
                let id = known.and_then(|known| known.visit.as_ref()?.touchpoint.channel.as_deref());
                Origin::Visit { token: verified.token, known, channel: id.and_then(|id| intake.table.channel(id)) }
            }
        };
        out.push(Shown { substitute, origin });
    }
    out
}

impl<'a> Shown<'a> {
    /// The id of its channel, which the config may not have any more.
    pub fn channel_id(&self) -> Option<&'a str> {
        match &self.origin {
            Origin::Channel(channel) => Some(&channel.id),
            Origin::Visit { .. } => self.visit()?.touchpoint.channel.as_deref(),
        }
    }

    /// Its channel as events name it.
    pub fn channel_name(&self) -> Option<ChannelName> {
        let id = self.channel_id()?;
        let name = self.channel().map_or(id, |channel| &channel.name);
        Some(ChannelName { id: id.to_owned(), name: name.to_owned() })
    }

    /// Tags of its channel.
    pub fn tags(&self) -> &'a [String] {
        self.channel().map_or(&[], |channel| &channel.tags)
    }

    /// The token of a dynamic address.
    pub fn token(&self) -> Option<Token> {
        match self.origin {
            Origin::Channel(_) => None,
            Origin::Visit { token, .. } => Some(token),
        }
    }

    /// The visit that it names.
    pub fn visit(&self) -> Option<&'a Visit> {
        self.known()?.visit.as_ref()
    }

    fn known(&self) -> Option<&'a Known> {
        match self.origin {
            Origin::Channel(_) => None,
            Origin::Visit { known, .. } => known,
        }
    }

    fn channel(&self) -> Option<&'a Channel> {
        match self.origin {
            Origin::Channel(channel) => Some(channel),
            Origin::Visit { channel, .. } => channel,
        }
    }

    fn utm(&self) -> Option<&'a Utm> {
        match self.origin {
            Origin::Channel(channel) => Some(&channel.utm),
            Origin::Visit { .. } => self.visit().map(|visit| &visit.touchpoint.utm),
        }
    }

    fn status(&self, at: Millis, intake: &Intake) -> Status {
        match (&self.origin, self.visit()) {
            (Origin::Channel(_), _) => Status::Channel,
            (Origin::Visit { .. }, None) => Status::Expired,
            (Origin::Visit { .. }, Some(visit)) => {
                let window = intake.config.dynamic.as_ref().map(|dynamic| dynamic.window);
                if window.is_none_or(|window| visit.at.until(at) <= window) { Status::Exact } else { Status::Late }
            }
        }
    }
}

/// The visitor that the first dynamic address names.
pub fn visitor(letter: &Letter) -> Option<VisitId> {
    let verified = letter.tokens().into_iter().next()?;
    let visit = letter.known(verified.token)?.visit.as_ref()?;
    (!visit.is_ordered).then_some(visit.visitor)
}

/// What the substitutes tell of the sender; the first one is primary.
pub fn attribution(shown: &[Shown<'_>], at: Millis, intake: &Intake) -> Attribution {
    let none = (Utm::default(), Details::default(), Touchpoint::default());
    let primary = shown.first();
    let visit = primary.and_then(Shown::visit);
    let utm = primary.and_then(Shown::utm).unwrap_or(&none.0);
    let details = visit.map_or(&none.1, |visit| &visit.details);
    let touchpoint = visit.map_or(&none.2, |visit| &visit.touchpoint);
    let issued_at = primary.and_then(|of| of.known()).map(|known| known.issued_at);
    let status = primary.map_or(Status::Unknown, |of| of.status(at, intake));
    let tells = !matches!(status, Status::Unknown | Status::Expired);
    Attribution {
        status,
        confidence: if tells { Confidence::Exact } else { Confidence::None },
        age_seconds: issued_at.map(|issued| issued.until(at).as_secs()),
        touches: touches(shown, at),
        source: present(&utm.source),
        medium: present(&utm.medium),
        campaign: present(&utm.campaign),
        term: present(&utm.term),
        content: present(&utm.content),
        campaign_id: None,
        landing_page: touchpoint.landing_page.clone(),
        page: details.page.clone(),
        referrer: touchpoint.referrer.clone(),
        visit_at: visit.map(|visit| visit.at),
        issued_at,
        click_ids: details.click_ids.clone(),
        client_ids: details.client_ids.clone(),
        consent: (!details.consent.is_empty()).then(|| details.consent.clone()),
        custom: details.custom.clone(),
    }
}

/// One for each static substitute, and every visit of the visitors that the others name.
fn touches(shown: &[Shown<'_>], at: Millis) -> Vec<Touch> {
    let mut touches = Vec::with_capacity(shown.len());
    let mut told = HashSet::new();
    for of in shown {
        match of.known() {
            Some(known) => {
                let named = of.visit().map(|visit| visit.claim);
                for visit in known.visits.iter().filter(|visit| told.insert(visit.claim.id.0)) {
                    let address = (named == Some(visit.claim)).then(|| of.substitute.address.to_string());
                    touches.push(of_visit(visit, address));
                }
            }
            None if of.token().is_none() => touches.push(of_channel(of, at)),
            None => {}
        }
    }
    touches.sort_by_key(|touch| touch.at);
    within_bounds(touches)
}

/// The first touch, and as many of the latest as a lead can tell.
fn within_bounds(mut touches: Vec<Touch>) -> Vec<Touch> {
    let (mut octets, mut latest) = (touches.first().map_or(0, octets_of), 0);
    for touch in touches.iter().skip(1).rev().take(limit::TOUCHES - 1) {
        octets += octets_of(touch);
        if octets > TOUCHES_OCTETS {
            break;
        }
        latest += 1;
    }
    let behind = touches.len().saturating_sub(latest);
    touches.drain(1.min(behind)..behind);
    touches
}

/// Octets of a touch's texts.
fn octets_of(touch: &Touch) -> usize {
    let Touch { at: _, substitute, channel, source, medium, campaign, term, content, landing_page, referrer } = touch;
    [substitute, channel, source, medium, campaign, term, content, landing_page, referrer]
        .into_iter()
        .flatten()
        .map(String::len)
        .sum()
}

fn of_visit(visit: &Visit, substitute: Option<String>) -> Touch {
    let Touchpoint { channel, landing_page, referrer, .. } = visit.touchpoint.clone();
    Touch { substitute, channel, landing_page, referrer, ..touch(visit.at, &visit.touchpoint.utm) }
}

fn of_channel(of: &Shown<'_>, at: Millis) -> Touch {
    let none = Utm::default();
    let substitute = Some(of.substitute.address.to_string());
    Touch { substitute, channel: of.channel_id().map(str::to_owned), ..touch(at, of.utm().unwrap_or(&none)) }
}

fn touch(at: Millis, utm: &Utm) -> Touch {
    Touch {
        at,
        substitute: None,
        channel: None,
        source: present(&utm.source),
        medium: present(&utm.medium),
        campaign: present(&utm.campaign),
        term: present(&utm.term),
        content: present(&utm.content),
        landing_page: None,
        referrer: None,
    }
}

fn present(value: &str) -> Option<String> {
    bounded(value, limit::TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of so many touches stay if each has so many octets.
    fn kept(count: u32, octets: usize) -> Vec<i64> {
        let made = |number: u32| Touch {
            landing_page: Some("x".repeat(octets)),
            ..touch(Millis(i64::from(number)), &Utm::default())
        };
        within_bounds((0..count).map(made).collect()).iter().map(|touch| touch.at.0).collect()
    }

    #[test]
    fn beyond_the_bounds_the_first_touch_and_the_latest_stay() {
        let first_and = |latest: std::ops::Range<i64>| std::iter::once(0).chain(latest).collect::<Vec<_>>();
        assert!(kept(0, 1).is_empty());
        assert_eq!(kept(64, 1024), first_and(1..64));
        assert_eq!(kept(100, 10), first_and(37..100));
        assert_eq!(kept(64, 20_000), first_and(62..64));
        assert_eq!(kept(1, 100_000), [0]);
    }
}
