//! Which session may begin a message, and when.
//!
//! Given sessions as they become free; gives back the next one that may begin. Without a rate a session goes on once it
//! has rested; with one, messages fall due whether or not a session is free, and count from then.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    time::{Duration, Instant},
};

use super::options::Options;

/// The order of a run.
#[derive(Debug)]
pub struct Pace {
    length: Option<Duration>,
    ends: Option<Instant>,
    /// Messages that may still begin.
    left: u64,
    free: VecDeque<usize>,
    rest: Duration,
    resting: BinaryHeap<Reverse<(Instant, usize)>>,
    /// Between two messages of a rate, and when the next is due.
    every: Option<Duration>,
    due: Instant,
}

impl Pace {
    pub fn new(options: &Options) -> Self {
        Self {
            length: options.duration(),
            ends: None,
            left: options.messages.unwrap_or(u64::MAX),
            free: VecDeque::new(),
            rest: options.rest(),
            resting: BinaryHeap::new(),
            every: options.rate.map(|rate| Duration::from_secs_f64(1.0 / rate.max(0.001))),
            due: Instant::now(),
        }
    }

    /// The clock starts.
    pub fn start(&mut self, now: Instant) {
        self.ends = self.length.map(|length| now + length);
        self.due = now;
    }

    /// Whether nothing new begins.
    pub fn over(&self, now: Instant) -> bool {
        self.left == 0 || self.ends.is_some_and(|ends| now >= ends)
    }

    /// A session that may begin its first message.
    pub fn fresh(&mut self, number: usize) {
        self.free.push_back(number);
    }

    /// A session that has ended a message.
    pub fn done(&mut self, number: usize, now: Instant) {
        if self.rest.is_zero() {
            self.free.push_back(number);
        } else {
            self.resting.push(Reverse((now + self.rest, number)));
        }
    }

    /// The next session that begins a message, and since when that message is due.
    pub fn next(&mut self, now: Instant) -> Option<(usize, Instant)> {
        while let Some(&Reverse((when, number))) = self.resting.peek()
            && when <= now
        {
            self.resting.pop();
            self.free.push_back(number);
        }
        if self.over(now) || self.every.is_some() && self.due > now {
            return None;
        }
        let number = self.free.pop_front()?;
        self.left -= 1;
        let Some(every) = self.every else { return Some((number, now)) };
        let due = self.due;
        self.due += every;
        Some((number, due))
    }

    /// How long until there is something to do though no octet comes.
    pub fn wait(&self, now: Instant) -> Option<Duration> {
        let rested = self.resting.peek().map(|Reverse((when, _))| *when);
        let due = (self.every.is_some() && !self.free.is_empty()).then_some(self.due);
        let next = [rested, due, self.ends].into_iter().flatten().filter(|when| *when > now).min();
        next.map(|when| when - now)
    }
}
