//! When a delivery is tried again, if at all.
//!
//! Given the verdict on an attempt and the sink's list of waits; gives back what becomes of the delivery. Pure: the
//! time and the luck of the jitter come from the caller.

use std::time::Duration;

use crate::{clock::Millis, sinks::Verdict, store::Next};

/// Somebody has to change something first, and perhaps is about to: a receiver in the middle of its deployment.
const MENDING: Duration = Duration::from_secs(5 * 60);

/// Each wait is stretched or shrunk by up to this part, so that what failed together does not come back together.
const JITTER: f64 = 0.2;

/// Before the next attempt of a delivery whose waits are used up, and which is not given up because its receiver is away.
const BEYOND: Duration = Duration::from_secs(60 * 60);

/// What becomes of a delivery after the `tries`-th attempt that counts, from 1. One that does not count gives nothing up. `luck`
/// is between 0 and 1.
pub fn next(retry: &[Duration], tries: u32, counts: bool, verdict: &Verdict, now: Millis, luck: f64) -> Next {
    let least = match verdict {
        Verdict::Delivered => return Next::Delivered,
        Verdict::Refused => return Next::Dead,
        Verdict::Skipped { .. } => return Next::Skipped,
        // Due as soon as the sink is switched on again.
        Verdict::Disabled => return Next::Again(now),
        Verdict::Again { after, .. } if !counts => return Next::Again(now.plus(*after)),
        Verdict::Again { after, .. } => *after,
        Verdict::Retry { floor } => floor.unwrap_or_default(),
        Verdict::Misconfigured => MENDING,
    };
    let failed_before = usize::try_from(tries.saturating_sub(1)).unwrap_or(usize::MAX);
    match retry.get(failed_before) {
        Some(&wait) => Next::Again(now.plus(jittered(wait, luck).max(least))),
        None if counts => Next::Dead,
        None => Next::Again(now.plus(BEYOND.max(least))),
    }
}

fn jittered(wait: Duration, luck: f64) -> Duration {
    let factor = 1.0 - JITTER + 2.0 * JITTER * luck.clamp(0.0, 1.0);
    Duration::try_from_secs_f64(wait.as_secs_f64() * factor).unwrap_or(wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Millis = Millis(1_000_000);
    const MIDDLE: f64 = 0.5;
    const RETRY: Verdict = Verdict::Retry { floor: None };

    fn waits(seconds: &[u64]) -> Vec<Duration> {
        seconds.iter().copied().map(Duration::from_secs).collect()
    }

    fn asked(seconds: u64) -> Verdict {
        Verdict::Retry { floor: Some(Duration::from_secs(seconds)) }
    }

    fn again(milliseconds: i64) -> Next {
        Next::Again(Millis(NOW.0 + milliseconds))
    }

    #[test]
    fn a_delivery_follows_its_schedule() {
        let retry = waits(&[5, 300, 1800]);
        let rows = [
            (1, RETRY, MIDDLE, again(5_000)),
            (2, RETRY, MIDDLE, again(300_000)),
            (3, RETRY, MIDDLE, again(1_800_000)),
            (4, RETRY, MIDDLE, Next::Dead),
            (u32::MAX, RETRY, MIDDLE, Next::Dead),
            (1, RETRY, 0.0, again(4_000)),
            (1, RETRY, 1.0, again(6_000)),
            (1, RETRY, -7.0, again(4_000)),
            (1, RETRY, f64::NAN, again(5_000)),
            (1, asked(7), MIDDLE, again(7_000)),
            (1, asked(3), MIDDLE, again(5_000)),
            (2, asked(86_400), 1.0, again(86_400_000)),
            (4, asked(7), MIDDLE, Next::Dead),
            (1, Verdict::Misconfigured, MIDDLE, again(300_000)),
            (2, Verdict::Misconfigured, 0.0, again(300_000)),
            (2, Verdict::Misconfigured, 1.0, again(360_000)),
            (3, Verdict::Misconfigured, MIDDLE, again(1_800_000)),
            (4, Verdict::Misconfigured, MIDDLE, Next::Dead),
            (1, Verdict::Refused, MIDDLE, Next::Dead),
            (1, Verdict::Disabled, MIDDLE, again(0)),
            (1, Verdict::Skipped { reason: String::new() }, MIDDLE, Next::Skipped),
            (1, Verdict::Again { after: Duration::from_secs(60), note: String::new() }, MIDDLE, again(60_000)),
            (4, Verdict::Again { after: Duration::from_secs(60), note: String::new() }, MIDDLE, Next::Dead),
            (1, Verdict::Delivered, MIDDLE, Next::Delivered),
            (9, Verdict::Delivered, MIDDLE, Next::Delivered),
        ];
        for (attempt, verdict, luck, expected) in rows {
            assert_eq!(next(&retry, attempt, true, &verdict, NOW, luck), expected, "{attempt} {verdict:?} {luck}");
        }
    }

    #[test]
    fn an_attempt_that_does_not_count_gives_nothing_up() {
        let retry = waits(&[5]);
        let told_again = Verdict::Again { after: Duration::from_secs(60), note: String::new() };
        let rows = [
            (1, RETRY, again(5_000)),
            (2, RETRY, again(3_600_000)),
            (2, asked(7_200), again(7_200_000)),
            (99, told_again, again(60_000)),
            (2, Verdict::Refused, Next::Dead),
        ];
        for (tries, verdict, expected) in rows {
            assert_eq!(next(&retry, tries, false, &verdict, NOW, MIDDLE), expected, "{tries} {verdict:?}");
        }
    }

    #[test]
    fn without_waits_there_is_one_attempt() {
        assert_eq!(next(&[], 1, true, &RETRY, NOW, MIDDLE), Next::Dead);
    }

    #[test]
    fn the_longest_wait_overflows_nothing() {
        assert_eq!(next(&[Duration::MAX], 1, true, &RETRY, NOW, 1.0), Next::Again(Millis(i64::MAX)));
    }

    proptest! {
        #[test]
        fn jitter_stays_within_a_fifth(seconds in 1u64..1_000_000, luck in 0.0f64..1.0) {
            let (wait, got) = (Duration::from_secs(seconds), jittered(Duration::from_secs(seconds), luck));
            prop_assert!(got >= wait.mul_f64(0.799_999) && got <= wait.mul_f64(1.200_001), "{got:?}");
        }
    }
}
