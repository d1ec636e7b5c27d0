//! Periods of a report, in whole days of its time zone, and what they are compared with.

use std::{fmt, str::FromStr};

use jiff::{
    ToSpan,
    civil::{Date, Weekday},
};
use serde::{Serialize, Serializer};

/// Days from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub first: Date,
    /// The last day.
    pub last: Date,
}

impl Period {
    /// Reads `today`, `yesterday`, `week`, `month`, `year` (each until today), `last-week`, `last-month`, `last-year`, `30d` (so
    /// many days until today), `all`, `2026-11`, `2026-11-26`, or `2026-11-01..2026-11-26`.
    pub fn parse(text: &str, today: Date) -> Result<Self, String> {
        let until_today = |first: Option<Date>| first.map(|first| Self { first, last: today });
        let before = |days: i64| today.checked_sub(days.days()).ok();
        let monday = || before(i64::from(today.weekday().to_monday_zero_offset()));
        let period = match text {
            "today" => until_today(Some(today)),
            "yesterday" => before(1).map(|day| Self { first: day, last: day }),
            "week" => until_today(monday()),
            "month" => until_today(Some(today.first_of_month())),
            "year" => until_today(Some(today.first_of_year())),
            "last-week" => monday().and_then(|monday| {
                Some(Self { first: monday.checked_sub(7.days()).ok()?, last: monday.checked_sub(1.day()).ok()? })
            }),
            "last-month" => today.first_of_month().checked_sub(1.day()).ok().map(Self::month_of),
            "last-year" => {
                today.first_of_year().checked_sub(1.day()).ok().map(|last| Self { first: last.first_of_year(), last })
            }
            "all" => until_today(Some(Date::constant(1990, 1, 1))),
            _ => Self::last_days(text, today).or_else(|| Self::dates(text)),
        };
        period.filter(|period| period.first <= period.last && period.first.year() >= 1990 && period.last.year() <= 2200).ok_or_else(|| {
            format!("{text:?} is no period: write today, yesterday, week, month, year, last-week, last-month, last-year, 30d, \
                     all, 2026-11, 2026-11-26 or 2026-11-01..2026-11-26")
        })
    }

    fn last_days(text: &str, today: Date) -> Option<Self> {
        let days = text.strip_suffix('d')?.parse::<u32>().ok().filter(|days| (1..=36_600).contains(days))?;
        Some(Self { first: today.checked_sub((i64::from(days) - 1).days()).ok()?, last: today })
    }

    fn dates(text: &str) -> Option<Self> {
        if let Some((first, last)) = text.split_once("..") {
            return Some(Self { first: Date::from_str(first).ok()?, last: Date::from_str(last).ok()? });
        }
        if text.len() == "2026-11".len() {
            return Some(Self::month_of(Date::from_str(&format!("{text}-01")).ok()?));
        }
        Date::from_str(text).ok().map(|day| Self { first: day, last: day })
    }

    fn month_of(day: Date) -> Self {
        Self { first: day.first_of_month(), last: day.last_of_month() }
    }

    /// How many days it has.
    pub fn days(self) -> u32 {
        let days = self.first.until(self.last).map_or(0, |span| span.get_days());
        u32::try_from(days).unwrap_or(0) + 1
    }

    /// Whether the day is one of it.
    pub fn contains(self, day: Date) -> bool {
        (self.first..=self.last).contains(&day)
    }

    /// What it is compared with.
    pub fn before(self, compare: Compare) -> Option<Self> {
        match compare {
            Compare::Previous => {
                let days = i64::from(self.days()).days();
                Some(Self { first: self.first.checked_sub(days).ok()?, last: self.last.checked_sub(days).ok()? })
            }
            Compare::Year => Some(Self {
                first: self.first.checked_sub(1.year()).ok()?,
                last: self.last.checked_sub(1.year()).ok()?,
            }),
        }
    }
}

/// `2026-11-01..2026-11-26`, which [`Period::parse`] reads.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.first, self.last)
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a period is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// As many days just before it.
    Previous,
    /// The same days a year before.
    Year,
}

impl FromStr for Compare {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "previous" => Ok(Self::Previous),
            "year" => Ok(Self::Year),
            _ => Err(format!("{text:?} is nothing to compare with: known are previous, year")),
        }
    }
}

/// Days since 1970, as costs and rows of a report count them.
pub fn day_number(day: Date) -> i32 {
    Date::constant(1970, 1, 1).until(day).map_or(0, |span| span.get_days())
}

/// The day of that number.
pub fn day_of(number: i32) -> Date {
    Date::constant(1970, 1, 1).saturating_add(i64::from(number).days())
}

/// The Monday of a day's week.
pub fn monday_of(number: i32) -> i32 {
    // 1970-01-01 was a Thursday.
    number - (number + 3).rem_euclid(7)
}

/// The day of the week, 1 for Monday to 7 for Sunday.
pub fn weekday_of(number: i32) -> i32 {
    (number + i32::from(Weekday::Thursday.to_monday_zero_offset())).rem_euclid(7) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = Date::constant(2026, 11, 26);

    #[test]
    fn periods_are_whole_days() {
        for (text, days) in [
            ("today", "2026-11-26..2026-11-26"),
            ("yesterday", "2026-11-25..2026-11-25"),
            ("30d", "2026-10-28..2026-11-26"),
            ("week", "2026-11-23..2026-11-26"),
            ("month", "2026-11-01..2026-11-26"),
            ("year", "2026-01-01..2026-11-26"),
            ("last-week", "2026-11-16..2026-11-22"),
            ("last-month", "2026-10-01..2026-10-31"),
            ("last-year", "2025-01-01..2025-12-31"),
            ("all", "1990-01-01..2026-11-26"),
            ("2024-02", "2024-02-01..2024-02-29"),
            ("2026-11-05", "2026-11-05..2026-11-05"),
            ("2026-01-05..2026-02-01", "2026-01-05..2026-02-01"),
        ] {
            assert_eq!(Period::parse(text, TODAY).map(|period| period.to_string()), Ok(days.to_owned()), "{text}");
        }
        for wrong in [
            "",
            "0d",
            "d",
            "-1d",
            "99999d",
            "2026-13",
            "2026-02-30",
            "2026-02-01..2026-01-01",
            "1989-01",
            "..",
            "9999-12",
        ] {
            assert!(Period::parse(wrong, TODAY).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_period_is_compared_with_as_many_days_or_the_same_ones() {
        let period = Period::parse("2024-02", TODAY).unwrap();
        let before = |compare| period.before(compare).unwrap().to_string();
        assert_eq!((period.days(), before(Compare::Previous)), (29, "2024-01-03..2024-01-31".into()));
        assert_eq!(before(Compare::Year), "2023-02-01..2023-02-28");
    }

    #[test]
    fn days_are_numbered_and_weeks_begin_on_monday() {
        let number = day_number(TODAY);
        assert_eq!((number, day_of(number)), (20_783, TODAY));
        assert_eq!((weekday_of(number), day_of(monday_of(number)).to_string()), (4, "2026-11-23".into()));
        assert_eq!((weekday_of(-1), monday_of(-1), weekday_of(-3), monday_of(-4)), (3, -3, 1, -10));
    }
}
