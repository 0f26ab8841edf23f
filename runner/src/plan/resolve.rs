//! From what was written to what will be done: defaults, and every check that takes more than one value.
//!
//! Nothing stops at the first problem. Each carries the path it is about, so that it can be shown where it stands.

use std::time::Duration;

use super::{
    ConnectionsPlan, MessagesPlan, Plan, StepPlan, TargetPlan, Until, VERSION,
    check::{Check, Problem},
};
use crate::{
    network::{PortRange, SourceRange},
    scenario::{Connections, Ids, Messages, Pace, Protocol, Scenario, Server, Step, Target},
    threshold::Threshold,
    units::{Count, Size, Span},
};

/// The smallest payload: the mark that the audit reads.
pub(super) const PAYLOAD_BYTES_MIN: u64 = wire::MARK_BYTES as u64;
/// The largest payload.
const PAYLOAD_BYTES_MAX: u64 = wire::MESSAGE_BYTES_MAX as u64;
/// The most connections: the audit keeps twelve bytes for each, so this is 1.2 GB of it.
const CONNECTIONS_MAX: u64 = 100_000_000;
/// The most generators; each keeps a random sequence of 16 bytes.
const GENERATORS_MAX: u64 = 10_000;
/// The most shards, each a thread.
const SHARDS_MAX: u64 = shard::SHARDS_MAX as u64;
/// The largest process id that Linux gives (`PID_MAX_LIMIT`).
const PID_MAX: u64 = 4_194_304;
/// The most steps of a run.
const STEPS_MAX: usize = 1000;
/// The longest name; it becomes part of file names.
const NAME_CHARS_MAX: usize = 80;

const CONCURRENCY: u64 = 500;
const HOLD: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(10);
const PAYLOAD_BYTES: u64 = 64;
const WARMUP: Duration = Duration::from_secs(1);
const SETTLE: Duration = Duration::from_secs(2);

impl Scenario {
    /// Fills in every default and checks that all of it fits together. `stem` is the name for a scenario without one.
    ///
    /// # Errors
    /// All problems, not the first only.
    pub fn resolve(&self, stem: &str) -> Result<Plan, Vec<Problem>> {
        let mut check = Check::default();
        check.version(self.version);
        let name = check.name(self.name.as_deref().unwrap_or(stem));
        let target = check.required("target", self.target.clone(), "target: { spawn: chat }");
        // What is missing is reported; a stand-in keeps the other problems coming.
        let target = target.unwrap_or(Target { spawn: Some(Server::Chat), ..Target::default() });
        let target = check.target(&target, self.messages.is_some());
        let protocol =
            check.required("protocol", self.protocol, "protocol: comet").unwrap_or(Protocol::Comet);
        let connections =
            check.required("connections", self.connections.clone(), "connections: { count: 10000 }");
        let connections =
            connections.unwrap_or(Connections { count: Some(Count(1)), ..Connections::default() });
        let connections = check.connections(&connections, protocol);
        let messages = self.messages.as_ref().map(|messages| check.messages(messages, &connections));
        let steps = check.steps(self.steps.as_deref().unwrap_or_default(), &connections, messages.as_ref());
        let warmup = check.warmup(self.warmup, messages.as_ref());
        let thresholds = self.thresholds.clone().unwrap_or_default();
        check.thresholds(&thresholds, &target, messages.is_some(), self.limit == Some(true));
        if !check.problems.is_empty() {
            return Err(check.problems);
        }
        Ok(Plan {
            name,
            description: self.description.clone().unwrap_or_default(),
            target,
            protocol,
            connections,
            messages,
            steps,
            warmup,
            limit: self.limit.unwrap_or(false),
            settle: self.settle.map_or(SETTLE, |span| span.0),
            thresholds,
        })
    }
}

impl Check {
    fn version(&mut self, version: Option<Count>) {
        match self.required("version", version, "version: 1") {
            Some(Count(version)) if version != VERSION => {
                let what = format!("version {version} is not known to this floodmark");
                self.wrong("version", what, format!("write version: {VERSION}, or use a newer floodmark"));
            }
            _ => {}
        }
    }

    fn name(&mut self, name: &str) -> String {
        let fits = |c: char| !c.is_control() && c != '/';
        let length = name.chars().count();
        if name.trim().is_empty()
            || !name.chars().all(fits)
            || length > NAME_CHARS_MAX
            || name.starts_with('.')
        {
            let what = format!("'{name}' cannot be a name: it becomes part of file names");
            self.wrong("name", what, format!("write 1 to {NAME_CHARS_MAX} letters, digits or dashes"));
        }
        name.to_owned()
    }

    fn target(&mut self, target: &Target, messages: bool) -> TargetPlan {
        let Target { spawn, shards, address, pid, router } = target;
        let pid = pid.map(|pid| self.count32("target.pid", Some(pid), 1, PID_MAX));
        let shards = shards.map(|shards| self.count32("target.shards", Some(shards), 1, SHARDS_MAX));
        match (spawn, address) {
            (Some(_), Some(_)) => {
                let instead = "keep spawn to start a server, or address for one that is already there";
                self.wrong("target.address", "target has both spawn and address", instead);
            }
            (None, None) => {
                let instead = "write spawn: chat, or address: \"host:port\"";
                self.wrong("target.spawn", "target has neither spawn nor address", instead).rests_on =
                    &["target.address"];
            }
            (Some(_), None) => {
                for (key, given) in [("pid", pid.is_some()), ("router", router.is_some())] {
                    if given {
                        let what = format!("{key} is for a server that is already there");
                        let instead = "leave it out, or write address: \"host:port\" instead of spawn";
                        self.wrong(&format!("target.{key}"), what, instead).rests_on = &["target.address"];
                    }
                }
            }
            (None, Some(address)) => {
                if shards.is_some() {
                    let what = "shards are for a server that is started for the run";
                    self.wrong("target.shards", what, "leave it out").rests_on = &["target.spawn"];
                }
                if messages && router.is_none() {
                    let what = "messages go through the server's router port, which is not given";
                    let instead =
                        format!("write e.g. router: \"{}:8001\", or leave out messages", address.host);
                    self.wrong("target.router", what, instead).rests_on = &["target.spawn"];
                }
            }
        }
        match address {
            Some(address) => TargetPlan::Attach { address: address.clone(), pid, router: router.clone() },
            None => TargetPlan::Spawn { server: spawn.unwrap_or(Server::Chat), shards },
        }
    }

    fn connections(&mut self, given: &Connections, protocol: Protocol) -> ConnectionsPlan {
        self.required("connections.count", given.count, "count: 10000");
        let count = self.count("connections.count", given.count, 1, CONNECTIONS_MAX);
        let pace = given.rate.unwrap_or(Pace::Unlimited);
        self.pace("connections.rate", pace);
        let ids = self.count("connections.matches", given.matches, count, CONNECTIONS_MAX);
        if given.matches.is_some() && protocol != Protocol::Line {
            let what = "matches are watched by protocol: line only";
            self.wrong("connections.matches", what, "leave it out, or write protocol: line").rests_on =
                &["protocol"];
        } else if ids > count && given.count.is_some_and(|count| count.0 > 0) {
            let what = format!("{ids} matches have only {count} viewers");
            self.wrong("connections.matches", what, format!("write at most {count}"));
        }
        let sources = given.source.clone().unwrap_or_default();
        let source_ports = given.source_ports;
        self.capacity(count, &sources, source_ports.unwrap_or(PortRange::UNPRIVILEGED));
        ConnectionsPlan {
            count,
            pace,
            concurrency: self.count(
                "connections.concurrency",
                given.concurrency,
                CONCURRENCY,
                CONNECTIONS_MAX,
            ),
            hold: self.span("connections.hold", given.hold, HOLD),
            timeout: self.span("connections.timeout", given.timeout, TIMEOUT),
            reconnect: given.reconnect.unwrap_or(false),
            ids,
            sources,
            source_ports,
            shards: given
                .shards
                .map(|shards| self.count32("connections.shards", Some(shards), 1, SHARDS_MAX)),
            memory_reserve_bytes: given.memory_reserve.map(|size| size.0),
        }
    }

    /// Each connection to one server needs an address and port of its own.
    fn capacity(&mut self, count: u64, sources: &[SourceRange], ports: PortRange) {
        let addresses = sources.iter().fold(0_u64, |sum, range| sum.saturating_add(range.count()));
        let capacity = addresses.saturating_mul(ports.count());
        if addresses > 0 && capacity < count {
            let what = format!(
                "{addresses} x {} addresses and ports are too few for {count} connections",
                ports.count()
            );
            let instead = format!("give at least {} addresses", count.div_ceil(ports.count()));
            self.wrong("connections.source", what, instead).rests_on = &["connections.source_ports"];
        }
    }

    fn messages(&mut self, given: &Messages, connections: &ConnectionsPlan) -> MessagesPlan {
        let pace = match (given.rate, given.max == Some(true)) {
            (Some(_), true) => {
                let instead = "keep rate for a schedule, or max to send as fast as it goes";
                self.wrong("messages.max", "messages have both a rate and max", instead);
                Pace::Unlimited
            }
            (Some(rate), false) => Pace::Rate(rate),
            (None, true) => Pace::Unlimited,
            (None, false) => {
                let instead = "write e.g. rate: 1000/s, or max: true";
                self.wrong("messages.rate", "messages have no rate", instead).rests_on = &["messages.max"];
                Pace::Unlimited
            }
        };
        self.pace("messages.rate", pace);
        let payload = given.payload.unwrap_or(Size(PAYLOAD_BYTES));
        if payload.0 < PAYLOAD_BYTES_MIN {
            let what = "payload must be at least 40B: the mark that the audit reads needs 40";
            self.wrong("messages.payload", what, format!("write at least {PAYLOAD_BYTES_MIN}B, e.g. 64B"));
        } else if payload.0 > PAYLOAD_BYTES_MAX {
            let instead = format!("write at most {}", Size(PAYLOAD_BYTES_MAX));
            self.wrong("messages.payload", format!("a payload of {payload} is too large"), instead);
        }
        MessagesPlan {
            pace,
            until: self.until(given, connections.hold),
            ids: given.ids.unwrap_or(Ids::Uniform),
            ids_max: self.count("messages.max_id", given.max_id, connections.ids, u64::from(u32::MAX)),
            payload_bytes: payload.0,
            generators: self.count32("messages.generators", given.generators, 1, GENERATORS_MAX),
            seed: given.seed.map_or(1, |seed| seed.0),
        }
    }

    fn until(&mut self, given: &Messages, hold: Duration) -> Until {
        if let Some(count) = given.count {
            if given.duration.is_some() {
                let instead = "keep the one that sending should end by";
                self.wrong("messages.duration", "messages have both a count and a duration", instead);
            }
            return Until::Sent(self.count("messages.count", Some(count), 1, u64::MAX));
        }
        let Some(given) = given.duration else { return Until::Elapsed(hold) };
        let duration = self.span("messages.duration", Some(given), hold);
        if duration > hold {
            let what = format!("messages for {} are longer than the hold of {}", Span(duration), Span(hold));
            self.wrong("messages.duration", what, "write less, or raise connections.hold").rests_on =
                &["connections.hold"];
        }
        Until::Elapsed(duration)
    }

    fn steps(
        &mut self,
        given: &[Step],
        connections: &ConnectionsPlan,
        messages: Option<&MessagesPlan>,
    ) -> Vec<StepPlan> {
        if given.len() > STEPS_MAX {
            let what = format!("{} steps are too many", given.len());
            self.wrong("steps", what, format!("write at most {STEPS_MAX}"));
        }
        let (mut last, mut open) = (Duration::ZERO, connections.count);
        let mut steps = Vec::new();
        for (index, step) in given.iter().take(STEPS_MAX).enumerate() {
            let path = |key: &str| format!("steps[{index}].{key}");
            let at = self.required(&path("at"), step.at, "at: 10s").map_or(last, |at| at.0);
            if at < last {
                let what = format!("a step at {} comes after one at {}", Span(at), Span(last));
                self.wrong(&path("at"), what, "write the steps in the order of their times");
            } else if at >= connections.hold {
                let what =
                    format!("a step at {} is not within the hold of {}", Span(at), Span(connections.hold));
                self.wrong(&path("at"), what, "write less, or raise connections.hold").rests_on =
                    &["connections.hold"];
            }
            last = last.max(at);
            if let Some(Count(count)) = step.connections {
                if count <= open {
                    let what = format!("{count} connections are no more than the {open} before");
                    self.wrong(&path("connections"), what, format!("write more than {open}")).rests_on =
                        &["connections.count"];
                } else if count > CONNECTIONS_MAX {
                    let what = format!("{} is {count}", path("connections"));
                    self.wrong(&path("connections"), what, format!("write at most {CONNECTIONS_MAX}"));
                }
                open = open.max(count.min(CONNECTIONS_MAX));
            }
            if let Some(rate) = step.messages_rate {
                self.pace(&path("messages_rate"), Pace::Rate(rate));
                if !messages.is_some_and(|messages| matches!(messages.pace, Pace::Rate(_))) {
                    let what = "there is no message rate to change";
                    self.wrong(&path("messages_rate"), what, "add messages.rate, or leave it out").rests_on =
                        &["messages"];
                }
            }
            if step.connections.is_none() && step.messages_rate.is_none() {
                let instead = "write connections: or messages_rate: beside its time";
                self.wrong(&format!("steps[{index}]"), "a step that turns no knob", instead);
            }
            let connections = step.connections.map(|count| count.0);
            steps.push(StepPlan { at, connections, messages_rate: step.messages_rate });
        }
        if open > connections.count {
            let ports = connections.source_ports.unwrap_or(PortRange::UNPRIVILEGED);
            self.capacity(open, &connections.sources, ports);
        }
        steps
    }

    fn warmup(&mut self, given: Option<Span>, messages: Option<&MessagesPlan>) -> Duration {
        let sending = messages.and_then(MessagesPlan::duration_estimate).unwrap_or(Duration::MAX);
        let Some(Span(warmup)) = given else {
            // A fifth, in whole milliseconds so that it is written shortly.
            let fifth = (sending / 5).as_millis().try_into().unwrap_or(u64::MAX);
            return WARMUP.min(Duration::from_millis(fifth));
        };
        if warmup >= sending && !sending.is_zero() {
            let what =
                format!("a warmup of {} leaves nothing of {} of messages", Span(warmup), Span(sending));
            self.wrong("warmup", what, "write less").rests_on = &["connections.hold", "messages"];
        }
        warmup
    }

    /// Figures that this scenario cannot measure would fail only at the end of the run.
    fn thresholds(&mut self, thresholds: &[Threshold], target: &TargetPlan, messages: bool, limit: bool) {
        const OF_MESSAGES: [&str; 5] =
            ["delivery.", "messages.", "publisher.", "audit.", "memory.server_rss_growth"];
        const OF_SERVER: [&str; 2] = ["memory.server_", "cpu.server_"];
        for (index, threshold) in thresholds.iter().enumerate() {
            let path = format!("thresholds[{index}]");
            let name = threshold.key().name;
            if !messages && OF_MESSAGES.iter().any(|group| name.starts_with(group)) {
                let what = format!("'{name}' judges messages, and none are sent");
                self.wrong(&path, what, "leave it out, or add messages").rests_on = &["messages"];
            }
            if !limit && name.starts_with("limit.") {
                let what = format!("'{name}' needs the machine's ceiling, which is not measured");
                self.wrong(&path, what, "write limit: true, or give --limit").rests_on = &["limit"];
            }
            let unseen = matches!(target, TargetPlan::Attach { pid: None, .. });
            if unseen && OF_SERVER.iter().any(|group| name.starts_with(group)) {
                let what = format!("'{name}' is measured on the server's process, which is not given");
                self.wrong(&path, what, "leave it out, or write target.pid").rests_on = &["target"];
            }
        }
    }
}
