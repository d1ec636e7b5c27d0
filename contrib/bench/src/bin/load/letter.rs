//! What differs from message to message: queue id, Message-ID, sender and recipients.
//!
//! `Post` makes them from a seed, so that a run can be repeated; `Letter` holds those of one message and is filled anew
//! for the next, without a new allocation.

use std::{
    io::Write,
    time::{SystemTime, UNIX_EPOCH},
};

use super::options::Options;

/// One message's own values.
#[derive(Debug, Default)]
pub struct Letter {
    pub queue_id: Vec<u8>,
    pub message_id: Vec<u8>,
    pub sender: Vec<u8>,
    pub recipients: Vec<Vec<u8>>,
    pub tracked: bool,
}

/// Makes letters.
#[derive(Debug)]
pub struct Post {
    seed: u64,
    random: u64,
    count: u64,
    senders: u64,
    recipients: usize,
    tracked: f64,
    /// What stands before and behind {n}; `None` where a template has none.
    template: (String, Option<String>),
    pool: u64,
}

impl Post {
    pub fn new(options: &Options) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seed = options.seed.unwrap_or(now.as_nanos() as u64);
        let template = match options.recipient.split_once("{n}") {
            Some((before, behind)) => (before.to_owned(), Some(behind.to_owned())),
            None => (options.recipient.clone(), None),
        };
        Self {
            seed,
            random: seed,
            count: 0,
            senders: options.senders,
            recipients: options.recipients.max(1),
            tracked: options.tracked,
            template,
            pool: options.recipient_pool.max(1),
        }
    }

    /// Fills in the next letter.
    pub fn fill(&mut self, letter: &mut Letter) {
        self.count += 1;
        let count = self.count;
        let sender = if self.senders == 0 { count } else { self.random() % self.senders };
        letter.tracked = self.share() < self.tracked;
        write(&mut letter.queue_id, format_args!("{:011X}", self.seed.wrapping_add(count) & 0xfff_ffff_ffff));
        write(&mut letter.message_id, format_args!("{:x}.{count:x}@client.example", self.seed));
        write(&mut letter.sender, format_args!("buyer{sender}@client.example"));
        letter.recipients.resize_with(self.recipients, Vec::new);
        let first = self.random() % self.pool;
        for (number, recipient) in (0u64..).zip(&mut letter.recipients) {
            if letter.tracked && number < self.pool {
                let n = (first + number) % self.pool;
                match &self.template {
                    (before, Some(behind)) => write(recipient, format_args!("{before}{n}{behind}")),
                    (whole, None) => write(recipient, format_args!("{whole}")),
                }
            } else {
                write(recipient, format_args!("user{}@other.example", first + number));
            }
        }
    }

    fn share(&mut self) -> f64 {
        (self.random() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// SplitMix64: even enough for a choice of senders, and a seed repeats it.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn write(to: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    to.clear();
    // A vector takes all that is written.
    drop(to.write_fmt(text));
}
