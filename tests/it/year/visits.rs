//! The visits of the year: those before a letter, and many after which nobody wrote.

use std::time::Duration;

use leadmilter::{
    clock::Millis,
    lead::{Attribution, Status},
    token::{Claim, KeyMark, VisitId},
    visit::{Details, NewVisit, Touchpoint},
};

use super::{
    business::arrival,
    dice::Dice,
    letters::{attribution, touch},
};

/// Visits as they come, with the click on the address if there was one.
pub struct Visiting {
    key: KeyMark,
    next: u64,
    /// Visits that are to be kept, in the order of their numbers, and when their address was clicked.
    pub made: Vec<(NewVisit, Option<Millis>)>,
}

/// The visitor that a letter came from: all visits, of which the last one showed the address.
pub struct Visitor {
    pub claim: Claim,
    pub visitor: VisitId,
    pub touchpoint: Touchpoint,
    visits: Vec<(Millis, Touchpoint)>,
    details: Details,
}

impl Visiting {
    pub fn new(key: KeyMark) -> Self {
        Self { key, next: 0, made: Vec::new() }
    }

    /// One to eight visits before a letter.
    pub fn before(&mut self, at: Millis, dice: &mut Dice) -> Visitor {
        let mut count = 1;
        while count < 8 && dice.in_thousand(420) {
            count += 1;
        }
        // The last visit was minutes to days ago, each one before some days earlier.
        let mut ages = vec![60 + dice.few(4 * 86_400)];
        for _ in 1..count {
            ages.push(ages.last().copied().unwrap_or_default() + 1 + dice.few(30 * 86_400));
        }
        let visits: Vec<_> = ages.into_iter().rev().map(|age| (earlier(at, age), arrival(dice))).collect();
        let first = VisitId(self.next);
        let mut visitor = Visitor {
            claim: Claim { id: first, key: self.key },
            visitor: first,
            touchpoint: Touchpoint::default(),
            visits,
            details: Details::default(),
        };
        for (place, (visited_at, touchpoint)) in visitor.visits.iter().enumerate() {
            visitor.claim = Claim { id: VisitId(self.next), key: self.key };
            visitor.touchpoint = touchpoint.clone();
            visitor.details = details(dice);
            let is_last = place + 1 == visitor.visits.len();
            let click = (is_last && dice.in_thousand(800)).then(|| visited_at.plus(Duration::from_secs(30)));
            let new = NewVisit {
                claim: visitor.claim,
                at: *visited_at,
                visitor: (place > 0).then_some(first),
                is_ordered: false,
                touchpoint: touchpoint.clone(),
                details: visitor.details.clone(),
            };
            self.made.push((new, click));
            self.next += 1;
        }
        visitor
    }

    /// A visitor who did not write.
    pub fn alone(&mut self, at: Millis, dice: &mut Dice) {
        let claim = Claim { id: VisitId(self.next), key: self.key };
        let (touchpoint, details) = (arrival(dice), details(dice));
        let click = dice.in_thousand(80).then(|| at.plus(Duration::from_secs(20)));
        self.made.push((NewVisit { claim, at, visitor: None, is_ordered: false, touchpoint, details }, click));
        self.next += 1;
    }
}

impl Visitor {
    /// What a lead to the address says of it.
    pub fn attribution(&self, at: Millis, substitute: &str) -> Attribution {
        let last = self.visits.last().map(|(visited_at, _)| *visited_at);
        let touches = self.visits.iter().enumerate().map(|(place, (visited_at, touchpoint))| {
            let is_last = place + 1 == self.visits.len();
            touch(*visited_at, touchpoint, is_last.then_some(substitute))
        });
        Attribution {
            touches: touches.collect(),
            age_seconds: last.map(|last| last.until(at).as_secs()),
            visit_at: last,
            issued_at: last,
            page: self.details.page.clone(),
            client_ids: self.details.client_ids.clone(),
            ..attribution(Status::Exact, &self.touchpoint)
        }
    }
}

fn earlier(at: Millis, seconds: u64) -> Millis {
    Millis(at.0.saturating_sub(i64::try_from(seconds).unwrap_or_default() * 1000))
}

fn details(dice: &mut Dice) -> Details {
    let ga = format!("{}.{}", 1_000_000_000 + dice.below(900_000_000), 1_763_744_531);
    let client_ids = if dice.in_thousand(600) { [("ga".to_owned(), ga)].into() } else { Default::default() };
    Details { client_ids, page: Some("https://company.example/contacts".into()), ..Details::default() }
}
