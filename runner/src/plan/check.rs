//! Problems, and the checks that any value may need.

use std::time::Duration;

use crate::{
    scenario::Pace,
    units::{Count, Span},
};

/// Something that does not fit in a scenario whose every word could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The value it is about, or the one that is missing: `connections.count`, `thresholds[2]`.
    pub path: String,
    /// Other values it rests on. If one of them could not be read, there may be no problem at all, and it is not shown.
    pub rests_on: &'static [&'static str],
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub instead: String,
}

/// Collects problems while the parts are resolved. Each method returns a value to go on with.
#[derive(Default)]
pub(super) struct Check {
    pub(super) problems: Vec<Problem>,
}

impl Check {
    /// Adds a problem. One between several values then names the others in its `rests_on`.
    pub(super) fn wrong(
        &mut self,
        path: &str,
        what: impl Into<String>,
        instead: impl Into<String>,
    ) -> &mut Problem {
        let (what, instead) = (what.into(), instead.into());
        self.problems.push(Problem { path: path.to_owned(), rests_on: &[], what, instead });
        self.problems.last_mut().expect("one was just added")
    }

    pub(super) fn required<T>(&mut self, path: &str, value: Option<T>, example: &str) -> Option<T> {
        if value.is_none() {
            self.wrong(path, format!("'{path}' is missing"), format!("write e.g. {example}"));
        }
        value
    }

    /// A count from 1 to `max`.
    pub(super) fn count(&mut self, path: &str, value: Option<Count>, default: u64, max: u64) -> u64 {
        let value = value.map_or(default, |count| count.0);
        if value == 0 {
            self.wrong(path, format!("{path} is 0"), "write at least 1");
        } else if value > max {
            self.wrong(path, format!("{path} is {value}"), format!("write at most {max}"));
        }
        value.clamp(1, max)
    }

    /// A count from 1 to `max`, which fits 32 bits.
    pub(super) fn count32(&mut self, path: &str, value: Option<Count>, default: u64, max: u64) -> u32 {
        u32::try_from(self.count(path, value, default, max)).unwrap_or(u32::MAX)
    }

    pub(super) fn span(&mut self, path: &str, value: Option<Span>, default: Duration) -> Duration {
        let value = value.map_or(default, |span| span.0);
        if value.is_zero() {
            self.wrong(path, format!("{path} is 0s"), "write a time above 0, e.g. 10s");
        }
        value
    }

    pub(super) fn pace(&mut self, path: &str, pace: Pace) {
        if matches!(pace, Pace::Rate(rate) if rate.per_second() <= 0.0) {
            self.wrong(path, format!("{path} is 0"), "write a rate above 0, e.g. 1000/s");
        }
    }
}
