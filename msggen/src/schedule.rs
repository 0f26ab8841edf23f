//! When each message is meant to be sent.
//!
//! Message `j` is due at `start + j ÷ rate`, and generator `j mod G` sends it. That is the same as `G` generators that
//! each send every `G ÷ rate` seconds, their phases spread evenly; computed from the start, so that nothing drifts.

use crate::options::Pace;

/// A point on the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) generator: u16,
    /// CLOCK_MONOTONIC, nanoseconds.
    pub(crate) at_ns: u64,
}

#[derive(Debug)]
pub(crate) struct Schedule {
    start_ns: u64,
    generators: u16,
    /// 0: everything is due at once.
    spacing_ns: f64,
    /// Messages since the last change of pace.
    sent: u64,
    /// Messages left; the schedule ends with the last.
    left: u64,
    end_ns: u64,
}

impl Schedule {
    pub(crate) fn new(
        pace: Pace,
        generators: u16,
        count: Option<u64>,
        duration_ns: Option<u64>,
        start_ns: u64,
    ) -> Self {
        Self {
            start_ns,
            generators,
            spacing_ns: spacing(pace),
            sent: 0,
            left: count.unwrap_or(u64::MAX),
            end_ns: duration_ns.map_or(u64::MAX, |duration| start_ns + duration),
        }
    }

    /// The time between two messages; 0 when everything is due at once.
    pub(crate) fn spacing_ns(&self) -> u64 {
        self.spacing_ns as u64
    }

    /// The next message, or `None` when there is none left. With [`Pace::Max`] it is due `now`.
    pub(crate) fn peek(&self, now_ns: u64) -> Option<Due> {
        let at_ns = if self.spacing_ns == 0.0 {
            now_ns
        } else {
            self.start_ns + (self.sent as f64 * self.spacing_ns) as u64
        };
        let generator = (self.sent % u64::from(self.generators)) as u16;
        (self.left > 0 && at_ns < self.end_ns).then_some(Due { generator, at_ns })
    }

    pub(crate) fn advance(&mut self) {
        self.sent += 1;
        self.left -= 1;
    }

    /// Another pace from now on.
    pub(crate) fn set_pace(&mut self, pace: Pace, now_ns: u64) {
        self.start_ns = now_ns;
        self.spacing_ns = spacing(pace);
        self.sent = 0;
    }

    pub(crate) fn end(&mut self) {
        self.left = 0;
    }
}

fn spacing(pace: Pace) -> f64 {
    match pace {
        Pace::Rate(rate) => 1e9 / rate,
        Pace::Max => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(schedule: &mut Schedule) -> Vec<Due> {
        let mut all = Vec::new();
        while let Some(due) = schedule.peek(0) {
            all.push(due);
            schedule.advance();
        }
        all
    }

    #[test]
    fn generators_take_turns_and_nothing_drifts() {
        let due = all(&mut Schedule::new(Pace::Rate(3000.0), 7, Some(30_000), None, 100));
        assert_eq!(due.len(), 30_000);
        let last = due.last().unwrap();
        assert_eq!(last.generator, (29_999 % 7) as u16);
        assert!(last.at_ns.abs_diff(100 + 29_999 * 1_000_000 / 3) <= 1, "the last is due at {}", last.at_ns);
        let own: Vec<u64> = due.iter().filter(|due| due.generator == 3).map(|due| due.at_ns).collect();
        assert!(own.windows(2).all(|pair| (pair[1] - pair[0]).abs_diff(7_000_000 / 3) <= 1));
    }

    #[test]
    fn ends_with_its_count_or_its_time() {
        assert_eq!(all(&mut Schedule::new(Pace::Rate(10.0), 1, None, Some(1_000_000_000), 0)).len(), 10);
        assert_eq!(all(&mut Schedule::new(Pace::Rate(10.0), 1, Some(3), Some(1_000_000_000), 0)).len(), 3);
        let mut schedule = Schedule::new(Pace::Max, 1, None, None, 0);
        assert_eq!(schedule.peek(5), Some(Due { generator: 0, at_ns: 5 }));
        schedule.end();
        assert_eq!(schedule.peek(6), None);
    }
}
