//! Header fields to insert, handed through the library as one packet instead of a dozen.
//!
//! The library takes each edit from one task to another and back, which costs more than making the edit. [`pack`] makes
//! one field out of many; [`unpack`], at the connection, makes the packets of it that the MTA gets. The name of such a
//! field is one that no header field can have, so nothing else is ever taken for one.

use std::ffi::{CStr, CString};

use super::wire;
use crate::attribution::Field;

/// Stands in the name's place.
pub const NAME: &CStr = c"\x01";

/// Ends each name and each body within a bundle.
const END: u8 = 1;

/// Puts fields into the value of one; `None` where a field holds an octet that would be misread.
pub fn pack(fields: &[Field]) -> Option<CString> {
    let octets: usize = fields.iter().map(|field| field.name.len() + field.body.len() + 2).sum();
    let mut out = Vec::with_capacity(octets + 1);
    for text in fields.iter().flat_map(|field| [&field.name, &field.body]) {
        if text.bytes().any(|octet| octet == END) {
            return None;
        }
        out.extend_from_slice(text.as_bytes());
        out.push(END);
    }
    CString::new(out).ok()
}

/// Whether an insertion, given its payload, is a bundle.
pub fn is_bundle(payload: &[u8]) -> bool {
    fields_in(payload).is_some()
}

/// Appends a packet for each field of a bundle; they stand on top of the header, in their order.
pub fn unpack(payload: &[u8], out: &mut Vec<u8>) {
    let mut parts = fields_in(payload).unwrap_or_default().split(|&octet| octet == END);
    let mut index = 0_u32;
    while let (Some(name), Some(body)) = (parts.next(), parts.next()) {
        wire::push(out, wire::INSERT, &[&index.to_be_bytes(), name, b"\0", body, b"\0"]);
        index += 1;
    }
}

/// Behind the index of an insertion stand name and value.
fn fields_in(payload: &[u8]) -> Option<&[u8]> {
    let value = payload.get(4..)?.strip_prefix(NAME.to_bytes_with_nul())?;
    value.strip_suffix(b"\0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn field((name, body): &(String, String)) -> Field {
        Field { name: name.clone(), body: body.clone() }
    }

    /// The payload that the library makes of a call.
    fn payload(index: u32, name: &CStr, value: &CStr) -> Vec<u8> {
        [&index.to_be_bytes(), name.to_bytes_with_nul(), value.to_bytes_with_nul()].concat()
    }

    #[test]
    fn a_bundle_becomes_the_packets_that_single_calls_would_make() {
        let fields = [("X-Lead-Id", "1"), ("X-Lead-Tags", "a,\n b")].map(|(name, body)| (name.into(), body.into()));
        let packed = pack(&fields.each_ref().map(field)).unwrap();
        let mut out = b"before".to_vec();
        unpack(&payload(0, NAME, &packed), &mut out);
        let expected = b"before\0\0\0\x11i\0\0\0\0X-Lead-Id\x001\0\0\0\0\x17i\0\0\0\x01X-Lead-Tags\0a,\n b\0";
        assert_eq!(out.escape_ascii().to_string(), expected.escape_ascii().to_string());
    }

    #[test]
    fn an_ordinary_field_is_no_bundle() {
        for (name, value) in [(c"X-Lead-Id", c"\x01"), (c"\x01X", c"a"), (c"", c"\x01")] {
            assert!(!is_bundle(&payload(0, name, value)), "{name:?}");
        }
        assert!(!is_bundle(b"\0\0\0\0\x01"));
        assert!(is_bundle(&payload(0, NAME, c"")));
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_out(fields in proptest::collection::vec(("[ -~]{1,9}", "[\x01-\x03 -~\n]{0,12}"), 0..6)) {
            let Some(packed) = pack(&fields.iter().map(field).collect::<Vec<_>>()) else {
                prop_assert!(fields.iter().any(|(_, body)| body.contains('\x01')));
                return Ok(());
            };
            let mut out = Vec::new();
            unpack(&payload(0, NAME, &packed), &mut out);
            let mut expected = Vec::new();
            for (index, (name, body)) in (0_u32..).zip(&fields) {
                let [name, body] = [name, body].map(|text| CString::new(text.as_str()).unwrap());
                wire::push(&mut expected, wire::INSERT, &[&payload(index, &name, &body)]);
            }
            prop_assert_eq!(out, expected);
        }
    }
}
