//! How fast a sink is called: so many calls at a time, so many a second, so often for a batch.
//!
//! Given what each call came to; gives back the room for more. A receiver that says it is overloaded gets half as many
//! calls at a time, and one more for each round of calls that goes well (additive increase, multiplicative decrease).
//! Kept in memory alone.

use std::time::Duration;

use tokio::time::Instant;

/// The pace of one sink.
#[derive(Debug)]
pub struct Pace {
    /// Calls at a time, as far as the receiver bears them.
    calls: f64,
    most: f64,
    /// Between the beginnings of two calls.
    gap: Duration,
    next: Option<Instant>,
    quiet_until: Option<Instant>,
}

impl Pace {
    /// A pace that begins with all calls at a time.
    pub fn new(most: usize, gap: Duration) -> Self {
        // A sink has 64 calls at a time at most.
        let most = u32::try_from(most.max(1)).map_or(64.0, f64::from);
        Self { calls: most, most, gap, next: None, quiet_until: None }
    }

    /// How many calls may be begun beside those that are open.
    pub fn room(&self, open: usize) -> usize {
        let most = (1..=64).take_while(|calls| f64::from(*calls) <= self.calls).count();
        let most = most.saturating_sub(open);
        if self.gap.is_zero() { most } else { most.min(1) }
    }

    /// How long no call may be begun.
    pub fn wait(&self, now: Instant) -> Duration {
        let until = self.next.max(self.quiet_until);
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    /// Notes that a call begins.
    pub fn began(&mut self, now: Instant) {
        if !self.gap.is_zero() {
            self.next = now.checked_add(self.gap);
        }
    }

    /// Notes that an attempt took more calls than one.
    pub fn took(&mut self, now: Instant, calls: u32) {
        if !self.gap.is_zero() && calls > 1 {
            self.next = self.next.max(Some(now)).and_then(|next| next.checked_add(self.gap * (calls - 1)));
        }
    }

    /// Notes a call that went well.
    pub fn went_well(&mut self) {
        self.calls = (self.calls + 1.0 / self.calls).min(self.most);
    }

    /// Notes that the receiver is overloaded.
    pub fn was_too_much(&mut self) {
        self.calls = (self.calls / 2.0).max(1.0);
    }

    /// Begins again with one call at a time, after the receiver was away.
    pub fn begin_slowly(&mut self) {
        self.calls = 1.0;
    }

    /// Forgets that the receiver asked for silence: a person says that it is over.
    pub fn may_speak(&mut self) {
        self.quiet_until = None;
    }

    /// Notes that the receiver asked for silence.
    pub fn be_quiet(&mut self, now: Instant, wait: Duration) {
        self.quiet_until = self.quiet_until.max(now.checked_add(wait));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overloaded_receiver_gets_half_and_then_slowly_more() {
        let mut pace = Pace::new(8, Duration::ZERO);
        let mut rooms = vec![pace.room(0)];
        for _ in 0..2 {
            pace.was_too_much();
            rooms.push(pace.room(0));
        }
        for _ in 0..40 {
            pace.went_well();
        }
        rooms.push(pace.room(3));
        pace.begin_slowly();
        rooms.push(pace.room(1));
        assert_eq!(rooms, [8, 4, 2, 5, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_one_call_at_a_time_and_a_gap_between() {
        let mut pace = Pace::new(4, Duration::from_millis(500));
        let now = Instant::now();
        assert_eq!((pace.room(0), pace.wait(now)), (1, Duration::ZERO));
        pace.began(now);
        assert_eq!(pace.wait(now), Duration::from_millis(500));
        pace.took(now, 3);
        assert_eq!(pace.wait(now), Duration::from_millis(1500));
        pace.be_quiet(now, Duration::from_secs(7));
        assert_eq!(pace.wait(now), Duration::from_secs(7));
        pace.may_speak();
        assert_eq!(pace.wait(now), Duration::from_millis(1500));
    }
}
