//! How one queue is: what follows from its length and its counters.
//!
//! Rates are the averages over the 10 s decay. Only one of the two counters is needed beside the length, because what
//! came in is what went out and what is there: enqueued = dequeued + length, but for a constant. (Where letters are
//! dropped from a queue, the enqueue rate that follows is net of them, and stays as it was while
//! more are dropped than come.) With no counter at all there is still a drain,
//! by how the length itself goes.

use std::fmt;

use crate::{Alert, Decays, Kind};

/// Which of the decays is the one over 10 s.
const TEN_SECONDS: usize = 1;

/// Until a second reading tells, the next is waited for as if readings were so far apart.
const FIRST_INTERVAL_US: u64 = 100_000_000;

/// How a queue is.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// What the queue is called.
    pub name: String,
    /// When it was so, in monotonic microseconds.
    pub at_us: u64,
    /// How much waits.
    pub length: f64,
    /// How much comes in, over about the last 10 s. Nothing is known before a second reading.
    pub enqueue_per_s: Option<f64>,
    /// How much goes out, likewise.
    pub dequeue_per_s: Option<f64>,
    /// How long what comes in now will wait. Absent when that is not known, and when nothing goes out while something waits:
    /// then `dequeue_per_s` is there and zero.
    pub delay_s: Option<f64>,
    /// How long until nothing waits, if all stays as it is.
    pub drain: Option<Drain>,
    /// What is wrong, if anything is.
    pub alert: Option<Alert>,
    /// How long ago all this was so, for a queue whose figures have stopped coming. It is here for its alert.
    pub silent_s: Option<f64>,
}

/// How long until nothing waits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Drain {
    /// So long.
    After {
        /// In seconds.
        seconds: f64,
    },
    /// No less goes in than comes out.
    Never,
}

impl fmt::Display for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Drain::After { seconds } => write!(f, "{seconds:.0} s"),
            Drain::Never => f.write_str("never"),
        }
    }
}

/// One reading of a queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) length: f64,
    pub(crate) enqueued: Option<f64>,
    pub(crate) dequeued: Option<f64>,
}

impl Health {
    /// Nothing yet.
    pub(crate) fn unknown(name: &str) -> Health {
        Health {
            name: name.to_owned(),
            at_us: 0,
            length: 0.0,
            enqueue_per_s: None,
            dequeue_per_s: None,
            delay_s: None,
            drain: None,
            alert: None,
            silent_s: None,
        }
    }

    /// The delay, endless when nothing goes out.
    pub(crate) fn delay_or_endless_s(&self) -> Option<f64> {
        self.delay_s.or(self.dequeue_per_s.map(|_| f64::INFINITY))
    }
}

/// What has been read of one queue.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    rates: Decays,
    last: Option<(u64, Reading)>,
    interval_us: u64,
    /// When it was last seen empty.
    empty_at_us: Option<u64>,
    /// The counter that is not told, as it follows from the other one and the length.
    derived: f64,
    /// Whether the last reading took that counter back, and was left out.
    fallen: bool,
}

impl Followed {
    /// Takes in a reading. False for one that is not later than the one before.
    pub(crate) fn take(&mut self, at_us: u64, reading: Reading) -> bool {
        let before = self.last;
        if before.is_some_and(|(last_us, _)| at_us <= last_us) {
            return false;
        }
        self.interval_us = before.map_or(0, |(last_us, _)| at_us - last_us);
        let Reading { length, enqueued, dequeued } = reading;
        let (enqueued, dequeued) = match (enqueued, dequeued) {
            (None, Some(told)) => (self.derive(told, told + length, |last| last.dequeued), Some(told)),
            (Some(told), None) => (Some(told), self.derive(told, told - length, |last| last.enqueued)),
            both_or_none => both_or_none,
        };
        if length <= 0.0 {
            self.empty_at_us = Some(at_us);
        }
        self.last = Some((at_us, reading));
        let growth = before.map(|(_, last)| (length - last.length) / (self.interval_us as f64 / 1e6));
        let values = [("enqueued", enqueued), ("dequeued", dequeued), ("growth", growth)];
        let values = values.into_iter().filter_map(|(name, value)| Some((name, value?)));
        self.rates.update(at_us, values, |name| if name == "growth" { Kind::Gauge } else { Kind::Counter });
        true
    }

    /// The counter that follows. Where it goes back, the length was read a moment off, or letters were dropped. The next
    /// reading tells which: after the former, the counter is past its old height, and nothing was lost but a reading.
    /// Otherwise it begins anew from there, as it does when the told one does, and that interval has no rate.
    fn derive(&mut self, told: f64, follows: f64, same: impl Fn(&Reading) -> Option<f64>) -> Option<f64> {
        let anew = self.last.as_ref().and_then(|(_, last)| same(last)).is_none_or(|last| told < last);
        self.fallen = follows < self.derived && !anew && !self.fallen;
        if self.fallen {
            return None;
        }
        self.derived = follows;
        Some(follows)
    }

    /// How long it was between the last two readings.
    pub(crate) fn interval_us(&self) -> u64 {
        if self.interval_us == 0 { FIRST_INTERVAL_US } else { self.interval_us }
    }

    /// For how long it has not been empty: without end when it never was.
    pub(crate) fn waited_s(&self) -> f64 {
        match (self.last, self.empty_at_us) {
            (Some((at_us, _)), Some(empty_at_us)) => (at_us - empty_at_us) as f64 / 1e6,
            _ => f64::INFINITY,
        }
    }

    /// How long ago the last reading was.
    pub(crate) fn silent_us(&self, now_us: u64) -> u64 {
        self.last.map_or(0, |(at_us, _)| now_us.saturating_sub(at_us))
    }

    /// Fills in what follows from the readings so far.
    pub(crate) fn tell(&self, at_us: u64, length: f64, health: &mut Health) {
        let rate = |name| self.rates.get(name).map(|decayed| decayed.averages[TEN_SECONDS]);
        let (enqueue, dequeue) = (rate("enqueued"), rate("dequeued"));
        (health.at_us, health.length, health.silent_s) = (at_us, length, None);
        (health.enqueue_per_s, health.dequeue_per_s) = (enqueue, dequeue);
        health.delay_s = dequeue.and_then(|dequeue| quotient(length, dequeue));
        let shrinks = match (enqueue, dequeue) {
            (Some(enqueue), Some(dequeue)) => Some(dequeue - enqueue),
            _ => rate("growth").map(|growth| -growth),
        };
        health.drain = shrinks.map(|shrinks| match quotient(length, shrinks) {
            Some(seconds) => Drain::After { seconds },
            None => Drain::Never,
        });
    }
}

/// How long a length lasts at a rate; nothing lasts no time at all, and anything else for ever at a rate of zero.
fn quotient(length: f64, per_s: f64) -> Option<f64> {
    if length <= 0.0 {
        return Some(0.0);
    }
    (per_s > 0.0).then(|| length / per_s).filter(|seconds| seconds.is_finite())
}
