//! A live server: a thread that samples this machine, asks the server at its admin address, and tells all of it as
//! frames.
//!
//! A server that is lost is asked again at each interval (or each [`RETRY_MAX`], if that is sooner): what asks it keeps
//! nothing of a broken connection. One that has been replaced by another says hello anew, and its process is watched
//! instead.
//!
//! Attaching waits for the thread's word, never for room in the channel: nobody reads that yet. Looking for an id is done
//! beside all this: a server that hangs must not stop the sampling.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use sar::{Asks, Cost, Group, Runtime, RuntimeOptions, Sampler, SamplerOptions, SarError, Schedule};
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

/// How long looking for an id may take.
const FIND_PATIENCE: Duration = Duration::from_secs(4);

/// The value that shows that the server has answered.
const ANSWERED: &str = "server.connections";

/// Attaches to the server, or says why not.
pub(super) fn attach(admin: SocketAddr, interval: Duration) -> Result<Feed, String> {
    let (tell, events) = sync_channel(EVENTS_MAX);
    let (control, told) = channel();
    let (begin, begun) = sync_channel(1);
    let mut live = Live::open(admin, tell, begin).map_err(|error| error.to_string())?;
    let thread = std::thread::Builder::new().name("top-sampler".into());
    let started = thread.spawn(move || {
        if live.wait_for_answer().is_ok() {
            live.run(&told, interval);
        }
    });
    started.map_err(|error| format!("could not start a thread: {error}"))?;
    let answer = begun.recv_timeout(2 * ATTACH_PATIENCE).unwrap_or_else(|_| Err(no_answer()));
    answer.map_err(|reason| {
        format!("could not attach to '{admin}': {reason} (is it a chat's --admin address?)")
    })?;
    Ok(Feed::Live { events, control })
}

fn no_answer() -> String {
    format!("no answer within {} s", ATTACH_PATIENCE.as_secs())
}

/// Whoever samples on behalf of `top`.
struct Live {
    admin: SocketAddr,
    sampler: Sampler,
    asks: Asks,
    notes: Option<sar::CostNotes>,
    tell: SyncSender<LiveEvent>,
    /// Who waits for the first answer, until there is one, or a reason why not.
    begin: Option<SyncSender<Result<(), String>>>,
    /// Whether an id is being looked for.
    finding: Arc<AtomicBool>,
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
    fn open(
        admin: SocketAddr,
        tell: SyncSender<LiveEvent>,
        begin: SyncSender<Result<(), String>>,
    ) -> Result<Live, SarError> {
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
            begin: Some(begin),
            finding: Arc::default(),
            pid: None,
            attached: false,
            has_begun: false,
            answered_at: Instant::now(),
            misses: 0,
            problem: None,
        })
    }

    /// Asks until there is an answer. What is wrong may be that the answer is late: then it comes a little later.
    fn wait_for_answer(&mut self) -> Result<(), Gone> {
        let began = Instant::now();
        while !self.attached {
            self.look()?;
            let elapsed = began.elapsed();
            let reason = match &self.problem {
                _ if self.attached => break,
                Some(problem) if elapsed > PROBLEM_PATIENCE => problem.clone(),
                None if elapsed > ATTACH_PATIENCE => no_answer(),
                _ => {
                    std::thread::sleep(ATTACH_PAUSE);
                    continue;
                }
            };
            self.begin(Err(reason));
            return Err(Gone);
        }
        Ok(())
    }

    /// Tells who waits for the beginning how it went, once.
    fn begin(&mut self, how: Result<(), String>) {
        if let Some(begin) = self.begin.take() {
            // There is room for the one word, and whoever has stopped waiting for it has gone.
            let _ = begin.send(how);
        }
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
                    self.asks.set(usize::from(count), by);
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
        let mut problem_is_news = false;
        for problem in self.sampler.problems() {
            if let SarError::Scrape { reason, .. } = problem {
                self.problem = Some(reason);
                problem_is_news = true;
            }
        }
        let values = self.sampler.values().iter().map(|(name, value)| (name.to_owned(), value));
        let sample = telemetry::Sample { at, source: "host".into(), values: values.collect() };
        let answered = sample.values.contains_key(ANSWERED);
        let took_us = sample.values.get("server.scrape_us").copied();
        // A session begins with the server's first answer. From here on somebody reads what is told.
        self.has_begun |= answered;
        if answered {
            self.begin(Ok(()));
        }
        for hello in self.sampler.hellos() {
            self.watch(hello.pid);
            self.tell(LiveEvent::Frame(Frame::Hello(hello)))?;
        }
        if let Some(catalog) = catalog {
            self.tell(LiveEvent::Frame(Frame::Catalog(catalog)))?;
        }
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
            self.not_answered(problem_is_news)
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

    fn not_answered(&mut self, problem_is_news: bool) -> Result<(), Gone> {
        self.misses = self.misses.saturating_add(1);
        let is_lost = self.has_begun && !self.attached;
        let is_told = is_lost && !problem_is_news;
        let is_early = !is_lost && (self.misses < MISSES_MAX || self.answered_at.elapsed() < SILENCE_MIN);
        if !self.has_begun || is_told || is_early {
            return Ok(());
        }
        self.attached = false;
        let reason = self.problem.clone().unwrap_or_else(|| "it does not answer".into());
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

    /// Looks for an id in a thread beside, one at a time.
    fn find(&self, id: u32) -> Result<(), Gone> {
        let failed = |reason: &str| LiveEvent::NotLooked { id, reason: reason.into() };
        if self.finding.swap(true, Ordering::AcqRel) {
            return self.tell(failed("the server still owes the answer to the question before"));
        }
        let (admin, tell, finding) = (self.admin, self.tell.clone(), Arc::clone(&self.finding));
        let search = move || {
            let (answer, answered) = channel();
            let ask = move || {
                let _ = answer.send(find(admin, id));
                finding.store(false, Ordering::Release);
            };
            let asked = std::thread::Builder::new().name("top-find".into()).spawn(ask);
            let found = match asked {
                Ok(_) => answered
                    .recv_timeout(FIND_PATIENCE)
                    .unwrap_or_else(|_| Err(format!("no answer within {} s", FIND_PATIENCE.as_secs()))),
                Err(error) => Err(error.to_string()),
            };
            let event = match found {
                Ok(table) => LiveEvent::Frame(Frame::Table(table)),
                Err(reason) => LiveEvent::NotLooked { id, reason },
            };
            // Nobody wants to know any more when `top` has gone.
            let _ = tell.send(event);
        };
        match std::thread::Builder::new().name("top-found".into()).spawn(search) {
            Ok(_) => Ok(()),
            Err(error) => {
                self.finding.store(false, Ordering::Release);
                self.tell(failed(&error.to_string()))
            }
        }
    }

    fn tell(&self, event: LiveEvent) -> Result<(), Gone> {
        self.tell.send(event).map_err(|_| Gone)
    }
}

/// The connections that hold an id; none, if nobody does.
fn find(admin: SocketAddr, id: u32) -> Result<Table, String> {
    match Runtime::find(admin, &id.to_string()) {
        Ok(Some(table)) => Ok(table),
        Ok(None) => {
            let (source, name) = ("server".into(), "connection".into());
            Ok(Table { at: Stamp::now(), source, name, ..Table::default() })
        }
        Err(SarError::Scrape { reason, .. }) => Err(reason),
        Err(error) => Err(error.to_string()),
    }
}
