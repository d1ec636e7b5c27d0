//! QR codes of addresses, as SVG for print and pages: a telephone that reads one opens a letter to the address.

use qrcodegen::{QrCode, QrCodeEcc};

/// Modules of white around the code (ISO/IEC 18004).
const QUIET: i32 = 4;

/// One path of squares, so that every program draws them without seams; `None` for an address that is too long.
pub fn qr(address: &str) -> Option<String> {
    let code = QrCode::encode_text(&mailto(address), QrCodeEcc::Medium).ok()?;
    let size = code.size();
    let mut path = String::new();
    for y in 0..size {
        for x in (0..size).filter(|x| code.get_module(*x, y)) {
            path.push_str(&format!("M{},{}h1v1h-1z", x + QUIET, y + QUIET));
        }
    }
    let side = size + 2 * QUIET;
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" role=\"img\" \
         shape-rendering=\"crispEdges\"><title>{}</title><rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/>\
         <path d=\"{path}\"/></svg>",
        escaped(address),
    ))
}

/// The URL of a letter (RFC 6068): some programs take a plus sign for a blank.
fn mailto(address: &str) -> String {
    let mut url = "mailto:".to_owned();
    for byte in address.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => url.push(char::from(byte)),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_the_url_of_a_letter() {
        assert_eq!(mailto("info+9gdkczyba0@company.ru"), "mailto:info%2B9gdkczyba0@company.ru");
        assert_eq!(mailto("инфо@company.ru"), "mailto:%D0%B8%D0%BD%D1%84%D0%BE@company.ru");
    }

    #[test]
    fn a_code_has_its_quiet_zone_and_its_name() {
        let svg = qr("a&b@company.ru").unwrap();
        assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 33 33\""), "{svg}");
        assert!(svg.contains("<title>a&amp;b@company.ru</title>") && svg.contains("<path d=\"M4,4h1v1h-1z"), "{svg}");
    }
}
