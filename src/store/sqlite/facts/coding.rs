//! Facts of one chunk as octets: numbers of seven bits an octet, times as differences to the one before.

use std::mem;

use super::super::varint::{self, put, unzigzag, zigzag};
use crate::store::{Class, Fact, FactOutcome, FactTouch, TextId};

const UNIQUE: u64 = 1;
const AGE: u64 = 1 << 1;
const OUTCOME: u64 = 1 << 2;
const TAGS: u64 = 1 << 3;
const CLASS: u32 = 4;

/// Writes facts, in the order of their sequences.
pub fn encode(facts: &[Fact]) -> Vec<u8> {
    let mut out = Vec::with_capacity(facts.len() * 32);
    let (mut sequence, mut at) = (0, 0);
    for fact in facts {
        put(&mut out, zigzag(fact.sequence - sequence));
        put(&mut out, zigzag(fact.at - at));
        (sequence, at) = (fact.sequence, fact.at);
        let flag = |is: bool, flag: u64| if is { flag } else { 0 };
        let flags = flag(fact.is_unique, UNIQUE)
            | flag(fact.age.is_some(), AGE)
            | flag(fact.outcome.is_some(), OUTCOME)
            | flag(!fact.tags.is_empty(), TAGS)
            | (fact.class as u64) << CLASS;
        put(&mut out, flags);
        [fact.address, fact.mailbox, fact.domain].into_iter().for_each(|id| put(&mut out, id.into()));
        if let Some(age) = fact.age {
            put(&mut out, age);
        }
        if !fact.tags.is_empty() {
            put(&mut out, fact.tags.len() as u64);
            fact.tags.iter().for_each(|tag| put(&mut out, (*tag).into()));
        }
        put(&mut out, fact.touches.len() as u64);
        for touch in &fact.touches {
            put(&mut out, touch.point.into());
            put(&mut out, touch.hours.into());
        }
        if let Some(outcome) = &fact.outcome {
            put(&mut out, u64::from(outcome.deals) << 1 | u64::from(outcome.is_qualified));
            put(&mut out, outcome.money.len() as u64);
            for (currency, amount) in &outcome.money {
                put(&mut out, (*currency).into());
                put(&mut out, zigzag(*amount));
            }
        }
    }
    out
}

/// Reads facts one after the other into the same place.
pub struct Decoder<'a> {
    octets: &'a [u8],
    fact: Fact,
    /// Room for the money of the next outcome.
    money: Vec<(TextId, i64)>,
}

impl<'a> Decoder<'a> {
    /// From the first fact on.
    pub fn new(octets: &'a [u8]) -> Self {
        Self { octets, fact: Fact::default(), money: Vec::new() }
    }

    /// The next fact; none at the end, or where the octets are not what [`encode`] has written.
    pub fn next(&mut self) -> Option<&Fact> {
        if self.octets.is_empty() {
            return None;
        }
        self.fact.sequence += unzigzag(self.take()?);
        self.fact.at += unzigzag(self.take()?);
        let flags = self.take()?;
        self.fact.is_unique = flags & UNIQUE != 0;
        self.fact.class = *Class::ALL.get(usize::try_from(flags >> CLASS).ok()?)?;
        self.fact.address = self.id()?;
        self.fact.mailbox = self.id()?;
        self.fact.domain = self.id()?;
        self.fact.age = if flags & AGE != 0 { Some(self.take()?) } else { None };
        self.fact.tags.clear();
        if flags & TAGS != 0 {
            for _ in 0..self.take()? {
                let tag = self.id()?;
                self.fact.tags.push(tag);
            }
        }
        self.fact.touches.clear();
        for _ in 0..self.take()? {
            let touch = FactTouch { point: self.id()?, hours: self.id()? };
            self.fact.touches.push(touch);
        }
        if let Some(outcome) = self.fact.outcome.take() {
            self.money = outcome.money;
        }
        self.fact.outcome = if flags & OUTCOME != 0 { Some(self.outcome()?) } else { None };
        Some(&self.fact)
    }

    fn outcome(&mut self) -> Option<FactOutcome> {
        let head = self.take()?;
        let mut outcome = FactOutcome {
            is_qualified: head & 1 != 0,
            deals: u32::try_from(head >> 1).ok()?,
            money: mem::take(&mut self.money),
        };
        outcome.money.clear();
        for _ in 0..self.take()? {
            let money = (self.id()?, unzigzag(self.take()?));
            outcome.money.push(money);
        }
        Some(outcome)
    }

    fn id(&mut self) -> Option<u32> {
        u32::try_from(self.take()?).ok()
    }

    fn take(&mut self) -> Option<u64> {
        varint::take(&mut self.octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(octets: &[u8]) -> Vec<Fact> {
        let mut decoder = Decoder::new(octets);
        std::iter::from_fn(|| decoder.next().cloned()).collect()
    }

    fn facts() -> Vec<Fact> {
        let touches = vec![FactTouch { point: 1, hours: 900 }, FactTouch { point: 300, hours: 0 }];
        let money = vec![(9, i64::MIN), (10, 5)];
        let outcome = Some(FactOutcome { is_qualified: true, deals: 3, money });
        let first = Fact { sequence: 7, at: 1_800_000_000_000, is_unique: true, address: 200, ..Fact::default() };
        let rich = Fact {
            sequence: 9,
            at: -5,
            class: Class::Test,
            tags: vec![1, 70_000],
            age: Some(u64::MAX),
            ..first.clone()
        };
        vec![
            first,
            Fact { touches, outcome, ..rich.clone() },
            Fact { sequence: 10, outcome: Some(FactOutcome::default()), ..rich },
        ]
    }

    #[test]
    fn facts_come_back_as_they_were() {
        assert_eq!(all(&encode(&facts())), facts());
        assert_eq!(all(&[]), []);
        assert_eq!(encode(&facts()[..1]).len(), 13);
    }

    proptest! {
        #[test]
        fn foreign_octets_are_no_panic(octets: Vec<u8>) {
            all(&octets);
        }
    }
}
