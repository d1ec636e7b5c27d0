//! Attribution models: how one lead's credit is shared out among its touches.
//!
//! Given the touches, oldest first; gives back basis points that sum to exactly ten thousand. Whole numbers throughout, so
//! that the same lead is shared out alike on every machine. No I/O.

use std::{fmt, str::FromStr, sync::LazyLock};

use serde::{Deserialize, Serialize};

use crate::language::Text;

/// The whole credit of one lead, in basis points.
pub const WHOLE: i64 = 10_000;

/// Half of the credit is gone after so many hours.
const HALF_LIFE: u32 = 7 * 24;

/// How credit is shared out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// All to the first touch.
    First,
    /// All to the last touch.
    Last,
    /// All to the last touch that something led to; to the last one if nothing ever did.
    #[default]
    LastNonDirect,
    /// Alike to all.
    Linear,
    /// 40 % to the first, 40 % to the last, the rest alike to those between; half and half if there are two.
    Position,
    /// By age: a touch has half of the weight of one that is seven days younger.
    Decay,
}

impl Model {
    /// Every model.
    pub const ALL: [Self; 6] =
        [Self::First, Self::Last, Self::LastNonDirect, Self::Linear, Self::Position, Self::Decay];

    /// Its name in queries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Last => "last",
            Self::LastNonDirect => "last_non_direct",
            Self::Linear => "linear",
            Self::Position => "position",
            Self::Decay => "decay",
        }
    }

    /// Its name for people.
    pub fn label(self) -> Text {
        match self {
            Self::First => Text { en: "First touch", ru: "Первое касание" },
            Self::Last => Text { en: "Last touch", ru: "Последнее касание" },
            Self::LastNonDirect => {
                Text { en: "Last non-direct touch", ru: "Последнее непрямое касание" }
            }
            Self::Linear => Text { en: "Linear", ru: "Линейная" },
            Self::Position => Text { en: "Position-based (40/20/40)", ru: "По позиции (40/20/40)" },
            Self::Decay => Text { en: "Time decay (7 days)", ru: "С учётом давности (7 дней)" },
        }
    }

    /// The credit of each touch. There is at least one touch.
    pub fn credit<'a>(self, touches: &[Step], credits: &'a mut Credits) -> &'a [i64] {
        let last = touches.len().saturating_sub(1);
        match self {
            _ if last == 0 => credits.all_to(0, 1),
            Self::First => credits.all_to(0, touches.len()),
            Self::Last => credits.all_to(last, touches.len()),
            Self::LastNonDirect => {
                let led = touches.iter().rposition(|touch| !touch.is_direct);
                credits.all_to(led.unwrap_or(last), touches.len());
            }
            Self::Linear => credits.share_out(touches.iter().map(|_| 1)),
            Self::Position if last == 1 => credits.share_out([1, 1].into_iter()),
            Self::Position => {
                let between = last as u64 - 1;
                let weight = |index| if index == 0 || index == last { 2 * between } else { 1 };
                credits.share_out((0..touches.len()).map(weight));
            }
            Self::Decay => credits.share_out(touches.iter().map(|touch| weight(touch.hours))),
        }
        &credits.credits
    }
}

/// A touch as the models see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Whether nothing led the visitor here.
    pub is_direct: bool,
    /// Whole hours from the touch to the letter.
    pub hours: u32,
}

/// Credits of one lead's touches, and room that is used again for the next one's.
#[derive(Clone, Debug, Default)]
pub struct Credits {
    credits: Vec<i64>,
    /// What each touch lost by rounding, and which it is.
    lost: Vec<(u64, usize)>,
}

impl Credits {
    fn all_to(&mut self, index: usize, touches: usize) {
        self.credits.clear();
        self.credits.extend((0..touches).map(|touch| if touch == index { WHOLE } else { 0 }));
    }

    /// Shares the whole out by weights below 2^48: each gets what its weight is good for, rounded down, and the basis points
    /// that are left over go one each to those that lost most by rounding, of equals to the later.
    fn share_out(&mut self, weights: impl ExactSizeIterator<Item = u64> + Clone) {
        let sum: u64 = weights.clone().sum();
        if sum == 0 {
            let touches = weights.len();
            return self.all_to(touches.saturating_sub(1), touches);
        }
        self.credits.clear();
        self.lost.clear();
        let mut left = WHOLE;
        for (index, weight) in weights.enumerate() {
            let exact = WHOLE.unsigned_abs() * weight;
            let credit = (exact / sum).cast_signed();
            left -= credit;
            self.credits.push(credit);
            self.lost.push((exact % sum, index));
        }
        self.lost.sort_unstable_by(|one, other| other.cmp(one));
        for (_, index) in self.lost.iter().take(usize::try_from(left).unwrap_or_default()) {
            if let Some(credit) = self.credits.get_mut(*index) {
                *credit += 1;
            }
        }
    }
}

/// 2 to the power of minus age by half-life, in units of 2^-40; what is older than twenty half-lives weighs nothing
/// beside what is not.
fn weight(hours: u32) -> u64 {
    let (halvings, rest) = (hours / HALF_LIFE, hours % HALF_LIFE);
    match WEIGHTS.get(rest as usize) {
        Some(weight) if halvings < 20 => weight << (20 - halvings),
        _ => 0,
    }
}

/// The weight of each hour of a half-life in units of 2^-20, so that the last bit of a platform's exp2 is no part of it.
static WEIGHTS: LazyLock<[u64; HALF_LIFE as usize]> = LazyLock::new(|| {
    let weight = |hour: usize| (1_048_576.0 * (-(hour as f64) / f64::from(HALF_LIFE)).exp2()).round() as u64;
    std::array::from_fn(weight)
});

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Model {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|model| model.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            format!("{text:?} is no attribution model: known are {known}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Model::{Decay, First, Last, LastNonDirect, Linear, Position};

    fn credits(model: Model, touches: &[(bool, u32)]) -> Vec<i64> {
        let steps: Vec<_> =
            touches.iter().map(|(is_direct, hours)| Step { is_direct: *is_direct, hours: *hours }).collect();
        // What an earlier lead left behind is nobody's.
        let mut credits = Credits { credits: vec![7; 3], lost: vec![(7, 7)] };
        let credits = model.credit(&steps, &mut credits).to_vec();
        assert_eq!(credits.iter().sum::<i64>(), WHOLE, "{model} {touches:?}");
        credits
    }

    #[test]
    fn each_model_shares_out_one_lead() {
        let paid = (false, 0);
        let direct = (true, 0);
        for (model, touches, expected) in [
            (First, &[paid, paid, direct][..], &[10_000, 0, 0][..]),
            (Last, &[paid, paid, direct], &[0, 0, 10_000]),
            (LastNonDirect, &[paid, paid, direct], &[0, 10_000, 0]),
            (LastNonDirect, &[direct, direct], &[0, 10_000]),
            (Linear, &[paid, paid, paid], &[3333, 3333, 3334]),
            (Linear, &[paid; 7], &[1428, 1428, 1428, 1429, 1429, 1429, 1429]),
            (Position, &[paid, paid], &[5000, 5000]),
            (Position, &[paid, paid, paid], &[4000, 2000, 4000]),
            (Position, &[paid, paid, paid, paid, paid], &[4000, 666, 667, 667, 4000]),
            (Decay, &[(false, 168), (false, 0)], &[3333, 6667]),
            (Decay, &[(false, 336), (false, 168), (true, 0)], &[1429, 2857, 5714]),
            (Decay, &[(false, 84), (false, 0)], &[4142, 5858]),
            (Decay, &[(false, 50_000), (false, 40_000)], &[0, 10_000]),
        ] {
            assert_eq!(credits(model, touches), expected, "{model}");
        }
        for model in Model::ALL {
            assert_eq!(credits(model, &[direct]), [10_000]);
            assert_eq!(model.as_str().parse(), Ok(model));
        }
    }

    #[test]
    fn whatever_the_touches_the_credit_is_one_lead() {
        for count in 1..=64 {
            let touches: Vec<_> = (0..count).map(|index| (index % 3 == 0, (count - index) * 37)).collect();
            for model in Model::ALL {
                assert!(credits(model, &touches).iter().all(|credit| *credit >= 0));
            }
        }
    }
}
