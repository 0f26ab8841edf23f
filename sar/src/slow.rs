//! A source that is read less often than the others, because it is dear and its figures move slowly. In between, its last
//! values are said again.

use std::collections::BTreeMap;
use std::time::Duration;

use telemetry::{Meaning, monotonic_ns};

use crate::{SarError, Source, Values};

/// How old values that are said again may be.
pub(crate) const SLOW_INTERVAL: Duration = Duration::from_secs(10);

/// A source that is read once in [`SLOW_INTERVAL`].
#[derive(Debug)]
pub(crate) struct Slow<S> {
    source: S,
    values: Values,
    /// When it was read last, in monotonic nanoseconds.
    read_ns: Option<u64>,
}

impl<S: Source> Slow<S> {
    pub(crate) fn new(source: S) -> Slow<S> {
        Slow { source, values: Values::new(), read_ns: None }
    }

    fn sample_at(&mut self, now_ns: u64, out: &mut Values) -> Result<(), SarError> {
        let age = |then: u64| Duration::from_nanos(now_ns.saturating_sub(then));
        let mut result = Ok(());
        if self.read_ns.is_none_or(|then| age(then) >= SLOW_INTERVAL) {
            self.read_ns = Some(now_ns);
            self.values.clear();
            result = self.source.sample(&mut self.values);
        }
        out.extend(&self.values);
        result
    }
}

impl<S: Source> Source for Slow<S> {
    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        self.sample_at(monotonic_ns(), out)
    }

    fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        let mut meanings = BTreeMap::new();
        self.source.meanings(&mut meanings);
        for meaning in meanings.values_mut() {
            meaning.help.push_str(" Read every 10 seconds.");
        }
        out.append(&mut meanings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(f64);

    impl Source for Counting {
        fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
            self.0 += 1.0;
            out.push("count", self.0);
            Ok(())
        }
    }

    #[test]
    fn values_are_said_again_until_they_are_old() {
        let mut slow = Slow::new(Counting(0.0));
        let mut seen = |second: u64| {
            let mut values = Values::new();
            slow.sample_at(second * 1_000_000_000, &mut values).expect("counted");
            values.get("count")
        };
        assert_eq!([5, 6, 14, 15, 16, 100].map(&mut seen), [1.0, 1.0, 1.0, 2.0, 2.0, 3.0].map(Some));
    }
}
