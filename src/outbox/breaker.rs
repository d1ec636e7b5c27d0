//! Whether a sink is called at all: a circuit breaker that drops nothing.
//!
//! Given what each call came to; gives back whether the attempt counts and whether the circuit changed. After so many failures in
//! a row the sink is suspended: its events wait, and one probe is sent after five minutes, then after ten and so on up to an hour.
//! The first that succeeds ends it. A failed probe counts for no event's schedule, nor does the failure that suspends, so that no
//! event is given up because its receiver is away. Pure: the time comes from the caller.

use std::time::Duration;

use crate::{
    clock::Millis,
    sinks::Verdict,
    store::{Circuit, CircuitState},
};

/// Before the first probe, and before any later one at most.
const FIRST_WAIT: Duration = Duration::from_secs(5 * 60);
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// How a sink is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Active,
    Suspended { probe_at: Millis, wait: Duration },
    Disabled,
}

/// What a courier may do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Call.
    All,
    /// Call once, if no other call is open.
    Probe,
    /// Wait for so long, then ask again; `None` until a person says so.
    Wait(Option<Duration>),
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The sink is suspended after so many failures.
    Suspended {
        /// Failures in a row.
        failures: u32,
        /// When the first probe is sent.
        probe_at: Millis,
    },
    /// A probe failed.
    Probed {
        /// When the next one is sent.
        probe_at: Millis,
    },
    /// The sink wants no more events.
    Disabled,
    /// The sink takes events again.
    Resumed,
}

/// What a call meant for the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Whether the attempt does not count for its delivery.
    pub spared: bool,
    /// What changed, if anything did.
    pub change: Option<Change>,
    /// Changes so far: calls end side by side, and what was noted first may be told last.
    pub changes: u64,
}

/// The circuit of one sink.
#[derive(Debug)]
pub struct Breaker {
    after: u32,
    failures: u32,
    state: State,
    /// Whether the store knows of the last change; until then, it says nothing of what a person wants.
    is_stored: bool,
    changes: u64,
}

impl Breaker {
    /// A sink that is called as usual, and suspended after so many failures; 0 for never.
    pub fn new(after: u32) -> Self {
        Self { after, failures: 0, state: State::Active, is_stored: true, changes: 0 }
    }

    /// Takes over what the store knows. A daemon that starts anew, perhaps with another config, sends a probe at once.
    pub fn restore(&mut self, stored: Option<&Circuit>, now: Millis) {
        self.state = match stored.map(|circuit| circuit.state) {
            None | Some(CircuitState::Resumed) => State::Active,
            Some(CircuitState::Suspended) => State::Suspended { probe_at: now, wait: FIRST_WAIT },
            Some(CircuitState::Disabled) => State::Disabled,
        };
    }

    /// Follows what others have written: a person who paused or resumed the sink, or a courier of the config before. Gives
    /// back whether that is news.
    pub fn follow(&mut self, stored: Option<&Circuit>, now: Millis) -> bool {
        if !self.is_stored {
            return false;
        }
        let before = self.state;
        match (stored.map(|circuit| circuit.state), self.state) {
            (Some(CircuitState::Resumed), _) | (None, State::Suspended { .. } | State::Disabled) => {
                self.state = State::Active;
                self.failures = 0;
            }
            (Some(CircuitState::Disabled), _) => self.state = State::Disabled,
            (Some(CircuitState::Suspended), State::Active) => {
                self.state = State::Suspended { probe_at: now, wait: FIRST_WAIT };
            }
            (Some(CircuitState::Suspended), _) | (None, State::Active) => {}
        }
        self.state != before
    }

    /// Notes that the store knows of the last change.
    pub fn is_stored(&mut self) {
        self.is_stored = true;
    }

    /// What a courier may do now.
    pub fn permit(&self, now: Millis) -> Permit {
        match self.state {
            State::Active => Permit::All,
            State::Suspended { probe_at, .. } if probe_at <= now => Permit::Probe,
            State::Suspended { probe_at, .. } => Permit::Wait(Some(now.until(probe_at))),
            State::Disabled => Permit::Wait(None),
        }
    }

    /// Notes what one call came to.
    pub fn note(&mut self, verdict: &Verdict, is_probe: bool, now: Millis) -> Noted {
        let (spared, change) = self.noted(verdict, is_probe, now);
        if change.is_some() {
            self.is_stored = false;
            self.changes += 1;
        }
        Noted { spared, change, changes: self.changes }
    }

    /// Whether the attempt is spared, and what changed.
    fn noted(&mut self, verdict: &Verdict, is_probe: bool, now: Millis) -> (bool, Option<Change>) {
        match verdict {
            Verdict::Delivered | Verdict::Refused | Verdict::Again { .. } => {
                let was_suspended = matches!(self.state, State::Suspended { .. });
                self.failures = 0;
                if was_suspended {
                    self.state = State::Active;
                }
                let spared = matches!(verdict, Verdict::Again { .. });
                (spared, was_suspended.then_some(Change::Resumed))
            }
            Verdict::Disabled => {
                let change = (self.state != State::Disabled).then_some(Change::Disabled);
                self.state = State::Disabled;
                (true, change)
            }
            Verdict::Skipped { .. } => (false, None),
            Verdict::Retry { floor } => self.failed(*floor, is_probe, now),
            Verdict::Misconfigured => self.failed(None, is_probe, now),
        }
    }

    fn failed(&mut self, floor: Option<Duration>, is_probe: bool, now: Millis) -> (bool, Option<Change>) {
        self.failures = self.failures.saturating_add(1);
        let next = |wait: Duration| now.plus(wait.max(floor.unwrap_or_default()));
        match self.state {
            State::Active if self.after > 0 && self.failures >= self.after => {
                let probe_at = next(FIRST_WAIT);
                self.state = State::Suspended { probe_at, wait: FIRST_WAIT };
                (true, Some(Change::Suspended { failures: self.failures, probe_at }))
            }
            State::Suspended { wait, .. } if is_probe => {
                let wait = wait.saturating_mul(2).min(LONGEST_WAIT);
                let probe_at = next(wait);
                self.state = State::Suspended { probe_at, wait };
                (true, Some(Change::Probed { probe_at }))
            }
            // Calls that were open when the circuit changed.
            State::Suspended { .. } | State::Disabled => (true, None),
            State::Active => (false, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRY: Verdict = Verdict::Retry { floor: None };

    fn at(minutes: u64) -> Millis {
        Millis(0).plus(Duration::from_secs(60 * minutes))
    }

    #[test]
    fn failures_in_a_row_suspend_and_one_success_resumes() {
        let mut breaker = Breaker::new(3);
        let mut said = Vec::new();
        let calls = [
            (0, RETRY, false),
            (0, Verdict::Delivered, false),
            (0, RETRY, false),
            (0, Verdict::Skipped { reason: String::new() }, false),
            (0, Verdict::Misconfigured, false),
            (1, RETRY, false),
            (2, RETRY, false),
            (6, RETRY, true),
            (16, Verdict::Retry { floor: Some(Duration::from_secs(7200)) }, true),
            (136, RETRY, true),
            (196, RETRY, true),
            (256, Verdict::Delivered, true),
            (256, RETRY, false),
        ];
        for (minute, verdict, is_probe) in calls {
            let noted = breaker.note(&verdict, is_probe, at(minute));
            said.push((noted.spared, noted.change));
        }
        let probed = |minute| (true, Some(Change::Probed { probe_at: at(minute) }));
        let expected = [
            (false, None),
            (false, None),
            (false, None),
            (false, None),
            (false, None),
            (true, Some(Change::Suspended { failures: 3, probe_at: at(6) })),
            (true, None),
            probed(16),
            probed(136),
            probed(176),
            probed(256),
            (false, Some(Change::Resumed)),
            (false, None),
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn a_suspended_sink_permits_one_probe_when_it_is_due() {
        let mut breaker = Breaker::new(1);
        assert_eq!(breaker.permit(at(0)), Permit::All);
        breaker.note(&RETRY, false, at(0));
        assert_eq!(breaker.permit(at(1)), Permit::Wait(Some(Duration::from_secs(240))));
        assert_eq!(breaker.permit(at(5)), Permit::Probe);
    }

    #[test]
    fn a_sink_that_wants_nothing_more_waits_for_a_person() {
        let mut breaker = Breaker::new(1);
        let noted = breaker.note(&Verdict::Disabled, false, at(0));
        assert_eq!(noted, Noted { spared: true, change: Some(Change::Disabled), changes: 1 });
        assert_eq!(breaker.note(&Verdict::Disabled, false, at(0)).change, None);
        // A store that has not been told yet says nothing.
        assert!(!breaker.follow(None, at(999)));
        assert_eq!(breaker.permit(at(999)), Permit::Wait(None));
        breaker.is_stored();
        assert!(breaker.follow(None, at(999)));
        assert_eq!(breaker.permit(at(999)), Permit::All);
    }

    #[test]
    fn without_a_number_nothing_is_ever_suspended() {
        let mut breaker = Breaker::new(0);
        for _ in 0..1000 {
            assert_eq!(breaker.note(&RETRY, false, at(0)), Noted { spared: false, change: None, changes: 0 });
        }
    }

    #[test]
    fn a_daemon_that_starts_anew_probes_at_once() {
        let mut breaker = Breaker::new(10);
        let stored = |state| Circuit { state, since: at(0), probe_at: Some(at(60)), reason: String::new() };
        breaker.restore(Some(&stored(CircuitState::Suspended)), at(1));
        assert_eq!(breaker.permit(at(1)), Permit::Probe);
        breaker.restore(Some(&stored(CircuitState::Disabled)), at(1));
        assert_eq!(breaker.permit(at(1)), Permit::Wait(None));
    }
}
