//! The text of a file: UTF-8, else UTF-16 if it says so, else windows-1251, which Excel writes in Russia.

use std::borrow::Cow;

use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1251};

use super::super::Unreadable;

/// Decodes a file, without its byte order mark.
pub(super) fn decode(octets: &[u8]) -> Result<Cow<'_, str>, Unreadable> {
    if octets.starts_with(b"PK\x03\x04") {
        return Err(Unreadable::new("is a workbook, not a table of text: save it as CSV"));
    }
    let text = match octets {
        [0xff, 0xfe, rest @ ..] => UTF_16LE.decode_without_bom_handling(rest).0,
        [0xfe, 0xff, rest @ ..] => UTF_16BE.decode_without_bom_handling(rest).0,
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => match std::str::from_utf8(rest) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => WINDOWS_1251.decode_without_bom_handling(rest).0,
        },
    };
    if text.contains('\0') {
        return Err(Unreadable::new("is no text: write CSV or JSON in UTF-8"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_in_the_charset_that_it_has() {
        let utf_16 = |text: &str, big: bool| -> Vec<u8> {
            let units = ["\u{feff}", text].concat();
            let octets = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
            units.encode_utf16().flat_map(octets).collect()
        };
        for octets in [
            "Расход;€".as_bytes().to_vec(),
            "\u{feff}Расход;€".as_bytes().to_vec(),
            WINDOWS_1251.encode("Расход;€").0.into_owned(),
            utf_16("Расход;€", false),
            utf_16("Расход;€", true),
        ] {
            assert_eq!(decode(&octets).unwrap(), "Расход;€");
        }
        for (octets, told) in [
            (&b"PK\x03\x04rest"[..], "is a workbook, not a table of text: save it as CSV"),
            (b"\x7fELF\0", "is no text: write CSV or JSON in UTF-8"),
        ] {
            assert_eq!(decode(octets).unwrap_err().to_string(), told);
        }
    }
}
