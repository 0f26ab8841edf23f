//! The run: workers started, phases gone through, everything recorded, nothing left behind.
//!
//! ```text
//!   server ready → generator ready → ramp → hold (messages) → settle → drain → summary, verdict, report
//! ```
//! One loop, [`Run::pump`], serves every phase: it takes in what workers say, samples on time, shows progress, and
//! returns when what the phase waits for has come, or its time is up. An interruption or a worker's death leaves the
//! loop at once; what has been measured until then is summed up all the same.

mod crew;
mod introduction;
mod phases;
mod verdict;
mod watch;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use sar::{HostInfo, Sampler};
use serde_json::{Value, json};
use telemetry::{Bundle, BundleError, Frame, Mark, Sample, Stamp};
use thiserror::Error;

use crate::commit::Commit;
use crate::facts::Facts;
use crate::plan::{Plan, StepPlan, TargetPlan};
use crate::progress::{Phase, Progress, Status};
use crate::ramp::RampSampler;
use crate::reserve::FreeMemory;
use crate::summary::{self, Times, Verdict};
use crate::threshold::Outcome;
use crate::wall::Broke;
use crate::words::bytes;
use crate::worker::{EVENTS_MAX, Event, Role, Worker};
use phases::STALL_PATIENCE;

/// How often the machine is sampled.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

/// How wide the bundle's charts are.
const CHART_WIDTH_PX: u32 = 960;

/// The number of the run's publisher. There is one, so that any number does.
pub(crate) const PUBLISHER_NUMBER: u16 = 1;

/// What a run needs to know besides its plan.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The `floodmark` binary, which is every worker.
    pub program: PathBuf,
    /// The bundle's directory; it must not hold a run yet.
    pub out: PathBuf,
    /// The scenario as it was written.
    pub scenario_text: String,
    /// Whether to look for limits in a run that met its plan, too.
    pub find_wall: bool,
    /// The commit that is measured, where it is known.
    pub commit: Option<Commit>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Conclusion {
    /// Pass, fail, or why there is neither.
    pub verdict: Verdict,
    /// What became of each threshold.
    pub outcomes: Vec<Outcome>,
    /// `summary.json`.
    pub summary: Value,
    /// Where the bundle is.
    pub bundle: PathBuf,
    /// Why the report and the charts are not all there. The verdict stands without them.
    pub undrawn: Option<BundleError>,
}

/// Why a run did not even begin.
#[derive(Debug, Error)]
pub enum RunError {
    /// The bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The server's process, whose memory was to be measured.
    #[error("{0}")]
    Process(#[from] sar::SarError),
    /// The machine's memory.
    #[error(
        "{} of memory are free, less than the reserve of {} (end other programs, or lower \
         connections.memory_reserve)",
        bytes(*free_bytes as f64), bytes(*reserve_bytes as f64)
    )]
    Memory {
        /// What is free.
        free_bytes: u64,
        /// What is to stay free.
        reserve_bytes: u64,
    },
}

/// Why a run ended before its time.
enum Cut {
    Interrupted,
    Died(Role),
    /// It lives, and says nothing.
    Wedged(Role),
    /// A sentence.
    Stuck(String),
    Bundle(BundleError),
}

impl From<BundleError> for Cut {
    fn from(error: BundleError) -> Self {
        Self::Bundle(error)
    }
}

/// Runs a plan. `interrupt` ends it early; progress goes to `progress`.
///
/// # Errors
/// Only for what goes wrong before anything is measured; afterwards there is a [`Conclusion`] with what there is.
pub fn run(
    plan: &Plan,
    settings: &Settings,
    interrupt: Receiver<()>,
    progress: &mut dyn Progress,
) -> Result<Conclusion, RunError> {
    let mut run = Run::prepare(plan, settings, progress)?;
    forward(interrupt, run.tell_events.clone());
    let cut = run.phases().err();
    Ok(run.conclude(cut)?)
}

/// Makes an interruption one more event.
fn forward(interrupt: Receiver<()>, events: SyncSender<Event>) {
    std::thread::spawn(move || {
        while interrupt.recv().is_ok() {
            if events.send(Event::Interrupted).is_err() {
                return;
            }
        }
    });
}

struct Run<'a> {
    plan: &'a Plan,
    program: PathBuf,
    progress: &'a mut dyn Progress,
    bundle: Bundle,
    facts: Facts,
    times: Times,
    workers: BTreeMap<Role, Worker>,
    /// Whose output has ended.
    ended: BTreeSet<Role>,
    tell_events: SyncSender<Event>,
    events: Receiver<Event>,
    sampler: Sampler,
    /// For the quick readings of the ramp.
    ramp: Option<RampSampler>,
    phase: Phase,
    /// Knobs that are still to be turned, and when.
    steps: VecDeque<(Instant, StepPlan)>,
    next_sample: Instant,
    free_memory: FreeMemory,
    /// What is to stay free while connections are opened.
    reserve_bytes: u64,
    host: HostInfo,
    find_wall: bool,
    commit: Option<Commit>,
    /// How many samples ago each worker was last heard.
    silent: BTreeMap<Role, u32>,
    /// Who died or is stuck.
    broke: Option<Broke>,
    /// Where the connections go.
    target: Option<SocketAddr>,
}

impl<'a> Run<'a> {
    fn prepare(
        plan: &'a Plan,
        settings: &Settings,
        progress: &'a mut dyn Progress,
    ) -> Result<Self, RunError> {
        let mut free_memory = FreeMemory::open();
        let host = HostInfo::read();
        let total_bytes = host.memory_total_bytes.unwrap_or(u64::MAX);
        let reserve_bytes = doctor::reserve_bytes(plan.connections.memory_reserve_bytes, total_bytes);
        match free_memory.read() {
            Some(free_bytes) if free_bytes < reserve_bytes => {
                return Err(RunError::Memory { free_bytes, reserve_bytes });
            }
            _ => {}
        }
        let bundle = Bundle::create(&settings.out)?;
        bundle.write_file("scenario.yaml", &settings.scenario_text)?;
        bundle.write_file("plan.yaml", plan.to_yaml())?;
        bundle.write_file("host.json", serde_json::to_vec_pretty(&host).unwrap_or_default())?;
        let mut sampler = Sampler::host();
        if let TargetPlan::Attach { pid: Some(pid), .. } = plan.target {
            sampler.watch(pid, "server")?;
        }
        let (tell_events, events) = sync_channel(EVENTS_MAX);
        Ok(Self {
            plan,
            program: settings.program.clone(),
            progress,
            bundle,
            facts: Facts { deliveries_from_us: u64::MAX, ..Facts::default() },
            times: Times { began_us: Stamp::now().mono_us, ..Times::default() },
            workers: BTreeMap::new(),
            ended: BTreeSet::new(),
            tell_events,
            events,
            sampler,
            ramp: None,
            phase: Phase::Starting,
            steps: VecDeque::new(),
            next_sample: Instant::now(),
            free_memory,
            reserve_bytes,
            host,
            find_wall: settings.find_wall,
            commit: settings.commit.clone(),
            silent: BTreeMap::new(),
            broke: None,
            target: None,
        })
    }

    fn phases(&mut self) -> Result<(), Cut> {
        self.introduce()?;
        self.measure_limit()?;
        let (target, router) = self.start_server()?;
        self.target = Some(target);
        self.start_generator(target)?;
        self.start_publisher(router)?;
        self.ramp()?;
        self.hold()?;
        self.drain()
    }

    /// Takes in events and samples on time until `done`, or until `patience` is over (`false`).
    fn pump(&mut self, patience: Duration, done: impl Fn(&Facts) -> bool) -> Result<bool, Cut> {
        let deadline = Instant::now() + patience;
        loop {
            if done(&self.facts) {
                return Ok(true);
            }
            let now = Instant::now();
            if now >= self.next_sample {
                self.next_sample = (self.next_sample + SAMPLE_INTERVAL).max(now);
                self.sample()?;
                self.watch_workers()?;
            }
            self.sample_ramp(now);
            self.watch_memory(now);
            self.take_steps(now)?;
            if now >= deadline {
                return Ok(false);
            }
            let ramp = self.ramp.as_ref().map(RampSampler::next);
            let step = self.steps.front().map(|(at, _)| *at);
            let memory = self.is_opening().then(|| self.free_memory.next());
            let wake = [Some(deadline), Some(self.next_sample), ramp, step, memory]
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(deadline);
            match self.events.recv_timeout(wake.saturating_duration_since(Instant::now())) {
                Ok(Event::Frame(role, frame)) => self.take(role, &frame)?,
                Ok(Event::Ended(role)) => self.ended(role)?,
                Ok(Event::Interrupted) => return Err(Cut::Interrupted),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }

    /// As [`pump`](Self::pump), for as long as `measure` changes now and then.
    fn pump_while_it_moves(
        &mut self,
        what: &str,
        done: impl Fn(&Facts) -> bool,
        measure: impl Fn(&Facts) -> f64,
    ) -> Result<(), Cut> {
        let patience = STALL_PATIENCE + self.plan.connections.timeout;
        loop {
            let before = measure(&self.facts);
            if self.pump(patience, |facts| done(facts) || measure(facts) != before)? {
                if done(&self.facts) {
                    return Ok(());
                }
            } else {
                return Err(Cut::Stuck(format!("{what} has not moved for {patience:?}")));
            }
        }
    }

    fn take(&mut self, role: Role, frame: &Frame) -> Result<(), BundleError> {
        self.bundle.append(frame)?;
        self.silent.insert(role, 0);
        if let Frame::Latency(latency) = frame {
            // A frame that its own log cannot take is in frames.jsonl all the same.
            let _ = self.bundle.latency_log()?.append(latency);
        }
        self.facts.learn(role, frame);
        Ok(())
    }

    fn sample(&mut self) -> Result<(), Cut> {
        let sample = self.sampler.sample();
        if let Some(catalog) = self.sampler.catalog() {
            self.bundle.append(&Frame::Catalog(catalog))?;
        }
        self.facts.learn_values(&sample.values);
        self.facts.seen.see(sample.at.mono_us, &sample.values);
        self.bundle.append(&Frame::Sample(sample))?;
        self.show();
        Ok(())
    }

    fn sample_ramp(&mut self, now: Instant) {
        let Some(found) = self.ramp.as_mut().and_then(|ramp| ramp.read(now)) else { return };
        let point = found.point;
        let mut values: BTreeMap<String, f64> = [
            ("server.rss_bytes", point.server),
            ("generator.rss_bytes", point.generator),
            ("kernel.bytes", point.kernel),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
        self.facts.remember_memory(point);
        if let Some(reading) = found.ledger {
            self.facts.remember_ledger(reading);
            values.extend(found.values.iter().map(|(name, value)| (name.to_owned(), value)));
        }
        self.facts.learn_values(&values);
        // The very time of the reading, so that a chart fits what the summary did.
        let at = Stamp { mono_us: point.mono_us, ..Stamp::now() };
        let sample = Sample { at, source: "runner".into(), values };
        // A full disk is reported by the next ordinary sample.
        let _ = self.bundle.append(&Frame::Sample(sample));
        self.show();
    }

    fn cpu_seconds(&self) -> [Option<f64>; 3] {
        ["server", "generator", "publisher"].map(|process| {
            let part = |name: &str| self.facts.values.get(&format!("{process}.{name}"));
            Some(part("cpu_user_s")? + part("cpu_system_s")?)
        })
    }

    fn enter(&mut self, phase: Phase) -> Result<(), Cut> {
        if self.phase != Phase::Starting {
            self.mark("phase.ended", json!({ "phase": self.phase.name() }))?;
        }
        self.phase = phase;
        self.mark("phase.began", json!({ "phase": phase.name() }))?;
        self.show();
        Ok(())
    }

    fn mark(&mut self, name: &str, attributes: Value) -> Result<(), BundleError> {
        let attributes = match attributes {
            Value::Object(map) => map.into_iter().collect(),
            _ => BTreeMap::new(),
        };
        let mark = Mark { at: Stamp::now(), source: "runner".into(), name: name.into(), attributes };
        self.bundle.append(&Frame::Mark(mark))
    }

    fn show(&mut self) {
        let Self { plan, facts, phase, times, progress, .. } = self;
        progress.status(&Status { plan, facts, phase: *phase, times });
    }

    /// Ends all workers, takes in their last words, and sums up.
    fn conclude(mut self, cut: Option<Cut>) -> Result<Conclusion, BundleError> {
        let interrupted = matches!(cut, Some(Cut::Interrupted));
        let reason = cut.map(|cut| self.explain(cut));
        let server = self.look_at_server();
        // The server last, so that nobody loses it under their feet.
        for role in [Role::Limit, Role::Publisher, Role::Generator, Role::Server] {
            self.end(role)?;
        }
        self.times.ended_us = Stamp::now().mono_us;
        if let Some(stopped) = &mut self.facts.stopped {
            // Those that were under way when it was stopped have come, too.
            stopped.at = self.facts.connections_peak as u64;
        }
        if let Some(reason) = &reason {
            self.mark("run.cut", json!({ "reason": reason }))?;
        }
        let verdict = reason.map_or(Verdict::Pass, Verdict::Incomplete);
        let mut summary = summary::summary(self.plan, &self.facts, &self.times, &verdict);
        summary["commit"] = json!(self.commit);
        let outcomes = summary::judge(self.plan, &mut summary);
        let failed = self.facts.stopped.is_some() || outcomes.iter().any(|outcome| !outcome.ok);
        let verdict = if verdict == Verdict::Pass && failed { Verdict::Fail } else { verdict };
        if verdict == Verdict::Fail {
            summary["verdict"] = json!("fail");
        }
        if !interrupted || self.find_wall {
            summary["wall"] = json!(self.wall(&outcomes, server));
        }
        self.mark("phase.ended", json!({ "phase": self.phase.name() }))?;
        self.mark("run.ended", json!({ "verdict": summary["verdict"] }))?;
        self.bundle.write_file("summary.json", serde_json::to_vec_pretty(&summary).unwrap_or_default())?;
        self.bundle.sync()?;
        let undrawn = self.draw().err();
        let bundle = self.bundle.dir().to_owned();
        Ok(Conclusion { verdict, outcomes, summary, bundle, undrawn })
    }

    /// The report and the charts, from the bundle as it is: the same that can be drawn from it any time later.
    fn draw(&self) -> Result<(), BundleError> {
        let runs = [plots::Run::open(self.bundle.dir(), None)?];
        for chart in plots::Kind::ALL.into_iter().filter_map(|kind| plots::chart(kind, &runs).ok()) {
            let svg = plots::svg(&chart, CHART_WIDTH_PX, plots::Theme::File);
            self.bundle.write_file(&format!("{}.svg", chart.name), svg)?;
        }
        self.bundle.write_file("report.html", plots::report(&runs, &plots::Kind::ALL))
    }

    /// The reason in a sentence, with what to do about it where that is known.
    fn explain(&mut self, cut: Cut) -> String {
        match cut {
            Cut::Interrupted => "interrupted".into(),
            Cut::Stuck(sentence) => sentence,
            Cut::Bundle(error) => error.to_string(),
            Cut::Died(role) => self.explain_death(role),
            Cut::Wedged(role) => self.explain_wedged(role),
        }
    }
}

/// The `floodmark` binary that is running now.
///
/// # Errors
/// When the system does not tell.
pub fn this_program() -> std::io::Result<PathBuf> {
    std::env::current_exe()
}
