//! Values on their way out: encoding, folding, signing, and what a terminal is shown of them.

#![no_main]

use leadmilter::{
    attribution::{Field, Seal, field_body, sign, verify},
    lead::{bounded, limit},
    secret::Secret,
    text::is_deceptive,
};
use leadmilter_fuzz::{check_body, check_field};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&first, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let name_len = usize::from(first % 66);
    check_body(name_len, &field_body(name_len, &text));
    if let Some(clean) = bounded(&text, limit::TEXT) {
        assert!(clean.chars().count() <= limit::TEXT);
        assert!(!clean.chars().any(|char| char.is_control() || is_deceptive(char)));
        check_body(name_len, &field_body(name_len, &clean));
    }
    // Fields as they would be if every value came from a stranger, signed, and then as a relay may refold them.
    let mut fields: Vec<Field> = text
        .split('\n')
        .take(20)
        .zip(["X-Lead-Id", "X-Lead-Channel", "X-Lead-UTM-Campaign", "X-Lead-Tags"].into_iter().cycle())
        .map(|(value, name)| Field { name: name.to_owned(), body: field_body(name.len(), value) })
        .collect();
    let key = Secret::new(vec![first; 32]);
    let seal = Seal { prefix: "X-Lead-", message_id: Some(&text) };
    let signature = sign(&key, seal, &fields);
    check_field(&signature);
    fields.push(signature);
    let holds =
        |fields: &[Field]| verify(&key, seal, fields.iter().map(|field| (field.name.as_str(), field.body.as_str())));
    assert!(holds(&fields));
    let refolded: Vec<Field> = fields
        .iter()
        .map(|field| Field { name: field.name.to_lowercase(), body: field.body.replace(' ', "\n\t") })
        .collect();
    assert!(holds(&refolded));
    // And the input as a stranger's own claim of a signature.
    let claimed = |value: &str| verify(&key, seal, [("X-Lead-Signature", value)].into_iter());
    assert!(!claimed(&text) && !claimed(&format!("v1={text}")));
});
