//! CloudEvents 1.0 over HTTP: which form an event goes out in.
//!
//! Given the event's bytes; gives back body and headers. In structured mode the bytes go out as they are; in binary mode the
//! attributes become `ce-` headers and `data` is the body (HTTP Protocol Binding, sections 3.1 and 3.2).

use std::borrow::Cow;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value as Json;

use crate::config::Format;

/// Body and headers of an event.
pub fn formed(event: &str, format: Format) -> (Cow<'_, str>, HeaderMap) {
    let mut headers = HeaderMap::new();
    let content_type = match format {
        Format::CloudEvents => "application/cloudevents+json",
        Format::Json | Format::CloudEventsBinary => "application/json",
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let attributes = match (format, serde_json::from_str(event)) {
        (Format::CloudEventsBinary, Ok(Json::Object(attributes))) => attributes,
        _ => return (Cow::Borrowed(event), headers),
    };
    let mut body = String::new();
    for (name, value) in attributes {
        match (name.as_str(), value) {
            ("data", data) => body = data.to_string(),
            // It is what Content-Type says.
            ("datacontenttype", _) => {}
            (name, Json::String(text)) => {
                let name = HeaderName::from_bytes(format!("ce-{name}").as_bytes());
                if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&encoded(&text))) {
                    headers.insert(name, value);
                }
            }
            _ => {}
        }
    }
    (Cow::Owned(body), headers)
}

/// Percent-encoded as section 3.1.3.2 asks: blanks, quotes, percent signs, and what is not printable ASCII.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'"' && byte != b'%' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"specversion":"1.0","id":"a","source":"//mx1/leadmilter","type":"lead.received","subject":"инфо \"5%\"","datacontenttype":"application/json","data":{"z":1,"a":["ж"]}}"#;

    #[test]
    fn binary_mode_moves_the_attributes_into_headers() {
        let (body, headers) = formed(EVENT, Format::CloudEventsBinary);
        assert_eq!(body, r#"{"z":1,"a":["ж"]}"#);
        let mut got: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        got.sort_unstable();
        let expected = [
            ("ce-id", "a"),
            ("ce-source", "//mx1/leadmilter"),
            ("ce-specversion", "1.0"),
            ("ce-subject", "%D0%B8%D0%BD%D1%84%D0%BE%20%225%25%22"),
            ("ce-type", "lead.received"),
            ("content-type", "application/json"),
        ];
        assert_eq!(got, expected);
    }

    #[test]
    fn the_other_forms_send_the_bytes_as_they_are() {
        for (format, content_type) in
            [(Format::Json, "application/json"), (Format::CloudEvents, "application/cloudevents+json")]
        {
            let (body, headers) = formed(EVENT, format);
            assert_eq!(
                (body.as_ref(), headers.len(), &headers[CONTENT_TYPE]),
                (EVENT, 1, &content_type.parse().unwrap())
            );
        }
    }
}
