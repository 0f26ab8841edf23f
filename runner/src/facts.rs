//! What a run has learnt so far, from frames and from its own samples.

use std::collections::BTreeMap;

use serde_json::Value;
use telemetry::{Audit, Frame, Histogram, Mark, fit, latency_histogram};

use crate::ceiling;
use crate::ledger::Reading;
use crate::reserve::Stopped;
use crate::seen::Seen;
use crate::worker::Role;

/// Memory at one moment of the ramp, in bytes; what could not be read is absent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MemoryPoint {
    pub(crate) mono_us: u64,
    pub(crate) server: Option<f64>,
    pub(crate) generator: Option<f64>,
    pub(crate) kernel: Option<f64>,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// The attributes of each worker's ready mark.
    pub(crate) ready: BTreeMap<Role, BTreeMap<String, Value>>,
    /// The measurement of the ceiling is over.
    pub(crate) limit_over: bool,
    /// Why there is no ceiling, or not a whole one.
    pub(crate) limit_note: Option<String>,
    /// The ramp's end, as the generator tells it.
    pub(crate) ramp: Option<Mark>,
    /// The publisher has ended its schedule and the server has accounted for it.
    pub(crate) published: Option<Mark>,
    /// The latest values of all samples.
    pub(crate) values: BTreeMap<String, f64>,
    pub(crate) connections_peak: f64,
    pub(crate) server_rss_peak: Option<f64>,
    pub(crate) generator_rss_peak: Option<f64>,
    /// Server RSS when the first million messages had been sent.
    pub(crate) server_rss_at_first_million: Option<f64>,
    pub(crate) published_audit: Option<Audit>,
    pub(crate) received_audit: Audit,
    /// By name; delivery latencies only from `deliveries_from_us` on.
    pub(crate) histograms: BTreeMap<String, Histogram<u64>>,
    /// Deliveries before this time are warm-up.
    pub(crate) deliveries_from_us: u64,
    /// While the ramp lasts: connections over time, and memory over time.
    pub(crate) ramping: bool,
    pub(crate) connections: Vec<(u64, f64)>,
    pub(crate) memory: Vec<MemoryPoint>,
    pub(crate) ledger: Vec<Reading>,
    /// Why the ledger cannot tell the kernel's objects apart.
    pub(crate) slab_unread: Option<String>,
    /// The ramp has been stopped before its end.
    pub(crate) stopped: Option<Stopped>,
    /// The extremes and means of gauges.
    pub(crate) seen: Seen,
}

impl Facts {
    /// Takes in a frame.
    pub(crate) fn learn(&mut self, role: Role, frame: &Frame) {
        match frame {
            Frame::Sample(sample) => {
                self.learn_values(&sample.values);
                self.seen.see(sample.at.mono_us, &sample.values);
                if role == Role::Generator && self.ramping {
                    let open = self.value("connections.open") + self.value("connections.opening");
                    fit::push_bounded(&mut self.connections, (sample.at.mono_us, open));
                }
            }
            Frame::Latency(latency) => {
                let warm_up =
                    latency.name.starts_with("delivery.") && latency.at.mono_us < self.deliveries_from_us;
                if let (false, Ok(histogram)) = (warm_up, latency.decode()) {
                    let sum = self.histograms.entry(latency.name.clone()).or_insert_with(latency_histogram);
                    // The bounds are the same everywhere, so that adding cannot fail.
                    let _ = sum.add(histogram);
                }
            }
            Frame::Audit(frame) => match role {
                Role::Publisher => self.published_audit = Some(frame.audit),
                _ => self.received_audit = frame.audit,
            },
            Frame::Mark(mark) => self.learn_mark(role, mark),
            Frame::Hello(_) | Frame::Log(_) | Frame::Table(_) | Frame::Catalog(_) => {}
        }
    }

    /// Takes in values that are true now.
    pub(crate) fn learn_values(&mut self, values: &BTreeMap<String, f64>) {
        for (name, value) in values {
            match self.values.get_mut(name) {
                Some(known) => *known = *value,
                None => {
                    self.values.insert(name.clone(), *value);
                }
            }
        }
        self.connections_peak = self.connections_peak.max(self.value("connections.open"));
        if let Some(rss) = values.get("server.rss_bytes") {
            self.server_rss_peak = Some(self.server_rss_peak.map_or(*rss, |peak| peak.max(*rss)));
            if self.value("publisher.sent") >= 1e6 {
                self.server_rss_at_first_million.get_or_insert(*rss);
            }
        }
        if let Some(rss) = values.get("generator.rss_bytes") {
            self.generator_rss_peak = Some(self.generator_rss_peak.map_or(*rss, |peak| peak.max(*rss)));
        }
    }

    fn learn_mark(&mut self, role: Role, mark: &Mark) {
        let phase = mark.attributes.get("phase").and_then(Value::as_str);
        match (mark.name.as_str(), phase) {
            ("worker.ready", _) => {
                self.ready.insert(role, mark.attributes.clone());
            }
            ("phase.ended", Some(ceiling::NAME)) => {
                self.limit_over = true;
                let note = mark.attributes.get("cut_short").and_then(Value::as_str);
                self.limit_note = note.map(|why| format!("cut short: {why}"));
            }
            ("phase.ended", Some("ramp")) => self.ramp = Some(mark.clone()),
            ("phase.ended", Some("messages")) => self.published = Some(mark.clone()),
            _ => {}
        }
    }

    pub(crate) fn remember_memory(&mut self, point: MemoryPoint) {
        fit::push_bounded(&mut self.memory, point);
    }

    pub(crate) fn remember_ledger(&mut self, reading: Reading) {
        fit::push_bounded(&mut self.ledger, reading);
    }

    /// The ledger's readings, each with the connections at its time.
    pub(crate) fn ledger_against_connections(&self) -> Vec<(f64, Reading)> {
        let at = |reading: &Reading| Some((self.connections_at(reading.mono_us)?, *reading));
        self.ledger.iter().filter_map(at).collect()
    }

    /// The latest value, 0 when it was never said: for progress and waiting, not for results.
    pub(crate) fn value(&self, name: &str) -> f64 {
        self.values.get(name).copied().unwrap_or(0.0)
    }

    /// An address from a worker's ready mark.
    pub(crate) fn address(&self, role: Role, name: &str) -> Option<&str> {
        self.ready.get(&role)?.get(name)?.as_str()
    }

    /// Deliveries that should have been received by now, as far as the publisher has been told.
    pub(crate) fn expected(&self) -> Option<u64> {
        let audit = self.published_audit?;
        Some(audit.expected.saturating_sub(audit.gone + audit.dropped))
    }

    /// Memory against connections over the ramp; connections interpolated to the time of each memory reading.
    pub(crate) fn memory_against_connections(
        &self,
        of: impl Fn(&MemoryPoint) -> Option<f64>,
    ) -> Vec<(f64, f64)> {
        let mut points = Vec::new();
        for point in &self.memory {
            if let (Some(bytes), Some(open)) = (of(point), self.connections_at(point.mono_us)) {
                points.push((open, bytes));
            }
        }
        points
    }

    fn connections_at(&self, mono_us: u64) -> Option<f64> {
        fit::interpolated(&self.connections, mono_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpolates_connections_to_the_time_of_the_memory_reading() {
        let point = |mono_us| MemoryPoint { mono_us, server: Some(1.0), generator: None, kernel: None };
        let facts = Facts {
            connections: vec![(100, 0.0), (200, 1000.0), (300, 1000.0)],
            memory: vec![point(50), point(100), point(150), point(250), point(301)],
            ..Facts::default()
        };
        let points = facts.memory_against_connections(|point| point.server);
        assert_eq!(points, [(500.0, 1.0), (1000.0, 1.0)], "readings outside the reports are left out");
        assert_eq!(facts.memory_against_connections(|point| point.kernel), []);
    }
}
