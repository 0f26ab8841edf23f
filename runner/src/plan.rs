//! The plan: a scenario with every default filled in. Plain values, nothing left to decide but what the machine decides.
//!
//! A plan is written as the scenario that says everything (`plan.yaml`), so it can be read, edited and run like any other,
//! and resolves to itself.

mod check;
mod resolve;

use std::{fmt::Write, time::Duration};

use serde::{Serialize, Serializer};

pub use check::Problem;

use crate::{
    network::{HostPort, PortRange, SourceRange},
    scenario::{Connections, Ids, Messages, Pace, Protocol, Scenario, Server, Step, Target},
    threshold::Threshold,
    units::{Count, Rate, Size, Span},
};

/// The version of the scenario format that is read and written.
pub const VERSION: u64 = 1;

/// A fully resolved scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// A short name, for the run folder, charts and reports.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// The server under load.
    pub target: TargetPlan,
    /// What is spoken on each connection.
    pub protocol: Protocol,
    /// The connections to open and hold.
    pub connections: ConnectionsPlan,
    /// The messages to send in the hold phase; `None` sends none.
    pub messages: Option<MessagesPlan>,
    /// Knobs to turn while connections are held, in the order of their times.
    pub steps: Vec<StepPlan>,
    /// From the first message on, how long deliveries are left out of the delivery latency.
    pub warmup: Duration,
    /// After the last message, how long to wait for those on their way.
    pub settle: Duration,
    /// Whether the machine's own ceiling is measured first.
    pub limit: bool,
    /// What the summary is judged by.
    pub thresholds: Vec<Threshold>,
}

/// The server under load.
#[derive(Clone, Debug, PartialEq)]
pub enum TargetPlan {
    /// Start a server for this run.
    Spawn {
        /// Which one.
        server: Server,
        /// How many shards; `None` leaves it to the server, which counts cores and descriptors.
        shards: Option<u32>,
    },
    /// Use a server that is already there.
    Attach {
        /// Where it listens.
        address: HostPort,
        /// Its process on this machine; without it, its memory and CPU are not measured.
        pid: Option<u32>,
        /// Its router port; present whenever there are messages.
        router: Option<HostPort>,
    },
}

/// The connections to open and hold.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionsPlan {
    /// How many.
    pub count: u64,
    /// How fast they are started.
    pub pace: Pace,
    /// How many may be connecting at once.
    pub concurrency: u64,
    /// How long they are held once all are open, at least: if `messages.until` is `Sent`, until those are sent.
    pub hold: Duration,
    /// How long one may take to connect and log in.
    pub timeout: Duration,
    /// Whether one that the server closed is opened again.
    pub reconnect: bool,
    /// How many distinct ids log in: connection k, from 0, logs in as id k mod `ids` + 1. `count`, or the matches.
    pub ids: u64,
    /// The addresses to connect from; empty leaves it to the flood (127/8 on loopback, else the interface's).
    pub sources: Vec<SourceRange>,
    /// The ports to connect from, on each source address; `None` leaves them to the kernel.
    pub source_ports: Option<PortRange>,
    /// How many threads the flood has; `None` leaves it to the flood, which counts cores and descriptors.
    pub shards: Option<u32>,
    /// The ramp ends when less memory than this is free on this machine; `None`: see [`doctor::reserve_bytes`].
    pub memory_reserve_bytes: Option<u64>,
}

/// The messages to send.
#[derive(Clone, Debug, PartialEq)]
pub struct MessagesPlan {
    /// How fast, all generators together; `Unlimited` is as fast as the server acknowledges.
    pub pace: Pace,
    /// When sending ends.
    pub until: Until,
    /// To which ids of 1..=`ids_max`.
    pub ids: Ids,
    /// The largest id written to.
    pub ids_max: u64,
    /// The size of each message, the mark included.
    pub payload_bytes: u64,
    /// How many generators share the sending.
    pub generators: u32,
    /// Where the choice of ids begins.
    pub seed: u64,
}

/// Knobs to turn at one time of the hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepPlan {
    /// When, counted from the beginning of the hold.
    pub at: Duration,
    /// How many connections there are to be from then on.
    pub connections: Option<u64>,
    /// How many messages to send per second from then on.
    pub messages_rate: Option<Rate>,
}

/// When sending ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// After this time, which is no longer than the hold.
    Elapsed(Duration),
    /// After this many messages, however long that takes; the hold lasts as long.
    Sent(u64),
}

impl Plan {
    /// How long the ramp takes if the schedule is kept; `None` when connections are opened as fast as it goes.
    pub fn ramp_estimate(&self) -> Option<Duration> {
        duration_of(self.connections.count, self.connections.pace)
    }

    /// The most connections that are open at a time, those that steps add included.
    pub fn connections_max(&self) -> u64 {
        self.steps.iter().filter_map(|step| step.connections).max().unwrap_or(0).max(self.connections.count)
    }

    /// How long messages are sent; `None` when that depends on the server's speed. Zero when there are none.
    pub fn messages_estimate(&self) -> Option<Duration> {
        self.messages.as_ref().map_or(Some(Duration::ZERO), MessagesPlan::duration_estimate)
    }

    /// How many messages are sent in all; `None` when that depends on the server's speed.
    pub fn message_count_estimate(&self) -> Option<u64> {
        self.messages.as_ref().map_or(Some(0), |messages| messages.count_estimate(&self.steps))
    }

    /// How long the run takes from the first connect to the last message, the draining left out; `None` when that depends
    /// on the server's speed.
    pub fn duration_estimate(&self) -> Option<Duration> {
        Some(self.ramp_estimate()? + self.connections.hold.max(self.messages_estimate()?) + self.settle)
    }

    /// The plan as `plan.yaml`: a scenario with every default filled in, under a comment that says what it comes to.
    pub fn to_yaml(&self) -> String {
        let mut text = format!(
            "# the plan of '{}', every default filled in; it can be run like a scenario\n",
            self.name
        );
        if let Some(duration) = self.duration_estimate() {
            let messages = self.message_count_estimate().unwrap_or(0);
            let seconds = duration.as_secs_f64();
            let connections = self.connections.count;
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "# {connections} connections, {messages} messages, about {seconds:.0} s in all"
            );
        }
        // The types below serialize to words, numbers, lists and maps, which YAML always has a form for.
        text + &serde_saphyr::to_string(&Scenario::from(self)).expect("a scenario is always valid YAML")
    }
}

impl MessagesPlan {
    /// How long they are sent; `None` when that depends on the server's speed.
    pub fn duration_estimate(&self) -> Option<Duration> {
        match self.until {
            Until::Elapsed(duration) => Some(duration),
            Until::Sent(count) => duration_of(count, self.pace),
        }
    }

    /// How many are sent in all; `None` when that depends on the server's speed.
    pub fn count_estimate(&self, steps: &[StepPlan]) -> Option<u64> {
        match (self.until, self.pace) {
            (Until::Sent(count), _) => Some(count),
            (Until::Elapsed(_), Pace::Unlimited) => None,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "rates and spans are bounded"
            )]
            (Until::Elapsed(duration), Pace::Rate(rate)) => {
                let (mut since, mut rate, mut sum) = (Duration::ZERO, rate, 0.0);
                let turned = steps.iter().filter_map(|step| Some((step.at, step.messages_rate?)));
                for (at, next) in turned.take_while(|(at, _)| *at < duration) {
                    sum += (at - since).as_secs_f64() * rate.per_second();
                    (since, rate) = (at, next);
                }
                sum += (duration - since).as_secs_f64() * rate.per_second();
                Some(sum.round() as u64)
            }
        }
    }
}

/// How long `count` events take at `pace`, bounded by what a `Duration` holds.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn duration_of(count: u64, pace: Pace) -> Option<Duration> {
    match pace {
        Pace::Unlimited => None,
        Pace::Rate(rate) => Duration::try_from_secs_f64(count as f64 / rate.per_second()).ok(),
    }
}

impl Serialize for Plan {
    /// As the scenario that says everything.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Scenario::from(self).serialize(serializer)
    }
}

impl From<&Plan> for Scenario {
    fn from(plan: &Plan) -> Self {
        Self {
            version: Some(Count(VERSION)),
            name: Some(plan.name.clone()),
            description: Some(plan.description.clone()).filter(|text| !text.is_empty()),
            target: Some(Target::from(&plan.target)),
            protocol: Some(plan.protocol),
            connections: Some(plan.connections.to_scenario(plan.protocol)),
            messages: plan.messages.as_ref().map(Messages::from),
            steps: Some(plan.steps.iter().map(Step::from).collect())
                .filter(|steps: &Vec<_>| !steps.is_empty()),
            warmup: Some(Span(plan.warmup)),
            settle: Some(Span(plan.settle)),
            limit: Some(plan.limit),
            thresholds: Some(plan.thresholds.clone()),
        }
    }
}

impl From<&StepPlan> for Step {
    fn from(plan: &StepPlan) -> Self {
        let StepPlan { at, connections, messages_rate } = *plan;
        Self { at: Some(Span(at)), connections: connections.map(Count), messages_rate }
    }
}

impl From<&TargetPlan> for Target {
    fn from(plan: &TargetPlan) -> Self {
        let count = |number: Option<u32>| number.map(|number| Count(number.into()));
        match plan.clone() {
            TargetPlan::Spawn { server, shards } => {
                Self { spawn: Some(server), shards: count(shards), ..Self::default() }
            }
            TargetPlan::Attach { address, pid, router } => {
                Self { address: Some(address), pid: count(pid), router, ..Self::default() }
            }
        }
    }
}

impl ConnectionsPlan {
    fn to_scenario(&self, protocol: Protocol) -> Connections {
        Connections {
            count: Some(Count(self.count)),
            rate: Some(self.pace),
            concurrency: Some(Count(self.concurrency)),
            hold: Some(Span(self.hold)),
            timeout: Some(Span(self.timeout)),
            reconnect: Some(self.reconnect),
            matches: (protocol == Protocol::Line).then_some(Count(self.ids)),
            source: Some(self.sources.clone()).filter(|sources| !sources.is_empty()),
            source_ports: self.source_ports,
            shards: self.shards.map(|shards| Count(shards.into())),
            memory_reserve: self.memory_reserve_bytes.map(Size),
        }
    }
}

impl From<&MessagesPlan> for Messages {
    fn from(plan: &MessagesPlan) -> Self {
        let (rate, max) = match plan.pace {
            Pace::Unlimited => (None, Some(true)),
            Pace::Rate(rate) => (Some(rate), None),
        };
        let (count, duration) = match plan.until {
            Until::Elapsed(duration) => (None, Some(Span(duration))),
            Until::Sent(count) => (Some(Count(count)), None),
        };
        Self {
            rate,
            max,
            count,
            duration,
            ids: Some(plan.ids),
            max_id: Some(Count(plan.ids_max)),
            payload: Some(Size(plan.payload_bytes)),
            generators: Some(Count(plan.generators.into())),
            seed: Some(Count(plan.seed)),
        }
    }
}
