//! What an HTTP answer means for a delivery.
//!
//! Given status, `Retry-After` and the first bytes of a body; gives back a verdict, one line that names the fault, and
//! text that is fit to be shown. Pure functions.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;

use super::Verdict;
use crate::lead::bounded;

/// A receiver may ask for a longer silence and gets this one.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Characters of a body that are kept for a person to read.
const SHOWN: usize = 512;

/// What a status means. Only 2xx is success: a redirect is not followed, since that would turn the POST into a GET
/// without a body that answers 200.
pub fn verdict(status: StatusCode, retry_after: Option<&str>, now: SystemTime) -> Verdict {
    let floor = || retry_after.and_then(|value| wait_asked_for(value, now));
    match status.as_u16() {
        200..=299 => Verdict::Delivered,
        410 => Verdict::Refused,
        429 | 502 | 503 | 504 => Verdict::Retry { floor: floor() },
        408 | 425 | 500..=599 => Verdict::Retry { floor: None },
        _ => Verdict::Misconfigured,
    }
}

/// One line that names the fault.
pub fn fault(status: StatusCode) -> String {
    let remark = match status.as_u16() {
        300..=399 => ", a redirect, which is not followed",
        401 | 403 => ": the receiver does not accept the signature or the call",
        404 | 405 => ": nothing takes events at this address",
        410 => ": the receiver wants no more events",
        _ => "",
    };
    format!("receiver answered {}{remark}", status.as_u16())
}

/// Text of a stranger's body that is fit for a terminal, or `None` if there is nothing to read.
pub fn shown(body: &[u8]) -> Option<String> {
    bounded(&String::from_utf8_lossy(body), SHOWN)
}

/// `Retry-After` (RFC 9110 section 10.2.3): seconds or an HTTP date. Anything else asks for nothing.
fn wait_asked_for(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = value.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    until.duration_since(now).ok().map(|wait| wait.min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RETRY: Verdict = Verdict::Retry { floor: None };

    fn now() -> SystemTime {
        httpdate::parse_http_date("Sun, 22 Nov 2026 04:26:10 GMT").unwrap()
    }

    #[test]
    fn only_2xx_is_delivered() {
        let rows = [
            (200, Verdict::Delivered),
            (204, Verdict::Delivered),
            (299, Verdict::Delivered),
            (101, Verdict::Misconfigured),
            (301, Verdict::Misconfigured),
            (302, Verdict::Misconfigured),
            (304, Verdict::Misconfigured),
            (400, Verdict::Misconfigured),
            (401, Verdict::Misconfigured),
            (404, Verdict::Misconfigured),
            (413, Verdict::Misconfigured),
            (408, RETRY),
            (425, RETRY),
            (429, RETRY),
            (410, Verdict::Refused),
            (500, RETRY),
            (503, RETRY),
            (599, RETRY),
            (600, Verdict::Misconfigured),
        ];
        for (status, expected) in rows {
            assert_eq!(verdict(StatusCode::from_u16(status).unwrap(), None, now()), expected, "{status}");
        }
    }

    #[test]
    fn retry_after_is_a_floor_where_a_receiver_is_overloaded() {
        let rows = [
            (429, "7", Some(7)),
            (502, "7", Some(7)),
            (503, " 7 ", Some(7)),
            (504, "0", Some(0)),
            (503, "Sun, 22 Nov 2026 04:26:40 GMT", Some(30)),
            (503, "Sunday, 22-Nov-26 04:26:40 GMT", Some(30)),
            (503, "Sun, 22 Nov 2026 04:00:00 GMT", None),
            (503, "Mon, 22 Nov 2027 04:26:10 GMT", Some(86_400)),
            (429, "86401", Some(86_400)),
            (429, "99999999999999999999999999", Some(86_400)),
            (429, "-7", None),
            (429, "7.5", None),
            (429, "soon", None),
            (429, "", None),
            (500, "7", None),
            (408, "7", None),
        ];
        for (status, value, seconds) in rows {
            let expected = Verdict::Retry { floor: seconds.map(Duration::from_secs) };
            let got = verdict(StatusCode::from_u16(status).unwrap(), Some(value), now());
            assert_eq!(got, expected, "{status} {value:?}");
        }
    }

    #[test]
    fn a_shown_body_is_one_clean_line() {
        assert_eq!(shown(b"no\x1b[31m such\r\nhook\xff").as_deref(), Some("no [31m such hook\u{fffd}"));
        assert_eq!(shown("ж".repeat(600).as_bytes()), Some("ж".repeat(512)));
        assert_eq!(shown(b""), None);
    }

    #[test]
    fn a_fault_is_named_with_its_status() {
        assert_eq!(fault(StatusCode::FOUND), "receiver answered 302, a redirect, which is not followed");
        assert_eq!(fault(StatusCode::INTERNAL_SERVER_ERROR), "receiver answered 500");
    }

    proptest! {
        #[test]
        fn no_retry_after_panics(value in any::<String>()) {
            let asked = wait_asked_for(&value, now());
            prop_assert!(asked.is_none_or(|wait| wait <= LONGEST_RETRY_AFTER));
        }
    }
}
