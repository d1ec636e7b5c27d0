//! Filters of templates beside Jinja's own: times as numbers, hashes, cuts, and a look at what has to be a number.
//!
//! Each is given a value and gives back another; one that cannot makes the template fail, and nothing passes nothing on.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{Timestamp, tz::TimeZone};
use minijinja::{Environment, Error, ErrorKind, Value};
use sha2::{Digest, Sha256};

/// Adds them all.
pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_filter("unix", |time: Value| number(&time, |at| at.as_second()));
    environment.add_filter("unix_millis", |time: Value| number(&time, |at| at.as_millisecond()));
    environment.add_filter("unix_micros", |time: Value| number(&time, |at| at.as_microsecond()));
    environment.add_filter("strftime", strftime);
    environment.add_filter("sha256", |text: Value| on_text(&text, |text| hexadecimal(&Sha256::digest(text))));
    environment.add_filter("base64", |text: Value| on_text(&text, |text| STANDARD.encode(text)));
    environment.add_filter("cut", |text: Value, most: usize| on_text(&text, |text| text.chars().take(most).collect()));
    environment.add_filter("digits", digits);
    environment.add_filter("hex", hex);
}

fn number(time: &Value, of: impl Fn(Timestamp) -> i64) -> Result<Value, Error> {
    if time.is_undefined() || time.is_none() { Ok(Value::UNDEFINED) } else { timestamp(time).map(|at| of(at).into()) }
}

fn strftime(time: &Value, format: &str) -> Result<Value, Error> {
    if time.is_undefined() || time.is_none() {
        return Ok(Value::UNDEFINED);
    }
    let at = timestamp(time)?.to_zoned(TimeZone::UTC);
    let text = jiff::fmt::strtime::format(format, &at);
    text.map(Value::from).map_err(|_| Error::new(ErrorKind::InvalidOperation, "no format of a time"))
}

fn timestamp(time: &Value) -> Result<Timestamp, Error> {
    let parsed = time.as_str().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "no RFC 3339 time"))
}

fn on_text(value: &Value, of: impl Fn(&str) -> String) -> Value {
    match value.as_str() {
        Some(text) => of(text).into(),
        None if value.is_undefined() || value.is_none() => Value::UNDEFINED,
        None => of(&value.to_string()).into(),
    }
}

/// A number of up to 64 bits as it is, and nothing for any other text: an id that a browser sent is anything.
fn digits(value: &Value) -> Value {
    let text = on_text(value, str::to_owned);
    // A sign would be read, too.
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u64>().is_ok();
    if text.as_str().is_some_and(is_number) { text } else { Value::UNDEFINED }
}

/// The beginning of a text if it is so many hexadecimal digits, and nothing for any other.
fn hex(value: &Value, most: usize) -> Value {
    let text = on_text(value, |text| text.chars().take(most).collect());
    let is_hexadecimal = |text: &str| text.len() == most && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if text.as_str().is_some_and(is_hexadecimal) { text } else { Value::UNDEFINED }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::template::{self, Template};

    #[test]
    fn filters_give_what_the_manual_says() {
        let context = template::context(json!({ "time": "2026-11-22T04:26:10.344Z", "name": "Анна", "count": 7 }));
        let rows = [
            ("{{ time | unix }}", Some(json!(1_795_321_570))),
            ("{{ time | unix_millis }}", Some(json!(1_795_321_570_344_i64))),
            ("{{ time | unix_micros }}", Some(json!(1_795_321_570_344_000_i64))),
            ("{{ time | strftime('%Y-%m-%d %H:%M:%S') }}", Some(json!("2026-11-22 04:26:10"))),
            ("{{ nothing | unix }}", None),
            ("{{ nothing | strftime('%Y') }}", None),
            ("{{ nothing | sha256 }}", None),
            ("{{ 'abc' | sha256 }}", Some(json!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"))),
            ("{{ (name ~ ':') | base64 }}", Some(json!("0JDQvdC90LA6"))),
            ("{{ name | cut(2) }}", Some(json!("Ан"))),
            ("{{ count | cut(9) }}", Some(json!("7"))),
            ("{{ '12345678901234567890' | digits }}", Some(json!("12345678901234567890"))),
            ("{{ '18446744073709551616' | digits }}", None),
            ("{{ '+1' | digits }}", None),
            ("{{ count | digits }}", Some(json!("7"))),
            ("{{ '123456789012345678901' | digits }}", None),
            ("{{ '1a' | digits }}", None),
            ("{{ '١' | digits }}", None),
            ("{{ '' | digits }}", None),
            ("{{ nothing | digits }}", None),
            ("{{ 'c6F4.1' | hex(4) }}", Some(json!("c6F4"))),
            ("{{ 'c6F' | hex(4) }}", None),
            ("{{ 'c6Fж' | hex(4) }}", None),
            ("{{ nothing | hex(4) }}", None),
        ];
        for (template, expected) in rows {
            assert_eq!(Template::parse(template).unwrap().value(&context).unwrap(), expected, "{template}");
        }
        let failed = ["{{ name | unix }}", "{{ time | strftime('%') }}"];
        for template in failed {
            assert!(Template::parse(template).unwrap().value(&context).is_err(), "{template}");
        }
    }
}
