//! How often somebody may ask: the generic cell rate algorithm (GCRA, ITU-T I.371), in memory that never grows.
//!
//! A [`Cell`] holds one number, the time by which all that it has admitted is paid for. [`Table`] has a fixed number of
//! cells, and a client's is found by a hash with a random seed: two clients that share a cell share a rate, and nobody
//! outside can tell which do. With 65,536 cells, one of a hundred clients of the same minute shares by chance once in
//! some seven hundred. Time is given by the caller; no I/O, no locks.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

const CELLS: usize = 65_536;

const MINUTE: u64 = 60_000_000_000;

/// So many calls a minute, half of them at once. Times are nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    every: u64,
    ahead: u64,
}

impl Rate {
    /// At most `calls` a minute in the long run; 0 counts as 1.
    pub fn per_minute(calls: u32) -> Self {
        let calls = u64::from(calls.max(1));
        let every = MINUTE / calls;
        Self { every, ahead: (calls.div_ceil(2) - 1) * every }
    }
}

/// What one client, or one site, has used up.
#[derive(Debug, Default)]
pub struct Cell(AtomicU64);

impl Cell {
    /// Whether one more call at this time keeps to `rate`; one that does not leaves no trace.
    pub fn admits(&self, rate: Rate, now: Since) -> bool {
        let next = |paid: u64| {
            let paid = paid.max(now.0);
            (paid - now.0 <= rate.ahead).then(|| paid.saturating_add(rate.every))
        };
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

/// A point in time of one [`Clock`], in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Since(pub u64);

/// What [`Since`] is counted from; never goes back, whatever becomes of the wall clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// Begins now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time.
    pub fn now(&self) -> Since {
        Since(u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

/// Cells for any number of clients.
#[derive(Debug)]
pub struct Table {
    cells: Box<[Cell]>,
    seed: RandomState,
}

impl Default for Table {
    fn default() -> Self {
        Self { cells: (0..CELLS).map(|_| Cell::default()).collect(), seed: RandomState::new() }
    }
}

impl Table {
    /// Whether one more call of `client` at this time keeps to `rate`.
    pub fn admits(&self, client: &impl Hash, rate: Rate, now: Since) -> bool {
        let hash = usize::try_from(self.seed.hash_one(client) % CELLS as u64).unwrap_or(0);
        self.cells.get(hash).is_some_and(|cell| cell.admits(rate, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    /// What becomes of calls at these seconds.
    fn told(calls: u32, seconds: &[u64]) -> Vec<bool> {
        let cell = Cell::default();
        seconds.iter().map(|second| cell.admits(Rate::per_minute(calls), Since(second * SECOND))).collect()
    }

    #[test]
    fn half_a_minutes_calls_come_at_once_and_the_others_one_by_one() {
        assert_eq!(
            told(6, &[0, 0, 0, 0, 9, 10, 10, 20, 100]),
            [true, true, true, false, false, true, false, true, true]
        );
        assert_eq!(told(1, &[5, 5, 64, 65]), [true, false, false, true]);
        assert_eq!(told(0, &[0, 0, 59, 60]), [true, false, false, true]);
    }

    #[test]
    fn clients_do_not_disturb_each_other() {
        let table = Table::default();
        let rate = Rate::per_minute(2);
        let admitted = (0..100).filter(|client| table.admits(client, rate, Since(0))).count();
        // Two of a hundred may share a cell by chance, ten may not.
        assert!(admitted > 90, "{admitted}");
        assert!(!table.admits(&7, rate, Since(0)) && table.admits(&7, rate, Since(30 * SECOND)));
    }

    #[test]
    fn any_number_of_clients_takes_no_more_memory() {
        let table = Table::default();
        let rate = Rate::per_minute(1);
        let admitted = (0..1_000_000_u32).filter(|client| table.admits(client, rate, Since(0))).count();
        assert!((60_000..=CELLS).contains(&admitted), "{admitted}");
        assert_eq!(table.cells.len(), CELLS);
    }

    proptest! {
        #[test]
        fn no_minute_holds_more_than_the_rate_and_what_may_come_at_once(
            calls in 1_u32..200,
            gaps in prop::collection::vec(0_u64..20 * SECOND, 1..400),
        ) {
            let (cell, rate) = (Cell::default(), Rate::per_minute(calls));
            let mut now = 0;
            let mut admitted = Vec::new();
            for gap in gaps {
                now += gap;
                if cell.admits(rate, Since(now)) {
                    admitted.push(now);
                }
            }
            let most = (calls + calls.div_ceil(2)) as usize;
            for (index, begin) in admitted.iter().enumerate() {
                let within = admitted[index..].iter().take_while(|at| **at - begin < MINUTE).count();
                prop_assert!(within <= most, "{} in a minute of {}", within, calls);
            }
        }

        #[test]
        fn who_keeps_to_the_rate_is_never_refused(
            calls in 1_u32..200,
            late in prop::collection::vec(0_u64..SECOND, 1..400),
        ) {
            let (cell, rate) = (Cell::default(), Rate::per_minute(calls));
            let mut now = 0;
            for late in late {
                prop_assert!(cell.admits(rate, Since(now)));
                now += MINUTE / u64::from(calls) + late;
            }
        }
    }
}
