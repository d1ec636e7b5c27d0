//! What an HTTP answer means for a delivery.
//!
//! Given status, headers and the first bytes of a body, and the rules of a preset; gives back a verdict, one line that names the
//! fault, and text that is fit to be shown, without the sink's secret. Pure functions.

use std::time::{Duration, SystemTime};

use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};
use serde_json::{Map, Value as Json};

use super::{Verdict, context::with_answer, is_overloaded, mask::Mask};
use crate::{
    lead::bounded,
    preset::{AnswerRule, Request, RuleVerdict, TemplateError, Value},
};

/// A receiver may ask for a longer silence and gets this one.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// How a receiver of Standard Webhooks ends a delivery or all of them (proposal 291 of that specification).
const DELIVERY_CONTROL: &str = "webhook-delivery";

/// Characters of a body that are kept for a person to read.
const SHOWN: usize = 512;

/// Characters of a reason that a preset gives.
const WHY: usize = 300;

/// What an answer came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    pub verdict: Verdict,
    /// One line for people, perhaps in the receiver's words; `None` when delivered.
    pub error: Option<String>,
    /// The same in our own words.
    pub fault: Option<String>,
    /// Whether the event may have been stored all the same.
    pub doubt: bool,
}

impl Judged {
    /// Nothing went wrong.
    pub fn well(verdict: Verdict) -> Self {
        Self { verdict, error: None, fault: None, doubt: false }
    }

    /// Something did, in our own words.
    pub fn failed(verdict: Verdict, fault: String, doubt: bool) -> Self {
        Self { verdict, error: Some(fault.clone()), fault: Some(fault), doubt }
    }
}

/// What an answer means: the first rule that fits, else the status.
pub fn judge(
    request: &Request,
    known: &Map<String, Json>,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    mask: &Mask,
) -> Result<Judged, TemplateError> {
    let default = by_status(status, headers, SystemTime::now());
    if request.answers.is_empty() && request.success.is_none() {
        return Ok(default);
    }
    let context = with_answer(known, status.as_u16(), headers, &String::from_utf8_lossy(body));
    for rule in &request.answers {
        if fits(rule, status, &context)? {
            return by_rule(rule, &context, default, retry_after(headers, SystemTime::now()), mask);
        }
    }
    match &request.success {
        Some(success) if default.verdict == Verdict::Delivered && !success.holds(&context)? => {
            let error = format!("receiver answered {}, but not that it took the event", status.as_u16());
            Ok(Judged::failed(Verdict::Misconfigured, error, true))
        }
        _ => Ok(default),
    }
}

fn fits(rule: &AnswerRule, status: StatusCode, context: &Value) -> Result<bool, TemplateError> {
    if !rule.status.is_empty() && !rule.status.contains(&status.as_u16()) {
        return Ok(false);
    }
    rule.when.as_ref().map_or(Ok(true), |when| when.holds(context))
}

fn by_rule(
    rule: &AnswerRule,
    context: &Value,
    default: Judged,
    asked: Option<Duration>,
    mask: &Mask,
) -> Result<Judged, TemplateError> {
    let why = rule.why.as_ref().map(|why| why.text(context)).transpose()?.flatten();
    let why = why.and_then(|why| bounded(&mask.masked(why), WHY));
    let note = rule.note.as_ref().map(|note| note.text(context)).transpose()?.flatten();
    let verdict = match rule.verdict {
        RuleVerdict::Delivered => return Ok(Judged::well(Verdict::Delivered)),
        RuleVerdict::Skipped => {
            let reason = why.or(default.error).unwrap_or_else(|| "the receiver cannot use it".to_owned());
            return Ok(Judged::well(Verdict::Skipped { reason }));
        }
        RuleVerdict::Again => {
            let after = rule.after.max(asked).unwrap_or_default();
            let again = Verdict::Again { after, note: note.unwrap_or_default() };
            return Ok(Judged { error: why, doubt: rule.doubt.unwrap_or_default(), ..Judged::well(again) });
        }
        RuleVerdict::Retry => Verdict::Retry { floor: rule.after.max(asked) },
        RuleVerdict::Misconfigured => Verdict::Misconfigured,
        RuleVerdict::Refused => Verdict::Refused,
        RuleVerdict::Disabled => Verdict::Disabled,
    };
    let fault = default.fault.unwrap_or_else(|| "receiver did not take the event".to_owned());
    let failed = Judged::failed(verdict, fault, rule.doubt.unwrap_or(default.doubt));
    Ok(Judged { error: why.or_else(|| failed.error.clone()), ..failed })
}

/// What a status means. Only 2xx is success: a redirect is not followed, since that would turn the POST into a GET
/// without a body that answers 200.
pub fn by_status(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Judged {
    let code = status.as_u16();
    if status.is_success() {
        return Judged::well(Verdict::Delivered);
    }
    let control = headers.get(DELIVERY_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
    let verdict = match (control, code) {
        ("disable", _) | (_, 410) => Verdict::Disabled,
        ("abort-message", _) => Verdict::Refused,
        (_, code) if is_overloaded(code) => Verdict::Retry { floor: retry_after(headers, now) },
        (_, 408 | 425 | 500..=599) => Verdict::Retry { floor: None },
        _ => Verdict::Misconfigured,
    };
    Judged::failed(verdict, fault(code, control), matches!(code, 408 | 500..=599))
}

/// One line that names the fault.
fn fault(code: u16, control: &str) -> String {
    let remark = match (control, code) {
        ("disable", _) | (_, 410) => ": the receiver wants no more events",
        ("abort-message", _) => ": the receiver will never take this event",
        (_, 300..=399) => ", a redirect, which is not followed",
        (_, 401 | 403) => ": the receiver does not accept the signature or the call",
        (_, 404 | 405) => ": nothing takes events at this address",
        _ => "",
    };
    format!("receiver answered {code}{remark}")
}

/// The wait that an answer asks for.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    wait_asked_for(headers.get(RETRY_AFTER)?.to_str().ok()?, now)
}

/// Text of a stranger's body that is fit for a terminal, or `None` if there is nothing to read.
pub fn shown(body: &[u8], mask: &Mask) -> Option<String> {
    bounded(&mask.masked(String::from_utf8_lossy(body).into_owned()), SHOWN)
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
    use crate::preset::Preset;
    use proptest::prelude::*;
    use serde_json::json;

    const RETRY: Verdict = Verdict::Retry { floor: None };

    fn now() -> SystemTime {
        httpdate::parse_http_date("Sun, 22 Nov 2026 04:26:10 GMT").unwrap()
    }

    fn with(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    fn judged(status: u16, headers: &HeaderMap) -> Judged {
        by_status(StatusCode::from_u16(status).unwrap(), headers, now())
    }

    #[test]
    fn only_2xx_is_delivered() {
        let rows = [
            (200, Verdict::Delivered, false),
            (204, Verdict::Delivered, false),
            (299, Verdict::Delivered, false),
            (101, Verdict::Misconfigured, false),
            (301, Verdict::Misconfigured, false),
            (302, Verdict::Misconfigured, false),
            (304, Verdict::Misconfigured, false),
            (400, Verdict::Misconfigured, false),
            (401, Verdict::Misconfigured, false),
            (404, Verdict::Misconfigured, false),
            (413, Verdict::Misconfigured, false),
            (408, RETRY, true),
            (425, RETRY, false),
            (429, RETRY, false),
            (410, Verdict::Disabled, false),
            (500, RETRY, true),
            (503, RETRY, true),
            (599, RETRY, true),
            (600, Verdict::Misconfigured, false),
        ];
        for (status, verdict, doubt) in rows {
            let got = judged(status, &HeaderMap::new());
            assert_eq!((got.verdict, got.doubt), (verdict, doubt), "{status}");
        }
    }

    #[test]
    fn a_receiver_ends_one_delivery_or_all_of_them() {
        let rows = [
            (500, "disable", Verdict::Disabled),
            (400, "abort-message", Verdict::Refused),
            (410, "abort-message", Verdict::Disabled),
            (500, "something new", RETRY),
            (204, "disable", Verdict::Delivered),
        ];
        for (status, control, expected) in rows {
            assert_eq!(judged(status, &with("webhook-delivery", control)).verdict, expected, "{status} {control}");
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
            assert_eq!(judged(status, &with("retry-after", value)).verdict, expected, "{status} {value:?}");
        }
    }

    const RULES: &str = r#"
        title = "t"
        [request]
        success = "answer.result.id"
        [[request.answer]]
        status = [503]
        when = "answer.error == 'LIMIT'"
        verdict = "retry"
        doubt = false
        after = "10s"
        [[request.answer]]
        status = [400]
        when = "answer.field and not note"
        verdict = "again"
        after = "1s"
        note = "without {{ answer.field }}"
        why = "no field {{ answer.field }}"
        [[request.answer]]
        when = "answer.status == 'dup'"
        verdict = "delivered"
        [[request.answer]]
        status = [422]
        verdict = "skipped"
        why = "{{ text }}"
    "#;

    #[test]
    fn rules_of_a_preset_come_before_the_status() {
        let retry = |seconds| Verdict::Retry { floor: Some(Duration::from_secs(seconds)) };
        let again = Verdict::Again { after: Duration::from_secs(1), note: "without utm".to_owned() };
        let skipped = Verdict::Skipped { reason: "no such thing".to_owned() };
        let not_taken = "receiver answered 200, but not that it took the event";
        let rows = [
            (200, r#"{"result":{"id":7}}"#, Verdict::Delivered, None, false),
            (200, r#"{"result":{}}"#, Verdict::Misconfigured, Some(not_taken), true),
            (200, "<html>", Verdict::Misconfigured, Some(not_taken), true),
            (503, r#"{"error":"LIMIT"}"#, retry(10), Some("receiver answered 503"), false),
            (503, r#"{"error":"OTHER"}"#, RETRY, Some("receiver answered 503"), true),
            (400, r#"{"field":"utm"}"#, again, Some("no field utm"), false),
            (409, r#"{"status":"dup"}"#, Verdict::Delivered, None, false),
            (422, "no\nsuch thing", skipped, None, false),
        ];
        let preset = Preset::parse("mine", RULES).unwrap();
        for (status, body, verdict, error, doubt) in rows {
            let status = StatusCode::from_u16(status).unwrap();
            let request = preset.request.as_ref().unwrap();
            let mask = Mask::default();
            let got = judge(request, &Map::new(), status, &HeaderMap::new(), body.as_bytes(), &mask).unwrap();
            assert_eq!((got.verdict, got.error.as_deref(), got.doubt), (verdict, error, doubt), "{status} {body}");
            // A preset may quote the receiver; what is logged does not.
            assert!(got.fault.is_none_or(|fault| fault.starts_with("receiver answered ")), "{status} {body}");
        }
        let known = json!({ "note": "without utm" });
        let second = judge(
            preset.request.as_ref().unwrap(),
            known.as_object().unwrap(),
            StatusCode::BAD_REQUEST,
            &HeaderMap::new(),
            br#"{"field":"utm"}"#,
            &Mask::default(),
        );
        assert_eq!(second.unwrap().verdict, Verdict::Misconfigured);
    }

    #[test]
    fn a_shown_body_is_one_clean_line() {
        let shown = |body: &[u8]| shown(body, &Mask::default());
        assert_eq!(shown(b"no\x1b[31m such\r\nhook\xff").as_deref(), Some("no [31m such hook\u{fffd}"));
        assert_eq!(shown("ж".repeat(600).as_bytes()), Some("ж".repeat(512)));
        assert_eq!(shown(b""), None);
    }

    #[test]
    fn a_fault_is_named_with_its_status() {
        assert_eq!(fault(302, ""), "receiver answered 302, a redirect, which is not followed");
        assert_eq!(fault(500, ""), "receiver answered 500");
    }

    proptest! {
        #[test]
        fn no_retry_after_panics(value in any::<String>()) {
            let asked = wait_asked_for(&value, now());
            prop_assert!(asked.is_none_or(|wait| wait <= LONGEST_RETRY_AFTER));
        }
    }
}
