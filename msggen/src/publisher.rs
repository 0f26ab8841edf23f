//! Sending: what is due goes out, what is acknowledged comes in, and between the two one precise sleep.

use std::time::Duration;

use hdrhistogram::Histogram;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::{TimeSpec, TimeValLike};
use telemetry::{latency_histogram, monotonic_ns};
use wire::mark::Mark;
use wire::router::Totals;

use crate::ids::Ids;
use crate::link::{Link, LinkError};
use crate::options::{Options, Pace, id_count};
use crate::schedule::Schedule;

/// Messages encoded before the kernel is given them and the clock is read again.
const BATCH_MAX: usize = 256;

/// With [`Pace::Max`], messages sent and not yet accepted by the server: what waits is in its queues and not in the
/// kernel's, and the latency tells of the server rather than of the size of socket buffers.
const UNACCEPTED_MAX: u64 = 32_768;

/// How long before a message is due the sleep ends, at most; the rest is spun. An idle core takes that long to wake up,
/// and what it is late would be counted as the server's latency.
const SPIN_NS: u64 = 50_000;

/// The part of the time between two messages that may be spun: at high rates a core is worth more to the server than
/// the microseconds to the publisher, and idle cores are few.
const SPIN_SHARE: u64 = 10;

/// The token of the sync at the end.
const LAST_SYNC: u32 = 1;

pub(crate) struct Publisher {
    links: Vec<Link>,
    ids: Ids,
    pub(crate) schedule: Schedule,
    /// The sequence number of the last message to each id, by `id - id_min`: four bytes an id.
    sequences: Vec<u32>,
    id_min: u32,
    publisher: u16,
    payload_bytes: usize,
    payload: Vec<u8>,
    at_full_speed: bool,
    /// How late messages of this interval left, in nanoseconds.
    lag: Histogram<u64>,
    pub(crate) sent: u64,
}

impl Publisher {
    pub(crate) fn new(options: &Options, schedule: Schedule) -> Result<Self, LinkError> {
        let links =
            (0..options.links.max(1)).map(|_| Link::connect(options.router)).collect::<Result<_, _>>()?;
        Ok(Self {
            links,
            ids: Ids::new(options.ids, options.id_min, options.id_max, options.generators, options.seed),
            schedule,
            sequences: vec![0; id_count(options.id_min, options.id_max) as usize],
            id_min: options.id_min,
            publisher: options.publisher,
            payload_bytes: options.payload_bytes,
            payload: Vec::with_capacity(options.payload_bytes),
            at_full_speed: options.pace == Pace::Max,
            lag: latency_histogram(),
            sent: 0,
        })
    }

    /// Sends what is due and reads what has come; then sleeps until the next message is due, something arrives, or
    /// `most` has passed. `false` when nothing is left to send.
    pub(crate) fn turn(&mut self, most: Duration) -> Result<bool, LinkError> {
        let next = self.send_due()?;
        let now = monotonic_ns();
        let sleep = match next {
            Next::Nothing => return Ok(false),
            Next::DueAt(at_ns) => {
                let left_ns = at_ns.saturating_sub(now);
                let spin_ns = SPIN_NS.min(self.schedule.spacing_ns() / SPIN_SHARE);
                if left_ns <= spin_ns {
                    std::hint::spin_loop();
                    return Ok(true);
                }
                Duration::from_nanos(left_ns - spin_ns).min(most)
            }
            Next::NoRoom => most,
        };
        self.wait(sleep)?;
        Ok(true)
    }

    fn send_due(&mut self) -> Result<Next, LinkError> {
        for _ in 0..BATCH_MAX {
            let now = monotonic_ns();
            let Some(due) = self.schedule.peek(now) else {
                self.flush()?;
                return Ok(Next::Nothing);
            };
            if due.at_ns > now {
                self.flush()?;
                return Ok(Next::DueAt(due.at_ns));
            }
            if self.is_ahead() || self.links.iter().any(|link| !link.has_room()) {
                self.flush()?;
                return Ok(Next::NoRoom);
            }
            self.schedule.advance();
            self.encode(due.generator, due.at_ns, now);
        }
        self.flush()?;
        Ok(Next::DueAt(0))
    }

    fn is_ahead(&self) -> bool {
        self.at_full_speed && self.sent.saturating_sub(self.totals().accepted) >= UNACCEPTED_MAX
    }

    fn encode(&mut self, generator: u16, intended_ns: u64, now_ns: u64) {
        let id = self.ids.next(generator);
        let index = (id - self.id_min) as usize;
        let sequence = &mut self.sequences[index];
        *sequence = sequence.wrapping_add(1);
        let lag_ns = now_ns - intended_ns;
        let mark = Mark {
            publisher: self.publisher,
            generator,
            id,
            sequence: *sequence,
            intended_ns,
            lag_us: u32::try_from(lag_ns / 1000).unwrap_or(u32::MAX),
        };
        self.payload.clear();
        wire::mark::payload(&mut self.payload, &mark, self.payload_bytes);
        // Always the same link for an id, so that its messages stay in order.
        let link = index % self.links.len();
        wire::router::client::encode_send(self.links[link].buffer(), id, &self.payload);
        self.lag.saturating_record(lag_ns);
        self.sent += 1;
    }

    fn flush(&mut self) -> Result<(), LinkError> {
        self.links.iter_mut().try_for_each(Link::flush)
    }

    /// Sleeps to the nanosecond (as far as the kernel's timers go), or until a link has something to say.
    fn wait(&mut self, sleep: Duration) -> Result<(), LinkError> {
        let mut polled: Vec<PollFd<'_>> = self
            .links
            .iter()
            .map(|link| {
                let out = if link.is_flushed() { PollFlags::empty() } else { PollFlags::POLLOUT };
                PollFd::new(link.fd(), PollFlags::POLLIN | out)
            })
            .collect();
        let timeout = TimeSpec::nanoseconds(i64::try_from(sleep.as_nanos()).unwrap_or(i64::MAX));
        // An interrupted sleep is only a short one.
        let _ = ppoll(&mut polled, Some(timeout), None);
        let ready: Vec<bool> = polled.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        for (link, ready) in self.links.iter_mut().zip(ready) {
            if ready {
                link.flush()?;
                link.read()?;
            }
        }
        Ok(())
    }

    /// Asks the server to account for everything and waits for the answer; `false` when it did not come in time.
    pub(crate) fn settle(&mut self, patience: Duration) -> Result<bool, LinkError> {
        for link in &mut self.links {
            wire::router::client::encode_sync(link.buffer(), LAST_SYNC);
        }
        let deadline = monotonic_ns() + patience.as_nanos() as u64;
        loop {
            self.flush()?;
            let now = monotonic_ns();
            if self.links.iter().all(|link| link.synced == LAST_SYNC) {
                return Ok(true);
            }
            if now >= deadline {
                return Ok(false);
            }
            self.wait(Duration::from_nanos(deadline - now).min(Duration::from_millis(20)))?;
        }
    }

    /// What the server says of all links together.
    pub(crate) fn totals(&self) -> Totals {
        let mut sum = Totals::default();
        for Totals { accepted, nobody_there, copies, delivered, gone, dropped } in
            self.links.iter().map(|l| l.totals)
        {
            sum.accepted += accepted;
            sum.nobody_there += nobody_there;
            sum.copies += copies;
            sum.delivered += delivered;
            sum.gone += gone;
            sum.dropped += dropped;
        }
        sum
    }

    /// How late this interval's messages left; a new interval begins.
    pub(crate) fn take_lag(&mut self) -> Histogram<u64> {
        std::mem::replace(&mut self.lag, latency_histogram())
    }
}

enum Next {
    Nothing,
    /// CLOCK_MONOTONIC.
    DueAt(u64),
    /// The server is slower than the schedule.
    NoRoom,
}
