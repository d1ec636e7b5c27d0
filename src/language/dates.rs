//! Days and moments as people read them, in their zone.

use jiff::{civil::Date, tz::TimeZone};

use super::{Language, NO_BREAK};
use crate::clock::Millis;

const ENGLISH: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// In the genitive, as behind the number of a day.
const RUSSIAN: [&str; 12] =
    ["янв.", "февр.", "марта", "апр.", "мая", "июня", "июля", "авг.", "сент.", "окт.", "нояб.", "дек."];

impl Language {
    /// `26 Nov 2026`, `26 нояб. 2026`.
    pub fn day(self, day: Date) -> String {
        let months = match self {
            Self::En => ENGLISH,
            Self::Ru => RUSSIAN,
        };
        let month = usize::try_from(day.month()).ok().and_then(|month| months.get(month.checked_sub(1)?));
        format!("{}{NO_BREAK}{}{NO_BREAK}{}", day.day(), month.copied().unwrap_or_default(), day.year())
    }

    /// `26 Nov 2026, 23:45`.
    pub fn moment(self, at: Millis, zone: &TimeZone) -> String {
        let local = at.timestamp().to_zoned(zone.clone());
        format!("{}, {:02}:{:02}", self.day(local.date()), local.hour(), local.minute())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_zone() {
        let zone = TimeZone::get("Asia/Vladivostok").unwrap();
        let at = Millis(1_795_736_700_000);
        let told = |language: Language, zone: &TimeZone| language.moment(at, zone).replace(NO_BREAK, " ");
        assert_eq!(told(Language::En, &TimeZone::UTC), "26 Nov 2026, 23:45");
        assert_eq!(told(Language::Ru, &zone), "27 нояб. 2026, 09:45");
        assert_eq!(Language::Ru.day(jiff::civil::date(2027, 3, 1)), "1\u{a0}марта\u{a0}2027");
    }
}
