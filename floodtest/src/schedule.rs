//! When each connection is to be begun.
//!
//! Connection `k` is due at `start + k ÷ rate`: computed from the start, never from the last one, so that a late
//! wake-up is caught up with and the rate does not drift. Shard `s` of `n` takes the connections `k ≡ s (mod n)`.

/// One shard's part of the schedule. Times are CLOCK_MONOTONIC in nanoseconds.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    next: u32,
    step: u32,
    count: u32,
    /// The first connection that is due at `start_ns`; earlier ones are overdue.
    first: u32,
    start_ns: u64,
    /// Nanoseconds between two connections of the whole flood; 0: all are due at once.
    spacing_ns: f64,
}

impl Schedule {
    pub(crate) fn new(shard: usize, shards: usize, count: u32, rate: Option<f64>, start_ns: u64) -> Self {
        let spacing_ns = rate.map_or(0.0, |rate| 1e9 / rate);
        Self { next: shard as u32, step: shards as u32, count, first: 0, start_ns, spacing_ns }
    }

    /// The next connection and when it is due; `None` when all have been begun.
    pub(crate) fn peek(&self) -> Option<(u32, u64)> {
        let due = self.start_ns + (f64::from(self.next.saturating_sub(self.first)) * self.spacing_ns) as u64;
        (self.next < self.count).then_some((self.next, due))
    }

    pub(crate) fn advance(&mut self) {
        self.next = self.next.saturating_add(self.step);
    }

    /// Goes on to `count` connections, the further ones from `start_ns` on.
    pub(crate) fn extend(&mut self, count: u32, start_ns: u64) {
        (self.first, self.start_ns) = (self.count, start_ns);
        self.count = self.count.max(count);
    }

    /// Begins no more.
    pub(crate) fn end(&mut self) {
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_connections_are_due_from_their_own_beginning() {
        let mut schedule = Schedule::new(0, 1, 2, Some(1000.0), 0);
        schedule.advance();
        schedule.extend(4, 7_000_000);
        let mut due = Vec::new();
        while let Some(next) = schedule.peek() {
            due.push(next);
            schedule.advance();
        }
        assert_eq!(due, [(1, 7_000_000), (2, 7_000_000), (3, 8_000_000)], "the overdue one is due at once");
    }

    #[test]
    fn every_connection_is_due_once_and_none_drifts() {
        let mut due = Vec::new();
        for shard in 0..3 {
            let mut schedule = Schedule::new(shard, 3, 1000, Some(70.0), 5);
            while let Some((number, at)) = schedule.peek() {
                due.push((number, at));
                schedule.advance();
            }
        }
        due.sort_unstable();
        assert_eq!(due.len(), 1000);
        for (expected, (number, at)) in due.into_iter().enumerate() {
            assert_eq!(number, expected as u32);
            let exact = 5.0 + expected as f64 * 1e9 / 70.0;
            assert!((at as f64 - exact).abs() < 2.0, "connection {number} is due at {at}, not {exact}");
        }
    }
}
