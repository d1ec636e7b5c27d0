//! The original recipient that a relay may have noted with ORCPT (RFC 3461 section 4.2).
//!
//! A hint for one case: the relay before us has expanded a substitute into its mailbox already. The client could as
//! well have written to the substitute itself, so nothing is trusted that was not its to choose anyway.

use crate::address::Address;

/// The address in `ORCPT=rfc822;xtext` or `ORCPT=utf-8;…` among the arguments of RCPT.
pub fn original_recipient<'a>(arguments: impl IntoIterator<Item = &'a [u8]>) -> Option<Address> {
    arguments.into_iter().find_map(|argument| {
        let (name, value) = argument.split_at_checked(6)?;
        if !name.eq_ignore_ascii_case(b"ORCPT=") {
            return None;
        }
        let at = value.iter().position(|&byte| byte == b';')?;
        let (kind, address) = value.split_at_checked(at)?;
        let known = kind.eq_ignore_ascii_case(b"rfc822") || kind.eq_ignore_ascii_case(b"utf-8");
        known.then(|| Address::from_path(&xtext_decoded(address.get(1..)?)?))?
    })
}

/// An address as the value of ORCPT.
pub fn xtext(address: &str) -> String {
    let mut out = String::with_capacity(address.len());
    for byte in address.bytes() {
        match byte {
            b'+' | b'=' | 0..=0x20 | 0x7f.. => out.push_str(&format!("+{byte:02X}")),
            plain => out.push(char::from(plain)),
        }
    }
    out
}

fn xtext_decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'+' {
            let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
            out.push(u8::from_str_radix(hex, 16).ok()?);
            rest = tail.get(2..)?;
        } else {
            out.push(first);
            rest = tail;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn orcpt_is_read_from_any_place_and_case() {
        let rows: &[(&[&str], Option<&str>)] = &[
            (&["NOTIFY=NEVER", "ORCPT=rfc822;info+2Bm11@company.ru"], Some("info+m11@company.ru")),
            (&["orcpt=RFC822;INFO+2BM11@company.ru"], Some("info+m11@company.ru")),
            (&["ORCPT=x400;whatever"], None),
            (&["ORCPT=rfc822;info+2"], None),
            (&["ORCPT=rfc822;info+ZZm11@company.ru"], None),
            (&["ORCPT="], None),
            (&["ОRCPT"], None),
            (&[], None),
        ];
        for (arguments, expected) in rows {
            let got = original_recipient(arguments.iter().map(|text| text.as_bytes()));
            assert_eq!(got.as_ref().map(Address::as_str), *expected, "{arguments:?}");
        }
    }

    proptest! {
        #[test]
        fn xtext_goes_there_and_back(text in "[ -~а-я]{0,40}") {
            prop_assert_eq!(xtext_decoded(xtext(&text).as_bytes()), Some(text.into_bytes()));
        }

        #[test]
        fn no_argument_panics(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _unused = original_recipient([bytes.as_slice()]);
        }
    }
}
