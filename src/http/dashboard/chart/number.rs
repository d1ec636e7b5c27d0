//! Numbers beside a chart: in full where a pointer rests, short beside the axis.

use crate::{
    language::Text,
    report::{Number, Unit, Wording},
};

/// Larger numbers are written as if they were this: nothing that is counted here comes near.
pub const BOUND: i128 = 10_i128.pow(30);

/// Thousands, millions and so on.
const SHORT: [(u32, Text); 4] = [
    (12, Text { en: "T", ru: "\u{a0}трлн" }),
    (9, Text { en: "B", ru: "\u{a0}млрд" }),
    (6, Text { en: "M", ru: "\u{a0}млн" }),
    (3, Text { en: "K", ru: "\u{a0}тыс." }),
];

/// A number in full.
pub fn full(wording: &Wording, number: Number, unit: Unit) -> String {
    wording.number(number.map(|value| value.clamp(-BOUND, BOUND)), unit)
}

/// A round number in little room: `1.5M`.
pub fn short(wording: &Wording, value: i128, unit: Unit) -> String {
    let (language, scale, value) = (wording.language, unit.scale(), value.clamp(-BOUND, BOUND));
    match unit {
        Unit::Seconds => wording.number(Some(value), unit),
        Unit::Percent => language.percent(value, scale, u32::from(value % 10_000 != 0)),
        Unit::Count | Unit::Money => {
            let large = SHORT.iter().find(|(tens, _)| value.unsigned_abs() >= 10_u128.pow(scale + tens));
            let (tens, name) = large.map_or((0, ""), |(tens, name)| (*tens, name.of(language)));
            let of = scale + tens;
            let digits = (0..3).find(|digits| value % 10_i128.pow(of - digits) == 0).unwrap_or(2);
            format!("{}{name}", language.number(value, of, digits))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;

    #[test]
    fn round_numbers_are_short() {
        let [en, ru] = [Language::En, Language::Ru].map(|language| Wording::with_channels(language, []));
        for (value, unit, english, russian) in [
            (0, Unit::Count, "0", "0"),
            (5_000, Unit::Count, "0.5", "0,5"),
            (20_000_000, Unit::Count, "2K", "2\u{a0}тыс."),
            (1_500_000_000_000, Unit::Money, "1.5M", "1,5\u{a0}млн"),
            (-2_000_000_000_000_000, Unit::Money, "\u{2212}2B", "\u{2212}2\u{a0}млрд"),
            (500_000, Unit::Percent, "50%", "50\u{a0}%"),
            (5_000, Unit::Percent, "0.5%", "0,5\u{a0}%"),
            (3_600, Unit::Seconds, "1.0\u{a0}h", "1,0\u{a0}ч"),
        ] {
            assert_eq!((short(&en, value, unit), short(&ru, value, unit)), (english.into(), russian.into()));
        }
        assert_eq!(
            (full(&en, None, Unit::Money), full(&en, Some(i128::MAX), Unit::Seconds).len() > 5),
            ("—".into(), true)
        );
    }
}
