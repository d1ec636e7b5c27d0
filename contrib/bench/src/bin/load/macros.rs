//! Macros: which ones a stage sends, and what they are worth in a message.
//!
//! Postfix sends the lists of its main.cf, or those that the filter asked for; a macro without a value is left out, and a
//! list without values is still a packet. Header fields and the end of the header share one list, body and end of message another.

use super::{letter::Letter, steps::Step, wire};

/// The lists in force on one connection, by stage.
#[derive(Debug)]
pub struct Lists([Vec<Macro>; STAGES]);

const STAGES: usize = 7;

/// What Postfix 3.7 sends unasked, in the order of the protocol's numbers: connection, HELO, MAIL, RCPT, DATA, end of
/// message, end of header. Without TLS and authentication, what is not here has no value.
const DEFAULTS: [&str; STAGES] = [
    "j {daemon_name} {daemon_addr} v _",
    "",
    "i {mail_addr} {mail_host} {mail_mailer}",
    "i {rcpt_addr} {rcpt_host} {rcpt_mailer}",
    "i",
    "i",
    "i",
];

#[derive(Debug)]
struct Macro {
    /// As the filter spelled it: that is how it gets it back.
    name: Box<[u8]>,
    value: Value,
}

#[derive(Clone, Copy, Debug)]
enum Value {
    Fixed(&'static [u8]),
    QueueId,
    Sender,
    Recipient,
    RecipientHost,
}

impl Default for Lists {
    fn default() -> Self {
        Self(DEFAULTS.map(list))
    }
}

impl Lists {
    /// Puts the filter's own list in the place of a stage's; a stage that we do not know is passed over.
    pub fn replace(&mut self, stage: u32, names: &str) {
        if let Some(slot) = self.0.get_mut(stage as usize) {
            *slot = list(names);
        }
    }

    /// Appends the macros of a step; `letter` is `None` before the first message.
    pub fn push(&self, out: &mut Vec<u8>, step: Step, letter: Option<&Letter>) {
        wire::push(out, wire::MACROS, |out| {
            out.push(step.command());
            for Macro { name, value } in &self.0[stage(step)] {
                if let Some(value) = value.of(step, letter) {
                    wire::texts(out, &[name, value]);
                }
            }
        });
    }
}

fn stage(step: Step) -> usize {
    match step {
        Step::Connect => 0,
        Step::Helo => 1,
        Step::Mail => 2,
        Step::Recipient(_) => 3,
        Step::Data => 4,
        Step::Chunk(_) | Step::EndOfMessage => 5,
        Step::Field(_) | Step::EndOfHeader => 6,
    }
}

fn list(names: &str) -> Vec<Macro> {
    let with_value = |name: &str| Some(Macro { name: name.as_bytes().into(), value: value(name)? });
    names.split_ascii_whitespace().filter_map(with_value).collect()
}

fn value(name: &str) -> Option<Value> {
    let bare = name.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(name);
    Some(match bare {
        "i" => Value::QueueId,
        "mail_addr" => Value::Sender,
        "rcpt_addr" => Value::Recipient,
        "rcpt_host" => Value::RecipientHost,
        "j" | "daemon_name" => Value::Fixed(b"mx1.company.example"),
        "daemon_addr" => Value::Fixed(b"192.0.2.25"),
        "daemon_port" => Value::Fixed(b"25"),
        "v" => Value::Fixed(b"Postfix 3.7.11"),
        "_" => Value::Fixed(b"mail.client.example [198.51.100.7]"),
        "client_addr" => Value::Fixed(b"198.51.100.7"),
        "client_name" | "client_ptr" => Value::Fixed(b"mail.client.example"),
        "client_port" => Value::Fixed(b"40321"),
        "client_connections" => Value::Fixed(b"1"),
        "mail_host" => Value::Fixed(b"client.example"),
        "mail_mailer" => Value::Fixed(b"smtp"),
        "rcpt_mailer" => Value::Fixed(b"virtual"),
        _ => return None,
    })
}

impl Value {
    fn of(self, step: Step, letter: Option<&Letter>) -> Option<&[u8]> {
        if let Self::Fixed(text) = self {
            return Some(text);
        }
        let letter = letter?;
        let recipient = match step {
            Step::Recipient(number) => letter.recipients.get(number),
            _ => None,
        };
        match self {
            Self::Fixed(text) => Some(text),
            // The queue file is opened with the first recipient that is accepted.
            Self::QueueId if matches!(step, Step::Mail | Step::Recipient(0)) => None,
            Self::QueueId => Some(&letter.queue_id),
            Self::Sender => Some(&letter.sender),
            Self::Recipient => recipient.map(Vec::as_slice),
            Self::RecipientHost => recipient?.rsplit(|&octet| octet == b'@').next(),
        }
    }
}
