//! Time as the product writes it: milliseconds since 1970 in the store, RFC 3339 in events.
//!
//! Wall time decides windows and schedules; latencies are measured with `std::time::Instant` where they occur. Durations are
//! written as `20s` wherever a person writes one.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jiff::{SignedDuration, Timestamp, civil, tz::Offset};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A longer duration is a slip, and sums with it would overflow the clock.
pub const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

/// `20s`, `5m`, `12h`, `90d` and `500ms`; an error says what the text is.
pub fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    let digits = text.len() - text.trim_start_matches(|char: char| char.is_ascii_digit()).len();
    let (number, unit) = text.split_at_checked(digits).ok_or("is no duration")?;
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err("is no duration"),
    };
    if number.is_empty() {
        return Err("is no duration");
    }
    // Only digits stand here, so that a number that does not parse is one that is too large.
    let duration = number.parse::<u64>().ok().and_then(|number| number.checked_mul(millis)).map(Duration::from_millis);
    duration.filter(|duration| *duration <= LONGEST).ok_or("is longer than 100 years")
}

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub i64);

impl Millis {
    /// The system's wall clock.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// From whole seconds since 1970.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Whole seconds since 1970, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Later by `duration`, saturating.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Earlier by `duration`, saturating.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// From `self` until `later`; zero if that is past.
    pub fn until(self, later: Self) -> Duration {
        Duration::from_millis(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }

    /// As jiff's timestamp, clamped to what it can hold.
    pub fn timestamp(self) -> Timestamp {
        let clamped = self.0.clamp(Timestamp::MIN.as_millisecond(), Timestamp::MAX.as_millisecond());
        Timestamp::from_millisecond(clamped).unwrap_or_default()
    }
}

/// RFC 3339 of a year from 0 to 9999: every event holds several, and the general form costs as much as a parser.
struct Written([u8; 24]);

impl Written {
    fn of(millis: Millis) -> Option<Self> {
        let at = Offset::UTC.to_datetime(millis.timestamp());
        let (year, millisecond) = (u32::try_from(at.year()).ok()?, u32::try_from(at.millisecond()).ok()?);
        let [month, day, hour, minute, second] =
            [at.month(), at.day(), at.hour(), at.minute(), at.second()].map(|part| u32::from(part.unsigned_abs()));
        let mut text = *b"0000-00-00T00:00:00.000Z";
        for (range, mut value) in [
            (0..4, year),
            (5..7, month),
            (8..10, day),
            (11..13, hour),
            (14..16, minute),
            (17..19, second),
            (20..23, millisecond),
        ] {
            for digit in text.get_mut(range)?.iter_mut().rev() {
                *digit += u8::try_from(value % 10).ok()?;
                value /= 10;
            }
        }
        Some(Self(text))
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Written::of(*self) {
            Some(written) => f.write_str(written.as_str()),
            None => write!(f, "{:.3}", self.timestamp()),
        }
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Written::of(*self) {
            Some(written) => serializer.serialize_str(written.as_str()),
            None => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let stamp: Timestamp = text.parse().map_err(de::Error::custom)?;
        Ok(Self(stamp.as_millisecond()))
    }
}

const EPOCH: civil::Date = civil::date(1970, 1, 1);

/// A day of the calendar, counted from 1970-01-01. Which moments it holds is up to a time zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// The day of a date.
    pub fn of(date: civil::Date) -> Self {
        let days = date.duration_since(EPOCH).as_hours().div_euclid(24);
        Self(i32::try_from(days).unwrap_or_default())
    }

    /// Its date; the calendar's first or last where it has none.
    pub fn date(self) -> civil::Date {
        EPOCH.saturating_add(SignedDuration::from_hours(24 * i64::from(self.0)))
    }
}

/// `2026-11-22`
impl FromStr for Day {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let date = text.parse().ok().filter(|_| is_plain);
        date.map(Self::of).ok_or("is no day: write 2026-11-22")
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date().fmt(f)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_day_is_counted_from_1970() {
        for (text, day) in [("1970-01-01", 0), ("1969-12-31", -1), ("2026-11-22", 20_779), ("9999-12-31", 2_932_896)] {
            assert_eq!((text.parse(), Day(day).to_string()), (Ok(Day(day)), text.to_owned()));
        }
        for wrong in ["", "20261122", "2026-02-30", "2026-11-22T00:00", "22.11.2026", "-2026-1-22"] {
            assert!(wrong.parse::<Day>().is_err(), "{wrong}");
        }
        assert_eq!(
            (Day(i32::MAX).to_string(), Day(i32::MIN).to_string()),
            ("9999-12-31".into(), "-009999-01-01".into())
        );
    }

    #[test]
    fn prints_rfc3339_with_milliseconds() {
        assert_eq!(Millis(1_795_321_570_344).to_string(), "2026-11-22T04:26:10.344Z");
        assert_eq!(Millis(0).to_string(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn reads_back_what_it_prints() {
        let json = serde_json::to_string(&Millis(1_795_321_570_344)).unwrap();
        assert_eq!(serde_json::from_str::<Millis>(&json).unwrap(), Millis(1_795_321_570_344));
    }

    proptest! {
        #[test]
        fn every_time_reads_as_the_calendar_says(
            millis in prop_oneof![any::<i64>(), -70_000_000_000_000i64..260_000_000_000_000, -2_000i64..2_000],
        ) {
            let expected = format!("{:.3}", Millis(millis).timestamp());
            prop_assert_eq!(Millis(millis).to_string(), expected.as_str());
            prop_assert_eq!(serde_json::to_string(&Millis(millis)).unwrap(), format!("\"{expected}\""));
        }
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Millis(i64::MAX).plus(Duration::from_secs(1)), Millis(i64::MAX));
        assert_eq!(Millis(i64::MIN).minus(Duration::from_secs(1)), Millis(i64::MIN));
        assert_eq!(Millis(5).until(Millis(3)), Duration::ZERO);
        assert_eq!(Millis(-1).seconds(), -1);
    }
}
