//! What a run shows while it goes on.

use std::time::Duration;

use telemetry::{Audit, Histogram, Stamp};

use crate::ceiling;
use crate::facts::Facts;
use crate::plan::Plan;
use crate::summary::Times;

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The machine's own ceiling is being measured.
    Limit,
    /// Workers are being started.
    Starting,
    /// Connections are being opened.
    Ramp,
    /// Connections are held, and messages sent.
    Hold,
    /// The last messages are on their way.
    Settle,
    /// Connections are being closed.
    Drain,
}

impl Phase {
    /// As marks name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Limit => ceiling::NAME,
            Self::Starting => "start",
            Self::Ramp => "ramp",
            Self::Hold => "hold",
            Self::Settle => "settle",
            Self::Drain => "drain",
        }
    }
}

/// Whoever shows progress.
pub trait Progress {
    /// Called at every sample and phase, twenty times a second at most.
    fn status(&mut self, status: &Status<'_>);
}

/// How far a run is.
#[derive(Clone, Copy)]
pub struct Status<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) facts: &'a Facts,
    pub(crate) phase: Phase,
    pub(crate) times: &'a Times,
}

impl Status<'_> {
    /// The phase.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Since the run began.
    pub fn elapsed(&self) -> Duration {
        Duration::from_micros(Stamp::now().mono_us.saturating_sub(self.times.began_us))
    }

    /// The share of the present phase that is over, where it can be told.
    pub fn share(&self) -> Option<f64> {
        match self.phase {
            Phase::Ramp => Some(self.connections_open() as f64 / self.plan.connections.count as f64),
            Phase::Hold => {
                let messages = self.plan.messages.as_ref()?;
                match messages.until {
                    crate::plan::Until::Sent(count) => Some(self.sent() as f64 / count as f64),
                    crate::plan::Until::Elapsed(duration) => {
                        let since = Stamp::now().mono_us.saturating_sub(self.times.messages_began_us?);
                        Some((since as f64 / duration.as_micros() as f64).min(1.0))
                    }
                }
            }
            Phase::Limit | Phase::Starting | Phase::Settle | Phase::Drain => None,
        }
    }

    /// Connections asked for by this phase.
    pub fn connections_asked(&self) -> u64 {
        match self.phase {
            Phase::Limit | Phase::Starting | Phase::Ramp => self.plan.connections.count,
            Phase::Hold | Phase::Settle | Phase::Drain => self.plan.connections_max(),
        }
    }

    /// Connections logged in.
    pub fn connections_open(&self) -> u64 {
        self.facts.value("connections.open") as u64
    }

    /// Connections that failed.
    pub fn connections_failed(&self) -> u64 {
        self.facts.value("connections.failed") as u64
    }

    /// Messages sent.
    pub fn sent(&self) -> u64 {
        self.facts.value("publisher.sent") as u64
    }

    /// What has been received.
    pub fn received(&self) -> Audit {
        self.facts.received_audit
    }

    /// Delivery latency since the warm-up, in nanoseconds.
    pub fn delivery(&self) -> Option<&Histogram<u64>> {
        self.facts.histograms.get("delivery.latency_ns")
    }

    /// Resident memory of the server.
    pub fn server_rss_bytes(&self) -> Option<u64> {
        self.facts.values.get("server.rss_bytes").map(|bytes| *bytes as u64)
    }
}
