//! How long a sink is waited for, and how often it is tried.

use std::time::Duration;

use super::{Findings, Key, Wrong, defaults, file, units};

/// Waits of one retry schedule.
const RETRIES: usize = 32;

/// Time for the connection, and for the whole call.
pub(super) fn timeouts(given: &file::Sink, key: &Key<'_>, findings: &mut Findings) -> (Duration, Duration) {
    let connect_key = key.name("connect_timeout");
    let read = units::duration_above_zero;
    let connect = findings.read(&connect_key, given.connect_timeout.as_ref(), read);
    let whole = findings.read(&key.name("timeout"), given.timeout.as_ref(), read);
    // A whole call shorter than the default for connecting is no contradiction: nobody wrote that default.
    let timeout = whole.unwrap_or(defaults::TIMEOUT);
    let connect_timeout = connect.unwrap_or(defaults::CONNECT_TIMEOUT.min(timeout));
    if let (Some(text), Some(_)) = (&given.connect_timeout, connect)
        && connect_timeout > timeout
    {
        let what = format!("is longer than timeout, which is \"{}\" for the whole call", units::shown(timeout));
        let wrong = Wrong::value(text.get_ref(), &what, "make it shorter than timeout, or timeout longer");
        findings.fault(&connect_key, Some(&text.span()), wrong);
    }
    (connect_timeout, timeout)
}

/// Waits between attempts.
pub(super) fn retry(given: Option<&file::List>, key: &Key<'_>, findings: &mut Findings) -> Vec<Duration> {
    let Some(list) = given else { return defaults::retry() };
    let count = list.get_ref().len();
    if count > RETRIES {
        let what = format!("there are {count} waits");
        findings.fault(key, Some(&list.span()), Wrong::new(what, format!("write at most {RETRIES}")));
    }
    let waits = list.get_ref().iter().enumerate();
    waits.filter_map(|(index, text)| findings.read(&key.item(index), Some(text), units::duration)).collect()
}
