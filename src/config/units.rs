//! Readers of single values with a form of their own: durations, sizes, modes, choices, log level, time zone, charset.
//!
//! Given the text of a value; gives back what it means, or why it is refused and what to write. Knows no key.

use std::time::Duration;

use encoding_rs::Encoding;
use tracing::Level;

use super::{Side, SizeBound, fault::Wrong};
use crate::clock::{self, LONGEST};

/// `"20s"`, `"5m"`, `"12h"`, `"90d"`, and `"500ms"`.
pub(super) fn duration(text: &str) -> Result<Duration, Wrong> {
    let remedy = "write a whole number and ms, s, m, h or d, as in \"20s\"";
    clock::parse_duration(text).map_err(|is| Wrong::value(text, is, remedy))
}

/// A [`duration`] of at least `least` and at most `most`.
pub(super) fn duration_within(text: &str, least: Duration, most: Duration) -> Result<Duration, Wrong> {
    let duration = duration(text)?;
    if duration < least {
        return Err(Wrong::value(text, "is too short", format!("write at least \"{}\"", shown(least))));
    }
    if duration > most {
        return Err(Wrong::value(text, "is too long", format!("write at most \"{}\"", shown(most))));
    }
    Ok(duration)
}

/// Any duration but none.
pub(super) fn duration_above_zero(text: &str) -> Result<Duration, Wrong> {
    duration_within(text, Duration::from_millis(1), LONGEST)
}

/// `"forever"`, or a duration of a second or more.
pub(super) fn window(text: &str) -> Result<Option<Duration>, Wrong> {
    if text == "forever" {
        return Ok(None);
    }
    duration_within(text, Duration::from_secs(1), LONGEST).map(Some)
}

/// A duration in seconds, or in milliseconds if need be.
pub(super) fn shown(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis.is_multiple_of(1_000) { format!("{}s", millis / 1_000) } else { format!("{millis}ms") }
}

/// `">1MiB"` or `"<10KiB"`.
pub(super) fn size_bound(text: &str) -> Result<SizeBound, Wrong> {
    let wrong = |is| Wrong::value(text, is, "write > or <, a whole number, and B, KiB, MiB or GiB, as in \">1MiB\"");
    let (side, size) = match (text.strip_prefix('>'), text.strip_prefix('<')) {
        (Some(size), _) => (Side::Above, size),
        (_, Some(size)) => (Side::Below, size),
        _ => return Err(wrong("does not begin with > or <")),
    };
    let octets =
        octets(size).map_err(|too_large| wrong(if too_large { "is larger than any message" } else { "is no size" }))?;
    Ok(SizeBound { side, octets })
}

/// `"64KiB"`
pub(super) fn size(text: &str) -> Result<u64, Wrong> {
    octets(text)
        .map_err(|_| Wrong::value(text, "is no size", "write a whole number and B, KiB, MiB or GiB, as in \"64KiB\""))
}

/// An error says whether the number is too large.
fn octets(size: &str) -> Result<u64, bool> {
    let digits = size.len() - size.trim_start_matches(|char: char| char.is_ascii_digit()).len();
    let (number, unit) = size.split_at_checked(digits).ok_or(false)?;
    let unit: u64 = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(false),
    };
    if number.is_empty() {
        return Err(false);
    }
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or(true)
}

/// The mode of a socket: `"0660"`.
pub(super) fn mode(text: &str) -> Result<u32, Wrong> {
    let octal = (3..=4).contains(&text.len()) && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    let mode = if octal { u32::from_str_radix(text, 8).ok() } else { None };
    mode.filter(|mode| *mode <= 0o777).ok_or_else(|| Wrong::value(text, "is no octal mode", "write it as \"0660\""))
}

/// One of a few names.
pub(super) fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, Wrong> {
    let found = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let names: Vec<String> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        Wrong::value(text, "is not one of the choices", format!("write {}", names.join(" or ")))
    })
}

/// The level of the log.
pub(super) fn level(text: &str) -> Result<Level, Wrong> {
    if text == "trace" {
        let is = "would write whole messages, with all that people wrote, into the log";
        return Err(Wrong::value(text, is, "write \"debug\""));
    }
    choice(text, &[("error", Level::ERROR), ("warn", Level::WARN), ("info", Level::INFO), ("debug", Level::DEBUG)])
}

/// An IANA time zone that this host knows, in its usual spelling.
pub(super) fn zone(text: &str) -> Result<String, Wrong> {
    // The default has to hold on a host without a time zone database.
    if text == "UTC" {
        return Ok(text.to_owned());
    }
    let zone = jiff::tz::TimeZone::get(text).ok();
    zone.and_then(|zone| zone.iana_name().map(str::to_owned)).ok_or_else(|| {
        let remedy =
            "write a name of the IANA list, as \"Europe/Moscow\", and see that the tzdata package is installed";
        Wrong::value(text, "is no time zone of this host", remedy)
    })
}

/// A label of the WHATWG Encoding Standard.
pub(super) fn charset(text: &str) -> Result<String, Wrong> {
    // A mail header cannot be written in UTF-16.
    match Encoding::for_label_no_replacement(text.as_bytes()).filter(|encoding| encoding.is_ascii_compatible()) {
        Some(_) => Ok(text.to_owned()),
        None => Err(Wrong::value(text, "is no known charset", "write a name such as \"windows-1251\" or \"koi8-r\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        let rows: &[(&str, Option<u64>)] = &[
            ("500ms", Some(500)),
            ("0s", Some(0)),
            ("20s", Some(20_000)),
            ("5m", Some(300_000)),
            ("12h", Some(43_200_000)),
            ("90d", Some(7_776_000_000)),
            ("36500d", Some(3_153_600_000_000)),
            ("36501d", None),
            ("99999999999999999999s", None),
            ("18446744073709551615d", None),
            ("20", None),
            ("s", None),
            ("", None),
            ("-5s", None),
            ("1.5h", None),
            ("5 m", None),
            ("5M", None),
            ("5м", None),
            ("٣s", None),
        ];
        for (text, millis) in rows {
            assert_eq!(duration(text).ok(), millis.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn bounds_of_a_duration_are_part_of_it() {
        let (least, most) = (Duration::from_millis(1), Duration::from_secs(30));
        for (text, fits) in [("0s", false), ("1ms", true), ("30s", true), ("31s", false)] {
            assert_eq!(duration_within(text, least, most).is_ok(), fits, "{text}");
        }
        assert_eq!(duration_within("1m", least, most).unwrap_err().remedy, "write at most \"30s\"");
        assert_eq!(duration_above_zero("0h").unwrap_err().remedy, "write at least \"1ms\"");
        assert_eq!(window("forever"), Ok(None));
        assert_eq!(window("90d"), Ok(Some(Duration::from_secs(7_776_000))));
        assert!(window("999ms").is_err());
    }

    #[test]
    fn a_bound_of_size_is_a_sign_a_number_and_a_unit() {
        let rows = [
            (">1MiB", Some((Side::Above, 1_048_576))),
            ("<10KiB", Some((Side::Below, 10_240))),
            (">0B", Some((Side::Above, 0))),
            ("<2GiB", Some((Side::Below, 2_147_483_648))),
            ("1MiB", None),
            (">=1MiB", None),
            ("> 1MiB", None),
            (">MiB", None),
            (">1", None),
            (">1MB", None),
            (">1mib", None),
            (">1.5MiB", None),
            (">-1B", None),
            (">99999999999GiB", None),
            ("", None),
        ];
        for (text, expected) in rows {
            let expected = expected.map(|(side, octets)| SizeBound { side, octets });
            assert_eq!(size_bound(text).ok(), expected, "{text}");
        }
        let bound = size_bound(">1KiB").unwrap();
        assert_eq!([1023, 1024, 1025].map(|octets| bound.admits(octets)), [false, false, true]);
        let bound = size_bound("<1KiB").unwrap();
        assert_eq!([1023, 1024, 1025].map(|octets| bound.admits(octets)), [true, false, false]);
    }

    #[test]
    fn a_mode_is_three_or_four_octal_digits() {
        let rows = [
            ("0660", Some(0o660)),
            ("660", Some(0o660)),
            ("0777", Some(0o777)),
            ("1777", None),
            ("0999", None),
            ("66", None),
            ("+660", None),
            ("0o660", None),
        ];
        for (text, expected) in rows {
            assert_eq!(mode(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn zones_and_charsets_are_known_ones() {
        assert_eq!(zone("UTC").as_deref(), Ok("UTC"));
        assert_eq!(zone("europe/moscow").as_deref(), Ok("Europe/Moscow"));
        assert!(zone("Europe/Atlantis").is_err());
        assert!(zone("../etc/passwd").is_err());
        assert_eq!(charset("koi8-r").as_deref(), Ok("koi8-r"));
        assert!(charset("windows-1312").is_err());
        assert!(charset("replacement").is_err());
        assert!(charset("utf-16").is_err());
    }

    #[test]
    fn trace_is_refused_with_its_reason() {
        assert_eq!(level("debug"), Ok(Level::DEBUG));
        assert!(level("trace").unwrap_err().what.contains("whole messages"));
        assert_eq!(level("loud").unwrap_err().remedy, "write \"error\" or \"warn\" or \"info\" or \"debug\"");
    }
}
