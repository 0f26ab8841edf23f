//! A live server: a thread that samples this machine, asks the server at its admin address, and tells all of it as
//! frames.
//!
//! A server that is lost is asked again at each interval (or each [`RETRY_MAX`], if that is sooner): what asks it keeps
//! nothing of a broken connection. One that has been replaced by another says hello anew, and its process is watched
//! instead.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use sar::{Asks, By, Cost, Group, Runtime, RuntimeOptions, Sampler, SamplerOptions, SarError, Schedule};
use telemetry::{Frame, Stamp, Table, monotonic_ns};
use top::{Control, Feed, LiveEvent};

/// The longest interval.
pub(super) const INTERVAL_MAX: Duration = Duration::from_secs(60);

/// How long a server may take to answer for the first time.
const ATTACH_PATIENCE: Duration = Duration::from_secs(3);

/// How long it may take after something went wrong: an answer that was only late.
const PROBLEM_PATIENCE: Duration = Duration::from_millis(500);

/// How long is waited between two questions meanwhile.
const ATTACH_PAUSE: Duration = Duration::from_millis(50);

/// How many questions in a row that are not answered mean that the server is lost. One may be answered late.
const MISSES_MAX: u32 = 2;

/// And so much time must have passed meanwhile: a busy machine is no loss.
const SILENCE_MIN: Duration = Duration::from_secs(1);

/// How soon a lost server is asked again at the latest.
const RETRY_MAX: Duration = Duration::from_secs(1);

/// What `top` has not taken yet. When there is more, sampling waits: `top` is suspended.
const EVENTS_MAX: usize = 1_024;

/// The value that shows that the server has answered.
const ANSWERED: &str = "server.connections";

/// Attaches to the server, or says why not.
pub(super) fn attach(admin: SocketAddr, interval: Duration) -> Result<Feed, String> {
    let (tell, events) = sync_channel(EVENTS_MAX);
    let (control, told) = channel();
    let mut live = Live::open(admin, tell).map_err(|error| error.to_string())?;
    live.wait_for_answer().map_err(|reason| {
        format!("could not attach to '{admin}': {reason} (is it a chat's --admin address?)")
    })?;
    std::thread::spawn(move || live.run(&told, interval));
    Ok(Feed::Live { events, control })
}

/// Whoever samples on behalf of `top`.
struct Live {
    admin: SocketAddr,
    sampler: Sampler,
    asks: Asks,
    notes: Option<sar::CostNotes>,
    tell: SyncSender<LiveEvent>,
    /// The server's process, if it is on this machine.
    pid: Option<u32>,
    attached: bool,
    /// Whether the server has ever answered.
    has_begun: bool,
    /// When the server answered last.
    answered_at: Instant,
    /// How often in a row it has not.
    misses: u32,
    /// Why it does not, as far as is known.
    problem: Option<String>,
}

/// `top` has gone.
struct Gone;

impl Live {
    fn open(admin: SocketAddr, tell: SyncSender<LiveEvent>) -> Result<Live, SarError> {
        let groups: Vec<Group> = Group::ALL.into_iter().collect();
        let mut sampler = Sampler::of(&groups, &SamplerOptions::default());
        let connections = usize::from(top::CONNECTIONS_COUNT);
        let options = RuntimeOptions { connections, ..RuntimeOptions::default() };
        let runtime = Runtime::open(admin, options)?;
        let asks = runtime.asks();
        sampler.add(Group::Runtime, runtime);
        let cost = Cost::open().ok();
        let notes = cost.as_ref().map(Cost::notes);
        if let Some(cost) = cost {
            sampler.add(Group::Proc, cost);
        }
        // What this kernel lacks is absent in the view.
        sampler.problems();
        Ok(Live {
            admin,
            sampler,
            asks,
            notes,
            tell,
            pid: None,
            attached: false,
            has_begun: false,
            answered_at: Instant::now(),
            misses: 0,
            problem: None,
        })
    }

    /// Asks until there is an answer. What is wrong may be that the answer is late: then it comes a little later.
    fn wait_for_answer(&mut self) -> Result<(), String> {
        let began = Instant::now();
        while !self.attached {
            if self.look().is_err() {
                return Err("nobody looks".into());
            }
            let elapsed = began.elapsed();
            match &self.problem {
                _ if self.attached => {}
                Some(problem) if elapsed > PROBLEM_PATIENCE => return Err(problem.clone()),
                None if elapsed > ATTACH_PATIENCE => {
                    return Err(format!("no answer within {} s", ATTACH_PATIENCE.as_secs()));
                }
                _ => std::thread::sleep(ATTACH_PAUSE),
            }
        }
        Ok(())
    }

    fn run(mut self, told: &Receiver<Control>, interval: Duration) {
        let mut schedule = Schedule::new(monotonic_ns() + interval.as_nanos() as u64, interval);
        loop {
            let wait = schedule.wait(monotonic_ns());
            let wait = if self.misses == 0 { wait } else { wait.min(RETRY_MAX) };
            match told.recv_timeout(wait) {
                Ok(Control::Interval(interval)) => {
                    schedule.change_interval(monotonic_ns(), interval);
                    continue;
                }
                Ok(Control::Connections { by, count }) => {
                    self.asks.set(usize::from(count), order(by));
                    continue;
                }
                Ok(Control::Find(id)) => {
                    if self.find(id).is_err() {
                        return;
                    }
                    continue;
                }
                Ok(Control::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let tick = schedule.serve(monotonic_ns());
            if let Some(notes) = &self.notes {
                notes.late(tick.late);
                notes.missed(tick.missed);
            }
            if self.look().is_err() {
                return;
            }
        }
    }

    /// Samples once, and tells it.
    fn look(&mut self) -> Result<(), Gone> {
        let asked = Instant::now();
        self.sampler.read();
        let catalog = self.sampler.catalog();
        // Behind what the server says of itself, so that whoever goes to this sample's time sees its tables, too.
        let at = Stamp::now();
        if let Some(notes) = &self.notes {
            notes.collected(self.sampler.took());
        }
        for problem in self.sampler.problems() {
            if let SarError::Scrape { reason, .. } = problem {
                self.problem = Some(reason);
            }
        }
        for hello in self.sampler.hellos() {
            self.watch(hello.pid);
            self.tell(LiveEvent::Frame(Frame::Hello(hello)))?;
        }
        if let Some(catalog) = catalog {
            self.tell(LiveEvent::Frame(Frame::Catalog(catalog)))?;
        }
        let values = self.sampler.values().iter().map(|(name, value)| (name.to_owned(), value));
        let sample = telemetry::Sample { at, source: "host".into(), values: values.collect() };
        let answered = sample.values.contains_key(ANSWERED);
        let took_us = sample.values.get("server.scrape_us").copied();
        // A session begins with the server's first answer.
        self.has_begun |= answered;
        if self.has_begun {
            self.tell(LiveEvent::Frame(Frame::Sample(sample)))?;
        }
        for table in self.sampler.tables() {
            self.tell(LiveEvent::Frame(Frame::Table(table)))?;
        }
        if answered {
            let took =
                took_us.map_or_else(|| asked.elapsed(), |us| Duration::from_secs_f64(us.max(0.0) / 1e6));
            self.answered(took)
        } else {
            self.not_answered()
        }
    }

    fn answered(&mut self, took: Duration) -> Result<(), Gone> {
        self.answered_at = Instant::now();
        self.misses = 0;
        self.problem = None;
        if !self.attached {
            self.attached = true;
            self.tell(LiveEvent::Attached { server: self.admin.to_string(), latency: took })?;
        }
        self.tell(LiveEvent::Retrieved { took })
    }

    fn not_answered(&mut self) -> Result<(), Gone> {
        self.misses = self.misses.saturating_add(1);
        if !self.attached || self.misses < MISSES_MAX || self.answered_at.elapsed() < SILENCE_MIN {
            return Ok(());
        }
        self.attached = false;
        let reason = self.problem.take().unwrap_or_else(|| "it does not answer".into());
        self.tell(LiveEvent::Lost { reason })
    }

    /// Watches the server's process, if it is on this machine.
    fn watch(&mut self, pid: u32) {
        if !self.admin.ip().is_loopback() || self.pid == Some(pid) {
            return;
        }
        if let Some(before) = self.pid.take() {
            self.sampler.unwatch(before);
        }
        // Another container's number means nothing here; then its memory is not shown.
        if self.sampler.watch(pid, "server").is_ok() {
            self.pid = Some(pid);
        }
    }

    fn find(&self, id: u32) -> Result<(), Gone> {
        let table = match Runtime::find(self.admin, &id.to_string()) {
            Ok(Some(table)) => table,
            Ok(None) => Table {
                at: Stamp::now(),
                source: "server".into(),
                name: "connection".into(),
                ..Table::default()
            },
            // The next look says what is wrong.
            Err(_) => return Ok(()),
        };
        self.tell(LiveEvent::Frame(Frame::Table(table)))
    }

    fn tell(&self, event: LiveEvent) -> Result<(), Gone> {
        self.tell.send(event).map_err(|_| Gone)
    }
}

fn order(by: top::By) -> By {
    match by {
        top::By::Messages => By::Messages,
        top::By::Bytes => By::Bytes,
        top::By::Outbox => By::Outbox,
        top::By::Age => By::Age,
    }
}
