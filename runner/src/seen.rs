//! What gauges showed over a run: lowest, highest, and their mean while the machine was under load. A few numbers for
//! each name, however long the run.

use std::collections::BTreeMap;

/// When a run is under load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Connections are opened.
    Ramp,
    /// Messages are sent.
    Messages,
}

/// The gauges that are watched; no other name takes memory.
const NAMES: [&str; 17] = [
    "connections.opening",
    "generator.busiest_shard_ratio",
    "generator.cpu_cores",
    "host.conntrack_entries",
    "host.conntrack_entries_max",
    "host.cpu_busy_ratio",
    "host.file_handles",
    "host.file_handles_max",
    "host.steal_ratio",
    "host.tcp_memory_bytes",
    "host.tcp_time_wait",
    "publisher.cpu_cores",
    "server.busiest_shard_ratio",
    "server.cpu_cores",
    "server.descriptor_tables",
    "server.descriptors",
    "server.mail_waiting_max",
];

/// Counters of the machine's, which go on before the ramp as well.
pub(crate) const COUNTERS: [&str; 5] = [
    "host.conntrack_drops",
    "host.listen_overflows",
    "host.syn_cookies_sent",
    "host.tcp_memory_aborts",
    "host.tcp_memory_pressures",
];

/// Free memory, which is the sum of several values.
pub(crate) const MEMORY_FREE: &str = "memory.free_bytes";

#[derive(Debug, Clone, Copy)]
struct Mean {
    last_us: u64,
    sum: f64,
    seconds: f64,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// And when it began.
    stage: Option<(Stage, u64)>,
    /// The lowest and the highest.
    extremes: BTreeMap<&'static str, (f64, f64)>,
    means: BTreeMap<(Stage, &'static str), Mean>,
    /// Counters as they were when the ramp began.
    pub(crate) began: BTreeMap<&'static str, f64>,
    /// And when the drain began: what happens from then on kept nobody from the plan.
    pub(crate) ended: Option<BTreeMap<&'static str, f64>>,
}

impl Seen {
    /// From now on values count towards this stage's means; `None`: towards none. With the ramp everything begins anew:
    /// what went before it, the measuring of the ceiling for one, is not the run's.
    pub(crate) fn enter(&mut self, stage: Option<Stage>, now_us: u64) {
        if stage == Some(Stage::Ramp) {
            self.extremes.clear();
        }
        self.stage = stage.map(|stage| (stage, now_us));
    }

    /// Takes in a sample.
    pub(crate) fn see(&mut self, at_us: u64, values: &BTreeMap<String, f64>) {
        for name in NAMES {
            if let Some(value) = values.get(name) {
                self.see_one(at_us, name, *value);
            }
        }
        if let Some(free) = crate::reserve::free_bytes(|name| values.get(name).copied()) {
            self.see_one(at_us, MEMORY_FREE, free);
        }
    }

    /// One value, which holds for the time since the last one of its name.
    pub(crate) fn see_one(&mut self, at_us: u64, name: &'static str, value: f64) {
        if self.ended.is_some() {
            return;
        }
        let (min, max) = self.extremes.entry(name).or_insert((value, value));
        (*min, *max) = (min.min(value), max.max(value));
        let Some((stage, began_us)) = self.stage else { return };
        let mean =
            self.means.entry((stage, name)).or_insert(Mean { last_us: began_us, sum: 0.0, seconds: 0.0 });
        let seconds = at_us.saturating_sub(mean.last_us) as f64 / 1e6;
        mean.last_us = mean.last_us.max(at_us);
        mean.sum += value * seconds;
        mean.seconds += seconds;
    }

    pub(crate) fn max(&self, name: &str) -> Option<f64> {
        self.extremes.get(name).map(|(_, max)| *max)
    }

    pub(crate) fn min(&self, name: &str) -> Option<f64> {
        self.extremes.get(name).map(|(min, _)| *min)
    }

    /// The mean over a stage, each value weighted by the time it holds for.
    pub(crate) fn mean(&self, stage: Stage, name: &'static str) -> Option<f64> {
        let mean = self.means.get(&(stage, name)).filter(|mean| mean.seconds > 0.0)?;
        Some(mean.sum / mean.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_weighted_by_time_and_only_of_their_stage() {
        let mut seen = Seen::default();
        let see = |seen: &mut Seen, at_us, value| {
            seen.see(at_us, &BTreeMap::from([("server.cpu_cores".to_owned(), value), ("other".into(), 1.0)]));
        };
        see(&mut seen, 0, 99.0);
        seen.enter(Some(Stage::Ramp), 1_000_000);
        see(&mut seen, 2_000_000, 1.0);
        see(&mut seen, 2_010_000, 2.0);
        seen.enter(None, 2_010_000);
        see(&mut seen, 3_000_000, 0.5);
        see(&mut seen, 4_000_000, 9.0);
        let mean = seen.mean(Stage::Ramp, "server.cpu_cores").expect("seen");
        assert!((mean - 1.02 / 1.01).abs() < 1e-9, "{mean}");
        assert_eq!((seen.min("server.cpu_cores"), seen.max("server.cpu_cores")), (Some(0.5), Some(9.0)));
        assert_eq!((seen.mean(Stage::Messages, "server.cpu_cores"), seen.max("other")), (None, None));
    }
}
