//! Which packets of macros tell something that is read and not known yet.
//!
//! Mail servers send macros before every command: the queue id comes six times a message and more, and Postfix repeats
//! it before each header field. Given the packets in their order; says which of them the library may never see without
//! any macro that `client` reads having another value at any command.

use super::{client, wire};

/// Stages in the library's order: a macro told later hides one told earlier.
const STAGES: &[u8] = b"CHMRTNE";

/// What the library has been told on one connection.
#[derive(Debug, Default)]
pub struct Macros {
    /// Stages that it may know macros of, one bit each.
    filled: u8,
    /// The queue id told last, and the stage it was told at.
    queue_id: Option<(usize, Box<[u8]>)>,
}

impl Macros {
    /// Whether this packet must pass.
    pub fn tell_anything_new(&self, payload: &[u8]) -> bool {
        // A stage that it does not know, and a packet without any macro, the library leaves aside.
        let Some((stage, texts)) = stage(payload) else { return false };
        if texts.is_empty() || !texts.contains(&0) {
            return false;
        }
        // One that passed earlier would stay in force.
        if self.filled & 1 << stage != 0 {
            return true;
        }
        let known = self.queue_id.as_ref().filter(|(at, _)| self.nothing_between(*at, stage));
        let is_known = |value: &[u8]| known.is_some_and(|(_, known)| **known == *value);
        pairs(texts).any(
            |(name, value)| {
                if client::is_queue_id(name) { !is_known(value) } else { client::is_read(name) }
            },
        )
    }

    /// Takes note of a packet that passes; of one that is too long there is no payload.
    pub fn passed(&mut self, command: u8, payload: Option<&[u8]>) {
        match (command, payload) {
            (wire::MACROS, Some(payload)) => {
                let Some((stage, texts)) = stage(payload) else { return };
                self.filled |= 1 << stage;
                let mut queue_ids = pairs(texts).filter(|(name, _)| client::is_queue_id(name));
                // Of two spellings with two values it is for the library to choose.
                let queue_id = queue_ids.next().filter(|_| queue_ids.next().is_none());
                // What was told for the same stage is replaced.
                let kept = self.queue_id.take().filter(|(at, _)| *at != stage);
                self.queue_id = queue_id.map(|(_, value)| (stage, value.into())).or(kept);
            }
            (wire::MACROS, None) => *self = Self { filled: u8::MAX, queue_id: None },
            (b'A' | b'B' | b'E' | b'L' | b'N' | b'T', _) => {}
            // The library forgets what was told for later stages.
            _ => {
                let stage = STAGES.iter().position(|&known| known == command);
                if self.queue_id.as_ref().is_some_and(|(at, _)| stage.is_none_or(|stage| stage < *at)) {
                    self.queue_id = None;
                }
            }
        }
    }

    /// Whether a queue id told at one stage is what the library finds at a later one.
    fn nothing_between(&self, at: usize, stage: usize) -> bool {
        (at + 1..=stage).all(|between| self.filled & 1 << between == 0) && at < stage
    }
}

/// Splits the stage from the macros.
fn stage(payload: &[u8]) -> Option<(usize, &[u8])> {
    let (command, texts) = payload.split_first()?;
    Some((STAGES.iter().position(|known| known == command)?, texts))
}

/// Names and values; a name without a value is no pair.
fn pairs(mut texts: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        let (name, rest) = wire::text(texts)?;
        let (value, rest) = wire::text(rest)?;
        texts = rest;
        Some((name, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    type Pairs = Vec<(&'static str, &'static str)>;

    fn payload(stage: u8, pairs: &[(&str, &str)]) -> Vec<u8> {
        let texts = pairs.iter().flat_map(|(name, value)| [*name, "\0", *value, "\0"]);
        [&[stage], texts.collect::<String>().as_bytes()].concat()
    }

    /// Which stages of a message must be told, given its macros: a letter for each.
    fn told(macros: &mut Macros, message: &[(u8, &[(&str, &str)])]) -> String {
        let mut told = String::new();
        for (command, pairs) in message {
            let payload = payload(*command, pairs);
            if macros.tell_anything_new(&payload) {
                macros.passed(wire::MACROS, Some(&payload));
                told.push(char::from(*command));
            }
            macros.passed(*command, None);
        }
        told
    }

    #[test]
    fn each_mail_server_tells_the_queue_id_once_a_message() {
        let rcpt: &[_] = &[("{rcpt_addr}", "info@company.ru")];
        let (first, second): (&[_], &[_]) = (&[("i", "4XyZ1")], &[("i", "4XyZ2")]);
        let postfix = |id| [(b'M', rcpt), (b'R', rcpt), (b'T', id), (b'L', id), (b'L', id), (b'N', id), (b'E', id)];
        let mut macros = Macros::default();
        assert_eq!(told(&mut macros, &[(b'C', &[("{client_addr}", "192.0.2.1")]), (b'H', &[])]), "C");
        assert_eq!(told(&mut macros, &postfix(first)), "T");
        assert_eq!(told(&mut macros, &postfix(second)), "T");
        assert_eq!(told(&mut macros, &postfix(second)), "T", "what was told for DATA is forgotten at MAIL");
        let sendmail = |id| [(b'M', id), (b'R', id), (b'R', id), (b'T', id), (b'N', id), (b'E', id)];
        let mut macros = Macros::default();
        assert_eq!(told(&mut macros, &sendmail(first)), "M");
        assert_eq!(told(&mut macros, &sendmail(second)), "M");
        assert_eq!(told(&mut macros, &[(b'A', &[]), (b'M', rcpt), (b'E', second)]), "ME", "it replaces the old one");
    }

    #[test]
    fn after_a_packet_of_which_nothing_is_known_all_pass() {
        let mut macros = Macros::default();
        assert!(!macros.tell_anything_new(b"R{rcpt_addr}\0a\0"));
        macros.passed(wire::MACROS, None);
        assert!(macros.tell_anything_new(b"R{rcpt_addr}\0a\0"));
    }

    #[test]
    fn what_the_library_leaves_aside_tells_nothing() {
        let mut macros = Macros::default();
        macros.passed(wire::MACROS, None);
        for payload in [b"".as_slice(), b"M", b"Mi", b"Li\x004XyZ\0", b"Bi\x004XyZ\0"] {
            assert!(!macros.tell_anything_new(payload), "{}", payload.escape_ascii());
        }
    }

    /// The library's own way with macros, as far as `client` sees it.
    #[derive(Default)]
    struct Library([Vec<(String, String)>; 7]);

    impl Library {
        fn told(&mut self, stage: usize, pairs: &Pairs) {
            // It cannot read a packet without any macro, and leaves in force what was told before.
            if pairs.is_empty() {
                return;
            }
            self.0[stage] = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        }

        fn command(&mut self, stage: usize) {
            if stage <= 3 {
                self.0[stage + 1..].iter_mut().for_each(Vec::clear);
            }
        }

        fn seen(&self) -> [Option<&str>; 4] {
            let forms: [&[&str]; 4] = [&["i", "{i}"], &["{client_addr}"], &["{auth_authen}"], &["{daemon_name}"]];
            forms.map(|forms| {
                self.0.iter().rev().find_map(|stage| {
                    forms.iter().find_map(|form| {
                        stage.iter().find_map(|(name, value)| (name == form).then_some(value.as_str()))
                    })
                })
            })
        }
    }

    fn pairs() -> impl Strategy<Value = Pairs> {
        let names = ["i", "i", "{i}", "{client_addr}", "{auth_authen}", "{daemon_name}", "{rcpt_addr}"];
        vec((prop::sample::select(names.to_vec()), prop::sample::select(vec!["1", "1", "2"])), 0..3)
    }

    /// Stages as commands come: a greeting, then messages, each with any number of recipients, ended anywhere.
    fn session() -> impl Strategy<Value = Vec<usize>> {
        let message = (1..4_usize, 0..5_usize).prop_map(|(recipients, end)| {
            let all: Vec<usize> = [2].into_iter().chain(vec![3; recipients]).chain([4, 5, 6]).collect();
            all[..all.len() - end.min(all.len() - 1)].to_vec()
        });
        vec(message, 1..5).prop_map(|messages| [vec![0, 1], messages.concat()].concat())
    }

    proptest! {
        #[test]
        fn what_is_read_is_the_same_at_every_command(steps in session().prop_flat_map(|stages| {
            let count = stages.len();
            (Just(stages), vec(prop::option::weighted(0.8, pairs()), count))
        })) {
            let (mut all, mut screened, mut macros) = (Library::default(), Library::default(), Macros::default());
            for (stage, pairs) in steps.0.into_iter().zip(steps.1) {
                let command = STAGES[stage];
                if let Some(pairs) = &pairs {
                    all.told(stage, pairs);
                    let payload = payload(command, pairs);
                    if macros.tell_anything_new(&payload) {
                        macros.passed(wire::MACROS, Some(&payload));
                        screened.told(stage, pairs);
                    }
                }
                for library in [&mut all, &mut screened] {
                    library.command(stage);
                }
                macros.passed(command, None);
                prop_assert_eq!(all.seen(), screened.seen(), "after {}", char::from(command));
            }
        }
    }
}
