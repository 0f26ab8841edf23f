//! Queues over time: length, and the delay and drain that follow from it.

use std::collections::BTreeMap;

use telemetry::{Drain, QueueSpec, Queues, Sample};

use super::series::Series;
use super::story::TEXT_CHARS_MAX;

/// The most queues that are kept; a chart could not show more. Neither are those with endless names.
const QUEUES_MAX: usize = 16;

/// A queue over a run; times in seconds since the ramp began.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Queue {
    /// What the value is called that says its length, with its unit last.
    pub length_name: String,
    /// How much waited.
    pub length: Vec<(f64, f64)>,
    /// How long what came in would wait, in seconds.
    pub delay_s: Vec<(f64, f64)>,
    /// How long until nothing waited, in seconds; no point where nothing did, or the queue did not shrink.
    pub drain_s: Vec<(f64, f64)>,
    /// Readings at which the queue held something and did not shrink.
    pub never: u64,
}

/// Follows the queues while a recording is read.
#[derive(Debug)]
pub(super) struct Followed {
    specs: Vec<QueueSpec>,
    queues: Queues,
    series: BTreeMap<String, Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    length_name: String,
    length: Series,
    delay: Series,
    drain: Series,
    never: u64,
}

impl Followed {
    pub(super) fn new(specs: Vec<QueueSpec>) -> Followed {
        Followed { queues: Queues::new(specs.clone(), Vec::new()), specs, series: BTreeMap::new() }
    }

    /// Follows these queues, too, as the recording says that it did.
    pub(super) fn describe(&mut self, specs: Vec<QueueSpec>) {
        for spec in specs {
            let is_named = spec.name.len() <= TEXT_CHARS_MAX && spec.length.len() <= TEXT_CHARS_MAX;
            if is_named && !self.specs.contains(&spec) && self.specs.len() < QUEUES_MAX {
                self.specs.push(spec);
            }
        }
        self.queues = Queues::new(self.specs.clone(), Vec::new());
    }

    pub(super) fn take(&mut self, sample: &Sample, at_s: f64) {
        if !self.specs.iter().any(|spec| sample.values.contains_key(&spec.length)) {
            return;
        }
        self.queues.update(sample.at.mono_us, &|name| sample.values.get(name).copied());
        for health in self.queues.health() {
            let Some(spec) = self.specs.iter().find(|spec| spec.name == health.name) else { continue };
            if health.at_us != sample.at.mono_us {
                continue;
            }
            let kept = self.series.entry(health.name.clone()).or_default();
            kept.length_name.clone_from(&spec.length);
            kept.length.push((at_s, health.length));
            if let Some(delay_s) = health.delay_s {
                kept.delay.push((at_s, delay_s));
            }
            match health.drain {
                Some(Drain::After { seconds }) if health.length > 0.0 => kept.drain.push((at_s, seconds)),
                Some(Drain::Never) => kept.never += 1,
                Some(Drain::After { .. }) | None => {}
            }
        }
    }

    pub(super) fn finish(
        self,
        moved: impl Fn(Vec<(f64, f64)>) -> Vec<(f64, f64)>,
    ) -> BTreeMap<String, Queue> {
        let queue = |kept: Kept| Queue {
            length_name: kept.length_name,
            length: moved(kept.length.finish()),
            delay_s: moved(kept.delay.finish()),
            drain_s: moved(kept.drain.finish()),
            never: kept.never,
        };
        self.series.into_iter().map(|(name, kept)| (name, queue(kept))).collect()
    }
}
