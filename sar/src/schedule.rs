//! When the next sample is due: at `start + n × interval`, each computed from the start, so that lateness never adds up.
//!
//! A wake-up that comes late is served at once, and the next tick stays where it was. Ticks that passed entirely
//! are counted, not replayed: two samples in a row would tell nothing that one does not.
//!
//! Pure: time comes as an argument, in nanoseconds of whatever clock the caller waits by.

use std::time::Duration;

/// A row of ticks at equal distances.
#[derive(Debug, Clone)]
pub struct Schedule {
    start_ns: u64,
    interval_ns: u64,
    next: u64,
    missed: u64,
}

/// A tick being served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// Its number, from 0.
    pub number: u64,
    /// How long after the moment that was waited for.
    pub late: Duration,
    /// Ticks that passed unserved since the last one.
    pub missed: u64,
}

impl Schedule {
    /// The first tick is due at once. An interval of zero is taken as a nanosecond.
    pub fn new(start_ns: u64, interval: Duration) -> Schedule {
        let interval_ns = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX).max(1);
        Schedule { start_ns, interval_ns, next: 0, missed: 0 }
    }

    /// When the next tick is due.
    pub fn due_ns(&self) -> u64 {
        self.start_ns.saturating_add(self.next.saturating_mul(self.interval_ns))
    }

    /// How long to wait for it.
    pub fn wait(&self, now_ns: u64) -> Duration {
        Duration::from_nanos(self.due_ns().saturating_sub(now_ns))
    }

    /// Serves the next tick at this moment; a moment too early counts as none too late.
    pub fn serve(&mut self, now_ns: u64) -> Tick {
        let late = Duration::from_nanos(now_ns.saturating_sub(self.due_ns()));
        let latest = now_ns.saturating_sub(self.start_ns) / self.interval_ns;
        let number = latest.max(self.next);
        let missed = number - self.next;
        self.missed += missed;
        self.next = number + 1;
        Tick { number, late, missed }
    }

    /// Ticks that passed unserved, all in all.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// The distance between ticks.
    pub fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval_ns)
    }

    /// Goes on with another distance; the next tick is due one such distance from now. Numbers begin anew at 1.
    pub fn change_interval(&mut self, now_ns: u64, interval: Duration) {
        *self = Schedule { next: 1, missed: self.missed, ..Schedule::new(now_ns, interval) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn every_second() -> Schedule {
        Schedule::new(5_000 * MS, Duration::from_secs(1))
    }

    #[test]
    fn lateness_does_not_add_up() {
        let mut schedule = every_second();
        let mut now = 5_000 * MS;
        for number in 0..1_000 {
            assert_eq!(schedule.due_ns(), (5_000 + number * 1_000) * MS);
            now += schedule.wait(now).as_nanos() as u64 + 300 * MS;
            let late = Duration::from_millis(300);
            assert_eq!(schedule.serve(now), Tick { number, late, missed: 0 });
        }
        assert_eq!(schedule.missed(), 0);
    }

    #[test]
    fn ticks_that_passed_are_counted_and_not_replayed() {
        let mut schedule = every_second();
        schedule.serve(5_000 * MS);
        let tick = schedule.serve(9_200 * MS);
        assert_eq!(tick, Tick { number: 4, late: Duration::from_millis(3_200), missed: 3 });
        assert_eq!((schedule.due_ns(), schedule.missed()), (10_000 * MS, 3));
        assert_eq!(schedule.wait(9_200 * MS), Duration::from_millis(800));
        assert_eq!(schedule.wait(10_001 * MS), Duration::ZERO);
    }

    #[test]
    fn a_moment_too_early_is_served_and_moves_nothing() {
        let mut schedule = every_second();
        schedule.serve(4_999 * MS);
        assert_eq!(schedule.serve(5_999 * MS), Tick { number: 1, late: Duration::ZERO, missed: 0 });
        assert_eq!(schedule.due_ns(), 7_000 * MS);
    }

    #[test]
    fn odd_intervals_and_ends_of_time_are_survived() {
        let mut schedule = Schedule::new(0, Duration::ZERO);
        assert_eq!(schedule.serve(10).missed, 10);
        let mut never = Schedule::new(7, Duration::MAX);
        never.serve(7);
        assert_eq!(never.due_ns(), u64::MAX);
        let mut changed = every_second();
        changed.serve(5_000 * MS);
        changed.change_interval(5_100 * MS, Duration::from_millis(100));
        assert_eq!((changed.due_ns(), changed.interval()), (5_200 * MS, Duration::from_millis(100)));
    }
}
