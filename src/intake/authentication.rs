//! Authentication-Results (RFC 8601): what the company's own servers found out about the sender.
//!
//! Only headers of configured servers are believed; anyone can write one under another name. A server adds its header
//! on top, so the first one that tells of a method decides, whatever a forger put below it. Where a method has several
//! results there, as DKIM with several signatures, one that passed is enough.

use std::{borrow::Cow, collections::BTreeMap};

use super::headers::{AUTHENTICATION, HeaderBlock};

/// Methods that are told.
const METHODS: [&str; 3] = ["spf", "dkim", "dmarc"];

/// Results by method; `None` where no server of ours checked.
pub fn results(headers: &HeaderBlock, authserv_ids: &[String]) -> Option<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for value in headers.values(AUTHENTICATION) {
        let text = without_comments(String::from_utf8_lossy(value));
        let mut parts = text.split(';');
        let server = parts.next().unwrap_or_default().split_whitespace().next().unwrap_or_default();
        if !authserv_ids.iter().any(|known| known.eq_ignore_ascii_case(server)) {
            continue;
        }
        let mut told = [None; METHODS.len()];
        for (method, result) in parts.filter_map(method_result) {
            if let Some(told) = told.get_mut(method)
                && (told.is_none() || result.eq_ignore_ascii_case("pass"))
            {
                *told = Some(result);
            }
        }
        for (method, result) in METHODS.iter().zip(told) {
            if let Some(result) = result.filter(|_| !found.contains_key(*method)) {
                found.insert((*method).to_owned(), result.to_ascii_lowercase());
            }
        }
    }
    (!found.is_empty()).then_some(found)
}

/// `dkim=pass header.d=client.example` as the place of the method and the result.
fn method_result(part: &str) -> Option<(usize, &str)> {
    let (method, rest) = part.split_once('=')?;
    // A version may follow the method: `spf/1`.
    let method = method.split('/').next()?.trim();
    let method = METHODS.iter().position(|known| known.eq_ignore_ascii_case(method))?;
    let result = rest.split_whitespace().next()?;
    let is_word = result.len() <= 32 && result.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_word.then_some((method, result))
}

/// Comments may nest and hold anything, a semicolon too; quoted strings may hold a parenthesis.
fn without_comments(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains('(') {
        return text;
    }
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let outside = text.chars().filter(|char| {
        let was_escaped = std::mem::take(&mut escaped);
        match char {
            _ if was_escaped => {}
            '\\' => escaped = true,
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth > 0 => {
                depth -= 1;
                return false;
            }
            _ => {}
        }
        depth == 0
    });
    Cow::Owned(outside.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::headers::Names;
    use proptest::prelude::*;

    fn found(values: &[&str]) -> Option<Vec<(String, String)>> {
        let mut headers = HeaderBlock::new(Names::new(std::iter::empty()));
        for value in values {
            headers.add("X-Lead-", b"Authentication-Results", value.as_bytes());
        }
        results(&headers, &["mx1.company.ru".to_owned()]).map(|found| found.into_iter().collect())
    }

    #[test]
    fn results_of_our_own_server_are_read() {
        type Row<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)]);
        let rows: &[Row<'_>] = &[
            (
                &[
                    "mx1.company.ru; dkim=pass (2048-bit key; unprotected) header.d=client.example;\n\tspf=softfail smtp.mailfrom=a@b; dmarc=PASS (p=NONE)",
                ],
                &[("dkim", "pass"), ("dmarc", "pass"), ("spf", "softfail")],
            ),
            (&["MX1.company.ru 1; spf/1=none"], &[("spf", "none")]),
            (&["mx1.company.ru; dkim=fail; dkim=pass; dkim=neutral"], &[("dkim", "pass")]),
            (&["mx1.company.ru; spf=fail", "mx1.company.ru; dmarc=fail"], &[("dmarc", "fail"), ("spf", "fail")]),
            (
                &["mx1.company.ru; dmarc=fail", "mx1.company.ru; dmarc=pass; spf=pass"],
                &[("dmarc", "fail"), ("spf", "pass")],
            ),
            (&["mx1.company.ru; none"], &[]),
            (&["evil.example; dmarc=pass"], &[]),
            (&["mx1.company.ru.evil.example; dmarc=pass"], &[]),
            (&["evil.example; x=\"mx1.company.ru; dmarc=pass\""], &[]),
            (&["mx1.company.ru; iprev=pass; auth=pass; (dmarc=pass)"], &[]),
            (&["", ";", "mx1.company.ru; dmarc=", "mx1.company.ru; =pass"], &[]),
        ];
        for (values, expected) in rows {
            let expected: Vec<_> = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            assert_eq!(found(values).unwrap_or_default(), expected, "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn no_value_panics(value in "\\PC{0,200}") {
            let _unused = found(&[&format!("mx1.company.ru; {value}")]);
        }
    }
}
