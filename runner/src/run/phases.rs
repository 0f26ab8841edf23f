//! The phases of a run: what each tells the workers, and what it waits for.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use telemetry::{Command, Stamp};

use super::{Cut, Run, SAMPLE_INTERVAL};
use crate::facts::Facts;
use crate::plan::{TargetPlan, Until};
use crate::progress::Phase;
use crate::ramp::{RAMP_INTERVAL, RampSampler};
use crate::seen::Stage;
use crate::worker::{Role, Worker};
use crate::{arguments, ceiling};

/// How long memory is watched before the ramp, with no connection.
const BASELINE: Duration = Duration::from_millis(300);

/// How long a phase may go without any progress before the run gives it up.
pub(super) const STALL_PATIENCE: Duration = Duration::from_secs(30);

/// How long measuring the ceiling may take: more than it allows itself.
const LIMIT_PATIENCE: Duration = Duration::from_secs(240);

impl Run<'_> {
    /// Measures what this machine can do at most, before anything else runs on it.
    pub(super) fn measure_limit(&mut self) -> Result<(), Cut> {
        if !self.plan.limit {
            return Ok(());
        }
        self.enter(Phase::Limit)?;
        self.start(Role::Limit, &arguments::limit(self.plan, self.reserve_bytes))?;
        let over = self.pump(LIMIT_PATIENCE, |facts| facts.limit_over)?;
        // A run without its ceiling is a run all the same, and says why there is none.
        if !over {
            self.facts.limit_note = Some(format!("it was not measured within {LIMIT_PATIENCE:?}"));
        } else if !self.facts.values.contains_key(ceiling::MEASURED) {
            let words = self.workers.get(&Role::Limit).map(Worker::last_words).unwrap_or_default();
            let words = if words.is_empty() { "its worker ended without a word".into() } else { words };
            self.facts.limit_note = Some(words);
        }
        self.end(Role::Limit)?;
        self.enter(Phase::Starting)
    }

    /// Starts the server, or finds the one that is there; returns where clients and publishers connect.
    pub(super) fn start_server(&mut self) -> Result<(SocketAddr, Option<SocketAddr>), Cut> {
        match &self.plan.target {
            TargetPlan::Spawn { shards, .. } => {
                let arguments = arguments::server(self.plan, *shards);
                self.start(Role::Server, &arguments)?;
                let front = arguments::front(self.plan.protocol);
                let address =
                    |name| self.facts.address(Role::Server, name).and_then(|text| text.parse().ok());
                let target = address(front)
                    .ok_or_else(|| Cut::Stuck("the server did not say where it listens".into()))?;
                Ok((target, address("router")))
            }
            TargetPlan::Attach { address, router, .. } => {
                let find = |name: &str| {
                    let found = name.to_socket_addrs().map(|mut addresses| addresses.next());
                    match found {
                        Ok(Some(address)) => Ok(address),
                        Ok(None) => Err(Cut::Stuck(format!("the target '{name}' has no address"))),
                        Err(error) => Err(Cut::Stuck(format!("could not find the target '{name}': {error}"))),
                    }
                };
                let router = router.as_ref().map(|router| find(&router.to_string())).transpose()?;
                Ok((find(&address.to_string())?, router))
            }
        }
    }

    pub(super) fn start_generator(&mut self, target: SocketAddr) -> Result<(), Cut> {
        self.start(Role::Generator, &arguments::generator(self.plan, target))
    }

    pub(super) fn start_publisher(&mut self, router: Option<SocketAddr>) -> Result<(), Cut> {
        match (&self.plan.messages, router) {
            (Some(messages), Some(router)) => {
                self.start(Role::Publisher, &arguments::publisher(messages, router))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn ramp(&mut self) -> Result<(), Cut> {
        self.begin_ramp_sampling();
        self.tell(Role::Generator, &Command::Interval { ms: RAMP_INTERVAL.as_millis() as u64 });
        self.pump(BASELINE, |_| false)?;
        self.enter(Phase::Ramp)?;
        self.load(Some(Stage::Ramp))?;
        self.tell(Role::Generator, &Command::Start);
        self.pump_while_it_moves(
            "the ramp",
            |facts| facts.ramp.is_some(),
            |facts| facts.value("connections.logins") + facts.value("connections.failed"),
        )?;
        self.load(None)?;
        // One more reading of both, so that the last connections are in the fit.
        self.pump(RAMP_INTERVAL * 3, |_| false)?;
        if let Some(ramp) = self.ramp.take() {
            self.facts.slab_unread = ramp.slab_unread().map(str::to_owned);
        }
        self.facts.ramping = false;
        if self.facts.value("connections.logins") == 0.0 {
            return Err(Cut::Stuck(self.explain_nobody()));
        }
        self.tell(Role::Generator, &Command::Interval { ms: SAMPLE_INTERVAL.as_millis() as u64 });
        Ok(())
    }

    fn explain_nobody(&self) -> String {
        if let Some(stopped) = self.facts.stopped {
            return stopped.sentence();
        }
        let asked = self.plan.connections.count;
        let cause = self.facts.ramp.as_ref().and_then(|mark| mark.attributes.get("main_failure"));
        let cause = cause.and_then(Value::as_str).unwrap_or("no cause was reported");
        format!("none of {asked} connections could be opened: {cause}")
    }

    fn begin_ramp_sampling(&mut self) {
        let pid = |role: Role| self.workers.get(&role).map(Worker::pid);
        let server = match self.plan.target {
            TargetPlan::Spawn { .. } => pid(Role::Server),
            TargetPlan::Attach { pid, .. } => pid,
        };
        let ramp = RampSampler::begin(server, pid(Role::Generator));
        self.facts.slab_unread = ramp.slab_unread().map(str::to_owned);
        self.ramp = Some(ramp);
        self.facts.ramping = true;
    }

    pub(super) fn hold(&mut self) -> Result<(), Cut> {
        self.enter(Phase::Hold)?;
        let began = Instant::now();
        self.steps = self.plan.steps.iter().map(|step| (began + step.at, *step)).collect();
        if let (Some(messages), true) = (&self.plan.messages, self.workers.contains_key(&Role::Publisher)) {
            self.begin_messages()?;
            match messages.until {
                Until::Sent(_) => {
                    self.pump_while_it_moves(
                        "sending",
                        |facts| facts.published.is_some(),
                        |facts| facts.value("publisher.sent") + facts.value("publisher.delivered"),
                    )?;
                }
                Until::Elapsed(duration) => {
                    self.pump(duration + STALL_PATIENCE, |facts| facts.published.is_some())?;
                }
            }
            self.end_messages()?;
        }
        let left = self.plan.connections.hold.saturating_sub(began.elapsed());
        self.pump(left, |_| false)?;
        // Those that a step asked for late are waited for, as the ramp's were.
        let asked = self.plan.connections_max();
        if asked > self.plan.connections.count && self.facts.stopped.is_none() {
            let tried = |facts: &Facts| facts.value("connections.logins") + facts.value("connections.failed");
            self.pump_while_it_moves("a step", |facts| tried(facts) >= asked as f64, tried)?;
        }
        Ok(())
    }

    /// Turns the knobs that are due.
    pub(super) fn take_steps(&mut self, now: Instant) -> Result<(), Cut> {
        while self.steps.front().is_some_and(|(at, _)| *at <= now) {
            let Some((_, step)) = self.steps.pop_front() else { break };
            if let Some(rate) = step.messages_rate {
                self.turn(Role::Publisher, "rate", rate.per_second())?;
            }
            // Once memory has run low, there are to be no more.
            if let Some(connections) = step.connections.filter(|_| self.facts.stopped.is_none()) {
                self.turn(Role::Generator, "connections", connections as f64)?;
            }
        }
        Ok(())
    }

    fn turn(&mut self, role: Role, name: &str, value: f64) -> Result<(), Cut> {
        self.mark("knob", json!({ "worker": role.name(), "name": name, "value": value }))?;
        self.tell(role, &Command::Set { name: name.into(), value });
        Ok(())
    }

    fn begin_messages(&mut self) -> Result<(), Cut> {
        self.load(Some(Stage::Messages))?;
        self.times.cpu_began = self.cpu_seconds();
        let now_us = Stamp::now().mono_us;
        self.times.messages_began_us = Some(now_us);
        let warm_us = now_us + self.plan.warmup.as_micros() as u64;
        self.facts.deliveries_from_us = warm_us;
        self.mark("phase.began", json!({ "phase": "messages", "warm_up_ends_mono_us": warm_us }))?;
        self.tell(Role::Publisher, &Command::Start);
        Ok(())
    }

    /// After the last message: what is on its way arrives, or is lost.
    fn end_messages(&mut self) -> Result<(), Cut> {
        self.times.messages_ended_us = Some(Stamp::now().mono_us);
        self.load(None)?;
        self.times.cpu_ended = self.cpu_seconds();
        self.mark("phase.ended", json!({ "phase": "messages" }))?;
        self.enter(Phase::Settle)?;
        self.end(Role::Publisher)?;
        // Fresh figures at once, not with the next second.
        self.tell(Role::Generator, &Command::Interval { ms: RAMP_INTERVAL.as_millis() as u64 });
        let settled = |facts: &Facts| {
            facts.expected().is_some_and(|expected| {
                let seen = facts.received_audit;
                seen.delivered + seen.misrouted + seen.corrupt >= expected
            })
        };
        self.pump(self.plan.settle, settled)?;
        // A moment longer, in which a duplicate of the last message would come.
        self.pump(RAMP_INTERVAL * 4, |_| false)?;
        self.tell(Role::Generator, &Command::Interval { ms: SAMPLE_INTERVAL.as_millis() as u64 });
        self.sample()?;
        self.enter(Phase::Hold)
    }

    pub(super) fn drain(&mut self) -> Result<(), Cut> {
        self.steps.clear();
        self.close_evidence()?;
        self.enter(Phase::Drain)?;
        self.tell(Role::Generator, &Command::Settle);
        self.tell(Role::Generator, &Command::Interval { ms: RAMP_INTERVAL.as_millis() as u64 });
        self.tell(Role::Generator, &Command::Close);
        self.pump_while_it_moves(
            "the drain",
            |facts| facts.value("connections.open") == 0.0,
            |facts| facts.value("connections.open"),
        )
    }
}
