//! What a bundle has to show, read in one pass and kept in bounded memory.
//!
//! Times are seconds since the ramp began, as the runner's mark says; in a recording without one, since its first frame.
//! What was before has negative times, and charts do not show it: workers start, and the machine's ceiling is measured with
//! more connections and messages than the run itself may have, beside which a chart would show little of the run.
//!
//! However long a recording is, a series keeps some thousand points, lowest and highest ones first, and latencies are
//! counted by some hundred bins of time, fewer when they are very scattered. Of marks, queues and kinds of latency so many
//! are kept as their modules say, and long names are cut.

mod beside;
mod clock;
mod latencies;
mod names;
mod queues;
mod reading;
mod series;
mod story;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use telemetry::{BundleError, FRAMES_FILE, FrameError, Histogram, Recording};

pub use latencies::{Bin, QUANTILES};
pub use queues::Queue;
pub use story::{Event, Phase};
pub(crate) use story::{clipped, grouped};

use beside::Beside;
use names::{COUNTERS, GAUGES};
use reading::Reading;

/// A run, or any recording, as far as charts show it.
#[derive(Debug, Clone)]
pub struct Run {
    label: String,
    summary: Option<Value>,
    host: Option<Value>,
    plan_text: Option<String>,
    plan: BTreeMap<String, Value>,
    began_wall_us: u64,
    length_s: f64,
    span_s: (f64, f64),
    series: BTreeMap<&'static str, Vec<(f64, f64)>>,
    totals: BTreeMap<&'static str, f64>,
    latencies: BTreeMap<String, (Vec<Bin>, Histogram<u64>)>,
    queues: BTreeMap<String, Queue>,
    phases: Vec<Phase>,
    events: Vec<Event>,
    ramp_points: Vec<(f64, f64)>,
    warm_until_s: Option<f64>,
    missing: Vec<String>,
}

/// The commit of the program that made a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// In hexadecimal, as long as was recorded.
    pub id: String,
    /// The branch that it was built on.
    pub branch: Option<String>,
    /// When it was committed, RFC 3339.
    pub committed_at: Option<String>,
    /// There were changes that were not committed.
    pub dirty: bool,
}

impl Run {
    /// Reads a run's directory, or any recording, plain or packed. `label` is what charts call it, else the name of its
    /// directory or file.
    ///
    /// What is torn, damaged or not there is no error; see [`missing`](Self::missing).
    ///
    /// # Errors
    /// As for [`Recording::open`].
    pub fn open(path: &Path, label: Option<String>) -> Result<Run, BundleError> {
        let recording = Recording::open(path)?;
        let (reading, recording, error) = Reading::of(recording);
        // A run's file of frames stands for the run.
        let of_run = path.file_name().is_some_and(|name| name == FRAMES_FILE);
        let place = if of_run { path.parent().filter(|dir| !dir.as_os_str().is_empty()) } else { None };
        let place = place.unwrap_or(path);
        let label = clipped(&label.unwrap_or_else(|| name_of(place)));
        let mut missing = gaps(&recording, &reading, error.as_ref());
        // A recording that is a plain file has nothing beside it, and misses nothing.
        let beside = if place.is_dir() { Beside::read(place, &mut missing) } else { Beside::default() };
        let Beside { summary, host, plan_text } = beside;
        Ok(Run { label, summary, host, plan_text, missing, ..Run::of(reading) })
    }

    fn of(reading: Reading) -> Run {
        let first = reading.first.unwrap_or_default();
        let zero_s = reading.zero_s.unwrap_or(0.0);
        let moved = |mut points: Vec<(f64, f64)>| {
            points.iter_mut().for_each(|point| point.0 -= zero_s);
            points
        };
        let totals =
            COUNTERS.into_iter().zip(&reading.counters).map(|(name, counter)| (name, counter.grown()));
        let totals: BTreeMap<_, _> = totals.collect();
        let gauges = reading.gauges.into_iter().map(series::Series::finish);
        let rates = reading.counters.into_iter().map(series::Counter::finish);
        let series = GAUGES.into_iter().zip(gauges).chain(COUNTERS.into_iter().zip(rates));
        let series: BTreeMap<_, _> = series.map(|(name, points)| (name, moved(points))).collect();
        let latencies = reading.latencies.into_iter().map(|(name, latencies)| {
            let (mut bins, whole) = latencies.finish();
            bins.iter_mut().for_each(|bin| (bin.from_s, bin.to_s) = (bin.from_s - zero_s, bin.to_s - zero_s));
            (name, (bins, whole))
        });
        let latencies = latencies.collect();
        let warm_us = reading.story.warm_until_us;
        let warm_until_s = warm_us.map(|us| (us as f64 - first.mono_us as f64) / 1e6 - zero_s);
        let plan = reading.story.plan.clone();
        let queues = reading.queues.finish(moved);
        let ramp_points = reading.ramp.points();
        let (phases, events) = reading.story.finish(zero_s, reading.end_s);
        Run {
            label: String::new(),
            summary: None,
            host: None,
            plan_text: None,
            plan,
            began_wall_us: first.wall_us,
            length_s: reading.end_s,
            span_s: (0.0, reading.end_s - zero_s),
            series,
            totals,
            latencies,
            queues,
            phases,
            events,
            ramp_points,
            warm_until_s,
            missing: Vec::new(),
        }
    }

    /// What charts call it.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// `summary.json`.
    pub fn summary(&self) -> Option<&Value> {
        self.summary.as_ref()
    }

    /// `host.json`.
    pub fn host(&self) -> Option<&Value> {
        self.host.as_ref()
    }

    /// `plan.yaml`.
    pub fn plan_text(&self) -> Option<&str> {
        self.plan_text.as_deref()
    }

    /// The attributes of the runner's mark `plan`; empty in a recording that is no run's.
    pub fn plan(&self) -> &BTreeMap<String, Value> {
        &self.plan
    }

    /// The commit of the program that made the run, where that is known.
    pub fn commit(&self) -> Option<Commit> {
        let commit = self.plan.get("commit")?;
        let text = |name: &str| Some(clipped(commit.get(name)?.as_str()?)).filter(|text| !text.is_empty());
        Some(Commit {
            id: text("id")?,
            branch: text("branch"),
            committed_at: text("committed_at"),
            dirty: commit.get("dirty").and_then(Value::as_bool).unwrap_or(false),
        })
    }

    /// When the recording began, in microseconds since the Unix epoch.
    pub fn began_wall_us(&self) -> u64 {
        self.began_wall_us
    }

    /// From the first frame to the last, in seconds.
    pub fn length_s(&self) -> f64 {
        self.length_s
    }

    /// From where to where charts go: from the beginning of the ramp, or of a recording without one, to the last frame.
    pub fn span_s(&self) -> (f64, f64) {
        self.span_s
    }

    /// The values of a gauge, or the rates per second of a counter; a y that is not a number is a gap. Empty for names
    /// that were not sampled, or that no chart shows.
    pub fn series(&self, name: &str) -> &[(f64, f64)] {
        self.series.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether a name is kept when a recording is read.
    pub(crate) fn keeps(&self, name: &str) -> bool {
        self.series.contains_key(name)
    }

    /// By how much a counter grew from the beginning of the ramp on; `None` when it was not sampled.
    pub fn total(&self, name: &str) -> Option<f64> {
        self.totals.get(name).copied().filter(|_| !self.series(name).is_empty())
    }

    /// Latencies over time, and all of them: [`QUANTILES`] of each bin, and the run's histogram in nanoseconds, without the
    /// deliveries of the warm-up.
    pub fn latency(&self, name: &str) -> Option<(&[Bin], &Histogram<u64>)> {
        self.latencies.get(name).map(|(bins, whole)| (bins.as_slice(), whole))
    }

    /// The kinds of latency that there are: `delivery.latency_ns`, …
    pub fn latency_names(&self) -> impl Iterator<Item = &str> {
        self.latencies.keys().map(String::as_str)
    }

    /// The queues by name.
    pub fn queues(&self) -> &BTreeMap<String, Queue> {
        &self.queues
    }

    /// The phases, one after the other, also those before the ramp.
    pub fn phases(&self) -> &[Phase] {
        &self.phases
    }

    /// What happened, in the order of time.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Server memory in bytes against connections over the ramp: what the summary's bytes per connection were fitted to.
    pub fn ramp_points(&self) -> &[(f64, f64)] {
        &self.ramp_points
    }

    /// When warm-up was over, in seconds since the ramp began.
    pub fn warm_until_s(&self) -> Option<f64> {
        self.warm_until_s
    }

    /// A figure of the summary, by its dotted name; none that is too large to be true.
    pub fn figure(&self, name: &str) -> Option<f64> {
        name.split('.')
            .try_fold(self.summary.as_ref()?, |value, part| value.get(part))?
            .as_f64()
            .filter(|value| value.abs() <= series::VALUE_MAX)
    }

    /// What is not there or could not be read, a sentence each.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }
}

/// A directory's own name, wherever the path comes from.
fn name_of(place: &Path) -> String {
    let whole = fs::canonicalize(place).unwrap_or_else(|_| place.to_owned());
    let name = whole.file_name().unwrap_or(whole.as_os_str());
    name.to_string_lossy().into_owned()
}

/// What the frames themselves lack.
fn gaps(recording: &Recording, reading: &Reading, error: Option<&FrameError>) -> Vec<String> {
    let mut out = Vec::new();
    if reading.first.is_none() {
        out.push("the recording holds no frame".to_owned());
    }
    if let Some(error) = error {
        out.push(format!("nothing after {:.1} s could be read: {error}", reading.end_s));
    }
    if recording.cut() {
        out.push("the recording was cut: its end is not there".to_owned());
    } else if recording.torn() {
        out.push("the last frame is torn: its writer died, or is still writing".to_owned());
    }
    let several = |count: u64, one: &str, many: &str| match count {
        0 => None,
        1 => Some(one.to_owned()),
        count => Some(format!("{} {many}", grouped(count as f64))),
    };
    let skipped = recording.skipped();
    out.extend(several(
        skipped,
        "one frame could not be read and was skipped",
        "frames could not be read and were skipped",
    ));
    out.extend(several(
        reading.clock.apart,
        "one frame is left out: its time is far from that of the frames around it",
        "frames are left out: their times are far from those of the frames around them",
    ));
    out.extend(several(
        reading.clock.back,
        "one frame is left out: its source's clock had gone back",
        "frames are left out: their source's clock had gone back",
    ));
    let lost = reading.latencies_lost;
    out.extend(several(
        lost,
        "one latency histogram could not be read",
        "latency histograms could not be read",
    ));
    let dropped = reading.story.dropped;
    out.extend(several(dropped, "one mark is not shown", "marks are not shown: there are too many"));
    out
}

#[cfg(test)]
mod tests;
