//! Leaves out packets of an MTA that nobody reads, before the library handles each of them.
//!
//! Given octets as they come from the socket, split anywhere; gives back the same without header fields that the intake
//! does not want (where the MTA awaits no answer to a header field), without macros that tell nothing new, and without
//! the ABORT that follows a message that is done with. The library and the session behave as if all had come: a packet
//! goes only if it is whole, well-formed and short, and what is in doubt passes.

use std::sync::Arc;

use arc_swap::ArcSwap;
use indymilter::ProtoOpts;

use super::{macros::Macros, wire};
use crate::intake::Intake;

/// Octets of the longest packet that may be left out, and so of what is held back until the rest of it has come.
pub const LONGEST: usize = 4096;

/// What has come in on one connection, as far as the next octets depend on it.
#[derive(Debug)]
pub struct Screen {
    /// The config in force now.
    current: Arc<ArcSwap<Intake>>,
    /// The one in force when the MTA connected.
    intake: Arc<Intake>,
    /// Whether header fields may be left out.
    fields: bool,
    macros: Macros,
    /// Whether a message may have begun that is not done with.
    under_way: bool,
    stopped: bool,
    /// Octets that still belong to a packet that passes.
    passing: usize,
    /// The beginning of a packet that is not decided yet.
    held: Vec<u8>,
}

/// What becomes of the packet that some octets begin with.
enum Verdict {
    /// More of it is needed.
    Wait,
    /// It passes, with this many octets.
    Pass(usize),
    /// It is left out.
    Drop(usize),
}

impl Screen {
    /// For a new connection.
    pub fn new(current: Arc<ArcSwap<Intake>>) -> Self {
        let intake = current.load_full();
        let macros = Macros::default();
        Self { current, intake, fields: false, macros, under_way: false, stopped: false, passing: 0, held: Vec::new() }
    }

    /// Options that were agreed. If the config was reloaded since the MTA connected, it is not known which one the
    /// session took: then every header field passes.
    pub fn agreed(&mut self, options: ProtoOpts) {
        let same = Arc::ptr_eq(&self.intake, &self.current.load());
        self.fields = same && options.contains(ProtoOpts::NOREPLY_HEADER);
    }

    /// A message was accepted before its end.
    pub fn accepted(&mut self) {
        self.under_way = false;
    }

    /// What goes before the next octets.
    pub fn held(&self) -> &[u8] {
        &self.held
    }

    /// From now on everything passes.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// Whether everything passes.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Takes at most `room` octets of what was held, once everything passes.
    pub fn release(&mut self, room: usize) -> Vec<u8> {
        let behind = self.held.split_off(room.min(self.held.len()));
        std::mem::replace(&mut self.held, behind)
    }

    /// Moves what passes to the beginning of `octets` and tells how much that is. They begin with what was held.
    pub fn sift(&mut self, octets: &mut [u8]) -> usize {
        self.held.clear();
        let (mut at, mut kept) = (0, 0);
        while let Some(rest) = octets.get(at..).filter(|rest| !rest.is_empty()) {
            let passes = if self.passing > 0 {
                self.passing
            } else {
                match self.judge(rest) {
                    Verdict::Pass(length) => length,
                    Verdict::Drop(length) => {
                        at += length;
                        continue;
                    }
                    Verdict::Wait => {
                        self.held.extend_from_slice(rest);
                        break;
                    }
                }
            };
            let here = passes.min(rest.len());
            self.passing = passes - here;
            octets.copy_within(at..at + here, kept);
            at += here;
            kept += here;
        }
        if self.held.is_empty() {
            // An idle connection keeps no buffer.
            self.held = Vec::new();
        }
        kept
    }

    fn judge(&mut self, octets: &[u8]) -> Verdict {
        let Some(head) = wire::head(octets) else { return Verdict::Wait };
        if head.command == wire::ABORT && !self.under_way && head.length == wire::HEAD {
            return Verdict::Drop(head.length);
        }
        if head.command != wire::MACROS {
            self.under_way = !matches!(head.command, wire::ABORT | wire::END);
        }
        let is_candidate = head.command == wire::MACROS || (head.command == wire::HEADER && self.fields);
        if !is_candidate || head.length > LONGEST {
            self.macros.passed(head.command, None);
            return Verdict::Pass(head.length);
        }
        let Some(payload) = octets.get(wire::HEAD..head.length) else { return Verdict::Wait };
        let is_read = if head.command == wire::HEADER {
            wire::header_name(payload).is_none_or(|name| self.intake.wants_field(name))
        } else {
            self.macros.tell_anything_new(payload)
        };
        if !is_read {
            return Verdict::Drop(head.length);
        }
        self.macros.passed(head.command, Some(payload));
        Verdict::Pass(head.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use proptest::{collection::vec, prelude::*};
    use std::sync::LazyLock;

    fn intake() -> Arc<ArcSwap<Intake>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "hostname = \"mx1.company.ru\"\n").unwrap();
        Arc::new(ArcSwap::from_pointee(Intake::new(config::load(&path).unwrap().config)))
    }

    fn screen() -> Screen {
        static INTAKE: LazyLock<Arc<ArcSwap<Intake>>> = LazyLock::new(intake);
        let mut screen = Screen::new(Arc::clone(&INTAKE));
        screen.agreed(ProtoOpts::NOREPLY_HEADER);
        screen
    }

    fn packet(command: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        wire::push(&mut out, command, &[payload]);
        out
    }

    /// What passes if octets come in these pieces, as the stream does it.
    fn sifted<'a>(screen: &mut Screen, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in pieces {
            let mut octets = [screen.held(), piece].concat();
            let kept = screen.sift(&mut octets);
            out.extend_from_slice(&octets[..kept]);
            assert!(screen.held().len() < LONGEST);
        }
        out.extend_from_slice(screen.held());
        out
    }

    /// Whether a packet passes as a whole.
    fn passes(screen: &mut Screen, command: u8, payload: &[u8]) -> bool {
        let packet = packet(command, payload);
        match sifted(screen, [packet.as_slice()]) {
            out if out.is_empty() => false,
            out => out == packet,
        }
    }

    #[test]
    fn only_header_fields_that_the_intake_wants_pass() {
        let mut screen = screen();
        let rows: [(&[u8], bool); 10] = [
            (b"From\0Ivan <ivan@client.example>\0", true),
            (b"MESSAGE-ID \t\0<1@client.example>\0", true),
            (b"Authentication-Results\0mx1.company.ru; none\0", true),
            (b"x-LEAD-anything\0forged\0", true),
            (b"Received\0from client.example\0", false),
            (b"X-Mailer\0\0", false),
            // The library ends a session over these.
            (b"X-Mailer\0no end", true),
            (b"X-Mailer\0", true),
            (b"\0no name\0", true),
            (b"", true),
        ];
        for (payload, expected) in rows {
            assert_eq!(passes(&mut screen, b'L', payload), expected, "{}", payload.escape_ascii());
        }
    }

    #[test]
    fn an_abort_passes_once_and_only_while_a_message_is_under_way() {
        let mut screen = screen();
        assert!(!passes(&mut screen, b'A', b""), "before the first message");
        assert!(passes(&mut screen, b'M', b"<a@client.example>\0"));
        assert!(passes(&mut screen, b'A', b""));
        assert!(!passes(&mut screen, b'A', b""), "twice");
        for command in *b"MRTNE" {
            passes(&mut screen, command, b"<a@client.example>\0");
        }
        assert!(!passes(&mut screen, b'A', b""), "after the end");
        assert!(passes(&mut screen, b'M', b"<a@client.example>\0"));
        screen.accepted();
        assert!(!passes(&mut screen, b'A', b""), "after it was accepted");
        assert!(passes(&mut screen, b'A', b"odd"));
    }

    #[test]
    fn header_fields_that_are_answered_pass() {
        let mut screen = Screen::new(intake());
        assert!(passes(&mut screen, b'L', b"Received\0x\0"), "nothing agreed yet");
        screen.agreed(ProtoOpts::NOREPLY_MAIL | ProtoOpts::NOREPLY_EOH);
        assert!(passes(&mut screen, b'L', b"Received\0x\0"));
    }

    #[test]
    fn a_reload_between_connection_and_offer_lets_every_field_pass() {
        let current = intake();
        let mut screen = Screen::new(Arc::clone(&current));
        current.store(intake().load_full());
        screen.agreed(ProtoOpts::NOREPLY_HEADER);
        assert!(passes(&mut screen, b'L', b"Received\0x\0"));
    }

    #[test]
    fn a_long_field_passes_and_what_is_held_back_is_bounded() {
        let field = |octets: usize| packet(b'L', &[b"Received\0".as_slice(), &vec![b'x'; octets], b"\0"].concat());
        let longest = field(LONGEST - wire::HEAD - 10);
        assert_eq!(longest.len(), LONGEST);
        let mut screen = screen();
        assert!(sifted(&mut screen, longest.chunks(1000)).is_empty());
        assert!(screen.held().is_empty());
        let longer = field(LONGEST - wire::HEAD - 9);
        assert_eq!(sifted(&mut screen, longer.chunks(1000)), longer);
        // A length that no packet has is left to the library, which ends the session.
        let absurd = [b"\xff\xff\xff\xffL".as_slice(), &[b'x'; 9000]].concat();
        assert_eq!(sifted(&mut screen, absurd.chunks(1000)), absurd);
    }

    #[test]
    fn what_was_held_is_given_back_once_everything_passes() {
        let mut screen = screen();
        assert_eq!(screen.sift(&mut packet(b'L', b"Received\0x\0")[..12].to_vec()), 0);
        screen.stop();
        assert_eq!(screen.release(5), b"\0\0\0\x0cL");
        assert_eq!(screen.release(100), b"Receive");
        assert_eq!(screen.release(100), b"");
    }

    fn any_packet() -> impl Strategy<Value = Vec<u8>> {
        let name = "(From|subject|X-Lead-Id|Received|X-Mailer|DKIM-Signature|)";
        let field = (name, vec(any::<u8>(), 0..30), prop_oneof![9 => 0..60_usize, 1 => 4000..4200_usize]);
        let field = field.prop_map(|(name, value, more)| {
            packet(b'L', &[name.as_bytes(), b"\0", &value, &vec![b'x'; more], b"\0"].concat())
        });
        let macros = ("[CHMRTNEL]", vec("(i|[{]i[}]|[{]client_addr[}]|[{]rcpt_addr[}]|1|2)\0", 0..5));
        let macros =
            macros.prop_map(|(stage, texts)| packet(b'D', &[stage.as_bytes(), texts.concat().as_bytes()].concat()));
        let other = (prop::sample::select(b"CHMRTNEBAQO".to_vec()), vec(any::<u8>(), 0..40));
        prop_oneof![
            field,
            macros,
            other.prop_map(|(command, payload)| packet(command, &payload)),
            // A length of none, after which the library reads a command all the same.
            prop::sample::select(b"DLE".to_vec()).prop_map(|command| vec![0, 0, 0, 0, command]),
        ]
    }

    proptest! {
        #[test]
        fn any_split_gives_what_whole_packets_give(packets in vec(any_packet(), 0..30), sizes in vec(1..200_usize, 1..9)) {
            let whole = sifted(&mut screen(), packets.iter().map(Vec::as_slice));
            let octets = packets.concat();
            prop_assert_eq!(&sifted(&mut screen(), [octets.as_slice()]), &whole);
            let mut rest = octets.as_slice();
            let pieces = sizes.iter().cycle().map_while(|size| {
                let (piece, behind) = rest.split_at((*size).min(rest.len()));
                rest = behind;
                (!piece.is_empty()).then_some(piece)
            });
            prop_assert_eq!(&sifted(&mut screen(), pieces), &whole);
        }

        #[test]
        fn no_octets_panic(octets in vec(any::<u8>(), 0..300), size in 1..50_usize) {
            let out = sifted(&mut screen(), octets.chunks(size));
            prop_assert!(out.len() <= octets.len());
        }
    }
}
