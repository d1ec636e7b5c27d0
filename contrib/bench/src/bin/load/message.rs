//! The message that is sent over and over: some fifteen header fields of a customer's inquiry, and a body of text.
//!
//! Made once; only From and Message-ID are put together for each letter. Values look as Postfix hands them on: without
//! the blank behind the colon, folded by newline and tab.

use super::{letter::Letter, options::Options, wire};

/// Postfix's largest body chunk.
const CHUNK: usize = 65_535;

/// The header and body of every message.
#[derive(Debug)]
pub struct Message {
    fields: Vec<Field>,
    body: Vec<u8>,
}

#[derive(Debug)]
struct Field {
    name: String,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Fixed(String),
    From,
    MessageId,
}

impl Message {
    pub fn new(options: &Options) -> Self {
        let mut fields = inquiry();
        while fields.len() < options.header_fields {
            let name = format!("X-Extra-{}", fields.len());
            fields.push(Field { name, value: Value::Fixed("a field beyond the usual ones".to_owned()) });
        }
        fields.truncate(options.header_fields);
        let octets: usize = fields.iter().map(Field::octets).sum();
        if let Some(missing) = options.header_octets.checked_sub(octets).filter(|&missing| missing > 0) {
            fields.push(Field { name: "X-Filler".to_owned(), value: Value::Fixed(folded("filler ", missing)) });
        }
        Self { fields, body: body(options.body_octets) }
    }

    pub fn fields(&self) -> usize {
        self.fields.len()
    }

    pub fn chunks(&self) -> usize {
        self.body.len().div_ceil(CHUNK)
    }

    /// Appends the data of a header field's packet.
    pub fn push_field(&self, out: &mut Vec<u8>, number: usize, letter: &Letter, leading_space: bool) {
        let Field { name, value } = &self.fields[number];
        wire::texts(out, &[name.as_bytes()]);
        if leading_space {
            out.push(b' ');
        }
        match value {
            Value::Fixed(text) => out.extend_from_slice(text.as_bytes()),
            Value::From => {
                out.extend_from_slice(b"\"Ivan Petrov\" <");
                out.extend_from_slice(&letter.sender);
                out.push(b'>');
            }
            Value::MessageId => {
                out.push(b'<');
                out.extend_from_slice(&letter.message_id);
                out.push(b'>');
            }
        }
        out.push(0);
    }

    /// Appends the data of a body chunk's packet.
    pub fn push_chunk(&self, out: &mut Vec<u8>, number: usize) {
        let from = number * CHUNK;
        out.extend_from_slice(&self.body[from..self.body.len().min(from + CHUNK)]);
    }
}

impl Field {
    fn octets(&self) -> usize {
        self.name.len()
            + match &self.value {
                Value::Fixed(text) => text.len(),
                Value::From | Value::MessageId => 40,
            }
    }
}

fn inquiry() -> Vec<Field> {
    let fixed = |name: &str, value: &str| Field { name: name.to_owned(), value: Value::Fixed(value.to_owned()) };
    let made = |name: &str, value| Field { name: name.to_owned(), value };
    vec![
        fixed("Authentication-Results", AUTHENTICATION),
        fixed("DKIM-Signature", &dkim_signature()),
        fixed("Received", FIRST_HOP),
        fixed("Received", SECOND_HOP),
        made("From", Value::From),
        fixed("To", "\"Company\" <info+c0a0@company.example>"),
        fixed("Subject", "=?UTF-8?B?0JfQsNC/0YDQvtGBOiDRhtC10L3QsCDQvdCwINC90LDRgdC+0YEg0JrQnC0xMDA=?="),
        fixed("Date", "Thu, 26 Nov 2026 17:05:11 +0300"),
        made("Message-ID", Value::MessageId),
        fixed("MIME-Version", "1.0"),
        fixed("Content-Type", "text/plain; charset=UTF-8; format=flowed"),
        fixed("Content-Transfer-Encoding", "8bit"),
        fixed("Content-Language", "ru"),
        fixed("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.4.0"),
        fixed("Organization", "Client Ltd, purchasing"),
    ]
}

const AUTHENTICATION: &str = "mx1.company.example;\n\tdkim=none (not checked in this benchmark) header.d=client.example;\n\t\
    spf=pass (sender's host is permitted) smtp.mailfrom=client.example";

const FIRST_HOP: &str = "from mail.client.example (mail.client.example [198.51.100.7])\n\tby relay.client.example \
    (Postfix) with ESMTPS id 4DXc1k2ZqYz1xyz\n\tfor <info+c0a0@company.example>; Thu, 26 Nov 2026 17:05:13 +0300 (MSK)";

const SECOND_HOP: &str = "from [10.8.0.17] (unknown [10.8.0.17])\n\tby mail.client.example (Postfix) with ESMTPSA id \
    1A2B3C4D5E6F;\n\tThu, 26 Nov 2026 17:05:12 +0300 (MSK)";

/// Some 600 octets: an RSA signature of 2,048 bits, well formed and false, over the hash of an empty body.
fn dkim_signature() -> String {
    let head = "v=1; a=rsa-sha256; c=relaxed/relaxed; d=client.example;\n\ts=mail2026; t=1795701911;\n\t\
        h=from:to:subject:date:message-id:mime-version:content-type:user-agent;\n\t\
        bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\n\tb=";
    let signature = "kL7wQm2R".repeat(43);
    let (lines, last) = (signature.as_bytes()[..272].chunks(68), &signature[272..341]);
    let lines: Vec<_> = lines.map(String::from_utf8_lossy).collect();
    format!("{head}{}\n\t{last}w==", lines.join("\n\t"))
}

/// Text of so many octets, folded as header fields are.
fn folded(word: &str, octets: usize) -> String {
    let mut text = String::with_capacity(octets);
    while text.len() < octets {
        text.push_str(if text.len() % 74 >= 66 { "\n\t" } else { word });
    }
    text.truncate(octets);
    text
}

fn body(octets: usize) -> Vec<u8> {
    let line = b"We need a pump for clean water, ten cubic metres an hour; please tell us price and time.\r\n";
    line.iter().copied().cycle().take(octets).collect()
}
