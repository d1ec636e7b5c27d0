//! What an attempt may take, and what it came to.
//!
//! Plain data between the engine and the outbox: a [`Budget`] is shared by all calls of one attempt, an [`Outcome`] is what came of
//! them.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use super::{Answer, Verdict, answer::Judged, client::Failure};
use crate::preset::TemplateError;

/// What came of the calls of one attempt.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub judged: Judged,
    pub status: Option<u16>,
    /// The beginning of the answer.
    pub shown: Option<Box<str>>,
}

impl Outcome {
    /// Nothing went wrong, and nothing was answered.
    pub fn well(verdict: Verdict) -> Self {
        Self { judged: Judged::well(verdict), status: None, shown: None }
    }

    /// Somebody has to change the preset.
    pub fn misconfigured(fault: &str) -> Self {
        let judged = Judged::failed(Verdict::Misconfigured, fault.to_owned(), false);
        Self { judged, status: None, shown: None }
    }

    /// An outcome as the outbox is told of it.
    pub fn answer(self, budget: &Budget) -> Answer {
        let Outcome { judged: Judged { verdict, error, fault, doubt }, status, shown } = self;
        let (duration, calls) = (budget.begun.elapsed(), budget.calls.load(Ordering::Relaxed));
        Answer { verdict, status, error, fault, answer: shown.map(String::from), duration, doubt, calls }
    }

    /// Names the call that failed, where it is not the one that carries the event.
    pub fn during(mut self, what: &str) -> Self {
        let named = |text: Option<String>| text.map(|text| format!("{what}: {text}"));
        self.judged.error = named(self.judged.error);
        self.judged.fault = named(self.judged.fault);
        self
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        let judged = Judged::failed(failure.verdict(), failure.line(), failure.is_doubtful());
        Self { judged, status: None, shown: None }
    }
}

impl From<TemplateError> for Outcome {
    fn from(wrong: TemplateError) -> Self {
        Self::misconfigured(&format!("preset: {wrong}"))
    }
}

/// What one attempt may take, and what it has taken.
pub struct Budget {
    begun: Instant,
    within: Duration,
    calls: AtomicU32,
}

impl Budget {
    pub fn new(within: Duration) -> Self {
        Self { begun: Instant::now(), within, calls: AtomicU32::new(0) }
    }

    /// Counts a call; gives back the time for it, if any is left.
    pub fn call(&self) -> Option<Duration> {
        let left = self.within.checked_sub(self.begun.elapsed()).filter(|left| !left.is_zero())?;
        self.calls.fetch_add(1, Ordering::Relaxed);
        Some(left)
    }
}
