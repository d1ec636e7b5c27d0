//! Days and hours of a time zone, fast enough for every lead of a year.
//!
//! The zone's changes of offset within a report's days are looked up once; a time is then placed between two of them.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::period::{Period, day_number};
use crate::clock::Millis;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Milliseconds of an hour.
const HOUR: i64 = 3_600_000;

/// A period of days in a zone.
pub struct Days {
    /// The first moment of the first day.
    pub from: Millis,
    /// The first moment after the last day.
    pub until: Millis,
    /// From when on which offset holds, both in milliseconds; the earliest first.
    offsets: Vec<(i64, i64)>,
}

/// When something was, in the zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Local {
    /// The day, counted from 1970.
    pub day: i32,
    /// The hour of the day.
    pub hour: u8,
}

impl Days {
    /// The days of a period.
    pub fn new(period: Period, zone: &TimeZone) -> Self {
        let start = |day: Date| day.to_zoned(zone.clone()).map_or(Timestamp::MIN, |start| start.timestamp());
        let from = start(period.first);
        let until = period.last.tomorrow().map_or(Timestamp::MAX, start);
        let offset = |at: Timestamp| i64::from(zone.to_offset(at).seconds()) * 1000;
        let mut offsets = vec![(i64::MIN, offset(from))];
        let changes = zone.following(from).take_while(|change| change.timestamp() < until);
        offsets.extend(changes.map(|change| (change.timestamp().as_millisecond(), offset(change.timestamp()))));
        Self { from: Millis(from.as_millisecond()), until: Millis(until.as_millisecond()), offsets }
    }

    /// Day and hour of a time within the period.
    pub fn local(&self, at: i64) -> Local {
        // A year has two changes: the last ones are looked at first, as they are in most periods.
        let found = self.offsets.iter().rev().find(|(since, _)| *since <= at);
        let local = at + found.map_or(0, |(_, offset)| *offset);
        Local {
            day: i32::try_from(local.div_euclid(DAY)).unwrap_or_default(),
            hour: u8::try_from(local.rem_euclid(DAY) / HOUR).unwrap_or_default(),
        }
    }
}

/// The day of a time in a zone.
pub fn day_in(zone: &TimeZone, at: Millis) -> Date {
    at.timestamp().to_zoned(zone.clone()).date()
}

/// Whether today is one of the days.
pub fn has_today(period: Period, today: Date) -> bool {
    (day_number(period.first)..=day_number(period.last)).contains(&day_number(today))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every ten minutes of a year of changes, as jiff itself tells them.
    #[test]
    fn every_moment_has_its_day_and_hour() {
        let period = Period { first: Date::constant(2026, 1, 1), last: Date::constant(2026, 12, 31) };
        for name in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"] {
            let zone = TimeZone::get(name).unwrap();
            let days = Days::new(period, &zone);
            let mut at = days.from.0;
            while at < days.until.0 {
                let exact = Millis(at).timestamp().to_zoned(zone.clone());
                let expected = Local { day: day_number(exact.date()), hour: exact.hour().unsigned_abs() };
                assert_eq!(days.local(at), expected, "{name} {exact}");
                at += 600_000;
            }
            assert_eq!(day_in(&zone, Millis(days.until.0 - 1)), period.last);
            assert_eq!(day_in(&zone, days.from), period.first);
        }
    }

    #[test]
    fn a_day_that_begins_at_one_is_a_day() {
        let zone = TimeZone::get("America/Santiago").unwrap();
        let day = Date::constant(2026, 9, 6);
        let days = Days::new(Period { first: day, last: day }, &zone);
        assert_eq!((days.until.0 - days.from.0, days.local(days.from.0).hour), (23 * HOUR, 1));
    }
}
