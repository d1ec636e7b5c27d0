//! One milter session as Postfix leads it, without its socket.
//!
//! Given letters to send and the octets that the filter answered; gives back octets to be written, and how each message
//! ended. Packets wait in `out` until an answer is needed, just as they wait in Postfix's stream buffer.

use std::{rc::Rc, time::Instant};

use anyhow::{bail, ensure};

use super::{
    ended::{Ended, Verdict},
    letter::Letter,
    macros::Lists,
    message::Message,
    steps::{SKIP, Step},
    wire::{self, Answer},
};

/// One session.
#[derive(Debug)]
pub struct Session {
    message: Rc<Message>,
    lists: Lists,
    actions: u32,
    options: u32,
    /// To be written, from the first octet on.
    pub out: Vec<u8>,
    /// Whether `out` has to go now: an answer is awaited, or the connection ends.
    pub flush: bool,
    /// Where in `out` one write ends and another begins.
    pub cut: usize,
    /// An answer that is not whole yet.
    held: Vec<u8>,
    waiting: Waiting,
    pub letter: Letter,
    skipped: bool,
    inserts: u32,
    has_id: bool,
    /// When the end of the message was put into `out`.
    sent: Option<Instant>,
    /// Messages that were begun.
    pub begun: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Nothing,
    Negotiation,
    Answer(Step),
}

impl Session {
    /// A session whose offer waits to be written.
    pub fn new(message: Rc<Message>) -> Self {
        let mut out = Vec::with_capacity(16 * 1024);
        wire::offer(&mut out);
        Self {
            message,
            lists: Lists::default(),
            actions: 0,
            options: 0,
            out,
            flush: true,
            cut: 0,
            held: Vec::new(),
            waiting: Waiting::Negotiation,
            letter: Letter::default(),
            skipped: false,
            inserts: 0,
            has_id: false,
            sent: None,
            begun: 0,
        }
    }

    /// Whether a message may begin.
    pub fn is_free(&self) -> bool {
        self.waiting == Waiting::Nothing
    }

    /// Begins the message in `letter`.
    pub fn begin(&mut self) {
        if self.begun > 0 {
            wire::push(&mut self.out, wire::ABORT, |_| {});
        }
        self.begun += 1;
        (self.skipped, self.inserts, self.has_id, self.sent) = (false, 0, false, None);
        self.go(Step::Mail);
    }

    /// Ends the session the way smtpd does: an ABORT for the last message, one for the client that leaves, and QUIT.
    pub fn quit(&mut self) {
        if self.begun > 0 {
            wire::push(&mut self.out, wire::ABORT, |_| {});
        }
        wire::push(&mut self.out, wire::ABORT, |_| {});
        wire::push(&mut self.out, wire::QUIT, |_| {});
        self.flush = true;
    }

    /// Takes what the filter sent; gives back a message's end.
    pub fn receive(&mut self, octets: &[u8]) -> anyhow::Result<Option<Ended>> {
        if self.held.is_empty() {
            let (taken, ended) = self.take(octets)?;
            self.held.extend_from_slice(&octets[taken..]);
            return Ok(ended);
        }
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(octets);
        let (taken, ended) = self.take(&held)?;
        held.drain(..taken);
        self.held = held;
        Ok(ended)
    }

    fn take(&mut self, octets: &[u8]) -> anyhow::Result<(usize, Option<Ended>)> {
        let (mut at, mut ended) = (0, None);
        while let Some((answer, length)) = wire::first(&octets[at..])? {
            at += length;
            match self.waiting {
                Waiting::Nothing => bail!("answer {:?} that nobody waits for", char::from(answer.letter)),
                Waiting::Negotiation => self.agree(&answer)?,
                Waiting::Answer(step) => ended = self.answered(step, &answer)?.or(ended),
            }
        }
        Ok((at, ended))
    }

    fn agree(&mut self, answer: &Answer<'_>) -> anyhow::Result<()> {
        let agreement = answer.agreement()?;
        (self.actions, self.options) = (agreement.actions, agreement.options);
        for (stage, names) in agreement.lists {
            self.lists.replace(stage, &names);
        }
        self.go(Step::Connect);
        Ok(())
    }

    /// Sends from `step` on until an answer is needed, as it is at the end of a message, or the greeting is over.
    fn go(&mut self, mut step: Step) {
        loop {
            if self.send(step) {
                self.waiting = Waiting::Answer(step);
                self.flush = true;
                return;
            }
            // From here on another process of Postfix holds the connection: what was buffered is written apart.
            if step == Step::Data {
                self.cut = self.out.len();
            }
            match self.after(step) {
                Some(next) => step = next,
                None => {
                    self.waiting = Waiting::Nothing;
                    return;
                }
            }
        }
    }

    /// Appends a step; tells whether its answer is awaited.
    fn send(&mut self, step: Step) -> bool {
        let masked = self.options & step.mask() != 0;
        if masked && !step.macros_though_masked() || self.skipped {
            return false;
        }
        let letter = (!step.of_connection()).then_some(&self.letter);
        self.lists.push(&mut self.out, step, letter);
        if masked {
            return false;
        }
        let (message, letter, leading_space) = (&self.message, &self.letter, self.options & wire::LEADING_SPACE != 0);
        wire::push(&mut self.out, step.command(), |out| match step {
            Step::Connect => out.extend_from_slice(b"mail.client.example\x004\x9d\x81198.51.100.7\0"),
            Step::Helo => wire::texts(out, &[b"mail.client.example"]),
            Step::Mail => envelope(out, &letter.sender),
            Step::Recipient(number) => envelope(out, &letter.recipients[number]),
            Step::Field(number) => message.push_field(out, number, letter, leading_space),
            Step::Chunk(number) => message.push_chunk(out, number),
            Step::Data | Step::EndOfHeader | Step::EndOfMessage => {}
        });
        if step == Step::EndOfMessage {
            self.sent = Some(Instant::now());
        }
        self.options & step.waiver() == 0
    }

    /// The step behind this one; `None` at the end of the greeting and of a message.
    fn after(&mut self, step: Step) -> Option<Step> {
        let next = match step {
            Step::Connect => Step::Helo,
            Step::Mail => Step::Recipient(0),
            Step::Recipient(number) if number + 1 < self.letter.recipients.len() => Step::Recipient(number + 1),
            Step::Recipient(_) => Step::Data,
            Step::Field(number) if number + 1 < self.message.fields() => Step::Field(number + 1),
            Step::Data if self.message.fields() > 0 => Step::Field(0),
            Step::Data | Step::Field(_) => Step::EndOfHeader,
            Step::Chunk(number) if number + 1 < self.message.chunks() => Step::Chunk(number + 1),
            Step::EndOfHeader if self.message.chunks() > 0 => Step::Chunk(0),
            Step::EndOfHeader | Step::Chunk(_) => Step::EndOfMessage,
            Step::Helo | Step::EndOfMessage => return None,
        };
        // Skip holds for steps of one kind.
        self.skipped &= std::mem::discriminant(&next) == std::mem::discriminant(&step);
        Some(next)
    }

    fn answered(&mut self, step: Step, answer: &Answer<'_>) -> anyhow::Result<Option<Ended>> {
        let verdict = match answer.letter {
            b'p' => return Ok(None),
            b's' if step.may_skip() && self.options & SKIP != 0 => {
                self.skipped = true;
                Verdict::Continue
            }
            b'c' => Verdict::Continue,
            b'a' => Verdict::Accept,
            b'r' => Verdict::Reject,
            b't' => Verdict::Tempfail,
            b'd' => Verdict::Discard,
            b'y' => Verdict::ReplyCode,
            _ if step == Step::EndOfMessage => return self.edit(answer).map(|()| None),
            other => bail!("answer {:?} to step {step:?}", char::from(other)),
        };
        ensure!(answer.data.is_empty() || verdict == Verdict::ReplyCode, "malformed answer: data behind {verdict:?}");
        if verdict == Verdict::Continue
            && let Some(next) = self.after(step)
        {
            self.go(next);
            return Ok(None);
        }
        self.waiting = Waiting::Nothing;
        if step.of_connection() {
            ensure!(verdict == Verdict::Continue, "the filter wants no message of this connection: {verdict:?}");
            return Ok(None);
        }
        Ok(Some(Ended {
            verdict,
            tracked: self.letter.tracked,
            inserts: self.inserts,
            has_id: self.has_id,
            end_of_message: self.sent.map(|sent| sent.elapsed()),
        }))
    }

    fn edit(&mut self, answer: &Answer<'_>) -> anyhow::Result<()> {
        let letter = char::from(answer.letter);
        let Some(needed) = answer.needed_action() else { bail!("answer {letter:?} to the end of a message") };
        ensure!(self.actions & needed != 0, "edit {letter:?} was not negotiated");
        if let Some(name) = answer.new_field()? {
            self.inserts += 1;
            self.has_id |= name.eq_ignore_ascii_case("X-Lead-Id");
        }
        Ok(())
    }
}

/// An address as the client wrote it.
fn envelope(out: &mut Vec<u8>, address: &[u8]) {
    out.push(b'<');
    out.extend_from_slice(address);
    out.extend_from_slice(b">\0");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;
    use clap::Parser;

    /// A session whose filter chose these options, with its first message begun.
    fn begun(options: u32) -> Session {
        let three_fields = Options::parse_from(["load", "--socket", "unix:sock", "--header-fields", "3"]);
        let mut session = Session::new(Rc::new(Message::new(&three_fields)));
        session.letter.recipients = vec![b"info@company.example".to_vec()];
        let mut answer = Vec::new();
        wire::push(&mut answer, wire::NEGOTIATE, |out| {
            [wire::VERSION, 0x11, options].iter().for_each(|number| out.extend_from_slice(&number.to_be_bytes()));
        });
        assert!(session.receive(&answer).unwrap().is_none());
        session.out.clear();
        while !session.is_free() {
            assert!(session.receive(b"\0\0\0\x01c").unwrap().is_none());
        }
        session.out.clear();
        session.begin();
        session
    }

    /// The letters of the packets in `out`, without macros.
    fn commands(session: &mut Session) -> String {
        let (mut at, mut letters) = (0, String::new());
        while let Some((packet, length)) = wire::first(&session.out[at..]).unwrap() {
            at += length;
            if packet.letter != wire::MACROS {
                letters.push(char::from(packet.letter));
            }
        }
        session.out.clear();
        letters
    }

    #[test]
    fn without_options_every_step_is_answered() {
        let mut session = begun(0);
        let mut seen = commands(&mut session);
        while session.receive(b"\0\0\0\x01c").unwrap().is_none() {
            seen += &commands(&mut session);
        }
        assert_eq!(seen, "MRTLLLNBE");
    }

    #[test]
    fn waived_answers_are_not_waited_for_and_masked_steps_not_sent() {
        let mut session = begun(0x10 | 0x80 | 0x4000 | 0x8000 | 0x4_0000);
        assert_eq!(commands(&mut session), "MRT");
        assert!(session.receive(b"\0\0\0\x01c").unwrap().is_none());
        assert_eq!(commands(&mut session), "LLLNE");
        let fault = session.receive(b"\0\0\0\x0ai\0\0\0\0X-A\0b\0\0\0\0\x01c").unwrap_err();
        assert_eq!(fault.to_string(), "malformed answer: a text has no end");
    }

    #[test]
    fn inserted_fields_are_counted_and_accept_ends_a_message_early() {
        let mut session = begun(0x10 | 0x80 | 0x4000 | 0x8000 | 0x4_0000);
        session.receive(b"\0\0\0\x01c").unwrap();
        // An answer may come in pieces.
        assert!(session.receive(b"\0\0\0\x11i\0\0\0\0X-Lead-Id").unwrap().is_none());
        let ended = session.receive(b"\0b\0\0\0\0\x01c").unwrap().unwrap();
        assert_eq!((ended.verdict, ended.inserts, ended.has_id), (Verdict::Continue, 1, true));
        session.begin();
        assert_eq!(session.receive(b"\0\0\0\x01a").unwrap().unwrap().verdict, Verdict::Accept);
        assert!(session.receive(b"\0\0\0\x01c").is_err(), "nobody waits for an answer");
    }
}
