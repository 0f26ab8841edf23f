//! The publisher as a worker: it takes commands, says frames, and ends cleanly.

use std::num::NonZeroU64;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use nix::sys::prctl;
use telemetry::{Audit, Command, Frame, Reporter, Stamp, monotonic_ns};
use thiserror::Error;
use wire::router::Totals;

use crate::link::LinkError;
use crate::options::{Options, Pace};
use crate::publisher::Publisher;
use crate::schedule::Schedule;

/// How often the publisher says how it is, unless told otherwise.
const INTERVAL: Duration = Duration::from_secs(1);

/// How soon a command is noticed.
const LOOK: Duration = Duration::from_millis(20);

/// How long the server may take to account for everything when the publisher has been told to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// Why a publisher did not run to its end.
#[derive(Debug, Error)]
pub enum MsggenError {
    /// The router port.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Messages handed to the server.
    pub sent: u64,
    /// What the server says became of them.
    pub totals: Totals,
    /// Whether the server accounted for all of them in time.
    pub settled: bool,
}

/// Sends messages until the schedule ends or a settle or stop command comes; then waits until the server has
/// accounted for all of them. Says a sample, the interval's lag and the audit at every interval.
///
/// # Errors
/// See [`MsggenError`]. What was sent until then has been reported.
pub fn run(
    options: &Options,
    commands: &Receiver<Command>,
    emit: &mut dyn FnMut(Frame),
) -> Result<Outcome, MsggenError> {
    // The default slack lets the kernel wake us 50 µs late, which would be counted as the server's latency.
    let _ = prctl::set_timerslack(NonZeroU64::MIN.get());
    let schedule = |start_ns| {
        let duration_ns = options.duration.map(|duration| duration.as_nanos() as u64);
        Schedule::new(options.pace, options.generators, options.count, duration_ns, start_ns)
    };
    let mut publisher = Publisher::new(options, schedule(0))?;
    let mut reporter = Reporter::new("publisher", "msggen", emit);
    reporter.mark("worker.ready", vec![("links", options.links.into())]);
    let stopping = options.wait_for_start && !wait_for_start(commands);
    publisher.schedule = schedule(monotonic_ns());
    if stopping {
        publisher.schedule.end();
    } else {
        reporter.mark("phase.began", vec![("phase", "messages".into())]);
    }

    let mut sending = Sending { reporter, commands, stopping, interval: INTERVAL, reported: Instant::now() };
    let result = sending.until_the_end(&mut publisher, options.patience);
    // What was sent is said even when the server is gone.
    sending.report(&mut publisher);
    let settled = result?;
    sending.reporter.mark("phase.ended", vec![("phase", "messages".into()), ("settled", settled.into())]);
    Ok(Outcome { sent: publisher.sent, totals: publisher.totals(), settled })
}

/// The sending and what goes on beside it.
struct Sending<'a, 'b> {
    reporter: Reporter<'a>,
    commands: &'b Receiver<Command>,
    stopping: bool,
    interval: Duration,
    reported: Instant,
}

impl Sending<'_, '_> {
    /// Sends until the schedule is over, then waits for the account; returns whether it came in time.
    fn until_the_end(&mut self, publisher: &mut Publisher, patience: Duration) -> Result<bool, LinkError> {
        let mut looked = Instant::now();
        while publisher.turn(LOOK)? {
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.obey(publisher);
                if self.reported.elapsed() >= self.interval {
                    self.report(publisher);
                }
            }
        }
        publisher.settle(if self.stopping { patience.min(STOP_PATIENCE) } else { patience })
    }

    fn obey(&mut self, publisher: &mut Publisher) {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Stop) | Err(TryRecvError::Disconnected) => {
                    self.stopping = true;
                    return publisher.schedule.end();
                }
                Ok(Command::Settle) => publisher.schedule.end(),
                Ok(Command::Interval { ms }) => self.interval = Duration::from_millis(ms),
                Ok(Command::Set { name, value }) if name == "rate" && value > 0.0 => {
                    publisher.schedule.set_pace(Pace::Rate(value), monotonic_ns());
                    self.reporter.mark("knob", vec![("name", name.into()), ("value", value.into())]);
                }
                Ok(Command::Set { name, .. }) => {
                    self.reporter.mark("warning", vec![("unknown_knob", name.into())]);
                }
                Ok(Command::Start | Command::Close) => {}
                Err(TryRecvError::Empty) => return,
            }
        }
    }

    fn report(&mut self, publisher: &mut Publisher) {
        let interval = self.reported.elapsed();
        self.reported = Instant::now();
        report(publisher, &mut self.reporter, interval);
    }
}

/// `false` when there will be no start.
fn wait_for_start(commands: &Receiver<Command>) -> bool {
    loop {
        match commands.recv() {
            Ok(Command::Start) => return true,
            Ok(Command::Stop) | Err(_) => return false,
            Ok(_) => {}
        }
    }
}

fn report(publisher: &mut Publisher, reporter: &mut Reporter<'_>, interval: Duration) {
    let totals = publisher.totals();
    let values = [
        ("sent", publisher.sent),
        ("accepted", totals.accepted),
        ("nobody_there", totals.nobody_there),
        ("copies", totals.copies),
        ("delivered", totals.delivered),
    ];
    reporter.sample(values.map(|(name, value)| (format!("publisher.{name}"), value as f64)));
    let lag = publisher.take_lag();
    if !lag.is_empty() {
        reporter.latency(Stamp::now(), "publisher.lag_ns", interval, &lag);
    }
    reporter.audit(Audit {
        sent: publisher.sent,
        expected: totals.copies,
        nobody_there: totals.nobody_there,
        gone: totals.gone,
        dropped: totals.dropped,
        ..Audit::default()
    });
}
