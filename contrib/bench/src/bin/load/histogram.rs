//! Latencies in buckets: any number of them in a few KiB, each known to one part in a hundred.

use std::time::Duration;

/// Buckets for each doubling.
const FINE: u64 = 128;

/// Up to 2^43 nanoseconds, more than two hours.
const DOUBLINGS: u64 = 36;

/// Counts durations.
#[derive(Debug)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    longest: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; ((DOUBLINGS + 1) * FINE) as usize], count: 0, longest: Duration::ZERO }
    }
}

impl Histogram {
    pub fn add(&mut self, took: Duration) {
        let index = bucket(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)).min(self.buckets.len() - 1);
        self.buckets[index] += 1;
        self.count += 1;
        self.longest = self.longest.max(took);
    }

    /// Microseconds that this share of the durations does not exceed; `None` without any.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = (self.count as f64 * share).ceil().max(1.0) as u64;
        let mut passed = 0;
        let index = self.buckets.iter().position(|count| {
            passed += count;
            passed >= wanted
        })?;
        // A bucket's upper end may lie beyond the longest that was seen.
        Some((upper_end(index as u64) as f64 / 1e3).min(self.longest()))
    }

    pub fn longest(&self) -> f64 {
        self.longest.as_nanos() as f64 / 1e3
    }
}

/// Below `FINE` each nanosecond has a bucket; above, each doubling has `FINE` of them.
fn bucket(nanos: u64) -> usize {
    let shift = u64::from(nanos.max(FINE).ilog2() - FINE.ilog2());
    (if nanos < FINE { nanos } else { shift * FINE + (nanos >> shift) }) as usize
}

fn upper_end(index: u64) -> u64 {
    if index < FINE {
        return index + 1;
    }
    let shift = index / FINE - 1;
    (index - shift * FINE + 1) << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_known_to_one_part_in_a_hundred() {
        for nanos in (0..40).flat_map(|log| [1u64 << log, (1 << log) + (1 << log) / 3, (2 << log) - 1]) {
            let upper = upper_end(bucket(nanos) as u64);
            assert!(upper > nanos && upper - nanos <= nanos / 100 + 1, "{nanos}: {upper}");
        }
    }

    #[test]
    fn quantiles_are_those_of_a_sorted_list() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        for micros in 1..=1000 {
            histogram.add(Duration::from_micros(micros));
        }
        for (share, micros) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1000.0)] {
            let found = histogram.quantile(share).unwrap();
            assert!((micros..micros * 1.01).contains(&found), "{share}: {found}");
        }
        assert_eq!(histogram.longest(), 1000.0);
    }
}
