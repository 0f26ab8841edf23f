//! The two times that every frame carries.
//!
//! Durations within one machine are differences of [`Stamp::mono_us`]: CLOCK_MONOTONIC is the same for all processes
//! and never steps. [`Stamp::wall_us`] places a run in the calendar and lines up machines, no more.

use std::time::{SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// A moment, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Stamp {
    /// CLOCK_MONOTONIC, in microseconds. Comparable between processes of one machine since its last boot.
    pub mono_us: u64,
    /// Microseconds since the Unix epoch, by the machine's calendar clock (which may step).
    pub wall_us: u64,
}

impl Stamp {
    /// This moment.
    pub fn now() -> Stamp {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Stamp {
            mono_us: monotonic_ns() / 1_000,
            wall_us: u64::try_from(wall.as_micros()).expect("the year is before 586,000"),
        }
    }
}

/// CLOCK_MONOTONIC in nanoseconds: for latencies and schedules.
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux always has CLOCK_MONOTONIC");
    let seconds = u64::try_from(now.tv_sec()).expect("monotonic time starts at zero");
    let nanoseconds = u64::try_from(now.tv_nsec()).expect("a fraction of a second is not negative");
    seconds * 1_000_000_000 + nanoseconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_run_and_agree_with_the_system() {
        let before = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_micros();
        let a = Stamp::now();
        let b = Stamp::now();
        assert!(b.mono_us >= a.mono_us);
        assert!(a.mono_us > 0);
        // An hour either way: this compares units, not clocks.
        assert!(u128::from(a.wall_us).abs_diff(before) < 3_600_000_000);
        let ns = monotonic_ns();
        assert!(ns / 1_000 >= b.mono_us && ns / 1_000 < b.mono_us + 3_600_000_000);
    }
}
