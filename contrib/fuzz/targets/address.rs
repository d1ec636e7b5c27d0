//! Addresses as envelopes, ORCPT arguments and command lines spell them.

#![no_main]

use std::sync::OnceLock;

use leadmilter::{
    address::{Address, without_brackets, without_route},
    intake::Intake,
    lead::limit,
    resolve::{original_recipient, xtext},
    text::is_deceptive,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    check(Address::from_path(data));
    assert!(without_route(without_brackets(data)).len() <= data.len());
    check(original_recipient(data.split(|&byte| byte == b' ')));
    let hinted = [b"ORCPT=rfc822;".as_slice(), data].concat();
    check(original_recipient([hinted.as_slice()]));
    if let Ok(text) = std::str::from_utf8(data) {
        check(Address::parse(text));
        static COMPANY: OnceLock<Intake> = OnceLock::new();
        let intake = COMPANY.get_or_init(|| Intake::new(leadmilter_fuzz::company(leadmilter_fuzz::folder().path())));
        let explanation = intake.table.explain(text);
        assert_eq!(explanation.channel.is_some(), explanation.resolution == "channel");
    }
});

fn check(address: Option<Address>) {
    let Some(address) = address else { return };
    let text = address.as_str();
    assert!(text.len() <= limit::ADDRESS);
    assert!(
        !text.chars().any(|char| char.is_control() || is_deceptive(char) || matches!(char, '\u{2028}' | '\u{2029}'))
    );
    assert!(!address.local().is_empty() && !address.domain().is_empty());
    assert!(address.domain().bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && byte != b'@'));
    assert_eq!(format!("{}@{}", address.local(), address.domain()), text);
    // The hint that a rewrite leaves for the next hop leads back to the same address, unless quotes are needed.
    if !address.local().contains(['"', '\\', '@', ' ', '<', '>']) && !text.starts_with('@') {
        let hint = format!("ORCPT=utf-8;{}", xtext(text));
        assert_eq!(original_recipient([hint.as_bytes()]).as_ref(), Some(&address), "{text:?}");
    }
}
