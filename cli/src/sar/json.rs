//! `--json`: one object a sample, as `docs/schema/sar.schema.json` says.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use telemetry::{Decayed, Drain, Health, Mark, TAUS_S};

use crate::sar::cost::Cost;
use crate::sar::picture::Picture;
use crate::sar::times::rfc3339;

/// What `floodmark sar --json` prints in each line.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "floodmark sar --json: a line", deny_unknown_fields)]
pub(crate) struct Line {
    /// When the sample was taken, in RFC 3339.
    time: String,
    /// The same in monotonic microseconds, which never step.
    mono_us: u64,
    /// The values as they were sampled: gauges, and counters since their beginning. The unit is the name's last word.
    values: BTreeMap<String, f64>,
    /// The growth of each counter per second, over the interval that ended here. A counter that began anew has none.
    rates: BTreeMap<String, f64>,
    /// What each gauge, and each counter's rate, was lately.
    decays: BTreeMap<String, Decays>,
    /// The health of each queue.
    queues: Vec<Queue>,
    /// The alerts that are raised now.
    alerts: Vec<Alert>,
    /// What this tool itself costs; absent where the samples do not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Cost>,
}

/// Decayed averages, corrected for warm-up, and the largest values.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Decays {
    /// The average that decays over 1 s.
    #[serde(rename = "1s")]
    average_1s: f64,
    /// The average that decays over 10 s.
    #[serde(rename = "10s")]
    average_10s: f64,
    /// The average that decays over 100 s.
    #[serde(rename = "100s")]
    average_100s: f64,
    /// The largest value in the last second.
    max_1s: f64,
    /// The largest value in the last 10 s.
    max_10s: f64,
    /// The largest value in the last 100 s.
    max_100s: f64,
}

const _: () = assert!(TAUS_S[0] == 1.0 && TAUS_S[1] == 10.0 && TAUS_S[2] == 100.0);

/// One queue's health.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Queue {
    /// The queue's name.
    name: String,
    /// What waits in it.
    length: f64,
    /// What comes in per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    enqueue_per_s: Option<f64>,
    /// What goes out per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    dequeue_per_s: Option<f64>,
    /// How long what comes in now will wait: length ÷ dequeue rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_s: Option<f64>,
    /// When it will be empty: length ÷ (dequeue rate − enqueue rate); `never` when at least as much comes in as goes
    /// out.
    #[serde(skip_serializing_if = "Option::is_none")]
    drain_s: Option<DrainTime>,
    /// How long ago all this was so, for a queue with an alert whose figures have stopped coming.
    #[serde(skip_serializing_if = "Option::is_none")]
    silent_s: Option<f64>,
}

/// Seconds, or the word.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum DrainTime {
    Seconds(f64),
    Word(DrainWord),
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DrainWord {
    Never,
}

/// An alert that is raised.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Alert {
    /// The queue's name.
    queue: String,
    /// What waits in it.
    length: f64,
    /// How long what comes in now will wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_s: Option<f64>,
    /// What was passed: `length over 100000`, `delay over 5 s`.
    threshold: String,
    /// Since when, in monotonic microseconds.
    since_us: u64,
}

impl Line {
    /// The line of this moment.
    pub(crate) fn of(picture: &Picture) -> Line {
        let own = |(name, value): (&str, f64)| (name.to_owned(), value);
        let rate = |(name, decayed): (&str, Decayed)| {
            picture.is_counter(name).then(|| (name.to_owned(), decayed.value))
        };
        Line {
            time: rfc3339(picture.at.wall_us),
            mono_us: picture.at.mono_us,
            values: picture.values().map(own).collect(),
            rates: picture.all_decayed().filter_map(rate).collect(),
            decays: picture
                .all_decayed()
                .map(|(name, decayed)| (name.to_owned(), Decays::of(&decayed)))
                .collect(),
            queues: picture.queues().iter().map(Queue::of).collect(),
            alerts: picture.queues().iter().filter_map(Alert::of).collect(),
            cost: Cost::of(picture),
        }
    }

    /// Appends it with its newline.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(&mut *out, self).expect("plain numbers and strings, and a Vec takes it all");
        out.push(b'\n');
    }
}

impl Decays {
    fn of(decayed: &Decayed) -> Decays {
        let [average_1s, average_10s, average_100s] = decayed.averages;
        let [max_1s, max_10s, max_100s] = decayed.maxima;
        Decays { average_1s, average_10s, average_100s, max_1s, max_10s, max_100s }
    }
}

impl Queue {
    fn of(health: &Health) -> Queue {
        Queue {
            name: health.name.clone(),
            length: health.length,
            enqueue_per_s: health.enqueue_per_s,
            dequeue_per_s: health.dequeue_per_s,
            delay_s: health.delay_s,
            drain_s: health.drain.map(|drain| match drain {
                Drain::After { seconds } => DrainTime::Seconds(seconds),
                Drain::Never => DrainTime::Word(DrainWord::Never),
            }),
            silent_s: health.silent_s,
        }
    }
}

impl Alert {
    fn of(health: &Health) -> Option<Alert> {
        let alert = health.alert.as_ref()?;
        Some(Alert {
            queue: health.name.clone(),
            length: health.length,
            delay_s: health.delay_s,
            threshold: alert.threshold.clone(),
            since_us: alert.since_us,
        })
    }
}

/// A mark's attribute as a number, if it is one.
pub(crate) fn number(mark: &Mark, name: &str) -> Option<f64> {
    mark.attributes.get(name).and_then(serde_json::Value::as_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_current() {
        crate::committed_schema::is_current::<Line>("sar.schema.json");
    }
}
