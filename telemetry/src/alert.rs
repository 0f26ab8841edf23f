//! Alerts: a queue that is past a threshold, and stays so.
//!
//! An alert is cleared with hysteresis: when the queue has been below half of its thresholds for [`CALM_UPDATES`] updates,
//! so that one which hovers about a threshold is told of once. Raising and clearing are marks, `alert.raised` and
//! `alert.cleared`, with the queue's figures.
//!
//! A queue that falls silent, whose figures stop coming, may be in the worst state of all. Its alert stands, with the
//! last figures, and one mark `alert.silent` says so. When figures come again, they are judged like any others.
//!
//! A delay is a projection, and a wild one when hardly anything moves: one letter after a quiet minute would wait for ever
//! by it. So it counts only as far as the queue has been seen not to be empty.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Drain, Health, Mark, Stamp};

/// For so many updates in a row a queue must be below half of its thresholds before its alert is cleared.
pub const CALM_UPDATES: u32 = 3;

/// The share of a threshold below which a queue is calm.
const CALM_SHARE: f64 = 0.5;

/// An alert that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Since when, in monotonic microseconds.
    pub since_us: u64,
    /// What was passed: `length over 100000`, `delay over 5 s`.
    pub threshold: String,
}

/// Past which a queue raises an alert.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Threshold {
    /// The name of the queue, or the beginning of names and a `*`.
    pub queue: String,
    /// The longest that it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<f64>,
    /// The longest that anything should wait in it. A queue that nothing leaves is past it after so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_s: Option<f64>,
}

impl Threshold {
    /// Whether this is about that queue.
    pub(crate) fn is_for(&self, name: &str) -> bool {
        match self.queue.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == self.queue,
        }
    }

    /// Whether a queue that has not been empty for `waited_s` is past `share` of this, and of which part.
    fn passed(&self, health: &Health, waited_s: f64, share: f64) -> Option<String> {
        if let Some(length) = self.length.filter(|length| health.length > length * share) {
            return Some(format!("length over {length}"));
        }
        let delay_s = health.delay_or_endless_s()?.min(waited_s);
        self.delay_s
            .filter(|limit_s| delay_s > limit_s * share)
            .map(|limit_s| format!("delay over {limit_s} s"))
    }
}

/// Watches one queue.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// For how many updates in a row the queue has been calm.
    calm_updates: u32,
}

impl Watch {
    /// Raises an alert or clears it, for a queue that has not been empty for `waited_s`.
    pub(crate) fn judge<'a>(
        &mut self,
        health: &mut Health,
        waited_s: f64,
        mut thresholds: impl Iterator<Item = &'a Threshold>,
    ) -> Option<Mark> {
        let Some(alert) = &health.alert else {
            let threshold = thresholds.find_map(|threshold| threshold.passed(health, waited_s, 1.0))?;
            let raised = mark("alert.raised", health.at_us, health, &threshold);
            health.alert = Some(Alert { since_us: health.at_us, threshold });
            self.calm_updates = 0;
            return Some(raised);
        };
        let uneasy = thresholds.any(|threshold| threshold.passed(health, waited_s, CALM_SHARE).is_some());
        self.calm_updates = if uneasy { 0 } else { self.calm_updates + 1 };
        if self.calm_updates < CALM_UPDATES {
            return None;
        }
        let cleared = mark("alert.cleared", health.at_us, health, &alert.threshold);
        health.alert = None;
        Some(cleared)
    }

    /// Keeps the alert of a queue whose last figures are `silent_s` old at `now_us`, and says so the first time. What
    /// was calm before counts no more. Without an alert there is nothing to keep.
    pub(crate) fn fall_silent(&mut self, health: &mut Health, now_us: u64, silent_s: f64) -> Option<Mark> {
        let alert = health.alert.as_ref()?;
        self.calm_updates = 0;
        if health.silent_s.replace(silent_s).is_some() {
            return None;
        }
        let mut silent = mark("alert.silent", now_us, health, &alert.threshold);
        silent.attributes.insert("silent_s".to_owned(), silent_s.into());
        Some(silent)
    }
}

/// The mark of what becomes of an alert.
fn mark(name: &str, at_us: u64, health: &Health, threshold: &str) -> Mark {
    let now = Stamp::now();
    let at = Stamp { mono_us: at_us, wall_us: now.wall_us.wrapping_sub(now.mono_us).wrapping_add(at_us) };
    let drain_s = health.drain.map(|drain| match drain {
        Drain::After { seconds } => seconds.into(),
        Drain::Never => "never".into(),
    });
    let mut attributes = BTreeMap::from([
        ("queue".to_owned(), health.name.as_str().into()),
        ("length".to_owned(), health.length.into()),
        ("threshold".to_owned(), threshold.into()),
    ]);
    attributes.extend(health.delay_s.map(|delay_s| ("delay_s".to_owned(), delay_s.into())));
    attributes.extend(drain_s.map(|drain_s| ("drain_s".to_owned(), drain_s)));
    Mark { at, source: "queues".to_owned(), name: name.to_owned(), attributes }
}
