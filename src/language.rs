//! The languages of pages and reports: how each writes numbers, money, days and plurals.
//!
//! Given plain values; gives back text for people. What programs read is written elsewhere, without regard to language.
//! No I/O.

mod dates;

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Russian.
    Ru,
}

/// A text in every language: one that is missing does not compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// In English.
    pub en: &'static str,
    /// In Russian.
    pub ru: &'static str,
}

impl Text {
    /// It in one of them.
    pub const fn of(self, language: Language) -> &'static str {
        match language {
            Language::En => self.en,
            Language::Ru => self.ru,
        }
    }
}

/// A table of texts by name: `words! { Leads { title: "Leads", "Лиды"; } }` makes a struct with one text a field, and
/// `Leads::of(language)` gives it in a language. A text that lacks a language does not compile.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $en:literal, $ru:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) struct $name { $(pub(crate) $field: &'static str,)* }

        impl $name {
            pub(crate) const fn of(language: $crate::language::Language) -> Self {
                Self { $($field: $crate::language::Text { en: $en, ru: $ru }.of(language),)* }
            }
        }
    };
}
pub(crate) use words;

/// Stands between the digits of a large number, and between number and unit, where no line may break.
const NO_BREAK: char = '\u{a0}';

/// Minus, as wide as a digit.
const MINUS: char = '\u{2212}';

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::En, Self::Ru];

    /// Its tag (BCP 47).
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ru => "ru",
        }
    }

    /// `value` of 10 to the power of `scale` a unit, rounded half away from zero to `digits` behind the point:
    /// `1,234.50` or `1 234,50`.
    pub fn number(self, value: i128, scale: u32, digits: u32) -> String {
        let value = rounded(value, scale, digits);
        let (unit, size) = (10_u128.pow(digits), value.unsigned_abs());
        let (whole, behind) = ((size / unit).to_string(), size % unit);
        let (group, point) = match self {
            Self::En => (',', '.'),
            Self::Ru => (NO_BREAK, ','),
        };
        let mut out = String::with_capacity(whole.len() * 2 + 8);
        if value < 0 {
            out.push(MINUS);
        }
        for (place, digit) in whole.chars().enumerate() {
            if place > 0 && (whole.len() - place).is_multiple_of(3) {
                out.push(group);
            }
            out.push(digit);
        }
        if digits > 0 {
            out.push(point);
            out.push_str(&format!("{behind:0width$}", width = digits as usize));
        }
        out
    }

    /// A part of one in 10 to the power of `scale`, as percents: `12.5%` or `12,5 %`.
    pub fn percent(self, value: i128, scale: u32, digits: u32) -> String {
        let number = self.number(value.saturating_mul(100), scale, digits);
        match self {
            Self::En => format!("{number}%"),
            Self::Ru => format!("{number}{NO_BREAK}%"),
        }
    }

    /// A time span: `45 s`, `12 min`, `3.5 h`, `2.1 d`.
    pub fn span(self, seconds: i64) -> String {
        let [second, minute, hour, day] = match self {
            Self::En => ["s", "min", "h", "d"],
            Self::Ru => ["с", "мин", "ч", "д"],
        };
        let (value, digits, unit) = match seconds.unsigned_abs() {
            0..60 => (i128::from(seconds), 0, second),
            60..3_600 => (i128::from(seconds) * 10 / 60, 0, minute),
            3_600..86_400 => (i128::from(seconds) * 10 / 3_600, 1, hour),
            _ => (i128::from(seconds) * 10 / 86_400, 1, day),
        };
        let scale = u32::from(unit != second);
        format!("{}{NO_BREAK}{unit}", self.number(value, scale, digits))
    }

    /// The form of a noun that a count takes: one, few, many. English has the last for few as well.
    pub fn plural(self, count: u64, forms: [&'static str; 3]) -> &'static str {
        let [one, few, many] = forms;
        let (ones, tens) = (count % 10, count % 100);
        match self {
            Self::En if count == 1 => one,
            Self::Ru if ones == 1 && tens != 11 => one,
            Self::Ru if (2..=4).contains(&ones) && !(12..=14).contains(&tens) => few,
            _ => many,
        }
    }
}

/// Half away from zero; more digits than there are become zeros.
fn rounded(value: i128, scale: u32, digits: u32) -> i128 {
    if digits >= scale {
        return value.saturating_mul(10_i128.pow(digits - scale));
    }
    let unit = 10_i128.pow(scale - digits);
    (value + value.signum() * unit / 2) / unit
}

impl FromStr for Language {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|language| language.tag() == text).ok_or("is no language: known are en, ru")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{En, Ru};

    #[test]
    fn numbers_are_written_as_people_read_them() {
        for (value, scale, digits, en, ru) in [
            (0, 0, 0, "0", "0"),
            (12_345_678, 2, 2, "123,456.78", "123\u{a0}456,78"),
            (-1_234_500, 4, 1, "\u{2212}123.5", "\u{2212}123,5"),
            (1_995, 3, 2, "2.00", "2,00"),
            (-5, 1, 0, "\u{2212}1", "\u{2212}1"),
            (-4, 1, 0, "0", "0"),
            (1_000, 0, 1, "1,000.0", "1\u{a0}000,0"),
        ] {
            assert_eq!((En.number(value, scale, digits), Ru.number(value, scale, digits)), (en.into(), ru.into()));
        }
        assert_eq!((En.percent(1_256, 4, 1), Ru.percent(1_256, 4, 1)), ("12.6%".into(), "12,6\u{a0}%".into()));
    }

    #[test]
    fn spans_take_the_unit_that_fits() {
        let rows =
            [(0, "0\u{a0}s"), (59, "59\u{a0}s"), (90, "2\u{a0}min"), (5_400, "1.5\u{a0}h"), (181_440, "2.1\u{a0}d")];
        for (seconds, told) in rows {
            assert_eq!(En.span(seconds), told);
        }
        assert_eq!(Ru.span(5_400), "1,5\u{a0}ч");
    }

    #[test]
    fn plurals_are_those_of_the_language() {
        let leads = ["лид", "лида", "лидов"];
        let told = [0, 1, 2, 5, 11, 12, 21, 22, 25, 101, 111].map(|count| Ru.plural(count, leads));
        let [one, few, many] = leads;
        assert_eq!(told, [many, one, few, many, many, many, one, few, many, one, many]);
        assert_eq!([0, 1, 2].map(|count| En.plural(count, ["lead", "leads", "leads"])), ["leads", "lead", "leads"]);
    }
}
