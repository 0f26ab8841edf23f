//! The one pass over a recording's frames.

use std::collections::{BTreeMap, HashMap};

use telemetry::{
    Counts, CountsReader, Frame, FrameError, Latency, Mark, Queues, Recording, Sample, Stamp, fit,
};

use super::clock::Clock;
use super::latencies::{COUNTS_MAX, Latencies};
use super::names::{COUNTERS, GAUGES};
use super::queues::Followed;
use super::series::{Counter, Series, VALUE_MAX};
use super::story::{Story, TEXT_CHARS_MAX};

/// The most kinds of latency that are kept, beside the bins at 600 KB each; further ones are counted as lost.
const LATENCIES_MAX: usize = 16;

/// Frames that no chart shows.
const LEFT_OUT: &[&str] = &["table", "catalog", "audit", "log"];

/// What has been read so far; times in seconds since the first frame.
pub(super) struct Reading {
    pub(super) first: Option<Stamp>,
    pub(super) end_s: f64,
    /// When the ramp began.
    pub(super) zero_s: Option<f64>,
    places: HashMap<&'static str, Place>,
    pub(super) gauges: Vec<Series>,
    pub(super) counters: Vec<Counter>,
    pub(super) latencies: BTreeMap<String, Latencies>,
    /// Latencies of further kinds, and those that could not be read.
    pub(super) latencies_lost: u64,
    pub(super) queues: Followed,
    pub(super) story: Story,
    pub(super) ramp: Ramp,
    pub(super) clock: Clock,
    counts: (CountsReader, Counts),
}

#[derive(Clone, Copy)]
enum Place {
    Gauge(usize),
    Counter(usize),
}

/// The points that the run's own fit was made of, as `runner` gathers them: its readings of memory, and the generator's
/// connections meanwhile.
#[derive(Default)]
pub(super) struct Ramp {
    over: bool,
    sampling: bool,
    open: (f64, f64),
    connections: Vec<(u64, f64)>,
    memory: Vec<(u64, f64)>,
}

impl Ramp {
    fn take(&mut self, sample: &Sample) {
        let value = |name| sample.values.get(name).copied();
        self.open.0 = value("connections.open").unwrap_or(self.open.0);
        self.open.1 = value("connections.opening").unwrap_or(self.open.1);
        if self.over {
            return;
        }
        if sample.source == "generator" && self.sampling {
            fit::push_bounded(&mut self.connections, (sample.at.mono_us, self.open.0 + self.open.1));
        }
        if sample.source == "runner" {
            self.sampling = true;
            if let Some(rss) = value("server.rss_bytes") {
                fit::push_bounded(&mut self.memory, (sample.at.mono_us, rss));
            }
        }
    }

    /// Server memory in bytes against connections.
    pub(super) fn points(&self) -> Vec<(f64, f64)> {
        let at =
            |(mono_us, bytes): &(u64, f64)| Some((fit::interpolated(&self.connections, *mono_us)?, *bytes));
        self.memory.iter().filter_map(at).collect()
    }
}

impl Reading {
    fn new() -> Reading {
        let gauges = GAUGES.into_iter().enumerate().map(|(place, name)| (name, Place::Gauge(place)));
        let counters = COUNTERS.into_iter().enumerate().map(|(place, name)| (name, Place::Counter(place)));
        Reading {
            first: None,
            end_s: 0.0,
            zero_s: None,
            places: gauges.chain(counters).collect(),
            gauges: vec![Series::default(); GAUGES.len()],
            counters: vec![Counter::default(); COUNTERS.len()],
            latencies: BTreeMap::new(),
            latencies_lost: 0,
            queues: Followed::new(Queues::default_specs()),
            story: Story::default(),
            ramp: Ramp::default(),
            clock: Clock::default(),
            counts: Default::default(),
        }
    }

    /// Reads it all. The error is what ended it before its end.
    pub(super) fn of(recording: Recording) -> (Reading, Recording, Option<FrameError>) {
        let mut recording = recording.leaving_out(LEFT_OUT);
        let mut reading = Reading::new();
        let mut error = None;
        while let Some(next) = recording.next() {
            match next.map(|placed| reading.clock.pass(placed.frame)) {
                Ok(Some(frame)) => reading.take(frame),
                Ok(None) => {}
                Err(refused) => error = Some(refused),
            }
        }
        while let Some(frame) = reading.clock.rest() {
            reading.take(frame);
        }
        (reading, recording, error)
    }

    fn take(&mut self, frame: Frame) {
        let at = frame.at();
        let first = *self.first.get_or_insert(at);
        let at_s = (at.mono_us as f64 - first.mono_us as f64) / 1e6;
        self.end_s = self.end_s.max(at_s);
        match frame {
            Frame::Sample(mut sample) => {
                sample.values.retain(|_, value| value.abs() <= VALUE_MAX);
                self.take_sample(&sample, at_s);
            }
            Frame::Latency(latency) => self.take_latency(&latency, at_s),
            Frame::Mark(mark) => self.take_mark(&mark, at_s),
            _ => {}
        }
    }

    fn take_sample(&mut self, sample: &Sample, at_s: f64) {
        for (name, value) in &sample.values {
            match self.places.get(name.as_str()) {
                Some(Place::Gauge(place)) => self.gauges[*place].push((at_s, *value)),
                Some(Place::Counter(place)) => self.counters[*place].take((at_s, *value)),
                None => {}
            }
        }
        self.queues.take(sample, at_s);
        self.ramp.take(sample);
    }

    fn take_latency(&mut self, latency: &Latency, at_s: f64) {
        let (reader, counts) = &mut self.counts;
        if reader.read(latency, counts).is_err() {
            self.latencies_lost += 1;
            return;
        }
        if !self.latencies.contains_key(&latency.name) {
            if self.latencies.len() >= LATENCIES_MAX || latency.name.len() > TEXT_CHARS_MAX {
                self.latencies_lost += 1;
                return;
            }
            self.latencies.insert(latency.name.clone(), Latencies::default());
        }
        // As the summary does: deliveries of the warm-up are not of the run's percentiles.
        let warm_us = self.story.warm_until_us.unwrap_or(0);
        let whole = !latency.name.starts_with("delivery.") || latency.at.mono_us >= warm_us;
        if let Some(known) = self.latencies.get_mut(&latency.name) {
            known.take((at_s - latency.interval_us as f64 / 1e6, at_s), counts, whole);
            Latencies::bound(&mut self.latencies, COUNTS_MAX);
        }
    }

    fn take_mark(&mut self, mark: &Mark, at_s: f64) {
        if let Some((specs, _)) = Queues::described_by(mark) {
            self.queues.describe(specs);
        }
        if self.story.take(mark, at_s) {
            self.zero_s = Some(at_s);
            self.counters.iter_mut().for_each(Counter::forget_total);
        }
        let phase = mark.attributes.get("phase").and_then(serde_json::Value::as_str);
        if mark.source == "runner" && mark.name == "phase.ended" && phase == Some("ramp") {
            self.ramp.over = true;
        }
    }
}
