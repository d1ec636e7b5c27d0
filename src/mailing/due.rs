//! When a report is sent, and of which days it tells.

use jiff::{
    ToSpan, Zoned,
    civil::{Date, Weekday},
    tz::TimeZone,
};

use crate::{
    clock::Millis,
    config::{Every, MailedReport},
    report::Period,
};

/// One sending of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Sending {
    /// When it is due. Where the clock is set forward over that time, just as long later; where it is set back, the first
    /// time.
    pub at: Zoned,
    /// The days it tells of.
    pub period: Period,
}

impl Sending {
    /// The days, for people.
    pub fn days(&self) -> String {
        days(self.period)
    }
}

/// `2026-11-22`, or `2026-11-16..2026-11-22`.
pub fn days(period: Period) -> String {
    if period.first == period.last { period.last.to_string() } else { period.to_string() }
}

/// The latest sending that is due. `None` at the ends of the calendar.
pub fn latest(report: &MailedReport, zone: &TimeZone, now: Millis) -> Option<Sending> {
    let now = now.timestamp().to_zoned(zone.clone());
    let mut day = begins(report.every, now.date())?;
    loop {
        let at = day.to_datetime(report.at).to_zoned(zone.clone()).ok()?;
        if at <= now {
            return Some(Sending { at, period: before(report.every, day)? });
        }
        day = begins(report.every, day.checked_sub(1.day()).ok()?)?;
    }
}

/// The day on which a report is sent, at or before this one.
fn begins(every: Every, day: Date) -> Option<Date> {
    match every {
        Every::Day => Some(day),
        Every::Week => day.checked_sub(i64::from(day.weekday().since(Weekday::Monday)).days()).ok(),
        Every::Month => Some(day.first_of_month()),
    }
}

/// The days before that day.
fn before(every: Every, day: Date) -> Option<Period> {
    let last = day.checked_sub(1.day()).ok()?;
    Some(Period { first: begins(every, last)?, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(every: Every, at: &str) -> MailedReport {
        MailedReport {
            id: "r".to_owned(),
            to: Vec::new(),
            from: "a@company.ru".parse().unwrap(),
            every,
            at: at.parse().unwrap(),
            preset: "channels".to_owned(),
            language: None,
            model: None,
        }
    }

    /// When it is due in UTC, and its days.
    fn due(every: Every, at: &str, zone: &str, now: &str) -> (String, String) {
        let now: jiff::Timestamp = now.parse().unwrap();
        let zone = TimeZone::get(zone).unwrap();
        let sending = latest(&report(every, at), &zone, Millis(now.as_millisecond())).unwrap();
        (sending.at.timestamp().to_string(), sending.days())
    }

    #[test]
    fn days_weeks_and_months_end_before_the_day_that_it_is_sent_on() {
        let rows = [
            (Every::Day, "2026-11-27T05:00:00Z", "2026-11-27T05:00:00Z", "2026-11-26"),
            (Every::Day, "2026-11-27T04:59:59Z", "2026-11-26T05:00:00Z", "2026-11-25"),
            (Every::Week, "2026-11-27T12:00:00Z", "2026-11-23T05:00:00Z", "2026-11-16..2026-11-22"),
            (Every::Week, "2026-11-23T04:00:00Z", "2026-11-16T05:00:00Z", "2026-11-09..2026-11-15"),
            (Every::Month, "2026-12-31T12:00:00Z", "2026-12-01T05:00:00Z", "2026-11-01..2026-11-30"),
            (Every::Month, "2027-01-01T04:00:00Z", "2026-12-01T05:00:00Z", "2026-11-01..2026-11-30"),
            (Every::Month, "2027-01-01T05:00:00Z", "2027-01-01T05:00:00Z", "2026-12-01..2026-12-31"),
        ];
        for (every, now, at, period) in rows {
            let expected = (at.to_owned(), period.to_owned());
            assert_eq!(due(every, "08:00", "Europe/Moscow", now), expected, "{every:?} {now}");
        }
    }

    #[test]
    fn a_time_that_the_clock_skips_or_has_twice_is_due_once() {
        // Berlin: 02:00 to 03:00 is not there on 2026-03-29, and twice on 2026-10-25.
        let rows = [
            ("2026-03-29T01:29:59Z", "2026-03-28T01:30:00Z"),
            ("2026-03-29T01:30:00Z", "2026-03-29T01:30:00Z"),
            ("2026-03-30T00:30:00Z", "2026-03-30T00:30:00Z"),
            ("2026-10-25T00:30:00Z", "2026-10-25T00:30:00Z"),
            ("2026-10-25T01:45:00Z", "2026-10-25T00:30:00Z"),
        ];
        for (now, at) in rows {
            assert_eq!(due(Every::Day, "02:30", "Europe/Berlin", now).0, at, "{now}");
        }
    }
}
