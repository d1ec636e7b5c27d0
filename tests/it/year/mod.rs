//! A year of a company, made of a seed: letters with their visits, what they became, what they cost.
//!
//! For `contrib/bench/run reports` a million leads of it, for tests a few thousand. The same plan makes the same year,
//! wherever and whenever.

#![allow(
    dead_code,
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests and contrib/bench take what each needs; a fault ends them"
)]

pub mod business;
pub mod dice;
pub mod fill;
pub mod letters;
pub mod money;
pub mod visits;

use jiff::{
    ToSpan,
    civil::{Date, Time},
    tz::TimeZone,
};
use leadmilter::{clock::Millis, outcome::Outcome, store::NewLead};

use self::{dice::Dice, letters::Letters, visits::Visiting};

/// How much happens at each hour of UTC, of a business in Moscow.
const HOURS: [u64; 24] = [2, 1, 1, 2, 5, 12, 24, 36, 44, 46, 42, 38, 40, 42, 38, 30, 20, 14, 11, 9, 8, 6, 4, 3];

/// Which year to make.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub seed: u64,
    /// Letters in all, of which five in six are leads.
    pub letters: u32,
    /// The last day, in UTC.
    pub last: Date,
    pub days: u32,
}

/// A letter and what belongs to it.
pub struct Entry {
    pub new: NewLead,
    pub outcomes: Vec<Outcome>,
}

/// The year, letter by letter.
pub struct Year {
    plan: Plan,
    dice: Dice,
    letters: Letters,
    /// Visits that came with the letter given last.
    pub visiting: Visiting,
    day: u32,
    number: u64,
    /// Times of the day that are still to come, the last one first.
    times: Vec<Millis>,
}

impl Plan {
    /// The first day.
    pub fn first(&self) -> Date {
        self.last.saturating_sub((i64::from(self.days) - 1).days())
    }

    /// When the year ends.
    pub fn end(&self) -> Millis {
        midnight(self.last.saturating_add(1.day()))
    }

    /// The year.
    pub fn year(self) -> Year {
        let tokens = business::tokens();
        let visiting = Visiting::new(tokens.mark());
        let letters = Letters::new(self.seed, tokens);
        Year { plan: self, dice: Dice::new(self.seed), letters, visiting, day: 0, number: 0, times: Vec::new() }
    }
}

fn midnight(day: Date) -> Millis {
    let start = day.to_datetime(Time::midnight()).to_zoned(TimeZone::UTC).expect("a day of our time");
    Millis(start.timestamp().as_millisecond())
}

impl Year {
    /// The letters of the next day: as many more as the year has grown by, fewer on weekends.
    fn begin_day(&mut self) -> bool {
        if self.day == self.plan.days {
            return false;
        }
        let share = |days: u32| {
            u64::from(self.plan.letters) * weight(self.plan.first(), days) / weight(self.plan.first(), self.plan.days)
        };
        let count = share(self.day + 1) - share(self.day);
        let start = midnight(self.plan.first().saturating_add(i64::from(self.day).days()));
        let mut times: Vec<_> = (0..count)
            .map(|_| {
                let hour = i64::try_from(self.dice.weighed(&HOURS)).expect("an hour");
                let within = i64::try_from(self.dice.below(3_600_000)).expect("an hour");
                Millis(start.0 + hour * 3_600_000 + within)
            })
            .collect();
        times.sort_unstable_by(|one, other| other.cmp(one));
        self.times = times;
        self.day += 1;
        true
    }
}

/// How much happens in the first days of a year, in no unit.
fn weight(first: Date, days: u32) -> u64 {
    let of_day = |day: u32| {
        let weekday = first.saturating_add(i64::from(day).days()).weekday().to_monday_zero_offset();
        // Business grows by half within a year.
        let grown = 1000 + u64::from(day) * 500 / 365;
        grown * if weekday < 5 { 10 } else { 3 }
    };
    (0..days).map(of_day).sum()
}

impl Iterator for Year {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        while self.times.is_empty() {
            if !self.begin_day() {
                return None;
            }
        }
        let at = self.times.pop()?;
        self.number += 1;
        let letter = self.letters.letter(at, &mut self.visiting);
        for _ in 0..self.dice.below(4) {
            self.visiting.alone(at, &mut self.dice);
        }
        let outcomes = if letter.is_inquiry { money::outcomes(at, self.number, &mut self.dice) } else { Vec::new() };
        Some(Entry { new: letter.new, outcomes })
    }
}
