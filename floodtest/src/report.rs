//! What the shards have to tell: counters, and latencies gathered into one set of histograms.

use std::sync::{Mutex, PoisonError};

use hdrhistogram::Histogram;
use shard::Counter;
use telemetry::latency_histogram;

use crate::failure::Cause;

/// One shard's counters.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Counters {
    /// Connections begun, repetitions included.
    pub(crate) begun: Counter,
    /// Begun and not logged in yet.
    pub(crate) opening: Counter,
    /// Logged in now.
    pub(crate) open: Counter,
    /// Logins since the start.
    pub(crate) logins: Counter,
    /// When the last of them was answered, CLOCK_MONOTONIC in nanoseconds.
    pub(crate) last_login_ns: Counter,
    /// Connections given up for good.
    pub(crate) failed: Counter,
    /// Failures by cause, those that will be tried again included; in the order of [`Cause::ALL`].
    pub(crate) failures: [Counter; Cause::ALL.len()],
    /// Logged-in connections that the server ended.
    pub(crate) closed_by_server: Counter,
    /// Connections begun again after a loss or a failure.
    pub(crate) reconnects: Counter,
    /// 1 once the shard begins no more connections.
    pub(crate) settled: Counter,
    /// Messages received.
    pub(crate) messages: Counter,
    pub(crate) delivered: Counter,
    pub(crate) duplicated: Counter,
    pub(crate) reordered: Counter,
    pub(crate) misrouted: Counter,
    pub(crate) corrupt: Counter,
    pub(crate) unmarked: Counter,
    pub(crate) missing: Counter,
    pub(crate) saturated: Counter,
}

/// What latencies there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Latency {
    /// From the call of connect to the established connection.
    Connect,
    /// From the call of connect to the login's answer.
    Login,
    /// From when a connection was due to when it was begun: the generator's own lateness.
    ScheduleLag,
    /// From when a message was meant to be sent to when it was read here.
    Delivery,
    /// From when it really was sent.
    RawDelivery,
}

impl Latency {
    pub(crate) const ALL: [(Self, &'static str); 5] = [
        (Self::Connect, "connect.latency_ns"),
        (Self::Login, "connect.login_ns"),
        (Self::ScheduleLag, "connect.schedule_lag_ns"),
        (Self::Delivery, "delivery.latency_ns"),
        (Self::RawDelivery, "delivery.raw_latency_ns"),
    ];
}

/// Values noted during one turn, in nanoseconds.
pub(crate) type Noted = Vec<(Latency, u64)>;

/// The histograms of all shards together: each shard adds a turn's values under one lock, so that a hundred shards
/// do not keep a hundred sets of histograms.
#[derive(Debug)]
pub(crate) struct Latencies {
    interval: Mutex<Vec<Histogram<u64>>>,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { interval: Mutex::new(Latency::ALL.iter().map(|_| latency_histogram()).collect()) }
    }
}

impl Latencies {
    /// Adds and clears what a turn has noted.
    pub(crate) fn add(&self, noted: &mut Noted) {
        if noted.is_empty() {
            return;
        }
        let mut histograms = self.interval.lock().unwrap_or_else(PoisonError::into_inner);
        for (latency, value) in noted.drain(..) {
            histograms[latency as usize].saturating_record(value);
        }
    }

    /// Hands each histogram that is not empty to `take`, then clears them: an interval has ended.
    pub(crate) fn take(&self, mut take: impl FnMut(&'static str, &Histogram<u64>)) {
        let mut histograms = self.interval.lock().unwrap_or_else(PoisonError::into_inner);
        for ((_, name), histogram) in Latency::ALL.iter().zip(histograms.iter_mut()) {
            if !histogram.is_empty() {
                take(name, histogram);
                histogram.reset();
            }
        }
    }
}
