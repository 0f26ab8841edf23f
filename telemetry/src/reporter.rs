//! A worker's voice: frames with its name and the time on them.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::Value;

use crate::{Audit, AuditFrame, Frame, Hello, Latency, Log, Mark, SCHEMA_VERSION, Sample, Stamp};

/// Says frames into whatever takes them: a pipe, a bundle, a status line.
pub struct Reporter<'a> {
    source: &'static str,
    emit: &'a mut dyn FnMut(Frame),
}

impl<'a> Reporter<'a> {
    /// A voice for `source` (`server`, `generator`, `publisher`); says hello as `worker` at once.
    pub fn new(source: &'static str, worker: &str, emit: &'a mut dyn FnMut(Frame)) -> Self {
        emit(Frame::Hello(Hello {
            at: Stamp::now(),
            source: source.into(),
            schema: SCHEMA_VERSION,
            worker: worker.into(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").into(),
        }));
        Self { source, emit }
    }

    /// Values that are true now.
    pub fn sample(&mut self, values: impl IntoIterator<Item = (String, f64)>) {
        let values = values.into_iter().collect();
        (self.emit)(Frame::Sample(Sample { at: Stamp::now(), source: self.source.into(), values }));
    }

    /// A frame that is whole already.
    pub fn say(&mut self, frame: Frame) {
        (self.emit)(frame);
    }

    /// Something has happened.
    pub fn mark(&mut self, name: &str, attributes: Vec<(&str, Value)>) {
        let attributes: BTreeMap<String, Value> =
            attributes.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let frame = Mark { at: Stamp::now(), source: self.source.into(), name: name.into(), attributes };
        (self.emit)(Frame::Mark(frame));
    }

    /// The latencies of an interval that ended at `at`; histograms of one interval have the same.
    pub fn latency(&mut self, at: Stamp, name: &str, interval: Duration, histogram: &Histogram<u64>) {
        (self.emit)(Frame::Latency(Latency {
            at,
            source: self.source.into(),
            name: name.into(),
            interval_us: interval.as_micros() as u64,
            histogram: Latency::encode(histogram),
        }));
    }

    /// The account so far.
    pub fn audit(&mut self, audit: Audit) {
        (self.emit)(Frame::Audit(AuditFrame { at: Stamp::now(), source: self.source.into(), audit }));
    }

    /// A line for a human. `level` is `error`, `warn` or `info`.
    pub fn log(&mut self, level: &str, message: impl Into<String>) {
        (self.emit)(Frame::Log(Log {
            at: Stamp::now(),
            source: self.source.into(),
            level: level.into(),
            message: message.into(),
            fields: BTreeMap::new(),
        }));
    }
}
