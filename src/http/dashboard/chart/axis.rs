//! The axis of numbers: from where to where, which round numbers stand beside it, and where each number lies.
//!
//! Whole numbers throughout, in the metric's own unit, so that pictures are the same on every machine. Zero is always on it:
//! a line or bar that does not start there lies.

use super::number::BOUND;
use crate::report::Unit;

/// Seconds that a clock face and a calendar know.
const SPANS: [i128; 15] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200];
const DAY: i128 = 86_400;

/// An axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    low: i128,
    high: i128,
    step: i128,
}

impl Axis {
    /// One that holds all these numbers, in about `parts` steps.
    pub fn of(numbers: impl IntoIterator<Item = i128>, unit: Unit, parts: i128) -> Self {
        let (mut low, mut high) = (0, 0);
        for number in numbers {
            let number = number.clamp(-BOUND, BOUND);
            (low, high) = (low.min(number), high.max(number));
        }
        let step = step((high - low) / parts.max(1), unit);
        let up = |number: i128| (number + step - 1).div_euclid(step) * step;
        let high = if low == 0 && high == 0 { step } else { up(high) };
        Self { low: -up(-low), high, step }
    }

    /// The numbers that stand beside it, the lowest first.
    pub fn ticks(self) -> Vec<i128> {
        let count = (self.high - self.low) / self.step;
        (0..=count).map(|place| self.low + place * self.step).collect()
    }

    /// How far below the top of an axis of this length a number lies.
    pub fn below_top(self, number: i128, length: i64) -> i64 {
        let number = number.clamp(self.low, self.high);
        // As long as a number's own bound, at most; the axis never has no length.
        i64::try_from((self.high - number) * i128::from(length) / (self.high - self.low)).unwrap_or(length)
    }
}

/// The smallest round number that is no smaller; of what comes in pieces, a whole one at least.
fn step(least: i128, unit: Unit) -> i128 {
    let (smallest, spans): (i128, &[i128]) = match unit {
        Unit::Count => (10_000, &[]),
        Unit::Money => (10_000, &[]),
        Unit::Percent => (1_000, &[]),
        Unit::Seconds => (DAY, &SPANS),
    };
    if let Some(span) = spans.iter().find(|span| **span >= least) {
        return *span;
    }
    let mut ten = smallest;
    loop {
        if let Some(times) = [1, 2, 5].into_iter().find(|times| ten * times >= least) {
            return ten * times;
        }
        ten *= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ticks_are_round_and_hold_zero() {
        let ticks = |numbers: &[i128], unit| Axis::of(numbers.iter().copied(), unit, 4).ticks();
        assert_eq!(ticks(&[], Unit::Count), [0, 10_000]);
        assert_eq!(ticks(&[5_000], Unit::Count), [0, 10_000]);
        assert_eq!(ticks(&[70_000, 30_000], Unit::Count), [0, 20_000, 40_000, 60_000, 80_000]);
        assert_eq!(ticks(&[-30_000, 50_000], Unit::Money), [-40_000, -20_000, 0, 20_000, 40_000, 60_000]);
        assert_eq!(ticks(&[1_234_000], Unit::Percent), [0, 500_000, 1_000_000, 1_500_000]);
        assert_eq!(ticks(&[5_000], Unit::Seconds), [0, 1_800, 3_600, 5_400]);
        assert_eq!(ticks(&[900_000], Unit::Seconds), [0, 432_000, 864_000, 1_296_000]);
    }

    #[test]
    fn numbers_lie_between_the_ticks() {
        let axis = Axis::of([100_000], Unit::Count, 4);
        assert_eq!([0, 50_000, 100_000, 999_999].map(|number| axis.below_top(number, 2_000)), [2_000, 1_000, 0, 0]);
    }

    proptest! {
        #[test]
        fn any_numbers_have_an_axis(numbers in prop::collection::vec(any::<i128>(), 0..8), unit in 0_usize..4) {
            let unit = [Unit::Count, Unit::Money, Unit::Percent, Unit::Seconds][unit];
            let axis = Axis::of(numbers.iter().copied(), unit, 4);
            let ticks = axis.ticks();
            prop_assert!(ticks.contains(&0) && (2..=9).contains(&ticks.len()), "{ticks:?}");
            for number in numbers {
                prop_assert!((0..=2_000).contains(&axis.below_top(number, 2_000)));
            }
        }
    }
}
