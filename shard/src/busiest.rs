//! How busy the busiest shard is: with one thread full, the pool is at its limit, however idle the others are.

use std::time::Instant;

use crate::stats::Stats;

/// Compares the shards' busy time between two askings.
#[derive(Debug)]
pub struct Busiest {
    asked: Instant,
    busy_ns: Vec<u64>,
}

impl Busiest {
    /// Begins now.
    pub fn new(stats: &[Stats]) -> Self {
        Self { asked: Instant::now(), busy_ns: stats.iter().map(|stats| stats.busy_ns.get()).collect() }
    }

    /// The share of the time since the last asking that the busiest shard spent outside the kernel's wait: 1 is a
    /// shard without a moment to spare.
    ///
    /// Time counts when a turn ends, so a turn longer than the interval shows in the next one. A shard that is ready
    /// and has no core counts as busy.
    pub fn ratio(&mut self, stats: &[Stats]) -> f64 {
        let elapsed_ns = self.asked.elapsed().as_nanos().max(1) as f64;
        self.asked = Instant::now();
        let mut most_ns = 0;
        for (last_ns, stats) in self.busy_ns.iter_mut().zip(stats) {
            let now_ns = stats.busy_ns.get();
            most_ns = most_ns.max(now_ns.wrapping_sub(*last_ns));
            *last_ns = now_ns;
        }
        (most_ns as f64 / elapsed_ns).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_busiest_counts_and_only_since_the_last_asking() {
        let stats = [Stats::default(), Stats::default()];
        stats[1].busy_ns.add(5_000_000_000);
        let mut busiest = Busiest::new(&stats);
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(busiest.ratio(&stats), 0.0);
        stats[0].busy_ns.add(1);
        stats[1].busy_ns.add(3_600_000_000_000);
        assert_eq!(busiest.ratio(&stats), 1.0, "an hour of work in a moment is a full shard, no more");
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(busiest.ratio(&stats), 0.0);
    }
}
