//! The flood as a worker: it takes commands, says frames, and ends cleanly.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use shard::{Busiest, Counter, Pool, PoolError, PoolOptions};
use telemetry::{Audit, Command, Frame, Reporter, Stamp, monotonic_ns};
use thiserror::Error;

use crate::failure::Cause;
use crate::options::Options;
use crate::report::{Counters, Latencies};
use crate::service::{Common, Flood, Order};

/// How often the flood says how it is, unless told otherwise.
const INTERVAL: Duration = Duration::from_secs(1);

/// How often it looks whether a phase has ended.
const LOOK: Duration = Duration::from_millis(20);

/// How long shards may take to end.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// Why a flood did not run.
#[derive(Debug, Error)]
pub enum FloodError {
    /// The shards.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

/// How a flood ended: what a caller without frames wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Logins, repeated ones included.
    pub logins: u64,
    /// Connections that never logged in.
    pub failed: u64,
    /// Attempts at which nobody listened.
    pub refused: u64,
    /// Logged-in connections that the server ended.
    pub closed_by_server: u64,
}

/// Runs a flood: `worker.ready`, then (at once, or on a start command) the ramp, then the hold, until its time is up
/// or a stop command comes. Says a sample, the interval's latencies and the audit at every interval.
///
/// Start it before anything else opens descriptors: what is open now stays open in every shard until the end.
///
/// # Errors
/// See [`FloodError`].
pub fn run(
    options: &Options,
    commands: &Receiver<Command>,
    emit: &mut dyn FnMut(Frame),
) -> Result<Outcome, FloodError> {
    let shards = options.shards.clamp(1, shard::SHARDS_MAX);
    let common = Arc::new(Common {
        options: options.clone(),
        counters: (0..shards).map(|_| Counters::default()).collect(),
        latencies: Latencies::default(),
        opening: AtomicU32::new(0),
    });
    let pool_options = PoolOptions {
        name: "flood",
        shards,
        listen: Vec::new(),
        backlog: 0,
        descriptors_max: options.descriptors_max,
    };
    let shared = Arc::clone(&common);
    let pool = Pool::start(&pool_options, move |index| Flood::new(index, Arc::clone(&shared)))?;
    let busiest = Busiest::new(pool.stats());
    let mut flood = Control {
        common,
        busiest,
        pool,
        reporter: Reporter::new("generator", "floodtest", emit),
        phase: None,
        further: None,
        reported: Instant::now(),
    };
    flood.reporter.mark(
        "worker.ready",
        vec![("shards", shards.into()), ("source_addresses", options.sources.addresses().into())],
    );
    if !options.wait_for_start {
        flood.start();
    }
    flood.follow(commands);
    flood.report();
    let outcome = Outcome {
        logins: flood.sum(|c| &c.logins),
        failed: flood.sum(|c| &c.failed),
        refused: flood.sum(|c| &c.failures[Cause::Refused as usize]),
        closed_by_server: flood.sum(|c| &c.closed_by_server),
    };
    flood.pool.stop(STOP_PATIENCE)?;
    Ok(outcome)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Ramp { began_ns: u64 },
    Hold { until: Option<Instant> },
}

/// Connections that were asked for while others are held.
#[derive(Debug, Clone, Copy)]
struct Further {
    /// All connections there are to be.
    asked: u32,
    /// Those that had been tried when these were asked for.
    before: u64,
    began_ns: u64,
    reached: bool,
}

struct Control<'a> {
    common: Arc<Common>,
    pool: Pool<Order>,
    busiest: Busiest,
    reporter: Reporter<'a>,
    phase: Option<Phase>,
    further: Option<Further>,
    /// When the last report was made: the next one's interval begins there.
    reported: Instant,
}

impl Control<'_> {
    fn start(&mut self) {
        self.reporter.mark("phase.began", vec![("phase", "ramp".into())]);
        let began_ns = monotonic_ns();
        self.phase = Some(Phase::Ramp { began_ns });
        self.tell(Order::Start { at_ns: began_ns });
    }

    fn tell(&self, order: Order) {
        for shard in 0..self.pool.mailboxes().shards() {
            // A mailbox fills only with what other shards send, and these send nothing.
            let _ = self.pool.mailboxes().post(shard, order, b"");
        }
    }

    /// Until the hold is over, a stop command comes, or a shard breaks.
    fn follow(&mut self, commands: &Receiver<Command>) {
        let mut interval = INTERVAL;
        while !self.pool.is_broken() {
            let until_report = interval.saturating_sub(self.reported.elapsed());
            match commands.recv_timeout(until_report.min(LOOK)) {
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Command::Start) if self.phase.is_none() => self.start(),
                Ok(Command::Settle) => self.tell(Order::Settle),
                Ok(Command::Close) => self.tell(Order::Close),
                Ok(Command::Interval { ms }) => interval = Duration::from_millis(ms),
                Ok(Command::Set { name, value }) => self.turn_knob(&name, value),
                Ok(Command::Start) | Err(RecvTimeoutError::Timeout) => {}
            }
            if self.reported.elapsed() >= interval {
                self.report();
            }
            self.follow_further();
            if self.phase_over() {
                return;
            }
        }
    }

    /// `connections`: how many there are to be from now on, more than before.
    fn turn_knob(&mut self, name: &str, value: f64) {
        let asked = self.further.map_or(self.common.options.connections, |further| further.asked);
        let most = self.common.options.connections_max;
        if name != "connections" || self.phase.is_none() {
            return self.reporter.mark("warning", vec![("unknown_knob", name.into())]);
        }
        if !(f64::from(asked) < value && value <= f64::from(most)) {
            return self.reporter.mark("warning", vec![("connections_out_of_range", value.into())]);
        }
        let (count, at_ns) = (value as u32, monotonic_ns());
        self.reporter.mark("knob", vec![("name", name.into()), ("value", value.into())]);
        self.further = Some(Further { asked: count, before: self.tried(), began_ns: at_ns, reached: false });
        self.tell(Order::More { count, at_ns });
    }

    /// Connections that are logged in or have failed for good.
    fn tried(&self) -> u64 {
        self.sum(|c| &c.logins) + self.sum(|c| &c.failed)
    }

    /// Says once that the further connections are there.
    fn follow_further(&mut self) {
        let tried = self.tried();
        let Some(further) = &mut self.further else { return };
        if further.reached || tried < u64::from(further.asked) {
            return;
        }
        further.reached = true;
        let (asked, count) = (further.asked, tried - further.before);
        let last_ns = self.common.counters.iter().map(|c| c.last_login_ns.get()).max().unwrap_or(0);
        let seconds = last_ns.saturating_sub(further.began_ns) as f64 / 1e9;
        let rate = count as f64 / seconds.max(1e-9);
        self.reporter.mark(
            "connections.reached",
            vec![("connections", asked.into()), ("reached_rate_per_s", rate.into())],
        );
    }

    /// Goes from ramp to hold when no connection is left to open; `true` when the hold is over as well.
    fn phase_over(&mut self) -> bool {
        let options = &self.common.options;
        match self.phase {
            Some(Phase::Ramp { began_ns }) => {
                // With reconnects a connection may log in several times, and none fails for good: there the ramp is
                // over once each has been tried.
                let there = self.sum(|c| &c.logins);
                // Told to settle in the ramp: it is over once every shard has obeyed and nothing is under way.
                let settled = self.common.counters.iter().all(|c| c.settled.get() == 1);
                let over = if settled {
                    self.sum(|c| &c.opening) == 0
                } else if options.reconnect {
                    let tried = self.sum(|c| &c.begun).saturating_sub(self.sum(|c| &c.reconnects));
                    tried >= u64::from(options.connections) && self.sum(|c| &c.opening) == 0
                } else {
                    there + self.sum(|c| &c.failed) >= u64::from(options.connections)
                };
                if !over {
                    return false;
                }
                // The schedule puts the first connection at its beginning, so n of them span n − 1 intervals.
                let last_ns = self.common.counters.iter().map(|c| c.last_login_ns.get()).max().unwrap_or(0);
                let seconds = last_ns.saturating_sub(began_ns) as f64 / 1e9;
                let reached = (self.sum(|c| &c.logins) as f64 - 1.0).max(0.0) / seconds.max(1e-9);
                let mut attributes = vec![("phase", "ramp".into()), ("reached_rate_per_s", reached.into())];
                if let Some(asked) = options.rate {
                    attributes.push(("asked_rate_per_s", asked.into()));
                }
                let failures = |cause: &&Cause| self.sum(|c| &c.failures[**cause as usize]);
                if let Some(cause) =
                    Cause::ALL.iter().filter(|cause| failures(cause) > 0).max_by_key(failures)
                {
                    attributes.push(("main_failure", cause.words().into()));
                }
                let until = options.hold.map(|hold| Instant::now() + hold);
                self.report();
                self.reporter.mark("phase.ended", attributes);
                self.reporter.mark("phase.began", vec![("phase", "hold".into())]);
                self.phase = Some(Phase::Hold { until });
                // Nothing to hold: a person is not kept waiting for it. (A runner says itself when it is over.)
                there == 0 && !self.common.options.reconnect && !self.common.options.wait_for_start
            }
            Some(Phase::Hold { until: Some(until) }) => Instant::now() >= until,
            Some(Phase::Hold { until: None }) | None => false,
        }
    }

    fn sum(&self, counter: impl Fn(&Counters) -> &Counter) -> u64 {
        self.common.counters.iter().map(|counters| counter(counters).get()).sum()
    }

    fn report(&mut self) {
        let interval = self.reported.elapsed();
        self.reported = Instant::now();
        let mut values: Vec<(String, f64)> = [
            ("begun", self.sum(|c| &c.begun)),
            ("opening", self.sum(|c| &c.opening)),
            ("open", self.sum(|c| &c.open)),
            ("logins", self.sum(|c| &c.logins)),
            ("failed", self.sum(|c| &c.failed)),
            ("closed_by_server", self.sum(|c| &c.closed_by_server)),
            ("reconnects", self.sum(|c| &c.reconnects)),
            ("messages", self.sum(|c| &c.messages)),
            ("missing", self.sum(|c| &c.missing)),
        ]
        .into_iter()
        .map(|(name, value)| (format!("connections.{name}"), value as f64))
        .collect();
        for (position, cause) in Cause::ALL.iter().enumerate() {
            let count = self.sum(|c| &c.failures[position]);
            if count > 0 {
                values.push((format!("connections.failures.{}", cause.key()), count as f64));
            }
        }
        let totals = self.pool.totals();
        values.push(("generator.received_bytes".into(), totals.bytes_in as f64));
        values.push(("generator.busy_ns".into(), totals.busy_ns as f64));
        values.push(("generator.turns".into(), totals.turns as f64));
        values.push(("generator.reads".into(), totals.reads as f64));
        values.push(("generator.busiest_shard_ratio".into(), self.busiest.ratio(self.pool.stats())));
        self.reporter.sample(values);
        let Self { common, reporter, .. } = self;
        let at = Stamp::now();
        common.latencies.take(|name, histogram| reporter.latency(at, name, interval, histogram));
        let audit = Audit {
            delivered: self.sum(|c| &c.delivered),
            duplicated: self.sum(|c| &c.duplicated),
            reordered: self.sum(|c| &c.reordered),
            misrouted: self.sum(|c| &c.misrouted),
            corrupt: self.sum(|c| &c.corrupt),
            unmarked: self.sum(|c| &c.unmarked),
            saturated: self.sum(|c| &c.saturated) > 0,
            ..Audit::default()
        };
        self.reporter.audit(audit);
    }
}
