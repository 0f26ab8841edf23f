//! What to measure, and what may be spent on it.

use std::time::Duration;

use crate::LimitError;

/// The most steps that one measurement has.
pub const STEPS_MAX: usize = 4;

/// The most connections that a step may ask for.
pub const CONNECTIONS_MAX: usize = 1_000_000;

/// The most connections that may be under way: as many as a listener's backlog is sure to hold.
pub const CONCURRENCY_MAX: usize = 4096;

/// The least time that is worth beginning with.
pub const TIME_MIN: Duration = Duration::from_secs(1);

/// The most time that may be given; nothing here takes longer.
pub const TIME_MAX: Duration = Duration::from_secs(3600);

/// What to measure, and what may be spent on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many connections each step holds: one to [`STEPS_MAX`] steps, taken from the smallest up.
    pub connections: Vec<usize>,
    /// Connections that may be under way while a step opens.
    pub concurrency: usize,
    /// Free memory that is never touched.
    pub reserve_bytes: u64,
    /// How long everything may take.
    pub time_max: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections: vec![100, 30_000, 250_000],
            concurrency: 500,
            reserve_bytes: 1 << 30,
            time_max: Duration::from_secs(60),
        }
    }
}

impl Options {
    /// The steps from the smallest up, once it is clear that all values make sense.
    pub(crate) fn steps(&self) -> Result<Vec<usize>, LimitError> {
        let wrong = |what: String| Err(LimitError::Options(what));
        let count = self.connections.len();
        if !(1..=STEPS_MAX).contains(&count) {
            return wrong(format!("{count} steps: write one to {STEPS_MAX} numbers of connections"));
        }
        if let Some(odd) = self.connections.iter().find(|number| !(1..=CONNECTIONS_MAX).contains(number)) {
            return wrong(format!("a step of {odd} connections: write 1 to {CONNECTIONS_MAX}"));
        }
        if !(1..=CONCURRENCY_MAX).contains(&self.concurrency) {
            return wrong(format!("a concurrency of {}: write 1 to {CONCURRENCY_MAX}", self.concurrency));
        }
        if !(TIME_MIN..=TIME_MAX).contains(&self.time_max) {
            return wrong(format!("a time of {:?}: write {TIME_MIN:?} to {TIME_MAX:?}", self.time_max));
        }
        let mut steps = self.connections.clone();
        steps.sort_unstable();
        steps.dedup();
        Ok(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_go_from_the_smallest_up_and_each_once() {
        let options = Options { connections: vec![300, 20, 300], ..Options::default() };
        assert_eq!(options.steps().expect("good options"), [20, 300]);
        assert_eq!(Options::default().steps().expect("good options"), [100, 30_000, 250_000]);
    }

    #[test]
    fn what_makes_no_sense_is_told_with_what_to_write() {
        let good = Options::default();
        for (options, part) in [
            (Options { connections: vec![], ..good.clone() }, "one to 4"),
            (Options { connections: vec![1, 2, 3, 4, 5], ..good.clone() }, "5 steps"),
            (Options { connections: vec![100, 0], ..good.clone() }, "0 connections"),
            (Options { connections: vec![1_000_001], ..good.clone() }, "1 to 1000000"),
            (Options { concurrency: 0, ..good.clone() }, "1 to 4096"),
            (Options { concurrency: 5000, ..good.clone() }, "5000"),
            (Options { time_max: Duration::ZERO, ..good }, "1s to 3600s"),
        ] {
            let error = options.steps().expect_err("wrong options");
            assert!(matches!(error, LimitError::Options(_)));
            assert!(error.to_string().contains(part), "'{error}' lacks '{part}'");
        }
    }
}
